"""Profiles of a small network equal plain loops over its sites, pruned weights apart; and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from netsurf.errors import UnknownNameError, UsageError
from netsurf.paths import root
from netsurf.rank.distribution import divergence, signature
from netsurf.rank.evidence import Evidence, none
from netsurf.rank.signature import QUANTITIES, compare, needs, profile
from netsurf.report import html_report, markdown_report
from netsurf.report.signature import divergence_table, lorenz_figure, signature_tables
from tests.ranking import drawn_evidence, mixed_network, sites

NETWORK = mixed_network()
EVIDENCE = drawn_evidence(NETWORK)


def plain(quantity: str) -> list[float]:
    """Values of a quantity, site by site, without pruned weights."""
    if quantity in ("delta", "qpolar"):
        found = [(s, s.delta) for s in sites(NETWORK) if not s.pruned]
        if quantity == "delta":
            return [change for _, change in found]
        return [abs(change * EVIDENCE["corrupted_input"][s.element]) for s, change in found]
    found = {s.element: abs(s.value) for s in sites(NETWORK) if not s.pruned}
    if quantity == "magnitude":
        return list(found.values())
    array = EVIDENCE[quantity]
    return [abs(array[element]) if quantity == "gradient" else array[element] for element in found]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_equals_a_plain_loop(quantity):
    found = profile(NETWORK, EVIDENCE).distribution(quantity)
    np.testing.assert_allclose(found, plain(quantity), rtol=1e-12)
    swapped = found.copy()
    low, high = found.argmin(), found.argmax()
    swapped[[low, high]] = swapped[[high, low]]
    assert not np.allclose(swapped, plain(quantity))


def test_pruned_weights_are_left_out():
    taken = profile(NETWORK, EVIDENCE)
    gone = sum(s.pruned for s in sites(NETWORK))
    assert gone
    assert len(taken.distribution("delta")) == NETWORK.stored_bits - gone
    assert len(taken.values["delta"]) == NETWORK.stored_bits


def test_a_profile_compared_with_itself_has_not_moved():
    one = profile(NETWORK, EVIDENCE)
    for change in compare(one, one).values():
        assert change.before == change.after
        assert change.divergence.jensen_shannon == change.divergence.wasserstein == 0
        assert change.correlation == pytest.approx(1)


def test_changes_are_those_of_the_distributions_and_of_equal_elements():
    one = profile(NETWORK, EVIDENCE)
    other = profile(NETWORK, drawn_evidence(NETWORK, seed=9))
    for name, change in compare(one, other).items():
        old, new = one.distribution(name), other.distribution(name)
        assert change.before == signature(old)
        assert change.after == signature(new)
        assert change.divergence == divergence(old, new)
        assert change.correlation == pytest.approx(stats.spearmanr(old, new).statistic)


def test_swapping_two_elements_leaves_the_distribution_and_is_noticed_by_the_correlation():
    arrays = dict(EVIDENCE.arrays)
    gradient = arrays["gradient"].copy()
    kept = np.flatnonzero(profile(NETWORK, EVIDENCE).kept["E"])
    low, high = kept[np.abs(gradient[kept]).argmin()], kept[np.abs(gradient[kept]).argmax()]
    gradient[[low, high]] = gradient[[high, low]]
    swapped = profile(NETWORK, Evidence(NETWORK.digest, arrays | {"gradient": gradient}))
    change = compare(profile(NETWORK, EVIDENCE), swapped)["gradient"]
    assert change.divergence.wasserstein == change.divergence.jensen_shannon == 0
    assert change.correlation < 1 - 1e-9


def test_equal_values_have_no_correlation():
    still = Evidence(NETWORK.digest, dict(EVIDENCE.arrays) | {"fisher": np.ones_like(EVIDENCE["fisher"])})
    change = compare(profile(NETWORK, EVIDENCE), profile(NETWORK, still))["fisher"]
    assert change.correlation is None
    assert change.after.skew is None


def test_what_is_missing_or_unknown_is_refused():
    with pytest.raises(
        UsageError, match="a signature reads gradient, fisher, corrupted_input, which was not"
    ):
        profile(NETWORK, none(NETWORK))
    with pytest.raises(UnknownNameError, match=r"unknown quantity 'fischer' \(did you mean fisher"):
        needs(["fischer"])
    only = profile(NETWORK, none(NETWORK), ["magnitude"])
    with pytest.raises(UsageError, match="one profile holds magnitude, the other"):
        compare(only, profile(NETWORK, EVIDENCE))


def document() -> dict:
    from netsurf.frontend.signature import _quantities

    one, other = profile(NETWORK, EVIDENCE), profile(NETWORK, drawn_evidence(NETWORK, seed=9))
    return {
        "benchmark": "b",
        "against": {"name": "before training"},
        "quantities": _quantities(one, other),
    }


def test_tables_show_what_was_measured():
    statistics, distances = signature_tables(document())
    assert len(statistics.rows) == 2 * len(QUANTITIES)
    assert [row[0] for row in distances.rows] == list(QUANTITIES)
    entry = document()["quantities"][1]
    row = distances.rows[1]
    assert row[1] == f"{entry['divergence']['jensen_shannon']:.4g}"
    assert row[4] == f"{entry['after']['gini'] - entry['before']['gini']:+.4g}"
    assert statistics.rows[3][1] == "b"


def test_a_number_that_does_not_exist_is_a_dash():
    shown = document()
    shown["quantities"][0]["correlation"] = None
    assert "–" in divergence_table(shown).markdown()


def test_the_figure_has_a_panel_for_each_quantity():
    picture = lorenz_figure(document())
    assert picture.startswith("<svg")
    for name in (*QUANTITIES, "before training"):
        assert f">{name}<" in picture


def test_the_report_of_a_main_job_shows_it_after_the_certificate():
    certificate = json.loads((root() / "docs" / "results" / "mnist_fnn-certificate.json").read_text())
    plain, page = html_report(certificate), html_report(certificate, document())
    assert page.count("<svg") == plain.count("<svg") + 1
    assert "Distance of b from before training" in page
    assert "Distance of b" not in plain
    assert "| qpolar |" in markdown_report(certificate, document())
