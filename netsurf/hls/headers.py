"""Repairs of hls4ml's headers, in the copy that a project has: of what does not compile, and of what is slow.

hls4ml 1.3.0 chooses between ``nnet::lstm_static`` and ``nnet::lstm`` by a plain ``if`` on a constant, so that
C++ compiles both; and the one that is never run compiles only where input, accumulator and result of an LSTM
have one type. ``if constexpr`` compiles the one that runs, whose arithmetic stays as it is.

Its headers of depthwise convolutions over one axis and over two have the same include guard, so that a
network with both has only one of them.

Its fixed-point types trim the bits above the word, after every operation, in a ``volatile`` member function,
which a compiler may neither keep in a register nor leave out. Without that word the values are the same and
the C simulation is five to ten times as fast.
"""

from __future__ import annotations

from pathlib import Path

from netsurf.errors import ToolFailedError

_REPAIRS = {
    "nnet_recurrent.h": ("if (CONFIG_T::use_static)", "if constexpr (CONFIG_T::use_static)"),
    "nnet_sepconv1d_latency.h": ("NNET_SEPARABLE_CONV2D_LATENCY_H_", "NNET_SEPARABLE_CONV1D_LATENCY_H_"),
}
"""What a header says, and what it is to say."""

_TRIM = ("INLINE void clearUnusedBits(void) volatile", "INLINE void clearUnusedBits(void)")


def repair(project: Path) -> None:
    """Make the branches on ``use_static`` compile-time branches and the guards distinct, in a project folder.

    Raises
    ------
    ToolFailedError
        If hls4ml wrote another header than version 1.3.0 does.
    """
    for name, (plain, repaired) in _REPAIRS.items():
        _rewrite(project / "firmware" / "nnet_utils" / name, plain, repaired)


def quicken(project: Path) -> None:
    """Let a compiler keep fixed-point values in registers, in a project folder.

    Raises
    ------
    ToolFailedError
        If hls4ml wrote another header than version 1.3.0 does.
    """
    _rewrite(project / "firmware" / "ap_types" / "etc" / "ap_private.h", *_TRIM)


def _rewrite(path: Path, plain: str, repaired: str) -> None:
    text = path.read_text()
    if plain not in text and repaired not in text:
        raise ToolFailedError(f"writing hls4ml's headers ({path.name} is not that of 1.3.0)", path)
    path.write_text(text.replace(plain, repaired))
