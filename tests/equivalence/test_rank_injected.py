"""Evidence from integers alone (activations, single upsets, upsets among upsets) equals brute force."""

from itertools import combinations

import numpy as np
import pytest

from netsurf.errors import UnsupportedLayerError, UsageError
from netsurf.fault import Fault
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.inject import exhaustive
from netsurf.ir import execute, trace
from netsurf.rank import activations, interactions
from netsurf.rank.activations import corrupted_input
from netsurf.rank.interactions import (
    Expectation,
    Plan,
    continuous_greedy,
    expected_loss_change,
    shrunk,
    upset,
)
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
    found = corrupted_input(network, inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    low, high = found.argmin(), found.argmax()
    found[[low, high]] = found[[high, low]]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


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
    rows, none = [np.arange(0, 25, 2), np.arange(1, 25, 2)], np.zeros(network.stored_bits)

    def change(corrupted, chosen):
        return exact_change(corrupted, inputs[chosen], labels[chosen])

    found = expected_loss_change(network, change, rows, none, seed=0)
    parts = []
    for chosen in rows:
        golden = loss_of(network, inputs[chosen], labels[chosen])
        bits = range(network.stored_bits)
        parts.append([loss_of(network, inputs[chosen], labels[chosen], [bit]) - golden for bit in bits])
    np.testing.assert_allclose(found.mean, np.mean(parts, axis=0), atol=1e-9)
    np.testing.assert_allclose(found.variance, np.var(parts, axis=0, ddof=1) / 2, atol=1e-9)


BITS = (4, 9, 62, 101)


class Table:
    """Losses of the sixteen upset sets of four bits, each computed once; other bits are never upset."""

    def __init__(self, inputs):
        self.network, self.inputs = mixed_network(), inputs
        self.labels = np.random.default_rng(1).integers(0, 2, len(inputs))
        self.every, self.losses = sites(self.network), {}

    def loss(self, bits):
        if bits not in self.losses:
            self.losses[bits] = loss_of(self.network, self.inputs, self.labels, bits)
        return self.losses[bits]

    def change(self, corrupted, rows):
        """Changes of loss of the four bits in a corrupted network."""
        inside = frozenset(b for b in BITS if self._differs(corrupted, self.every[b]))
        found = np.zeros(self.network.stored_bits)
        for bit in BITS:
            found[bit] = self.loss(inside ^ {bit}) - self.loss(inside)
        return found

    def _differs(self, network, site):
        code = network.parameters[site.tensor].codes.flat[site.element - site.first]
        return bool((code ^ site.code) >> site.bit & 1)

    def slope(self, bit, rates):
        """Expectation over the sets of the other three bits, each with its probability."""
        others = [b for b in BITS if b != bit]
        total = 0.0
        for count in range(4):
            for chosen in combinations(others, count):
                chance = np.prod([rates[b] if b in chosen else 1 - rates[b] for b in others])
                total += chance * (self.loss(frozenset(chosen) | {bit}) - self.loss(frozenset(chosen)))
        return total

    @property
    def spread(self):
        return max(self.losses.values()) - min(self.losses.values())


def test_the_expectation_over_upset_sets_is_the_one_counted_out(inputs):
    table, draws = Table(inputs), 400
    rates = np.where(np.isin(np.arange(table.network.stored_bits), BITS), 0.4, 0.0)
    found = expected_loss_change(table.network, table.change, [np.empty(0)] * draws, rates, seed=3)
    alone = []
    for bit in BITS:
        expected = table.slope(bit, dict.fromkeys(BITS, 0.4))
        assert abs(found.mean[bit] - expected) < 5 * np.sqrt(found.variance[bit]) + 1e-12
        alone.append(abs(found.mean[bit] - table.slope(bit, dict.fromkeys(BITS, 0.0))))
    assert max(alone) > 1e-3, "bits interact"
    assert np.sqrt(found.variance).max() < table.spread / 20


def test_continuous_greedy_takes_the_mean_slope_while_protection_grows(inputs, monkeypatch):
    """Steps with exact slopes: what the formula says, counted out."""
    table = Table(inputs)
    exact = interactions.expected_loss_change

    def counted(network, loss_change, rows, rates, seed, first):
        assert [len(chosen) for chosen in rows] == [2, 2]
        found = exact(network, loss_change, rows, 0 * rates, seed, first)
        for bit in BITS:
            found.mean[bit] = table.slope(bit, {b: rates[b] for b in BITS})
        return interactions.Expectation(found.mean, 0 * found.mean)

    monkeypatch.setattr(interactions, "expected_loss_change", counted)
    level = 2 / table.network.stored_bits
    found = continuous_greedy(table.network, table.change, 12, Plan(0.5, 3, 2, level), seed=0)
    shares, total = dict.fromkeys(BITS, 0.0), dict.fromkeys(BITS, 0.0)
    for _ in range(3):
        slopes = {b: table.slope(b, {m: 0.5 * (1 - shares[m]) for m in BITS}) for b in BITS}
        for bit in sorted(BITS, key=lambda b: -slopes[b])[:2]:
            shares[bit] += (slopes[bit] > 0) / 3  # the many bits without effect come before harmless ones
        for bit in BITS:
            total[bit] += slopes[bit] / 3
    np.testing.assert_allclose(found[list(BITS)], [total[b] for b in BITS])
    assert max(shares.values()) > 0.5


def test_shrinking_is_the_formula_and_leaves_exact_means_alone(network):
    rng, every = np.random.default_rng(0), sites(network)
    truth = rng.normal(size=network.stored_bits)
    noise = np.where(rng.random(network.stored_bits) < 0.2, 0.0, rng.random(network.stored_bits))
    found = shrunk(network, Expectation(truth, noise))
    for site in every:
        group = [s.number for s in every if (s.tensor, s.bit) == (site.tensor, site.bit)]
        centre = truth[group].mean()
        true = max(0.0, truth[group].var() - noise[group].mean())
        trust = true / (true + noise[site.number]) if noise[site.number] else 1.0
        assert found[site.number] == pytest.approx(centre + trust * (truth[site.number] - centre))
    np.testing.assert_allclose(shrunk(network, Expectation(truth, 0 * truth)), truth, atol=1e-12)


def test_plans_of_sampling_that_make_no_sense_are_refused(network):
    for wrong in ({"ber": 1.5}, {"steps": 0}, {"draws": 1}, {"level": -0.1}):
        with pytest.raises(UsageError, match="choose a BER and a level"):
            Plan(**wrong)
    with pytest.raises(UsageError, match="20 steps need 40 samples at least, not 30"):
        continuous_greedy(network, None, 30, Plan(), 0)
