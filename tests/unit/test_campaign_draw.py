"""Drawing: each mode does what its name says, and cells share their random numbers."""

from itertools import chain, pairwise

import numpy as np
import pytest
from scipy import stats

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.draw import burst, stratum
from netsurf.campaign.layout import Layout, Piece
from netsurf.campaign.sizes import sample_size
from netsurf.errors import FaultError
from netsurf.fault import bernoulli
from tests.campaigns import small_campaign


def sites(campaign, cell, fault):
    return campaign.drawer.sites(campaign.cells[cell], fault)


def test_bernoulli_is_the_fault_lists_own():
    campaign = small_campaign(ber=(0.01, 0.2), protection=(0, 0.4), seed=9)
    for cell in campaign.cells:
        expected = bernoulli(cell.design.space, 4, cell.ber, seed=9)
        assert [sites(campaign, cell.number, i).tolist() for i in range(4)] == [
            list(f.sites) for f in expected
        ]


@pytest.mark.parametrize("mode", ["bernoulli", "exact"])
def test_upsets_are_nested_in_the_rate(mode):
    campaign = small_campaign(mode=mode, ber=(0.01, 0.1, 0.5, 1), protection=(0.3,))
    for fault in range(5):
        drawn = [set(sites(campaign, cell.number, fault).tolist()) for cell in campaign.cells]
        assert all(a <= b for a, b in pairwise(drawn))
        assert drawn[-1] == set(campaign.cells[0].design.space.sites.tolist())


def test_bernoulli_upsets_are_nested_in_the_protection():
    campaign = small_campaign(ber=(0.05,), protection=(0, 0.2, 0.6, 1))
    drawn = [set(sites(campaign, cell.number, 3).tolist()) for cell in campaign.cells]
    assert all(a < b for a, b in pairwise(drawn))


def test_rankers_see_the_same_upsets_of_replica_0():
    campaign = small_campaign(ber=(0.05,), protection=(0.3,), ranker=("msb", "random"))
    first, second = (sites(campaign, cell, 0) for cell in (0, 1))
    total = campaign.problem.network.stored_bits
    assert first[first < total].tolist() == second[second < total].tolist()
    assert first.tolist() != second.tolist()


def test_exact_draws_so_many_distinct_bits_uniformly():
    campaign = small_campaign(mode="exact", ber=(0.05,), protection=(0.25,), repetitions=4000)
    (cell,) = campaign.cells
    hits = np.zeros(3 * 840, int)
    for fault in range(800):
        drawn = sites(campaign, 0, fault)
        assert len(np.unique(drawn)) == cell.flips == round((840 + 2 * 210) * 0.05)
        hits[drawn] += 1
    assert hits[~cell.design.space.exists(np.arange(3 * 840))].sum() == 0
    assert stats.chisquare(hits[cell.sites]).pvalue > 1e-3


