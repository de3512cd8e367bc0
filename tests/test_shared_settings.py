"""Settings made explicit for a data set, and refused where it has not what they ask for."""

from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.models.names import ClassifierChoice
from gan_mnist.settings import ClassifierSettings, SubsetSettings, check_image_size
from gan_mnist.settings.network import TRY_NETWORK
from gan_mnist.study.settings import setting

NAMES = ("ape", "bee", "cat", "dog", "eel", "fly")
# No "dog" to train on, no "eel" to test on, and "fly" with just enough of both.
TRAIN_COUNTS, TEST_COUNTS = (40, 60, 8000, 0, 30, 1), (4, 6, 5, 3, 0, 1)


def split(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(str(number) for number in range(len(labels)))
    return Split(np.broadcast_to(np.uint8(0), (len(labels), 16, 16, 1)), labels, names)


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
    assert SubsetSettings().resolve(sound).classes == ("ape", "bee", "cat")
    named = SubsetSettings(classes=("cat", "ape"))
    assert named.resolve(sound).classes == ("cat", "ape")


class Usual(ClassifierSettings):
    def default_classes(self, dataset):
        return ("cat", "bee")


def test_an_experiment_may_have_usual_classes_of_its_own(dataset):
    assert Usual().resolve(dataset).classes == ("cat", "bee")
    assert Usual(classes=("ape", "fly")).resolve(dataset).classes == ("ape", "fly")


@pytest.mark.parametrize(
    ("classes", "validation"),
    [
        (("ape", "bee", "cat"), 4),  # a tenth of 40
        (("bee", "cat"), 6),
        (("ape", "fly"), 1),  # at least one
    ],
)
def test_validation_takes_a_tenth_of_the_smallest_class(classes, validation, dataset):
    resolved = SubsetSettings(classes=classes).resolve(dataset)
    assert resolved.validation_per_class == validation


def test_validation_takes_500_images_at_most():
    large = Dataset("large", "", ("a", "b"), split((8000, 6000)), split((1, 1)))
    assert SubsetSettings().resolve(large).validation_per_class == 500


def test_what_is_set_stays_as_it_is_and_so_does_what_is_resolved(sound):
    settings = SubsetSettings(validation_per_class=7, images_per_class=20, updates=70, intervals=7)
    resolved = settings.resolve(sound)
    explicit = {"classes": ("ape", "bee", "cat"), "image_size": 16, "channels": 1, "split": "fixed"}
    assert resolved == replace(settings, **explicit)
    assert resolved.resolve(sound) == resolved


def test_counts_are_what_a_draw_takes(sound):
    for images_per_class, numbers in ((0, [36, 56, 7996]), (20, [20, 20, 20]), (36, [36] * 3)):
        resolved = SubsetSettings(images_per_class=images_per_class).resolve(sound)
        drawn = allot(sound, resolved.classes, resolved.counts, 0, resolved.validation_per_class)
        assert np.bincount(drawn.train.labels).tolist() == numbers


def test_the_smallest_class_is_that_of_the_named_ones(dataset):
    def smallest(*classes):
        return ClassifierSettings(classes=classes).smallest_class(dataset)

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
            "--set classes: class 'dog' has 0 training and 3 test images; accepted: classes with 1 "
            "and 1 or more",
        ),
        (
            {"classes": ("eel", "ape")},
            "--set classes: class 'eel' has 30 training and 0 test images; accepted: classes with "
            "1 and 1 or more",
        ),
        # All classes: the first that is too small is named.
        ({}, "--set classes: class 'dog' has 0 training and 3 test images; accepted: classes with "
         "1 and 1 or more"),
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
        (
            {"classes": ("ape", "bee"), "classifier": "resnt"},
            "--classifier: 'resnt' is unknown; did you mean 'resnet'? accepted: small_cnn, "
            "deep_cnn, digit_cnn, colour_cnn, resnet, module:function, model.keras, "
            "applications:NAME",
        ),
        (
            {"classes": ("ape", "bee"), "classifier": "deep_cnn", "image_size": 12},
            "setting image_size: 12 is out of range; accepted with classifier=deep_cnn: 13 or more",
        ),
    ],
)  # fmt: skip
def test_what_the_data_set_cannot_give_is_refused(changes, complaint, dataset):
    with pytest.raises(InputError) as error:
        SubsetSettings(**changes).resolve(dataset)
    assert str(error.value) == complaint


def test_as_many_images_as_validation_leaves_of_the_smallest_class_are_accepted(sound):
    assert SubsetSettings(images_per_class=36).resolve(sound).images_per_class == 36


@pytest.mark.parametrize("images_per_class", [37, 60])
def test_more_images_than_that_are_refused(images_per_class, sound):
    complaint = rf"^--set images_per_class: {images_per_class} is out of range; accepted: 1 to 36,"
    with pytest.raises(InputError, match=complaint) as error:
        SubsetSettings(images_per_class=images_per_class).resolve(sound)
    assert "\n" not in str(error.value)


