"""``batchnorm``: a scale and a bias for each channel, which are stored and can be upset."""

from __future__ import annotations

from typing import Any, Literal

from netsurf.frontend.kinds.base import Shape, Weighted, keras_layers


class BatchNorm(Weighted):
    """A batch normalisation that stays a layer: ``x * scale + bias`` with codes of ``scheme``.

    It is trained in floating point; :mod:`netsurf.frontend.settle` then gives it the codes.
    """

    kind: Literal["batchnorm"]

    def terms(self, *shapes: Shape) -> int:
        return 1

    def real(self) -> Any:
        return keras_layers().BatchNormalization(momentum=0.9, name=self.name)
