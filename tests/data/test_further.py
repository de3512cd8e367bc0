"""Further test images: of the study's classes, all that there are, and what is told of them."""

import numpy as np
import pytest

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.further import further_test
from gan_mnist.data.splits import Split
from gan_mnist.errors import InputError


def split(labels, first):
    """Images whose pixels tell their running number."""
    numbers = np.arange(first, first + len(labels), dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (len(labels), 2, 2, 1)).copy()
    return Split(images, np.array(labels), tuple(f"{number}.png" for number in numbers))


DATASET = Dataset("folder", "", ("ape", "bee", "cat"), split([0, 1, 2, 2], 0), split([2, 0], 10))


def test_all_images_of_the_studys_classes_are_there_in_its_order():
    found = further_test("shifted", DATASET, ("cat", "dog", "ape"))
    subset = found.subset
    assert subset.images[:, 0, 0, 0].tolist() == [2, 3, 10, 0, 11]
    assert subset.labels.tolist() == [0, 0, 0, 2, 2]
    assert subset.filenames == ("2.png", "3.png", "10.png", "0.png", "11.png")
    assert subset.class_names == ("cat", "dog", "ape")
    assert found.told == (
        "shifted: 5 images, cat: 3, no dog, ape: 2, passed over 1 of other classes (bee); "
        f"sha256 {subset.fingerprint[:16]}"
    )


def test_nothing_is_told_of_other_classes_where_there_are_none():
    told = further_test("same", DATASET, ("ape", "bee", "cat")).told
    assert told.startswith("same: 6 images, ape: 2, bee: 1, cat: 3; sha256 ")


def test_a_set_without_any_of_the_classes_is_refused():
    with pytest.raises(InputError) as error:
        further_test("other", DATASET, ("dog", "eel"))
    assert str(error.value) == (
        "--test_dir other: its classes are ape, bee, cat; accepted: folders of dog, eel"
    )
