"""What the trials of classification experiments do step by step, and all the steps together."""

import functools
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from small_trial import (
    CLASSES,
    DATASET,
    LOGITS,
    SETTINGS,
    SHAPE,
    STUDY,
    Fixed,
    make_steps,
    make_trial,
)

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.datasets import AS_USUAL
from gan_mnist.data.subsets import allot, read_test_subset
from gan_mnist.files import read_rows
from gan_mnist.generators.contract import Request
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.trial import Trial
from gan_mnist.trials import steps as trials


@dataclass(frozen=True)
class Given:
    arguments: tuple
    options: dict


@pytest.fixture
def loads(monkeypatch):
    """What was asked of `load_dataset`, which gives the data set of these tests."""
    asked = []

    def load_dataset(*arguments, **options):
        asked.append(Given(arguments, options))
        return DATASET

    monkeypatch.setattr("gan_mnist.settings.load_dataset", load_dataset)
    return asked


@pytest.fixture
def make(tmp_path, dtype_policy):
    """`make(arm, seed, **changes)`: the steps of a trial of a run in `tmp_path`."""
    return functools.partial(make_steps, tmp_path)


def columns_of(subset):
    return subset.images, subset.labels


def test_a_trial_loads_what_its_settings_name_once(loads, tmp_path):
    settings = replace(SETTINGS, data_dir="somewhere", dataset="folder", channels=3)
    trial = Trial(STUDY, "some", 0, settings, DATASET.provenance, tmp_path)
    assert loads == []
    assert trial.dataset is trial.dataset is DATASET
    options = replace(AS_USUAL, split="each_seed")
    assert loads == [Given(("folder", "somewhere", False, 8, 3, options), {})]
    other = replace(trial, provenance={**DATASET.provenance, "sha256": "of others"})
    with pytest.raises(RuntimeError, match="not the one that the run began with"):
        _ = other.dataset


