"""What tests of the imbalance study share: what a trial shows, and what it should.

The expected training sets are put together from the data set's own images.
"""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from gan_mnist.experiments.imbalance.study import STUDY

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.images import as_float
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Allotment, allot

ARMS = {arm.name: arm for arm in STUDY.arms}
GENERATED_PER_CLASS = 40


def shown_by(begun):
    """All that a trial handed to the training of its classifier."""
    (((images, labels, weights), batch_size),), augmentation, order_seed = begun.batches.args
    return SimpleNamespace(
        images=as_float(images[:]),
        labels=labels,
        weights=weights,
        augmentation=augmentation,
        batch_size=batch_size,
        order_seed=order_seed,
        dropout_seed=begun.seed,
        initial_weights=begun.weights,
        validation=begun.validation,
    )


def allotted(dataset, seed=0, counts=(1, 300, 300)):
    """One 1, 300 twos and 300 threes."""
    return allot(dataset, ("1", "2", "3"), counts, seed, 50)


def drawn_of(dataset, seed=0, counts=(1, 300, 300)):
    """The same in [0, 1], as a classifier is shown them."""
    parts = allotted(dataset, seed, counts)
    train, held_back, validation = (
        replace(part, images=(part.images / 255).astype(np.float32))
        for part in (parts.train, parts.held_back, parts.validation)
    )
    return Allotment(train, held_back, validation)


def rows(images):
    """Images as bytes, to count and compare them."""
    return [image.tobytes() for image in images]


def of_class(shown, label):
    return shown.images[shown.labels == label]


def assert_shows(shown, images, labels):
    """Whatever the order: the labelled images are the expected ones."""
    expected = Counter(zip(rows(images), map(int, labels), strict=True))
    assert Counter(zip(rows(shown.images), map(int, shown.labels), strict=True)) == expected


def split(sizes, seed):
    """So many noisy images of 8 x 8 pixels of each class."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 8, 8, 1), np.uint8)
    return Split(images, labels, tuple(f"{seed}-{row}.png" for row in range(len(labels))))


def made(train, test, names, name="folder"):
    return Dataset(name, "made up", names, split(train, 0), split(test, 1))
