"""Waves and forward programs: compiled operations against NumPy, the reference and their own limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine, compare
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine, Models, exhaustive, lowering, program, waves, witness
from netsurf.inject.golden import Golden, downstream, units
from netsurf.inject.judge import Judge
from netsurf.inject.kinds import KINDS, Summation
from netsurf.inject.native import instruction_sets
from netsurf.inject.operations import INT16, INT32, Link, Refused, monotone, require_words, short
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import Step, apply, image
from netsurf.inject.workers import Kernels
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute
from tests.drawn import DRAWN
from tests.graphs import graphs
from tests.strategies import fault_lists, formats, inputs, random_codes

BITS = 1500
"""Networks of more stored bits are left to tests that draw their faults."""


def labels_of(network: Network, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Classes, or targets."""
    if network.task == "classification":
        return rng.integers(network.output.size, size=samples)
    return rng.normal(size=(samples, network.output.size))


def scores_of(network: Network, x: np.ndarray, labels: np.ndarray, instructions: str, loss: bool = False):
    """Unit and scores of every stored tensor that waves serve."""
    golden = Golden.of(network, x)
    judge = Judge.of(golden, labels, loss or network.task == "regression")
    for unit in units(network):
        found = waves.Waves.of(golden, Bounds.of(golden, unit))
        if not isinstance(found, str):
            scores = waves.scores(golden, judge, found, Kernels("native", 2, instructions))
            yield from ((unit, name, score) for name, score in scores.items())


def differing(network, x, labels, sets, loss, covered: Counter) -> list[tuple[str, str]]:
    """Stored tensors, and instruction sets, for which waves do not give what the portable rungs give."""
    expected = exhaustive(network, x, labels, loss=loss, jobs=1, kernel="portable")
    sizes = [parameter.stored_bits for parameter in network.parameters.values()]
    ends = dict(zip(network.parameters, np.cumsum(sizes), strict=True))
    wrong = []
    for instructions in sets:
        for unit, name, mine in scores_of(network, x, labels, instructions, loss):
            part = slice(ends[name] - network.parameters[name].stored_bits, ends[name])
            same = (mine.sdc == expected.sdc[part]).all()
            if expected.correct is not None:
                same &= (mine.correct + expected.golden_correct == expected.correct[part]).all()
            if expected.loss is not None:
                lost = mine.loss / len(x) + expected.golden_loss
                same &= np.allclose(lost, expected.loss[part], rtol=1e-9, atol=1e-9)
            wrong += [] if same else [(name, instructions)]
            behind = {f"behind {layer.kind}" for layer in downstream(network, unit.layer.name)}
            covered.update({unit.layer.kind, *behind})
    return wrong


FIRST = st.sampled_from(["conv", "depthwise", "batchnorm", None])


def test_drawn_graphs_equal_the_portable_rungs():
    covered: Counter = Counter()

    @settings(DRAWN, max_examples=110)
    @given(
        FIRST.flatmap(lambda kind: graphs(dilated=True, first=kind, steps=8)),
        st.integers(0, 1 << 30),
        st.booleans(),
    )
    def check(network, seed, loss):
        if network.stored_bits <= BITS:
            rng = np.random.default_rng(seed)
            x = random_codes(network.input.format, (3, *network.input.shape), rng)
            assert not differing(network, x, labels_of(network, rng, 3), instruction_sets(), loss, covered)

    check()
    assert len({"conv", "depthwise", "dense", "batchnorm"} & set(covered)) > 2, "layers that are upset"
    behind = {kind.removeprefix("behind ") for kind in covered}
    assert len(behind) > 6, "kinds that follow them"


WEIGHT = FixedFormat(6, 1)
CODE = FixedFormat(6, 2, False, "RND_CONV", "SAT")


