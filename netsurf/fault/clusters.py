"""Clusters: upsets of stored bits that are neighbours on the chip, by one particle.

Where a stored bit is, the layout says. A bank is a grid of words (rows) and bits (columns), as the weight
store reads it; the replicas of a triplicated bit are in banks of their own, far apart. One particle upsets
some neighbouring cells of one grid. Cells that hold no stored bit (a replica that is not protected, the edge
of the bank) are not there to be upset.

*Interleaving* by ``k`` is what column multiplexing is in a memory: a row of the grid holds ``k`` words, bit 0
of each, then bit 1 of each, so that two bits of one word are ``k`` columns apart. A cluster of up to ``k``
cells in a row then upsets no two bits of one word, whatever code the word has. It costs wires and no
flip-flop. It does nothing for a store of a single word (a bias). A layout that puts the three
replicas of a bit side by side is there to show what that costs.

Sizes are the user's: they depend on the technology, the particle and its angle. Clusters of up to nine cells
have been seen in the configuration memory of 28 nm FPGAs under heavy ions (Gao et al., Nuclear Science and
Techniques 33, 161, 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import FaultError, UnknownNameError
from netsurf.fault.lists import PERSISTENT, FaultList
from netsurf.fault.sample import generator
from netsurf.fault.space import REPLICAS, FaultSpace

Sites = NDArray[np.int64]
Cells = NDArray[np.int64]

# Apart from the streams of other drawings.
_STREAM = 1 << 36


def _row(size: int) -> Cells:
    return np.array([(0, n) for n in range(size)])


def _column(size: int) -> Cells:
    return np.array([(n, 0) for n in range(size)])


def _block(size: int) -> Cells:
    return np.array([divmod(n, 2) for n in range(size)])


SHAPES: dict[str, Callable[[int], Cells]] = {"row": _row, "column": _column, "block": _block}
"""Cells ``(words down, bits along)`` of a cluster of a size: in one word, in one column, two columns wide."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the stored bits of a tensor are.

    Parameters
    ----------
    interleave
        Words whose bits take turns in a row of the grid; 1 for none.
    replicas
        ``apart``: each replica in a bank of its own. ``together``: the replicas of a bit side by side.

    Raises
    ------
    FaultError
        If a number is out of range or ``replicas`` is neither.
    """

    interleave: int = 1
    replicas: str = "apart"

    def __post_init__(self) -> None:
        if self.interleave < 1:
            raise FaultError(f"interleave {self.interleave}: choose 1 word or more")
        if self.replicas not in ("apart", "together"):
            raise FaultError(f"replicas '{self.replicas}': choose apart or together")


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """How many cells a particle upsets.

    Parameters
    ----------
    sizes
        Probability of one cell, of two, and so on; they are scaled to sum to 1.
    shape
        Entry of :data:`SHAPES`.

    Raises
    ------
    FaultError
        If the probabilities are none.
    UnknownNameError
        If there is no such shape.
    """

    sizes: tuple[float, ...]
    shape: str = "row"

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 0 or sum(self.sizes) <= 0:
            raise FaultError(
                f"cluster sizes {self.sizes}: write the probability of 1, 2, ... cells, as 0.9,0.1"
            )
        if self.shape not in SHAPES:
            raise UnknownNameError("cluster shape", self.shape, SHAPES)

    @property
    def mean(self) -> float:
        """Expected cells of a cluster.

        >>> round(ClusterModel((3, 1)).mean, 3)
        1.25
        """
        weights = np.array(self.sizes)
        return float(weights @ np.arange(1, len(weights) + 1) / weights.sum())


@dataclass(frozen=True, eq=False)
class Floorplan:
    """Every stored bit of a design point on its grid.

    Parameters
    ----------
    grids
        One ``int64`` array ``(rows, columns)`` a bank: the site number in each cell, -1 where there is none.
    """

    grids: tuple[Cells, ...]

    def draw(self, model: ClusterModel, events: int, seed: int) -> FaultList:
        """``events`` clusters, each somewhere on a stored bit; event ``i`` depends on (seed, ``i``) alone.

        The struck cell is uniform over all stored bits; the cluster extends from it along and down.
        """
        cells = [np.argwhere(grid >= 0) for grid in self.grids]
        ends = np.cumsum([len(places) for places in cells])
        if not len(ends) or not ends[-1]:
            raise FaultError("there is no stored bit that a particle could upset")
        drawn = [self._event(model, cells, ends, generator(seed, _STREAM, event)) for event in range(events)]
        return FaultList(
            np.concatenate([np.empty(0, np.int64), *drawn]),
            np.concatenate([[0], np.cumsum([len(sites) for sites in drawn])]).astype(np.int64),
            np.zeros(events, np.uint8),
            np.full(events, PERSISTENT, np.int64),
        )

    def _event(
        self, model: ClusterModel, cells: list[Cells], ends: Cells, random: np.random.Generator
    ) -> Sites:
        place = int(random.integers(ends[-1]))
        weights = np.array(model.sizes) / sum(model.sizes)
        size = 1 + int(np.searchsorted(np.cumsum(weights), random.random(), side="right"))
        bank = int(np.searchsorted(ends, place, side="right"))
        cell = cells[bank][place - ends[bank]]
        return self.sites(bank, cell, SHAPES[model.shape](min(size, len(weights))))

    def sites(self, bank: int, cell: ArrayLike, shape: Cells) -> Sites:
        """Stored bits of a cluster, ascending."""
        grid = self.grids[bank]
        rows, columns = (np.asarray(cell) + shape).T
        inside = (rows >= 0) & (rows < grid.shape[0]) & (columns >= 0) & (columns < grid.shape[1])
        sites = grid[rows[inside], columns[inside]]
        return np.sort(sites[sites >= 0])


def floorplan(space: FaultSpace, layout: Layout) -> Floorplan:
    """Where everything is: for each tensor bank A, and banks B and C or the three in one.

    Check bits of codes are in a memory of their own, a row a word (``rtl/ns_store_guarded.v``).
    """
    grids: list[Cells] = []
    for name, offset in space.offsets.items():
        parameter = space.network.parameters[name]
        columns = parameter.codes.shape[-1] * parameter.format.width
        numbers = offset + np.arange(parameter.stored_bits).reshape(-1, columns)
        banks = [_existing(space, numbers + r * space.stored_bits) for r in range(REPLICAS)]
        if layout.replicas == "together":
            banks = [np.stack(banks, axis=-1).reshape(len(numbers), -1)]
        grids += [bank for bank in [*banks, *_checks(space, numbers)] if (bank >= 0).any()]
    return Floorplan(tuple(interleaved(grid, layout.interleave) for grid in grids))


def interleaved(words: Cells, interleave: int) -> Cells:
    """A grid whose rows hold ``interleave`` words each, bits in turn; -1 where the last row has none.

    >>> interleaved(np.array([[0, 1], [2, 3], [4, 5]]), 2).tolist()
    [[0, 2, 1, 3], [4, -1, 5, -1]]
    """
    rows = -(-len(words) // interleave)
    padded = np.full((rows * interleave, words.shape[1]), -1, dtype=np.int64)
    padded[: len(words)] = words
    return padded.reshape(rows, interleave, -1).transpose(0, 2, 1).reshape(rows, -1)


def _existing(space: FaultSpace, sites: Cells) -> Cells:
    return np.where(space.exists(sites), sites, -1)


def _checks(space: FaultSpace, numbers: Cells) -> list[Cells]:
    """Check bits that hang on the bits of a tensor: one row a word, in ascending order."""
    classes = range(REPLICAS, max(space.classes, REPLICAS))
    found = [_existing(space, numbers + c * space.stored_bits) for c in classes]
    if not found:
        return []
    together = np.concatenate(found, axis=1)
    return [together[:, (together >= 0).any(axis=0)]]
