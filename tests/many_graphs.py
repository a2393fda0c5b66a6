# ruff: noqa: E402, T201  (a program too: it finds its package, and prints what it does)
"""Hundreds of drawn graphs through every engine: equal integers and flags, counted and kept.

Type: python tests/many_graphs.py [--graphs 500] [--seed 0] [--shrink SEED]

Each graph has a seed of its own, counted from 0. They are compiled in chunks, and each chunk is one file in
``build/graphs``: a run that was stopped goes on behind its last whole chunk. A graph is a design point (a
random part of its bits triplicated) under a random architecture, with golden, single, Bernoulli and other
faults. What an engine refuses is counted by reason, and nothing is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":  # another distribution has a package `tests` too
    package = types.ModuleType("tests")
    package.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = package
    sys.path[0] = str(ROOT)

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, assume, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from netsurf import ir, paths
from netsurf.cosim import VerilatorEngine
from netsurf.cosim.together import build_together as build_simulators
from netsurf.emit import Accelerator, Architecture, emit
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import NetsurfError, UnsupportedLayerError
from netsurf.fault import Fault, FaultList, bernoulli, exact_count
from netsurf.files import write_atomic
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.hls.together import build_together as build_libraries
from netsurf.inject import FastEngine
from netsurf.ir import Network
from netsurf.provenance import provenance
from tests.graphs import graphs
from tests.rtl_faults import PlainIcarus
from tests.strategies import architectures, design_points, fault_lists, inputs, random_codes

CHUNK = 20
"""Graphs compiled together, and lost when a run is stopped."""

RESULTS = Path("build") / "graphs.json"

ENGINES = ("fast", "csim", "rtl-verilator", "rtl-icarus")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What all engines run: a design point, how it is built, faults and inputs.

    ``unbuilt`` says why there is no architecture.
    """

    design: DesignPoint
    architecture: Architecture | None
    unbuilt: str
    faults: FaultList
    inputs: Any

    @property
    def network(self) -> Network:
        """The graph."""
        return self.design.network


@st.composite
def cases(draw) -> Case:
    """Any graph that the strategy draws; one in ten may have dilated convolutions, which hls4ml has not."""
    dilated = draw(st.integers(0, 9)) == 9
    design = draw(design_points(graphs(dilated=dilated)))
    try:
        architecture, unbuilt = draw(architectures(design.network)), ""
    except UnsupportedLayerError as error:
        architecture, unbuilt = None, str(error)
    seed, rate = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.001, 0.01, 0.1, 0.5]))
    faults = FaultList.of(
        [
            Fault(()),
            *exact_count(design.space, 3, 1, seed),
            *bernoulli(design.space, 2, rate, seed),
            *draw(fault_lists(design)),
        ]
    )
    return Case(design, architecture, unbuilt, faults, draw(inputs(design.network, max_samples=8)))


def drawn(seed: int) -> Case:
    """The case of a seed: the first graph that is alive; every fifth seed takes the first as it comes.

    The simplest graph, with which hypothesis begins, is left out, and so are later ones: they would be
    variations of the first, which finds defects sooner but covers less.
    """
    found: list[Case] = []

    @seeded(seed)
    @settings(_DRAW, phases=[Phase.generate])
    @given(cases())
    def collect(case: Case) -> None:
        if _is_taken(case, seed):
            found.append(case)

    collect()
    return found[0]


def _is_taken(case: Case, seed: int) -> bool:
    """Whether a case is not the simplest of all; a graph that is not alive is drawn again."""
    if case.network.digest == _first_of_all():
        return False
    assume(seed % 5 == 0 or alive(case.network))
    return True


@cache
def _first_of_all() -> str:
    digests: list[str] = []

    @settings(_DRAW, max_examples=1, phases=[Phase.generate])
    @given(cases())
    def collect(case: Case) -> None:
        digests.append(case.network.digest)

    collect()
    return digests[0]


