"""``flatten``, ``linear`` and ``relu``: each element goes its own way, through zero or one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netsurf.inject.kinds.base import Codes, FastKind, Specs
from netsurf.inject.steps import Step, apply
from netsurf.ir import Layer


def _flatten(layer: Layer, specs: Specs) -> tuple[Step, ...]:
    return ()


def _linear(layer: Layer, specs: Specs) -> tuple[Step, ...]:
    if specs[0].format == layer.output.format:  # an assignment of a type to itself copies the bits
        return ()
    return (Step(specs[0].format.fraction, layer.output.format),)


def _relu(layer: Layer, specs: Specs) -> tuple[Step, ...]:
    return (Step(specs[0].format.fraction, layer.output.format, rectify=True),)


def _kind(name: str, steps: Callable[[Layer, Specs], tuple[Step, ...]]) -> FastKind:
    def forward(
        layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]
    ) -> Codes:
        return apply(steps(layer, specs), inputs[0]).reshape(len(inputs[0]), *layer.output.shape)

    return FastKind(name, forward, pointwise=steps)


KINDS = (_kind("flatten", _flatten), _kind("linear", _linear), _kind("relu", _relu))
