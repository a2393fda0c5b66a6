"""CampaignSpec: everything that decides which rows a campaign has, as YAML or a command line says it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from netsurf.errors import UsageError
from netsurf.rank import canonical

SCHEMA_VERSION = 1
"""Version of the rows of the store; part of every run's identity."""

Mode = Literal["bernoulli", "exact", "coverage", "sample", "exhaustive", "list"]
"""``bernoulli``: every stored bit is upset with probability BER. ``exact``: ``round(P * BER)`` distinct ones.
``coverage``: a shuffled population cut into groups of that size, so that every bit is upset exactly once.
``sample``: single upsets, drawn without replacement, stratified by tensor and bit. ``exhaustive``: every
stored bit upset once, alone. ``list``: the faults of a file."""

RATES: tuple[str, ...] = ("bernoulli", "exact", "coverage")
"""Modes that take bit error rates."""

REPETITIONS = 100
"""Repetitions when neither a number nor a margin is asked for."""

MOST = 10_000
"""Repetitions after which a campaign with a margin stops in any case."""

SINGLES_PER_CHUNK = 1 << 16
TRIALS_PER_CHUNK = 128
LEAST_REPETITIONS = 8
"""Repetitions in a chunk at least: engines run a few models at once faster than one."""

_FAULT = re.compile(r"flip|stuck0|stuck1|burst:([1-9]\d*)")


def fraction(text: Any) -> Any:
    """A number that may be written as a percentage.

    >>> fraction("0.5%"), fraction("0.2"), fraction(0.1)
    (0.005, 0.2, 0.1)
    """
    if not isinstance(text, str):
        return text
    try:
        return round(float(text.strip()[:-1]) / 100, 12) if text.strip().endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"'{text}' is no number; write 0.01 or 1%") from None


def _sequence(value: Any) -> Any:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Fraction = Annotated[float, BeforeValidator(fraction)]
Fractions = Annotated[tuple[Fraction, ...], BeforeValidator(_sequence)]
Names = Annotated[tuple[str, ...], BeforeValidator(_sequence)]


