"""Pictures show the numbers that they were given: lines, bands, cells and labels, not only files."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.report.canvas import look, save
from netsurf.report.curves import (
    ber_figure,
    chosen,
    comparison_figures,
    protection_figure,
    standing_figure,
    surface_figure,
)
from netsurf.report.front_figure import front_figure
from netsurf.report.rank_figures import heat_figure, overlap_figure, protected_share

LEVELS, BERS = [0.1, 0.2, 0.4], [0.001, 0.01, 0.1]


def row(method, height):
    def number(value):
        return [value, value - 0.01, value + 0.02]

    return {
        "method": method,
        "ordering": "free",
        "vus": number(height),
        "auc": [number(height - 0.1 * level) for level in LEVELS],
        "cells": [[number(height - level - ber) for ber in BERS] for level in LEVELS],
        "regret": {},
    }


def network(metric="accuracy"):
    return {
        "benchmark": "small",
        "ordering": "free",
        "protection": "tmr",
        "metric": metric,
        "higher": metric == "accuracy",
        "unprotected": {"auc": [0.3, 0.2, 0.4], "cells": [[0.5 - ber, 0.4 - ber, 0.6 - ber] for ber in BERS]},
        "methods": [row("msb", 0.7), row("oracle", 0.9), row("random", 0.5)],
        "better": [],
    }


DOCUMENT = {"levels": LEVELS, "bers": BERS, "networks": [network()]}


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


def test_accuracy_against_ber():
    figure = ber_figure(DOCUMENT, network(), ["oracle", "msb"], 0.2)
    drawn = lines(figure)
    assert set(drawn) == {"oracle", "msb", "unprotected"}
    np.testing.assert_allclose(drawn["oracle"].get_xdata(), BERS)
    np.testing.assert_allclose(drawn["oracle"].get_ydata(), [100 * (0.9 - 0.2 - ber) for ber in BERS])
    np.testing.assert_allclose(drawn["unprotected"].get_ydata(), [100 * (0.5 - ber) for ber in BERS])
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bit error rate", "accuracy (%)")
    assert "20 % protected" in axes.get_title()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["oracle", "msb", "unprotected"]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(100 * (0.9 - 0.2 - 0.1 - 0.01))
    assert band[:, 1].max() == pytest.approx(100 * (0.9 - 0.2 - 0.001 + 0.02))


def test_area_against_protection():
    figure = protection_figure(DOCUMENT, network(), ["msb"])
    drawn = lines(figure)
    np.testing.assert_allclose(drawn["msb"].get_xdata(), [10, 20, 40])
    np.testing.assert_allclose(drawn["msb"].get_ydata(), [69, 68, 66])
    assert set(drawn["unprotected"].get_ydata()) == {30}
    assert figure.axes[0].get_ylabel() == "accuracy (%), mean along BER"


def test_errors_of_a_regression_are_on_a_log_scale():
    figure = ber_figure(DOCUMENT, network("mse"), ["oracle"], 0.1)
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylabel() == "mse"
    np.testing.assert_allclose(lines(figure)["oracle"].get_ydata(), [0.9 - 0.1 - ber for ber in BERS])


def test_standing_has_the_best_on_top():
    axes = standing_figure(network()).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["random", "msb", "oracle"]
    points, _, (whiskers,) = axes.containers[0].lines
    np.testing.assert_allclose(np.asarray(points.get_xdata(), float), [50, 70, 90])
    whisker = np.array(whiskers.get_segments()[2], float)
    np.testing.assert_allclose(whisker[:, 0], [89, 92])
    worst = standing_figure(network("mse")).axes[0]
    assert [tick.get_text() for tick in worst.get_yticklabels()] == ["oracle", "msb", "random"]


def test_surface_has_a_panel_a_method_to_one_scale():
    figure = surface_figure(DOCUMENT, network(), ["oracle", "random"])
    assert [axes.get_title() for axes in figure.axes] == ["small: oracle", "small: random"]
    heights = [100 * (0.9 - level - ber) for level in LEVELS for ber in BERS]
    low = 100 * (0.5 - 0.4 - 0.1)
    for axes in figure.axes:
        assert axes.get_zlim() == pytest.approx((low, max(heights)))
        assert (axes.get_xlabel(), axes.get_zlabel()) == ("protection level (%)", "accuracy (%)")
    heights_drawn = figure.axes[0].zz_dataLim.intervalx  # what was plotted, not what is in view
    assert tuple(heights_drawn) == pytest.approx((min(heights), max(heights)))
    assert len(figure.axes[0].collections[0].get_facecolor()) == 4


def test_favourites_come_first_and_others_fill_up():
    assert chosen(network()) == ["oracle", "msb", "random"]
    many = {"methods": [{"method": name} for name in "abcdefgh"] + [{"method": "oracle"}]}
    assert chosen(many) == ["oracle", *"abcdefg"]


def test_all_pictures_of_a_comparison(tmp_path):
    paths = save(comparison_figures(DOCUMENT), tmp_path)
    assert [path.name for path in paths] == [
        f"small-free-tmr-{what}.png" for what in ("ber", "protection", "standing", "surface")
    ]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
    again = save(comparison_figures(DOCUMENT), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    (vector,) = save({"x": standing_figure(network())}, tmp_path, "svg")
    assert ">oracle<" in vector.read_text(), "text stays text"


def test_lines_differ_in_grey_too():
    looks = [(look(k)["marker"], look(k)["linestyle"], look(k)["color"]) for k in range(32)]
    assert len(set(looks)) == 32
    in_grey = {(marker, dashes) for marker, dashes, _ in looks}
    assert len(in_grey) == 32


def agreement(method, level, value):
    whole = {"value": value, "low": value - 0.1, "high": value + 0.05}
    return {"method": method, "baseline": "oracle", "level": level, "jaccard": whole, "dice": whole}


def test_overlap_curves():
    rows = [agreement("oracle", 1.0, 1.0)]
    rows += [agreement("msb", 1.0, 1.0), agreement("msb", 0.1, 0.25), agreement("msb", 0.5, 0.5)]
    figure = overlap_figure(rows)
    axes = figure.axes[0]
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_xdata(), [10, 50, 100])
    np.testing.assert_allclose(line.get_ydata(), [0.25, 0.5, 1.0])
    assert line.get_label() == "msb"
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(0.15)
    assert band[:, 1].max() == pytest.approx(1.05)
    assert axes.get_ylabel() == "Jaccard overlap with oracle"
    assert overlap_figure(rows, "dice").axes[0].get_ylabel() == "Dice overlap with oracle"


def test_heat_map_of_layers_and_bits():
    shares = {"msb": np.array([[0.0, 1.0], [0.5, np.nan]]), "random": np.full((2, 2), 0.25)}
    figure = heat_figure(shares, ["fc1.kernel", "fc1.bias"], 0.5)
    first, second, bar = figure.axes
    np.testing.assert_allclose(first.images[0].get_array().filled(np.nan), [[0, 100], [50, np.nan]])
    np.testing.assert_allclose(second.images[0].get_array(), 25)
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["fc1.kernel", "fc1.bias"]
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["0", "1"]
    assert first.xaxis_inverted(), "the sign bit stands left, as it is written"
    assert bar.get_ylabel() == "% of bits protected at 50 %"


def test_the_protected_share_counts_bits():
    rng = np.random.default_rng(0)
    ranking = rng.permutation(5 * 4 + 7 * 3)
    found = protected_share(ranking, [(5, 4), (7, 3)], 0.4)
    hit = set(ranking[: round(0.4 * 41)].tolist())
    for bit in range(4):
        assert found[0, bit] == pytest.approx(sum(4 * e + bit in hit for e in range(5)) / 5)
    for bit in range(3):
        assert found[1, bit] == pytest.approx(sum(20 + 3 * e + bit in hit for e in range(7)) / 7)
    assert np.isnan(found[1, 3])


def test_the_front_and_what_was_tried():
    nothing = {"value": None, "low": None, "high": None}
    measured = {"value": 0.8, "low": 0.75, "high": 0.9}
    points = [
        {"ranker": "msb", "flip_flops": 120, "tried": 0.85, **measured},
        {"ranker": "fisher", "flip_flops": 140, "tried": 0.7, **nothing},
        {"ranker": "none", "flip_flops": 100, "tried": 0.5, "value": 0.6, "low": 0.5, "high": 0.7},
    ]
    figure = front_figure(points, "small, BER 0.01", "accuracy")
    axes = figure.axes[0]
    drawn = lines(figure)
    np.testing.assert_allclose(drawn["fisher, tried"].get_ydata(), [70])
    step = next(line for line in axes.get_lines() if line.get_drawstyle() == "steps-post")
    np.testing.assert_allclose(step.get_xdata(), [100, 120])
    np.testing.assert_allclose(step.get_ydata(), [60, 80])
    whiskers = axes.containers[-1].lines[2][0].get_segments()
    np.testing.assert_allclose(whiskers[1][:, 1], [75, 90])
    assert axes.get_xlabel() == "stored bits, replicas included"
    assert axes.get_ylabel() == "accuracy (%)"
