"""Test images as a trial called them, for a figure."""

from pathlib import Path

import numpy as np

from gan_mnist.data.subsets import Subset


def save_shown(test: Subset, probabilities: np.ndarray, path: Path, number: int = 12) -> None:
    """Keeps some test images, class by class in turn, with what they were called.

    Args:
        test: The images.
        probabilities: float32 (n, k), of each of them.
        path: NumPy archive that is written: `images`, `label`, `prediction`, `probability`.
        number: How many, if there are so many.
    """
    by_class = [np.flatnonzero(test.labels == label) for label in range(len(test.class_names))]
    turns = [rows[i] for i in range(number) for rows in by_class if i < len(rows)]
    rows = np.array(turns[:number])
    names = np.array(test.class_names)
    np.savez_compressed(
        path,
        images=test.images[rows],
        label=names[test.labels[rows]],
        prediction=names[probabilities[rows].argmax(axis=1)],
        probability=probabilities[rows].max(axis=1),
    )
