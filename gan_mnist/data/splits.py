"""Labelled images that belong together, and how a test split is carved where there is none."""

from dataclasses import dataclass

import numpy as np

from gan_mnist.errors import InputError
from gan_mnist.seeding import derive_seed

TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Split:
    """The training or the test images of a data set.

    The arrays are made read-only, because every trial of a process shares them.

    Attributes:
        images: uint8 (n, H, W, C).
        labels: int64 (n,), indices into the data set's class names.
        filenames: n names, unique within the split.
    """

    images: np.ndarray
    labels: np.ndarray
    filenames: tuple[str, ...]

    def __post_init__(self) -> None:
        self.images.setflags(write=False)
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Split":
        """The images at `rows`, in that order."""
        filenames = tuple(self.filenames[row] for row in rows)
        return Split(self.images[rows], self.labels[rows], filenames)


def numbered_filenames(labels: np.ndarray, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """Names for images that come without: `<class>_<running number in the class>.png`."""
    stems = [name.replace("/", "-") for name in class_names]
    seen = [0] * len(stems)
    filenames = []
    for label in labels.tolist():
        seen[label] += 1
        filenames.append(f"{stems[label]}_{seen[label]:03d}.png")
    return tuple(filenames)


def carve_test(images: Split, class_names: tuple[str, ...], origin: str) -> tuple[Split, Split]:
    """Training and test split of images that come without: 20 % of each class, at least one.

    The draw is fixed: it depends on the names and numbers of the classes, on nothing else.

    Args:
        images: All images.
        class_names: Names of the classes.
        origin: What the images are, for the error message.

    Raises:
        InputError: If a class has fewer than two images.
    """
    is_test = np.zeros(len(images), bool)
    for label, name in enumerate(class_names):
        rows = np.flatnonzero(images.labels == label)
        if len(rows) < 2:
            raise InputError(
                f"{origin}: class {name!r} has {len(rows)} image(s); "
                "accepted: at least 2, one of them to test on"
            )
        num_test = max(1, round(TEST_SHARE * len(rows)))
        random = np.random.default_rng(derive_seed("test_split", name))
        is_test[random.permutation(rows)[:num_test]] = True
    return images.take(np.flatnonzero(~is_test)), images.take(np.flatnonzero(is_test))
