"""Voting: both ways of counting equal a count by hand, for any fault of any design point."""

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.fault import REPLICAS
from netsurf.harden import resolve, vote
from tests.strategies import design_points, fault_lists


def by_hand(design, fault):
    """Inverted bits and the flag, one stored bit at a time."""
    values = {}
    for name, parameter in design.network.parameters.items():
        for index, code in enumerate(parameter.codes.reshape(-1).tolist()):
            for bit in range(parameter.format.width):
                values[design.space.offsets[name] + index * parameter.format.width + bit] = code >> bit & 1
    total, inverted, flag = design.space.stored_bits, [], False
    for bit, value in values.items():
        after = []
        for replica in range(REPLICAS if design.space.is_protected[bit] else 1):
            hit = replica * total + bit in fault.sites
            stored = {"flip": 1 - value, "stuck0": 0, "stuck1": 1}[fault.kind] if hit else value
            after.append(stored)
        majority = sorted(after)[len(after) // 2]
        inverted += [bit] if majority != value else []
        flag |= len(set(after)) > 1
    return inverted, flag


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_ways_of_voting_equal_a_count_by_hand(data):
    design = data.draw(design_points())
    if not design.space.stored_bits:
        return
    for fault in data.draw(fault_lists(design)):
        expected = by_hand(design, fault)
        for dense in (0, 10**9):
            with mock.patch("netsurf.harden.resolve.DENSE", dense):
                upset = resolve(design, fault)
            assert (upset.bits.tolist(), upset.detected) == expected


@given(st.data())
def test_a_site_named_twice_is_upset_once(data):
    design = data.draw(design_points())
    fault = data.draw(fault_lists(design, max_faults=1))[0]
    sites = np.array(fault.sites * 2, dtype=np.int64)
    for dense in (0, 10**9):
        with mock.patch("netsurf.harden.resolve.DENSE", dense):
            assert vote(design.space, sites, fault.kind).bits.tolist() == resolve(design, fault).bits.tolist()
