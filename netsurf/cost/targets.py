"""What a design is mapped to: FPGA families, and standard cells by a Liberty file.

Multipliers are mapped to LUTs in every family (``-nodsp``): a DSP block swallows pipeline registers, and the
flip-flops of a design could then not be compared with what it says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from netsurf.cost.liberty import Liberty, osu018, packed, read_liberty
from netsurf.errors import UnknownNameError

LIBRARY = "cells.lib"
"""Name under which a run finds the Liberty file in its folder."""

KEYS = ("LUT", "FF", "CARRY", "MUX", "DSP", "BRAM_18K")
"""What is counted of an FPGA, as hls4ml's reports name it (CARRY and MUX are ours)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One way to map a design.

    Parameters
    ----------
    name
        As ``--target`` names it.
    title
        Family or library, in words.
    commands
        Yosys commands that map the elaborated design whose top is ``{top}``.
    halves
        The same in two halves, the first without flattening and up to where memories have become
        flip-flops.
    classes
        What is counted to the regular expression of the cell types that count as it. Empty for a library.
    outputs
        Regular expression of the output pins of a cell, without index.
    liberty
        The library of an ASIC target.
    """

    name: str
    title: str
    commands: tuple[str, ...]
    halves: tuple[tuple[str, ...], tuple[str, ...]]
    classes: Mapping[str, str]
    outputs: str
    liberty: Liberty | None = None

    def script(self, top: str) -> list[str]:
        """The commands for one top module."""
        return [command.format(top=top) for command in self.commands]

    def flat_script(self, top: str, between: tuple[str, ...]) -> list[str]:
        """The commands with others between their halves."""
        first, second = self.halves
        return [command.format(top=top) for command in (*first, *between, *second)]

    @property
    def options(self) -> str:
        """The commands as they are printed beside a figure."""
        return "; ".join(command.format(top="TOP") for command in self.commands)

    @property
    def is_asic(self) -> bool:
        """Whether area is square micrometres, and not LUTs."""
        return self.liberty is not None

    def class_of(self, cell: str) -> str | None:
        """What a cell counts as, or None if it counts as nothing that this target knows.

        >>> ICE40.class_of("SB_DFFE"), ICE40.class_of("SB_CARRY"), ICE40.class_of("FDRE")
        ('FF', 'CARRY', None)
        """
        if self.liberty is not None:
            if cell in self.liberty.flip_flops:
                return "FF"
            return "CELL" if cell in self.liberty.area else None
        return next((key for key, kind in self.classes.items() if re.fullmatch(kind, cell)), None)

    def drives(self, cell: str, pin: str) -> bool:
        """Whether a pin of a cell is an output."""
        if self.liberty is not None:
            return pin in self.liberty.outputs.get(cell, ())
        return re.fullmatch(self.outputs, pin) is not None


ICE40 = Target(
    "ice40",
    "Lattice iCE40 HX",
    ("synth_ice40 -top {top}",),
    (
        ("synth_ice40 -top {top} -noflatten -run begin:map_gates",),
        ("flatten", "synth_ice40 -top {top} -run map_gates:"),
    ),
    {"LUT": "SB_LUT4", "FF": "SB_DFF.*", "CARRY": "SB_CARRY", "DSP": "SB_MAC16", "BRAM_18K": "SB_RAM40.*"},
    "O|CO|Q",
)
ECP5 = Target(
    "ecp5",
    "Lattice ECP5",
    ("synth_ecp5 -top {top} -nodsp -nobram -nolutram",),
    (
        ("synth_ecp5 -top {top} -nodsp -nobram -nolutram -noflatten -run begin:map_gates",),
        ("flatten", "synth_ecp5 -top {top} -nodsp -nobram -nolutram -run map_gates:"),
    ),
    {"LUT": "LUT4", "FF": "TRELLIS_FF", "CARRY": "CCU2C", "MUX": "PFUMX|L6MUX21", "DSP": "MULT18X18D"},
    "Z|Q|S[01]|COUT",
)
_XILINX = "-family xc7 -nodsp -nobram -nolutram -nosrl -noiopad -noclkbuf"
XILINX = Target(
    "xilinx",
    "AMD Xilinx 7 series",
    (f"synth_xilinx -top {{top}} -flatten {_XILINX}",),
    (
        (f"synth_xilinx -top {{top}} {_XILINX} -run begin:fine",),
        ("flatten", f"synth_xilinx -top {{top}} -flatten {_XILINX} -run fine:"),
    ),
    {"LUT": "LUT[1-6]|INV", "FF": "FD[RSCP]E(_1)?", "CARRY": "CARRY4", "MUX": "MUXF[789]", "DSP": "DSP48E1"},
    "O|CO|Q",
)


def asic(name: str, path: Path) -> Target:
    """Standard cells of a Liberty file.

    Raises
    ------
    DataError
        If the file does not parse.
    """
    library = read_liberty(path)
    mapping = (f"dfflibmap -liberty {LIBRARY}", f"abc -liberty {LIBRARY}", "opt_clean")
    halves = (
        ("synth -top {top} -run begin:fine", "opt -fast -full", "memory_map", "opt -undriven -fine"),
        ("flatten", "synth -flatten -top {top} -run fine:", *mapping),
    )
    title = f"standard cells of {library.name}"
    return Target(name, title, ("synth -flatten -top {top}", *mapping), halves, {}, "", library)


TARGETS: dict[str, Callable[[], Target]] = {
    "ice40": lambda: ICE40,
    "ecp5": lambda: ECP5,
    "xilinx": lambda: XILINX,
    "sg13g2": lambda: asic("sg13g2", packed()),
    "osu018": lambda: asic("osu018", osu018()),
}
"""Names that ``--target`` takes."""


def target(name: str) -> Target:
    """The target called ``name``.

    Raises
    ------
    UnknownNameError
        If there is none.
    MissingToolError
        If its library is not installed.
    """
    if name not in TARGETS:
        raise UnknownNameError("target", name, TARGETS)
    return TARGETS[name]()
