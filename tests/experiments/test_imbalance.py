"""The imbalance study: what each arm shows to the classifier.

The expected training sets are put together here from the data set's own images.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial
from gan_mnist.experiments.imbalance.study import STUDY

from gan_mnist import trials
from gan_mnist.data.subsets import Allotment, allot
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator
from gan_mnist.generators.names import GENERATORS
from gan_mnist.training import classifier

ARMS = {arm.name: arm for arm in STUDY.arms}
GENERATED_PER_CLASS = 40
SMALL = {"generated_per_class": GENERATED_PER_CLASS}


def arms_with(**changes):
    """Names of the arms that have these settings."""
    base = STUDY.settings
    return [
        name
        for name, arm in ARMS.items()
        if all(arm.changes.get(key, getattr(base, key)) == value for key, value in changes.items())
    ]


GAN_ARMS = [arm for name, row in GENERATORS.items() if row.trains for arm in arms_with(generator=name)]
EVERY_CLASS = arms_with(every_class=True)


def test_the_table_asks_the_question():
    assert (STUDY.control, STUDY.oracle, STUDY.metrics[0].name) == (
        "none",
        "oracle",
        "minority_recall",
    )
    assert ARMS["none"].changes == {}
    assert {name for name, arm in ARMS.items() if arm.kind == "generated"} <= set(GAN_ARMS)
    assert ARMS["oracle"].changes == {"generator": "held_back"}
    for name in arms_with(shuffled_labels=True):
        assert ARMS[name].kind == "check"
    for name in arms_with(untrained=True):
        reference = ARMS[name].ablates
        assert ARMS[name].changes == {**ARMS[reference].changes, "untrained": True}


@dataclass
class Shown:
    """All that a trial handed to the training of its classifier."""

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    augmentation: Any
    batch_size: int
    order_seed: int
    dropout_seed: int
    initial_weights: list[np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    recipes: list[Any]


class _Stopped(Exception):
    pass


class Grey(Generator):
    """In the place of a trained GAN: images of one level a class."""

    key, seconds = "grey", 1.0

    def __init__(self):
        pass

    def widened(self, scale):
        return self

    def sample(self, labels, seed):
        return np.broadcast_to(self.level(labels)[:, None, None, None], (len(labels), 28, 28, 1))

    @staticmethod
    def level(labels):
        return (0.5 + 0.1 * labels).astype(np.float32)


@pytest.fixture
def shown(make, fake_gan, monkeypatch):
    """`shown(arm, seed, **changes)`: runs the trial up to the training of its classifier."""

    def fit(model, batches, updates, directory, seed, callbacks, validation, *_):
        raise _Stopped(model.get_weights(), batches(0), seed, validation)

    recipes = fake_gan(lambda request: Grey())
    monkeypatch.setattr(classifier, "fit", fit)
    monkeypatch.setattr(trials, "mixed_batches", lambda *arguments: arguments)

    def shown(arm, seed=0, **changes):
        recipes.clear()
        with pytest.raises(_Stopped) as stopped:
            trial.run_trial(make(arm, seed, **changes))
        initial_weights, batches, dropout_seed, validation = stopped.value.args
        ((columns, batch_size),), augmentation, order_seed, first_update = batches
        assert first_update == 0
        return Shown(
            *columns,
            augmentation,
            batch_size,
            order_seed,
            dropout_seed,
            initial_weights,
            validation,
            list(recipes),
        )

    return shown


@pytest.fixture(scope="module")
def allotted(dataset):
    """`allotted(seed)`: one 1, 300 twos and 300 threes, found by hand."""

    def allotted(seed=0, counts=(1, 300, 300)):
        return allot(dataset, ("1", "2", "3"), counts, seed, 50)

    return allotted


@pytest.fixture(scope="module")
def drawn(allotted):
    """`drawn(seed)`: the images of the trial, in [0, 1] as a classifier is shown them."""

    def drawn(seed=0, counts=(1, 300, 300)):
        parts = allotted(seed, counts)
        train, held_back, validation = (
            replace(part, images=(part.images / 255).astype(np.float32))
            for part in (parts.train, parts.held_back, parts.validation)
        )
        return Allotment(train, held_back, validation)

    return drawn


def rows(images):
    """Images as bytes, to count and compare them."""
    return [image.tobytes() for image in images]


def of_class(shown, label):
    return shown.images[shown.labels == label]


def assert_shows(shown, images, labels):
    """Whatever the order: the labelled images are the expected ones."""
    expected = Counter(zip(rows(images), map(int, labels), strict=True))
    assert Counter(zip(rows(shown.images), map(int, shown.labels), strict=True)) == expected


def test_none_shows_the_draw_as_it_is(shown, drawn):
    arm, subset = shown("none"), drawn().train
    assert np.bincount(arm.labels).tolist() == [1, 300, 300]
    assert_shows(arm, subset.images, subset.labels)
    assert (arm.weights == 1).all()
    assert arm.augmentation is None


def test_class_weight_shows_the_same_and_weighs_every_class_alike(shown, drawn):
    arm, subset = shown("class_weight"), drawn().train
    assert_shows(arm, subset.images, subset.labels)
    totals = np.bincount(arm.labels, weights=arm.weights)
    np.testing.assert_allclose(totals, len(subset) / 3, rtol=1e-5)
    assert len(set(zip(arm.labels, arm.weights, strict=True))) == 3
    assert arm.augmentation is None


@pytest.mark.parametrize("name", ["duplicate", "copy", "classical"])
def test_the_single_image_is_repeated(shown, drawn, name):
    arm, subset = shown(name), drawn().train
    images = np.concatenate([np.repeat(subset.of_class(0), 300, axis=0), subset.images[1:]])
    assert_shows(arm, images, np.repeat([0, 1, 2], 300))
    assert (arm.weights == 1).all()
    assert (arm.augmentation is None) == (name != "classical")


def test_duplicate_repeats_several_images_evenly(shown, drawn):
    arm, subset = shown("duplicate", counts=(7, 300, 250)), drawn(counts=(7, 300, 250)).train
    times = Counter(rows(of_class(arm, 0)))
    assert set(times) == set(rows(subset.of_class(0)))
    assert set(times.values()) == {42, 43}
    assert set(Counter(rows(of_class(arm, 2))).values()) == {1, 2}
    assert np.bincount(arm.labels).tolist() == [300, 300, 300]


def test_oracle_adds_the_299_images_that_were_taken_away(shown, drawn, dataset):
    arm, allotment = shown("oracle"), drawn()
    ones = rows(of_class(arm, 0))
    assert len(set(ones)) == len(ones) == 300
    assert rows(allotment.train.of_class(0))[0] in ones
    training = dataset.train.images[dataset.train.labels == 1] / np.float32(255)
    assert set(ones) <= set(rows(training))
    assert not set(ones) & set(rows(allotment.validation.of_class(0)))
    assert not set(ones) & set(
        rows(dataset.test.images[dataset.test.labels == 1] / np.float32(255))
    )
    for label in (1, 2):
        assert rows(of_class(arm, label)) == rows(allotment.train.of_class(label))


def test_shuffled_labels_puts_the_copies_under_other_labels(shown, drawn):
    arm, subset = shown("shuffled_labels"), drawn().train
    the_one = rows(subset.of_class(0))[0]
    labels = Counter(
        int(label)
        for image, label in zip(rows(arm.images), arm.labels, strict=True)
        if image == the_one
    )
    assert sum(labels.values()) == 300
    assert labels[0] == 1  # the real one
    assert 100 < labels[1] < 199
    assert labels[1] + labels[2] == 299
    assert np.bincount(arm.labels).sum() == 900
    for label in (1, 2):
        assert set(rows(subset.of_class(label))) <= set(rows(of_class(arm, label)))


def test_smote_draws_between_the_images_of_the_class(shown, drawn):
    arm, subset = shown("smote", counts=(2, 300, 300)), drawn(counts=(2, 300, 300)).train
    assert np.bincount(arm.labels).tolist() == [300, 300, 300]
    first, second = subset.of_class(0).reshape(2, -1)
    new = [
        image.ravel()
        for image in of_class(arm, 0)
        if image.tobytes() not in rows(subset.of_class(0))
    ]
    assert len(new) == 298
    for image in new:
        share = (image - first) @ (second - first) / ((second - first) @ (second - first))
        assert 0 < share < 1
        np.testing.assert_allclose(image, first + share * (second - first), atol=1e-5)


def test_smote_does_not_apply_to_a_single_image(make):
    with pytest.raises(NotApplicable, match="class 1 has 1"):
        trial.run_trial(make("smote"))


@pytest.mark.parametrize("name", [name for name in GAN_ARMS if name not in EVERY_CLASS])
def test_generated_images_fill_the_gap_and_nothing_else(shown, drawn, name):
    arm, subset = shown(name), drawn().train
    grey = np.full((299, 28, 28, 1), 0.5, np.float32)
    images = np.concatenate([subset.images, grey])
    assert_shows(arm, images, np.concatenate([subset.labels, np.zeros(299)]))
    assert (arm.weights == 1).all()


@pytest.mark.parametrize("name", EVERY_CLASS)
def test_every_class_may_be_half_generated(shown, drawn, name):
    arm, subset = shown(name), drawn().train
    assert np.bincount(arm.labels).tolist() == [2 * GENERATED_PER_CLASS] * 3
    for label in range(3):
        level = Grey.level(np.array([label]))
        grey = (of_class(arm, label) == level).all(axis=(1, 2, 3))
        assert grey.sum() == GENERATED_PER_CLASS
        assert set(rows(of_class(arm, label)[~grey])) <= set(rows(subset.of_class(label)))


@pytest.mark.parametrize("name", GAN_ARMS)
def test_a_gan_sees_the_draw_and_nothing_else(shown, allotted, name):
    ((recipe, fingerprint, seed),) = shown(name, seed=3).recipes
    changes = ARMS[name].changes
    assert seed == 3
    assert fingerprint == allotted(3).train.fingerprint
    assert type(recipe).__name__ == GENERATORS[changes["generator"]].name
    assert getattr(recipe, "augment", False) == changes.get("diffaugment", False)
    assert (recipe.updates == 0) == changes.get("untrained", False)


def test_gans_of_equal_settings_are_trained_once_a_seed(shown):
    recipes = {name: shown(name).recipes[0][0] for name in GAN_ARMS}
    assert recipes["cgan"] == recipes["cgan_classical"]
    assert recipes["warp_gan"] == recipes["warp_gan_classical"]
    told = {name: dict(ARMS[name].changes) for name in GAN_ARMS}
    for changes in told.values():
        for used_later in ("classical", "every_class", "duplicate", "shuffled_labels"):
            changes.pop(used_later, None)
    assert len(set(recipes.values())) == len({tuple(sorted(of.items())) for of in told.values()})


@pytest.mark.parametrize("name", ARMS)
def test_only_the_classical_arms_augment_and_none_flips(shown, name):
    counts = (2, 300, 300)
    augmentation = shown(name, counts=counts).augmentation
    assert (augmentation is not None) == ARMS[name].changes.get("classical", False)
    if augmentation is not None:
        assert vars(augmentation) == {
            "rotation_degrees": 25.0,
            "shift": 0.05,
            "zoom": 0.2,
            "shear": 0.4,
            "brightness": 0.0,
            "flip": False,
            "fill": "zero",
        }


def test_arms_of_one_seed_are_paired_and_seeds_differ(shown, drawn):
    """Same draw, initial weights, order, dropout and validation in every arm; none in two seeds."""
    counts = (2, 300, 300)
    controls = {seed: shown("none", seed, counts=counts) for seed in (0, 1)}
    for seed, control in controls.items():
        for name in ARMS:
            arm = shown(name, seed, counts=counts)
            for one, other in zip(arm.initial_weights, control.initial_weights, strict=True):
                np.testing.assert_array_equal(one, other)
            assert arm.order_seed == control.order_seed
            assert arm.dropout_seed == control.dropout_seed
            assert arm.batch_size == control.batch_size
            assert rows(arm.validation[0]) == rows(control.validation[0])
            if name not in EVERY_CLASS:
                assert set(rows(control.images)) <= set(rows(arm.images)), name
    one, other = controls.values()
    assert one.order_seed != other.order_seed
    assert one.dropout_seed != other.dropout_seed
    assert rows(one.initial_weights) != rows(other.initial_weights)
    assert rows(one.images) != rows(other.images)
    assert rows(one.validation[0]) == rows(other.validation[0])


def test_arms_of_one_size_come_in_the_same_order(make, monkeypatch):
    """The labels of the first batches, drawn by the real pipeline, agree between two fills."""

    def fit(model, batches, *_):
        raise _Stopped([labels.numpy() for _, labels, _ in batches(0).take(3)])

    monkeypatch.setattr(classifier, "fit", fit)
    seen = {}
    for name in ("copy", "oracle"):
        with pytest.raises(_Stopped) as stopped:
            trial.run_trial(make(name))
        seen[name] = np.concatenate(stopped.value.args[0])
    np.testing.assert_array_equal(seen["copy"], seen["oracle"])
    assert len(set(seen["copy"])) == 3
