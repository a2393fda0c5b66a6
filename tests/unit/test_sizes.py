"""What the main job runs of a network: the same as ever of a dense one, what is bearable of the others."""

from __future__ import annotations

from netsurf.certify import JobSpec, sizes
from netsurf.certify.sizes import cost, is_streamed, job_spec, layers_spec
from tests.rtl_designs import network as dense_network
from tests.small_cnn import small


def test_a_dense_network_runs_the_defaults():
    assert not is_streamed(dense_network())
    assert job_spec(dense_network()) == JobSpec()
    chosen = job_spec(dense_network(), architectures=("spec",), samples=3)
    assert (chosen.icarus, chosen.samples) == ({"spec": (1, 1)}, 3)


def test_samples_follow_from_what_one_costs(monkeypatch):
    spec = job_spec(small())
    assert spec.architectures == ("spec", "parallel")
    assert spec.samples == 96, "a small network costs next to nothing"
    monkeypatch.setattr(sizes, "PER_PRODUCT", 1e-5)
    monkeypatch.setattr(sizes, "CSIM_PER_PRODUCT", 1e-3)
    slow, each = job_spec(small()), cost(small(), spec.architectures)
    seconds = len(slow.levels) * 2 * slow.faults * slow.samples * sum(each.rtl.values())
    assert seconds <= sizes.FAULT_SECONDS
    assert 2 <= slow.samples < 96
    assert slow.csim < (slow.faults, slow.samples)
    assert slow.fault_free["csim"] * each.csim <= sizes.ACCURACY_SECONDS
    assert job_spec(small(), samples=7).samples == 7


def test_without_rtl_the_reference_decides_how_many_samples(monkeypatch):
    monkeypatch.setattr(sizes, "REFERENCE_PER_PRODUCT", 1e-4)
    spec = job_spec(small(), architectures=())
    assert (spec.architectures, spec.icarus) == ((), {})
    seconds = len(spec.levels) * 2 * spec.faults * spec.samples * cost(small(), ()).reference
    assert seconds <= sizes.FAULT_SECONDS
    assert 2 <= spec.samples < 96


def test_a_large_network_has_fewer_levels(monkeypatch):
    assert len(job_spec(small()).levels) == 7
    monkeypatch.setattr(sizes, "LARGE", 1)
    assert job_spec(small()).levels == (0.0, 0.2, 1.0)
    assert layers_spec(small(), ("conv", "fc")).architectures == ("spec",)
