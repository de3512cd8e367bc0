"""The imbalance study: what arms without a network show to the classifier."""

import functools
from collections import Counter

import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial
from gan_mnist.experiments.imbalance.study import STUDY  # noqa: F401 (for the fixtures)
from imbalance_images import assert_shows, drawn_of, of_class, rows, shown_by

from gan_mnist.errors import NotApplicable

SMALL = {}


@pytest.fixture
def shown(begun):
    """`shown(arm, seed, **changes)`: what the trial hands to the training of its classifier."""
    return lambda *asked, **changes: shown_by(begun(*asked, **changes))


@pytest.fixture(scope="module")
def drawn(dataset):
    """`drawn(seed, counts)`: the images that it should show."""
    return functools.partial(drawn_of, dataset)


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