def cnn(seed: int, channels=(5, 17, 70), side: int = 13, padding: int = 1, weight=WEIGHT, code=CODE, **kept):
    """Three convolutions with poolings between them, as in mnist_hls4ml, and two dense layers.

    Rows of more than one and more than four blocks of lanes, more than 64 rows, padding; ``kept`` replaces
    ``accumulator`` or ``output`` of the convolutions, ``lift`` appends bits to the accumulator's fraction,
    ``pool`` is another kind of pooling.
    """
    rng, layers = np.random.default_rng(seed), []
    spec = first = TensorSpec((side, side, 2), FixedFormat(8, 0, signed=False))

    def put(name, kind, shape, form, stored=None, **attributes):
        nonlocal spec
        inputs = (layers[-1].name if layers else "input",)
        parameters = {
            role: Parameter(
                f"{name}.{role}",
                (random_codes(weight, size, rng) * rng.random(size) ** 2).astype(int),
                weight,
            )
            for role, size in (stored or {}).items()
        }
        layers.append(Layer(name, kind, inputs, TensorSpec(shape, form), parameters, attributes))
        spec = layers[-1].output

    for number, count in enumerate(channels, 1):
        rows, _, before = spec.shape
        fraction = spec.format.fraction + weight.fraction + kept.get("lift", 0)
        accumulator = kept.get("accumulator", FixedFormat(28, 28 - fraction))
        window = {"strides": (1, 1), "padding": (padding,) * 4, "dilation": (1, 1)}
        out = rows + 2 * padding - 2
        sizes = {"kernel": (3, 3, before, count), "bias": (count,)}
        form = kept.get("output", accumulator)
        put(
            f"conv{number}",
            "conv",
            (out, out, count),
            form,
            sizes,
            accumulator=accumulator,
            reuse_factor=1,
            **window,
        )
        put(f"relu{number}", "relu", spec.shape, code)
        pool, wide = kept.get("pool", "max_pool"), FixedFormat(code.width + 4, code.integer + 4, False)
        window = {"size": (2, 2), "strides": (2, 2), "padding": (0,) * 4}
        form = code if pool == "max_pool" else wide
        put(f"pool{number}", pool, (out // 2, out // 2, count), code, accumulator=form, **window)
    put("flat", "flatten", (spec.size,), spec.format)
    for number, count in enumerate((9, 4), 1):
        accumulator = FixedFormat(24, 24 - spec.format.fraction - weight.fraction)
        sizes = {"kernel": (spec.size, count), "bias": (count,)}
        put(f"fc{number}", "dense", (count,), accumulator, sizes, accumulator=accumulator, reuse_factor=1)
        if number == 1:
            put("act", "relu", (count,), code)
    return Network("cnn", first, tuple(layers), "classification")


def images(network: Network, count: int, seed: int = 9) -> np.ndarray:
    """Samples, half of their codes zero."""
    rng = np.random.default_rng(seed)
    codes = random_codes(network.input.format, (count, *network.input.shape), rng)
    return codes * (rng.random(codes.shape) < 0.5)


def sampled(network: Network, x: np.ndarray, labels: np.ndarray, instructions: str, faults: int) -> int:
    """Upsets, of some drawn in every stored tensor, whose counts by waves are not those of the reference."""
    rng, wrong, first, compared = np.random.default_rng(3), 0, 0, 0
    found = {name: score for _, name, score in scores_of(network, x, labels, instructions)}
    golden = execute(network, x).argmax(1)
    for name, parameter in network.parameters.items():
        bits = rng.integers(parameter.stored_bits, size=faults)
        design = DesignPoint.unprotected(network)
        outputs = ReferenceEngine(design).run(FaultList.single(first + bits), x).outputs.argmax(-1)
        first += parameter.stored_bits
        if name in found:
            gained = (outputs == labels).sum(1) - (golden == labels).sum()
            wrong += (
                (found[name].correct[bits] != gained) | (found[name].sdc[bits] != (outputs != golden).sum(1))
            ).sum()
            compared += faults
    assert compared, "waves serve something"
    return int(wrong)


@pytest.mark.parametrize("instructions", instruction_sets())
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"side": 24, "padding": 0, "channels": (3, 40, 18)},
        {"pool": "average_pool", "channels": (5, 6, 7)},
    ],
    ids=["padded", "valid", "averages"],
)
def test_a_convolutional_network_equals_the_reference(instructions, shape):
    network = cnn(1, **shape)
    x = images(network, 6)
    labels = np.random.default_rng(1).integers(4, size=len(x))
    assert sampled(network, x, labels, instructions, 15) == 0


def residual(seed: int) -> Network:
    """A convolution, another around which a branch goes, and what ``cnn`` has behind the first."""
    network, rng = cnn(seed, channels=(3,), side=8), np.random.default_rng(seed)
    conv, relu, pool, *rest = network.layers
    accumulator = FixedFormat(24, 24 - CODE.fraction - WEIGHT.fraction)
    stored = {
        role: Parameter(f"again.{role}", random_codes(WEIGHT, shape, rng), WEIGHT)
        for role, shape in {"kernel": (3, 3, 3, 3), "bias": (3,)}.items()
    }
    spec, attributes = relu.output, {**conv.attributes, "accumulator": accumulator}
    again = Layer("again", "conv", ("relu1",), TensorSpec(spec.shape, accumulator), stored, attributes)
    act, add = Layer("acted", "relu", ("again",), spec), Layer("sum", "add", ("acted", "relu1"), spec)
    return replace(network, layers=(conv, relu, again, act, add, replace(pool, inputs=("sum",)), *rest))


