"""What a trial may see: checked on a data set whose every pixel says which image it is."""

import numpy as np
import pytest

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Subset, allot, read_test_subset
from gan_mnist.errors import InputError

NAMES = ("ape", "bee", "cat")
TRAIN_COUNTS, TEST_COUNTS = (40, 60, 50), (4, 6, 5)


def numbered_split(prefix, counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    np.random.default_rng(0).shuffle(labels)
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels))
    images[:, 0, 1, 0] = labels
    return Split(images, labels, tuple(f"{prefix}{k}" for k in range(len(labels))))


@pytest.fixture(scope="module")
def dataset():
    train, test = numbered_split("train", TRAIN_COUNTS), numbered_split("test", TEST_COUNTS)
    return Dataset("numbered", "made up", NAMES, train, test)


def draw(dataset, counts=(1, 20, 20), seed=0, classes=NAMES, validation=5):
    return allot(dataset, classes, counts, seed, validation)


def of_class(subset, name):
    label = subset.class_names.index(name)
    return [f for f, of in zip(subset.filenames, subset.labels, strict=True) if of == label]


def test_images_labels_and_filenames_stay_together(dataset):
    allotment = draw(dataset, classes=("cat", "ape"), counts=(10, 3))
    for subset in (allotment.train, allotment.held_back, allotment.validation):
        assert subset.images.dtype == np.uint8
        assert subset.labels.dtype == np.int32
        assert subset.class_names == ("cat", "ape")
        for image, label, filename in zip(
            subset.images, subset.labels, subset.filenames, strict=True
        ):
            number = int(filename.removeprefix("train"))
            np.testing.assert_array_equal(image, dataset.train.images[number])
            assert NAMES[dataset.train.labels[number]] == ("cat", "ape")[label]
    assert allotment.train.labels.tolist() == [0] * 10 + [1] * 3


def test_numbers_of_images(dataset):
    allotment = draw(dataset, counts=(1, 20, 12))
    assert np.bincount(allotment.train.labels).tolist() == [1, 20, 12]
    assert np.bincount(allotment.held_back.labels, minlength=3).tolist() == [19, 0, 8]
    assert np.bincount(allotment.validation.labels).tolist() == [5, 5, 5]


def test_what_is_held_back_ends_where_the_images_do(dataset):
    allotment = draw(dataset, counts=(30, 55, 45))
    assert np.bincount(allotment.held_back.labels, minlength=3).tolist() == [5, 0, 0]


def test_without_counts_all_images_are_drawn_that_validation_leaves(dataset):
    allotment = draw(dataset, counts=None, classes=("cat", "ape"), seed=2)
    assert np.bincount(allotment.train.labels).tolist() == [45, 35]
    assert len(allotment.held_back) == 0
    assert (
        allotment.validation.filenames
        == draw(dataset, classes=("cat", "ape"), counts=(1, 2)).validation.filenames
    )
    names = (*allotment.train.filenames, *allotment.validation.filenames)
    expected = [f"train{k}" for k in np.flatnonzero(dataset.train.labels != NAMES.index("bee"))]
    assert sorted(names) == sorted(expected)
    # The order is that of a draw: a count takes the first of them.
    counted = draw(dataset, counts=(7, 35), classes=("cat", "ape"), seed=2)
    for name, count in (("cat", 7), ("ape", 35)):
        assert of_class(counted.train, name) == of_class(allotment.train, name)[:count]


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_are_disjoint(dataset, seed):
    allotment = draw(dataset, counts=(2, 55, 20), seed=seed)
    parts = (allotment.train, allotment.held_back, allotment.validation)
    names = [name for part in parts for name in part.filenames]
    assert len(set(names)) == len(names) == 77 + (33 + 25) + 15
    assert not set(names) & set(read_test_subset(dataset, NAMES).filenames)


def test_a_smaller_count_is_the_beginning_of_a_larger_one(dataset):
    full = of_class(draw(dataset, counts=(35, 1, 1)).train, "ape")
    for count in (1, 2, 17, 34):
        allotment = draw(dataset, counts=(count, 35, 1))
        assert of_class(allotment.train, "ape") == full[:count]
        assert of_class(allotment.held_back, "ape") == full[count:]


