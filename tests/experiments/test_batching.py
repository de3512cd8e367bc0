"""The batching study: what the arms share, what a trial measures, and a run from end to end."""

import csv
import os
import signal
from dataclasses import fields, replace

import numpy as np
import pytest
from gan_mnist.experiments.batching import trial
from gan_mnist.experiments.batching.study import STUDY
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.study.settings import with_changes
from gan_mnist.study.workers import peak_memory_mib
from gan_mnist.trials import ClassifierSteps

MAIN = main
ARMS = {arm.name: arm for arm in STUDY.arms}
SMALL = {"width": 1, "images_per_class": 3, "validation_per_class": 2, "epochs": 4, "intervals": 2}


class _Stopped(Exception):
    pass


@pytest.fixture
def shown(make, monkeypatch):
    """`shown(arm, seed)`: the trial in this process, stopped where the training would begin."""

    def fit(model, batches, updates, directory, seed, callbacks, validation, *rest):
        raise _Stopped(model.get_weights(), batches(0), updates, validation)

    monkeypatch.setattr("gan_mnist.training.classifier.fit", fit)

    def shown(arm, seed=0, **changes):
        asked = make(arm, seed, **changes)
        steps = ClassifierSteps(asked)
        with pytest.raises(_Stopped) as stopped:
            trial.train(asked, steps.allot(asked.settings.counts), steps.test)
        return stopped.value.args

    return shown


def test_the_arms_of_the_specification_differ_in_the_batch_alone():
    assert all(set(arm.changes) == {"batch_size"} for arm in STUDY.arms)
    sizes = {name: arm.changes["batch_size"] for name, arm in ARMS.items()}
    assert sizes["mini_batch"] == 100
    assert sizes["full_batch"] == 0
    assert sizes["online"] == 1
    assert STUDY.control == "mini_batch"


@pytest.mark.parametrize(
    ("num_images", "wanted", "updates", "batch_size"),
    [
        (3600, 100, 36, 100),
        (3600, 1, 3600, 1),
        (3600, 0, 1, 3600),
        (3600, 1000, 4, 900),
        (55_000, 1000, 55, 1000),
        (150, 100, 2, 75),
        (144, 10, 14, 10),
        (48, 100, 1, 48),
        (48, 0, 1, 48),
    ],
)
def test_an_interval_is_divided_into_equal_batches(num_images, wanted, updates, batch_size):
    settings = replace(STUDY.settings, batch_size=wanted, epochs=25, intervals=25)
    assert settings.schedule(num_images) == (25 * updates, batch_size)


def test_all_arms_see_as_many_images_whatever_their_number():
    for num_images in range(2, 400):
        settings = replace(STUDY.settings, epochs=30, intervals=10)
        for arm in STUDY.arms:
            updates, size = with_changes(settings, arm.changes, arm.name).schedule(num_images)
            assert updates % 10 == 0
            assert 1 <= size <= num_images
            assert abs(updates * size - 30 * num_images) <= updates / 2
            if arm.name in ("online", "full_batch"):
                assert updates * size == 30 * num_images


@pytest.mark.slow
def test_all_arms_see_the_same_images_in_the_same_order_from_the_same_weights(
    shown, settings, dataset
):
    seen, starts = {}, {}
    for arm in ARMS:
        updates, size = settings(arm).schedule(30)
        weights, batches, all_updates, validation = shown(arm)
        assert all_updates == updates
        found = list(batches.take(updates).as_numpy_iterator())
        if updates * size != 120:
            continue  # Rounded: it shows some more, or fewer.
        assert {images.shape for images, _ in found} == {(size, 28, 28, 1)}
        seen[arm] = [np.concatenate(column) for column in zip(*found, strict=True)]
        starts[arm] = weights
        assert validation[0].shape == (20, 28, 28, 1)
    for arm, (images, labels) in seen.items():
        np.testing.assert_array_equal(images, seen["online"][0])
        np.testing.assert_array_equal(labels, seen["online"][1])
        for one, other in zip(starts[arm], starts["online"], strict=True):
            np.testing.assert_array_equal(one, other)
    images, labels = seen["full_batch"]
    known = {picture.tobytes() for picture in dataset.train.images}
    for one_pass in np.split(np.arange(120), 4):
        texts = {np.uint8(np.round(images[i] * 255)).tobytes() for i in one_pass}
        assert len(texts) == 30 and texts <= known
        assert np.bincount(labels[one_pass]).tolist() == [3] * 10
    _, batches, _, _ = shown("full_batch", seed=1)
    other = next(batches.as_numpy_iterator())[0]
    assert not np.array_equal(other, images[:30])


def test_the_loss_is_the_mean_of_minus_log_p():
    probabilities = np.float32([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]])
    found = trial.cross_entropy(np.array([1, 1, 0]), probabilities)
    assert found == pytest.approx((np.log(4) + np.log(1.25)) / 3)
    assert trial.cross_entropy(np.array([2]), probabilities[2:]) == pytest.approx(87.3, abs=0.1)


def test_memory_that_was_taken_before_the_training_is_not_counted():
    taken = np.ones(300 * 2**20, np.uint8)
    before = peak_memory_mib()
    del taken
    trial._forget_peak()
    assert peak_memory_mib() < before - 200


@pytest.fixture
def images(tmp_path):
    """Three classes of 15 images: squares of another grey, in noise."""
    rng = np.random.default_rng(0)
    for level, name in enumerate(("dark", "grey", "light")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(15):
            pixels = np.uint8(60 + 60 * level + rng.integers(-20, 20, (20, 24)))
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes")
def test_a_trial_on_a_folder_of_images(make, images):
    place = {"dataset": "folder", "data_dir": str(images), "image_size": 16}
    folder = load_dataset("folder", str(images), image_size=16)
    asked = make("full_batch", of=folder, **place, images_per_class=0, epochs=6)
    outcome = trial.run_trial(asked)
    # 12 training images a class, 2 of them for validation.
    assert (outcome.updates, outcome.metrics["images_seen"]) == (6, 180)
    assert outcome.metrics["peak_memory_mb"] > 5
    seconds = outcome.seconds["training"]
    assert outcome.metrics["images_per_second"] == pytest.approx(180 / seconds, rel=0.01)
    with (asked.directory / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 9
    right = np.mean([row["label"] == row["prediction"] for row in table])
    assert outcome.metrics["accuracy"] == pytest.approx(right)


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes")
def test_a_killed_training_is_a_failure_with_its_reason(make, monkeypatch):
    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(trial, "train", killed)
    with pytest.raises(RuntimeError, match="was killed"):
        trial.run_trial(make("online"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epochs": 5}, "epochs: 5 .* multiples of 2"),
        ({"intervals": 3}, "intervals=3"),
        ({"classes": ("1",)}, "classes"),
        ({"images_per_class": 1_000}, "images_per_class: 1000"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, SMALL | changes, "test").resolve(dataset)


def test_updates_are_no_setting_of_this_study():
    with pytest.raises(InputError, match="updates: 10 is out of range"):
        replace(STUDY.settings, updates=10)
    assert "updates" in {field.name for field in fields(STUDY.settings)}
