"""What a layer of benchmark.yaml says about itself: its keys, its shape, and what it is in Keras."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netsurf.fixed import FixedFormat, parse_format, parse_scheme

IDENTIFIER = r"[A-Za-z][A-Za-z0-9_]*"

Name = Annotated[str, Field(pattern=f"^{IDENTIFIER}$")]

Count = Annotated[int, Field(gt=0)]

Shape = tuple[int, ...]


def _reader(parse):
    return BeforeValidator(lambda value: value if isinstance(value, FixedFormat) else parse(str(value)))


Precision = Annotated[FixedFormat, _reader(parse_format)]
"""A format written as hls4ml does, ``ufixed<8,0>``."""

Scheme = Annotated[FixedFormat, _reader(parse_scheme)]
"""A format written as a scheme, ``q<6,0,1>``."""


class Strict(BaseModel):
    """A mapping that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class LayerSpec(Strict):
    """A layer of a benchmark.

    A kind is one class: its keys, :meth:`output`, and its Keras layers :meth:`quantised` and :meth:`real`.

    Parameters
    ----------
    name
        Name of the layer and of the tensor that it computes.
    inputs
        Tensors that it reads: ``input`` or earlier layers. Unsaid, it reads the layer before it.
    """

    name: Name
    inputs: tuple[Name, ...] = ()

    arity: ClassVar[int] = 1
    """Tensors that it reads."""

    def output(self, *shapes: Shape) -> Shape:
        """Shape of what it computes from inputs of these shapes; ValueError if they do not fit."""
        return shapes[0]

    def quantised(self, weights: FixedFormat) -> Any:
        """The Keras layer that computes with codes; ``weights`` is the scheme of its stored tensors."""
        return self.real()

    def real(self) -> Any:
        """The same layer in floating point."""
        raise NotImplementedError


class Weighted(LayerSpec):
    """A layer with stored tensors.

    :attr:`mark` says its kind where an architecture is one line, ``c16`` for a convolution with 16 channels.

    Parameters
    ----------
    reuse_factor
        Cycles that share one multiplier: a divisor of the terms of one sum.
    scheme
        Format of its stored tensors, if it is another than the benchmark's.
    """

    reuse_factor: Count = 1
    scheme: Scheme | None = None

    mark: ClassVar[str] = ""

    def terms(self, *shapes: Shape) -> int:
        """Products in one sum."""
        raise NotImplementedError


def bits(scheme: FixedFormat) -> Any:
    """QKeras' quantiser for a scheme. Keywords only: its third positional argument is ``symmetric``."""
    from qkeras import quantized_bits

    integer = scheme.integer - scheme.signed
    return quantized_bits(
        bits=scheme.width, integer=integer, keep_negative=scheme.signed, symmetric=0, alpha=1
    )


def quantisers(scheme: FixedFormat, *roles: str) -> dict[str, Any]:
    """Quantiser and constraint of the variables ``roles`` of a QKeras layer, as it takes them."""
    made = {f"{role}_quantizer": bits(scheme) for role in roles}
    return made | {f"{role}_constraint": span(scheme) for role in roles}


def span(scheme: FixedFormat) -> Any:
    """Keeps the float weights behind a quantiser where it can follow them."""
    from qkeras import Clip

    step = 2.0**-scheme.fraction
    return Clip(scheme.minimum * step, scheme.maximum * step)


def keras_layers() -> Any:
    """The module ``tf.keras.layers``."""
    import tensorflow as tf

    return tf.keras.layers
