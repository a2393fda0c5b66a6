"""Formal checks of synthesised accelerators, and the netlists that they are checked on.

:func:`synthesise` has Yosys map an emitted design to cells, in two forms of one netlist: Verilog, in which
:func:`find` finds the flip-flop of every stored bit and which `netsurf.cosim.netlist` simulates, and an
and-inverter graph, about which `netsurf.proof.theorems` proves.
"""

from netsurf.proof.flipflops import Bank, Text, find
from netsurf.proof.prove import Proof, prove
from netsurf.proof.rewrite import Simulated, rewrite
from netsurf.proof.synthesis import TECHNOLOGIES, Netlist, synthesise

__all__ = [
    "TECHNOLOGIES",
    "Bank",
    "Netlist",
    "Proof",
    "Simulated",
    "Text",
    "find",
    "prove",
    "rewrite",
    "synthesise",
]
