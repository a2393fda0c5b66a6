"""The synthesised netlist as an engine: Verilator on what Yosys wrote, upset at its flip-flops by number."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from netsurf import toolchain
from netsurf.cosim import build
from netsurf.cosim.engines import VerilatorEngine
from netsurf.cosim.header import BANKS, MODEL, design_header, member
from netsurf.emit import Accelerator
from netsurf.harden import DesignPoint
from netsurf.proof import Netlist, Simulated, Text, find, rewrite, synthesise

_VERILATE = (*build._VERILATE, "-Wno-lint", "--output-split", "20000", "--output-split-cfuncs", "5000")
_COMPILE = tuple("-O1" if flag == "-O2" else flag for flag in build._COMPILE)


class NetlistEngine(VerilatorEngine):
    """Runs persistent and transient faults in the verilated netlist of an accelerator.

    The harness, the jobs and the site numbers are those of :class:`VerilatorEngine`; what is simulated is
    what Yosys wrote, with its stored bits gathered in one register a word (`netsurf.proof.rewrite`).

    Parameters
    ----------
    technology
        Cells of the netlist (:data:`netsurf.proof.TECHNOLOGIES`). ``words`` is Yosys' netlist of word-wide
        cells, built in minutes for 70,000 flip-flops; ``gates`` and ``abc`` are mapped to single
        bits, for designs of a few thousand flip-flops.

    Raises
    ------
    SiteMapError
        If a stored bit has no flip-flop of its own in the netlist; it lists them.
    """

    def __init__(
        self, accelerator: Accelerator, design: DesignPoint, jobs: int = 2, technology: str = "words"
    ) -> None:
        super().__init__(accelerator, design, jobs)
        self.name = f"netlist-{technology}"
        self.netlist = synthesise(accelerator, technology)
        text = Text.read(self.netlist.verilog)
        self._simulated = rewrite(text, find(text, accelerator, design), accelerator)

    @property
    def version(self) -> str:
        """Versions of Yosys and Verilator."""
        return f"{self.netlist.version}, verilator {super().version}"

    def built(self) -> tuple[Path, int]:
        """The simulator of the netlist, built unless it is there already, and its digest."""
        return build_netlist(self.netlist, self._simulated)


def build_netlist(netlist: Netlist, simulated: Simulated) -> tuple[Path, int]:
    """The harness binary of a netlist and its digest; built unless it is there already.

    Raises
    ------
    ToolFailedError
        If Verilator or the compiler fails.
    """
    digest = _digest(netlist.accelerator, simulated)
    folder = build._home() / build._name(digest)
    with build._locked(folder):
        if not (folder / "harness").is_file():
            runtime = build._runtime()
            build._whole(folder, lambda scratch: _build(netlist, simulated, digest, runtime, scratch))
    return folder / "harness", digest


def _digest(accelerator: Accelerator, simulated: Simulated) -> int:
    content = (
        build._toolchain_key(),
        _VERILATE,
        _COMPILE,
        simulated.verilog,
        netlist_header(accelerator, simulated, 0),
    )
    hasher = hashlib.sha256(repr(content).encode() + build.STORED.source.read_bytes())
    return int.from_bytes(hasher.digest()[:8], "little")


def _build(netlist: Netlist, simulated: Simulated, digest: int, runtime: Path, scratch: Path) -> None:
    accelerator, model = netlist.accelerator, scratch / "model"
    model.mkdir()
    (model / "netlist.v").write_text(simulated.verilog)
    marks = "".join(f'public_flat_rd -module "{name}" -var "word_*"\n' for name in simulated.modules)
    (model / "sites.vlt").write_text("`verilator_config\n" + marks)
    names = ("--prefix", MODEL, "--top-module", accelerator.top, "--Mdir", str(model))
    toolchain.verilator().run(
        *_VERILATE, *names, "sites.vlt", "netlist.v", cwd=model, log=build._log(digest, "verilator")
    )
    (scratch / "design.h").write_text(netlist_header(accelerator, simulated, digest))
    shutil.copy(build.STORED.source, scratch / "harness.cpp")
    sources = sorted(path.name for path in model.glob("*.cpp"))
    unit = "".join(f'#include "model/{name}"\n' for name in sources) + '#include "harness.cpp"\n'
    (scratch / "all.cpp").write_text(unit)
    objects = [str(path) for path in sorted(runtime.glob("*.o"))]
    arguments = (
        *_COMPILE,
        "-I.",
        "-Imodel",
        *build._includes(),
        "all.cpp",
        *objects,
        "-o",
        "harness",
        "-lpthread",
    )
    toolchain.compiler().run(*arguments, cwd=scratch, log=build._log(digest, "compile"))
    shutil.rmtree(model)


def netlist_header(accelerator: Accelerator, simulated: Simulated, digest: int) -> str:
    """Text of ``design.h``: banks are lists of word registers."""
    emitted = design_header(accelerator, digest)
    start, end = emitted.index("  return {\n"), emitted.index("  };\n}\n\ninline void settle")
    banks = ",\n".join(
        _bank(accelerator, simulated, store, bank)
        for store in range(len(accelerator.stores))
        for bank in range(BANKS)
    )
    head, tail = emitted[:start], emitted[end:]
    head = head.replace("inline std::vector<Bank> banks(", f"{_ROW}\ninline std::vector<Bank> banks(")
    return f"{head}  return {{\n{banks}\n{tail}"


def _bank(accelerator: Accelerator, simulated: Simulated, store: int, bank: int) -> str:
    if (store, bank) not in simulated.instances:
        return "    Bank{}"
    entry, path = accelerator.stores[store], simulated.instances[store, bank]
    words = ", ".join(f"&root.{member(f'{path}.word_{word}')}" for word in range(entry.words))
    width = entry.memories[bank][1]
    kind = f"std::remove_reference_t<decltype(root.{member(f'{path}.word_0')})>"
    return f"    row<{kind}>({{{words}}}, {width})"


_ROW = """\
// Words of a bank that are registers of their own.
template <class Word>
Bank row(std::initializer_list<Word*> words, std::size_t width) {
  Bank bank{nullptr, sizeof(Word), words.size(), width};
  for (Word* word : words) bank.apart.push_back(reinterpret_cast<std::uint8_t*>(word));
  bank.base = bank.apart.front();
  return bank;
}
"""