class CampaignSpec(BaseModel):
    """A campaign, down to the last bit: two equal specs on equal data have equal rows.

    Parameters
    ----------
    benchmark
        Name of the benchmark.
    mode
        How faults are drawn; see :data:`Mode`.
    ber
        Bit error rates, for the modes that take them.
    protection
        Protection levels: fractions of the unprotected design's stored bits.
    ranker
        Rankings that choose the protected bits.
    ideal
        Protected bits are immune instead of triplicated: for comparison with work that assumes so.
    population
        Which stored bits may be upset; see :mod:`netsurf.campaign.population`.
    fault
        ``flip``, ``stuck0``, ``stuck1`` or ``burst:N`` (N neighbouring stored bits of a tensor together).
    faults
        Path of the fault list of mode ``list``.
    repetitions
        Faulty models of each cell (``coverage``: passes; ``sample``: faults). With a margin, the most.
    margin
        Stop a cell when its interval's half-width is at most this (``sample``: plan so many faults).
    confidence
        Nominal coverage of every interval.
    strict
        Stop by the empirical-Bernstein sequence, which holds at any number of repetitions.
    seed
        Of all randomness.
    metric
        Metrics to record; the first is watched. Empty: the task's default.
    split
        ``test`` or ``calibration``.
    samples
        Use this many samples of the split, the first ones; None for all.
    chunk
        Trials that are computed, written and claimed together; None for a default.

    Examples
    --------
    >>> CampaignSpec(benchmark="mnist_fnn", ber="1e-3,1%", protection=[0, "20%"], margin="0.5%").ber
    (0.001, 0.01)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: str
    mode: Mode = "bernoulli"
    ber: Fractions = ()
    protection: Fractions = (0.0,)
    ranker: Names = ("msb",)
    ideal: bool = False
    population: str = "all"
    fault: str = "flip"
    faults: str | None = None
    repetitions: Annotated[int, Field(gt=0)] | None = None
    margin: Annotated[Fraction, Field(gt=0)] | None = None
    confidence: Annotated[Fraction, Field(gt=0, lt=1)] = 0.95
    strict: bool = False
    seed: Annotated[int, Field(ge=0)] = 1
    metric: Names = ()
    split: Literal["test", "calibration"] = "test"
    samples: Annotated[int, Field(gt=0)] | None = None
    chunk: Annotated[int, Field(gt=0)] | None = None

    @field_validator("ber", "protection")
    @classmethod
    def _probabilities(cls, values: tuple[float, ...], info) -> tuple[float, ...]:
        outside = [value for value in values if not 0 <= value <= 1]
        if outside:
            raise ValueError(f"{outside[0]:g} is outside 0 to 1")
        if len(set(values)) != len(values):
            raise ValueError("the same value is there twice")
        return values

    @field_validator("ranker")
    @classmethod
    def _known_rankers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(canonical(name) for name in names))

    @field_validator("fault")
    @classmethod
    def _known_fault(cls, text: str) -> str:
        if not _FAULT.fullmatch(text):
            raise ValueError(
                f"'{text}' is no fault model; choose flip, stuck0, stuck1 or burst:N with N from 1"
            )
        return text

    @model_validator(mode="after")
    def _consistent(self) -> CampaignSpec:
        takes_rates = self.mode in RATES
        if takes_rates and not self.ber:
            raise ValueError(f"mode {self.mode} needs a bit error rate; add --ber 1e-3,1e-2")
        if not takes_rates and self.ber:
            raise ValueError(
                f"mode {self.mode} takes no bit error rate; leave --ber out or choose --mode bernoulli"
            )
        if (self.mode == "list") != (self.faults is not None):
            raise ValueError("a fault list belongs to mode list, and mode list needs one; add --faults FILE")
        if not self.protection or not self.ranker:
            raise ValueError("a campaign needs at least one protection level and one ranker")
        if self.margin is not None and self.mode in ("coverage", "exhaustive", "list"):
            raise ValueError(
                f"mode {self.mode} runs all its faults; --margin belongs to bernoulli, exact and sample"
            )
        return self

    @property
    def most_repetitions(self) -> int:
        """Repetitions of a cell that never stops early."""
        default = 1 if self.mode == "coverage" else REPETITIONS if self.margin is None else MOST
        return self.repetitions or default

    @property
    def burst(self) -> int:
        """Neighbouring stored bits that one upset hits."""
        return int(self.fault.removeprefix("burst:")) if self.fault.startswith("burst:") else 1

    @property
    def kind(self) -> str:
        """What happens to a hit bit, as fault lists name it."""
        return "flip" if self.fault.startswith("burst:") else self.fault

    def identity(self, **digests: Any) -> dict[str, Any]:
        """What the rows depend on: every field, the row schema, and digests of network, samples and lists."""
        fields = self.model_dump(mode="json", exclude={"faults"})
        return {"schema_version": SCHEMA_VERSION, **fields, **digests}


def digest(identity: dict[str, Any]) -> str:
    """SHA-256 of a run's identity, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def make_spec(**fields: Any) -> CampaignSpec:
    """Build a CampaignSpec from fields that may be missing (None).

    Raises
    ------
    UsageError
        If a field is unknown or its value is not allowed, in one sentence.
    """
    try:
        return CampaignSpec.model_validate({k: v for k, v in fields.items() if v is not None})
    except ValidationError as error:
        raise UsageError("; ".join(_complaint(entry) for entry in error.errors())) from error


def read_spec(path: Path, **overrides: Any) -> CampaignSpec:
    """Read a CampaignSpec from a YAML file; ``overrides`` that are not None win over it.

    Raises
    ------
    UsageError
        If the file cannot be read, is no mapping, or holds a field or value that is not allowed.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: no campaign can be read there ({' '.join(str(error).split())})") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path}: a campaign is a mapping such as 'benchmark: mnist_fnn', one field a line")
    try:
        return make_spec(**{**document, **{k: v for k, v in overrides.items() if v is not None}})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _complaint(entry: Any) -> str:
    """One complaint of pydantic as ``field: what is wrong``."""
    where = ".".join(str(part) for part in entry["loc"] if not isinstance(part, int))
    message = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        message = f"no such field; known: {', '.join(CampaignSpec.model_fields)}"
    return f"{where}: {message}" if where else message
