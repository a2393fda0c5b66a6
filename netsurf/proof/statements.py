"""What is proved of a protected netlist, one function a theorem."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

from netsurf.proof.aiger import Bit
from netsurf.proof.circuit import FALSE, TRUE
from netsurf.proof.model import Copy, Model, Place
from netsurf.proof.theorems import REPLICAS, Bench, Check, Counterexample, Theorem, decide

LANE = 32
"""Bits of a write on the configuration port."""


def loading(model: Model) -> Theorem:
    """Writing every word loads every bank, whatever was in it: evaluated for every address of every store."""
    started, checks, failed = time.perf_counter(), 0, []
    for number, store in enumerate(model.accelerator.stores):
        for value, before in product((0, 1), repeat=2):
            wrong, count = _loads(model, number, value, before)
            checks += count
            failed += [
                Counterexample(store.tensor, f"a write does not load word {w}, bit {b} of bank {bank}")
                for _, bank, w, b in wrong[:1]
            ]
    return Theorem(
        "loading",
        "after a write of each lane of a word, every bank holds the written bits, from any state before",
        not failed,
        checks,
        0,
        time.perf_counter() - started,
        tuple(failed),
    )


def _loads(model: Model, number: int, value: int, before: int) -> tuple[list[Place], int]:
    """Stored bits of a store that a write of ``value`` over ``before`` does not load, or loads elsewhere.

    Bit ``n`` of every number below is what happens at address ``n`` of the store.
    """
    store, graph = model.accelerator.stores[number], model.graph
    span = store.words * store.word_stride
    ones = (1 << span) - 1
    values = [0] * (1 + graph.inputs + graph.latches)
    for index, names in enumerate(graph.input_names, start=1):
        name, bit = min(names)
        if name == "cfg_addr_i":
            values[index] = _column(span, bit, store.config_base)
        elif name == "cfg_we_i" or (name == "cfg_data_i" and value):
            values[index] = ones
    first = 1 + graph.inputs
    for latch in range(graph.latches):
        values[first + latch] = ones * before
    for a, b in graph.ands:
        values.append((values[a >> 1] ^ (ones * (a & 1))) & (values[b >> 1] ^ (ones * (b & 1))))
    wrong, count = [], 0
    for place, latch in model.latches.items():
        if place[0] != number:
            continue
        count += 1
        following = graph.next[latch]
        got = values[following >> 1] ^ (ones * (following & 1))
        own = 1 << (place[2] * store.word_stride + place[3] // LANE)
        if got != (own * value | (ones ^ own) * before):
            wrong.append(place)
    return wrong, count


def _column(span: int, bit: int, base: int) -> int:
    """Bit ``bit`` of the addresses ``base .. base + span - 1``, one bit an address."""
    if base >> bit & 1 and span <= 1 << bit:
        return (1 << span) - 1
    return sum(1 << n for n in range(span) if (base + n) >> bit & 1)


def containment(bench: Bench) -> Theorem:
    """An upset bit stays one: a stored bit's next value depends on itself and on what is written to it."""

    def checks() -> Iterator[Check]:
        copy, model = bench.distinct(), bench.model
        for place, latch in model.latches.items():
            support = bench.circuit.support(copy.following(latch))
            foreign = [name for name in support if not _may_write(name, place)]
            tensor = model.accelerator.stores[place[0]].tensor
            what = (
                f"word {place[2]}, bit {place[3]} of bank {place[1]} takes its next value from {foreign[:1]}"
            )
            yield [TRUE if foreign else FALSE], lambda _, t=tensor, w=what: Counterexample(t, w)

    return decide(
        "containment",
        "the next value of a stored bit depends on itself, the address and its bit of the data written, "
        "and on no other stored bit: an upset does not spread",
        bench.solver,
        checks(),
    )


def _may_write(name: Any, place: Place) -> bool:
    """Whether a variable may decide the next value of a stored bit."""
    if name[0] == "own":
        return name[1:] == place
    written = ("cfg_data_i", place[3] % LANE)
    return name[0] == "input" and (name[1][0] in ("cfg_we_i", "cfg_addr_i") or name[1] == written)