def alive(network: Network) -> bool:
    """Whether the outputs of 16 random inputs differ: drawn formats often round everything to one code."""
    codes = random_codes(network.input.format, (16, *network.input.shape), np.random.default_rng(0))
    return bool(np.ptp(ir.execute(network, codes), axis=0).any())


_DRAW = settings(
    max_examples=2,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)


class Bench:
    """Engines for a list of cases, those that need a compiler built in one go.

    Parameters
    ----------
    folder
        Where accelerators are written; binaries and libraries go to the build folder.
    engines
        Those that will be asked for.
    spoil
        Called with every accelerator when it is written: a planted defect.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        folder: Path,
        engines: Sequence[str] = ENGINES,
        spoil: Callable[[Accelerator], None] | None = None,
    ) -> None:
        self.accelerators = [self._emitted(case, folder / f"{n}", spoil) for n, case in enumerate(cases)]
        with suppress(NetsurfError):  # then each is built alone, and the one that fails says why
            if "csim" in engines:
                build_libraries([case.network for case in cases], paths.build() / "csim")
        with suppress(NetsurfError):
            if "rtl-verilator" in engines:
                build_simulators([a for a in self.accelerators if isinstance(a, Accelerator)])

    def _emitted(self, case: Case, folder: Path, spoil: Any) -> Accelerator | Exception:
        if case.architecture is None:
            return UnsupportedLayerError(case.unbuilt)
        try:
            accelerator = emit(case.design, case.architecture, folder)
        except Exception as error:  # noqa: BLE001  (kept: the engines that need it will raise it)
            return error
        if spoil:
            spoil(accelerator)
        return accelerator

    def engine(self, name: str, number: int, case: Case) -> Any:
        """An engine for case ``number``; UnsupportedLayerError if there is none."""
        if name == "fast":
            return FastEngine(case.design)
        if name == "csim":
            return CSimEngine(case.design, quick=True)
        accelerator = self.accelerators[number]
        if isinstance(accelerator, Exception):
            raise accelerator
        if name == "rtl-icarus":
            return PlainIcarus(accelerator, case.design)
        return VerilatorEngine(accelerator, case.design, jobs=1, quick=True)


def examine(
    bench: Bench, number: int, case: Case, engines: Iterable[str] = ENGINES
) -> dict[str, dict[str, Any]]:
    """Run one case in each engine and compare with the reference: pairs and mismatches, or why not."""
    expected = ReferenceEngine(case.design).run(case.faults, case.inputs)
    said: dict[str, dict[str, Any]] = {}
    for name in engines:
        start = time.perf_counter()
        try:
            got = bench.engine(name, number, case).run(case.faults, case.inputs)
        except UnsupportedLayerError as error:
            said[name] = {"refused": _reason(error)}
            continue
        except Exception as error:  # noqa: BLE001  (any is a defect, to be counted; others are waiting)
            said[name] = {"failed": f"{type(error).__name__}: {error}"}
            continue
        agreement = compare(name, expected, got)
        said[name] = {"pairs": agreement.pairs, "mismatches": agreement.count}
        if agreement.count:
            said[name]["first"] = repr(agreement.mismatches[0])
        said[name]["seconds"] = round(time.perf_counter() - start, 3)
    return said


def _reason(error: Exception) -> str:
    """A refusal without the name of its layer.

    >>> _reason(ValueError("layer 'conv3': hls4ml has none"))
    'layer: hls4ml has none'
    """
    return re.sub(r"(layer) '\w+'|^\w+(?=: )", r"\1", str(error)).lstrip(": ")


def wrong(said: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Engines that disagreed or failed, and how."""
    return {
        name: one.get("failed") or one.get("first", "")
        for name, one in said.items()
        if "failed" in one or one.get("mismatches")
    }


