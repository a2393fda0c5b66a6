"""golden.json: the numbers that a benchmark's folder vouches for."""

from __future__ import annotations

import json
from typing import Any

from netsurf.errors import DataError
from netsurf.frontend.spec import BenchmarkSpec

FILE = "golden.json"


def read(spec: BenchmarkSpec) -> dict[str, Any]:
    """The golden numbers of a benchmark.

    Raises
    ------
    DataError
        If there are none, or the file is damaged.
    """
    path = spec.folder / FILE
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); type: netsurf train {spec.name}") from error
