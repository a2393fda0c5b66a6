"""Simulation of the emitted accelerator: simulator binaries, the batch harness, test benches, RTL engines."""

from netsurf.cosim.build import build_verilator
from netsurf.cosim.engines import IcarusEngine, VerilatorEngine
from netsurf.cosim.verify import verify

__all__ = ["IcarusEngine", "VerilatorEngine", "build_verilator", "verify"]
