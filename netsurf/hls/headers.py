"""A repair of hls4ml's headers, in the copy that a project has: dead branches that do not compile.

hls4ml 1.3.0 chooses between ``nnet::lstm_static`` and ``nnet::lstm`` by a plain ``if`` on a constant, so that
C++ compiles both; and the one that is never run compiles only where input, accumulator and result of an LSTM have
one type. ``if constexpr`` compiles the one that runs, whose arithmetic stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from netsurf.errors import ToolFailedError

_HEADER = Path("firmware") / "nnet_utils" / "nnet_recurrent.h"
_PLAIN, _CONSTANT = "if (CONFIG_T::use_static)", "if constexpr (CONFIG_T::use_static)"


def repair(project: Path) -> None:
    """Make the branches on ``use_static`` compile-time branches, in a written project folder.

    Raises
    ------
    ToolFailedError
        If hls4ml wrote another header than version 1.3.0 does.
    """
    path = project / _HEADER
    text = path.read_text()
    if _PLAIN not in text and _CONSTANT not in text:
        raise ToolFailedError("writing hls4ml's headers (nnet_recurrent.h is not that of 1.3.0)", path)
    path.write_text(text.replace(_PLAIN, _CONSTANT))
