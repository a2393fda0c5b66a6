"""Running campaigns: the same bytes whoever computes them, in whatever order, however often killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netsurf.campaign.crew import crew
from netsurf.campaign.folder import start
from netsurf.campaign.interrupt import first_finishes
from netsurf.campaign.run import Runner, Shard, run
from netsurf.campaign.score import ReferenceScorer
from netsurf.errors import UsageError
from tests.campaigns import contents, small_campaign

ROOT = Path(__file__).parents[2]

FIELDS = {"ber": (0.002, 0.03), "protection": (0, 0.3), "repetitions": 300, "chunk": 24}

JOB = f"""
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from campaigns import small_campaign
from netsurf.campaign.run import run
from netsurf.campaign.score import ReferenceScorer
campaign = small_campaign(**{FIELDS})
print("ready", flush=True)
outcome = run(campaign, Path(sys.argv[1]), ReferenceScorer(campaign.problem))
print(outcome.computed, flush=True)
"""


def go(campaign, folder, **options):
    return run(campaign, folder, ReferenceScorer(campaign.problem), **options)


def job(folder):
    """The campaign of FIELDS in a process of its own, past its imports."""
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    outcome = go(small_campaign(**FIELDS), folder)
    assert outcome.computed == 1200
    return contents(folder)


def test_killed_at_ten_random_moments_and_resumed_gives_the_same_store(undisturbed, tmp_path):
    moments = random.Random(7)
    kills, most = 0, 0
    while kills < 10:
        process = job(tmp_path)
        time.sleep(moments.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        kills += process.returncode == -signal.SIGKILL
        now = len(list((tmp_path / "chunks").glob("*.sha256"))) if (tmp_path / "chunks").exists() else 0
        assert now >= most, "a finished chunk was lost"
        most = now
        if now == small_campaign(**FIELDS).layout.chunks:
            (tmp_path / "chunks" / f"{moments.randrange(now):06d}.parquet").unlink()
            most = 0
    outcome = go(small_campaign(**FIELDS), tmp_path)
    assert outcome.complete
    assert contents(tmp_path) == undisturbed


def test_two_processes_share_the_work_and_write_the_same_store(undisturbed, tmp_path):
    pair = [job(tmp_path), job(tmp_path)]
    computed = [int(process.communicate(timeout=120)[0]) for process in pair]
    assert sum(computed) == 1200, "every trial exactly once"
    assert contents(tmp_path) == undisturbed


def test_workers_give_the_same_store(undisturbed, tmp_path):
    outcome = go(small_campaign(**FIELDS), tmp_path, jobs=2)
    assert outcome.complete
    assert not outcome.losses
    assert contents(tmp_path) == undisturbed


def test_a_worker_that_dies_is_named_and_nothing_is_missing(undisturbed, tmp_path):
    campaign = small_campaign(**FIELDS)
    scorer = ReferenceScorer(campaign.problem)
    store = start(campaign, tmp_path, scorer)
    with crew(campaign, tmp_path, "reference", 2, Shard()) as workers:
        deadline = time.monotonic() + 60
        while not any((tmp_path / "chunks").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        workers.processes[1].kill()
        workers.processes[1].wait()
        losses = workers.losses()
        outcome = Runner(campaign, store, scorer).run()
    assert losses == ["worker 1 was killed (SIGKILL); its chunk was computed by another"]
    assert outcome.complete
    assert contents(tmp_path) == undisturbed


def test_workers_end_when_their_starter_is_killed(tmp_path):
    text = JOB.replace("ReferenceScorer(campaign.problem))", "ReferenceScorer(campaign.problem), jobs=2)")
    text = text.replace("'repetitions': 300", "'repetitions': 100000")
    starter = subprocess.Popen([sys.executable, "-c", text, tmp_path], cwd=ROOT, stdout=subprocess.DEVNULL)
    worker = wait_for(lambda: children(starter.pid))
    wait_for(lambda: len(list(tmp_path.glob("provenance/*"))) == 2)
    starter.kill()
    starter.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() and not zombie(pid) for pid in worker))
    assert worker


def children(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in text.read_text().split()] if text.exists() else []


def zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def test_shards_in_any_order_give_the_same_store(undisturbed, tmp_path):
    campaign = small_campaign(**FIELDS)
    done = [go(campaign, tmp_path, shard=Shard.parse(f"{i}/3")) for i in (3, 1, 2)]
    assert [outcome.complete for outcome in done] == [False, False, True]
    assert sum(outcome.computed for outcome in done) == 1200
    assert contents(tmp_path) == undisturbed


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_bad_shard_is_refused(text):
    with pytest.raises(UsageError, match="i/N with i from 1 to N"):
        Shard.parse(text)


def test_stop_keeps_what_is_written_and_the_rest_follows(undisturbed, tmp_path):
    asked = iter([False] * 5 + [True] * 100)
    outcome = go(small_campaign(**FIELDS), tmp_path, stop=lambda: next(asked))
    assert not outcome.complete
    assert len(outcome.chunks) == 5
    rest = go(small_campaign(**FIELDS), tmp_path)
    assert rest.computed == 1200 - outcome.computed
    assert contents(tmp_path) == undisturbed


def test_chunk_contents_do_not_depend_on_who_draws_first():
    campaign, other = small_campaign(**FIELDS), small_campaign(**FIELDS)
    scorer = ReferenceScorer(campaign.problem)
    cells = range(len(campaign.cells))
    forward = [campaign.compute(chunk, cells, scorer) for chunk in (0, 7, 3)]
    backward = [other.compute(chunk, cells, scorer) for chunk in (3, 7, 0)][::-1]
    for a, b in zip(forward, backward, strict=True):
        assert all((a[name] == b[name]).all() for name in a)


def test_margins_stop_cells_one_by_one_and_deterministically(tmp_path):
    fields = {"ber": (1e-3, 0.08), "margin": "2%", "repetitions": 3000, "chunk": 32}
    outcomes = [
        go(small_campaign(**fields), tmp_path / name, jobs=jobs) for name, jobs in (("a", 1), ("b", 2))
    ]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    counts = outcomes[0].store.sql(
        "SELECT ber, count(*) FROM rows GROUP BY ber ORDER BY ber", outcomes[0].chunks
    )
    (_, few), (_, many) = counts.fetchall()
    assert 20 <= few < many < 3000
    intervals = Runner(small_campaign(**fields), outcomes[0].store, ReferenceScorer(None)).watch
    intervals.add(0, outcomes[0].store.read(outcomes[0].chunks, intervals.columns))
    assert all(intervals.interval(cell).margin <= 0.02 for cell in (0, 1))


def test_progress_reports_what_is_expected(tmp_path):
    seen = []
    go(small_campaign(repetitions=64, chunk=8), tmp_path, progress=lambda *report: seen.append(report))
    assert seen[0][1] == 64
    assert seen[0][2].startswith("accuracy 0.")
    assert "BER 0.01" in seen[0][2]


def test_first_interrupt_asks_and_second_insists():
    said = []
    before = signal.getsignal(signal.SIGINT)
    with first_finishes(lambda: said.append("stopping")) as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert said == ["stopping"]
    assert signal.getsignal(signal.SIGINT) == before
