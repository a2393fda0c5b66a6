"""``lstm`` and ``gru``: a state that every time step of a line moves on."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from netsurf.fixed import FixedFormat
from netsurf.frontend.kinds.base import Count, Scheme, Shape, Weighted, bits, keras_layers, quantisers


class _Recurrent(Weighted):
    """Units with sigmoid gates and a tanh.

    Parameters
    ----------
    state
        Format that its states are rounded to after every step.
    sequences
        Whether the state of every step is given out, or the last alone.
    """

    units: Count
    state: Scheme
    sequences: bool = False

    def output(self, *shapes: Shape) -> Shape:
        return (shapes[0][0], self.units) if self.sequences else (self.units,)

    def terms(self, *shapes: Shape) -> int:
        return shapes[0][-1] + self.units

    def _keys(self) -> dict[str, Any]:
        functions = {"activation": "tanh", "recurrent_activation": "sigmoid"}
        return {"return_sequences": self.sequences, "name": self.name, **functions}

    def _quantisers(self, weights: FixedFormat) -> dict[str, Any]:
        return quantisers(weights, "kernel", "recurrent", "bias") | {"state_quantizer": bits(self.state)}


class Lstm(_Recurrent):
    """Long short-term memory."""

    kind: Literal["lstm"]
    mark: ClassVar[str] = "lstm"

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QLSTM

        return QLSTM(self.units, **self._quantisers(weights), **self._keys())

    def real(self) -> Any:
        return keras_layers().LSTM(self.units, **self._keys())


class Gru(_Recurrent):
    """Gated recurrent unit."""

    kind: Literal["gru"]
    mark: ClassVar[str] = "gru"

    def quantised(self, weights: FixedFormat) -> Any:
        from qkeras import QGRU

        return QGRU(self.units, reset_after=True, **self._quantisers(weights), **self._keys())

    def real(self) -> Any:
        return keras_layers().GRU(self.units, **self._keys())
