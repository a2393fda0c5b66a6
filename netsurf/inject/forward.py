"""Forward: whole faulty models of any graph of operations, in compiled code, sample by sample.

The program (:mod:`netsurf.inject.program`) is lowered once and proved for whatever the network may store;
another model is other weights in its tables. Chains of dense layers have a faster kernel of their own
(:mod:`netsurf.inject.chain`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.golden import Golden
from netsurf.inject.lowering import lower
from netsurf.inject.operations import Draft, Refused, join_pools
from netsurf.inject.program import Program
from netsurf.ir.network import INPUT

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forward:
    """A network and its inputs, ready to run with other stored codes.

    Parameters
    ----------
    x
        Input codes, ``int32 (samples, elements)``.
    """

    program: Program
    library: ctypes.CDLL
    x: NDArray[np.int32]

    @classmethod
    def of(cls, golden: Golden, library: ctypes.CDLL) -> Forward | str:
        """Lower a network for these inputs, or say why it is not exact or not known."""
        x, network = golden.flat(INPUT), golden.network
        if not len(x):
            return "there are no samples"
        draft = Draft(network, anything=True)
        draft.bring(INPUT, int(x.min()), int(x.max()))
        try:
            lower(draft, network.layers)
            join_pools(draft)
            program = Program.of(draft, draft.names[network.layers[-1].name])
        except Refused as refused:
            return str(refused)
        return cls(program, library, np.ascontiguousarray(x.astype(np.int32)))

    def run(self, parameters: Mapping[str, Codes], outputs: Codes, share: range | None = None) -> None:
        """Fill ``outputs``, ``int64 (samples, outputs)``, with those of a model that stores other codes.

        ``share``, if given, is the samples that are run.
        """
        share = range(len(self.x)) if share is None else share
        structure, held = self.program.structure([self.x], self.program.holding(parameters))
        self.library.netsurf_forward(
            ctypes.byref(structure),
            ctypes.c_int64(share.start),
            ctypes.c_int64(share.stop),
            ctypes.c_void_p(outputs.ctypes.data),
        )
        del held
