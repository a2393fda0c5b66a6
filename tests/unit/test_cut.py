"""Layers cut out of a network: they compute what they computed there, and their bits keep their meaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.certify import sizes
from netsurf.certify.cut_sites import design_of, faults_to_cut, faults_to_whole, to_cut
from netsurf.certify.sizes import layers_under_fault
from netsurf.errors import FaultError, NetworkError
from netsurf.fault import FaultList, exact_count
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.ir import beside, cut, execute, resume, trace
from tests.graphs import graphs
from tests.small_cnn import small
from tests.strategies import guarded_points, inputs

some = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def stored(network):
    return [layer.name for layer in network.layers if layer.parameters]


@given(data=st.data(), network=graphs(steps=6))
@some
def test_a_cut_and_the_rest_make_the_network(data, network):
    """Under an upset of the cut: its own output, and the network's when the rest goes on from there."""
    piece = cut(network, data.draw(st.sampled_from(stored(network))))
    codes = data.draw(inputs(network))
    golden, design = trace(network, codes), DesignPoint.unprotected(piece.network)
    fault = exact_count(design.space, 1, min(2, design.space.size), seed=1)
    upset = faulty_parameters(design, resolve(design, fault[0]).bits)
    (whole,) = faults_to_whole(fault, piece)
    there = DesignPoint.unprotected(network)
    expected = trace(network, codes, faulty_parameters(there, resolve(there, whole).bits))
    boundary = trace(piece.network, golden[piece.source], upset)[piece.tensor]
    np.testing.assert_array_equal(boundary, expected[piece.tensor])
    around = {name: golden[name] for name in beside(network, piece.tensor)}
    outputs = resume(network, around, {piece.tensor: boundary})
    np.testing.assert_array_equal(
        outputs, execute(network, codes, faulty_parameters(there, resolve(there, whole).bits))
    )


@given(data=st.data(), point=guarded_points())
@some
def test_every_site_of_a_cut_is_the_same_bit_of_the_network(data, point):
    """Copies and check bits too: one upset does the same in both, and flags the same."""
    piece = cut(point.network, data.draw(st.sampled_from(stored(point.network))))
    inner = design_of(point, piece)
    offsets, size = point.space.offsets, point.network.stored_bits
    held = [np.arange(p.stored_bits) + offsets[name] for name, p in piece.network.parameters.items()]
    sites = point.space.sites[np.isin(point.space.sites % size, np.concatenate(held))]
    np.testing.assert_array_equal(np.sort(to_cut(sites, piece)), np.sort(inner.space.sites))
    drawn = exact_count(inner.space, 12, min(3, inner.space.size), seed=2)
    for here, there in zip(drawn, faults_to_whole(drawn, piece), strict=True):
        a, b = resolve(inner, here), resolve(point, there)
        assert a.detected == b.detected
        np.testing.assert_array_equal(to_cut(b.bits, piece), a.bits)


def test_what_is_no_part_of_a_cut_is_refused():
    network = small()
    piece = cut(network, "deep")
    assert [layer.name for layer in piece.network.layers] == ["deep", "most"]
    assert (piece.source, piece.tensor) == ("bn", "most")
    with pytest.raises(FaultError, match="fault number 0 is no bit of the layer"):
        faults_to_cut(FaultList.single(np.array([0])), piece)
    with pytest.raises(NetworkError, match="has no layer 'nothing'"):
        cut(network, "nothing")
    with pytest.raises(NetworkError, match="stores nothing that an upset could hit; choose of conv, bn"):
        cut(network, "most")


def test_layers_that_differ_are_chosen(monkeypatch):
    assert layers_under_fault(small()) == ("conv", "deep", "fc")
    monkeypatch.setattr(sizes, "WHOLE", 1)
    with pytest.raises(NetworkError, match="no RTL can be simulated"):
        layers_under_fault(small())
