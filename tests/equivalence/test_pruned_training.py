"""Pruning while training, and a benchmark before its training: through Keras, hls4ml and the worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from netsurf import ir
from netsurf.errors import NetworkError
from netsurf.frontend import artefacts, pruning
from netsurf.frontend import spec as specs
from netsurf.frontend.equality import random_inputs, require_equal
from netsurf.rank import METHODS, Evidence, needs, rank
from netsurf.rank.bits import pruned

pytestmark = pytest.mark.tf

SPARSITY = 0.375


def little(**training) -> specs.BenchmarkSpec:
    base = yaml.safe_load((specs.load("dummy").folder / specs.FILE).read_text())
    rule = {"epochs": 2, "batch": 32, "learning_rate": 0.01, "seed": 3} | training
    changes = {"training": rule, "pruning": {"sparsity": SPARSITY, "every": 5}}
    return specs.parse(yaml.safe_dump(base | changes), "little")


@pytest.fixture(scope="module")
def trained():
    """Specification, model and network of a benchmark that was pruned while it was trained."""
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.train import train

    spec = little()
    model = train(spec, spec.splits().train)
    return spec, model, convert_benchmark(model, spec)


def test_training_reaches_the_target_in_every_kernel(trained):
    _, model, network = trained
    found = pruning.require_sparsity(network, SPARSITY)
    assert list(found) == [name for name in network.parameters if name.endswith(".kernel")]
    for name in found:
        parameter = network.parameters[name]
        assert parameter.pruned.sum() == round(SPARSITY * parameter.codes.size)
        assert not parameter.codes[parameter.pruned].any()
        assert not model.get_layer(name.split(".")[0]).kernel.numpy()[parameter.pruned].any()
    assert not any(
        network.parameters[name].pruned is not None for name in network.parameters if "bias" in name
    )


def test_the_pruned_network_is_the_model(trained):
    _, model, network = trained
    assert require_equal(network, model, random_inputs(network, 200, np.random.default_rng(1))) == 200


def test_masks_survive_files(trained, tmp_path):
    from netsurf.frontend import model as models
    from netsurf.frontend.convert import convert_benchmark

    spec, model, network = trained
    ir.save(network, tmp_path)
    assert ir.load(tmp_path).digest == network.digest
    models.save(model, tmp_path / "model.h5")
    assert convert_benchmark(models.load(tmp_path / "model.h5"), spec).digest == network.digest


def test_a_weight_that_came_back_is_noticed(trained):
    """The negative control: masks are read from the model, and a model without zeros has none."""
    from netsurf.frontend.convert import convert_benchmark

    spec, model, network = trained
    kernel = model.get_layer("fc2").kernel
    before = kernel.numpy()
    try:
        kernel.assign(np.where(before == 0, 1e-9, before))
        grown = convert_benchmark(model, spec)
        assert grown.digest != network.digest
        with pytest.raises(NetworkError, match=r"sparsity fc2\.kernel 0\.0000; the target is 0\.375"):
            pruning.require_sparsity(grown, SPARSITY)
    finally:
        kernel.assign(before)


def test_pruning_costs_the_smallest_weights_only(trained):
    """Without its pruning the same training gives another network, with next to no zero in its kernels."""
    from netsurf.frontend.train import train

    spec, _, _ = trained
    free = train(spec.model_copy(update={"pruning": None}), spec.splits().train)
    assert max(mask.mean() for mask in pruning.zeros(free).values()) < 0.001


def test_make_refuses_a_training_too_short_to_prune(tmp_path, monkeypatch):
    import contextlib

    @contextlib.contextmanager
    def watch(label):
        yield lambda done, total, note: None

    monkeypatch.setattr(pruning, "smallest", lambda weights, sparsity: np.zeros(weights.shape, bool))
    with pytest.raises(NetworkError, match=r"the target is 0\.375"):
        artefacts.make(little(epochs=1), tmp_path, watch)
    assert not list(tmp_path.iterdir())


def test_every_method_that_reads_gradients_ranks_a_pruned_model(trained, tmp_path):
    """The first NetSurf's open point, Hessian and pruning; values are checked in test_rank_truth."""
    from netsurf.frontend.gradients import Differential, Effort, calibration_reals, measure
    from netsurf.frontend.model import load, save
    from netsurf.rank import EVIDENCE

    spec, model, network = trained
    save(model, tmp_path / "copy.h5")
    at = Differential(load(tmp_path / "copy.h5"), network, *calibration_reals(spec, 40))
    apart = {name for name, kind in EVIDENCE.items() if kind.source == "gradients"}
    methods = [name for name, method in METHODS.items() if method.needs and set(method.needs) <= apart]
    assert {"hessian", "hessian_fkeras", "hessiandelta", "laplace", "fisher", "taylor2"} <= set(methods)
    evidence = Evidence(network.digest, measure(at, needs(methods), Effort(samples=40, probes=4)))
    gone = np.flatnonzero(pruned(network))
    for method in methods:
        ranking = rank(method, network, 1, evidence)
        assert set(ranking[-len(gone) :]) == set(gone), method
        assert len(rank(method, network, 1, evidence, weights="exclude")) == network.stored_bits - len(gone)


def test_before_training_is_where_training_starts():
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.initial import initial
    from netsurf.frontend.train import train

    spec = little(epochs=1, learning_rate=1e-12)
    model, network = initial(spec)
    assert require_equal(network, model, random_inputs(network, 50, np.random.default_rng(1))) == 50
    assert pruning.sparsities(network) == {}
    still = spec.model_copy(update={"pruning": None})
    assert convert_benchmark(train(still, spec.splits().train), still).digest == network.digest
    other = spec.model_copy(update={"training": spec.training.model_copy(update={"seed": 4})})
    assert initial(other)[1].digest != network.digest


def test_the_profile_before_training_is_of_other_weights(tmp_path, monkeypatch):
    """As ``netsurf signature`` makes it, but in this process; what is kept is read again."""
    from netsurf.frontend import gather as gathering
    from netsurf.frontend import worker
    from netsurf.frontend.gather import Settings
    from netsurf.frontend.gradients import Effort
    from netsurf.frontend.signature import signature

    monkeypatch.setattr(worker.subprocess, "run", lambda words, **_: worker.main(Path(words[-1])))
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    settings = Settings(Effort(samples=50))
    found = signature("dummy", settings=settings)
    assert found["against"]["name"] == "before training"
    assert found["against"]["network"] != found["network"]
    rows = {row["quantity"]: row for row in found["quantities"]}
    assert rows["gradient"]["after"]["mean"] < rows["gradient"]["before"]["mean"], "training found a minimum"
    assert rows["gradient"]["divergence"]["jensen_shannon"] > 0.05
    monkeypatch.setattr(gathering, "_SOURCES", {})
    monkeypatch.setattr(gathering, "initial_apart", None)
    assert signature("dummy", settings=settings)["quantities"] == found["quantities"]
