"""Pruning: the schedule, which weights go, and what a network is told about them. No TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netsurf import ir
from netsurf.errors import NetworkError
from netsurf.frontend import pruning
from netsurf.frontend import spec as specs
from netsurf.frontend.spec import Pruning

VARIANTS = [name for name in specs.names() if specs.load(name).pruning]


@given(
    st.floats(0.01, 0.99), st.floats(0, 0.5), st.floats(0.51, 1), st.integers(1, 5000), st.integers(0, 5000)
)
def test_sparsity_grows_from_nothing_to_its_target(target, begin, end, steps, step):
    rule = Pruning(sparsity=target, begin=begin, end=end)
    now, later = (pruning.sparsity_at(t, rule, steps) for t in (step, step + 1))
    assert 0 <= now <= later <= target
    if step < begin * steps:
        assert now == 0
    if step >= end * steps:
        assert now == pytest.approx(target, rel=1e-12)


def test_the_schedule_is_that_of_zhu_and_gupta():
    """Their equation 1 with s_i = 0, t_0 = 250, n * dt = 500."""
    rule = Pruning(sparsity=0.5, begin=0.25, end=0.75)
    for t in (250, 251, 400, 500, 749, 750):
        assert pruning.sparsity_at(t, rule, 1000) == pytest.approx(
            0.5 + (0 - 0.5) * (1 - (t - 250) / 500) ** 3
        )


@given(
    arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-1, 1, width=32))
)
def test_the_smallest_weights_go(weights):
    mask = pruning.smallest(weights, 0.3)
    assert mask.sum() == round(0.3 * weights.size)
    if mask.any():
        assert np.abs(weights[mask]).max() <= np.abs(weights[~mask]).min()
        nothing_left = pruning.smallest(np.where(mask, 0, weights), 0.3)
        assert not np.where(mask, 0, weights)[nothing_left].any()


def test_marking_tells_the_network_and_its_digest():
    network = ir.load(specs.load("dummy").folder)
    masks = {"fc2.kernel": network.parameters["fc2.kernel"].codes == 0}
    marked = pruning.mark(network, masks)
    assert masks["fc2.kernel"].any()
    assert np.array_equal(marked.parameters["fc2.kernel"].pruned, masks["fc2.kernel"])
    assert marked.parameters["fc1.kernel"].pruned is None
    assert marked.digest != network.digest
    assert pruning.mark(network, {}).digest == network.digest


@pytest.mark.parametrize(
    ("name", "mask", "said"),
    [
        ("fc9.kernel", np.ones((1, 1), bool), "masks of fc9.kernel, which it does not store"),
        ("fc2.kernel", np.ones((2, 2), bool), r"fc2.kernel is \(64, 64\), its mask is \(2, 2\)"),
        ("fc2.kernel", np.ones((64, 64), bool), "fc2.kernel: [0-9]+ pruned codes are not 0"),
    ],
)
def test_a_mask_that_is_not_the_networks_is_refused(name, mask, said):
    with pytest.raises(NetworkError, match=said):
        pruning.mark(ir.load(specs.load("dummy").folder), {name: mask})


def test_the_mask_of_a_depthwise_kernel_loses_its_depth():
    network = ir.load(specs.load("dummy").folder)
    mask = network.parameters["fc2.kernel"].codes == 0
    assert pruning.mark(network, {"fc2.kernel": mask[..., None]}).digest == (
        pruning.mark(network, {"fc2.kernel": mask}).digest
    )


def test_kernels_of_a_model_are_found_by_either_name():
    plain, depthwise, none = (
        SimpleNamespace(name="a", kernel=1),
        SimpleNamespace(name="b", depthwise_kernel=2),
        3,
    )
    model = SimpleNamespace(layers=[plain, depthwise, SimpleNamespace(name="c", pool=none)])
    assert pruning.kernels(model) == {"a.kernel": 1, "b.kernel": 2}


@pytest.mark.parametrize("name", VARIANTS)
def test_committed_variants_are_as_sparse_as_they_say(name):
    spec = specs.load(name)
    network = ir.load(spec.folder)
    found = pruning.require_sparsity(network, spec.sparsity)
    assert set(found) == {"fc1.kernel", "fc2.kernel"}
    for tensor, sparsity in found.items():
        parameter = network.parameters[tensor]
        assert abs(sparsity - spec.sparsity) <= pruning.TOLERANCE
        assert not parameter.codes[parameter.pruned].any()


def test_a_missed_target_is_noticed():
    spec = specs.load(VARIANTS[0])
    network = ir.load(spec.folder)
    with pytest.raises(NetworkError, match=r"sparsity fc1\.kernel 0\.\d+, fc2\.kernel 0\.\d+; the target is"):
        pruning.require_sparsity(network, spec.sparsity + 0.006)
    layers = [
        replace(layer, parameters={role: replace(p, pruned=None) for role, p in layer.parameters.items()})
        for layer in network.layers
    ]
    with pytest.raises(NetworkError, match="nothing was pruned"):
        pruning.require_sparsity(replace(network, layers=tuple(layers)), spec.sparsity)
