"""Hypothesis strategy for small graphs of every layer kind: shapes, formats, strides, padding, residuals.

Graphs are drawn front to back. A step reads the last tensor; ``add`` and ``concatenate`` also read an
earlier one whose shape fits. Tensors wider than eight bits are narrowed by an activation before anything
multiplies them, as in networks that are worth building.
"""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import strategies as st

from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.kinds.activation import SPANS, table_codes
from tests.recurrent import recurrent
from tests.strategies import OVERFLOWS, ROUNDINGS, accumulators, dense, formats, random_codes

WIDTHS = (1, 8)
SAFE = st.sampled_from(["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"])


class _Draft:
    """A network that grows layer by layer."""

    def __init__(self, draw, spec: TensorSpec) -> None:
        self.draw, self.specs, self.layers = draw, {"input": spec}, []
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.last = "input"

    @property
    def spec(self) -> TensorSpec:
        return self.specs[self.last]

    def put(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.specs[layer.name], self.last = layer.output, layer.name

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.layers) + 1}"

    def stored(self, name: str, role: str, shape: tuple[int, ...], form: FixedFormat) -> Parameter:
        return Parameter(f"{name}.{role}", random_codes(form, shape, self.rng), form)

    def narrow(self, always: bool = False) -> None:
        if always or self.spec.format.width > WIDTHS[1]:
            kind = self.draw(st.sampled_from(["relu", "linear"]))
            spec = TensorSpec(self.spec.shape, self.draw(formats(WIDTHS)))
            self.put(Layer(self.name(kind), kind, (self.last,), spec))

    def output(self, accumulator: FixedFormat) -> FixedFormat:
        return self.draw(st.one_of(st.just(accumulator), formats((WIDTHS[0], WIDTHS[1] + 4))))

    def same_window(self) -> dict[str, tuple[int, ...]]:
        """A window that keeps the shape."""
        size = tuple(self.draw(st.sampled_from([1, 3])) if n > 2 else 1 for n in self.spec.shape[:-1])
        padding = tuple(k // 2 for k in size for _ in range(2))
        return {"size": size, "strides": (1,) * len(size), "padding": padding}

    def window(self, dilated: bool) -> dict[str, tuple[int, ...]] | None:
        axes = len(self.spec.shape) - 1
        ints = lambda low, high, count=axes: tuple(self.draw(st.integers(low, high)) for _ in range(count))  # noqa: E731
        size = tuple(min(n, k) for n, k in zip(self.spec.shape, ints(1, 3), strict=False))
        dilation = tuple(
            d if (k - 1) * d < n else 1 for n, k, d in zip(self.spec.shape, size, ints(1, 2), strict=False)
        )
        padding = tuple(min(p, size[i // 2] - 1) for i, p in enumerate(ints(0, 1, 2 * axes)))
        window = {"size": size, "strides": ints(1, 3), "padding": padding}
        return {**window, "dilation": dilation} if dilated else window

    def positions(self, window) -> tuple[int, ...]:
        sizes = zip(self.spec.shape, window["size"], window["strides"], strict=False)
        dilation = window.get("dilation", (1, 1))
        return tuple(
            (n + sum(window["padding"][2 * i : 2 * i + 2]) - (k - 1) * dilation[i] - 1) // s + 1
            for i, (n, k, s) in enumerate(sizes)
        )


def _dense(d: _Draft) -> None:
    d.narrow()
    kernel, bias = d.draw(formats(WIDTHS)), d.draw(formats(WIDTHS))
    accumulator = d.draw(accumulators(d.spec.format, kernel, d.spec.size))
    outputs, name = d.draw(st.integers(1, 5)), d.name("fc")
    d.put(dense(name, d.last, d.spec, outputs, kernel, bias, accumulator, d.output(accumulator), d.rng))


def _windowed(d: _Draft, kind: str, dilated: bool, same: bool = False) -> None:
    d.narrow()
    window, channels = d.same_window() if same else d.window(dilated), d.spec.shape[-1]
    size, name = window.pop("size"), d.name(kind)
    shape = d.positions({**window, "size": size})
    kernel, bias = d.draw(formats(WIDTHS)), d.draw(formats(WIDTHS))
    outputs = d.draw(st.integers(1, 4)) if kind == "conv" and not same else channels
    terms = prod(size) * (channels if kind == "conv" else 1)
    accumulator = d.draw(accumulators(d.spec.format, kernel, terms))
    kernels = (*size, channels, outputs) if kind == "conv" else (*size, channels)
    stored = {
        "kernel": d.stored(name, "kernel", kernels, kernel),
        "bias": d.stored(name, "bias", (outputs,), bias),
    }
    spec = TensorSpec((*shape, outputs), d.output(accumulator))
    attributes = {**window, "accumulator": accumulator, "reuse_factor": 1}
    d.put(Layer(name, kind, (d.last,), spec, stored, attributes))


def _pool(d: _Draft, kind: str) -> None:
    d.narrow()
    source, axes = d.spec.format, len(d.spec.shape) - 1
    whole = d.draw(st.integers(0, 3)) == 0
    ones = {"strides": (1,) * axes, "padding": (0,) * 2 * axes, "size": d.spec.shape[:-1]}
    window = ones if whole else d.window(False)
    window["padding"] = tuple(min(p, window["size"][i // 2] - 1) for i, p in enumerate(window["padding"]))
    wide = FixedFormat(source.width + 8, source.integer + 4, source.signed)
    some = FixedFormat(
        d.draw(st.integers(2, 12)),
        source.integer + d.draw(st.integers(0, 2)),
        source.signed or d.draw(st.booleans()),
        d.draw(st.sampled_from(ROUNDINGS)),
        d.draw(st.sampled_from(OVERFLOWS)),
    )
    accumulator = d.draw(st.sampled_from([wide, some, source]))
    shape = (*d.positions(window), d.spec.shape[-1])
    short = whole and d.draw(st.booleans())
    spec = TensorSpec(shape[-1:] if short else shape, d.draw(st.one_of(st.just(source), formats(WIDTHS))))
    d.put(Layer(d.name(kind), kind, (d.last,), spec, {}, {**window, "accumulator": accumulator}))


def _batchnorm(d: _Draft) -> None:
    d.narrow()
    name, channels = d.name("bn"), d.spec.shape[-1:]
    stored = {role: d.stored(name, role, channels, d.draw(formats(WIDTHS))) for role in ("scale", "bias")}
    spec = TensorSpec(d.spec.shape, d.draw(formats((WIDTHS[0], WIDTHS[1] + 4))))
    d.put(Layer(name, "batchnorm", (d.last,), spec, stored))


def _pad(d: _Draft) -> None:
    axes = len(d.spec.shape) - 1
    padding = tuple(d.draw(st.integers(0, 2)) for _ in range(2 * axes))
    *spatial, channels = d.spec.shape
    shape = (*(n + sum(padding[2 * i : 2 * i + 2]) for i, n in enumerate(spatial)), channels)
    spec = TensorSpec(shape, d.spec.format)
    d.put(Layer(d.name("pad"), "zero_pad", (d.last,), spec, {}, {"padding": padding}))


def _upsample(d: _Draft) -> None:
    factors = tuple(d.draw(st.integers(1, 2)) for _ in d.spec.shape[:-1])
    shape = (*(n * f for n, f in zip(d.spec.shape, factors, strict=False)), d.spec.shape[-1])
    if prod(shape) <= 200:
        spec, kind = TensorSpec(shape, d.spec.format), d.draw(st.sampled_from(["upsample", "zero_insert"]))
        d.put(Layer(d.name("up"), kind, (d.last,), spec, {}, {"factors": factors}))


def _transpose(d: _Draft) -> None:
    order = tuple(d.draw(st.permutations(range(len(d.spec.shape)))))
    spec = TensorSpec(tuple(d.spec.shape[axis] for axis in order), d.spec.format)
    d.put(Layer(d.name("turn"), "transpose", (d.last,), spec, {}, {"permutation": order}))


def _reshape(d: _Draft) -> None:
    height, *rest = d.spec.shape
    shape = (height * rest[0], *rest[1:]) if len(rest) > 1 else (*rest, height)
    d.put(Layer(d.name("shape"), "reshape", (d.last,), TensorSpec(shape, d.spec.format)))


def _merge(d: _Draft, other: str | None = None) -> None:
    fits = [name for name, spec in d.specs.items() if spec.shape == d.spec.shape]
    other = other or d.draw(st.sampled_from(fits))
    if d.draw(st.booleans()):
        spec = TensorSpec(d.spec.shape, d.draw(formats(WIDTHS)))
        d.put(Layer(d.name("add"), "add", (d.last, other), spec))
        return
    axis = d.draw(st.integers(0, len(d.spec.shape) - 1))
    shape = tuple(2 * n if i == axis else n for i, n in enumerate(d.spec.shape))
    if prod(shape) <= 200:
        spec = TensorSpec(shape, d.draw(st.one_of(st.just(d.spec.format), formats(WIDTHS))))
        d.put(Layer(d.name("join"), "concatenate", (d.last, other), spec, {}, {"axis": axis}))


def _residual(d: _Draft) -> None:
    """One or two layers that keep the shape, merged with what went into them."""
    d.narrow()
    source = d.last
    keeping = {
        "activation": _activation,
        "batchnorm": _batchnorm,
        "narrow": lambda d: d.narrow(always=True),
        **({} if len(d.spec.shape) == 1 else _SAME),
    }
    for _ in range(d.draw(st.integers(1, 2))):
        keeping[d.draw(st.sampled_from(sorted(keeping)))](d)
    _merge(d, source)


_SAME = {
    "conv": lambda d: _windowed(d, "conv", False, same=True),
    "depthwise": lambda d: _windowed(d, "depthwise", False, same=True),
}


def _activation(d: _Draft) -> None:
    kind = d.draw(st.sampled_from(["leaky_relu", "hard_sigmoid", "hard_tanh", "table"]))
    spec = TensorSpec(d.spec.shape, d.draw(formats(WIDTHS)))
    if kind == "table":
        d.narrow()
        form = d.draw(st.sampled_from([FixedFormat(18, 8), FixedFormat(8, 2, True, "RND", "SAT")]))
        function = d.draw(st.sampled_from(sorted(SPANS)))
        table = table_codes(function, d.draw(st.sampled_from([64, 1024])), form)
        constants = {"table": table, "table_format": form, "span": SPANS[function]}
    else:
        constants = {}
        for key in ("alpha",) if kind == "leaky_relu" else ("slope", "shift"):
            form = FixedFormat(d.draw(st.integers(2, 6)), d.draw(st.integers(-1, 1)), d.draw(st.booleans()))
            constants |= {key: int(random_codes(form, (), d.rng)), f"{key}_format": form}
    d.put(Layer(d.name("act"), kind, (d.last,), spec, {}, constants))


def _recurrent(d: _Draft, kind: str) -> None:
    """A recurrent layer over a line; an image becomes one."""
    if len(d.spec.shape) == 3:
        _reshape(d)
    d.narrow()
    d.put(d.draw(recurrent(d.name("cell"), d.last, d.spec, d.rng, kinds=(kind,), units=3)))


_SPATIAL = {
    "conv": lambda d, dilated: _windowed(d, "conv", dilated),
    "depthwise": lambda d, dilated: _windowed(d, "depthwise", dilated),
    "max_pool": lambda d, dilated: _pool(d, "max_pool"),
    "average_pool": lambda d, dilated: _pool(d, "average_pool"),
    "zero_pad": lambda d, dilated: _pad(d),
    "upsample": lambda d, dilated: _upsample(d),
    "transpose": lambda d, dilated: _transpose(d),
    "reshape": lambda d, dilated: _reshape(d),
    "lstm": lambda d, dilated: _recurrent(d, "lstm"),
    "gru": lambda d, dilated: _recurrent(d, "gru"),
}
_ANY = {
    "activation": lambda d, dilated: _activation(d),
    "batchnorm": lambda d, dilated: _batchnorm(d),
    "merge": lambda d, dilated: _merge(d),
    "narrow": lambda d, dilated: d.narrow(always=True),
    "residual": lambda d, dilated: _residual(d),
}


@st.composite
def graphs(draw, steps=6, dilated=False, first=None):
    """Networks of up to ``steps`` steps and a flat output.

    Parameters
    ----------
    dilated
        Whether convolutions may be dilated, which hls4ml 1.3.0 has not.
    first
        Kind of the first step, to be sure of it.
    """
    side = st.integers(2, 6)
    shape = draw(st.one_of(st.tuples(side, side, st.integers(1, 3)), st.tuples(side, st.integers(1, 3))))
    start = TensorSpec(shape, draw(formats(WIDTHS)))
    d = _Draft(draw, start)
    kinds = {**_SPATIAL, **_ANY}
    for number in range(draw(st.integers(1, steps))):
        allowed = kinds if len(d.spec.shape) > 1 else {**_ANY, "dense": lambda d, dilated: _dense(d)}
        chosen = first if number == 0 and first else draw(st.sampled_from(sorted(allowed)))
        allowed[chosen](d, dilated)
    if len(d.spec.shape) > 1:
        d.put(Layer(d.name("flat"), "flatten", (d.last,), TensorSpec((d.spec.size,), d.spec.format)))
    if not any(layer.parameters for layer in d.layers) or draw(st.booleans()):
        _dense(d)
    return Network("drawn", start, tuple(d.layers), draw(st.sampled_from(["classification", "regression"])))
