"""A Yosys that pip installs, as a program: ``python yosys_worker.py SCRIPT``.

The wheel `pyosys` is a library whose errors end the process that called it, and whose bad selections can
crash it; so it runs here, alone, started by `netsurf.toolchain.yosys.run_yosys` and by nobody else.
"""

from __future__ import annotations

import sys


def main(script: str) -> None:
    """Run the commands of a Yosys script on an empty design."""
    from pyosys import libyosys

    libyosys.run_pass(f"script {script}", libyosys.Design())


if __name__ == "__main__":
    main(sys.argv[1])
