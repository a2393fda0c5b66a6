# ruff: noqa: T201  (a program of its own, outside the package: what it prints is its result)
"""NetSurf and other fault injectors on the same network, images and faults, in one run.

Type: python benchmarks/peers/run.py [--faults N] [--json]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import keras_peers
import numpy as np
import torch_peers
from task import Task, Upset

from netsurf.errors import NetsurfError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.inject import ExhaustiveResult, Models, exhaustive
from netsurf.provenance import provenance

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "peers"
INSTALL = {
    "torch": "-r benchmarks/peers/requirements.txt",
    "pytorchfi": "--no-deps -r benchmarks/peers/requirements-no-deps.txt",
    "mrfi": "--no-deps -r benchmarks/peers/requirements-no-deps.txt",
}
"""Arguments of pip that fetch a module; the others come with NetSurf."""

REPEATS = 5
"""How often NetSurf covers the whole space; the median is reported."""


@dataclass(frozen=True)
class Peer:
    """A fault injector, the modules that it needs, and what makes it ready for a task."""

    name: str
    needs: tuple[str, ...]
    prepare: Callable[[Task], Callable[[Upset], int]]


PEERS = (
    Peer("PyTorchFI 0.6.0, declare_weight_fi, batch 1000", ("torch", "pytorchfi"), torch_peers.pytorchfi),
    Peer("MRFI 2.1.0, FixPositions + IntFixedBitFlip, one batch", ("torch", "mrfi"), torch_peers.mrfi),
    Peer("plain PyTorch, in place, batch 1000", ("torch",), torch_peers.in_place),
    Peer("QKeras, set_weights + evaluate, one batch", ("qkeras",), keras_peers.evaluate),
    Peer("QKeras, assign + tf.function, one batch", ("qkeras",), keras_peers.function),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: medians of wall and CPU seconds a fault, and whether the counts are equal."""

    name: str
    seconds: float | None
    cpu: float | None
    faults: int
    equal: bool | None
    note: str = ""


def main() -> int:
    """Run everything; 1 if a peer counts otherwise than NetSurf, 2 if the task cannot be set."""
    options = _options()
    sys.path.append(str(FOLDER))  # last, so that NetSurf's own packages stay as they are
    try:
        task = Task.of(options.benchmark, options.faults, options.seed, options.threads)
    except NetsurfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    whole, rows = _netsurf(task)
    expected = whole.correct[task.sites]
    rows += [_list(task, kernel, expected) for kernel in ("native", "portable")]
    rows += [_peer(peer, task, expected) for peer in PEERS]
    _report(task, whole, rows, options.json)
    return int(any(row.equal is False for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="mnist_fnn", help="mnist_fnn or one of its shape")
    parser.add_argument("--faults", type=int, default=50, help="single upsets that every peer runs")
    parser.add_argument("--seed", type=int, default=1, help="of the fault list")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="that each may use")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    return parser.parse_args()


def _netsurf(task: Task) -> tuple[ExhaustiveResult, list[Row]]:
    """Every stored bit, :data:`REPEATS` times, after a run that compiles."""

    def run(_: int) -> ExhaustiveResult:
        return exhaustive(task.network, task.codes, task.labels, jobs=task.threads)

    run(0)
    results, wall, cpu = _timed(run, range(REPEATS))
    whole, count = results[0], results[0].faults
    same = all(np.array_equal(whole.correct, other.correct) for other in results)
    name = f"NetSurf, every stored bit ({', '.join(sorted(set(whole.rungs.values())))}; {whole.kernel})"
    return whole, [Row(name, wall / count, cpu / count, count, same, "golden run included")]


def _list(task: Task, kernel: str, expected: np.ndarray) -> Row:
    """The list alone, as the peers run it: the whole faulty model over all images, for each fault."""
    models = Models(
        DesignPoint.unprotected(task.network), task.codes, task.labels, jobs=task.threads, kernel=kernel
    )
    faults = FaultList.single(task.sites)
    models.run(faults.slice(0, task.threads))
    results, wall, cpu = _timed(lambda _: models.run(faults), range(REPEATS))
    equal = all(np.array_equal(result.correct, expected) for result in results)
    name = f"NetSurf, the list, whole models ({results[0].path})"
    return Row(name, wall / len(faults), cpu / len(faults), len(faults), equal)


