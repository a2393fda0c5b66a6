"""The reference executor as an engine: one fault at a time, whole network, plain integers."""

from __future__ import annotations

import numpy as np

from netsurf import __version__
from netsurf.engine.base import Codes, EngineResult, all_samples
from netsurf.errors import FaultError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.ir import check_inputs, execute


class ReferenceEngine:
    """Runs persistent faults by executing the network with the voted, upset weights."""

    name = "reference"
    version = __version__

    def __init__(self, design: DesignPoint) -> None:
        self.design = design

    def run(self, faults: FaultList, inputs: Codes, samples: Codes | None = None) -> EngineResult:
        """See :class:`netsurf.engine.Engine`; a fault with a cycle is refused, the network has no clock."""
        inputs = check_inputs(self.design.network, inputs)
        samples = all_samples(faults, inputs, samples)
        outputs = np.empty((*samples.shape, self.design.network.output.size), dtype=np.int64)
        detected = np.zeros(samples.shape, dtype=bool)
        for number, fault in enumerate(faults):
            if fault.cycle is not None:
                raise FaultError(f"fault {number} has a cycle; the reference executor has no clock")
            upset = resolve(self.design, fault)
            weights = faulty_parameters(self.design, upset.bits)
            outputs[number] = execute(self.design.network, inputs[samples[number]], weights)
            detected[number] = upset.detected
        return EngineResult(outputs, detected)
