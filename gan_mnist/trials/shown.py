"""Images that a report shows: of each class in turn, and test images with their predictions."""

from pathlib import Path

import numpy as np

from gan_mnist.data.subsets import Subset
from gan_mnist.files import write_arrays

A_CLASS = 10
# Most bytes of images that a trial keeps, and how many it keeps however large they are.
MOST_BYTES, LEAST_IMAGES = 1_500_000, 12


def in_turn(labels: np.ndarray, number: int) -> np.ndarray:
    """Rows of `number` random images, int64 (number,): of each class that occurs, in turn."""
    rng, classes = np.random.default_rng(0), np.unique(labels)
    rows_by_turn = (
        np.flatnonzero(labels == classes[turn % len(classes)]) for turn in range(number)
    )
    return np.array([rng.choice(rows) for rows in rows_by_turn])


def save_shown(test: Subset, probabilities: np.ndarray, path: Path) -> None:
    """Saves ten test images a class, in turn, with their predictions; fewer if they are large.

    Args:
        test: All test images.
        probabilities: float32 (n, k), the predicted probabilities of each class.
        path: NumPy archive that is written: `images`, `label`, `prediction`, `probability`.
    """
    rows_by_class = [np.flatnonzero(test.labels == label) for label in range(len(test.class_names))]
    rows_in_turn = [rows[i] for i in range(A_CLASS) for rows in rows_by_class if i < len(rows)]
    rows = np.array(rows_in_turn[: max(MOST_BYTES // test.images[0].nbytes, LEAST_IMAGES)])
    names = np.array(test.class_names)
    write_arrays(
        path,
        images=test.images[rows],
        label=names[test.labels[rows]],
        prediction=names[probabilities[rows].argmax(axis=1)],
        probability=probabilities[rows].max(axis=1),
    )
