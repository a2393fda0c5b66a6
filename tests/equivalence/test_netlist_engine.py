"""The synthesised netlist, upset at its flip-flops by number, gives what the reference executor gives."""

import dataclasses

import pytest

from netsurf.cosim.netlist import NetlistEngine
from netsurf.emit import architecture, emit
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import SiteMapError
from netsurf.fault import exhaustive
from netsurf.proof import Text, find, rewrite, synthesise
from netsurf.proof.controls import sabotage
from netsurf.proof.flipflops import bits
from tests.rtl_designs import design, samples

pytestmark = pytest.mark.rtl("pyosys")


def emitted(point, folder, name="serial"):
    return emit(point, architecture(name, point.network), folder)


def agreement(engine, point):
    faults, inputs = exhaustive(point.space), samples(point.network, 3)
    return compare(engine.name, ReferenceEngine(point).run(faults, inputs), engine.run(faults, inputs))


@pytest.mark.parametrize("level", [0.0, 0.2, 1.0])
def test_every_upset_of_the_netlist_of_words_is_that_of_the_reference(tmp_path, level):
    point = design(level)
    found = agreement(NetlistEngine(emitted(point, tmp_path / "d"), point), point)
    assert (found.pairs, found.count) == (3 * point.space.size, 0)


@pytest.mark.slow
@pytest.mark.parametrize("technology", ["gates", "abc"])
def test_every_upset_of_a_mapped_netlist_is_that_of_the_reference(tmp_path, technology):
    point = design(0.2)
    engine = NetlistEngine(emitted(point, tmp_path / "d"), point, technology=technology)
    found = agreement(engine, point)
    assert (found.pairs, found.count) == (3 * point.space.size, 0)


def test_a_swapped_register_is_a_mismatch(tmp_path):
    """The negative control: two stored bits of a bank exchanged in the netlist's site map."""
    point = design(0.2)
    engine = NetlistEngine(emitted(point, tmp_path / "d"), point)
    text = Text.read(engine.netlist.verilog)
    banks = find(text, engine.accelerator, point)
    bank = banks[0, 0]
    swapped = {**bank.bits, (0, 0): bank.bits[0, 5], (0, 5): bank.bits[0, 0]}
    banks[0, 0] = dataclasses.replace(bank, bits=swapped)
    engine._simulated = rewrite(text, banks, engine.accelerator)
    assert agreement(engine, point).count > 0


def test_a_lost_replica_is_named(tmp_path):
    point = design(0.2)
    broken = sabotage(emitted(point, tmp_path / "d"), "replica", tmp_path / "broken")
    lost = str(point.space.site(point.space.stored_bits + int(point.plan.bits[0])))
    with pytest.raises(SiteMapError, match="no flip-flop of their own") as error:
        NetlistEngine(broken, point)
    assert lost in str(error.value)


@pytest.mark.parametrize("technology", ["words", "gates"])
@pytest.mark.parametrize("name", ["serial", "parallel"])
def test_every_stored_bit_is_found_once(tmp_path, technology, name):
    point = design(0.5)
    accelerator = emitted(point, tmp_path / "d", name)
    banks = find(Text.read(synthesise(accelerator, technology).verilog), accelerator, point)
    registers = [(bank.instance, register) for bank in banks.values() for register in bank.bits.values()]
    assert len(registers) == len(set(registers)) == point.space.size


def test_bits_of_an_expression_that_cannot_be_read_is_an_error():
    with pytest.raises(SiteMapError, match="cannot read"):
        list(bits("a + b", {"a": 1}))
