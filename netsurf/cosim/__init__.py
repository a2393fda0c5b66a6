"""Simulation of the emitted accelerator: simulator binaries, the batch harness, test benches, RTL engines."""

from netsurf.cosim.build import build_verilator
from netsurf.cosim.engines import VerilatorEngine

__all__ = ["VerilatorEngine", "build_verilator"]