def test_its_steps_set_the_precision(make):
    steps = make(precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert steps.seconds == {"generator": 0, "training": 0, "evaluation": 0}


def test_it_sees_the_draw_of_its_seed_and_the_test_images_of_its_classes(make):
    for seed in (0, 3):
        for counts in (None, (4, 2)):
            found = make(seed=seed).allot(counts)
            expected = allot(DATASET, CLASSES, counts, seed, 3)
            for part in ("train", "held_back", "validation"):
                assert getattr(found, part).filenames == getattr(expected, part).filenames
        assert make(seed=seed).test.filenames == read_test_subset(DATASET, CLASSES).filenames


def test_models_are_those_of_the_first_seed_of_the_run(make):
    def place(seed, first, export_dir="saved"):
        steps = make(seed=seed, export_dir=export_dir)
        steps.trial = replace(steps.trial, first_seed=first)
        return steps.export_directory

    assert place(0, 0) == place(10, 10) == Path("saved") / STUDY.name / "some"
    assert place(1, 0) is place(11, 10) is place(0, 0, "") is None


def test_augmentation_is_what_the_settings_say(make):
    assert make(rotation_degrees=5.0).augmentation is None
    trial = make(
        classical=True,
        rotation_degrees=1.0,
        shift=0.2,
        zoom=0.3,
        shear=0.4,
        brightness=0.5,
        border="nearest",
        flip="always",
    )
    assert trial.augmentation == Augmentation(
        rotation_degrees=1.0,
        shift=0.2,
        zoom=0.3,
        shear=0.4,
        brightness=0.5,
        flip=True,
        fill="nearest",
    )


@pytest.mark.parametrize("classical", [False, True])
def test_batches_are_of_all_sources_and_augmented_as_the_settings_say(make, classical):
    trial = make(classical=classical)
    parts = trial.allot((5, 4))
    batches = trial.batches((columns_of(parts.train), 4), (columns_of(parts.held_back), 1))
    first, second = (data.get_single_element() for data in map(_third_batch, [batches] * 2))
    images, labels = (part.numpy() for part in first)
    np.testing.assert_array_equal(images, second[0])
    assert images.shape == (5, *SHAPE)
    assert labels.shape == (5,)
    sources = [parts.train.images] * 4 + [parts.held_back.images]
    shown_as_it_is = [
        (image == (source / 255).astype(np.float32)).all(axis=(1, 2, 3)).any()
        for image, source in zip(images, sources, strict=True)
    ]
    assert all(shown_as_it_is) != classical


def _third_batch(batches):
    return batches(7, 2).take(1)


@pytest.fixture
def trainings(monkeypatch):
    """The trainings that are asked for; each takes 2 seconds."""
    asked = []

    def train_classifier(*arguments, **options):
        asked.append(Given(arguments, options))
        return "a model", 2.0

    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    return asked


def test_the_streams_of_a_training_know_no_arm(make, trainings):
    for arm in ("one", "other"):
        for seed in (0, 1):
            for repeat in (0, 1):
                make(arm, seed).train("recipe", "batches", "validation", repeat)
    streams = [given.arguments[3] for given in trainings]
    assert streams[:4] == streams[4:]
    assert len(set(streams)) == 4


def test_only_the_first_repeat_writes_beside_the_record_and_to_tensorboard(
    make, trainings, tmp_path
):
    trial = make("some", 3)
    for repeat in range(3):
        options = {"watched": "images", "rows": (10,)}
        assert trial.train("recipe", "batches", "validation", repeat, **options) == "a model"
    assert trial.seconds == {"generator": 0, "training": 6, "evaluation": 0}
    directory = tmp_path / "trials" / "some" / "seed-03"
    log = tmp_path / "tensorboard_seeds" / "some" / "seed-03"
    expected = [(directory, log), (directory / "repeat-1", None), (directory / "repeat-2", None)]
    assert [given.arguments[4:] for given in trainings] == expected
    for given in trainings:
        assert given.arguments[:3] == ("recipe", "batches", "validation")
        assert given.options == {"watched": "images", "rows": (10,)}


@dataclass(frozen=True)
class GeneratingSettings(GeneratorSettings, SubsetSettings):
    """As an experiment makes its own."""


GENERATING = GeneratingSettings(
    **{field.name: getattr(SETTINGS, field.name) for field in fields(SETTINGS)},
    generator="cgan",
    gan_architecture="mlp",
    gan_width=1,
    untrained=True,
    gan_batch_size=4,
)


def generating_steps(workdir, seed=0, **changes):
    settings = replace(GENERATING, **changes)
    return trials.ClassifierSteps(make_trial(STUDY, "some", seed, settings, workdir))


def test_a_generator_is_asked_for_by_all_that_it_may_know_and_paid_for(tmp_path, monkeypatch):
    given = []

    def create_generator(request):
        given.append(request)
        return SimpleNamespace(keys=(f"key-{len(given)}",), seconds=5.0)

    monkeypatch.setattr(trials, "create_generator", create_generator)
    steps = generating_steps(tmp_path, seed=4)
    images, callback = steps.allot(None), keras.callbacks.Callback()
    assert steps.generator(images).keys == ("key-1",)
    steps.generator(images, [callback])
    for request, callbacks in zip(given, ([], [callback]), strict=True):
        assert isinstance(request, Request)
        assert (request.settings, request.images) == (steps.trial.settings, images)
        assert request.seed == 4
        assert (request.workdir, list(request.callbacks)) == (tmp_path, callbacks)
    outcome = steps.outcome({})
    assert outcome.generators == ("key-1", "key-2")
    assert outcome.seconds == {"generator": 10, "training": 0, "evaluation": 0}


def test_without_a_generator_nothing_is_made_or_paid(tmp_path):
    steps = generating_steps(tmp_path, generator="none")
    assert steps.generator(steps.allot(None)) is None
    assert steps.outcome({}).generators == ()
    assert not (tmp_path / "generators").exists()


class Echo:
    """A generator that returns the seed of the stream."""

    def sample(self, labels, seed):
        return np.full((len(labels), *SHAPE), seed, np.float64)


@pytest.mark.parametrize("shuffled", [False, True])
def test_generated_images_have_a_stream_of_their_purpose_and_the_labels_that_are_shown(
    tmp_path, shuffled
):
    steps = generating_steps(tmp_path, shuffled_labels=shuffled)
    wanted = np.zeros(200, np.int32)
    images, labels = steps.generate(Echo(), wanted, "pool")
    assert images[0, 0, 0, 0] == steps.trial.stream("pool")
    assert labels.dtype == np.int32
    # Of two classes the wrong one is known.
    assert (labels == shuffled).all()
    assert not wanted.any()
    others, _ = steps.generate(Echo(), wanted, "other")
    assert others[0, 0, 0, 0] != images[0, 0, 0, 0]
    assert steps.seconds["generator"] > 0


def test_it_is_judged_by_its_test_images(make):
    trial, model = make(), Fixed()
    metrics, probabilities = trial.evaluate(model)
    exponentials = np.exp(LOGITS.astype(np.float64))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.images, (trial.test.images / 255).astype(np.float32))
    assert trial.test.labels.tolist() == [0] * 5 + [1] * 5
    assert metrics["accuracy"] == pytest.approx(0.9)
    assert (metrics["recall_cat"], metrics["recall_ape"]) == pytest.approx((0.8, 1))
    assert trial.seconds["evaluation"] > 0


def test_a_trial_from_its_draw_to_its_outcome(tmp_path):
    """Nothing is replaced here but the data set."""
    trial = generating_steps(tmp_path)
    parts = trial.allot(SETTINGS.counts)
    assert len(parts.train) == 18
    generator = trial.generator(parts)
    fakes = generator.sample(np.array([0, 1]), seed=0), np.array([0, 1], np.int32)
    train = (trial.recipe(), parts.validation)

    def trained(repeat):
        real = (parts.train.images / 255).astype(np.float32), parts.train.labels
        batches = trial.batches((real, 4), (fakes, 1))
        model = trial.train(train[0], batches, train[1], repeat)
        return trial.evaluate(model), model

    (metrics, probabilities), model = trained(0)
    trial.save_and_export(model, probabilities, metrics, generator)
    (_, others), _ = trained(1)
    (_, again), _ = trained(0)
    assert not np.array_equal(others, probabilities)
    np.testing.assert_array_equal(again, probabilities)
    outcome = trial.outcome(metrics)
    assert set(outcome.metrics) >= {"accuracy", "recall_cat", "recall_ape"}
    assert outcome.seconds["training"] > 0
    directory = tmp_path / "trials" / "some" / "seed-00"
    curves = [read_rows(place / "curves.csv") for place in (directory, directory / "repeat-1")]
    for rows in curves:
        assert [int(row["update"]) for row in rows] == list(range(2, 21, 2))
    assert list((tmp_path / "tensorboard_seeds" / "some" / "seed-00").glob("events*"))