def traits(case: Case) -> dict[str, Any]:
    """What there is in a case, for the count of what was covered."""
    network = case.network
    readers = Counter(source for layer in network.layers for source in set(layer.inputs))
    windows = [layer.attributes for layer in network.layers]
    merges = [layer.inputs for layer in network.layers if len(layer.inputs) > 1]
    held = {
        "strides": any(max(a.get("strides", (1,))) > 1 for a in windows),
        "padding": any(max(a.get("padding", (0,))) > 0 for a in windows),
        "dilation": any(max(a.get("dilation", (1,))) > 1 for a in windows),
        "residual (two different tensors merged)": any(len(set(names)) > 1 for names in merges),
        "a tensor with several readers": max(readers.values()) > 1,
        "a tensor merged with itself": any(len(set(names)) == 1 for names in merges),
        "image (two axes and channels)": len(network.input.shape) == 3,
        "sequence (one axis and channels)": len(network.input.shape) == 2,
        "protected bits": len(case.design.space.protected) > 0,
        "serial": case.architecture is not None and case.architecture.name == "serial",
        "parallel": case.architecture is not None and case.architecture.name == "parallel",
        "mixed reuse factors": case.architecture is not None and case.architecture.name == "mixed",
        "outputs that depend on the input": alive(network),
        network.task: True,
    }
    formats = [spec.format for spec in (network.input, *(layer.output for layer in network.layers))]
    return {
        "network": network.digest,
        "layers": len(network.layers),
        "stored_bits": network.stored_bits,
        "kinds": sorted({layer.kind for layer in network.layers}),
        "traits": sorted(name for name, there in held.items() if there),
        "modes": sorted({form.rounding for form in formats} | {form.overflow for form in formats}),
        "faults": len(case.faults),
    }


def run_chunk(
    first: int, count: int = CHUNK, engines: Sequence[str] = ENGINES, spoil: Any = None
) -> dict[str, Any]:
    """Draw, build and compare the graphs of ``count`` seeds."""
    start, seeds, rows = time.perf_counter(), range(first, first + count), []
    chosen = [drawn(seed) for seed in seeds]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(chosen, Path(folder), engines, spoil)
        for place, (seed, case) in enumerate(zip(seeds, chosen, strict=True)):
            said = examine(bench, place, case, engines)
            rows.append({"seed": seed, **traits(case), "engines": said})
            for name, how in wrong(said).items():
                ir.save(case.network, paths.build() / "graphs" / f"wrong-{seed}")
                print(f"{name} is wrong on the graph of seed {seed}: {how}", flush=True)
                print(f"  a smaller one: python tests/many_graphs.py --shrink {seed}", flush=True)
    return {"rows": rows, "seconds": round(time.perf_counter() - start, 1)}


def shrink(seed: int, engines: Sequence[str] = ENGINES) -> None:
    """Let hypothesis make a graph that an engine gets wrong as small as it can; raises with the smallest."""

    @seeded(seed)
    @settings(_DRAW, verbosity=Verbosity.normal, report_multiple_bugs=False)
    @given(cases())
    def smallest(case: Case) -> None:
        if not _is_taken(case, seed):
            return
        with tempfile.TemporaryDirectory() as folder:
            said = examine(Bench([case], Path(folder), engines), 0, case, engines)
        if not wrong(said):
            return
        ir.save(case.network, paths.build() / "graphs" / f"smallest-{seed}")
        layers = [(x.kind, x.inputs, str(x.output), dict(x.attributes)) for x in case.network.layers]
        raise AssertionError(f"{wrong(said)}\n{case.network.input}\n{layers}\n{case.architecture}")

    smallest()


