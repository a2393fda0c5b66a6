"""What a campaign is asked to do: read, checked, and refused in one sentence."""

import numpy as np
import pytest

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.metrics import golden_metric, label_rank, measure, metric
from netsurf.campaign.population import population_bits
from netsurf.campaign.spec import CampaignSpec, make_spec, read_spec
from netsurf.engine import ReferenceEngine
from netsurf.errors import FaultError, UnknownNameError, UsageError
from netsurf.fault import Fault, FaultList
from tests.campaigns import small_campaign, small_network, small_problem


def test_yaml_and_command_line_say_the_same(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        "benchmark: mnist_fnn\nber: [1e-3, 1%]\nprotection: [0, 20%]\nranker: [msb, random]\nmargin: 0.5%\n"
    )
    typed = make_spec(
        benchmark="mnist_fnn",
        ber="0.001,0.01",
        protection="0,0.2",
        ranker="bitwise_msb,random",
        margin="0.005",
    )
    assert read_spec(path) == typed
    assert read_spec(path, seed=7).seed == 7
    assert CampaignSpec.model_validate_json(typed.model_dump_json()) == typed


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ber": "1.5"}, "ber: 1.5 is outside 0 to 1"),
        ({"ber": "-1e-3"}, "ber: -0.001 is outside 0 to 1"),
        ({"ber": "much"}, "'much' is no number"),
        ({"ber": "1e-3,0.1%"}, "the same value is there twice"),
        ({"protection": "0,120%", "ber": "1e-3"}, "protection: 1.2 is outside 0 to 1"),
        ({}, "needs a bit error rate; add --ber"),
        ({"mode": "exhaustive", "ber": "1e-3"}, "takes no bit error rate"),
        ({"mode": "exhaustive", "margin": "1%"}, "runs all its faults"),
        ({"mode": "list"}, "add --faults FILE"),
        ({"ber": "1e-3", "fault": "stuck2"}, "no fault model; choose flip, stuck0, stuck1 or burst:N"),
        ({"ber": "1e-3", "repetitons": 5}, "repetitons: no such field; known: benchmark, mode"),
        ({"ber": "1e-3", "confidence": "95"}, "confidence: Input should be less than 1"),
        ({"ber": "1e-3", "margin": "0"}, "margin: Input should be greater than 0"),
        ({"ber": "1e-3", "split": "train"}, "split: Input should be 'test' or 'calibration'"),
    ],
)
def test_a_bad_request_is_refused_in_one_sentence(fields, sentence):
    with pytest.raises(UsageError) as error:
        make_spec(benchmark="small", **fields)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_ranker_lists_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown ranker 'msbb' \(did you mean msb"):
        make_spec(benchmark="small", ber="1e-3", ranker="msbb")


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "no campaign can be read"), ("- 1", "a campaign is a mapping")]
)
def test_a_file_that_is_no_campaign_is_refused(tmp_path, text, said):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_spec(path)
    with pytest.raises(UsageError, match="no campaign can be read"):
        read_spec(tmp_path / "absent.yaml")


