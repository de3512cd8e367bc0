"""What one trial may see of a data set: what a trial does not hold, it cannot leak."""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np

from gan_mnist.data.dataset import Dataset
from gan_mnist.data.splits import Split, set_aside
from gan_mnist.data.stored import in_blocks
from gan_mnist.errors import InputError, listed, unknown
from gan_mnist.seeding import derive_seed


@dataclass(frozen=True, eq=False)
class Subset:
    """Images that are handed to a trial.

    Attributes:
        images: uint8 (n, H, W, C), a quarter of the memory of float32; a large array in a file is
            read from it on access.
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

    def take(self, rows: np.ndarray) -> "Subset":
        """The images at `rows`, in that order."""
        filenames = tuple(self.filenames[row] for row in rows)
        return Subset(self.images[rows], self.labels[rows], self.class_names, filenames)

    def only(self, label: int) -> "Subset":
        """The images with `label` as the single class of a subset."""
        class_subset = self.take(np.flatnonzero(self.labels == label))
        labels, names = np.zeros_like(class_subset.labels), (self.class_names[label],)
        return Subset(class_subset.images, labels, names, class_subset.filenames)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal of the shape, images and labels: what a generator was shown."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for images in in_blocks(self.images):
            digest.update(images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Allotment:
    """Disjoint parts of the training split.

    Attributes:
        train: What the trial trains on.
        held_back: The real images that the imbalance took away: enough to fill every class up to
            the largest one, as far as there are any, and all others of a class that was starved.
            Only an oracle may be given them.
        validation: For selection; the same for every seed of one split. Empty where there is
            nothing to spare.
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
    starved: tuple[str, ...] = (),
) -> Allotment:
    """Draws the images of one trial from the training split.

    Every class has a stream of its own: its draw depends on the seed and its name, not on the other
    classes or their counts, and a smaller count takes the first images of a larger one.

    Args:
        dataset: Where the images come from.
        classes: Names of the classes; their order gives the labels.
        counts: Training images a class, or None for all that validation leaves.
        seed: The replicate.
        validation_per_class: See `divided`.
        starved: Names of classes from which images were taken on purpose.

    Raises:
        InputError: If a class is unknown or named twice, the lengths differ, a count is below 1, or
            more images are asked for than there are.
    """
    rows, validation = divided(dataset, classes, validation_per_class)
    if counts is not None and len(counts) != len(classes):
        raise InputError(
            f"--set counts: {len(counts)} counts for {len(classes)} classes; accepted: one a class"
        )
    train, held_back = [], []
    for index, (name, class_rows) in enumerate(zip(classes, rows, strict=True)):
        count = len(class_rows) if counts is None else counts[index]
        if not 1 <= count <= len(class_rows):
            total = int(np.sum(dataset.train.labels == dataset.class_names.index(name)))
            raise InputError(
                f"--set counts: {count} images of class {name!r} is out of range; accepted: 1 to "
                f"{len(class_rows)} ({total - len(class_rows)} of its {total} training images are "
                "set aside for validation)"
            )
        drawn = _shuffled(class_rows, "subset", seed, name)
        train.append(drawn[:count])
        held_back.append(drawn[count : None if name in starved else max(counts or (0,))])
    return Allotment(
        train=_subset(dataset.train, classes, train),
        held_back=_subset(dataset.train, classes, held_back),
        validation=_subset(dataset.validation or dataset.train, classes, validation),
    )


def divided(
    dataset: Dataset, classes: tuple[str, ...], validation_per_class: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Divides a data set into rows to train on and rows to validate on, the same for every seed.

    Args:
        dataset: Where the images come from.
        classes: Names of the classes.
        validation_per_class: Validation images a class: at most so many of the validation split,
            if there is one; else of the training split, but none of a class with a single image,
            and only about so many where groups have to stay whole.

    Returns:
        For each class, rows of the training split; and rows of the validation split where there is
        one, or else of the training split.

    Raises:
        InputError: If a class is unknown or named twice, or there are not so many images.
    """
    labels = _labels(dataset, classes)
    rows = [np.flatnonzero(dataset.train.labels == label) for label in labels]
    if dataset.validation is not None:
        validation_rows = [np.flatnonzero(dataset.validation.labels == label) for label in labels]
        return rows, [
            _shuffled(class_rows, "validation", name)[:validation_per_class]
            for class_rows, name in zip(validation_rows, classes, strict=True)
        ]
    # What the smallest class allows is accepted by all.
    num_rows, name = min(zip(map(len, rows), classes, strict=True))
    most = max(1, num_rows - 1)
    if not 0 <= validation_per_class <= most:
        raise InputError(
            f"--set validation_per_class: {validation_per_class} is out of range; accepted: "
            f"0 to {most}, as class {name!r} has {num_rows} training images"
        )
    if dataset.train.groups is not None:
        return _divided_by_groups(dataset.train, classes, rows, validation_per_class)
    train, validation = [], []
    for name, class_rows in zip(classes, rows, strict=True):
        num_validation = min(validation_per_class, len(class_rows) - 1)
        shuffled = _shuffled(class_rows, "validation", name)
        validation.append(shuffled[:num_validation])
        train.append(np.sort(shuffled[num_validation:]))
    return train, validation


def _divided_by_groups(
    split: Split, classes: tuple[str, ...], rows: list[np.ndarray], validation_per_class: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    all_rows = np.concatenate(rows)
    labels = np.repeat(np.arange(len(rows)), [len(class_rows) for class_rows in rows])
    validation_counts = np.full(len(rows), validation_per_class)
    assert split.groups is not None
    is_validation = np.zeros(len(split), bool)
    is_validation[all_rows] = set_aside(
        labels, split.groups[all_rows], validation_counts, derive_seed("validation", *classes)
    )
    return (
        [class_rows[~is_validation[class_rows]] for class_rows in rows],
        [class_rows[is_validation[class_rows]] for class_rows in rows],
    )


def read_test_subset(dataset: Dataset, classes: tuple[str, ...]) -> Subset:
    """The test images of `classes`, to be read once, at the end of a trial.

    Raises:
        InputError: If a class is unknown or named twice.
    """
    rows = [np.flatnonzero(dataset.test.labels == label) for label in _labels(dataset, classes)]
    return _subset(dataset.test, classes, rows)


def _labels(dataset: Dataset, classes: tuple[str, ...]) -> list[int]:
    """The data set's labels of `classes`."""
    if not classes:
        raise InputError(f"--set classes: none given; accepted: {listed(dataset.class_names)}")
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
        labels=np.repeat(
            np.arange(len(classes), dtype=np.int32), [len(class_rows) for class_rows in rows]
        ),
        class_names=classes,
        filenames=chosen.filenames,
    )
