"""Table of the protected bits: where each replica is, by the name that Vivado gives its flip-flop."""

from __future__ import annotations

from netsurf.emit import locate
from netsurf.emit.accelerator import CHECK_BANK
from netsurf.handover.base import Format
from netsurf.handover.facts import Bank, Facts


def _text(facts: Facts) -> str:
    if facts.protected is None:
        return ""
    banks = [
        [b for b in facts.banks if b.store is store and b.number != CHECK_BANK]
        for store in facts.accelerator.stores
    ]
    place = locate(facts.accelerator, facts.protected)
    rows = zip(facts.protected, place.store, place.word, place.bit, strict=True)
    lines = [_line(int(n), banks[s], int(word), int(bit)) for n, s, word, bit in rows]
    return "\n".join(["site,tensor,word,bit,replica_0,replica_1,replica_2", *lines]) + "\n"


def _line(number: int, banks: list[Bank], word: int, bit: int) -> str:
    names = [bank.register(word, bit) for bank in banks]
    return ",".join(
        [str(number), banks[0].store.tensor, str(word), str(bit), *names, *[""] * (3 - len(names))]
    )


FORMAT = Format(
    "bits",
    "protected_bits.csv",
    "people, SpyDrNet-TMR",
    "site number, word, bit and the flip-flops of each protected bit",
    "docs/handover.md",
    _text,
)