def lockstep(bench: Bench) -> Theorem:
    """Banks that agree go on agreeing, so that only an upset parts them, and a write ends it."""

    def checks() -> Iterator[Check]:
        copy, model = bench.agreeing(), bench.model
        for (s, bank, w, b), latch in model.latches.items():
            if bank in (1, 2):
                first = copy.following(model.latches[s, 0, w, b])
                differs = bench.circuit.xor(first, copy.following(latch))
                tensor = model.accelerator.stores[s].tensor
                what = f"bank {bank} leaves bank 0 at word {w}, bit {b}, without an upset"
                yield [differs], lambda _, t=tensor, x=what: Counterexample(t, x)

    return decide(
        "lockstep",
        "replicas that agree agree after the next clock edge, whatever is written",
        bench.solver,
        checks(),
    )


def voted_word(bench: Bench, store: int) -> Theorem:
    """No upset of one replica changes the voted word, in any row."""

    def checks() -> Iterator[Check]:
        golden, words = bench.agreeing(), bench.model.words(store)
        for replica in range(REPLICAS):
            upset = bench.upset(replica)
            for number, bit in enumerate(words):
                differs = bench.circuit.xor(golden.output(bit), upset.output(bit))
                what = f"bit {number} of the voted word changes"
                yield [differs], bench.blame(store, replica, what, differs)

    tensor = bench.model.accelerator.stores[store].tensor
    return decide(
        f"voted word of {tensor}",
        "whatever the protected bits of one replica hold, every voted word is what the other two hold",
        bench.solver,
        checks(),
    )


def flag(bench: Bench, store: int) -> Theorem:
    """An upset that an unprotected store would have shown raises the flag, and nothing else does."""
    tensor = bench.model.accelerator.stores[store].tensor
    statement = (
        "in the cycle after a read that, unvoted, would have shown the upset of one replica, tmr_error is 1 "
        "(out of reset); "
        "while the replicas agree it is not raised"
    )
    if store not in bench.model.flags:
        return Theorem(
            f"flag of {tensor}",
            statement,
            False,
            1,
            0,
            0.0,
            (Counterexample(tensor, "tmr_error_o is tied off"),),
        )
    return decide(f"flag of {tensor}", statement, bench.solver, _flag_checks(bench, store))


def _flag_checks(bench: Bench, store: int) -> Iterator[Check]:
    model, circuit = bench.model, bench.circuit
    golden, changed, latch = bench.agreeing(), bench.changed(), model.flags[store]
    tensor = model.accelerator.stores[store].tensor
    held = circuit.leaf(("register", model.registers[latch]))
    clear = circuit.leaf(("input", ("tmr_clear_i", 0)))
    false_alarm = [golden.following(latch), circuit.conj(held, clear ^ 1) ^ 1]
    yield false_alarm, lambda _: Counterexample(tensor, "tmr_error rises although the replicas agree")
    # Without a read strobe nothing may be assumed of when the flag has to rise.
    strobe = (f"{model.instance(store)}.read_i", 0)
    read = golden.output(strobe) if strobe in model.graph.outputs else TRUE
    active = [read, circuit.leaf(("input", ("aresetn", 0)))]
    for replica in range(REPLICAS):
        risen = bench.upset(replica).following(latch)
        for bit in model.words(store):
            shows = circuit.xor(golden.output(bit), changed.output(bit))
            literals = [shows, *active, risen ^ 1]
            yield (
                literals,
                bench.blame(store, replica, "tmr_error stays 0 after its word was read", *literals),
            )


def isolation(bench: Bench) -> Theorem:
    """Nothing but the voted words and the flags sees the replicas."""

    def checks() -> Iterator[Check]:
        model = bench.model
        cut = {bit: ("word", *bit) for s in bench.stores for bit in model.words(s)}
        contents = [bench.golden, *(_upset_content(bench, replica) for replica in range(REPLICAS))]
        copies = [model.copy(bench.circuit, content, cut) for content in contents]
        for name, literals in _visible(bench.model, copies):
            for other in literals[1:]:
                differs = bench.circuit.xor(literals[0], other)
                what = f"{name[0]}[{name[1]}] sees a replica past the voter"
                yield [differs], lambda _, w=what: Counterexample("design", w)

    return decide(
        "isolation",
        "with the voted words given, no output and no register but the flags depends on an upset replica",
        bench.solver,
        checks(),
    )


