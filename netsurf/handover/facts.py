"""What the writers of hand-over files may know of a design: what ``design.json`` says, read into names.

Hierarchical paths are written with dots in ``design.json`` (``top.u_fc1_kernel.gen_tmr.u_bank_b.mem_q``).
Names of generate blocks begin with ``gen_``; they are levels of hierarchy to a simulator and to Yosys, while
vendor tools make them part of the next instance's name (``u_fc1_kernel/gen_tmr.u_bank_b``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from netsurf.emit import Accelerator
from netsurf.emit.accelerator import CHECK_BANK, Store
from netsurf.emit.guards import bank_mask, check_bits

SCOPE = "gen_"
"""How names of generate blocks begin."""

CLOCK, RESET = "aclk", "aresetn"
ERROR, CLEAR = "tmr_error_o", "tmr_clear_i"


@dataclass(frozen=True, slots=True)
class Bank:
    """One memory of a weight store, in a module of its own.

    Parameters
    ----------
    store
        Line of ``design.json``.
    number
        Key of the store's ``memories``: 0 holds the bits, 1 and 2 copies, 3 check bits.
    path
        Of the memory, top module included, with dots.
    """

    store: Store
    number: int
    path: str

    @property
    def levels(self) -> tuple[str, ...]:
        """Names below the top, without the memory's."""
        return tuple(self.path.split(".")[1:-1])

    @property
    def memory(self) -> str:
        """Name of the memory in the bank."""
        return self.path.rpartition(".")[2]

    @property
    def flat(self) -> str:
        """Name of the instance after Yosys has flattened everything around it: dots."""
        return ".".join(self.levels)

    @property
    def cell(self) -> str:
        """Name of the instance in vendor tools: slashes, generate blocks before their instance's name."""
        scopes, cells = "", []
        for level in self.levels:
            scopes += f"{level}." if level.startswith(SCOPE) else ""
            if not level.startswith(SCOPE):
                cells.append(scopes + level)
                scopes = ""
        return "/".join(cells)

    @property
    def pattern(self) -> str:
        """As :attr:`cell`, but whatever a tool makes of generate blocks: a star in their place."""
        head, _, last = self.cell.rpartition("/")
        return f"{head}/*{last.rpartition('.')[2]}"

    @property
    def flip_flops(self) -> int:
        """Flip-flops that synthesis must leave in it."""
        if self.number == 0:
            return self.store.bits
        if self.number == CHECK_BANK:
            return len(check_bits(self.store, 0, self.store.bits).sites)
        if self.store.guard is None:
            return self.store.protected_bits
        return int(bank_mask(self.store, self.number).sum())

    @property
    def is_scrubbed(self) -> bool:
        """Whether its store writes corrected values back by itself."""
        return self.store.guard is not None and self.store.guard.period > 0

    def register(self, word: int, bit: int) -> str:
        """Name that Vivado gives the flip-flop of one stored bit."""
        return f"{self.cell}/{self.memory}_reg[{word}][{bit}]"


def _module_of(instance: str, text: str) -> str:
    """Module of an instance, as the emitter prints it with parameters and without."""
    plain = re.search(rf"^  (\w+) {instance} \($", text, re.MULTILINE)
    if plain:
        return plain[1]
    before = text[: text.index(f"\n  ) {instance} (")]
    return re.findall(r"^  (\w+) #\($", before, re.MULTILINE)[-1]


def _instantiates(text: str, module: str) -> bool:
    """Whether Verilog text holds an instance of ``module``.

    >>> _instantiates("  b u_b (.x(x));", "b"), _instantiates("module b;", "b")
    (True, False)
    """
    return re.search(rf"^\s*{module}\s+(#\s*\(|\w+\s*\()", text, re.MULTILINE) is not None


@dataclass(frozen=True)
class Facts:
    """A design to hand over.

    Parameters
    ----------
    accelerator
        Its ``design.json``.
    period
        Of the clock, in ns.
    part
        Device for Vivado.
    protected
        Numbers of the stored bits that the plan protects; None if the plan is not at hand.
    """

    accelerator: Accelerator
    period: float
    part: str
    protected: NDArray[np.int64] | None

    @property
    def top(self) -> str:
        """Name of the top module."""
        return self.accelerator.top

    @property
    def files(self) -> tuple[str, ...]:
        """Verilog files, relative to the folder, in order."""
        return self.accelerator.files

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules: a file holds one, which is called as the file."""
        return tuple(PurePosixPath(file).stem for file in self.files)

    @cached_property
    def banks(self) -> tuple[Bank, ...]:
        """Every bank of every store."""
        return tuple(
            Bank(store, number, path)
            for store in self.accelerator.stores
            for number, (path, _) in store.memories.items()
        )

    @cached_property
    def replicated(self) -> tuple[Bank, ...]:
        """Banks of stores that have copies or check bits, the first one included."""
        return tuple(bank for bank in self.banks if len(bank.store.memories) > 1)

    @cached_property
    def stores(self) -> tuple[str, ...]:
        """Instances of the weight stores in the top module."""
        return tuple(dict.fromkeys(bank.levels[0] for bank in self.banks))

    @cached_property
    def copies(self) -> tuple[str, ...]:
        """Instances in the top of a datapath that stands three times; none if it stands once."""
        if not self.accelerator.triplicated:
            return ()
        registers = self.accelerator.register_list
        several = {register.name for register in registers if register.replica}
        return tuple(dict.fromkeys(r.path.split(".")[1] for r in registers if r.name in several))

    @cached_property
    def kept_modules(self) -> tuple[str, ...]:
        """Modules of stores and copies, down to the last, which no tool for redundancy may touch.

        Read off the Verilog: what the top instantiates under such a name, and what that instantiates.
        """
        texts = dict(zip(self.modules, (path.read_text() for path in self.accelerator.paths), strict=True))
        found = {_module_of(instance, texts[self.top]) for instance in (*self.stores, *self.copies)}
        todo = list(found)
        while todo:
            text = texts[todo.pop()]
            below = {name for name in texts if _instantiates(text, name)} - found
            found |= below
            todo += below
        return tuple(name for name in self.modules if name in found)

    @cached_property
    def ports(self) -> tuple[str, ...]:
        """Ports of the top module, as its Verilog declares them."""
        text = self.accelerator.paths[self.modules.index(self.top)].read_text()
        return tuple(re.findall(r"^\s+(?:input|output)\s+wire\s+(?:\[.*?\]\s*)?(\w+)", text, re.MULTILINE))

    def heading(self, comment: str, *lines: str) -> str:
        """Comment lines that say what the file is and what it was made from."""
        accelerator = self.accelerator
        said = (
            f"{self.top}: {lines[0]}",
            *lines[1:],
            f"Written by NetSurf from design {accelerator.digest[:12]} (network {accelerator.network[:12]}, "
            f"plan {accelerator.plan[:12]}); do not edit.",
        )
        return "".join(f"{comment} {line}".rstrip() + "\n" for line in said) + "\n"
