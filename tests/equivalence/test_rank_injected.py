"""Evidence from integers alone (activations, single upsets, upsets among upsets) equals brute force."""

from itertools import combinations

import numpy as np
import pytest

from netsurf.errors import UnsupportedLayerError, UsageError
from netsurf.fault import Fault
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.inject import exhaustive
from netsurf.ir import execute, trace
from netsurf.rank import activations
from netsurf.rank.activations import corrupted_input
from netsurf.rank.interactions import expected_loss_change, upset
from tests.ranking import mixed_network, sites


@pytest.fixture(scope="module")
def network():
    return mixed_network()


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).integers(0, 16, (25, 3))


def loss_of(network, inputs, labels, bits=()):
    """Mean cross-entropy with bits upset, by the reference executor and plain loops."""
    codes = faulty_parameters(DesignPoint.unprotected(network), np.array(sorted(bits), np.int64))
    logits = execute(network, inputs, codes) * 2.0**-network.output.format.fraction
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        total += np.log(sum(np.exp(value - max(row)) for value in row)) + max(row) - row[label]
    return total / len(labels)


def test_corrupted_inputs_sample_by_sample(network, inputs):
    design = DesignPoint.unprotected(network)
    every = resolve(design, Fault(tuple(range(network.stored_bits)))).bits
    expected = np.zeros(sum(p.codes.size for p in network.parameters.values()))
    for row in inputs:
        tensors = trace(network, row[None], faulty_parameters(design, every))
        for site in sites(network):
            if site.bit:
                continue
            layer = network.layer(site.tensor.split(".")[0])
            source = network.spec(layer.inputs[0]).format
            outputs = layer.output.size
            at = (site.element - site.first) // outputs
            factor = tensors[layer.inputs[0]][0, at] * 2.0**-source.fraction
            expected[site.element] += factor if site.tensor.endswith("kernel") else 1.0
    expected /= len(inputs)
    assert len(np.unique(expected)) > 3
    np.testing.assert_allclose(corrupted_input(network, inputs), expected, rtol=1e-12)


def test_a_layer_kind_without_a_rule_is_refused(network, inputs, monkeypatch):
    monkeypatch.setattr(activations, "FACTORS", {})
    with pytest.raises(UnsupportedLayerError, match="layer 'fc1' is a dense"):
        corrupted_input(network, inputs)


def test_an_upset_network_holds_the_upset_codes(network, inputs):
    bits = np.array([0, 7, 60, network.stored_bits - 1])
    codes = faulty_parameters(DesignPoint.unprotected(network), bits)
    changed = upset(network, bits)
    assert (execute(changed, inputs) == execute(network, inputs, codes)).all()
    assert upset(changed, bits).digest == network.digest


def exact_change(network, inputs, labels):
    result = exhaustive(network, inputs, labels, loss=True)
    return result.loss - result.golden_loss


def test_without_other_upsets_the_expectation_is_the_single_upset(network, inputs):
    labels = np.random.default_rng(1).integers(0, 2, len(inputs))
    found = expected_loss_change(network, lambda n: exact_change(n, inputs, labels), 0.0, 2, seed=0)
    golden = loss_of(network, inputs, labels)
    expected = [loss_of(network, inputs, labels, [bit]) - golden for bit in range(network.stored_bits)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_expectation_over_upset_sets_is_the_one_counted_out(inputs):
    """All sets of upsets of four bits, each with its probability; the other bits cannot be upset."""
    network = mixed_network()
    labels = np.random.default_rng(1).integers(0, 2, len(inputs))
    bits, ber, draws = (4, 9, 62, 101), 0.4, 400
    losses, every = {}, sites(network)

    def change(corrupted):
        """Changes of loss of the four bits only, from a table of all sixteen sets."""
        inside = frozenset(b for b in bits if _differs(corrupted, every[b]))
        found = np.zeros(network.stored_bits)
        for bit in bits:
            found[bit] = _loss(losses, network, inputs, labels, inside ^ {bit}) - _loss(
                losses, network, inputs, labels, inside
            )
        return found

    found = expected_loss_change(network, change, ber, draws, seed=3)
    for bit in bits:
        others = [b for b in bits if b != bit]
        expected = 0.0
        for count in range(4):
            for chosen in combinations(others, count):
                chance = ber**count * (1 - ber) ** (3 - count)
                with_bit = _loss(losses, network, inputs, labels, frozenset(chosen) | {bit})
                expected += chance * (with_bit - _loss(losses, network, inputs, labels, frozenset(chosen)))
        spread = max(losses.values()) - min(losses.values())
        assert abs(found[bit] - expected) < 5 * spread / np.sqrt(draws)
    assert abs(found[bits[0]] - _alone(losses, network, inputs, labels, bits[0])) > 1e-3, "bits interact"


def _differs(network, site):
    """Whether the network's stored bit is another than the site's."""
    code = network.parameters[site.tensor].codes.flat[site.element - site.first]
    return bool((code ^ site.code) >> site.bit & 1)


def _loss(losses, network, inputs, labels, bits):
    if bits not in losses:
        losses[bits] = loss_of(network, inputs, labels, bits)
    return losses[bits]


def _alone(losses, network, inputs, labels, bit):
    return _loss(losses, network, inputs, labels, frozenset({bit})) - losses[frozenset()]


def test_no_probability_and_no_draws_are_refused(network):
    with pytest.raises(UsageError, match=r"BER 1.5 with 1 draws"):
        expected_loss_change(network, lambda n: np.zeros(n.stored_bits), 1.5, 1, 0)
    with pytest.raises(UsageError, match="at least one draw"):
        expected_loss_change(network, lambda n: np.zeros(n.stored_bits), 0.1, 0, 0)
