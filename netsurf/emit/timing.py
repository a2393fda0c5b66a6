"""Timing: the handshakes of an emitted accelerator, cycle by cycle and without data.

Every cell that holds a register is a node here: when it offers a beat, when it takes one. The model gives
latency, initiation interval, the cycle of the first read of each weight store and the depth that a FIFO
between two branches needs. It is written from what the cells in ``rtl/`` promise, not from their text, and
the emitter's tests compare both.

Nodes stand in the order of the data. A channel is named by the prefix of its handshake wires; everything
between two nodes (relu, requantise) is wires and has no name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

from netsurf.errors import NetworkError

SAMPLES = 3
"""Samples that are run: the interval is that of the last two."""
IDLE = 16
"""Cycles without a beat anywhere after which nothing will ever move: a cell rests for three at most."""


@dataclass(slots=True)
class Node:
    """One cell with registers: takes beats from ``source``, offers beats on ``target``."""

    source: str
    target: str

    def offers(self) -> bool:
        """Whether a beat is on the wires, as far as registers decide."""
        raise NotImplementedError

    def takes(self, drained: bool) -> bool:
        """Whether a beat would be taken, where ``drained`` says that an offered one is."""
        raise NotImplementedError

    def tick(self, taken: bool, given: bool) -> None:
        """The rising edge: a beat was taken, a beat was given."""
        raise NotImplementedError


@dataclass(slots=True)
class Sums(Node):
    """``ns_dense`` (a stage of pipeline if it takes several beats) and ``ns_pool`` (none)."""

    beats: int = 1
    staged: bool = False
    row: int = 0
    waiting: int = 0  # of the stage: 0 nothing, 1 a beat, 2 the last beat
    fresh: bool = False  # the beat in the stage is the first of a vector
    done: bool = False

    def offers(self) -> bool:  # noqa: D102
        return self.done

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return not self.done or drained

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        if self.done and not given:
            return
        last = taken and self.row == self.beats - 1
        self.done = self.waiting == 2 if self.staged else last
        self.waiting = 2 if last else int(taken)
        self.fresh = self.row == 0
        if taken:
            self.row = 0 if last else self.row + 1

    def starts(self, given: bool) -> bool:
        """Whether the first beat of a vector leaves the stage for the sums: then the bias is read."""
        return self.waiting > 0 and self.fresh and (given or not self.done)


@dataclass(slots=True)
class Feed(Node):
    """``ns_feed``: a vector in, ``beats`` beats out."""

    beats: int = 1
    beat: int = 0
    valid: bool = False

    def offers(self) -> bool:  # noqa: D102
        return self.valid

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return not self.valid or (drained and self.beat == self.beats - 1)

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        if given:
            self.beat = (self.beat + 1) % self.beats
            self.valid = self.beat != 0
        self.valid = self.valid or taken


@dataclass(slots=True)
class Gather(Node):
    """``ns_gather``: ``beats`` beats in, a vector out."""

    beats: int = 2
    beat: int = 0
    valid: bool = False

    def offers(self) -> bool:  # noqa: D102
        return self.valid

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return not self.valid or drained

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        if self.valid and not given:
            return
        self.valid = taken and self.beat == self.beats - 1
        if taken:
            self.beat = (self.beat + 1) % self.beats


@dataclass(slots=True)
class Fifo(Node):
    """``ns_fifo``; without a depth it takes everything, and ``fullest`` says what it would have needed.

    ``waited`` says whether a beat ever stayed for more than a cycle.
    """

    depth: int | None = None
    name: str = ""
    count: int = 0
    fullest: int = 0
    waited: bool = False

    def offers(self) -> bool:  # noqa: D102
        return self.count > 0

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return self.depth is None or self.count < self.depth

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        self.waited = self.waited or (self.count > 0 and not given)
        self.count += int(taken) - int(given)
        self.fullest = max(self.fullest, self.count)


@dataclass(slots=True)
class Patches(Node):
    """``ns_window``: pixels in, patches of ``beats`` beats out.

    ``pixels`` is (rows, columns) of the image, ``patches`` of the patches; ``span``, ``stride`` and
    ``before`` (padding) likewise.
    """

    pixels: tuple[int, int] = (1, 1)
    patches: tuple[int, int] = (1, 1)
    span: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    beats: int = 1
    beat: int = 0
    next: tuple[int, int] = (0, 0)  # pixel that comes next
    patch: tuple[int, int] = (0, 0)
    done: bool = False

    def _corner(self) -> tuple[int, int]:
        (row, col), (down, right), (top, left) = self.patch, self.stride, self.before
        return row * down - top, col * right - left

    def offers(self) -> bool:  # noqa: D102
        row, col = self._corner()
        newest = min(row + self.span[0], self.pixels[0]) - 1, min(col + self.span[1], self.pixels[1]) - 1
        return not self.done and self.next > max(newest, (0, 0))

    def takes(self, drained: bool) -> bool:  # noqa: D102
        row, col = self._corner()
        free = self.done or self.next < max((row + self.span[0], col), (self.span[0], 0))
        return self.next[0] < self.pixels[0] and free

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        if self.done and self.next[0] == self.pixels[0]:
            self.next, self.patch, self.done = (0, 0), (0, 0), False
            return
        if taken:
            self.next = _advanced(self.next, self.pixels[1])
        if given:
            self.beat = (self.beat + 1) % self.beats
            if self.beat == 0:
                self.done = self.patch == (self.patches[0] - 1, self.patches[1] - 1)
                self.patch = _advanced(self.patch, self.patches[1])


@dataclass(slots=True)
class Copies(Node):
    """``ns_upsample``: rows of ``columns`` pixels in, every pixel ``copies`` (rows, columns) times out."""

    columns: int = 1
    copies: tuple[int, int] = (1, 1)
    held: int = 0
    given: int = 0  # of this row, all its copies

    def offers(self) -> bool:  # noqa: D102
        return self.given // self.copies[1] % self.columns < self.held

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return self.held < self.columns

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        self.held += int(taken)
        self.given += int(given)
        if self.given == self.columns * self.copies[0] * self.copies[1]:
            self.held, self.given = 0, 0


@dataclass(slots=True)
class Steps:
    """Where ``ns_recurrent`` is in its step; :class:`Opening`, :class:`State` and :class:`Update` share it.

    A step takes ``x_beats`` beats of its input and ``beats`` beats of the state, then updates units for
    ``beats`` cycles; its state is given out in ``every`` step, or in the last of ``steps``.
    """

    x_beats: int
    beats: int
    steps: int
    every: bool
    taken: int = 0  # beats of x
    fed: int = 0  # beats of the state
    updated: int = 0
    step: int = 0

    def release(self) -> None:
        """The step is over."""
        self.taken = self.fed = self.updated = 0
        self.step = (self.step + 1) % self.steps


@dataclass(slots=True)
class Opening(Node):
    """Lets the beats of one step in; it has no source."""

    at: Steps

    def offers(self) -> bool:  # noqa: D102
        return self.at.taken < self.at.x_beats

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return False

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        self.at.taken += int(given)


@dataclass(slots=True)
class State(Node):
    """Hands the state out behind the first beat of a step; it has no source.

    It ticks behind :class:`Opening` and must not see what that took in the same cycle.
    """

    at: Steps
    begun: bool = False

    def offers(self) -> bool:  # noqa: D102
        self.begun = self.at.taken > 0
        return self.begun and self.at.fed < self.at.beats

    def takes(self, drained: bool) -> bool:  # noqa: D102
        return False

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        self.at.fed += int(given)


@dataclass(slots=True)
class Update(Node):
    """Updates the units once both ``sums`` are there, takes those with the last, gives the state if due."""

    at: Steps
    sums: tuple[Sums, ...]
    active: bool = False
    ending: bool = False
    due: bool = False

    def offers(self) -> bool:  # noqa: D102
        return self.due

    def takes(self, drained: bool) -> bool:  # noqa: D102
        self.active = self.at.fed == self.at.beats and all(sums.done for sums in self.sums)
        return self.active and self.at.updated == self.at.beats - 1

    def tick(self, taken: bool, given: bool) -> None:  # noqa: D102
        ended, self.ending = self.ending, taken
        self.at.updated += int(self.active)
        if ended and (self.at.every or self.at.step == self.at.steps - 1):
            self.due = True
        elif ended or given:
            self.due = False
            self.at.release()


def _advanced(place: tuple[int, int], columns: int) -> tuple[int, int]:
    row, col = place
    return (row, col + 1) if col + 1 < columns else (row + 1, 0)


@dataclass(frozen=True, slots=True)
class Fork:
    """A channel that several branches read: a beat moves when all can take it."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Branches that meet: a beat moves when all have one."""

    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Times:
    """What the model found: cycles from the first accepted beat.

    ``latency`` to the first output, ``interval`` between outputs when they come as fast as they can,
    ``first`` to the first beat on each channel.
    """

    latency: int
    interval: int
    first: Mapping[str, int]


