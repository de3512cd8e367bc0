"""What one trial may see of a data set: what a trial does not hold, it cannot leak."""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.errors import InputError, unknown
from gan_mnist.seeding import derive_seed


@dataclass(frozen=True, eq=False)
class Subset:
    """Images that are handed to a trial.

    Attributes:
        images: uint8 (n, H, W, C); a quarter of the memory of what networks take.
        labels: int32 (n,) in 0..k-1, indices into `class_names`.
        class_names: The k classes that the trial asked for, in its order.
        filenames: n names.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    filenames: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def of_class(self, label: int) -> np.ndarray:
        """The images with `label`: uint8 (n, H, W, C)."""
        return self.images[self.labels == label]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal of the shape, images and labels: what a generator was shown."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Allotment:
    """Disjoint parts of the training split.

    Attributes:
        train: What the trial trains on.
        held_back: The real images that the imbalance took away: they fill every class up to the
            largest one, as far as there are enough. Only an oracle may be given them.
        validation: For selection; the same for every seed.
    """

    train: Subset
    held_back: Subset
    validation: Subset


def allot(
    dataset: Dataset,
    classes: tuple[str, ...],
    counts: tuple[int, ...] | None,
    seed: int,
    validation_per_class: int,
) -> Allotment:
    """Draws the images of one trial from the training split.

    Every class has a stream of its own: its draw depends on the seed and its name, not on the other
    classes or their counts, and a smaller count takes the first images of a larger one.

    Args:
        dataset: Where the images come from.
        classes: Names of the classes; their order gives the labels.
        counts: Training images a class, or None for all that validation leaves.
        seed: The replicate.
        validation_per_class: Images a class that are set aside first, whatever the seed.

    Raises:
        InputError: If a class is unknown or named twice, the lengths differ, a count is below 1, or
            more images are asked for than there are.
    """
    labels = _labels(dataset, classes)
    if counts is not None and len(counts) != len(classes):
        raise InputError(
            f"--set counts: {len(counts)} counts for {len(classes)} classes; accepted: one a class"
        )
    train, held_back, validation = [], [], []
    for index, (name, label) in enumerate(zip(classes, labels, strict=True)):
        rows = np.flatnonzero(dataset.train.labels == label)
        if not 0 <= validation_per_class < len(rows):
            raise InputError(
                f"--set validation_per_class: {validation_per_class} is out of range; accepted: "
                f"0 to {len(rows) - 1}, as class {name!r} has {len(rows)} training images"
            )
        available = len(rows) - validation_per_class
        count = available if counts is None else counts[index]
        if not 1 <= count <= available:
            raise InputError(
                f"--set counts: {count} images of class {name!r} is out of range; accepted: 1 to "
                f"{available} ({validation_per_class} of its {len(rows)} training images are set "
                "aside for validation)"
            )
        rows = _shuffled(rows, "validation", name)
        validation.append(rows[:validation_per_class])
        drawn = _shuffled(np.sort(rows[validation_per_class:]), "subset", seed, name)
        train.append(drawn[:count])
        held_back.append(drawn[count : max(counts or (0,))])
    return Allotment(
        train=_subset(dataset.train, classes, train),
        held_back=_subset(dataset.train, classes, held_back),
        validation=_subset(dataset.train, classes, validation),
    )


def held_out(dataset: Dataset, classes: tuple[str, ...]) -> Subset:
    """The test images of `classes`, to be read once, at the end of a trial.

    Raises:
        InputError: If a class is unknown or named twice.
    """
    rows = [np.flatnonzero(dataset.test.labels == label) for label in _labels(dataset, classes)]
    return _subset(dataset.test, classes, rows)


def _labels(dataset: Dataset, classes: tuple[str, ...]) -> list[int]:
    """The data set's labels of `classes`."""
    if not classes:
        raise InputError(f"--set classes: none given; accepted: {', '.join(dataset.class_names)}")
    for name in classes:
        if name not in dataset.class_names:
            raise unknown("--set classes", name, dataset.class_names)
        if classes.count(name) > 1:
            raise InputError(f"--set classes: {name!r} is named twice; accepted: each class once")
    return [dataset.class_names.index(name) for name in classes]


def _shuffled(rows: np.ndarray, *stream: str | int) -> np.ndarray:
    return np.random.default_rng(derive_seed(*stream)).permutation(rows)


def _subset(split: Split, classes: tuple[str, ...], rows: list[np.ndarray]) -> Subset:
    """The images at `rows`, one array a class, in that order."""
    chosen = split.take(np.concatenate(rows))
    return Subset(
        images=chosen.images,
        labels=np.repeat(np.arange(len(classes), dtype=np.int32), [len(r) for r in rows]),
        class_names=classes,
        filenames=chosen.filenames,
    )
