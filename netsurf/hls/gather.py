"""The patches of a convolution, as hls4ml says them, in a form that a compiler reads in no time.

Before every position of a convolution, hls4ml's C++ copies the patch that the filter sees into a buffer. A
loop would make a poor circuit, so hls4ml writes one assignment for each position and tap: half a million for
ResNet-8, 14 MB of source, on which g++ -O3 takes minutes and gigabytes. Here the assignments are read back
from hls4ml's own text and said again as a table of runs, neighbours in the input, that a loop walks. The
buffer gets the same elements; the products, sums and casts behind it are hls4ml's templates as ever.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnsupportedLayerError

Index = NDArray[np.int64]

_CODE = "line_buffer_codegen"
"""Where hls4ml keeps the class ``fill_buffer_N`` of a convolution."""

_ASSIGNMENT = re.compile(r"buffer\[(\d+)\]\[(\d+)\] = +(?:data\[(\d+)\]|0);")
_SEAM = "const unsigned partition\n    ) {\n"
"""What stands before the assignments."""

_LOOP = """\
        static const int first[] = {{{first}}};
        static const int runs[][2] = {{{runs}}}; // first element, or -1 for zeros; how many
        data_T *to = buffer[0];
        for (int run = first[partition]; run < first[partition + 1]; run++)
            for (int i = 0; i < runs[run][1]; i++)
                if (runs[run][0] < 0)
                    *to++ = 0;
                else
                    *to++ = data[runs[run][0] + i];
    }}
}};
"""


def tabulate(graph: Any) -> None:
    """Say the buffers of all convolutions of a ``ModelGraph`` as tables, before it is written.

    Raises
    ------
    UnsupportedLayerError
        If hls4ml generated other code than version 1.3.0 does.
    """
    for node in graph.get_layers():
        source = node.attributes.get(_CODE)
        if source is not None:
            source.code = as_table(source.code)


def as_table(code: str) -> str:
    """A class ``fill_buffer_N`` that makes the assignments of ``code`` in a loop over a table.

    Raises
    ------
    UnsupportedLayerError
        If ``code`` is not one assignment to every element of the buffer, in their order, for each partition.
    """
    head, seam, body = code.partition(_SEAM)
    parts = [runs_of(sources_of(part)) for part in partitions(body)]
    first = np.cumsum([0, *map(len, parts)])
    rows = (f"{{{start},{count}}}" for start, count in np.concatenate(parts))
    return head + seam + _LOOP.format(first=",".join(map(str, first)), runs=",".join(rows))


def partitions(body: str) -> list[str]:
    """The assignments of each partition."""
    before, *parts = body.split("if (partition == ")
    numbers = [part.partition(")")[0].strip() for part in parts]
    if before.strip() or not parts or numbers != [str(i) for i in range(len(parts))]:
        raise _unknown(f"partitions {numbers[:3]}")
    return parts


def sources_of(part: str) -> Index:
    """The element of ``data`` that each element of the buffer gets, in the buffer's order; -1 for zero.

    >>> sources_of("0) { buffer[0][0] =          0; buffer[0][1] =   data[96]; }").tolist()
    [-1, 96]
    """
    found, rest = _ASSIGNMENT.findall(part), _ASSIGNMENT.sub("", part).partition("{")[2].split()
    if not found or set(rest) - {"}", "};"}:
        raise _unknown(f"{len(found)} assignments and {' '.join(rest[:5])}")
    pixels, taps = (int(n) + 1 for n in found[-1][:2])
    if [(int(a), int(b)) for a, b, _ in found] != [(a, b) for a in range(pixels) for b in range(taps)]:
        raise _unknown("assignments out of order")
    return np.array([int(source) if source else -1 for *_, source in found])


def runs_of(sources: Index) -> Index:
    """Runs ``(first, count)`` of neighbours in the input, or of zeros, shape ``(runs, 2)``.

    >>> runs_of(np.array([-1, -1, 4, 5, 6, 9])).tolist()
    [[-1, 2], [4, 3], [9, 1]]
    """
    step, zero = np.diff(sources), sources < 0
    goes_on = np.where(zero[1:], zero[:-1], (step == 1) & ~zero[:-1])
    starts = np.concatenate([[0], np.flatnonzero(~goes_on) + 1])
    return np.stack([sources[starts], np.diff([*starts, len(sources)])], axis=1)


def _unknown(what: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"hls4ml's fill_buffer is not that of 1.3.0: {what}; install hls4ml==1.3.0")
