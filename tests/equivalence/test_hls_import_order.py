"""The hls4ml plugin is there whichever of the two packages is imported first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.tf
@pytest.mark.parametrize("first", ["hls4ml", "netsurf.hls.backend", "netsurf.hls.plugin"])
def test_the_backend_is_registered_once(first):
    program = (
        f"import {first}, hls4ml; from hls4ml.writer import get_writer;"
        "names = hls4ml.backends.get_available_backends();"
        "backend = hls4ml.backends.get_backend('NetSurf');"
        "print(names.count('netsurf'), type(backend).__module__, get_writer('NetSurf'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("1 netsurf.hls.plugin <netsurf.hls.plugin.NetSurfWriter")
