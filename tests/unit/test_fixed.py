"""Precision strings, quantisation schemes, and the limits that FixedFormat states."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.errors import FormatError
from netsurf.fixed import FixedFormat, cast, flip_bit, get_bit, parse_format, parse_scheme, quantize, to_real


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fixed<16,6>", FixedFormat(16, 6)),
        ("ap_fixed<16,6>", FixedFormat(16, 6)),
        ("ufixed<8,0,RND_CONV,SAT>", FixedFormat(8, 0, False, "RND_CONV", "SAT")),
        ("ap_ufixed<6, 0, AP_RND_CONV, AP_SAT, 0>", FixedFormat(6, 0, False, "RND_CONV", "SAT")),
        ("fixed<6,-2,TRN_ZERO,SAT_SYM,0>", FixedFormat(6, -2, True, "TRN_ZERO", "SAT_SYM")),
        ("int<8>", FixedFormat(8, 8)),
        ("ap_uint<1>", FixedFormat(1, 1, False)),
        ("fixed<4,9>", FixedFormat(4, 9)),
    ],
)
def test_hls4ml_precision_strings_are_read(text, expected):
    assert parse_format(text) == expected
    assert parse_format(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fixed<16>", "no integer bits"),
        ("float", "no precision"),
        ("fixed<16,6", "no precision"),
        ("fixed<0,0>", "width must be 1 to 48"),
        ("fixed<64,6>", "width must be 1 to 48"),
        ("fixed<8,80>", "fractional bits"),
        ("fixed<8,4,RND_EVEN>", "unknown rounding 'RND_EVEN'"),
        ("fixed<8,4,RND,CLIP>", "unknown overflow 'CLIP'"),
        ("fixed<8,4,RND,SAT,2>", "2 saturation bits"),
    ],
)
def test_malformed_precisions_say_what_is_wrong(text, words):
    with pytest.raises(FormatError, match=words):
        parse_format(text)


@pytest.mark.parametrize(
    ("text", "low", "high", "fraction"),
    [("q<6,0,1>", -32, 31, 5), ("q<6,2,1>", -32, 31, 3), ("q<6,0,0>", 0, 63, 6), ("q8_8_0", 0, 255, 0)],
)
def test_schemes_have_the_range_of_the_quantizer(text, low, high, fraction):
    scheme = parse_scheme(text)
    assert (scheme.minimum, scheme.maximum, scheme.fraction) == (low, high, fraction)
    assert (scheme.rounding, scheme.overflow) == ("RND_CONV", "SAT")


@pytest.mark.parametrize(
    "text", ["q<6,0>", "q<6,6,1>", "q<0,0,0>", "q<49,0,1>", "6,0,1", "q<6,0,2>", "q<-6,0,1>"]
)
def test_malformed_schemes_are_refused(text):
    with pytest.raises(FormatError, match=r"q<|needs 1 to 48"):
        parse_scheme(text)


def test_quantize_rounds_half_to_even_and_saturates():
    scheme = parse_scheme("q<6,0,1>")
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5]) / 32
    assert quantize(halves, scheme).tolist() == [0, 2, 2, 0, -2]
    assert quantize([5.0, -5.0, np.inf, -np.inf], scheme).tolist() == [31, -32, 31, -32]


def test_sign_bit_of_the_smallest_format_is_minus_one():
    bit = FixedFormat(1, 1)
    assert flip_bit([0, -1], 0, bit).tolist() == [-1, 0]
    assert get_bit([0, -1], 0).tolist() == [0, 1]
    assert to_real([-1], 0).tolist() == [-1.0]


@pytest.mark.parametrize("overflow", ["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"])
@pytest.mark.parametrize("shift", [10, 30, 61, 62, 63, 96])
def test_points_far_apart_do_not_leave_64_bits(overflow, shift):
    """The code is moved left by up to 96 bits; Python's unlimited integers say what must come out."""
    target = FixedFormat(8, 8 - 48, True, "TRN", overflow)
    for code in (-(2**40), -3, -1, 0, 1, 5, 2**40):
        exact = code << shift
        wrapped = (exact + 128) % 256 - 128
        outside = not -128 <= exact <= 127
        low = -127 if overflow == "SAT_SYM" else -128
        expected = {
            "WRAP": wrapped,
            "SAT": min(max(exact, low), 127),
            "SAT_SYM": min(max(exact, low), 127),
            "SAT_ZERO": 0 if outside else exact,
        }[overflow]
        assert cast([code], 48 - shift, target).tolist() == [expected]
