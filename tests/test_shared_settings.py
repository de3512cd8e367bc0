"""Settings made explicit for a data set, and refused where it has not what they ask for."""

from dataclasses import replace

import numpy as np
import pytest

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.settings import (
    ClassifierSettings,
    SubsetSettings,
    refuse_small_images,
    resolve,
    resolve_classes,
    smallest_class,
)

NAMES = ("ape", "bee", "cat", "dog", "eel", "fly")
# A "dog" too few to train on, no "eel" to test on, and "fly" with just enough of both.
TRAIN_COUNTS, TEST_COUNTS = (40, 60, 8000, 4, 30, 5), (4, 6, 5, 3, 0, 1)


def split(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(str(number) for number in range(len(labels)))
    return Split(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, names)


@pytest.fixture(scope="module")
def dataset():
    return Dataset("animals", "made up", NAMES, split(TRAIN_COUNTS), split(TEST_COUNTS))


@pytest.fixture(scope="module")
def sound(dataset):
    """A data set of the classes that are large enough."""
    kept = [0, 1, 2]
    train, test = ([counts[k] for k in kept] for counts in (TRAIN_COUNTS, TEST_COUNTS))
    return Dataset("sound", "made up", NAMES[:3], split(train), split(test))


def test_classes_are_all_of_the_data_set_unless_named(sound):
    assert resolve(SubsetSettings(), sound).classes == ("ape", "bee", "cat")
    named = SubsetSettings(classes=("cat", "ape"))
    assert resolve(named, sound).classes == ("cat", "ape")


def test_an_experiment_may_have_usual_classes_of_its_own(dataset):
    usual = ("cat", "bee")
    assert resolve_classes(ClassifierSettings(), dataset, usual).classes == usual
    named = ClassifierSettings(classes=("ape", "fly"))
    assert resolve_classes(named, dataset, usual).classes == ("ape", "fly")


@pytest.mark.parametrize(
    ("classes", "validation"),
    [
        (("ape", "bee", "cat"), 4),  # a tenth of 40
        (("bee", "cat"), 6),
        (("ape", "fly"), 1),  # at least one
    ],
)
def test_validation_takes_a_tenth_of_the_smallest_class(classes, validation, dataset):
    resolved = resolve(SubsetSettings(classes=classes), dataset)
    assert resolved.validation_per_class == validation


def test_validation_takes_500_images_at_most():
    large = Dataset("large", "", ("a", "b"), split((8000, 6000)), split((1, 1)))
    assert resolve(SubsetSettings(), large).validation_per_class == 500


def test_what_is_set_stays_as_it_is_and_so_does_what_is_resolved(sound):
    settings = SubsetSettings(validation_per_class=7, images_per_class=20, updates=70, intervals=7)
    resolved = resolve(settings, sound)
    assert resolved == replace(settings, classes=("ape", "bee", "cat"))
    assert resolve(resolved, sound) == resolved


def test_counts_are_what_a_draw_takes(sound):
    for images_per_class, numbers in ((0, [36, 56, 7996]), (20, [20, 20, 20]), (36, [36] * 3)):
        resolved = resolve(SubsetSettings(images_per_class=images_per_class), sound)
        drawn = allot(sound, resolved.classes, resolved.counts, 0, resolved.validation_per_class)
        assert np.bincount(drawn.train.labels).tolist() == numbers


def test_the_smallest_class_is_that_of_the_named_ones(dataset):
    def smallest(*classes):
        return smallest_class(ClassifierSettings(classes=classes), dataset)

    assert smallest("bee", "ape", "cat") == 40
    assert smallest("cat", "bee") == 60
    assert smallest("cat", "gnu") == 8000
    assert smallest("gnu") == 0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"classes": ("ape",)}, "--set classes: ape is 1 class; accepted: 2 or more"),
        (
            {"classes": ("ape", "bea")},
            "--set classes: 'bea' is unknown; did you mean 'bee'? accepted: ape, bee, cat, dog, "
            "eel, fly",
        ),
        (
            {"classes": ("ape", "bee", "ape")},
            "--set classes: 'ape' is named twice; accepted: each class once",
        ),
        (
            {"classes": ("ape", "dog")},
            "--set classes: class 'dog' has 4 training and 3 test images; accepted: classes with 5 "
            "and 1 or more",
        ),
        (
            {"classes": ("eel", "ape")},
            "--set classes: class 'eel' has 30 training and 0 test images; accepted: classes with "
            "5 and 1 or more",
        ),
        # All classes: the first that is too small is named.
        ({}, "--set classes: class 'dog' has 4 training and 3 test images; accepted: classes with "
         "5 and 1 or more"),
        (
            {"classes": ("ape", "bee"), "validation_per_class": 40},
            "--set validation_per_class: 40 is out of range; accepted: 0 to 39, as class 'ape' has "
            "40 training images",
        ),
        (
            {"classes": ("ape", "bee"), "updates": 100, "intervals": 7},
            "setting updates: 100 is not accepted; accepted with intervals=7: multiples of 7",
        ),
        (
            {"classes": ("ape", "bee"), "updates": 10, "intervals": 20},
            "setting updates: 10 is not accepted; accepted with intervals=20: multiples of 20",
        ),
    ],
)  # fmt: skip
def test_what_the_data_set_cannot_give_is_refused(changes, complaint, dataset):
    with pytest.raises(InputError) as error:
        resolve(SubsetSettings(**changes), dataset)
    assert str(error.value) == complaint


def test_as_many_images_as_validation_leaves_of_the_smallest_class_are_accepted(sound):
    assert resolve(SubsetSettings(images_per_class=36), sound).images_per_class == 36


@pytest.mark.parametrize("images_per_class", [37, 60])
def test_more_images_than_that_are_refused(images_per_class, sound):
    complaint = rf"^--set images_per_class: {images_per_class} is out of range; accepted: 1 to 36,"
    with pytest.raises(InputError, match=complaint) as error:
        resolve(SubsetSettings(images_per_class=images_per_class), sound)
    assert "\n" not in str(error.value)


def test_how_few_are_enough_is_for_the_experiment_to_say(dataset):
    settings = ClassifierSettings(classes=("ape", "dog"))
    assert resolve_classes(settings, dataset, NAMES, fewest=4) == settings
    with pytest.raises(
        InputError, match=r"'ape' has 40 .* accepted: classes with 41 and 1 or more"
    ):
        resolve_classes(settings, dataset, NAMES, fewest=41)


def test_deep_networks_refuse_images_that_three_convolutions_use_up():
    refuse_small_images(ClassifierSettings(image_size=13), "gan_architecture=dcgan")
    with pytest.raises(InputError) as error:
        refuse_small_images(ClassifierSettings(image_size=12), "gan_architecture=dcgan")
    assert str(error.value) == (
        "setting image_size: 12 is out of range; accepted with gan_architecture=dcgan: 13 or more"
    )
