"""Plans with schemes: digests, files, and the sentences that refuse what cannot be."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from netsurf.errors import PlanError, UnknownNameError
from netsurf.harden import (
    Assignment,
    DesignPoint,
    ProtectionPlan,
    load_plan,
    plan_by_level,
    plan_by_name,
    plan_by_scheme,
    save_plan,
)
from tests.rtl_designs import network as small

NETWORK = small()
NONE = np.empty(0, np.int64)


def plan(*schemes, bits=NONE):
    return ProtectionPlan(NETWORK.digest, NETWORK.stored_bits, bits, {}, schemes)


def test_a_plan_of_replicas_alone_keeps_its_digest_and_its_file(tmp_path):
    bits = np.array([3, 5, 70])
    old = hashlib.sha256(NETWORK.digest.encode() + bits.astype("<i8").tobytes()).hexdigest()
    by_scheme = plan(Assignment("tmr", bits[1:]), bits=bits[:1])
    assert plan(bits=bits).digest == by_scheme.digest == old
    assert json.loads(save_plan(by_scheme, tmp_path / "p").read_text())["schema_version"] == 1


def test_digests_tell_schemes_options_and_bits_apart():
    bits = np.arange(6)
    plans = [plan(bits=bits), *(plan(Assignment(name, bits)) for name in ("dmr", "parity", "secded"))]
    plans += [plan(Assignment("secded", bits, {"word": 12})), plan(Assignment("dmr", bits + 6)), plan()]
    plans += [plan(Assignment("tmr_scrub", bits, {"period": p})) for p in (7, 8)]
    assert len({p.digest for p in plans}) == len(plans)
    halves = plan(Assignment("dmr", bits), Assignment("dmr", bits + 6))
    assert halves.digest == plan(Assignment("dmr", np.arange(12))).digest


def test_what_is_saved_is_what_is_loaded(tmp_path):
    wanted = {"fc1.kernel": "secded:word=30", "fc1.bias": "tmr_scrub:period=5", "fc2": "parity"}
    made = plan_by_name(NETWORK, wanted, {"why": "a test"})
    made = replace(made, bits=NONE, notes=made.notes)
    back = load_plan(save_plan(made, tmp_path / "plan.json"), NETWORK)
    assert (back.digest, back.notes) == (made.digest, made.notes)
    assert [a.label for a in back.assignments] == ["parity", "secded:word=30", "tmr_scrub:period=5"]


def write(path, schemes, bits=()):
    document = {"schema_version": 2, "network": NETWORK.digest, "stored_bits": NETWORK.stored_bits}
    path.write_text(json.dumps({**document, "notes": {}, "bits": list(bits), "schemes": schemes}))
    return path


def test_a_person_can_name_layers_tensors_elements_and_bits(tmp_path):
    schemes = [
        {"scheme": "secded", "options": {"word": 24}, "layers": ["fc1"]},
        {"scheme": "dmr", "elements": {"fc2.bias": [0, 2]}},
        {"scheme": "tmr", "ranges": [[168, 170], [175, 176]]},
        {"scheme": "none", "tensors": ["fc2.kernel"]},
    ]
    loaded = load_plan(write(tmp_path / "p.json", schemes, [170]), NETWORK)
    assert loaded.bits.tolist() == [168, 169, 170, 175]
    assert {a.scheme: len(a.bits) for a in loaded.schemes} == {"secded": 168, "dmr": 12}
    assert loaded.level == pytest.approx((4 + 168 + 12) / NETWORK.stored_bits)


@pytest.mark.parametrize(
    ("schemes", "bits", "error", "says"),
    [
        ([{"scheme": "dmr", "bits": [0, 1, 2]}], [], PlanError, r"fc1.kernel\[0\] is given 3 of its 6 bits"),
        ([{"scheme": "dmr", "ranges": [[0, 6]]}], [4], PlanError, "names bit 4 twice"),
        ([{"scheme": "tmr_scrub", "bits": [9, 9]}], [], PlanError, "names bit 9 twice"),
        (
            [{"scheme": "dmr", "tensors": ["fc1.kernel"]}, {"scheme": "parity", "layers": ["fc1"]}],
            [],
            PlanError,
            "names bit 0 twice",
        ),
        ([{"scheme": "tmr_scrub", "bits": [999]}], [], PlanError, "protects bit 999"),
        ([{"scheme": "dmr", "elements": {"fc2.bias": [3]}}], [], PlanError, r"fc2.bias\[3\]; .* 0..2"),
        ([{"scheme": "dnr", "layers": ["fc1"]}], [], UnknownNameError, "dmr"),
        ([{"scheme": "dmr", "layers": ["fc9"]}], [], UnknownNameError, "fc1"),
        ([{"scheme": "dmr", "layer": ["fc1"]}], [], UnknownNameError, "layers"),
        ([{"scheme": "dmr"}], [], PlanError, "exactly one of layers"),
        ([{"scheme": "dmr", "layers": ["fc1"], "options": {"word": 3}}], [], UnknownNameError, "option"),
        ([{"scheme": "secded", "layers": ["fc1"], "options": {"word": 65}}], [], PlanError, "1 to 64"),
        (
            [{"scheme": "secded", "layers": ["fc1"], "options": {"word": "x"}}],
            [],
            PlanError,
            "choose 1 to 64",
        ),
        (
            [
                {"scheme": "tmr_scrub", "bits": [0], "options": {"period": 3}},
                {"scheme": "tmr_scrub", "bits": [1], "options": {"period": 4}},
            ],
            [],
            PlanError,
            "fc1.kernel is given scrubbers of periods 3, 4",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_a_sentence(tmp_path, schemes, bits, error, says):
    with pytest.raises(error, match=says) as caught:
        load_plan(write(tmp_path / "p.json", schemes, bits), NETWORK)
    assert caught.value.exit_code == 2


def test_a_tensor_beats_its_layer_and_both_beat_all():
    made = plan_by_name(NETWORK, {"fc1.bias": "none", "all": "parity", "fc1": "tmr"}, {})
    assert len(made.bits) == 6 * 4 * 6
    assert {a.scheme: len(a.bits) for a in made.schemes} == {"parity": (4 * 3 + 3) * 6}


@pytest.mark.parametrize(
    "text", ["tmr", "dmr", "parity", "secded:word=12", "secded_scrub", "tmr_scrub:period=9"]
)
def test_a_budget_is_kept(text):
    ranking = np.random.default_rng(0).permutation(NETWORK.stored_bits)
    made = plan_by_scheme(NETWORK, ranking, 0.3, text, {})
    budget = round(0.3 * NETWORK.stored_bits)
    assert budget - 6 < len(made.protected) <= budget
    if "tmr" in text:
        assert set(made.protected) == set(plan_by_level(NETWORK, ranking, 0.3, {}).bits)
    elif len(made.protected):
        assert ranking[0] in made.protected
    assert len(plan_by_scheme(NETWORK, ranking, 1.0, text, {}).protected) == NETWORK.stored_bits


@pytest.mark.parametrize("text", ["tmr:period=3", "secded:word", "secded:word=x", "dmrr"])
def test_a_scheme_that_is_misspelt_is_said(text):
    with pytest.raises((PlanError, UnknownNameError)):
        plan_by_scheme(NETWORK, np.arange(NETWORK.stored_bits), 1.0, text, {})


def test_stored_bits_by_scheme():
    """The sums that docs/protection.md states: 18 weights of 6 bits in words of 3 and 4 elements."""
    total = NETWORK.stored_bits
    sizes = {
        text: DesignPoint(NETWORK, plan_by_name(NETWORK, {"all": text}, {})).space.size
        for text in ("tmr", "dmr", "parity", "secded", "secded:word=1", "secded:word=12")
    }
    rows = {"fc1": (7, 24, 6), "fc2": (5, 18, 6)}  # words, bits, check bits of 24 and 18 data bits
    assert sizes == {
        "tmr": 3 * total,
        "dmr": 2 * total,
        "parity": total + total // 6,
        "secded": total + sum(words * checks for words, _, checks in rows.values()),
        "secded:word=1": total + total // 6 * 5,
        "secded:word=12": total + 7 * 2 * 6 + 5 * (6 + 5),
    }
