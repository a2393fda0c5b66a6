"""``dense``: every output a sum over all inputs."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

from netsurf.fixed import FixedFormat
from netsurf.frontend.kinds.base import Count, Shape, Weighted, keras_layers, quantisers


class Dense(Weighted):
    """A dense layer; on a line it works on each time step alone."""

    kind: Literal["dense"]
    units: Count

    def output(self, *shapes: Shape) -> Shape:
        return (*shapes[0][:-1], self.units)

    def terms(self, *shapes: Shape) -> int:
        return prod(shapes[0][-1:])

    def quantised(self, weights: FixedFormat) -> Any:
        import tensorflow as tf
        from qkeras import QDense

        return QDense(
            self.units,
            **quantisers(weights, "kernel", "bias"),
            kernel_initializer=tf.keras.initializers.GlorotUniform(),
            name=self.name,
        )

    def real(self) -> Any:
        return keras_layers().Dense(self.units, name=self.name)