@dataclass(slots=True)
class Timing:
    """The nodes of an accelerator whose input channel is ``source`` and whose output channel is ``sink``."""

    source: str
    nodes: list[Node | Fork | Join] = field(default_factory=list)

    def add(self, node: Node | Fork | Join) -> None:
        """Append a node; what it takes from is already there."""
        self.nodes.append(node)

    def run(self, beats: int, sink: str, samples: int = SAMPLES) -> Times:
        """Stream ``samples`` samples of ``beats`` beats through, the output always ready.

        Raises
        ------
        NetworkError
            If nothing moves any more and an output is missing.
        """
        answers: list[int] = []
        first: dict[str, int] = {}
        for cycle, fired in self._cycles(beats * samples, sink):
            for channel in fired - first.keys():
                first[channel] = cycle
            if sink in fired:
                answers.append(cycle)
                if len(answers) == samples:
                    return Times(answers[0], answers[-1] - answers[-2], first)
        raise NetworkError(
            f"the accelerator hangs after {len(answers)} outputs: branches wait for each other"
        )

    def reads(self, beats: int, sink: str, stores: Sequence[tuple[str, int]]) -> list[list[int]]:
        """Cycles in which each store is read for a sample that is alone, until its output is there.

        In the cycle of the output itself that is a store without a register behind it.

        Parameters
        ----------
        stores
            The channel whose beats read the store, and how many cycles later: 0, or 1 for what is read when
            the first beat of a vector leaves the stage of ``ns_dense``.
        """
        alone = deepcopy(self)
        cycles: list[list[int]] = [[] for _ in stores]
        stages = {node.source: node for node in alone.nodes if isinstance(node, Sums) and node.staged}
        together = _together(alone.nodes, sink)
        for cycle, fired in alone._cycles(beats, sink):
            done = sink in fired
            for (channel, later), read in zip(stores, cycles, strict=True):
                if done and (later or channel not in together):
                    continue
                if (
                    channel in fired
                    if later == 0
                    else stages[channel].starts(stages[channel].target in fired)
                ):
                    read.append(cycle)
            if done:
                break
        return cycles

    def _cycles(self, beats: int, sink: str) -> Iterator[tuple[int, set[str]]]:
        """Cycle and channels on which a beat moves, while ``beats`` beats go through, until nothing moves."""
        sent = idle = 0
        for cycle in count():
            fired = _fired(self.nodes, {self.source: sent < beats}, sink)
            sent += int(self.source in fired)
            updating = any(isinstance(node, Update) and node.active for node in self.nodes)
            idle = 0 if fired or updating else idle + 1
            if idle > IDLE:
                return
            yield cycle, fired
            _tick(self.nodes, fired)


