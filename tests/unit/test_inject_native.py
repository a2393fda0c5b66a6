"""The native kernels' compiler and cache, and what happens without them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from netsurf.errors import MissingToolError, ToolFailedError, UnknownNameError, UsageError
from netsurf.fault import FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.inject import Models, native
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Network, TensorSpec
from tests.strategies import dense


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache, and no library loaded yet."""
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path))
    native.library.cache_clear()
    yield tmp_path / "native"
    native.library.cache_clear()


@pytest.fixture
def models():
    """A small chain, ready to run, by kernel."""
    spec, weight = TensorSpec((5,), FixedFormat(4, 4, signed=False)), FixedFormat(4, 4)
    wide = FixedFormat(16, 16)
    layer = dense("fc", "input", spec, 3, weight, weight, wide, wide, np.random.default_rng(0))
    design = DesignPoint.unprotected(Network("small", spec, (layer,)))
    x = np.random.default_rng(1).integers(16, size=(9, 5))
    return lambda **options: Models(design, x, np.zeros(9, np.int64), **options)


def test_compiles_once_and_keeps_by_digest(fresh):
    native.library("scalar")
    kept = list(fresh.glob("*.so"))
    assert [path.name.split("-")[1] for path in kept] == ["scalar"]
    first = kept[0].stat().st_mtime_ns
    native.library.cache_clear()
    native.library("scalar")
    assert [path.stat().st_mtime_ns for path in fresh.glob("*.so")] == [first]


def test_another_source_is_another_file(fresh, tmp_path, monkeypatch):
    native.library("scalar")
    changed = tmp_path / "kernels.cpp"
    changed.write_text(native.SOURCES["kernels"][0].read_text() + "\n// changed\n")
    monkeypatch.setitem(native.SOURCES, "kernels", (changed,))
    native.library.cache_clear()
    native.library("scalar")
    assert len(list(fresh.glob("*.so"))) == 2


def test_a_source_that_does_not_compile_names_its_log(fresh, tmp_path, monkeypatch):
    broken = tmp_path / "kernels.cpp"
    broken.write_text("this is no C++\n")
    monkeypatch.setitem(native.SOURCES, "kernels", (broken,))
    with pytest.raises(ToolFailedError, match=r"log is .*\.log"):
        native.library("scalar")
    assert not list(fresh.glob("*.so"))


def test_without_a_compiler_auto_is_portable_and_says_so(fresh, models, monkeypatch):
    faults = FaultList.single(np.arange(12))
    expected = models(kernel="native").run(faults)
    native.library.cache_clear()
    monkeypatch.setenv("NETSURF_CACHE", str(fresh.parent / "other"))
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingToolError, match="g\\+\\+ is not installed"):
        models(kernel="native").run(faults)
    ready = models(kernel="auto")
    assert ready.path == "portable (there is no g++ to compile the native ones: slower)"
    assert ready.run(faults).correct.tolist() == expected.correct.tolist()


def test_every_instruction_set_of_this_processor_counts_the_same(models):
    faults = FaultList.single(np.arange(60))
    expected = models(kernel="portable").run(faults)
    for name in native.instruction_sets():
        got = models(kernel="native", instructions=name).run(faults)
        assert got.path == f"native ({name})"
        assert got.correct.tolist() == expected.correct.tolist()
        assert got.sdc.tolist() == expected.sdc.tolist()


def test_the_order_of_instruction_sets_is_fastest_first():
    assert native.instruction_sets()[-1] == "scalar"
    assert list(native.FLAGS) == list(native.NEEDS)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="unknown kernel 'nativ' \\(did you mean native\\?\\)"):
        Kernels("nativ")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="unknown instruction set 'avx3'"):
        native.library("avx3")
    with pytest.raises(UsageError, match="jobs is 0; choose 1 or more"):
        Kernels(jobs=0)


def test_shares_cover_everything_once():
    for count in (0, 1, 5, 17):
        for jobs in (1, 2, 3, 20):
            parts = shares(count, jobs)
            assert [i for part in parts for i in part] == list(range(count))
            assert len(parts) <= jobs


def test_the_number_of_workers_changes_nothing(models):
    faults = FaultList.single(np.arange(60))
    one, three = (models(jobs=jobs).run(faults) for jobs in (1, 3))
    assert one.correct.tolist() == three.correct.tolist()
