"""Generated data sets: the same bits for a seed, the physics they claim, a cache that is not trusted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from netsurf.errors import DataError
from netsurf.frontend import datasets
from netsurf.frontend.datasets import (
    base,
    cifar10,
    generated,
    gtsdb,
    hgcal,
    jets,
    smartpixel,
    speech_commands,
    svhn,
    toyadmos,
    vww,
)

GENERATORS = {
    "cifar10": (cifar10.samples, (32, 32, 3), np.uint8, 10),
    "gtsdb": (gtsdb.samples, (50, 50, 3), np.uint8, 43),
    "hgcal": (hgcal.samples, (8, 8, 1), np.float32, None),
    "smartpixel": (smartpixel.samples, (13,), np.float32, 3),
    "speech_commands": (speech_commands.samples, (49, 10, 1), np.float32, 12),
    "svhn": (svhn.samples, (32, 32, 3), np.uint8, 10),
    "toyadmos": (toyadmos.mixed, (320,), np.float32, None),
    "vww": (vww.samples, (96, 96, 3), np.uint8, 2),
}

FINGERPRINTS = {
    "cifar10": ("1.1", 127.7919, 0.07104634),
    "gtsdb": ("1.0", 96.42971, -0.7141015),
    "hgcal": ("1.0", 0.02313668, -0.005062638),
    "smartpixel": ("1.0", 0.6318681, -0.004945055),
    "speech_commands": ("1.0", -0.0297086, 0.0044166),
    "svhn": ("1.0", 125.9327, -0.3527486),
    "toyadmos": ("1.0", -0.08322686, -0.09623553),
    "vww": ("1.1", 125.7747, 0.01972375),
}
"""Version, mean, and mean weighted by a ramp over each sample, of 70 samples from seed 3."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NETSURF_DATA", raising=False)


