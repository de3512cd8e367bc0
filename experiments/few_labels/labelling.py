"""The labelled and the unlabelled images of a trial; the type of the latter holds no labels."""

import hashlib
from dataclasses import dataclass

import numpy as np

from gan_mnist.data.subsets import Subset


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Images without labels, in an order and under names that tell nothing of their classes.

    Attributes:
        images: uint8 (n, H, W, C).
    """

    images: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the images, in hexadecimal."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()

    def with_labels(
        self, rows: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
    ) -> Subset:
        """The images at `rows` with guessed labels, int (len(rows),)."""
        names = tuple(f"unlabelled-{row}" for row in rows)
        return Subset(self.images[rows], labels.astype(np.int32), class_names, names)


@dataclass(frozen=True, eq=False)
class Labelling:
    """The images of a trial at one number of labels.

    Attributes:
        labelled: Images with their labels.
        unlabelled: All other training images.
        validation: For the curves; nothing is chosen by it.
    """

    labelled: Subset
    unlabelled: Unlabelled
    validation: Subset


def without_labels(everything: Subset, labelled: Subset, seed: int) -> Unlabelled:
    """The images of `everything` that are not `labelled`, shuffled by `seed`.

    Neither which they are nor their order depends on their labels.
    """
    rows_by_name = {name: row for row, name in enumerate(everything.filenames)}
    names = sorted(rows_by_name.keys() - set(labelled.filenames))
    order = np.random.default_rng(seed).permutation(len(names))
    return Unlabelled(everything.images[np.array([rows_by_name[names[i]] for i in order], int)])
