"""A real local Dask cluster of two processes, one of them killed in the middle, gives the same store."""

import os
import signal
import threading
import time

import pytest

from netsurf.campaign.cluster import compute_chunk, connect, run_on_cluster
from netsurf.campaign.folder import start
from netsurf.campaign.run import run
from netsurf.campaign.score import ReferenceScorer
from netsurf.errors import UsageError
from tests.campaigns import contents, small_campaign

FIELDS = {"ber": (0.002, 0.03), "protection": (0, 0.3), "repetitions": 400, "chunk": 40}


@pytest.fixture(scope="module")
def cluster(package):
    package("distributed")
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        cluster.wait_for_workers(2)
        yield cluster


def kill_one(cluster, folder, killed):
    """Kill a worker process once a few chunks are there."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob("chunks/*.sha256"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    nanny = next(iter(cluster.workers.values()))
    os.kill(nanny.pid, signal.SIGKILL)
    killed.append(len(list(folder.glob("chunks/*.sha256"))))


def test_a_cluster_that_loses_a_worker_gives_the_same_store(cluster, tmp_path):
    campaign = small_campaign(**FIELDS)
    run(campaign, tmp_path / "alone", ReferenceScorer(campaign.problem))
    killed = []
    killer = threading.Thread(target=kill_one, args=(cluster, tmp_path / "run", killed))
    killer.start()
    with connect(cluster.scheduler_address) as client:
        outcome = run_on_cluster(campaign, tmp_path / "run", "reference", client)
    killer.join()
    assert outcome.complete
    assert 5 <= killed[0] < campaign.layout.chunks, "it was killed in the middle"
    assert contents(tmp_path / "run") == contents(tmp_path / "alone")


def test_a_cluster_goes_on_where_a_plain_run_stopped_and_stops_cells_alike(cluster, tmp_path):
    fields = {"ber": (1e-3, 0.08), "margin": "3%", "repetitions": 2000, "chunk": 32}
    campaign = small_campaign(**fields)
    run(campaign, tmp_path / "alone", ReferenceScorer(campaign.problem))
    asked = iter([False] * 2 + [True] * 99)
    part = run(campaign, tmp_path / "run", ReferenceScorer(campaign.problem), stop=lambda: next(asked))
    with connect(cluster.scheduler_address) as client:
        outcome = run_on_cluster(campaign, tmp_path / "run", "reference", client)
    assert (part.complete, outcome.complete) == (False, True)
    assert contents(tmp_path / "run") == contents(tmp_path / "alone")


def test_workers_are_sent_a_folder_a_digest_and_a_number(tmp_path):
    campaign = small_campaign(**FIELDS)
    start(campaign, tmp_path, ReferenceScorer(campaign.problem))
    chunk, trials, seconds = compute_chunk(str(tmp_path), campaign.digest, "reference", 3, (0, 1, 2, 3))
    assert (chunk, trials) == (3, 40)
    assert seconds > 0
    assert compute_chunk(str(tmp_path), campaign.digest, "reference", 3, (0, 1, 2, 3))[1] == 0
    with pytest.raises(Exception, match=f"holds campaign {campaign.digest[:12]}, not 000000000000"):
        compute_chunk(str(tmp_path), "0" * 64, "reference", 3, (0,))


def test_an_address_where_nobody_answers_is_refused(monkeypatch, package):
    package("distributed")
    monkeypatch.setattr("netsurf.campaign.cluster.CONNECT_S", 0.3)
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        connect("tcp://127.0.0.1:9")
