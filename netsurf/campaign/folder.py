"""Run folders: everything that another process needs to join a campaign, by path alone."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.problem import load_problem, save_problem
from netsurf.campaign.score import Scorer
from netsurf.campaign.spec import CampaignSpec, make_spec
from netsurf.campaign.store import Store, open_store, read_header, require_same
from netsurf.fault import FaultList, read_fault_list, write_fault_list
from netsurf.files import write_atomic
from netsurf.paths import build
from netsurf.provenance import provenance

FAULTS = "faults.txt"
RANKINGS = "rankings.npz"


def run_folder(campaign: Campaign) -> Path:
    """Where a campaign runs unless told otherwise: ``build/runs/BENCHMARK-DIGEST``."""
    return build() / "runs" / f"{campaign.spec.benchmark}-{campaign.digest[:12]}"


def start(campaign: Campaign, folder: Path, scorer: Scorer) -> Store:
    """Open a campaign's run folder, and put in it what other processes need to join."""
    where = provenance(
        engine=f"{scorer.name} {scorer.version}",
        network=campaign.problem.network.digest,
        campaign=campaign.digest,
        seed=campaign.spec.seed,
        spec=json.loads(campaign.spec.model_dump_json()),
    )
    store = open_store(folder, campaign.identity, campaign.cell_columns, where)
    save_problem(campaign.problem, folder / "problem")
    if campaign.faults is not None and not (folder / FAULTS).exists():
        write_fault_list(folder / FAULTS, campaign.problem.network, campaign.faults)
    if campaign.rankings and not (folder / RANKINGS).exists():
        _save_rankings(campaign.rankings, folder / RANKINGS)
    return store


def open_campaign(folder: Path) -> Campaign:
    """Read a campaign from its run folder.

    Raises
    ------
    StoreError
        If there is none, or this NetSurf would compute other rows from it.
    DataError
        If its samples are damaged.
    """
    header = read_header(folder)
    problem = load_problem(folder / "problem")
    listed = folder / FAULTS
    faults = read_fault_list(listed, problem.network) if listed.exists() else None
    campaign = Campaign(_spec(header, faults), problem, faults, _load_rankings(folder / RANKINGS))
    require_same(folder, header, campaign.identity)
    return campaign


def _spec(header: Mapping[str, object], faults: FaultList | None) -> CampaignSpec:
    fields = {key: value for key, value in header.items() if key in CampaignSpec.model_fields}
    return make_spec(**fields, faults=FAULTS if faults is not None else None)


def _save_rankings(rankings: Mapping[str, NDArray[np.int64]], path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, **{name: np.asarray(order, dtype=np.int32) for name, order in rankings.items()}
    )
    write_atomic(path, buffer.getvalue())


def _load_rankings(path: Path) -> dict[str, NDArray[np.int64]]:
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.int64) for name in archive.files}
