"""AVF of registers and weights: what is counted, and how weights and datapath are weighed."""

import json
import math

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.avf import (
    WEIGHT,
    Avf,
    Draw,
    Row,
    cycle_model,
    document,
    exhaustive,
    measure,
    populations_of,
    single_upsets,
    strike_outcomes,
    voter_sites,
)
from netsurf.campaign.mbu import protect_all
from netsurf.campaign.problem import Problem
from netsurf.campaign.statistics import census
from netsurf.errors import UnsupportedLayerError, UsageError
from netsurf.fault.strikes import StrikeList, StrikeResult
from netsurf.ir import execute
from netsurf.report.avf import avf_figure, share
from tests.rtl_designs import design, emitted, samples


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    point = design(0.3)
    accelerator = emitted(point, "serial", tmp_path_factory.mktemp("avf"))
    inputs = samples(point.network, 8)
    labels = execute(point.network, inputs).argmax(axis=1)
    return point, accelerator, Problem(point.network, inputs, labels)


def test_a_sample_of_upsets_covers_the_exhaustive_value(subject):
    """For each kind: all bits in all cycles on every input, against 3,000 drawn upsets."""
    point, accelerator, problem = subject
    table = measure(point, accelerator, problem, Draw(3000, 4))
    for row in table.rows:
        if row.kind == WEIGHT:
            continue
        whole = [exhaustive(point, accelerator, problem, row.kind, sample) for sample in range(8)]
        truth = float(np.mean([part.avf.estimate for part in whole]))
        assert row.avf.low - 0.01 <= truth <= row.avf.high + 0.01, row.kind
        assert sum(row.outcomes) == 3000
        assert sum(hits for _, _, hits in row.by_register) == round(row.avf.estimate * 3000)


def test_the_weights_are_counted_exactly(subject):
    """Single upsets one by one, over all stored bits and replicas, give the census."""
    point, accelerator, problem = subject
    from netsurf.engine import ReferenceEngine
    from netsurf.fault import FaultList

    result = ReferenceEngine(point).run(FaultList.single(point.space.sites), problem.inputs)
    wrong = (result.outputs.argmax(axis=-1) != problem.decisions).sum()
    row = measure(point, accelerator, problem, Draw(5), singles=single_upsets(problem)).rows[-1]
    assert row.avf == census(int(wrong), point.space.size * problem.samples)
    assert row.avf.estimate > 0


def test_voters_that_no_row_needs_are_no_sites(subject):
    """A column that is never protected has no voter; of the others all three inputs are sites."""
    point, accelerator, _ = subject
    sites = voter_sites(point, accelerator)
    columns = 0
    for store in accelerator.stores:
        first = point.space.offsets[store.tensor]
        mask = point.space.is_protected[first : first + store.bits].reshape(store.words, -1)
        columns += int(mask.any(axis=0).sum())
    assert len(sites) == 3 * columns < accelerator.register_space.size - accelerator.registers
    assert set(populations_of(point, accelerator)) == {
        "accumulator",
        "pipeline",
        "activation",
        "control",
        "flag",
        "voter_input",
    }


def test_outcomes_of_a_struck_inference(subject):
    problem = subject[2]
    golden = problem.golden[:5].copy()
    golden[1] = np.roll(golden[1], 1)
    golden[2, golden[2].argmax()] += 1
    result = StrikeResult(
        golden, np.array([1, 1, 1, 1, 2]), np.zeros(5, int), np.array([0, 0, 0, 4, 4], np.uint64)
    )
    assert strike_outcomes(problem, result, np.arange(5)).tolist() == [0, 2, 1, 3, 4]


def table(weights, datapath, latency=10, interval=5):
    rows = (
        Row("accumulator", 100, (0,) * 5, census(datapath, 1000)),
        Row(WEIGHT, 1000, (0,) * 5, census(weights, 1000)),
    )
    return Avf(latency, interval, rows)


def test_weights_and_datapath_weigh_the_same_at_the_break_even():
    even = table(10, 50)  # 10 bits at risk in the store, 5 in the datapath
    assert even.break_even == pytest.approx(2 * 5 * 10 / 10)
    assert even.share(even.break_even) == pytest.approx(0.5)
    assert even.share(3 * even.break_even) == pytest.approx(0.75)


def test_a_store_without_errors_never_outweighs():
    safe = table(0, 50)
    assert math.isinf(safe.break_even)
    assert safe.share(1e9) == 0
    assert table(0, 0).share(1.0) == 0
    assert document(safe)["break_even_cycles"] is None


def test_the_figure_says_what_the_table_says(subject):
    point, accelerator, problem = subject
    found = measure(point, accelerator, problem, Draw(200, 4))
    level = {"protection": 0.3, **document(found)}
    assert share(level, 7) == pytest.approx(found.share(7 * found.interval))
    text = avf_figure({"levels": [level, {**level, "protection": 1.0}]})
    assert text.startswith("<svg")
    assert "30 % in TMR" in text
    assert "accumulator" in text


def test_upset_i_does_not_depend_on_how_many_are_drawn(subject):
    point, accelerator, problem = subject
    few = measure(point, accelerator, problem, Draw(50, 1)).rows[0]
    more = measure(point, accelerator, problem, Draw(200, 1)).rows[0]
    assert all(a <= b for a, b in zip(few.outcomes, more.outcomes, strict=True))


def test_nothing_to_draw_is_refused(subject):
    with pytest.raises(UsageError, match="at least one upset"):
        measure(*subject, Draw(0))


def test_the_model_is_that_of_the_accelerator(subject):
    point, accelerator, problem = subject
    model = cycle_model(point, accelerator)
    assert model.copies == 1
    result = model.run(StrikeList.of([()] * 8), problem.inputs, np.arange(8))
    np.testing.assert_array_equal(result.outputs, problem.golden)


def test_another_scheme_is_refused(subject):
    """A model that took a code for a plain store would be wrong in silence."""
    _, accelerator, problem = subject
    with pytest.raises(UnsupportedLayerError, match="not secded"):
        cycle_model(protect_all(problem, "secded"), accelerator)


def test_a_triplicated_datapath_has_no_avf(capsys, tmp_path, monkeypatch):
    """Of 60 upsets of each kind none is visible; accumulators alone are three times as many."""
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    arguments = ["avf", "mnist_fnn_lite", "--architecture", "parallel", "--levels", "0", "--samples", "20"]
    rows = {}
    for more in ((), ("--triplicate",)):
        assert cli.main([*arguments, *more, "--faults", "60", "--json"]) == 0
        (level,) = json.loads(capsys.readouterr().out)["levels"]
        rows[more] = {row["kind"]: row for row in level["rows"]}
    plain, triple = rows.values()
    assert triple["accumulator"]["bits"] == 3 * plain["accumulator"]["bits"]
    assert plain["control"]["avf"] > 0
    assert triple["control"]["avf"] == triple["accumulator"]["avf"] == 0
    assert triple["control"]["outcomes"]["detected"] > 0


def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    arguments = ["avf", "mnist_fnn_lite", "--architecture", "parallel", "--faults", "40", "--samples", "20"]
    assert cli.main([*arguments, "--levels", "0,20", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [level["protection"] for level in result["levels"]] == [0.0, 0.2]
    assert [row["kind"] for row in result["levels"][1]["rows"]] == [
        "accumulator",
        "control",
        "flag",
        "voter_input",
        "weight",
    ]
    assert (tmp_path / "build" / "mnist_fnn_lite" / "avf" / "parallel.svg").read_text().startswith("<svg")
    assert cli.main(arguments) == 0
    assert "half at" in capsys.readouterr().out
