"""The photograph study: what each arm shows, what is mirrored, and a run from end to end."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from gan_mnist.experiments.cats_vs_dogs import trial
from gan_mnist.experiments.cats_vs_dogs.study import STUDY
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.errors import InputError
from gan_mnist.files import read_arrays
from gan_mnist.main import main
from gan_mnist.study.settings import with_changes

MAIN = main
ARMS = {arm.name: arm for arm in STUDY.arms}
SMALL = {"width": 1, "updates": 10, "intervals": 2, "image_size": 16, "batch_size": 20}
STILL = {"rotation_degrees": 0.0, "shift": 0.0, "brightness": 0.0}


def draw(path, colour, rng):
    """A picture that differs from its mirror image: brighter to the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    light = np.linspace(0.3, 0.9, 30)[None, :, None] * np.array(colour)
    pixels = light * 200 + rng.integers(0, 20, (24, 30, 3))
    Image.fromarray(np.uint8(pixels)).save(path)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """The layout of the source's folder, 24 and 6 pictures a class."""
    root = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for split, number in (("training_set", 24), ("test_set", 6)):
        for name, colour in (("cats", (1, 0.5, 0.2)), ("dogs", (0.2, 0.5, 1))):
            for i in range(number):
                draw(root / split / name / f"{name[:3]}.{i}.jpg", colour, rng)
    return root


@pytest.fixture(scope="module")
def dataset(photographs):
    """The photographs, in the place of the digits that other experiments are tested on."""
    return load_dataset("folder", str(photographs), False, 16, 3)


@pytest.fixture
def shown(begun):
    """`shown(arm, seed)`: a trial up to the training: weights, the first batch, validation."""

    def shown(arm, seed=0, **changes):
        told = begun(arm, seed, **changes)
        return told.weights, next(told.batches(0).as_numpy_iterator()), told.validation

    return shown


def test_the_arms_differ_in_augmentation_alone():
    assert ARMS["plain"].changes == {}
    assert ARMS["classical"].changes == {"classical": True}
    assert STUDY.control == "plain"
    base = STUDY.settings
    assert (base.image_size, base.channels, base.width, base.batch_size) == (64, 3, 16, 32)
    assert (base.rotation_degrees, base.shift, base.zoom, base.shear) == (20, 0.1, 0, 0)
    assert (base.brightness, base.border, base.learning_rate) == (0.2, "nearest", 1e-3)


@pytest.mark.parametrize(
    ("name", "flip", "expected"),
    [
        *((digits, "auto", "never") for digits in ("mnist_sample", "mnist", "kmnist", "emnist")),
        *((other, "auto", "always") for other in ("folder", "cats_vs_dogs", "fashion_mnist")),
        ("mnist_sample", "never", "never"),
        ("folder", "never", "never"),
        ("folder", "always", "always"),
    ],
)
def test_mirroring_is_made_explicit(dataset, name, flip, expected):
    named = replace(dataset, name=name)
    settings = with_changes(STUDY.settings, SMALL | {"flip": flip}, "test").resolve(named)
    assert settings.flip == expected
    assert settings.resolve(named) == settings


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        ("mnist_sample", {"flip": "always"}, "flip: always"),
        ("mnist", {"flip": "always"}, "--dataset=mnist: auto or never"),
        ("folder", {"updates": 15}, "updates: 15"),
        ("folder", {"classes": ("cats",)}, "classes: cats is 1 class"),
        ("folder", {"images_per_class": 23}, "images_per_class: 23 is out of range"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, name, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, SMALL | changes, "test").resolve(replace(dataset, name=name))


def test_plain_shows_the_training_images_and_no_other(shown, dataset):
    _, (images, labels), (validation, validation_labels) = shown("plain", batch_size=44)
    # 24 a class, a tenth of them for validation; a batch of 44 is one pass.
    train = {image.tobytes(): label for image, label in zip(
        dataset.train.images, dataset.train.labels, strict=True)}  # fmt: skip
    given = [np.uint8(np.round(image * 255)).tobytes() for image in images]
    held = [np.uint8(np.round(image * 255)).tobytes() for image in validation]
    assert set(given) | set(held) == set(train)
    assert len(set(given)) == 44 and not set(given) & set(held)
    assert [train[text] for text in given] == labels.tolist()
    assert validation_labels.tolist() == [0, 0, 1, 1]


def test_arms_of_a_seed_share_weights_order_and_validation(shown):
    weights, (images, labels), validation = shown("plain")
    others, (changed, same), untouched = shown("classical")
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_array_equal(validation[0], untouched[0])
    assert all(not np.array_equal(a, b) for a, b in zip(images, changed, strict=True))
    _, (_, other_labels), _ = shown("plain", seed=1)
    assert not np.array_equal(labels, other_labels)


def test_half_of_the_photographs_are_mirrored_left_to_right(shown):
    _, (images, _), _ = shown("plain", batch_size=44)
    _, (shown_images, _), _ = shown("classical", batch_size=44, **STILL)
    kept = np.isclose(shown_images, images, atol=1e-4).all(axis=(1, 2, 3))
    mirrored = np.isclose(shown_images, images[:, :, ::-1], atol=1e-4).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 11 <= mirrored.sum() <= 33
    _, (never, _), _ = shown("classical", batch_size=44, flip="never", **STILL)
    np.testing.assert_allclose(never, images, atol=1e-4)