@pytest.mark.parametrize("ideal", [False, True])
def test_coverage_upsets_every_bit_exactly_once(ideal):
    campaign = small_campaign(mode="coverage", ber=(0.01, 0.3), protection=(0, 0.5), ideal=ideal)
    for cell in campaign.cells:
        count = campaign.drawer.count(cell)
        groups = [sites(campaign, cell.number, fault) for fault in range(count)]
        assert sorted(np.concatenate(groups).tolist()) == cell.sites.tolist()
        assert {len(group) for group in groups[:-1]} == {cell.flips}
        assert count == -(-len(cell.sites) // cell.flips)


def test_coverage_of_the_original_has_ten_groups():
    campaign = small_campaign(mode="coverage", ber=(0.1,), population="fc2.kernel+fc2.bias")
    assert (len(campaign.bits), campaign.layout.counts) == (216, (10,))


def test_coverage_at_rate_0_is_refused():
    with pytest.raises(FaultError, match="upsets nothing"):
        small_campaign(mode="coverage", ber=(0,)).layout  # noqa: B018


def test_ideal_protection_never_upsets_a_protected_bit_and_has_no_replicas():
    real, ideal = (small_campaign(ber=(0.3,), protection=(0.5,), ideal=i) for i in (False, True))
    protected = real.cells[0].design.space.is_protected
    drawn = sites(ideal, 0, 0)
    assert not protected[drawn].any()
    assert set(drawn.tolist()) <= set(sites(real, 0, 0).tolist())
    assert ideal.cells[0].design.space.size == 840
    assert ideal.cells[0].plan == real.cells[0].plan


def test_sample_is_stratified_without_replacement():
    campaign = small_campaign(mode="sample", repetitions=200)
    (cell,) = campaign.cells
    drawn = campaign.drawer.singles(cell, 0, 200)
    assert len(np.unique(drawn)) == 200
    populations = np.bincount(stratum(campaign.problem.network, cell, cell.sites))
    counts = np.bincount(stratum(campaign.problem.network, cell, drawn), minlength=len(populations))
    assert (counts[populations > 0] >= 1).all()
    assert np.abs(counts - populations * 200 / 840).max() <= 2
    assert sorted(populations[populations > 0]) == [4] * 6 + [8] * 6 + [32] * 6 + [96] * 6


def test_sample_is_planned_by_margin_and_confidence():
    campaign = small_campaign(mode="sample", margin="5%", confidence="99%")
    assert campaign.layout.counts == (sample_size(0.05, 0.99, 840),)


def test_exhaustive_is_every_bit_of_the_design_point_once():
    campaign = small_campaign(mode="exhaustive", protection=(0, 0.5), chunk=300)
    for cell in campaign.cells:
        assert campaign.drawer.singles(cell, 0, 10**6).tolist() == cell.design.space.sites.tolist()
    assert campaign.layout.counts == (840, 1680)


@pytest.mark.parametrize("length", [2, 5])
def test_bursts_hit_neighbours_in_the_tensor_and_stop_at_its_end(length):
    campaign = small_campaign(fault=f"burst:{length}", protection=(0.5,))
    (cell,) = campaign.cells
    network = campaign.problem.network
    end = network.parameters["fc1.kernel"].stored_bits
    assert burst(network, cell, np.array([10, end - 1]), length).tolist() == [
        *range(10, 10 + length),
        end - 1,
    ]
    replica = cell.sites[-1]
    assert cell.design.space.exists(burst(network, cell, np.array([replica, 840]), length)).all()


def test_bursts_and_stuck_bits_reach_the_rows():
    from netsurf.campaign.score import ReferenceScorer

    for fault in ("burst:3", "stuck1"):
        campaign = small_campaign(mode="exhaustive", fault=fault, population="fc2.bias")
        rows = campaign.compute(0, {0}, ReferenceScorer(campaign.problem))
        assert rows["site"].tolist() == campaign.bits.tolist()
        assert rows["flips"].tolist() == ([3] * 22 + [2, 1] if fault == "burst:3" else [1] * 24)


def test_layout_numbers_every_trial_once():
    grid = Layout((5, 3, 5), 2, grid=True)
    numbers = [
        grid.trials(piece).tolist() for chunk in range(grid.chunks) for piece in grid.pieces(chunk, {0, 1, 2})
    ]
    assert sorted(list(chain(*numbers))) == sorted([*range(9), 9, 11, 12, 14])
    sweep = Layout((5, 3, 5), 4, grid=False)
    numbers = [
        sweep.trials(p).tolist() for chunk in range(sweep.chunks) for p in sweep.pieces(chunk, {0, 1, 2})
    ]
    assert list(chain(*numbers)) == list(range(13))
    assert sweep.pieces(1, {0, 1, 2}) == (Piece(0, 4, 5), Piece(1, 0, 3))


def test_rounds_cover_all_chunks_once_and_in_order():
    layout = Layout((1000,), 8, grid=True, watched=True)
    chunks = [chunk for part in layout.rounds() for chunk in part]
    assert chunks == list(range(layout.chunks))


def test_draws_depend_on_seed_and_fault_alone():
    a = small_campaign(seed=4)
    b = Campaign(a.spec, a.problem)
    assert sites(a, 0, 5).tolist() == sites(b, 0, 5).tolist()
    assert sites(a, 0, 5).tolist() != sites(a, 0, 6).tolist()
    assert sites(a, 0, 5).tolist() != sites(small_campaign(seed=5), 0, 5).tolist()
