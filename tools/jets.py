"""Generate the jets of netsurf/frontend/datasets/data/jets.npz; for developers, NetSurf never runs it.

Five classes of jets of about 1 TeV in proton collisions at 13 TeV, from Pythia 8 (matrix elements, parton
shower, hadronisation) and FastJet (clustering), and for each jet the 16 substructure observables that
hls4ml's jet-tagging network takes [1]_. To run it, in an environment of its own (both are GPL)::

    pip install pythia8mc==8.317.2 fastjet==3.5.2.0 "numpy<2"
    python tools/jets.py OUTPUT.npz --jets 4000 --seed 1

It writes ``x float16 (jets, 16)``, raw observables scaled by powers of two so that float16 holds them
(:data:`SCALE`), and ``y uint8``, in an order shuffled by the seed.

.. [1] J. Duarte et al., Fast inference of deep neural networks in FPGAs for particle physics, JINST 13
   P07027 (2018); E. Coleman et al., The importance of calorimetry for highly-boosted jet substructure,
   JINST 13 T01003 (2018).
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

import fastjet as fj
import numpy as np
import pythia8mc as pythia8

_QUARKS = "onIfAny=1 2 3 4 5"
PROCESSES = {
    "g": ["HardQCD:gg2gg=on", "HardQCD:qqbar2gg=on"],
    "q": ["HardQCD:qq2qq=on", "HardQCD:qqbar2qqbarNew=on", "HardQCD:nQuarkNew=3"],
    "w": ["WeakDoubleBoson:ffbar2WW=on", "24:onMode=off", f"24:{_QUARKS}"],
    "z": ["WeakDoubleBoson:ffbar2gmZgmZ=on", "WeakZ0:gmZmode=2", "23:onMode=off", f"23:{_QUARKS}"],
    "t": ["Top:gg2ttbar=on", "Top:qqbar2ttbar=on", "24:onMode=off", f"24:{_QUARKS}"],
}
"""What collides to what, by class, in the order of the class numbers."""

PARENTS = {"g": (21,), "q": (1, 2, 3), "w": (24,), "z": (23,), "t": (6,)}
"""The particle that must point along a jet of the class, within :data:`MATCH`."""

COMMON = [
    "Beams:eCM=13000.",
    "PhaseSpace:pTHatMin=1000.",
    "PhaseSpace:pTHatMax=1100.",
    "PartonLevel:MPI=off",
    "Random:setSeed=on",
]

PT_GEV, RAPIDITY, MATCH, CONSTITUENTS = (800.0, 1300.0), 2.4, 0.4, 100

FEATURES = (
    *("zlogz", "c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1", "d2_a1_b2"),
    *("m2_b1", "m2_b2", "n2_b1", "n2_b2", "mass_mmdt", "multiplicity"),
)
SCALE = np.array([1, 1, 2**6, 2**10, 1, 2**4, 1, 2**-4, 1, 1, 2**6, 2**10, 1, 1, 1, 1], np.float64)
"""What each observable is multiplied by, so that float16 holds it with its full 11 bits."""

ANTI_KT = fj.JetDefinition(fj.antikt_algorithm, 0.8)
CAMBRIDGE = fj.JetDefinition(fj.cambridge_algorithm, 1000.0)


def generator(name: str, seed: int):
    """A Pythia that makes collisions of one class."""
    pythia = pythia8.Pythia("", False)
    for line in [*COMMON, f"Random:seed={seed}", "Print:quiet=on", *PROCESSES[name]]:
        pythia.readString(line)
    pythia.init()
    return pythia


def parents(event, name: str) -> list[tuple[float, float]]:
    """Rapidity and azimuth of the hard particles of the class, after their last radiation.

    For quarks and gluons, those that leave the hard process (status 23); otherwise the copies that decay.
    """
    found = []
    for i in range(event.size()):
        particle = event[i]
        if abs(particle.id()) not in PARENTS[name]:
            continue
        if particle.status() == -23 if name in "gq" else particle.iBotCopyId() == i:
            found.append((particle.y(), particle.phi()))
    return found


def jets(event, name: str):
    """Up to two leading anti-kT jets of the class in one collision, with what keeps them alive."""
    particles = []
    for i in range(event.size()):
        p = event[i]
        if p.isFinal() and p.isVisible() and abs(p.eta()) < 3 and p.pT() > 0.2:
            particles.append(fj.PseudoJet(p.px(), p.py(), p.pz(), p.e()))
    sequence = fj.ClusterSequence(particles, ANTI_KT)
    leading = fj.sorted_by_pt(sequence.inclusive_jets(PT_GEV[0]))[:2]
    hard = parents(event, name)
    chosen = [
        jet for jet in leading if jet.pt() < PT_GEV[1] and abs(jet.rap()) < RAPIDITY and _along(jet, hard)
    ]
    return sequence, chosen


def _along(jet, hard: list[tuple[float, float]]) -> bool:
    for rapidity, azimuth in hard:
        turn = (jet.phi() - azimuth + np.pi) % (2 * np.pi) - np.pi
        if np.hypot(jet.rap() - rapidity, turn) < MATCH:
            return True
    return False


def mmdt(jet, cut: float = 0.1):
    """The jet groomed by the modified mass-drop tagger: soft branches below ``cut`` are dropped.

    Returns the cluster sequence too, since a jet dies with it.
    """
    sequence = fj.ClusterSequence(list(jet.constituents()), CAMBRIDGE)
    groomed = fj.sorted_by_pt(sequence.inclusive_jets())[0]
    a, b = fj.PseudoJet(), fj.PseudoJet()
    while groomed.has_parents(a, b) and min(a.pt(), b.pt()) / (a.pt() + b.pt()) <= cut:
        groomed = fj.PseudoJet(a if a.pt() > b.pt() else b)
        a, b = fj.PseudoJet(), fj.PseudoJet()
    return sequence, groomed


def correlations(z: np.ndarray, angle: np.ndarray) -> dict[str, float]:
    """Energy correlations of groomed constituents, from momentum fractions and pairwise angles.

    ``e2(b) = sum_ij zi zj t_ij^b`` and ``e3(b) = sum_ijk zi zj zk (t1 t2 t3)^b``, ``t1 <= t2 <= t3`` the
    angles of a triple; C1 = e2, C2 = e3/e2^2, D2 = e3/e2^3, D2(a,b) = e3(a)/e2(b)^(3a/b),
    M2 = sum zzz t1^b / e2, N2 = sum zzz (t1 t2)^b / e2^2.
    """
    i, j = np.triu_indices(len(z), 1)
    pairs, apart = z[i] * z[j], angle[i, j]
    e2 = {b: float((pairs * apart**b).sum()) for b in (0, 1, 2)}
    i, j, k = _triples(len(z))
    weight = z[i] * z[j] * z[k]
    sides = np.sort(np.stack([angle[i, j], angle[i, k], angle[j, k]]), axis=0)
    e3 = {b: float((weight * sides.prod(axis=0) ** b).sum()) for b in (1, 2)}
    least = {b: float((weight * sides[0] ** b).sum()) for b in (1, 2)}
    lesser = {b: float((weight * (sides[0] * sides[1]) ** b).sum()) for b in (1, 2)}
    return {
        **{f"c1_b{b}": e2[b] for b in (0, 1, 2)},
        **{f"c2_b{b}": e3[b] / e2[b] ** 2 for b in (1, 2)},
        **{f"d2_b{b}": e3[b] / e2[b] ** 3 for b in (1, 2)},
        **{f"d2_a1_b{b}": e3[1] / e2[b] ** (3 / b) for b in (1, 2)},
        **{f"m2_b{b}": least[b] / e2[b] for b in (1, 2)},
        **{f"n2_b{b}": lesser[b] / e2[b] ** 2 for b in (1, 2)},
    }


_CACHE: dict[int, tuple[np.ndarray, ...]] = {}


def _triples(count: int) -> tuple[np.ndarray, ...]:
    if count not in _CACHE:
        i, j, k = np.ogrid[:count, :count, :count]
        _CACHE[count] = np.nonzero((i < j) & (j < k))
    return _CACHE[count]


def features(jet) -> np.ndarray | None:
    """The 16 observables; None for a jet whose groomed rest has fewer than three particles."""
    everything = list(jet.constituents())
    sequence, groomed = mmdt(jet)
    kept = fj.sorted_by_pt(list(groomed.constituents()))[:CONSTITUENTS]
    if len(kept) < 3:
        return None
    momentum = np.array([p.pt() for p in everything])
    z = np.array([p.pt() for p in kept])
    y, phi = np.array([p.rap() for p in kept]), np.array([p.phi() for p in kept])
    turn = (phi[:, None] - phi + np.pi) % (2 * np.pi) - np.pi
    values = correlations(z / z.sum(), np.hypot(y[:, None] - y, turn))
    share = momentum / momentum.sum()
    values["zlogz"] = float((share * np.log(share)).sum())
    values["mass_mmdt"], values["multiplicity"] = groomed.m(), float(len(everything))
    del sequence
    return np.array([values[name] for name in FEATURES])


def sample(name: str, count: int, seed: int) -> np.ndarray:
    """Observables of ``count`` jets of a class, ``float64 (count, 16)``."""
    pythia, rows = generator(name, seed), []
    while len(rows) < count:
        if not pythia.next():
            continue
        sequence, chosen = jets(pythia.event, name)
        rows += [row for row in map(features, chosen) if row is not None]
        del sequence
    return np.array(rows[:count])


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--jets", type=int, default=4000, help="of each class")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    parts, labels = [], []
    for number, name in enumerate(PROCESSES):
        started = time.perf_counter()
        rows = sample(name, arguments.jets, arguments.seed + number)
        parts.append(rows)
        labels += [number] * len(rows)
        medians = " ".join(f"{f}={m:.3g}" for f, m in zip(FEATURES, np.median(rows, axis=0), strict=True))
        sys.stderr.write(
            f"{name}: {len(rows)} jets in {time.perf_counter() - started:.0f} s; medians {medians}\n"
        )
    order = np.random.default_rng(arguments.seed).permutation(len(labels))
    x = (np.concatenate(parts) * SCALE).astype(np.float16)[order]
    if not np.isfinite(x).all():
        raise SystemExit("an observable overflows float16: change SCALE")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=x, y=np.array(labels, np.uint8)[order])
    arguments.output.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
