"""The store: same rows, same bytes; nothing untrustworthy is trusted; what differs is spelled out."""

import json
import os
import signal
import subprocess
import sys

import duckdb
import numpy as np
import pytest

from netsurf.campaign import rows as rows_module
from netsurf.campaign.claims import claim
from netsurf.campaign.folder import open_campaign, start
from netsurf.campaign.run import run
from netsurf.campaign.score import ReferenceScorer
from netsurf.campaign.store import Store, discard, open_store
from netsurf.errors import StoreError, ToolFailedError
from tests.campaigns import contents, small_campaign, small_problem


def go(campaign, folder, **options):
    return run(campaign, folder, ReferenceScorer(campaign.problem), **options)


@pytest.fixture
def campaign():
    return small_campaign(protection=(0, 0.5), repetitions=24, chunk=16)


@pytest.fixture
def finished(campaign, tmp_path):
    go(campaign, tmp_path / "run")
    return tmp_path / "run"


def test_same_campaign_same_bytes(campaign, finished, tmp_path):
    go(campaign, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(finished)
    assert len(contents(finished)) == 2 * campaign.layout.chunks == 6


def test_rows_say_what_they_are(campaign, finished):
    files = str(finished / "chunks" / "*.parquet")
    said = duckdb.sql(f"SELECT DISTINCT network, seed, split FROM '{files}'").fetchall()
    assert said == [(campaign.problem.network.digest, 1, "test")]
    cells = duckdb.sql(
        f"SELECT ranker, protection, ber, plan FROM '{files}' GROUP BY ALL ORDER BY protection"
    )
    assert cells.fetchall() == [(c.ranker, c.protection, c.ber, c.plan) for c in campaign.cells]
    trials = duckdb.sql(f"SELECT trial FROM '{files}'").fetchall()
    assert sorted(trials) == [(number,) for number in range(48)]


def test_checksums_can_be_verified_without_netsurf(finished):
    files = sorted(path.name for path in (finished / "chunks").glob("*.sha256"))
    subprocess.run(["sha256sum", "-c", *files], cwd=finished / "chunks", check=True, capture_output=True)


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "no checksum", "garbage checksum"])
def test_a_damaged_chunk_is_found_and_computed_again(campaign, finished, damage):
    before = contents(finished)
    path = finished / "chunks" / "000001.parquet"
    data = path.read_bytes()
    match damage:
        case "truncate":
            path.write_bytes(data[: len(data) // 2])
        case "flip":
            path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        case "delete":
            path.unlink()
        case "no checksum":
            path.with_suffix(".sha256").unlink()
        case _:
            path.with_suffix(".sha256").write_text("\x00\n")
    store = Store(finished, campaign.cell_columns)
    assert not store.done(1)
    outcome = go(campaign, finished)
    assert outcome.damaged == (() if damage == "no checksum" else (1,))
    assert outcome.computed == 16
    assert contents(finished) == before


def test_leftovers_of_a_killed_writer_go_away(campaign, finished):
    path = finished / "chunks" / "000002.parquet"
    before = contents(finished)
    path.unlink()
    path.with_name(".000002.deadbeef").write_bytes(b"half a fil")
    go(campaign, finished)
    assert contents(finished) == before


def test_another_campaign_is_refused_and_every_difference_named(finished):
    other = small_campaign(protection=(0, 0.5), repetitions=24, chunk=16, seed=2)
    with pytest.raises(StoreError, match=r"another campaign \(seed: 1 there, 2 now\)"):
        go(other, finished)


def test_another_network_is_refused_by_digest(campaign, finished):
    other = small_campaign(protection=(0, 0.5), repetitions=24, chunk=16, problem=small_problem(seed=5))
    digests = campaign.problem.network.digest[:12], other.problem.network.digest[:12]
    with pytest.raises(StoreError, match=f"network: {digests[0]} there, {digests[1]} now"):
        go(other, finished)


def test_another_schema_is_refused(campaign, finished):
    header = json.loads((finished / "campaign.json").read_text())
    (finished / "campaign.json").write_text(json.dumps({**header, "schema_version": 99}))
    with pytest.raises(StoreError, match="schema_version: 99 there, 1 now"):
        go(campaign, finished)


def test_rows_without_digests_are_refused(campaign, tmp_path):
    store = start(campaign, tmp_path, ReferenceScorer(campaign.problem))
    rows = campaign.compute(0, {0, 1}, ReferenceScorer(campaign.problem))
    for key in ("network", "plan"):
        bare = Store(tmp_path, {**store.cells, key: ["unknown"] * 2})
        with pytest.raises(StoreError, match=f"without a {key} digest are refused"):
            bare.write(0, rows)
    assert not contents(tmp_path)


def test_rows_without_provenance_are_refused(campaign, tmp_path):
    store = start(campaign, tmp_path, ReferenceScorer(campaign.problem))
    for path in (tmp_path / "provenance").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match="no provenance"):
        store.write(0, campaign.compute(0, {0, 1}, ReferenceScorer(campaign.problem)))


def test_provenance_names_engine_and_versions(campaign, finished):
    (path,) = (finished / "provenance").iterdir()
    document = json.loads(path.read_text())
    assert document["engine"].startswith("reference ")
    assert document["network"] == campaign.problem.network.digest
    assert document["versions"]["numpy"] == np.__version__


def test_a_run_folder_is_enough_to_join(campaign, finished, tmp_path):
    moved = tmp_path / "moved"
    finished.rename(moved)
    joined = open_campaign(moved)
    assert joined.digest == campaign.digest
    assert go(joined, moved).computed == 0


def test_samples_that_were_tampered_with_are_refused(finished):
    path = finished / "problem" / "problem.json"
    path.write_text(path.read_text().replace('"tolerance": 0.0', '"tolerance": 0.5'))
    with pytest.raises(Exception, match="not what their digest says"):
        open_campaign(finished)


@pytest.fixture
def small_disk(tmp_path):
    """A file system with hardly any space, where the test may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_no_space_is_one_sentence_and_keeps_what_was_done(campaign, small_disk):
    with pytest.raises(ToolFailedError, match="No space left on device"):
        go(small_campaign(repetitions=4000, chunk=512), small_disk)


def test_a_failing_write_leaves_nothing_and_is_one_sentence(campaign, tmp_path, monkeypatch):
    store = start(campaign, tmp_path, ReferenceScorer(campaign.problem))
    scored = campaign.compute(0, {0, 1}, ReferenceScorer(campaign.problem))

    class Full:
        def register(self, *arguments): ...

        def unregister(self, *arguments): ...

        def execute(self, *arguments):
            raise duckdb.IOException('IO Error: Could not write file "x": No space left on device')

    monkeypatch.setattr(rows_module, "_connection", Full)
    with pytest.raises(ToolFailedError, match=r"writing .*No space left on device"):
        store.write(0, scored)
    assert not list((tmp_path / "chunks").iterdir())
    monkeypatch.undo()
    assert go(campaign, tmp_path).complete


HOLD = """
import pathlib, signal, sys
from netsurf.campaign.claims import claim
with claim(pathlib.Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    signal.pause()
"""


def test_a_claim_excludes_others_until_its_process_dies(tmp_path):
    path = tmp_path / "claim"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with claim(path) as mine:
            assert not mine
        holder.send_signal(signal.SIGKILL)
    with claim(path) as mine:
        assert mine
    assert not path.exists()


def test_a_claim_on_a_file_that_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    path = tmp_path / "claim"
    real = os.open

    def late(*arguments):
        descriptor = real(*arguments)
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", late)
    with claim(path) as mine:
        assert not mine


def test_fresh_discards_a_campaign_and_nothing_else(finished, tmp_path):
    discard(finished)
    assert not finished.exists()
    (tmp_path / "thesis").mkdir()
    with pytest.raises(StoreError, match="holds no campaign"):
        discard(tmp_path / "thesis")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, campaign):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "file" / "run", campaign.identity, campaign.cell_columns, {})
