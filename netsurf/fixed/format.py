"""FixedFormat: the type of a stored number, in hls4ml's own terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from netsurf.errors import FormatError

Rounding = Literal["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"]
"""What happens to fractional bits that do not fit (names as in ``ap_fixed``)."""

Overflow = Literal["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"]
"""What happens to values outside the range (names as in ``ap_fixed``)."""

MAX_WIDTH = 48
"""Widest format that every engine computes exactly in 64-bit integers, with room to align and add."""


@dataclass(frozen=True, slots=True)
class FixedFormat:
    """A fixed-point format ``ap_[u]fixed<width, integer, rounding, overflow>``.

    Parameters
    ----------
    width
        All bits, the sign included.
    integer
        Bits left of the binary point, the sign included (the convention of ``ap_fixed``).
        May be negative or larger than ``width``.
    signed
        Two's complement if true.
    rounding, overflow
        Behaviour on assignment *into* this format.

    >>> f = FixedFormat(6, 1)
    >>> f.fraction, f.minimum, f.maximum, str(f)
    (5, -32, 31, 'fixed<6,1,TRN,WRAP,0>')
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = "TRN"
    overflow: Overflow = "WRAP"

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise FormatError(f"{self}: width must be 1 to {MAX_WIDTH}")
        if abs(self.fraction) > MAX_WIDTH:
            raise FormatError(f"{self}: at most {MAX_WIDTH} fractional bits, either side of the point")
        if self.rounding not in get_args(Rounding):
            raise FormatError(f"unknown rounding '{self.rounding}'; known: {', '.join(get_args(Rounding))}")
        if self.overflow not in get_args(Overflow):
            raise FormatError(f"unknown overflow '{self.overflow}'; known: {', '.join(get_args(Overflow))}")

    @property
    def fraction(self) -> int:
        """Number of fractional bits: the least significant bit is worth ``2**-fraction``."""
        return self.width - self.integer

    @property
    def minimum(self) -> int:
        """Smallest code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest code."""
        return (1 << (self.width - self.signed)) - 1

    def __str__(self) -> str:
        """Hls4ml's own precision string."""
        kind = "fixed" if self.signed else "ufixed"
        return f"{kind}<{self.width},{self.integer},{self.rounding},{self.overflow},0>"


_FORMAT = re.compile(
    r"^(?:ap_)?(?P<kind>u?fixed|u?int)<(?P<width>\d+)(?:,(?P<integer>-?\d+))?"
    r"(?:,(?:AP_)?(?P<rounding>[A-Z_]+))?(?:,(?:AP_)?(?P<overflow>[A-Z_]+))?(?:,(?P<bits>\d+))?>$"
)


def parse_format(text: str) -> FixedFormat:
    """Read hls4ml's precision string.

    >>> parse_format("ap_ufixed<6,0,AP_RND_CONV,AP_SAT,0>")
    FixedFormat(width=6, integer=0, signed=False, rounding='RND_CONV', overflow='SAT')
    >>> str(parse_format("uint<8>"))
    'ufixed<8,8,TRN,WRAP,0>'

    Raises
    ------
    FormatError
        If the text is no such string, or asks for saturation bits (the fifth field), which
        no engine of NetSurf models.
    """
    match = _FORMAT.match(text.replace(" ", ""))
    if match is None:
        raise FormatError(f"'{text}' is no precision; write for example fixed<6,1> or ufixed<8,0,RND,SAT>")
    if int(match["bits"] or 0):
        raise FormatError(f"'{text}' asks for {match['bits']} saturation bits; only 0 is supported")
    width, unsigned = int(match["width"]), match["kind"].startswith("u")
    if match["integer"] is None and match["kind"].endswith("fixed"):
        raise FormatError(f"'{text}' has no integer bits; write for example fixed<{width},1>")
    integer = int(match["integer"]) if match["integer"] is not None else width
    return FixedFormat(width, integer, not unsigned, match["rounding"] or "TRN", match["overflow"] or "WRAP")  # type: ignore[arg-type]


_SCHEME = re.compile(r"^q<(\d+),(\d+),([01])>$|^q(\d+)_(\d+)_([01])$")


def parse_scheme(text: str) -> FixedFormat:
    """Read a quantisation scheme ``q<m,n,s>``: all bits, integer bits without the sign, signed.

    The scheme saturates and rounds half to even, as QKeras' ``quantized_bits`` does.

    >>> str(parse_scheme("q<6,0,1>"))
    'fixed<6,1,RND_CONV,SAT,0>'
    >>> parse_scheme("q6_2_1").maximum
    31

    Raises
    ------
    FormatError
        If the text is no scheme, or has more integer bits than bits.
    """
    match = _SCHEME.match(text.replace(" ", ""))
    if match is None:
        raise FormatError(f"'{text}' is no scheme; write q<bits,integer,signed>, for example q<6,0,1>")
    bits, integer, signed = (int(group) for group in match.groups() if group is not None)
    if not 1 <= bits <= MAX_WIDTH or integer + signed > bits:
        raise FormatError(f"'{text}': needs 1 to {MAX_WIDTH} bits and integer + signed <= bits")
    return FixedFormat(bits, integer + signed, bool(signed), "RND_CONV", "SAT")