def _upset_content(bench: Bench, replica: int):
    def content(place: tuple[int, int, int, int]) -> int:
        hit = place[1] == replica and (place[0], *place[2:]) in bench.protected
        return bench.circuit.leaf(("upset", place[0], *place[2:])) if hit else bench.golden(place)

    return content


def _visible(model: Model, copies: list[Copy]) -> Iterator[tuple[Bit, list[int]]]:
    """Literals, copy by copy, of every register's next value and every output, but the flags."""
    flags = set(model.flags.values())
    for latch, name in model.registers.items():
        if latch not in flags:
            yield name, [copy.following(latch) for copy in copies]
    for bit in model.graph.outputs:
        wire = bit[0].rpartition(".")[2]
        if bit[0] != "tmr_error_o" and wire != "data_o":
            yield bit, [copy.output(bit) for copy in copies]


def same_without_faults(bench: Bench, plain: Model) -> Theorem:
    """The protected and the unprotected netlist do the same, cycle by cycle, as long as nothing is upset."""

    def checks() -> Iterator[Check]:
        model, circuit = bench.model, bench.circuit
        names, unmatched = _matched(model, plain)
        for name in unmatched:
            what = f"{name[0]}[{name[1]}] is a register of one design only"
            yield [TRUE], lambda _, w=what: Counterexample("design", w)
        # First what the stores show, then everything behind them with the words given.
        whole = bench.agreeing(), plain.copy(circuit, bench.golden, names=names)
        for store in range(len(model.accelerator.stores)):
            for number, (a, b) in enumerate(zip(model.words(store), plain.words(store), strict=True)):
                what = f"bit {number} of the word read differs between the designs"
                tensor = model.accelerator.stores[store].tensor
                differs = circuit.xor(whole[0].output(a), whole[1].output(b))
                yield [differs], lambda _, t=tensor, w=what: Counterexample(t, w)
        yield from _behind(bench, plain, names, whole)

    return decide(
        "equality without faults",
        "from equal contents the protected and the unprotected netlist show equal words, and take equal "
        "registers, stored bits and outputs to equal ones: by induction they are equal in every cycle",
        bench.solver,
        checks(),
    )


def _behind(bench: Bench, plain: Model, names: dict[int, Bit], whole: tuple[Copy, Copy]) -> Iterator[Check]:
    model, circuit = bench.model, bench.circuit
    cuts = [
        {bit: ("word", *bit) for s in range(len(m.accelerator.stores)) for bit in m.words(s)}
        for m in (model, plain)
    ]
    ours = model.copy(circuit, bench.golden, cuts[0])
    theirs = plain.copy(circuit, bench.golden, cuts[1], names)
    by_name = {name: latch for latch, name in model.registers.items()}
    pairs = [
        (names[latch], ours.following(by_name[names[latch]]), theirs.following(latch))
        for latch in plain.registers
        if names[latch] in by_name
    ]
    shared = (b for b in model.graph.outputs if b in plain.graph.outputs and b[0] != "tmr_error_o")
    pairs += [(bit, ours.output(bit), theirs.output(bit)) for bit in shared if not bit[0].endswith(".data_o")]
    for name, a, b in pairs:
        what = f"{name[0]}[{name[1]}] differs between the designs"
        yield [circuit.xor(a, b)], lambda _, w=what: Counterexample("design", w)
    for place, latch in plain.latches.items():
        differs = circuit.xor(whole[0].following(model.latches[place]), whole[1].following(latch))
        tensor = model.accelerator.stores[place[0]].tensor
        what = f"word {place[2]}, bit {place[3]} is written differently"
        yield [differs], lambda _, t=tensor, w=what: Counterexample(t, w)


def _matched(model: Model, plain: Model) -> tuple[dict[int, Bit], list[Bit]]:
    """Names for the registers of the unprotected design: those of the protected one, by any common alias."""
    aliases = {name: latch for latch in model.registers for name in model.graph.latch_names[latch]}
    names, taken = {}, set(model.flags.values())
    unmatched = []
    for latch, own in plain.registers.items():
        partner = next((aliases[n] for n in plain.graph.latch_names[latch] if n in aliases), None)
        names[latch] = model.registers[partner] if partner is not None else own
        if partner is None:
            unmatched.append(own)
        else:
            taken.add(partner)
    return names, unmatched + [name for latch, name in model.registers.items() if latch not in taken]
