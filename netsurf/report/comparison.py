"""Tables of ``netsurf compare``: areas, volumes and regrets of every method on every network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.report.tables import Table

Document = Mapping[str, Any]


def comparison_tables(document: Document) -> list[Table]:
    """The overview of all networks; then each network's areas, regrets and what beats the oracle."""
    tables = [overview(document)]
    for network in document["networks"]:
        tables.append(area_table(document, network))
        tables += [regret_table(document, network, reference) for reference in _references(network)]
        if _references(network):
            tables.append(better_table(document, network))
        if network.get("additive"):
            tables.append(additive_table(network))
    return tables


def overview(document: Document) -> Table:
    """One row a method: its volume on every network, and how far it stays behind the oracle there."""
    networks = document["networks"]
    names = list(dict.fromkeys(row["method"] for network in networks for row in network["methods"]))
    rows = [(name, *(_overview_cell(network, name) for network in networks)) for name in names]
    return Table(
        "Mean over levels and BERs, and regret against the oracle",
        ("method", *map(title, networks)),
        tuple(rows),
    )


def _overview_cell(network: Mapping[str, Any], method: str) -> str | None:
    row = next((row for row in network["methods"] if row["method"] == method), None)
    if row is None:
        return None
    value = _brief(network, row["vus"], "")
    if "oracle" not in row["regret"] or method == "oracle":
        return value
    return f"{value}; {_brief(network, row['regret']['oracle']['vus'], '+')}"


def _brief(network: Mapping[str, Any], value: Sequence[float], sign: str) -> str:
    """An estimate and the half-width of its interval, to a tenth of a point or to whole units."""
    factor, digits = (100, 1) if network["metric"] == "accuracy" else (1, 0)
    half = factor * (value[2] - value[1]) / 2
    return f"{factor * value[0]:{sign}.{digits}f} ±{half:.{digits}f}"


def area_table(document: Document, network: Mapping[str, Any]) -> Table:
    """Mean of the metric along BER by level, the volume, and the same without protection."""
    rows = [
        (row["method"], *(number(network, value) for value in row["auc"]), number(network, row["vus"]))
        for row in network["methods"]
    ]
    bare = number(network, network["unprotected"]["auc"])
    rows.append(("(unprotected)", *([bare] + [None] * (len(document["levels"]) - 1)), None))
    return Table(
        f"{title(network)}: area along BER by protection level, {unit(network)}",
        ("method", *map(percent, document["levels"]), "all levels"),
        tuple(rows),
    )


def regret_table(document: Document, network: Mapping[str, Any], reference: str) -> Table:
    """What every method leaves on the table against a reference, by level."""
    rows = [
        (
            row["method"],
            *(signed(network, value) for value in row["regret"][reference]["auc"]),
            signed(network, row["regret"][reference]["vus"]),
        )
        for row in network["methods"]
        if row["method"] != reference
    ]
    return Table(
        f"{title(network)}: regret against {reference}, area along BER, {unit(network)}",
        ("method", *map(percent, document["levels"]), "all levels"),
        tuple(rows),
    )


def better_table(document: Document, network: Mapping[str, Any]) -> Table:
    """By BER and level: how many methods beat the oracle for certain, and by how much at most."""
    beaten = {(row["level"], row["ber"]): row for row in network["better"]}
    rows = [
        (f"{ber:g}", *(_beaten(network, beaten.get((level, ber))) for level in document["levels"]))
        for ber in document["bers"]
    ]
    chance = round(0.025 * network["comparisons"])
    certain = sum(len(row["methods"]) for row in network["better"])
    return Table(
        f"{title(network)}: methods that beat the oracle beyond a simultaneous 95 % interval, and the "
        f"largest gain, {unit(network)} ({network['better_alone']} of {network['comparisons']} cells lie "
        f"beyond their own interval, {chance} would by chance; {certain} beyond all of them together)",
        ("BER", *map(percent, document["levels"])),
        tuple(rows),
    )


def _beaten(network: Mapping[str, Any], row: Mapping[str, Any] | None) -> str | None:
    if row is None:
        return None
    gain = row["gain"][0]
    shown = f"{100 * gain:.2f}" if network["metric"] == "accuracy" else f"{gain:.3g}"
    return f"{len(row['methods'])}: {shown}"


def additive_table(network: Mapping[str, Any]) -> Table:
    """Rise of the loss that single upsets promise together, and the rise that is measured."""
    rows = network["additive"]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    found = {(row["method"], row["ber"]): row for row in rows}
    bers = list(dict.fromkeys(row["ber"] for row in rows))
    loss = "cross-entropy" if network["metric"] == "accuracy" else "mean squared error"
    return Table(
        f"{title(network)}: rise of the {loss} at {percent(rows[0]['level'])} protection, if upsets added up "
        "and as measured",
        ("BER", *(f"{name}, {what}" for name in methods for what in ("added up", "measured"))),
        tuple(
            (f"{ber:g}", *(text for name in methods for text in _additive(found[name, ber]))) for ber in bers
        ),
    )


def _additive(row: Mapping[str, Any]) -> tuple[str, str]:
    measured = row["measured"]
    return f"{row['expected']:.4g}", f"{measured['value']:.4g} ±{measured['high'] - measured['value']:.2g}"


def markdown(document: Document) -> str:
    """All tables in Markdown."""
    parts = [f"### {table.title}\n\n{table.markdown()}" for table in comparison_tables(document)]
    return "\n\n".join(parts) + "\n"


def title(network: Mapping[str, Any]) -> str:
    """Name of a network in a heading, with whatever is not the usual way of protecting it."""
    protection = "" if network["protection"] == "tmr" else ", ideal protection"
    ordering = "" if network["ordering"] == "free" else f", {network['ordering']} ordering"
    return network["benchmark"] + ordering + protection


def unit(network: Mapping[str, Any]) -> str:
    """What the numbers of a network are."""
    return "accuracy in %" if network["metric"] == "accuracy" else "mean squared error, less is better"


def percent(fraction: float) -> str:
    """``0.125`` as ``12.5 %``."""
    return f"{100 * fraction:g} %"


def number(network: Mapping[str, Any], value: Sequence[float]) -> str:
    """An estimate and the half-width of its interval.

    >>> number({"metric": "accuracy"}, [0.98123, 0.98023, 0.98223])
    '98.12 ±0.10'
    """
    return _text(network, value, "")


def signed(network: Mapping[str, Any], value: Sequence[float]) -> str:
    """A difference and the half-width of its interval, with its sign.

    >>> signed({"metric": "accuracy"}, [0.01, 0.005, 0.015])
    '+1.00 ±0.50'
    """
    return _text(network, value, "+")


def _text(network: Mapping[str, Any], value: Sequence[float], sign: str) -> str:
    centre, half = value[0], (value[2] - value[1]) / 2
    if network["metric"] == "accuracy":
        return f"{100 * centre:{sign}.2f} ±{100 * half:.2f}"
    return f"{centre:{sign}.4g} ±{half:.2g}"


def _references(network: Mapping[str, Any]) -> list[str]:
    return list(network["methods"][0]["regret"]) if network["methods"] else []
