"""Site map, ports, architecture and folder of an emitted design, without any simulator."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.emit import (
    Architecture,
    architecture,
    config_writes,
    emit,
    load,
    locate,
    number,
    pack_input,
    read_cycle,
    require_match,
    unpack_output,
)
from netsurf.errors import NetworkError, SiteMapError, UnknownNameError, UnsupportedLayerError, UsageError
from netsurf.fixed import FixedFormat, get_bit
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.ir import Layer, Network, TensorSpec
from tests.strategies import dense, design_points, inputs, random_codes

few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def design():
    """Two dense layers, every third bit protected."""
    rng = np.random.default_rng(3)
    x, w = FixedFormat(7, 0, False), FixedFormat(5, 1)
    first, middle = TensorSpec((12,), x), TensorSpec((3,), FixedFormat(14, 2))
    layers = (
        dense("fc1", "input", first, 3, w, w, FixedFormat(14, 2), FixedFormat(14, 2), rng),
        dense("fc2", "fc1", middle, 2, w, w, FixedFormat(22, 6), FixedFormat(22, 6), rng),
    )
    network = Network("small", first, layers)
    bits = np.arange(0, network.stored_bits, 3)
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits))


def emitted(design, folder, name="serial"):
    return emit(design, architecture(name, design.network), folder / "d")


@given(design=design_points())
@few
def test_every_site_has_one_place_and_every_place_one_site(design, tmp_path_factory):
    accelerator = emitted(design, tmp_path_factory.mktemp("design"))
    sites = design.space.sites
    where = locate(accelerator, sites)
    np.testing.assert_array_equal(number(accelerator, where), sites)
    places = {
        (accelerator.stores[s].banks[r], w, b)
        for s, r, w, b in zip(where.store, where.replica, where.word, where.bit, strict=True)
    }
    assert len(places) == len(sites)
    for s, w, b in zip(where.store, where.word, where.bit, strict=True):
        assert w < accelerator.stores[s].words
        assert b < accelerator.stores[s].word_width


def test_a_site_is_where_the_contract_says(design, tmp_path):
    accelerator = emitted(design, tmp_path)
    site = design.space.sites[100]
    found = design.space.site(int(site))
    where = locate(accelerator, [site])
    store = accelerator.stores[where.store[0]]
    assert store.tensor == found.tensor
    assert where.word[0] == found.index // store.elements_per_word
    assert where.bit[0] == (found.index % store.elements_per_word) * store.element_width + found.bit


@pytest.mark.parametrize("site", [-1, 3 * 10**6])
def test_a_site_outside_is_refused(design, tmp_path, site):
    with pytest.raises(SiteMapError, match="is not in small_accelerator"):
        locate(emitted(design, tmp_path), [0, site])


def test_a_replica_of_an_unprotected_store_is_refused(design, tmp_path):
    plain = DesignPoint.unprotected(design.network)
    with pytest.raises(SiteMapError, match="is not in"):
        locate(emitted(plain, tmp_path), [design.network.stored_bits])


@given(design=design_points(), data=st.data())
@few
def test_writes_hold_every_stored_bit_at_its_site(design, data, tmp_path_factory):
    """Reading the written lanes back at the place of a site gives the bit of the code."""
    from netsurf.harden.resolve import stored_values

    accelerator = emitted(design, tmp_path_factory.mktemp("design"))
    addresses, written = config_writes(accelerator, design.network)
    assert len(set(addresses.tolist())) == len(addresses)
    memory = dict(zip(addresses.tolist(), written.tolist(), strict=True))
    bits = np.arange(design.network.stored_bits)
    where = locate(accelerator, bits)
    values = [
        memory[accelerator.stores[s].config_base + w * accelerator.stores[s].word_stride + b // 32] >> b % 32
        & 1
        for s, w, b in zip(where.store.tolist(), where.word.tolist(), where.bit.tolist(), strict=True)
    ]
    assert values == stored_values(design.space, bits).tolist()


@given(design=design_points(), data=st.data())
@few
def test_input_elements_lie_where_the_contract_says(design, data, tmp_path_factory):
    accelerator = emitted(
        design, tmp_path_factory.mktemp("design"), data.draw(st.sampled_from(["serial", "parallel"]))
    )
    codes = data.draw(inputs(design.network))
    stream = accelerator.input
    beats = pack_input(accelerator, codes)
    assert beats.shape == (len(codes), stream.beats, stream.tdata_width // 8)
    bits = np.unpackbits(beats, axis=-1, bitorder="little")
    for element, code in enumerate(codes.reshape(len(codes), -1).T):
        beat, place = divmod(element, stream.per_beat)
        for bit in range(stream.width):
            np.testing.assert_array_equal(bits[:, beat, place * stream.width + bit], get_bit(code, bit))


@given(design=design_points(), data=st.data())
@few
def test_outputs_are_read_as_they_are_packed(design, data, tmp_path_factory):
    accelerator = emitted(design, tmp_path_factory.mktemp("design"))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    spec = design.network.output
    codes = random_codes(spec.format, (3, spec.size), rng)
    bits = (codes[..., None] >> np.arange(spec.format.width)) & 1
    padded = np.zeros((3, accelerator.output.tdata_width), np.uint8)
    padded[:, : spec.size * spec.format.width] = bits.reshape(3, -1)
    data_bytes = np.packbits(padded, axis=-1, bitorder="little")
    np.testing.assert_array_equal(unpack_output(accelerator, data_bytes), codes)


def test_inputs_of_another_shape_are_refused(design, tmp_path):
    with pytest.raises(NetworkError, match="takes 12 elements"):
        pack_input(emitted(design, tmp_path), np.zeros((2, 11), int))


def test_read_cycles_follow_the_reuse_factor(design, tmp_path):
    chosen = Architecture("mixed", {"fc1": 6, "fc2": 1})
    accelerator = emit(design, chosen, tmp_path / "d")
    sites = np.arange(design.network.stored_bits)
    cycles = read_cycle(accelerator, locate(accelerator, sites))
    kernel, bias = accelerator.stores[:2]
    assert cycles[: kernel.bits].max() == 5
    assert kernel.words_per_read == 2
    assert bias.first_read == 1
    assert (accelerator.latency, accelerator.interval) == (9, 6)


@pytest.mark.parametrize("factor", [0, 5, 24])
def test_a_reuse_factor_that_does_not_divide_is_refused(design, tmp_path, factor):
    with pytest.raises(NetworkError, match="choose one of 1, 2, 3, 4, 6, 12"):
        emit(design, Architecture("odd", {"fc1": factor, "fc2": 1}), tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_an_unknown_architecture_is_refused(design):
    with pytest.raises(UnknownNameError, match="serial"):
        architecture("seriel", design.network)


def test_a_layer_without_verilog_is_refused(design, tmp_path, monkeypatch):
    from netsurf.emit import kinds

    monkeypatch.delitem(kinds.KINDS, "dense")
    with pytest.raises(UnsupportedLayerError, match="layer 'fc1' is of kind 'dense'"):
        emitted(design, tmp_path)


def test_a_layer_that_leads_nowhere_is_refused(design, tmp_path):
    network = design.network
    relu = Layer("relu", "relu", ("fc1",), network.layer("fc1").output)
    forked = DesignPoint.unprotected(Network("fork", network.input, (*network.layers, relu)))
    with pytest.raises(UnsupportedLayerError, match="no layer reads it"):
        emitted(forked, tmp_path)


def test_what_is_loaded_is_what_was_emitted(design, tmp_path):
    accelerator = emitted(design, tmp_path)
    assert load(tmp_path / "d") == accelerator
    require_match(accelerator, design)


def test_emitting_twice_gives_the_same_bytes(design, tmp_path):
    first = emitted(design, tmp_path / "a")
    second = emitted(design, tmp_path / "b")
    assert first.digest == second.digest
    assert [p.read_bytes() for p in first.paths] == [p.read_bytes() for p in second.paths]


def test_another_design_point_is_refused(design, tmp_path):
    accelerator = emitted(DesignPoint.unprotected(design.network), tmp_path)
    with pytest.raises(SiteMapError, match="was emitted from plan"):
        require_match(accelerator, design)
    with pytest.raises(SiteMapError, match="was emitted from network"):
        config_writes(replace(accelerator, network="0" * 64), design.network)


def _no_design(folder):
    (folder / "design.json").unlink()


def _cut(folder):
    text = (folder / "design.json").read_text()
    (folder / "design.json").write_text(text[: len(text) // 2])


def _other_number(folder):
    document = json.loads((folder / "design.json").read_text())
    document["stores"][0]["words"] += 1
    (folder / "design.json").write_text(json.dumps(document))


def _no_digest(folder):
    document = json.loads((folder / "design.json").read_text())
    del document["digest"]
    (folder / "design.json").write_text(json.dumps(document))


def _other_schema(folder):
    document = json.loads((folder / "design.json").read_text())
    (folder / "design.json").write_text(json.dumps({**document, "schema_version": 0}))


def _no_file(folder):
    (folder / "rtl" / "ns_bank.v").unlink()


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_no_design, "cannot be read"),
        (_cut, "is damaged"),
        (_other_number, "was changed"),
        (_no_digest, "is damaged"),
        (_other_schema, "another NetSurf"),
        (_no_file, "is missing"),
    ],
)
def test_a_damaged_design_is_refused(design, tmp_path, damage, what):
    emitted(design, tmp_path)
    damage(tmp_path / "d")
    with pytest.raises(SiteMapError, match=what):
        load(tmp_path / "d")


def test_a_folder_with_other_files_is_left_alone(design, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no emitted design"):
        emitted(design, tmp_path)
    assert (tmp_path / "d" / "thesis.tex").read_text() == "years of work"


def test_an_older_design_is_replaced_whole(design, tmp_path):
    emitted(DesignPoint.unprotected(design.network), tmp_path, "parallel")
    accelerator = emitted(design, tmp_path)
    assert load(tmp_path / "d") == accelerator
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d"]


def test_a_failed_emission_leaves_the_older_design(design, tmp_path, monkeypatch):
    older = emitted(design, tmp_path)
    monkeypatch.setattr("netsurf.emit.write.sha256", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        emitted(design, tmp_path, "parallel")
    monkeypatch.undo()
    assert load(tmp_path / "d") == older
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d"]