def _peer(peer: Peer, task: Task, expected: np.ndarray) -> Row:
    missing = [module for module in peer.needs if importlib.util.find_spec(module) is None]
    if missing:
        line = f"python -m pip install --target build/peers {INSTALL.get(missing[0], missing[0])}"
        return Row(peer.name, None, None, 0, None, f"not installed; type: {line}")
    threads = sorted({1, task.threads}) if "torch" in peer.needs else [task.threads]
    rows = [_tried(peer, replace(task, threads=count), expected) for count in threads]
    # a count that differs goes before any speed
    return min(rows, key=lambda row: (row.equal is True, row.seconds))


def _tried(peer: Peer, task: Task, expected: np.ndarray) -> Row:
    """A peer with ``task.threads`` threads; on a busy machine PyTorch is faster with one."""
    run = peer.prepare(task)
    run(task.upsets[-1])
    counts, wall, cpu = _timed(run, task.upsets)
    name = f"{peer.name}, threads: {task.threads}"
    wrong = np.flatnonzero(np.array(counts) != expected)
    if not len(wrong):
        return Row(name, wall, cpu, len(counts), True)
    first = wrong[0]
    note = f"{len(wrong)} differ, first {task.upsets[first]}: {counts[first]}, NetSurf {expected[first]}"
    return Row(name, wall, cpu, len(counts), False, note)


def _timed(run: Callable, items) -> tuple[list, float, float]:
    """Results of ``run`` on each item, and the medians of its wall and CPU seconds."""
    results, wall, cpu = [], [], []
    for item in items:
        begin, used = time.perf_counter(), time.process_time()
        results.append(run(item))
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - used)
    return results, median(wall), median(cpu)


def _report(task: Task, whole: ExhaustiveResult, rows: list[Row], as_json: bool) -> None:
    changed = int((whole.correct[task.sites] != whole.golden_correct).sum())
    versions = {name: _version(name) for name in ("torch", "pytorchfi", "mrfi")}
    facts = {
        "samples": whole.samples,
        "faults": len(task.upsets),
        "changed": changed,
        "golden_correct": whole.golden_correct,
        "threads": task.threads,
        "load": round(os.getloadavg()[0], 1),
        "peers": versions,
        "provenance": provenance(),
    }
    if as_json:
        document = facts | {"rows": [asdict(row) | {"ratio": _ratio(row, rows)} for row in rows]}
        print(json.dumps(document, indent=2))
        return
    print(
        f"{task.network.name}, {whole.samples:,} images, {len(task.upsets)} upsets of the kernels"
        f" ({changed} change the number of correct images, {whole.golden_correct:,} without a fault);"
        f" {task.threads} threads, load {facts['load']}\n"
    )
    print("| injector | faults | wall s / fault | CPU s / fault | wall / NetSurf | CPU / NetSurf | counts |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for row in rows:
        print(_line(row, rows))


def _line(row: Row, rows: list[Row]) -> str:
    if row.seconds is None:
        return f"| {row.name} | | | | | | {row.note} |"
    ratio, cpu = row.seconds / rows[0].seconds, row.cpu / rows[0].cpu
    counts = "equal" if row.equal else f"DIFFERENT: {row.note}"
    times = f"{row.seconds:.3g} | {row.cpu:.3g} | {ratio:,.0f} | {cpu:,.0f}"
    return f"| {row.name} | {row.faults:,} | {times} | {counts} |"


def _ratio(row: Row, rows: list[Row]) -> float | None:
    return None if row.seconds is None else row.seconds / rows[0].seconds


def _version(module: str) -> str | None:
    found = importlib.util.find_spec(module)
    return getattr(importlib.import_module(module), "__version__", "installed") if found else None


if __name__ == "__main__":
    sys.exit(main())
