"""The signature of a benchmark: its profile, and what training or another variant makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from netsurf.errors import UsageError
from netsurf.frontend.gather import Settings, Subject, gather
from netsurf.provenance import provenance
from netsurf.rank.signature import QUANTITIES, Profile, compare, needs, profile

SCHEMA_VERSION = 1

UNTRAINED = "before training"

Progress = Callable[[int, int, str], None]


def profile_of(subject: Subject, settings: Settings | None = None) -> Profile:
    """Every quantity of a benchmark's network; errors as for :func:`netsurf.frontend.gather.gather`."""
    return profile(subject.network, gather(subject, needs(), settings))


def signature(
    bench: str,
    against: str | None = None,
    settings: Settings | None = None,
    progress: Progress = lambda done, total, note: None,
) -> dict[str, Any]:
    """Compare a benchmark's profile with the one before its training, or with another benchmark's.

    Parameters
    ----------
    against
        Another benchmark with the same layers and widths; None for the weights that training starts from.

    Returns
    -------
    A document of plain values: both networks' digests, and for each quantity both signatures and Lorenz
    curves, their divergence, and the rank correlation of equal elements.

    Raises
    ------
    UsageError
        If the two have other tensors, or of another size or width.
    """
    settings = settings or Settings()
    subject = Subject.of(bench)
    progress(0, 2, against or UNTRAINED)
    other = Subject.of(against) if against else Subject.untrained(bench)
    _require_alike(other, subject)
    before = profile_of(other, settings)
    progress(1, 2, bench)
    after = profile_of(subject, settings)
    return {
        "schema_version": SCHEMA_VERSION,
        "benchmark": bench,
        "network": subject.network.digest,
        "against": {"name": against or UNTRAINED, "network": other.network.digest},
        "samples": min(settings.effort.samples, len(subject.calibration[0])),
        "quantities": _quantities(before, after),
        "provenance": provenance(seed=settings.effort.seed),
    }


def _require_alike(one: Subject, other: Subject) -> None:
    """Refuse two networks whose elements have no counterparts, before anything is measured."""
    left, right = (
        [(name, p.codes.shape, p.format.width) for name, p in subject.network.parameters.items()]
        for subject in (one, other)
    )
    if left != right:
        sizes = f"{one.network.stored_bits:,} and {other.network.stored_bits:,}"
        raise UsageError(
            f"{one.spec.name} and {other.spec.name} ({sizes} stored bits) have other tensors; "
            "compare variants of one benchmark"
        )


def _quantities(before: Profile, after: Profile) -> list[dict[str, Any]]:
    curves = before.lorenz(), after.lorenz()
    return [
        {
            "quantity": name,
            "summary": QUANTITIES[name].summary,
            **asdict(change),
            "lorenz": {"before": curves[0][name].tolist(), "after": curves[1][name].tolist()},
        }
        for name, change in compare(before, after).items()
    ]
