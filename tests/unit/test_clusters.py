"""Clusters of neighbouring stored bits: where they fall, and what layout and scheme make of them."""

import json

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.mbu import measure, protect_all
from netsurf.campaign.problem import Problem
from netsurf.errors import FaultError, UnknownNameError, UsageError
from netsurf.fault.clusters import SHAPES, ClusterModel, Floorplan, Layout, floorplan, interleaved
from netsurf.harden import resolve
from netsurf.ir import execute
from tests.rtl_designs import design, samples


@pytest.fixture(scope="module")
def subject():
    network = design(0).network
    inputs = samples(network, 12)
    return Problem(network, inputs, execute(network, inputs).argmax(axis=1))


@pytest.mark.parametrize("layout", [Layout(), Layout(3), Layout(1, "together"), Layout(2, "together")])
@pytest.mark.parametrize("scheme", ["none", "tmr", "secded", "parity", "dmr"])
def test_every_stored_bit_has_one_cell(subject, scheme, layout):
    space = protect_all(subject, scheme).space
    cells = np.concatenate([grid[grid >= 0] for grid in floorplan(space, layout).grids])
    assert np.array_equal(np.sort(cells), space.sites)


def test_neighbours_in_a_word_are_neighbours_on_the_chip(subject):
    """Without interleaving the grid of bank A is the store: words down, bits along."""
    space = design(0).space
    grid = floorplan(space, Layout()).grids[0]
    assert grid.shape == (6, 24)
    assert np.array_equal(grid.reshape(-1), np.arange(144))
    turned = floorplan(space, Layout(2)).grids[0]
    assert turned[0, :4].tolist() == [0, 24, 1, 25]


@pytest.mark.parametrize("interleave", [1, 2, 3, 4, 5])
def test_no_two_bits_of_a_word_are_close(interleave):
    words = np.arange(40).reshape(5, 8)
    for row in interleaved(words, interleave):
        for span in range(1, interleave):
            a, b = row[:-span], row[span:]
            both = (a >= 0) & (b >= 0)
            assert (a[both] // 8 != b[both] // 8).all()
    assert (interleaved(words, interleave)[0, ::interleave] // 8 == 0).all()


def test_replicas_together_are_side_by_side(subject):
    space = protect_all(subject, "tmr").space
    grid = floorplan(space, Layout(1, "together")).grids[0]
    assert grid[0, :3].tolist() == [0, space.stored_bits, 2 * space.stored_bits]
    assert len(floorplan(space, Layout()).grids) == 3 * len(floorplan(space, Layout(1, "together")).grids)


def test_shapes_are_what_their_names_say():
    assert SHAPES["row"](3).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert SHAPES["column"](2).tolist() == [[0, 0], [1, 0]]
    assert SHAPES["block"](4).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_a_cluster_ends_at_the_edge_and_at_bits_that_are_not_there():
    plan = Floorplan((np.array([[0, 1, -1], [3, 4, 5]]),))
    assert plan.sites(0, (0, 1), SHAPES["row"](3)).tolist() == [1]
    assert plan.sites(0, (0, 1), SHAPES["block"](4)).tolist() == [1, 4, 5]
    assert plan.sites(0, (1, 2), SHAPES["column"](2)).tolist() == [5]


def test_sizes_come_as_often_as_they_were_asked_for():
    plan = Floorplan((np.arange(10000).reshape(10, 1000),))
    counts = plan.draw(ClusterModel((0.5, 0.3, 0.0, 0.2)), 4000, 1).counts
    shares = np.bincount(counts, minlength=5)[1:] / 4000
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.0, 0.2], atol=0.03)
    assert ClusterModel((0.5, 0.3, 0.0, 0.2)).mean == pytest.approx(1.9)


def test_event_i_depends_on_the_seed_and_i_alone():
    plan = Floorplan((np.arange(600).reshape(6, 100),))
    few, many = (plan.draw(ClusterModel((1, 1, 1)), count, 3) for count in (20, 80))
    assert [few[n] for n in range(20)] == [many[n] for n in range(20)]
    other = plan.draw(ClusterModel((1, 1, 1)), 20, 4)
    assert [few[n] for n in range(20)] != [other[n] for n in range(20)]


def through(subject, scheme, layout, sizes, shape="row"):
    point = protect_all(subject, scheme)
    faults = floorplan(point.space, layout).draw(ClusterModel(sizes, shape), 300, 1)
    return sum(len(resolve(point, fault).bits) > 0 for fault in faults)


def test_replicas_apart_mask_every_cluster_and_together_they_do_not(subject):
    assert through(subject, "tmr", Layout(), (0, 0, 0, 1)) == 0
    assert through(subject, "tmr", Layout(1, "together"), (0, 1)) > 100


def test_interleaving_as_wide_as_the_cluster_saves_a_code(subject):
    """Kernels only have several words: their clusters of two are corrected one by one, biases' are not."""
    point = protect_all(subject, "secded")
    kernels = [n for n, p in subject.network.parameters.items() if p.codes.ndim > 1]

    def bad(layout):
        faults = floorplan(point.space, layout).draw(ClusterModel((0, 1)), 400, 1)
        wrong = [fault for fault in faults if len(resolve(point, fault).bits)]
        return sum(point.space.site(fault.sites[0]).tensor in kernels for fault in wrong)

    assert bad(Layout(1)) > 100
    assert bad(Layout(2)) == 0


def test_clusters_down_a_column_meet_every_code_once(subject):
    assert through(subject, "secded", Layout(), (0, 0, 1), "column") == 0
    assert through(subject, "none", Layout(), (0, 0, 1), "column") == 300


def test_measured_on_samples(subject):
    plain = measure(protect_all(subject, "none"), subject, Layout(), ClusterModel((0, 0, 1)), 200, 1)
    voted = measure(protect_all(subject, "tmr"), subject, Layout(), ClusterModel((0, 0, 1)), 200, 1)
    assert sum(plain.outcomes.values()) == 200
    assert plain.wrong.estimate > 0
    assert voted.through == voted.wrong.estimate == 0
    assert voted.stored_bits == 3 * plain.stored_bits
    assert 2 < plain.cells <= 3


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Layout(0), FaultError),
        (lambda: Layout(1, "near"), FaultError),
        (lambda: ClusterModel(()), FaultError),
        (lambda: ClusterModel((-1.0, 2.0)), FaultError),
        (lambda: ClusterModel((1.0,), "ring"), UnknownNameError),
        (lambda: Floorplan(()).draw(ClusterModel((1.0,)), 1, 1), FaultError),
    ],
)
def test_what_makes_no_sense_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_no_event_is_refused(subject):
    with pytest.raises(UsageError, match="one event"):
        measure(protect_all(subject, "none"), subject, Layout(), ClusterModel((1.0,)), 0, 1)


def test_the_command(capsys):
    arguments = ["mbu", "mnist_fnn_lite", "--events", "60", "--samples", "20", "--schemes", "tmr,secded"]
    assert cli.main([*arguments, "--interleave", "1,4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    through = {(row["scheme"], row["layout"]["interleave"]): row["through"] for row in found["rows"]}
    assert through["tmr", 1] == 0
    assert through["secded", 4] < through["secded", 1]
    assert cli.main([*arguments, "--interleave", "1,x"]) == 2
    assert "no list of numbers" in capsys.readouterr().err
