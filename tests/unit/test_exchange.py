"""Rankings and plans survive the way through CSV, JSON and Parquet; FKeras' bit order is understood."""

import csv
import json

import duckdb
import numpy as np
import pytest

from netsurf.campaign.exchange import (
    FORMATS,
    SiteTable,
    columns,
    from_fkeras,
    plan_of,
    plan_table,
    read_sites,
    write_sites,
)
from netsurf.errors import DataError, PlanError, UnknownNameError
from netsurf.harden import plan_by_level
from netsurf.rank import rank, scores
from tests.ranking import mixed_network, sites

NETWORK = mixed_network()


def table():
    values = scores("weight_abs_value", NETWORK)
    ranking = rank("weight_abs_value", NETWORK)
    return SiteTable(NETWORK.digest, ranking, values[ranking], {"method": "weight_abs_value", "it's": 1})


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_ranking_comes_back_as_it_was(tmp_path, suffix):
    path = write_sites(tmp_path / f"ranking{suffix}", NETWORK, table())
    found = read_sites(path, NETWORK)
    assert (found.sites == table().sites).all()
    assert (found.scores == table().scores).all()
    assert found.notes == table().notes


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_plan_comes_back_as_it_was(tmp_path, suffix):
    plan = plan_by_level(NETWORK, rank("msb", NETWORK), 0.3, {"ranker": "msb"})
    path = write_sites(tmp_path / f"plan{suffix}", NETWORK, plan_table(plan))
    found = plan_of(read_sites(path, NETWORK), NETWORK)
    assert found.digest == plan.digest
    assert found.notes["ranker"] == "msb"


def test_every_row_says_where_its_bit_is():
    rows, every = columns(NETWORK, table()), sites(NETWORK)
    for place, number in enumerate(rows["site"]):
        site = every[number]
        shape = NETWORK.parameters[site.tensor].codes.shape
        where = ";".join(map(str, np.unravel_index(site.element - site.first, shape)))
        found = {name: rows[name][place] for name in ("tensor", "element", "coordinates", "bit")}
        assert found == {
            "tensor": site.tensor,
            "element": site.element - site.first,
            "coordinates": where,
            "bit": site.bit,
        }


def test_other_tools_read_the_files(tmp_path):
    paths = [write_sites(tmp_path / f"r{suffix}", NETWORK, table()) for suffix in FORMATS]
    with paths[0].open() as file:
        next(file)
        first = next(csv.DictReader(file))
    document = json.loads(paths[1].read_text())
    row = duckdb.connect().execute(f"SELECT tensor, bit FROM '{paths[2]}' WHERE place = 0").fetchone()
    assert (first["tensor"], int(first["bit"])) == (document["tensor"][0], document["bit"][0]) == row


@pytest.mark.parametrize("suffix", FORMATS)
def test_damage_and_strangers_are_refused(tmp_path, suffix):
    path = write_sites(tmp_path / f"r{suffix}", NETWORK, table())
    with pytest.raises(DataError, match=r"made for network .*, not for mixed"):
        read_sites(path, mixed_network(seed=6))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="no table of stored bits"):
        read_sites(path, NETWORK)
    with pytest.raises(DataError, match="no table of stored bits"):
        read_sites(tmp_path / f"absent{suffix}", NETWORK)


def test_sites_that_do_not_exist_or_stand_twice_are_refused(tmp_path):
    for numbers, message in (([3, NETWORK.stored_bits], "does not exist"), ([3, 3], "site 3 stands twice")):
        with pytest.raises(DataError, match=message):
            write_sites(tmp_path / "r.csv", NETWORK, SiteTable(NETWORK.digest, np.array(numbers)))
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownNameError, match=r"unknown file format '.xls'"):
        write_sites(tmp_path / "r.xls", NETWORK, table())
    with pytest.raises(PlanError, match="the table is of network"):
        plan_of(table(), mixed_network(seed=6))


@pytest.mark.parametrize("biases", [False, True])
def test_fkeras_numbers_kernels_from_the_most_significant_bit(biases):
    """FKeras' own rule, counted out: layer by layer, element by element, sign bit first."""
    expected = []
    for layer in NETWORK.layers:
        for role, parameter in layer.parameters.items():
            if role == "bias" and not biases:
                continue
            every = [s.number for s in sites(NETWORK) if s.tensor == parameter.name]
            words = [
                every[i : i + parameter.format.width] for i in range(0, len(every), parameter.format.width)
            ]
            expected += [number for word in words for number in reversed(word)]
    assert from_fkeras(NETWORK, range(len(expected)), biases).tolist() == expected
    top = sites(NETWORK)[from_fkeras(NETWORK, [0])[0]]
    assert (top.tensor, top.element, top.bit) == ("fc1.kernel", 0, 4)
    with pytest.raises(DataError, match=rf"FKeras bit {len(expected)} does not exist"):
        from_fkeras(NETWORK, [len(expected)], biases)
    with pytest.raises(DataError, match="stands twice"):
        from_fkeras(NETWORK, [1, 1])
