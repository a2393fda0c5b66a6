"""Standings from known arrays: areas, volumes, regrets, and what beats the reference."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from netsurf.campaign.experiment import Measured
from netsurf.campaign.findings import findings, flat
from netsurf.campaign.standing import better, spread, standings
from netsurf.errors import UnknownNameError, UsageError
from netsurf.report.comparison import better_table, comparison_tables, markdown, overview

LEVELS, BERS = (0.1, 0.2, 0.4), (0.01, 0.02, 0.05, 0.1)


def make(values, methods=("oracle", "msb"), higher=True, levels=LEVELS, bers=BERS):
    values = np.asarray(values, float)
    metric = "accuracy" if higher else "mse"
    return Measured(methods, levels, bers, metric, higher, values, values[0, :, 0, :], 0.9)


def drawn(seed=0, trials=8, methods=("oracle", "msb"), higher=True):
    values = np.random.default_rng(seed).random((len(methods), trials, len(LEVELS), len(BERS)))
    return make(values, methods, higher)


def test_a_constant_surface_has_its_height_as_area_and_volume():
    row = standings(make(np.ones((2, 4, 3, 4))))[1]
    assert row.vus.value == row.vus.low == row.vus.high == 1.0
    assert [area.value for area in row.auc] == [1.0] * 3
    assert standings(make(np.full((2, 4, 3, 4), 0.75)))[0].vus.value == pytest.approx(0.75)


def test_areas_and_volumes_by_plain_loops():
    measured = drawn()
    for method, row in zip(measured.methods, standings(measured), strict=True):
        areas = np.zeros((8, 3))
        for t in range(8):
            for i in range(3):
                line = measured.of(method)[t, i]
                areas[t, i] = sum((line[j] + line[j + 1]) / 2 * (BERS[j + 1] - BERS[j]) for j in range(3)) / (
                    BERS[-1] - BERS[0]
                )
        volumes = [
            sum((a[i] + a[i + 1]) / 2 * (LEVELS[i + 1] - LEVELS[i]) for i in range(2)) / 0.3 for a in areas
        ]
        for i in range(3):
            low, high = stats.t.interval(0.95, 7, areas[:, i].mean(), stats.sem(areas[:, i]))
            assert row.auc[i].value == pytest.approx(areas[:, i].mean())
            assert (row.auc[i].low, row.auc[i].high) == pytest.approx((low, high))
        assert row.vus.value == pytest.approx(np.mean(volumes))
        low, high = stats.t.interval(0.95, 7, np.mean(volumes), stats.sem(volumes))
        assert (row.vus.low, row.vus.high) == pytest.approx((low, high))
        assert row.cells[1][2].value == pytest.approx(measured.of(method)[:, 1, 2].mean())


def test_regret_is_paired_by_trial():
    rng = np.random.default_rng(1)
    luck = rng.random((1, 50, 1, 1))
    values = np.concatenate([luck + 0.10, luck + 0.08]) + np.zeros((2, 50, 3, 4))
    one, other = standings(make(values), ["oracle"])
    assert one.regrets[0].vus.value == 0
    assert other.regrets[0].vus.value == pytest.approx(0.02)
    assert other.regrets[0].auc[2].high - other.regrets[0].auc[2].low < 1e-9, "luck of a trial cancels"
    assert other.auc[2].high - other.auc[2].low > 0.05
    shuffled = values.copy()
    shuffled[1] = shuffled[1][rng.permutation(50)]
    unpaired = standings(make(shuffled), ["oracle"])[1].regrets[0].auc[2]
    assert unpaired.high - unpaired.low > 0.05, "trials of different upsets do not cancel"


def test_errors_are_better_when_smaller():
    values = np.stack([np.full((6, 3, 4), 2.0), np.full((6, 3, 4), 5.0)])
    row = standings(make(values, higher=False), ["oracle"])[1]
    assert row.vus.value == pytest.approx(5.0)
    assert row.regrets[0].vus.value == pytest.approx(3.0)
    assert not better(make(values, higher=False), "oracle")
    assert len(better(make(values[::-1], higher=False), "oracle")) == 12


def test_where_a_method_beats_the_reference():
    rng = np.random.default_rng(2)
    base = rng.random((1, 30, 3, 4))
    gains = np.zeros((3, 4))
    gains[2, 3], gains[0, 1], gains[1, 1] = 0.5, 0.011, -0.5
    noise = 0.03 * stats.norm.ppf((np.arange(30) + 0.5) / 30)[:, None, None]
    found = better(make(np.concatenate([base, base + gains + noise])), "oracle")
    assert [(row.level, row.ber) for row in found] == [(0.4, 0.1)], "within noise nothing is better"
    assert found[0].certain
    assert found[0].gain.value == pytest.approx(0.5)
    gains[0, 1] = 0.014
    found = better(make(np.concatenate([base, base + gains + noise])), "oracle")
    assert [(row.level, row.ber, row.certain) for row in found] == [(0.4, 0.1, True), (0.1, 0.02, False)]


def test_intervals_cover_what_they_say():
    rng = np.random.default_rng(3)
    mean, half = spread(rng.normal(size=(12, 20_000)))
    assert np.mean(np.abs(mean) < half) == pytest.approx(0.95, abs=0.006)
    _, wide = spread(rng.normal(size=(12, 20_000)), comparisons=20)
    assert np.mean(np.abs(mean) < wide) == pytest.approx(1 - 0.05 / 20, abs=0.002)


def test_one_trial_and_unknown_references_are_refused():
    with pytest.raises(UsageError, match="two trials, not 1"):
        standings(make(np.ones((2, 1, 3, 4))))
    for call in (lambda: standings(drawn(), ["orakel"]), lambda: better(drawn(), "orakel")):
        with pytest.raises(UnknownNameError, match="did you mean oracle"):
            call()


def document(measured):
    about = {"benchmark": "b", "ordering": "free", "protection": "tmr"}
    network = findings(measured, ("oracle", "oracle2"), **about)
    for row in network["methods"]:
        row["ordering"] = "free"
    return {"levels": list(LEVELS), "bers": list(BERS), "networks": [network]}


def test_findings_are_plain_and_hold_the_standings():
    measured = drawn(4)
    found = json.loads(json.dumps(document(measured)))["networks"][0]
    row = standings(measured, ["oracle"])[1]
    assert list(found["methods"][1]["regret"]) == ["oracle"], "oracle2 was not measured"
    assert found["methods"][1]["vus"][0] == pytest.approx(row.vus.value, rel=1e-4)
    assert found["methods"][1]["cells"][2][3][1] == pytest.approx(row.cells[2][3].low, rel=1e-4)
    assert found["comparisons"] == 12


def test_tables_say_what_the_findings_say():
    text = document(drawn(5))
    network = text["networks"][0]
    value = network["methods"][1]["vus"]
    regret = network["methods"][1]["regret"]["oracle"]["vus"]
    cell = (
        f"{100 * value[0]:.1f} ±{50 * (value[2] - value[1]):.1f}; "
        f"{100 * regret[0]:+.1f} ±{50 * (regret[2] - regret[1]):.1f}"
    )
    assert overview(text).rows[1] == ("msb", cell)
    areas = comparison_tables(text)[1]
    assert areas.columns == ("method", "10 %", "20 %", "40 %", "all levels")
    assert areas.rows[0][1].startswith(f"{100 * network['methods'][0]['auc'][0][0]:.2f} ±")
    assert areas.rows[-1][0] == "(unprotected)"
    assert markdown(text).count("\n### ") + 1 == len(comparison_tables(text))


def test_the_table_of_cells_where_the_oracle_is_beaten():
    values = np.full((3, 5, 3, 4), 0.5) + 1e-3 * np.arange(5)[None, :, None, None]
    values[1, :, 2, 3] += 0.25
    values[2, :, 2, 3] += 0.125
    text = document(make(values, ("oracle", "msb", "random")))
    rows = better_table(text, text["networks"][0]).rows
    assert rows[3] == ("0.1", None, None, "2: 25.00")
    assert rows[0] == ("0.01", None, None, None)


def test_cells_as_csv():
    measured = drawn(6)
    lines = flat(document(measured)["networks"], LEVELS, BERS).splitlines()
    assert len(lines) == 1 + 2 * 12
    assert lines[0] == "benchmark,ordering,method,level,ber,metric,mean,low,high"
    fields = lines[1 + 12 + 4 * 2 + 1].split(",")
    assert fields[:6] == ["b", "free", "msb", "0.4", "0.02", "accuracy"]
    assert float(fields[6]) == pytest.approx(measured.of("msb")[:, 2, 1].mean(), rel=1e-4)
