"""Every error that NetSurf raises on purpose.

::

    NetsurfError                exit code
    ├── UsageError              2   a request that cannot be carried out as it stands
    │   ├── UnknownNameError        a name that is in no table; lists the nearest
    │   ├── FormatError             a number format or quantisation scheme that is malformed
    │   ├── NetworkError            a network, layer or tensor that breaks an invariant
    │   ├── UnsupportedLayerError   a layer that hls4ml or NetSurf cannot realise
    │   ├── FaultError              a fault, site or population outside the fault space
    │   ├── PlanError               a protection plan that does not fit the network
    │   ├── SiteMapError            a site map that does not match the design
    │   ├── DataError               a data file that is absent, corrupt or of another shape
    │   └── StoreError              a run folder or store that cannot be continued
    ├── DisagreementError       1   engines, audits or gates that say no
    ├── MissingToolError        3   a tool that is not installed; names the command that installs it
    └── ToolFailedError         4   a tool that ran and failed; names its log

A message says what is wrong, where, what is allowed, and what to type next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class NetsurfError(Exception):
    """Base of every error raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 4


class UsageError(NetsurfError):
    """A request that cannot be carried out as it stands."""

    exit_code = 2


class FormatError(UsageError):
    """A number format or quantisation scheme that is malformed."""


class NetworkError(UsageError):
    """A network, layer or tensor that breaks an invariant of the integer representation."""


class UnsupportedLayerError(UsageError):
    """A layer that hls4ml or NetSurf cannot realise."""


class FaultError(UsageError):
    """A fault, fault site or population outside the fault space of the design point."""


class PlanError(UsageError):
    """A protection plan that does not fit the network."""


class SiteMapError(UsageError):
    """A site map that does not match the design it is used with."""


class DataError(UsageError):
    """A data file that is absent, corrupt or of another shape than declared."""


class StoreError(UsageError):
    """A run folder or store that cannot be continued."""


class DisagreementError(NetsurfError):
    """A check that says no: engines disagree, an audit found a lost replica, a gate failed."""

    exit_code = 1


class UnknownNameError(UsageError):
    """A name that is in no table.

    >>> str(UnknownNameError("benchmark", "mnist_fn", ["mnist_fnn", "autompg"]))
    "unknown benchmark 'mnist_fn' (did you mean mnist_fnn?); known: autompg, mnist_fnn"
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        super().__init__(f"unknown {what} '{name}'{hint}; known: {', '.join(known)}")


class MissingToolError(NetsurfError):
    """A tool that is not installed.

    >>> str(MissingToolError("iverilog", "apt-get install -y iverilog"))
    'iverilog is not installed; type: apt-get install -y iverilog'
    """

    exit_code = 3

    def __init__(self, tool: str, fix: str) -> None:
        super().__init__(f"{tool} is not installed; type: {fix}")


class ToolFailedError(NetsurfError):
    """A tool that ran and failed; shows the last 20 lines of its log and where the rest is."""

    exit_code = 4

    def __init__(self, tool: str, log: Path, text: str = "") -> None:
        tail = "\n".join(f"  | {line}" for line in text.splitlines()[-20:])
        super().__init__(f"{tool} failed; its log is {log}" + (f"\n{tail}" if tail else ""))
