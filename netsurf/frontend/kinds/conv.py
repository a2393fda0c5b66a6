"""``conv``, ``depthwise`` and ``conv_transpose``: sums over a window of an image, or of a line."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, Literal

from netsurf.fixed import FixedFormat
from netsurf.frontend.kinds.base import Count, Shape, Weighted, keras_layers, quantisers

Padding = Literal["valid", "same"]


def positions(shape: Shape, size: Shape, strides: Shape, padding: Padding) -> Shape:
    """Windows along each spatial axis.

    >>> positions((28, 28, 1), (3, 3), (2, 2), "valid"), positions((28, 28, 1), (3, 3), (2, 2), "same")
    ((13, 13), (14, 14))
    """
    if len(shape) != len(size) + 1:
        raise ValueError(f"a window of {len(size)} axes on {shape}; an image is (height, width, channels)")
    found = tuple(
        -(-n // s) if padding == "same" else (n - k) // s + 1
        for n, k, s in zip(shape, size, strides, strict=False)
    )
    if min(found) < 1:
        raise ValueError(f"a window of {size} does not fit into {shape}")
    return found


class _Windowed(Weighted):
    """Keys that every layer with a window over an image has: one number an axis, or one for a line."""

    size: tuple[Count, ...]
    strides: tuple[Count, ...] = ()
    padding: Padding = "valid"

    @property
    def steps(self) -> Shape:
        """Stride along each axis."""
        return self.strides or (1,) * len(self.size)

    def _window(self) -> dict[str, Any]:
        return {"kernel_size": self.size, "strides": self.steps, "padding": self.padding, "name": self.name}

    def _called(self, pattern: str) -> str:
        return pattern.format(f"{len(self.size)}D")


class Conv(_Windowed):
    """A convolution.

    Parameters
    ----------
    filters
        Output channels.
    size, strides
        One number an axis.
    padding
        ``valid`` or ``same``, as Keras has it.
    batchnorm
        A batch normalisation behind it, which is folded into kernel and bias before they are quantised.
    """

    kind: Literal["conv"]
    mark: ClassVar[str] = "c"
    filters: Count
    batchnorm: bool = False

    def output(self, *shapes: Shape) -> Shape:
        return (*positions(shapes[0], self.size, self.steps, self.padding), self.filters)

    def terms(self, *shapes: Shape) -> int:
        return prod(self.size) * shapes[0][-1]

    def quantised(self, weights: FixedFormat) -> Any:
        import qkeras

        if self.batchnorm:
            return qkeras.QConv2DBatchnorm(
                self.filters,
                folding_mode="ema_stats_folding",
                **quantisers(weights, "kernel", "bias"),
                **self._window(),
            )
        made = getattr(qkeras, self._called("QConv{}"))
        return made(self.filters, **quantisers(weights, "kernel", "bias"), **self._window())

    def real(self) -> Any:
        convolution = getattr(keras_layers(), self._called("Conv{}"))(self.filters, **self._window())
        return _normalised(convolution) if self.batchnorm else convolution


def _normalised(layer: Any) -> Any:
    """A layer and the batch normalisation behind it, as one."""
    import tensorflow as tf

    return tf.keras.Sequential([layer, tf.keras.layers.BatchNormalization()], name=f"{layer.name}_normalised")


class Depthwise(_Windowed):
    """A convolution of every channel with a window of its own."""

    kind: Literal["depthwise"]
    mark: ClassVar[str] = "dw"

    def output(self, *shapes: Shape) -> Shape:
        return (*positions(shapes[0], self.size, self.steps, self.padding), shapes[0][-1])

    def terms(self, *shapes: Shape) -> int:
        return prod(self.size)

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QDepthwiseConv2D

        return QDepthwiseConv2D(**quantisers(weights, "depthwise", "bias"), **self._window())

    def real(self) -> Any:
        return keras_layers().DepthwiseConv2D(**self._window())


class ConvTranspose(_Windowed):
    """A transposed convolution: a convolution of the image with zeros between its pixels."""

    kind: Literal["conv_transpose"]
    mark: ClassVar[str] = "t"
    filters: Count

    def output(self, *shapes: Shape) -> Shape:
        beyond = [max(k - s, 0) for k, s in zip(self.size, self.steps, strict=True)]
        extra = [0] * len(beyond) if self.padding == "same" else beyond
        grown = tuple(n * s + e for n, s, e in zip(shapes[0], self.steps, extra, strict=False))
        return (*grown, self.filters)

    def terms(self, *shapes: Shape) -> int:
        return prod(self.size) * shapes[0][-1]

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QConv2DTranspose

        return QConv2DTranspose(self.filters, **quantisers(weights, "kernel", "bias"), **self._window())

    def real(self) -> Any:
        return keras_layers().Conv2DTranspose(self.filters, **self._window())