@dataclass(frozen=True)
class Tried(ClassifierSettings):
    rates: tuple[float, ...] = setting((0.1, 0.2), "candidates")
    named: tuple[str, ...] = setting((), "of interest; empty: all")


def test_a_list_is_empty_only_if_that_is_its_default(sound):
    assert Tried(rates=(0.3,)).resolve(sound).named == ()
    with pytest.raises(InputError, match=r"^setting rates: nothing .*: one value or more$"):
        Tried(rates=()).resolve(sound)


def test_another_network_has_its_own_usual_width():
    settings = SubsetSettings(width=3)
    assert settings.with_classifier("small_cnn") == settings
    assert settings.with_classifier("deep_cnn") == replace(
        settings, classifier="deep_cnn", width=32
    )
    with pytest.raises(InputError, match="'nonsense' is unknown"):
        settings.with_classifier("nonsense")


@pytest.fixture
def tried(monkeypatch):
    """What networks of others are tried with, as if in a process of its own."""
    asked = []

    def apart(function, *arguments):
        assert function == TRY_NETWORK
        asked.append(arguments)
        return "0..255"

    monkeypatch.setattr("gan_mnist.settings.network.call_in_process", apart)
    return asked


def test_a_network_of_others_is_tried_and_known_by_its_content(sound, tried, tmp_path):
    def resolved(name, content=b"some", **changes):
        (tmp_path / name).write_bytes(content)
        settings = SubsetSettings(classifier=str(tmp_path / name), width=3, **changes)
        return settings.resolve(sound)

    found = resolved("a.keras")
    assert (found.classifier, found.pixels) == (str(tmp_path / "a.keras"), "0..255")
    assert tried == [(replace(found.choice, pixels="auto"), (16, 16, 1), 3, 3, "float32")]
    assert found.identity() == resolved("b.keras").identity()
    assert str(tmp_path) not in str(found.identity())
    for other in (resolved("a.keras", b"other"), resolved("a.keras", frozen=1)):
        assert other.identity() != found.identity()


def test_a_process_that_a_network_ends_is_told(sound, monkeypatch):
    def apart(*_):
        raise BrokenProcessPool

    monkeypatch.setattr("gan_mnist.settings.network.call_in_process", apart)
    complaint = "^--classifier: 'applications:VGG16' ended the process that built it$"
    with pytest.raises(InputError, match=complaint):
        SubsetSettings(classifier="applications:VGG16").resolve(sound)


def test_ours_are_not_tried_and_keep_the_defaults_that_older_records_lack(sound, tried):
    resolved = SubsetSettings(classifier="resnet").resolve(sound)
    assert tried == []
    assert resolved.choice == ClassifierChoice("resnet")


def test_deep_networks_refuse_images_that_three_convolutions_use_up():
    check_image_size(ClassifierSettings(image_size=13), "gan_architecture=dcgan")
    with pytest.raises(InputError) as error:
        check_image_size(ClassifierSettings(image_size=12), "gan_architecture=dcgan")
    assert str(error.value) == (
        "setting image_size: 12 is out of range; accepted with gan_architecture=dcgan: 13 or more"
    )


def test_what_a_preset_asks_for_is_lowered_to_what_there_is(sound):
    wished = SubsetSettings(images_per_class=50)
    assert wished.fitted(sound, {"images_per_class"}).images_per_class == 36
    assert wished.fitted(sound, {"updates"}) == wished
    few = SubsetSettings(images_per_class=20)
    assert few.fitted(sound, {"images_per_class"}) == few
    everything = SubsetSettings(images_per_class=0)
    assert everything.fitted(sound, {"images_per_class"}) == everything


def test_a_validation_split_validates_and_leaves_all_training_images(sound):
    split_off = replace(sound, validation=split((3, 9, 7)))
    resolved = SubsetSettings().resolve(split_off)
    assert resolved.validation_per_class == 9
    found = allot(split_off, resolved.classes, None, 0, resolved.validation_per_class)
    assert np.bincount(found.train.labels).tolist() == [40, 60, 8000]
    assert np.bincount(found.validation.labels).tolist() == [3, 9, 7]
    fewer = allot(split_off, ("bee", "ape"), (60, 40), 1, 4)
    assert np.bincount(fewer.validation.labels).tolist() == [4, 3]


def test_of_a_single_training_image_none_is_set_aside(dataset):
    resolved = SubsetSettings(classes=("fly", "ape")).resolve(dataset)
    assert resolved.validation_per_class == 1
    found = allot(dataset, resolved.classes, resolved.counts, 0, 1)
    assert np.bincount(found.train.labels).tolist() == [1, 39]
    assert found.validation.labels.tolist() == [1]


def test_size_and_channels_are_those_of_the_images_unless_they_are_set(sound):
    for given, expected in ((0, 16), (32, 32)):
        assert SubsetSettings(image_size=given).resolve(sound).image_size == expected
