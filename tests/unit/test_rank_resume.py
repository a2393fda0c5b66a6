"""An interrupted `netsurf rank` loses at most what was being measured: no TensorFlow in here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netsurf.campaign.plans import PlanJudge
from netsurf.errors import DataError
from netsurf.frontend import gather as gathering
from netsurf.frontend import kept, worker
from netsurf.frontend.gather import Settings, Subject, gather
from netsurf.frontend.gradients import Effort
from netsurf.frontend.problem import problem
from netsurf.frontend.ranking import Request, rankings, worths

NAMES = ("gradient", "fisher", "hessian_diagonal")


@pytest.fixture
def subject(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    return Subject.of("dummy")


def test_what_was_measured_before_an_interruption_is_read_again(subject, monkeypatch):
    asked = []

    def source(subject, names, settings):
        asked.append(names)
        for number, name in enumerate(names):
            if len(asked) == 1 and number == 1:
                raise KeyboardInterrupt
            yield name, np.full(4, float(number))

    monkeypatch.setattr(gathering, "_SOURCES", {"gradients": source})
    with pytest.raises(KeyboardInterrupt):
        gather(subject, NAMES)
    found = gather(subject, NAMES)
    assert asked == [NAMES, NAMES[1:]]
    assert found["gradient"].tolist() == [0.0] * 4
    assert found["hessian_diagonal"].tolist() == [1.0] * 4


def test_the_other_process_leaves_what_it_had_finished(tmp_path, monkeypatch):
    def stop(bench, trained, names, effort, keep):
        keep("gradient", np.arange(3.0))
        keep("eigenvalues", np.arange(2.0))  # comes at no cost, and nobody asked for it
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "measure_benchmark", stop)
    files = {name: str(tmp_path / f"{name}.npz") for name in NAMES}
    request = {"bench": "dummy", "trained": True, "files": files, "effort": {}}
    (tmp_path / "request.json").write_text(json.dumps(request))
    with pytest.raises(KeyboardInterrupt):
        worker.main(tmp_path)
    assert kept.read(tmp_path / "gradient.npz").tolist() == [0, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gradient.npz", "request.json"]


def test_a_process_that_leaves_nothing_is_noticed(subject, monkeypatch):
    monkeypatch.setattr(gathering, "evidence_apart", lambda *arguments: None)
    with pytest.raises(DataError, match=r"gradient-[0-9a-f]{16}\.npz was damaged as soon as it was written"):
        gather(subject, ("gradient",))


def test_evidence_before_training_is_kept_apart(subject, monkeypatch):
    asked = []
    monkeypatch.setattr(gathering, "evidence_apart", lambda bench, trained, *rest: asked.append(trained))
    for trained in (True, False):
        other = Subject(subject.spec, subject.network, trained)
        with pytest.raises(DataError):
            gather(other, ("gradient",), Settings(Effort(samples=10)))
    assert asked == [True, False]


def test_trials_are_measured_once_and_survive_an_interruption(subject, monkeypatch):
    ranked = rankings(subject, Request(("msb", "lsb")))
    judge = PlanJudge(problem("dummy", samples=20), ber=0.01, trials=3, jobs=1)
    calls, measure = [], PlanJudge.measure

    def stop_at_the_third(self, plan, ber=None):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(plan.digest)
        return measure(self, plan, ber)

    monkeypatch.setattr(PlanJudge, "measure", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        worths(judge, ranked, (0.1, 0.5), "msb")
    monkeypatch.setattr(
        PlanJudge, "measure", lambda s, plan, ber=None: calls.append(plan.digest) or measure(s, plan)
    )
    resumed = worths(judge, ranked, (0.1, 0.5), "msb")
    assert len(calls) == len(set(calls)) == 4
    monkeypatch.setattr(PlanJudge, "measure", measure)
    monkeypatch.setenv("NETSURF_BUILD", "elsewhere")
    monkeypatch.setattr(kept, "write", lambda path, array: None)
    assert worths(judge, ranked, (0.1, 0.5), "msb") == resumed


def test_other_trials_are_not_those_that_were_kept(subject, monkeypatch):
    """The negative control: another rate, seed or number of trials is measured anew."""
    ranked = rankings(subject, Request(("msb",)))
    calls, measure = [], PlanJudge.measure
    monkeypatch.setattr(PlanJudge, "measure", lambda s, plan, ber=None: calls.append(1) or measure(s, plan))
    whole = problem("dummy", samples=20)
    for ber, trials, seed in ((0.01, 3, 1), (0.02, 3, 1), (0.01, 4, 1), (0.01, 3, 2), (0.01, 3, 1)):
        worths(PlanJudge(whole, ber, trials, seed, jobs=1), ranked, (0.1,))
    worths(PlanJudge(problem("dummy", samples=19), 0.01, 3, jobs=1), ranked, (0.1,))
    assert len(calls) == 5


@pytest.mark.parametrize(("seconds", "said"), [(7200.0, "about 2.0 h: leave oracle out"), (20.0, "")])
def test_a_long_census_is_announced(subject, monkeypatch, seconds, said):
    """Every stored bit of a large network once takes hours; gradients are not announced by that time."""
    from netsurf.inject import outlook

    notes = []
    sources = {
        name: lambda subject, names, settings: ((n, np.zeros(3)) for n in names)
        for name in ("gradients", "injection")
    }
    monkeypatch.setattr(gathering, "_SOURCES", sources)
    monkeypatch.setattr(outlook, "seconds", lambda *_, **__: seconds)
    gather(subject, ("gradient", "loss_change"), progress=lambda done, total, note: notes.append(note))
    assert notes[0] == "gradients: gradient"
    assert notes[1].startswith("injection: loss_change")
    assert said in notes[1]
    assert ("about" in notes[1]) == bool(said)
