"""A Yosys that pip installs, as a program: ``python yosys_worker.py SCRIPT``.

The wheel `pyosys` is a library whose errors end the process that called it, and whose bad selections can
crash it; so it runs here, alone, started by `netsurf.toolchain.yosys.run_yosys` and by nobody else.
"""

from __future__ import annotations

import ctypes
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1


def main(script: str) -> None:
    """Run the commands of a Yosys script on an empty design; end with NetSurf, however that ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    from pyosys import libyosys

    libyosys.run_pass(f"script {script}", libyosys.Design())


if __name__ == "__main__":
    main(sys.argv[1])
