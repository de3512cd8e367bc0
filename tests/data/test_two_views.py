"""Batches of labelled images, and of others in two views."""

import numpy as np
import pytest

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.pipelines import training_batches, two_view_batches

# Of each image one pixel says its number.
IMAGES = (np.arange(20, dtype=np.float32) / 100).reshape(20, 1, 1, 1) * np.ones((1, 6, 6, 1), "f4")
LABELLED = IMAGES[:5], np.arange(5, dtype=np.int32)
OTHERS = IMAGES[5:]
DARKER = Augmentation(0, 0, 0, 0, brightness=0.5)


def batches(count, weak=None, strong=None, rows=(3, 4), first=0, seed=1):
    data = two_view_batches(LABELLED, OTHERS, rows, weak, strong, seed, first)
    return [[column.numpy() for column in batch] for batch in data.take(count)]


def numbers(images):
    return np.round(100 * images[:, 3, 3, 0]).astype(int)


def test_a_batch_has_labelled_rows_then_others_twice():
    own = training_batches(LABELLED, 3, None, 1, 0)
    for (images, labels, weights), (_, expected) in zip(batches(4), own.take(4), strict=True):
        assert list(labels) == [*expected.numpy(), *8 * [-1]]
        assert list(weights) == 3 * [1] + 8 * [0]
        shown = numbers(images)
        assert list(shown[:3]) == list(labels[:3])
        assert list(shown[3:7]) == list(shown[7:])
        assert min(shown[3:]) >= 5


def test_every_image_comes_once_in_a_pass():
    shown = np.concatenate([numbers(images)[3:7] for images, *_ in batches(15)])
    for start in range(0, 60, 15):
        assert sorted(shown[start : start + 15]) == list(range(5, 20))


@pytest.mark.slow
def test_views_are_changed_each_in_its_own_way():
    plain, weak, both = batches(1), batches(1, DARKER), batches(1, DARKER, DARKER)
    (before, *_), (seen, *_), (twice, *_) = plain[0], weak[0], both[0]
    assert (seen[:7] != before[:7])[:, 3, 3, 0].sum() >= 6
    np.testing.assert_array_equal(seen[7:], before[7:])
    np.testing.assert_array_equal(twice[:7], seen[:7])
    factors = twice[3:] / before[3:]
    assert not np.isclose(factors[:4, 3, 3, 0], factors[4:, 3, 3, 0]).any()


@pytest.mark.slow
def test_batches_go_on_where_they_stopped():
    whole, rest = batches(6, DARKER, DARKER), batches(2, DARKER, DARKER, first=4)
    for before, after in zip(whole[4:], rest, strict=True):
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)