def test_identity_changes_with_what_rows_depend_on_and_with_nothing_else():
    base = small_campaign(protection=(0, 0.2))
    assert base.digest == small_campaign(protection=(0, 0.2)).digest
    others = [
        small_campaign(protection=(0, 0.2), seed=2),
        small_campaign(protection=(0, 0.3)),
        small_campaign(protection=(0, 0.2), problem=small_problem(seed=3)),
        small_campaign(protection=(0, 0.2), problem=small_problem(samples=39)),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 5
    faults = [FaultList.of([Fault((s,))]) for s in (1, 2)]
    spec = make_spec(benchmark="small", mode="list", faults="somewhere.txt")
    listed = {Campaign(spec, small_problem(), fault).digest for fault in faults}
    elsewhere = Campaign(spec.model_copy(update={"faults": "elsewhere.txt"}), small_problem(), faults[0])
    assert len(listed) == 2
    assert elsewhere.digest in listed


def test_populations():
    network = small_network()
    assert len(population_bits(network, "all")) == network.stored_bits == 840
    kernel = population_bits(network, "fc1.kernel")
    assert kernel.tolist() == list(range(12 * 8 * 6))
    assert population_bits(network, "fc1").tolist() == list(range((12 * 8 + 8) * 6))
    top = population_bits(network, "fc1.kernel,bit=msb")
    assert top.tolist() == [n for n in kernel if n % 6 == 5]
    assert len(population_bits(network, "fc1.bias+fc2.bias,bit=0+5")) == (8 + 4) * 2
    assert len(population_bits(network, "unpruned")) == 840


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("fc3", UnknownNameError, "unknown population 'fc3'"),
        ("bit=6", FaultError, "bit plane '6' does not exist; choose 0 to 5, msb or lsb"),
        ("fc1.kernel,fc2", FaultError, "population 'fc1.kernel,fc2' of small is empty"),
        ("", UnknownNameError, "unknown population ''"),
    ],
)
def test_populations_that_are_refused(text, error, said):
    with pytest.raises(error) as caught:
        population_bits(small_network(), text)
    assert said in str(caught.value)


def test_a_population_that_ideal_protection_empties_is_refused():
    with pytest.raises(
        FaultError, match="no stored bit of population 'all' is left to upset at protection 1"
    ):
        small_campaign(protection=(1,), ideal=True)


def test_metrics_against_a_loop():
    problem = small_problem(samples=20)
    design = small_campaign(problem=problem).cells[0].design
    outputs = ReferenceEngine(design).run(FaultList.of([Fault((30, 400))]), problem.inputs).outputs
    got = measure(problem, outputs, ["correct", "topk", "sdc", "loss"], top=2)
    correct = top2 = sdc = loss = 0
    for codes, golden, label in zip(
        outputs[0].tolist(), problem.golden.tolist(), problem.labels.tolist(), strict=True
    ):
        order = sorted(range(4), key=lambda i: (-codes[i], i))
        correct += order[0] == label
        top2 += label in order[:2]
        sdc += order[0] != max(range(4), key=lambda i: (golden[i], -i))
        real = [c * 2.0**-10 for c in codes]
        loss += np.log(sum(np.exp(r) for r in real)) - real[label]
    assert (got["correct"][0], got["topk"][0], got["sdc"][0]) == (correct, top2, sdc)
    assert got["loss"][0] == pytest.approx(loss / 20)


def test_regression_metrics_against_a_loop():
    problem = small_problem(samples=20, task="regression")
    outputs = problem.golden[None] + np.arange(20)[None, :, None] * 40
    got = measure(problem, outputs, ["sdc", "mse", "mae", "r2"])
    errors = outputs[0] * 2.0**-10 - problem.labels
    assert got["mse"][0] == pytest.approx((errors**2).mean())
    assert got["mae"][0] == pytest.approx(np.abs(errors).mean())
    assert got["r2"][0] == pytest.approx(1 - (errors**2).mean() / problem.labels.var(axis=0).mean())
    assert got["sdc"][0] == sum(40 * i * 2.0**-10 > 0.25 for i in range(20))
    assert golden_metric(problem, "mse") == pytest.approx(
        ((problem.golden * 2.0**-10 - problem.labels) ** 2).mean()
    )


def test_top_1_is_accuracy_whatever_the_ties():
    outputs = np.random.default_rng(1).integers(0, 3, (5, 40, 4))
    labels = np.random.default_rng(2).integers(0, 4, 40)
    assert ((label_rank(outputs, labels) == 0) == (outputs.argmax(-1) == labels)).all()


@pytest.mark.parametrize(
    ("name", "task"), [("mse", "classification"), ("accuracy", "regression"), ("top0", "classification")]
)
def test_metrics_that_a_task_does_not_have_are_refused(name, task):
    with pytest.raises(UnknownNameError, match=f"unknown metric of a {task} benchmark"):
        metric(name, task)


def test_two_different_tops_are_refused():
    with pytest.raises(UsageError, match="one top-N at a time, not top2, top3"):
        small_campaign(metric="top2,top3").compute(0, {0}, None)