@pytest.mark.slow
def test_digits_are_not_mirrored(settings):
    sample = load_dataset("mnist_sample", image_size=16, channels=3)
    assert settings("classical", of=sample, dataset="mnist_sample").flip == "never"


def test_brightness_goes_both_ways(shown):
    still = STILL | {"flip": "never", "batch_size": 44}
    _, (images, _), _ = shown("plain", batch_size=44)
    _, (changed, _), _ = shown("classical", **still | {"brightness": 0.2})
    factors = (changed.mean(axis=(1, 2, 3)) / images.mean(axis=(1, 2, 3))).round(3)
    assert 0.8 <= factors.min() < 0.9
    assert 1.1 < factors.max() <= 1.2


def test_no_black_comes_in_over_the_edge(shown):
    _, (images, _), _ = shown("plain", batch_size=44)
    _, (changed, _), _ = shown("classical", batch_size=44, brightness=0.0)
    assert changed.min() >= images.min() - 1e-3


@pytest.mark.slow
def test_a_trial_on_three_classes_of_grey_images(make, tmp_path):
    rng = np.random.default_rng(1)
    for level, name in enumerate(("a", "b", "c")):
        for number in range(10):
            draw(tmp_path / "images" / name / f"{number}.png", (0.2 + 0.3 * level,) * 3, rng)
    place = {"dataset": "folder", "data_dir": str(tmp_path / "images"), "channels": 1}
    grey = load_dataset("folder", place["data_dir"], False, 16, 1)
    asked = make("classical", of=grey, workdir=tmp_path / "run", **place)
    outcome = trial.run_trial(asked)
    assert outcome.updates == 10
    assert {f"recall_{name}" for name in "abc"} < set(outcome.metrics)
    assert read_arrays(asked.directory / "shown.npz", "images")["images"].shape == (6, 16, 16, 1)


@pytest.mark.slow
def test_a_prepared_build_is_studied(make, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    rng = np.random.default_rng(0)
    rows = [
        (i, {"image": rng.integers(0, 256, (20 + i, 25, 3), np.uint8), "label": i % 2})
        for i in range(24)
    ]
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "image/filename": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names=["cat", "dog"]),
    }
    for number, row in rows:
        row["image/filename"] = f"{number}.jpg"
    tfds.dataset_builders.store_as_tfds_dataset(
        name="cats_vs_dogs",
        version="4.0.1",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": rows},
        data_dir=tmp_path / "builds",
    )
    place = {"dataset": "cats_vs_dogs", "data_dir": str(tmp_path / "builds"), "image_size": 64}
    dataset = load_dataset("cats_vs_dogs", place["data_dir"], False, 64, 3)
    asked = make("plain", of=dataset, workdir=tmp_path / "run", **place)
    assert (asked.settings.classes, asked.settings.flip) == (("cat", "dog"), "always")
    # It loads the build itself, and checks that it is the one.
    del asked.__dict__["dataset"]
    trial.run_trial(asked)
    assert asked.dataset.sha256 == dataset.sha256
    assert len((asked.directory / "predictions.csv").read_text().splitlines()) == 5


@pytest.mark.slow
def test_a_run_on_the_layout_of_the_source(command, photographs, tmp_path, monkeypatch):
    flags = ["--experiment=cats_vs_dogs", "--preset=smoke", "--seeds=1", "--jobs=1"]
    flags += ["--dataset=folder", f"--data_dir={photographs}", "--export_dir="]
    flags += ["--set", "image_size=32", "--set", "images_per_class=0", "--set", "updates=40"]
    flags += [f"--workdir={tmp_path}"]
    status, _, err = command(*flags)
    assert status == 0, err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["arms"]) == list(ARMS)
    assert summary["failed"] == []
    counts = {"train": 24, "test": 6}
    assert summary["dataset"]["counts"] == {"cats": counts, "dogs": counts}
    for arm in ARMS:
        directory = tmp_path / "trials" / arm / "seed-00"
        record = json.loads((directory / "record.json").read_text())
        assert record["settings"]["flip"] == "always"
        with (directory / "predictions.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        assert len(table) == 12
        assert all(row["image"].startswith(f"test_set/{row['label']}/") for row in table)
        right = np.mean([row["label"] == row["prediction"] for row in table])
        assert record["metrics"]["accuracy"] == pytest.approx(right)
        with (directory / "curves.csv").open(newline="") as file:
            curve = list(csv.DictReader(file))
        assert [int(row["update"]) for row in curve] == [10, 20, 30, 40]
        assert {"loss", "accuracy", "val_loss", "val_accuracy"} < set(curve[0])
        seen = read_arrays(directory / "shown.npz", "images", "label", "prediction")
        assert seen["images"].shape == (12, 32, 32, 3)
        assert (np.ptp(seen["images"].astype(int), axis=-1) > 30).any(axis=(1, 2)).all()
    assert {"training", "shown"} <= {path.stem for path in (tmp_path / "figures").iterdir()}

    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert f"{len(ARMS)} trials are done already" in command(*flags)[2]
