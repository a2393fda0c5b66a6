"""``relu``, ``linear``, ``sigmoid``, ``tanh``: one element at a time, rounded and saturated to a scheme."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from netsurf.fixed import FixedFormat
from netsurf.frontend.kinds.base import LayerSpec, Scheme, bits, keras_layers


class Relu(LayerSpec):
    """``max(x, 0)``, rounded and saturated to an unsigned scheme."""

    kind: Literal["relu"]
    scheme: Scheme

    @model_validator(mode="after")
    def _unsigned(self) -> Relu:
        if self.scheme.signed:
            raise ValueError(f"layer '{self.name}': a relu needs an unsigned scheme, q<bits,integer,0>")
        return self

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QActivation, quantized_relu

        form = quantized_relu(bits=self.scheme.width, integer=self.scheme.integer)
        return QActivation(form, name=self.name)

    def real(self) -> Any:
        return keras_layers().ReLU(name=self.name)


class Linear(LayerSpec):
    """Rounding and saturation to a scheme, and nothing else."""

    kind: Literal["linear"]
    scheme: Scheme

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QActivation

        return QActivation(bits(self.scheme), name=self.name)

    def real(self) -> Any:
        return keras_layers().Activation("linear", name=self.name)


class Sigmoid(LayerSpec):
    """The hard sigmoid ``clip(x/2 + 1/2, 0, 1)`` in ``bits`` bits (QKeras' ``quantized_sigmoid``)."""

    kind: Literal["sigmoid"]
    bits: int

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QActivation, quantized_sigmoid

        return QActivation(quantized_sigmoid(self.bits), name=self.name)

    def real(self) -> Any:
        return keras_layers().Activation("sigmoid", name=self.name)


class Tanh(LayerSpec):
    """The hard hyperbolic tangent ``clip(x, -1, 1)`` in ``bits`` bits (QKeras' ``quantized_tanh``)."""

    kind: Literal["tanh"]
    bits: int

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QActivation, quantized_tanh

        return QActivation(quantized_tanh(self.bits), name=self.name)

    def real(self) -> Any:
        return keras_layers().Activation("tanh", name=self.name)