def test_the_draw_of_a_class_does_not_depend_on_the_others(dataset):
    alone = draw(dataset, classes=("bee",), counts=(20,))
    among = draw(dataset, classes=("cat", "bee", "ape"), counts=(7, 20, 3))
    assert of_class(among.train, "bee") == of_class(alone.train, "bee")
    assert of_class(among.validation, "bee") == of_class(alone.validation, "bee")


def test_the_seed_draws_the_images_but_not_the_validation(dataset):
    allotments = [draw(dataset, seed=seed) for seed in range(6)]
    assert len({a.validation.filenames for a in allotments}) == 1
    assert len({a.train.filenames for a in allotments}) == 6
    # 55 images are left of class bee, 20 are drawn: six draws cover most of them.
    drawn = {name for a in allotments for name in of_class(a.train, "bee")}
    assert 40 < len(drawn) <= 55
    assert draw(dataset, seed=3).train.filenames == allotments[3].train.filenames


def test_no_validation_on_request(dataset):
    allotment = draw(dataset, counts=(40, 60, 50), validation=0)
    assert len(allotment.validation) == 0
    assert allotment.validation.images.shape == (0, 2, 2, 1)
    assert len(allotment.train) == 150


def test_held_out_is_the_test_split_of_the_classes(dataset):
    subset = read_test_subset(dataset, ("bee", "ape"))
    assert np.bincount(subset.labels).tolist() == [6, 4]
    assert all(name.startswith("test") for name in subset.filenames)
    assert subset.of_class(1).shape == (4, 2, 2, 1)
    assert (subset.of_class(0)[:, 0, 1, 0] == NAMES.index("bee")).all()


def test_the_fingerprint_tells_contents_apart(dataset):
    subset = draw(dataset).train
    assert subset.fingerprint == draw(dataset).train.fingerprint

    def changed(images=subset.images, labels=subset.labels):
        return Subset(images, labels, subset.class_names, subset.filenames).fingerprint

    brighter = subset.images.copy()
    brighter[0, 1, 1, 0] += 1
    relabelled = subset.labels.copy()
    relabelled[0] = 2
    reshaped = subset.images.reshape(-1, 4, 1, 1)
    prints = [subset.fingerprint, changed(brighter), changed(labels=relabelled), changed(reshaped)]
    assert len(set(prints)) == 4


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"classes": ("ape", "bea", "cat")}, "--set classes: 'bea'.*did you mean 'bee'"),
        ({"classes": ("ape", "bee", "ape")}, "--set classes: 'ape' is named twice"),
        ({"classes": (), "counts": ()}, "--set classes: none given; accepted: ape, bee, cat"),
        ({"counts": (1, 20)}, "--set counts: 2 counts for 3 classes"),
        ({"counts": (0, 20, 20)}, "--set counts: 0 images of class 'ape'.*1 to 35"),
        ({"counts": (1, 56, 20)}, "--set counts: 56 images of class 'bee'.*1 to 55 "),
        ({"validation": 40}, "--set validation_per_class: 40 is out of range; accepted: 0 to 39"),
        (
            {"classes": ("bee", "ape"), "counts": None, "validation": 5000},
            "--set validation_per_class: 5000 is out of range; accepted: 0 to 39, as class 'ape'",
        ),
        ({"validation": -1}, "--set validation_per_class: -1 is out of range"),
        ({"counts": None, "validation": 40}, "--set validation_per_class: 40 is out of range"),
        ({"counts": None, "classes": ("ape", "bea")}, "--set classes: 'bea'"),
    ],
)
def test_bad_requests_are_refused(dataset, options, complaint):
    with pytest.raises(InputError, match=f"^{complaint}") as error:
        draw(dataset, **options)
    assert "\n" not in str(error.value)


def test_held_out_refuses_unknown_classes(dataset):
    with pytest.raises(InputError, match="--set classes: 'dog' is unknown"):
        read_test_subset(dataset, ("ape", "dog"))