def summary(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is kept of a run: counts by engine, kind and trait."""
    rows = [row for chunk in chunks for row in chunk["rows"]]
    return {
        "graphs": len(rows),
        "different_networks": len({row["network"] for row in rows}),
        "faults": sum(row["faults"] for row in rows),
        "engines": {name: _of_engine(name, rows) for name in ENGINES},
        "graphs_with_kind": _tally(row["kinds"] for row in rows),
        "graphs_with": _tally(row["traits"] for row in rows),
        "graphs_with_mode": _tally(row["modes"] for row in rows),
        "layers": _tally([row["layers"]] for row in rows),
        "most_stored_bits": max(row["stored_bits"] for row in rows),
        "seeds": [rows[0]["seed"], rows[-1]["seed"]],
        "seconds": round(sum(chunk["seconds"] for chunk in chunks), 1),
    }


def _of_engine(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    said = [row["engines"][name] for row in rows if name in row["engines"]]
    ran = [one for one in said if "pairs" in one]
    return {
        "graphs": len(ran),
        "pairs": sum(one["pairs"] for one in ran),
        "mismatches": sum(one["mismatches"] for one in ran),
        "graphs_with_mismatches": sum(one["mismatches"] > 0 for one in ran),
        "failed": [one["failed"] for one in said if "failed" in one],
        "refused": dict(Counter(one["refused"] for one in said if "refused" in one)),
    }


def _tally(rows: Iterable[Iterable[Any]]) -> dict[str, int]:
    counts = Counter(item for row in rows for item in row)
    return {str(item): counts[item] for item in sorted(counts)}


def sources() -> str:
    """Digest of everything that decides what is drawn and what is computed: other code, another run."""
    hasher = hashlib.sha256()
    for folder, pattern in (("netsurf", "*.py"), ("netsurf", "*.[ch]pp"), ("rtl", "*.v"), ("hls", "*.h")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            hasher.update(path.read_bytes())
    for name in ("graphs.py", "strategies.py", "rtl_faults.py", "many_graphs.py"):
        hasher.update((ROOT / "tests" / name).read_bytes())
    return hasher.hexdigest()[:16]


def run(graphs_wanted: int, seed: int, results: Path) -> bool:
    """Run all chunks that are not there yet; returns whether every engine agreed on every graph."""
    folder, chunks = paths.build() / "graphs", []
    code = sources()
    for first in range(seed, seed + graphs_wanted, CHUNK):
        path = folder / f"{code}-{first}.json"
        if not path.is_file():
            write_atomic(path, json.dumps(run_chunk(first)))
        chunks.append(json.loads(path.read_text()))
        said = summary(chunks)
        counts = "; ".join(
            f"{name} {one['graphs']} graphs, {one['pairs']} pairs, {one['mismatches']} mismatches, "
            f"{len(one['failed'])} failed, {sum(one['refused'].values())} refused"
            for name, one in said["engines"].items()
        )
        print(f"{said['graphs']} graphs, {said['seconds']:.0f} s: {counts}", flush=True)
        keep(results, {**said, "sources": code, **provenance()})
    return not any(one["mismatches"] or one["failed"] for one in said["engines"].values())


def keep(results: Path, entry: dict[str, Any]) -> None:
    """Put the counts of a run into a file of runs, instead of those of the same code; sum over all."""
    runs = json.loads(results.read_text())["runs"] if results.is_file() else []
    runs = [*(old for old in runs if old["sources"] != entry["sources"]), entry]
    total = {
        name: {key: sum(r["engines"][name][key] for r in runs) for key in ("graphs", "pairs", "mismatches")}
        for name in ENGINES
    }
    document = {"graphs": sum(r["graphs"] for r in runs), "engines": total, "runs": runs}
    write_atomic(results, json.dumps(document, indent=1) + "\n")


def main() -> int:
    """The command line; 1 if an engine was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=500, help="graphs to compare (default 500)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first graph (default 0)")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="file for the counts (default build/graphs.json)"
    )
    parser.add_argument(
        "--shrink", type=int, metavar="SEED", help="make the graph of a seed, which was wrong, smaller"
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="only add the runs of FILE to --results")
    given_ = parser.parse_args()
    os.environ.setdefault("NETSURF_BUILD", str(ROOT / "build"))
    if given_.keep:
        said = json.loads(given_.keep.read_text())
        for entry in said.get("runs", [said]):
            keep(given_.results, entry)
        return 0
    if given_.shrink is not None:
        shrink(given_.shrink)
        return 0
    return 0 if run(given_.graphs, given_.seed, given_.results) else 1


if __name__ == "__main__":
    sys.exit(main())