def test_a_residual_branch_equals_the_reference():
    network = residual(7)
    x, labels = images(network, 12), np.arange(12) % 4
    for instructions in instruction_sets():
        assert sampled(network, x, labels, instructions, 40) == 0
    names = {name for _, name, _ in scores_of(network, x, labels, instruction_sets()[0])}
    assert names == set(network.parameters)


@pytest.mark.parametrize(
    "network", [cnn(2, channels=(3, 4, 5), side=9), residual(7)], ids=["path", "residual"]
)
def test_witnesses_and_any_fault_equal_the_portable_kernels(network):
    x, rng = images(network, 12), np.random.default_rng(4)
    first = witness(network, x, kernel="native")
    assert (first == witness(network, x, kernel="portable")).all()
    assert (first < 0).any()
    assert (first > 0).any()
    faults = FaultList.single(rng.choice(network.stored_bits, 40, False))
    design = DesignPoint.unprotected(network)
    expected = ReferenceEngine(design).run(faults, x)
    assert compare("fast", expected, FastEngine(design).run(faults, x)).count == 0


def test_a_wrong_weight_is_noticed(monkeypatch):
    """Negative control: some weights of the last convolution, in the compiled tables alone."""
    true = program.pack

    def wrong(weights):
        packed = true(weights)
        packed[:, 0, :10, 0] += 9 * (weights.shape[2] == 5)
        return packed

    monkeypatch.setattr(program, "pack", wrong)
    network = cnn(2, channels=(3, 4, 5))
    x = images(network, 20)
    assert sampled(network, x, np.zeros(20, int), instruction_sets()[0], 40) > 0


# ---- what is proved, and what happens beyond it ------------------------------------------------------------


def refused(network: Network, x: np.ndarray, layer: str) -> str:
    """Why waves do not serve a layer's unit."""
    golden = Golden.of(network, x)
    unit = next(unit for unit in units(network) if unit.layer.name == layer)
    found = waves.Waves.of(golden, Bounds.of(golden, unit))
    return found if isinstance(found, str) else ""


LAYER = cnn(0).layer("conv2")


@pytest.mark.parametrize(
    ("inside", "beyond", "says"),
    [
        (((0, INT16), 1, (0, 0)), ((-1, INT16), 1, (0, 0)), "differences are beyond 16 bits"),
        (((-INT16, 0), 1, (0, 0)), ((-INT16 - 1, 0), 1, (0, 0)), "differences are beyond 16 bits"),
        (((0, 1), INT16, (0, 0)), ((0, 1), INT16 + 1, (0, 0)), "weights and their gain are beyond 16 bits"),
        (((0, 1), 1, (0, INT32 >> 2)), ((0, 1), 1, (0, (INT32 >> 2) + 1)), "beyond 30 bits"),
        (((0, 1), 1, (-(INT32 >> 2), 0)), ((0, 1), 1, (-(INT32 >> 2) - 1, 0)), "beyond 30 bits"),
    ],
)
def test_words_are_refused_one_beyond_their_limit(inside, beyond, says):
    require_words(LAYER, *inside)
    with pytest.raises(Refused, match=says):
        require_words(LAYER, *beyond)


def saturates(layer, spec, low, high, upset) -> Summation:
    """What a proof that overlooks saturation would say."""
    return Summation("exact", change=1 << 20)


