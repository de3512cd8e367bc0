"""Labelled images that belong together, and how a test split is carved where there is none."""

import functools
import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from gan_mnist.data import stored
from gan_mnist.errors import InputError
from gan_mnist.seeding import derive_seed

TEST_SHARE = 0.2
# Whether each seed has a test split of its own, or all share one.
EACH_SEED, FIXED = SPLITS = ("each_seed", "fixed")


class Split:
    """The training, validation or test images of a data set.

    The arrays are made read-only, because every trial of a process shares them. Images stay where
    they are, perhaps in a file, until `images` is read.

    Attributes:
        labels: int64 (n,), indices into the data set's class names.
        filenames: n names, unique within the split.
        groups: int64 (n,), equal for images that must stay on one side of every division (of one
            patient, say); None where each stands alone.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        filenames: tuple[str, ...],
        groups: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ):
        """Images with their labels.

        Args:
            images: uint8 (m, H, W, C).
            labels: int64 (n,), of the split's images.
            filenames: n names of the split's images.
            groups: int64 (n,), of the split's images; None where each stands alone.
            rows: int64 (n,): which of `images` are the split's; None for all.
        """
        self.labels, self.filenames, self.groups = labels, filenames, groups
        self._source, self._rows = images, rows
        for array in (images, labels):
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __getstate__(self) -> dict[str, Any]:
        # Splits of one source share it in another process, too; what was taken of it does not go.
        return {name: value for name, value in vars(self).items() if name != "images"}

    @functools.cached_property
    def images(self) -> np.ndarray:
        """The pixels: uint8 (n, H, W, C); where many lie in a file, `StoredImages`."""
        if self._rows is None:
            return self._source
        if isinstance(self._source, stored.StoredImages):
            images: np.ndarray = self._source.take(self._rows)
            if images.nbytes > stored.LARGE_BYTES:
                return images
        copy = self._source[self._rows]
        copy.setflags(write=False)
        return copy

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self._source.shape
        return height, width, channels

    def take(self, rows: np.ndarray) -> "Split":
        """The images at `rows`, in that order."""
        filenames = tuple(self.filenames[row] for row in rows)
        groups = None if self.groups is None else self.groups[rows]
        source_rows = self._rows_of_source()[rows]
        return Split(self._source, self.labels[rows], filenames, groups, source_rows)

    def _rows_of_source(self) -> np.ndarray:
        return np.arange(len(self)) if self._rows is None else self._rows

    def blocks(self) -> Iterator[bytes]:
        """Yields the bytes of a checksum: shape, pixels (a block at a time), labels and groups."""
        yield repr((len(self), *self.image_shape)).encode()
        for rows in stored.in_blocks(self._rows_of_source()):
            yield self._source[rows].tobytes()
        yield self._labels_and_groups()

    @property
    def selection(self) -> str:
        """A checksum of the rows taken from the source, and of their labels and groups."""
        rows = self._rows_of_source().astype("<i8")
        return hashlib.sha256(rows.tobytes() + self._labels_and_groups()).hexdigest()

    def _labels_and_groups(self) -> bytes:
        """Labels, and groups where there are some: how images are divided depends on both."""
        groups = b"" if self.groups is None else self.groups.astype("<i8").tobytes()
        return self.labels.astype("<i8").tobytes() + groups


def numbered_filenames(labels: np.ndarray, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """Names for images that come without: `<class>_<running number in the class>.png`."""
    stems = [name.replace("/", "-") for name in class_names]
    counts = [0] * len(stems)
    filenames = []
    for label in labels.tolist():
        counts[label] += 1
        filenames.append(f"{stems[label]}_{counts[label]:03d}.png")
    return tuple(filenames)


def carve_test(
    images: Split, class_names: tuple[str, ...], origin: str, seed: int | None = None
) -> tuple[Split, Split]:
    """Carves a test split from images that have none: 20 % of each class, at least one image.

    The draw depends on the seed, the names and numbers of the classes, and on groups where there
    are some, on nothing else. Without groups the numbers of images are the same for every seed.

    Args:
        images: All images.
        class_names: Names of the classes.
        origin: What the images are, for the error message.
        seed: The replicate that the split is for; None for one split that all share.

    Raises:
        InputError: If a class has fewer than two images, or its images cannot be divided as they
            are of one group.
    """
    purpose = ("test_split",) if seed is None else ("test_split", seed)
    if images.groups is not None:
        test_counts = np.maximum(1, np.round(TEST_SHARE * np.bincount(images.labels)))
        stream = derive_seed(*purpose, *class_names)
        is_test = set_aside(images.labels, images.groups, test_counts, stream)
        for label, name in enumerate(class_names):
            if len(set(is_test[images.labels == label])) < 2:
                raise InputError(
                    f"{origin}: images of class {name!r} cannot be divided: as groups stay "
                    "whole, all would fall on one side; accepted: two groups or more a class, one "
                    "of them to test on"
                )
    else:
        is_test = np.zeros(len(images), bool)
        for label, name in enumerate(class_names):
            rows = np.flatnonzero(images.labels == label)
            if len(rows) < 2:
                raise InputError(
                    f"{origin}: class {name!r} has {len(rows)} image(s); "
                    "accepted: at least 2, one of them to test on"
                )
            num_test = max(1, round(TEST_SHARE * len(rows)))
            rng = np.random.default_rng(derive_seed(*purpose, name))
            is_test[rng.permutation(rows)[:num_test]] = True
    return images.take(np.flatnonzero(~is_test)), images.take(np.flatnonzero(is_test))


def set_aside(
    labels: np.ndarray, groups: np.ndarray, target_counts: np.ndarray, seed: int
) -> np.ndarray:
    """Chooses whole groups with about the wanted number of images of each class.

    Groups are gone through in a random order; one is chosen if no class then has more than wanted.
    Of a class that has none afterwards the smallest group is chosen. A group whose choice would
    leave no image of a class unchosen is never chosen.

    Args:
        labels: int (n,) in 0..k-1.
        groups: int (n,).
        target_counts: (k,): images of each class.
        seed: Keys the order.

    Returns:
        bool (n,).
    """
    group_names, group_indices = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(group_names)).tolist()
    # Of each group how many images it has of each of its classes.
    counts_by_group: list[dict[int, int]] = [{} for _ in group_names]
    group_labels = Counter(zip(group_indices.tolist(), labels.tolist(), strict=True))
    for (group, label), count in group_labels.items():
        counts_by_group[group][label] = count
    remaining, limits = Counter(labels.tolist()), target_counts.tolist()
    taken_counts, is_chosen = Counter[int](), np.zeros(len(group_names), bool)

    def choose(group: int) -> None:
        is_chosen[group] = True
        for label, count in counts_by_group[group].items():
            remaining[label] -= count
            taken_counts[label] += count

    def leaves_some(group: int) -> bool:
        return all(remaining[label] > count for label, count in counts_by_group[group].items())

    for group in order:
        if leaves_some(group) and all(
            taken_counts[label] + count <= limits[label]
            for label, count in counts_by_group[group].items()
        ):
            choose(group)
    for label in np.flatnonzero(target_counts > 0).tolist():
        if taken_counts[label]:
            continue
        candidates = [
            group for group in order if label in counts_by_group[group] and leaves_some(group)
        ]
        if candidates:
            choose(min(candidates, key=lambda group: sum(counts_by_group[group].values())))
    return is_chosen[group_indices]