def _together(nodes: Sequence[Node | Fork | Join], sink: str) -> set[str]:
    """Channels whose beat is the output's own: nothing but forks and joins lies between."""
    channels = {sink}
    for node in reversed(nodes):
        if isinstance(node, Join) and node.target in channels:
            channels.update(node.sources)
        elif isinstance(node, Fork) and channels.intersection(node.targets):
            channels.add(node.source)
    return channels


def _fired(nodes: Sequence[Node | Fork | Join], valid: dict[str, bool], sink: str) -> set[str]:
    """Channels on which a beat moves in this cycle."""
    for node in nodes:
        if isinstance(node, Node):
            valid[node.target] = node.offers()
        elif isinstance(node, Join):
            valid[node.target] = all(valid[source] for source in node.sources)
        else:
            valid.update(dict.fromkeys(node.targets, valid[node.source]))
    ready = {sink: True}
    for node in reversed(nodes):
        if isinstance(node, Node):
            drained = valid[node.target] and ready[node.target]
            ready[node.source] = node.takes(drained)
        elif isinstance(node, Join):
            for source in node.sources:
                others = all(valid[other] for other in node.sources if other != source)
                ready[source] = ready[node.target] and others
        else:
            ready[node.source] = all(ready[target] for target in node.targets)
            ready.update(dict.fromkeys(node.targets, ready[node.source]))
    return {channel for channel, offered in valid.items() if offered and ready[channel]}


def _tick(nodes: Sequence[Node | Fork | Join], fired: set[str]) -> None:
    for node in nodes:
        if isinstance(node, Node):
            node.tick(node.source in fired, node.target in fired)