BEYOND = {
    "differences beyond 16 bits": (
        {"code": FixedFormat(17, 2, False, "TRN", "SAT")},
        "differences are beyond",
    ),
    "weights beyond 16 bits": ({"lift": 11}, "weights and their gain are beyond 16 bits"),
    "an accumulator that saturates": (
        {"accumulator": FixedFormat(15, 2, True, "TRN", "SAT")},
        "can saturate",
    ),
    "products that lose bits": ({"lift": -1}, "products lose 1 bits"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_beyond_a_condition_waves_are_refused_and_would_be_wrong(name, monkeypatch):
    changes, says = BEYOND[name]
    network = cnn(2, channels=(3, 4, 5), **changes)
    x, labels = images(network, 20), np.zeros(20, int)
    assert says in refused(network, x, "conv1")
    kernels = {entry.choice.tensor: entry.kernel for entry in exhaustive(network, x[:2], labels[:2]).served}
    assert kernels["conv1.kernel"] == "portable", "another kernel serves"
    if "lose" in says:
        return  # there is no linear program to force
    monkeypatch.setattr(lowering, "require_words", lambda *given: None)
    conv = KINDS["conv"]
    if "saturate" in says:
        monkeypatch.setitem(KINDS, "conv", replace(conv, linear=replace(conv.linear, summation=saturates)))
    assert sampled(network, x, labels, instruction_sets()[0], 60) > 0, "which is why"


def test_a_window_is_joined_to_sums_only_behind_monotone_links():
    wraps = Link((-9, 9), (Step(0, FixedFormat(4, 4)),))
    assert not monotone(wraps)
    assert monotone(Link((-8, 7), wraps.steps))
    assert not monotone(Link((0, 2), table=np.array([0, 2, 1])))
    scales = [Link((0, 2), scale=np.array([1, s]), start=np.zeros(2, int)) for s in (-1, 0)]
    assert [monotone(link) for link in scales] == [False, True]


@settings(DRAWN, max_examples=300)
@given(st.lists(st.tuples(formats((1, 8)), st.booleans()), min_size=1, max_size=3), st.integers(-300, 300))
def test_the_short_form_of_steps_is_the_steps(drawn, low):
    steps, fraction = [], 6
    for target, rectify in drawn:
        steps.append(Step(fraction, target, rectify))
        fraction = target.fraction
    sums = np.arange(low, low + 400)
    form = short(steps, low, low + 399)
    if form is not None:
        shift, add, even, least, most = form
        mine = np.clip((sums + add + (sums >> shift & even)) >> shift, least, most)
        assert (mine == apply(steps, sums)).all()
    after = image(steps, low, low + 399)
    assert after.low <= apply(steps, sums).min() <= apply(steps, sums).max() <= after.high


@pytest.mark.parametrize("rounding", ["TRN", "RND", "RND_ZERO", "RND_MIN_INF", "RND_INF", "RND_CONV"])
def test_a_rectifier_that_saturates_has_a_short_form(rounding):
    assert short([Step(9, FixedFormat(6, 2, False, rounding, "SAT"), True)], -5000, 9000) is not None


def test_steps_that_wrap_or_round_twice_have_none():
    twice = [Step(9, FixedFormat(9, 4)), Step(5, FixedFormat(6, 4, False, "RND_CONV", "SAT"), True)]
    assert short(twice, 0, 4000) is None
    assert short([Step(9, FixedFormat(6, 2))], -5000, 9000) is None


# ---- whole models ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instructions", instruction_sets())
def test_whole_models_of_drawn_graphs_equal_the_reference(instructions):
    paths: Counter = Counter()

    @settings(DRAWN, max_examples=60)
    @given(st.data())
    def check(data):
        design = DesignPoint.unprotected(data.draw(graphs(dilated=True)))
        faults = data.draw(fault_lists(design, max_faults=6))
        x = data.draw(inputs(design.network, max_samples=5))
        models = Models(design, x, instructions=instructions, jobs=1)
        outputs = np.empty((len(faults), len(x), design.network.output.size), np.int64)

        def keep(fault, values):
            outputs[fault] = values

        models.run(faults, keep)
        paths[models.path.split()[0]] += 1
        assert (outputs == ReferenceEngine(design).run(faults, x).outputs).all()

    check()
    assert paths["graph"] > 5


@pytest.mark.parametrize("instructions", instruction_sets())
def test_whole_convolutional_models_equal_the_reference(instructions):
    network = cnn(4, side=24, padding=0, channels=(3, 40, 18))
    design, x, rng = DesignPoint.unprotected(network), images(network, 6), np.random.default_rng(0)
    sites = [rng.choice(network.stored_bits, count, False) for count in (1, 20, 2000)]
    faults = FaultList.of(Fault(tuple(map(int, chosen))) for chosen in sites)
    outputs = ReferenceEngine(design).run(faults, x).outputs
    golden = execute(network, x).argmax(1)
    models = Models(design, x, golden, instructions=instructions)
    result = models.run(faults)
    assert models.path == f"graph ({instructions})"
    assert (result.sdc == (outputs.argmax(-1) != golden).sum(1)).all()
    assert (result.correct == (outputs.argmax(-1) == golden).sum(1)).all()
    portable = Models(design, x, golden, kernel="portable")
    assert portable.path.startswith("layers")
    assert (portable.run(faults).sdc == result.sdc).all()


def test_whole_models_are_refused_where_some_content_of_the_store_could_saturate():
    form = FixedFormat(16, 3, True, "TRN", "SAT")
    network = cnn(5, channels=(3, 4, 5), accumulator=form)
    quiet = {
        name: replace(parameter, codes=np.zeros_like(parameter.codes))
        for name, parameter in network.parameters.items()
    }
    layers = tuple(
        replace(layer, parameters={role: quiet[p.name] for role, p in layer.parameters.items()})
        for layer in network.layers
    )
    silent, x = replace(network, layers=layers), images(network, 4)
    models = Models(DesignPoint.unprotected(silent), x)
    assert "can saturate" in models.path, "golden sums cannot, those of an upset store can"
