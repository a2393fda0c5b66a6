"""A worker process: joins a run folder by path and digest, works, and ends when nothing is left.

``python -m netsurf.campaign.worker FOLDER DIGEST ENGINE NUMBER SHARD``, started by
:mod:`netsurf.campaign.crew`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from netsurf.campaign.folder import open_campaign, start
from netsurf.campaign.run import Runner, Shard
from netsurf.campaign.score import make_scorer
from netsurf.errors import NetsurfError, StoreError


def main(folder: Path, digest: str, engine: str, number: int, shard: str) -> None:
    """Work on the campaign in ``folder`` until it is done, SIGTERM comes, or the starter is gone."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    parent = os.getppid()
    campaign = open_campaign(folder)
    if campaign.digest != digest:
        raise StoreError(f"{folder} holds campaign {campaign.digest[:12]}, not {digest[:12]}")
    scorer = make_scorer(engine, campaign.problem)
    store = start(campaign, folder, scorer)
    gone = lambda: bool(stop) or os.getppid() != parent  # noqa: E731
    Runner(campaign, store, scorer, Shard.parse(shard), gone, first=number).run()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    except NetsurfError as error:
        sys.exit(f"netsurf worker {sys.argv[4]}: {error}")
