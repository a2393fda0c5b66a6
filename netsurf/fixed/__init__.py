"""Fixed-point numbers: formats, casts between them, and the bits of a stored code.

A *code* is the integer that hardware stores. The real value of a code ``c`` in a
format with ``f`` fractional bits is ``c * 2**-f``. Codes are NumPy ``int64`` arrays.
"""

from netsurf.fixed.bits import flip_bit, flip_delta, get_bit, to_signed, to_unsigned
from netsurf.fixed.cast import assign, cast, quantize, to_real
from netsurf.fixed.format import FixedFormat, Overflow, Rounding, parse_format, parse_scheme

__all__ = [
    "FixedFormat",
    "Overflow",
    "Rounding",
    "assign",
    "cast",
    "flip_bit",
    "flip_delta",
    "get_bit",
    "parse_format",
    "parse_scheme",
    "quantize",
    "to_real",
    "to_signed",
    "to_unsigned",
]