class TestEveryGenerator:
    @pytest.mark.parametrize("name", GENERATORS)
    def test_a_seed_is_a_sample(self, name):
        make, *_ = GENERATORS[name]
        first, again, other = make(70, 3), make(70, 3), make(70, 4)
        assert generated.digest(first) == generated.digest(again)
        assert generated.digest(first) != generated.digest(other)

    @pytest.mark.parametrize("name", GENERATORS)
    def test_has_the_shape_and_the_classes_that_it_says(self, name):
        make, shape, kind, classes = GENERATORS[name]
        split = make(130, 0)
        assert split.x.shape == (130, *shape)
        assert split.x.dtype == kind
        if classes is None:
            assert split.y is split.x
        else:
            assert split.y.dtype == np.int64
            assert 0 <= split.y.min() <= split.y.max() < classes

    @pytest.mark.parametrize("name", GENERATORS)
    def test_a_version_is_a_sample(self, name):
        """Other samples need another version, or the cache would give old ones for new; then renew this."""
        version, mean, weighted = FINGERPRINTS[name]
        x = GENERATORS[name][0](70, 3).x.reshape(70, -1).astype(float)
        ramp = np.linspace(-1, 1, x.shape[1])
        assert f" generator {version}," in datasets.dataset(name).provenance
        assert [x.mean(), (x * ramp).mean()] == pytest.approx([mean, weighted], rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize("name", GENERATORS)
    def test_is_in_the_table_as_synthetic(self, name):
        data = datasets.dataset(name)
        assert data.source == "synthetic"
        assert data.provenance.startswith("generated: ")

    @pytest.mark.parametrize(
        ("make", "classes"), [(cifar10.samples, 10), (svhn.samples, 10), (vww.samples, 2)]
    )
    def test_noise_is_an_argument_and_pictures_are_not_burnt_out(self, make, classes):
        quiet, loud = make(20, 1, noise=0.0), make(20, 1, noise=0.3)
        assert np.array_equal(quiet.y, loud.y)
        grain = [np.abs(np.diff(split.x.astype(float), axis=2)).mean() for split in (quiet, loud)]
        assert grain[1] > 1.5 * grain[0]
        assert ((quiet.x > 0) & (quiet.x < 255)).mean() > 0.9


class TestSmartPixel:
    def test_row_sums_are_those_of_readings_of_two_bits(self):
        x = smartpixel.samples(2000, 0).x
        assert np.array_equal(x, np.round(x))
        assert 0 <= x.min() < x.max() <= 63

    def test_half_of_the_particles_are_fast(self):
        share = np.bincount(smartpixel.samples(20_000, 1).y) / 20_000
        assert np.allclose(share, smartpixel.PRIOR, atol=0.01)

    def test_clusters_have_the_published_size(self):
        whole = dataclasses.replace(smartpixel.SENSOR, local_mm=(-8.1, 8.1))
        x = smartpixel.samples(4000, 0, whole).x
        assert 3 <= (x > 0).sum(axis=1).mean() <= 4.2  # published: 3 to 4 rows
        assert 9 <= x.sum(axis=1).mean() <= 12  # printed rows of the real sample: about 12

    def test_the_lorentz_angle_makes_signs_differ(self):
        """Without drift, tracks of both signs are alike; with it, one leaves wider clusters."""
        middle = dataclasses.replace(smartpixel.SENSOR, local_mm=(-0.5, 0.5))
        still = dataclasses.replace(middle, lorentz=0.0)
        widths = {}
        for name, sensor in (("drift", middle), ("still", still)):
            split = smartpixel.samples(6000, 2, sensor)
            rows = (split.x > 0).sum(axis=1)
            widths[name] = abs(rows[split.y == 1].mean() - rows[split.y == 2].mean())
        assert widths["still"] < 0.15 < 5 * 0.15 < widths["drift"]


class TestHgcal:
    def test_occupancy_and_energy_are_those_of_the_plots(self):
        charges = hgcal.charges(4000, 0)
        busy = (charges > hgcal.COUNTS_PER_MIP).sum(axis=1)
        assert np.percentile(busy, [5, 50, 95]).tolist() == pytest.approx([1, 7, 17], abs=1)
        total = np.log10(charges.sum(axis=1)[charges.any(axis=1)] / hgcal.COUNTS_PER_MIP)
        assert np.percentile(total, [5, 50, 95]) == pytest.approx([0.68, 1.34, 1.88], abs=0.06)

    def test_modules_are_normalised_and_cut_to_eight_bits(self):
        cells = hgcal.to_cells(hgcal.samples(1000, 0).x)
        assert np.array_equal(cells * 256, np.round(cells * 256))
        assert cells.sum(axis=1).max() < 2
        assert cells.sum(axis=1).min() > 1 - hgcal.CELLS / 256

    def test_the_image_shows_each_cell_once_and_a_quarter_is_empty(self):
        cells = np.arange(1.0, 49.0)[None]
        image = hgcal.to_image(cells)
        assert np.array_equal(hgcal.to_cells(image), cells)
        assert not image[0, 4:, 4:].any()
        assert (image > 0).sum() == 48

    def test_neighbours_in_the_image_are_neighbours_in_the_module(self):
        """Cells beside each other inside a rhombus are one pitch apart."""
        centres = hgcal.centres()
        for quarter in (hgcal.IMAGE[:4, :4], hgcal.IMAGE[:4, 4:], hgcal.IMAGE[4:, :4]):
            for a, b in ((quarter[1:], quarter[:-1]), (quarter[:, 1:], quarter[:, :-1])):
                apart = np.linalg.norm(centres[a] - centres[b], axis=-1)
                assert np.allclose(apart, 2.402, atol=0.01)

    def test_more_pile_up_fills_more_cells(self):
        busy = dataclasses.replace(hgcal.SIGNAL_DRIVEN, shape=4.0, scale=10.0)
        assert (hgcal.charges(500, 0, busy) > 0).mean() > 1.2 * (hgcal.charges(500, 0) > 0).mean()


class TestJets:
    def test_masses_are_those_of_the_particles(self):
        everything = jets.read()
        mass = jets.FEATURES.index("mass_mmdt")
        found = [float(np.median(everything.x[everything.y == c, mass])) for c in range(5)]
        assert found[2:] == pytest.approx([80.4, 91.2, 172.5], abs=9)  # W, Z, t; groomed a little low
        assert found[1] < 20 < found[0] < 80

    def test_gluons_radiate_twice_as_much_as_quarks(self):
        everything = jets.read()
        counts = everything.x[:, jets.FEATURES.index("multiplicity")]
        assert np.median(counts[everything.y == 0]) / np.median(counts[everything.y == 1]) > 1.5

    def test_classes_are_even_and_features_are_z_scores(self):
        splits = datasets.load("jets")
        assert [len(s) for s in (splits.train, splits.calibration, splits.test)] == [28_000, 4_000, 8_000]
        training = datasets.dataset("jets").training()
        assert training.x.dtype == np.float32
        assert np.allclose(training.x.mean(axis=0), 0, atol=1e-4)
        assert np.allclose(training.x.std(axis=0), 1, atol=1e-4)
        assert (np.bincount(training.y) > 6200).all()

    def test_a_changed_byte_is_found(self, tmp_path):
        copy = tmp_path / "jets.npz"
        content = bytearray(jets.FILE.read_bytes())
        content[1000] ^= 1
        copy.write_bytes(content)
        with pytest.raises(DataError, match=r"jets\.npz is damaged .*git checkout"):
            jets.read(copy)


class TestToyAdmos:
    def test_faults_are_in_every_other_clip_and_never_in_training(self):
        test = toyadmos.mixed(4 * toyadmos.SAMPLES, 0)
        assert test.anomaly.reshape(4, -1).all(axis=1).tolist() == [False, True, False, True]
        assert np.array_equal(np.unique(test.group), np.arange(4))
        assert not toyadmos.healthy(100, 0).anomaly.any()

    def test_principal_components_of_sound_machines_tell_faults(self):
        """A linear autoencoder's error ranks faulty clips above sound ones; without faults it cannot."""
        sound_machines = toyadmos.healthy(60 * toyadmos.SAMPLES, 0).x
        mean = sound_machines.mean(axis=0)
        axes = np.linalg.svd(sound_machines - mean, full_matrices=False)[2][:16]

        def area(test) -> float:
            rest = test.x - mean
            error = (
                ((rest - rest @ axes.T @ axes) ** 2).mean(axis=1).reshape(-1, toyadmos.SAMPLES).mean(axis=1)
            )
            good, bad = error[::2], error[1::2]
            return float((bad[:, None] > good).mean())

        assert area(toyadmos.mixed(60 * toyadmos.SAMPLES, 1)) > 0.75
        assert 0.3 < area(toyadmos.mixed(60 * toyadmos.SAMPLES, 1, strength=0.0)) < 0.7


class TestPictures:
    def test_the_middle_digit_is_the_class(self):
        """The nearest mean picture, of luminance without sign, finds digits far more often than chance."""
        features = {}
        for name, seed, count in (("train", 0, 1500), ("test", 1, 300)):
            split = svhn.samples(count, seed, noise=0.0)
            grey = split.x.astype(float).mean(axis=3)
            features[name] = (
                np.abs(grey - np.median(grey, axis=(1, 2), keepdims=True)).reshape(count, -1),
                split.y,
            )
        x, y = features["train"]
        means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
        means = (means - means.mean(axis=0)) / np.linalg.norm(
            means - means.mean(axis=0), axis=1, keepdims=True
        )
        x, y = features["test"]
        assert (((x - x.mean(axis=0)) @ means.T).argmax(axis=1) == y).mean() > 0.3

    def test_signs_of_a_kind_have_their_colours(self):
        split = gtsdb.samples(400, 0, noise=0.0)
        centre = split.x[:, 22:28, 22:28].astype(float).mean(axis=(1, 2))
        blue = np.isin(split.y, np.arange(33, 41))
        assert (centre[blue, 2] > centre[blue, 0]).mean() > 0.9
        stop = split.y == 17  # no entry: a white bar on red
        above = split.x[stop, 15:18, 22:28].astype(float).mean(axis=(1, 2))
        assert (above[:, 0] > above[:, 2]).mean() > 0.9


class TestKept:
    def kept(self, seed=0) -> generated.Kept:
        return generated.Kept(
            "line", lambda count, seed: base.Split(np.full((count, 2), seed), np.arange(count)), 5, seed
        )

    def test_is_made_once(self):
        first = self.kept(seed=1)()
        second = self.kept(seed=2)()  # the same name: not made again
        assert np.array_equal(first.x, second.x)

    def test_keeps_groups_anomalies_and_targets(self):
        made = toyadmos.mixed(60, 0)
        kept = generated.Kept("toy", lambda count, seed: made, 60, 0)()
        assert kept.y is kept.x
        assert np.array_equal(kept.anomaly, made.anomaly)
        assert np.array_equal(kept.group, made.group)

    @pytest.mark.parametrize("damage", ["cut", "flip", "swap", "empty"])
    def test_a_damaged_file_is_one_sentence(self, damage):
        kept = self.kept()
        kept()
        content = bytearray(kept.path.read_bytes())
        if damage == "flip":
            content[content.index(np.arange(5).tobytes())] ^= 1
        if damage == "swap":
            np.savez(kept.path, x=np.zeros((5, 2)), sha256=np.array("0" * 64))
        else:
            kept.path.write_bytes(content[:100] if damage == "cut" else b"" if damage == "empty" else content)
        with pytest.raises(DataError, match=r"line-5\.npz is damaged .*rm ") as error:
            kept()
        assert "\n" not in str(error.value)


class TestGroups:
    def test_calibration_takes_whole_groups(self):
        group = np.repeat(np.arange(10), 7)
        rows = base.Split(np.zeros((70, 1)), np.arange(70), group=group)
        splits = base.DataSet("tiny", lambda: rows, lambda: rows, 20, "synthetic", "").splits(seed=3)
        assert len(splits.calibration) == 21
        assert not set(splits.calibration.group) & set(splits.train.group)
        assert sorted([*splits.train.y, *splits.calibration.y]) == list(range(70))
