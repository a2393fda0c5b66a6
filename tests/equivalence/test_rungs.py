"""Each static condition of the ladder, on both sides of its boundary.

On the safe side the rung is chosen and right. On the other side it is refused, and forcing it gives wrong
numbers on some network, which is why it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from netsurf.fixed import FixedFormat, flip_bit
from netsurf.inject import exhaustive
from netsurf.inject.kinds.dense import FLOAT32_EXACT, FLOAT64_EXACT, product
from netsurf.ir import Layer, Network, TensorSpec
from tests.equivalence.test_exhaustive import agrees
from tests.strategies import dense, random_codes

INPUT = FixedFormat(4, 0, signed=False)
WEIGHT = FixedFormat(4, 1)
HIDDEN = FixedFormat(4, 2, signed=False, overflow="SAT")
WIDE = FixedFormat(20, 20 - INPUT.fraction - WEIGHT.fraction)
LOGITS = FixedFormat(20, 20 - HIDDEN.fraction - WEIGHT.fraction)


def network(
    seed: int,
    accumulator: FixedFormat = WIDE,
    hidden: FixedFormat = HIDDEN,
    logits: FixedFormat | None = None,
    output: FixedFormat | None = None,
    bias: FixedFormat = WEIGHT,
    task: str = "classification",
) -> Network:
    """4 inputs, 3 hidden elements, 3 outputs; everything but the sizes is asked for."""
    rng = np.random.default_rng(seed)
    spec = TensorSpec((4,), INPUT)
    first = dense("fc1", "input", spec, 3, WEIGHT, bias, accumulator, accumulator, rng)
    act = Layer("act", "relu", ("fc1",), TensorSpec((3,), hidden))
    logits = logits or FixedFormat(20, 20 - hidden.fraction - WEIGHT.fraction)
    last = dense("fc2", "act", act.output, 3, WEIGHT, WEIGHT, logits, output or logits, rng)
    return Network("boundary", spec, (first, act, last), task)


def samples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """40 inputs and labels."""
    rng = np.random.default_rng(1000 + seed)
    return random_codes(INPUT, (40, 4), rng), rng.integers(3, size=40)


def drawn(
    make: Callable[[int], Network], count: int = 12
) -> Iterator[tuple[Network, np.ndarray, np.ndarray]]:
    """Networks of a family, with inputs and labels."""
    for seed in range(count):
        yield make(seed), *samples(seed)


def reason(case: tuple, tensor: str) -> tuple[str, str]:
    """Rung and reason of a stored tensor."""
    served = {entry.choice.tensor: entry.choice for entry in exhaustive(*case, jobs=1).served}
    return served[tensor].rung, served[tensor].reason


def narrowed(target: FixedFormat, bits: int, **modes: str) -> FixedFormat:
    """``target`` without its ``bits`` highest bits."""
    modes = {"rounding": target.rounding, "overflow": target.overflow, **modes}
    return FixedFormat(target.width - bits, target.integer - bits, target.signed, **modes)


# tensor, why it is refused, networks beyond the boundary, the rung that is wrong there
BEYOND = {
    "the hidden accumulator wraps": (
        "fc1.kernel",
        "not monotone in sums, .*WRAP.* overflows",
        lambda seed: network(seed, accumulator=narrowed(WIDE, 12)),
        "interval",
    ),
    "a bias makes the hidden accumulator wrap": (
        "fc1.bias",
        "not monotone in sums, .*WRAP.* overflows",
        lambda seed: network(seed, accumulator=narrowed(WIDE, 11), bias=FixedFormat(6, 3)),
        "interval",
    ),
    "the activation saturates to zero": (
        "fc1.kernel",
        "not monotone in sums, .*SAT_ZERO.* overflows",
        lambda seed: network(seed, hidden=FixedFormat(4, 0, signed=False, overflow="SAT_ZERO")),
        "interval",
    ),
    "the activation wraps": (
        "fc1.kernel",
        "not monotone in sums, .*WRAP.* overflows",
        lambda seed: network(seed, hidden=FixedFormat(4, 0, signed=False)),
        "interval",
    ),
    "products are truncated": (
        "fc1.kernel",
        "products lose 3 bits",
        lambda seed: network(seed, accumulator=FixedFormat(17, 13)),
        "interval",
    ),
    "products of the last layer are truncated": (
        "fc1.kernel",
        "logits: products lose 3 bits",
        lambda seed: network(seed, logits=FixedFormat(17, 15)),
        "interval",
    ),
    "logits are rounded": (
        "fc1.kernel",
        "logits do not keep the order of their sums, .* drops",
        lambda seed: network(seed, output=FixedFormat(8, 6)),
        "interval",
    ),
    "logits wrap": (
        "fc1.kernel",
        "logits do not keep the order of their sums, .* overflows",
        lambda seed: network(seed, logits=narrowed(LOGITS, 13)),
        "interval",
    ),
    "logits saturate": (
        "fc1.kernel",
        "logits do not keep the order of their sums, .* overflows",
        lambda seed: network(seed, output=narrowed(LOGITS, 15, overflow="SAT")),
        "interval",
    ),
    "a logit of the last layer wraps": (
        "fc2.kernel",
        "not monotone in sums, .*WRAP.* overflows",
        lambda seed: network(seed, logits=narrowed(LOGITS, 13)),
        "interval",
    ),
    "a saturating accumulator makes the order of terms matter (memo)": (
        "fc1.kernel",
        "can saturate",
        lambda seed: network(seed, accumulator=narrowed(WIDE, 12, overflow="SAT")),
        "memo",
    ),
    "a saturating accumulator makes the order of terms matter (delta)": (
        "fc1.kernel",
        "can saturate",
        lambda seed: network(seed, accumulator=narrowed(WIDE, 12, overflow="SAT")),
        "delta",
    ),
    "a bias makes the accumulator saturate": (
        "fc1.bias",
        "can saturate",
        lambda seed: network(seed, accumulator=narrowed(WIDE, 12, overflow="SAT"), bias=FixedFormat(6, 3)),
        "delta",
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_beyond_its_condition_a_rung_is_refused_and_would_be_wrong(name):
    tensor, why, make, rung = BEYOND[name]
    refused = wrong = 0
    for case in drawn(make):
        chosen, said = reason(case, tensor)
        assert agrees(*case)
        if chosen == rung:  # weights so small that they stay within the condition
            continue
        assert re.search(why, said), said
        refused += 1
        wrong += not agrees(*case, force={tensor: rung})
    assert refused >= 3
    assert wrong > 0, "the condition refuses a rung that is right on every network: it proves nothing"


WITHIN = {
    "plain": lambda seed: network(seed),
    "an activation that saturates": lambda seed: network(
        seed, hidden=FixedFormat(4, 0, signed=False, overflow="SAT")
    ),
    "symmetric saturation and rounding": lambda seed: network(
        seed, hidden=FixedFormat(4, 1, True, "RND_CONV", "SAT_SYM")
    ),
    "an accumulator one bit wider than its sums": lambda seed: network(seed, accumulator=narrowed(WIDE, 8)),
    "SAT_ZERO that nothing reaches": lambda seed: network(
        seed, hidden=FixedFormat(12, 8, signed=False, overflow="SAT_ZERO")
    ),
    "a saturating accumulator that nothing saturates": lambda seed: network(
        seed, accumulator=FixedFormat(WIDE.width, WIDE.integer, overflow="SAT")
    ),
    "logits with bits appended": lambda seed: network(seed, output=FixedFormat(24, 20 - 2 - 3)),
}


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize("loss", [False, True])
def test_within_its_conditions_the_interval_rung_serves_and_is_right(name, loss):
    for case in drawn(WITHIN[name], 6):
        result = exhaustive(*case, jobs=1, loss=loss)
        assert set(result.rungs.values()) == {"interval"}, [entry.choice.reason for entry in result.served]
        assert agrees(*case, loss=loss)


@pytest.mark.parametrize("rung", ["memo", "delta", "forward"])
def test_every_lower_rung_is_right_where_a_higher_one_serves(rung):
    for case in drawn(WITHIN["plain"], 6):
        assert agrees(*case, force=dict.fromkeys(case[0].parameters, rung))


def test_the_accumulator_boundary_is_where_an_upset_can_wrap_it():
    """Where the rung serves, brute force finds no sum outside the accumulator; it is refused soon after."""
    served = set()
    for seed in range(8):
        x, labels = samples(seed)
        for bits in range(8, 14):
            case = network(seed, accumulator=narrowed(WIDE, bits)), x, labels
            layer = case[0].layers[0]
            largest = np.abs(reachable(layer, x)).max()
            rung = reason(case, "fc1.kernel")[0]
            accumulator = layer.attributes["accumulator"]
            assert rung != "interval" or largest <= accumulator.maximum
            assert rung == "interval" or 2 * largest > accumulator.maximum
            served.add((bits, rung == "interval"))
    assert {(8, True), (13, False)} <= served


def reachable(layer: Layer, x: np.ndarray) -> np.ndarray:
    """Sums of the layer for every single upset of its kernel, without an accumulator."""
    kernel, bias = (layer.parameters[role].codes for role in ("kernel", "bias"))
    flips = flip_bit(kernel[..., None], np.arange(WEIGHT.width), WEIGHT) - kernel[..., None]
    moved = x[:, :, None, None] * flips  # (samples, inputs, outputs, bits)
    golden = x @ kernel + (bias << INPUT.fraction)
    return golden[:, None, :, None] + moved


def test_a_regression_has_no_decision_interval():
    case = network(0, task="regression"), samples(0)[0], np.zeros((40, 3))
    rung, said = reason(case, "fc2.kernel")
    assert rung != "interval"
    assert said.startswith("no interval: regression has no decision")
    assert agrees(*case)


def test_a_deep_layer_is_served_by_its_values():
    """The layer before the last two: no linear logits, few values."""
    rng = np.random.default_rng(0)
    spec, layers, source = TensorSpec((4,), INPUT), [], "input"
    for number in (1, 2, 3):
        layers.append(dense(f"fc{number}", source, spec, 3, WEIGHT, WEIGHT, WIDE, WIDE, rng))
        spec = TensorSpec((3,), HIDDEN)
        layers.append(Layer(f"act{number}", "relu", (f"fc{number}",), spec))
        source = f"act{number}"
    case = Network("deep", TensorSpec((4,), INPUT), tuple(layers[:-1]), "classification"), *samples(0)
    rung, said = reason(case, "fc1.kernel")
    assert (rung, said) == (
        "memo",
        "no interval: its tensor is not the only input of one last matrix product",
    )
    assert reason(case, "fc2.kernel")[0] == "interval"
    assert agrees(*case)
    assert agrees(*case, loss=True)


def test_too_many_values_are_not_tabulated():
    hidden = FixedFormat(12, 8, signed=False, overflow="SAT")
    case = network(0, accumulator=FixedFormat(17, 13), hidden=hidden), *samples(0)
    rung, said = reason(case, "fc1.kernel")
    assert rung == "delta"
    assert "values a sum are more than the upsets that reach it" in said
    assert agrees(*case)


@pytest.mark.parametrize("limit", [FLOAT32_EXACT, FLOAT64_EXACT])
def test_products_change_type_where_a_float_would_round(limit):
    """One weight and one input whose product is just below, at and above the limit, and odd."""
    for size in (limit - 1, limit, limit + 1):
        x, kernel = np.array([[1, 1]]), np.array([[size - 1], [2]])
        assert product(x, kernel).item() == size + 1
        factor = np.array([[3]])
        assert product(factor, np.array([[size]])).item() == 3 * size
    rounds = np.float32 if limit == FLOAT32_EXACT else np.float64
    assert int(rounds(limit + 1)) != limit + 1, "negative control: a float of this size does round"


@pytest.mark.parametrize("loss", [False, True])
@pytest.mark.parametrize("rung", ["interval", "memo"])
def test_sums_too_many_for_a_table_are_cast_one_by_one(monkeypatch, rung, loss):
    monkeypatch.setattr("netsurf.inject.terms.TABLE_SUMS", 0)
    for case in drawn(WITHIN["plain"], 4):
        assert agrees(*case, loss=loss, force=dict.fromkeys(case[0].parameters, rung))
