"""Protection schemes: what a reader makes of upsets equals a decoder that knows the definitions alone."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.fault import FaultList, bernoulli
from netsurf.harden import SCHEMES, resolve, site_values
from netsurf.harden.schemes import secded
from netsurf.harden.schemes.base import Errors
from netsurf.inject.vote import vote
from tests.strategies import fault_lists, guarded_points


def by_hand(design, fault):
    """Inverted bits and the flag: every stored bit is written down, upset, and read back by definition."""
    space, inverted, flag = design.space, [], False
    values = dict(zip(space.sites.tolist(), site_values(design, space.sites).tolist(), strict=True))
    after = {
        site: {"flip": 1 - value, "stuck0": 0, "stuck1": 1}[fault.kind] if site in fault.sites else value
        for site, value in values.items()
    }
    schemes = defaultdict(lambda: None, {int(b): a for a in design.plan.assignments for b in a.bits})
    for word, scheme in code_words(design, schemes):
        read, seen = (
            READERS[scheme.scheme.removesuffix("_scrub")](word, after) if scheme else ([after[word[0]]], 0)
        )
        inverted += [bit for bit, got in zip(word, read, strict=True) if got != values[bit]]
        flag |= bool(seen)
    return sorted(inverted), flag


def code_words(design, schemes):
    """Data bits that are read together, and their scheme."""
    offset = 0
    for parameter in design.network.parameters.values():
        width, row = parameter.format.width, parameter.codes.shape[-1]
        chunks = defaultdict(list)
        for index in range(parameter.codes.size):
            for bit in range(offset + index * width, offset + (index + 1) * width):
                scheme = schemes[bit]
                key = bit
                if scheme and scheme.entry.unit == "element":
                    together = max(1, scheme.options.get("word", 1) // width)
                    key = "word", index // row, index % row // together, scheme.scheme
                chunks[key, scheme].append(
                    (bit, (index % row) % together * width + (bit - offset) % width)
                    if isinstance(key, tuple)
                    else (bit, 0)
                )
        for (_, scheme), members in chunks.items():
            yield (
                Word([bit for bit, _ in members], [p for _, p in members], design, parameter, row, scheme),
                scheme,
            )
        offset += parameter.stored_bits


class Word(list):
    """Data bits of a code word, with what a reader must know."""

    def __init__(self, bits, positions, design, parameter, row, scheme):
        super().__init__(bits)
        self.positions, self.total = positions, design.space.stored_bits
        width = parameter.format.width
        self.width = width
        if scheme and "word" in scheme.options:
            offset = design.space.offsets[parameter.name]
            together = max(1, scheme.options["word"] // width)
            column = (bits[0] - offset) // width % row
            self.width = min(together, row - column // together * together) * width

    def check(self, k, first):
        return (first + k // len(self)) * self.total + self[k % len(self)]


def read_tmr(word, after):
    copies = [after[word.check(k, 0)] for k in range(3)]
    return [sorted(copies)[1]], len(set(copies)) > 1


def read_dmr(word, after):
    one, two = [after[b] for b in word], [after[word.check(k, 1)] for k in range(len(word))]
    return (one, False) if one == two else ([0] * len(word), True)


def read_parity(word, after):
    data = [after[b] for b in word]
    return (data, False) if (sum(data) + after[word.check(0, 3)]) % 2 == 0 else ([0] * len(word), True)


def hamming(positions, data, width):
    """Check bits by the definition: exclusive-or of the Hamming positions that hold a one, then parity."""
    numbers = [p for p in range(1, 200) if p & (p - 1)]
    r = next(r for r in range(2, 9) if 2**r >= width + r + 1)
    total = 0
    for position, value in zip(positions, data, strict=True):
        total ^= numbers[position] * value
    bits = [total >> i & 1 for i in range(r)]
    return [*bits, (sum(data) + sum(bits)) % 2]


def read_secded(word, after):
    """Look for the code word at distance 0 or 1; what is farther away is read as it is."""
    data = [after[b] for b in word]
    count = len(hamming(word.positions, data, word.width))
    check = [after[word.check(k, 3)] for k in range(count)]
    stored = data + check
    for flip in [None, *range(len(stored))]:
        tried = [bit ^ (place == flip) for place, bit in enumerate(stored)]
        if hamming(word.positions, tried[: len(data)], word.width) == tried[len(data) :]:
            return tried[: len(data)], flip is not None
    return data, True


READERS = {"tmr": read_tmr, "dmr": read_dmr, "parity": read_parity, "secded": read_secded}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_reader_is_the_definition(data):
    design = data.draw(guarded_points())
    faults = data.draw(fault_lists(design, max_sites=8))
    votes = vote(design, faults)
    for number, fault in enumerate(faults):
        expected = by_hand(design, fault)
        upset = resolve(design, fault)
        assert (upset.bits.tolist(), upset.detected) == expected
        assert (votes.of(number).tolist(), bool(votes.detected[number])) == expected


@settings(max_examples=30, deadline=None)
@given(guarded_points())
def test_every_stored_bit_has_one_number(design):
    space = design.space
    assert len(space.sites) == space.size == len(set(space.sites.tolist()))
    assert (np.diff(space.sites) > 0).all()
    every = np.arange(-1, (space.classes + 1) * space.stored_bits)
    np.testing.assert_array_equal(every[space.exists(every)], space.sites)
    for site in space.sites[:: max(1, space.size // 20)]:
        assert space.number(space.site(int(site))) == site
    for hit in (bernoulli(space, 2, 0.3, 1), bernoulli(space, 1, 1.0, 1)):
        assert space.exists(hit.sites).all()
    assert len(hit.sites) == space.size, "at a rate of 1 every stored bit is upset, check bits included"


@settings(max_examples=30, deadline=None)
@given(guarded_points())
def test_one_upset(design):
    """What each scheme promises of a single upset, wherever it strikes."""
    faults = FaultList.single(design.space.sites)
    votes, held = vote(design, faults), design.network
    scheme = {int(b): a.scheme.removesuffix("_scrub") for a in design.plan.assignments for b in a.bits}
    for site, count, seen in zip(faults.sites.tolist(), votes.counts, votes.detected, strict=True):
        name = scheme.get(site % held.stored_bits, "none")
        assert seen == (name != "none")
        if name in ("tmr", "secded"):
            assert count == 0
        if name == "none":
            assert count == 1


@pytest.mark.parametrize("width", [1, 2, 4, 6, 11, 26, 30, 57, 60, 64])
def test_secded_corrects_every_single_and_detects_every_double(width):
    """All of them: data and check bits, alone and in pairs, for random data."""
    total = width + secded.checks(width)
    pairs = [(i, j) for i in range(total) for j in range(i, total)]
    masks = [sum({1 << i, 1 << j}) for i, j in pairs]
    data = np.array([m & ((1 << width) - 1) for m in masks], dtype=np.uint64)
    check = np.array([m >> width for m in masks], dtype=np.uint64)
    stored = np.random.default_rng(width).integers(0, 2**63, len(masks)).astype(np.uint64)
    full = np.uint64((1 << width) - 1)
    wrong, seen = secded.decode(Errors(data, check, stored & full, np.full(len(masks), full), width))
    single = np.array([i == j for i, j in pairs])
    assert seen.all()
    assert not wrong[single].any()
    np.testing.assert_array_equal(wrong[~single], data[~single]), "doubles are read as they are stored"


def test_a_wrong_syndrome_table_is_seen(monkeypatch):
    """The negative control: two accused bits exchanged."""
    right = secded._flips(11)
    table = right.copy()
    table[[3, 5]] = table[[5, 3]]
    monkeypatch.setattr(secded, "_flips", lambda width: table)
    with pytest.raises(AssertionError):
        test_secded_corrects_every_single_and_detects_every_double(11)


def test_the_table_is_complete():
    assert list(SCHEMES) == ["tmr", "tmr_scrub", "dmr", "parity", "secded", "secded_scrub"]
