"""Generators: anything frozen that answers `sample(labels, seed)` with images.

A trained GAN is one of them; so are a copier, SMOTE and the real images an imbalance took away,
which makes rivals and controls pass through the very code path of a GAN.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from imblearn.over_sampling import SMOTE

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable

CHUNK = 250


def mislabelled(labels: np.ndarray, num_classes: int, seed: int) -> np.ndarray:
    """Labels int32 (n,) in 0..num_classes-1, each replaced by another one at random."""
    rng = np.random.default_rng(seed)
    moved = rng.integers(1, num_classes, len(labels), dtype=np.int32)
    return (labels + moved) % np.int32(num_classes)


class Generator(Protocol):
    """The contract."""

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """One image a label.

        Args:
            labels: int (n,) in 0..k-1.
            seed: Equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        ...


class Copies:
    """Real images of the subset, drawn with replacement: a generator that has memorised it."""

    def __init__(self, subset: Subset):
        self._subset = subset

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        rows = np.empty(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            chosen = labels == label
            rows[chosen] = rng.choice(np.flatnonzero(self._subset.labels == label), chosen.sum())
        return as_float(self._subset.images[rows])


class HeldBack:
    """Real images that the subset lacks, each handed out once: the oracle's generator."""

    def __init__(self, held_back: Subset):
        self._held_back = held_back

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rows = np.empty(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            chosen = np.flatnonzero(labels == label)
            held = np.flatnonzero(self._held_back.labels == label)
            if len(held) < len(chosen):
                raise NotApplicable(f"{len(held)} real images held back, {len(chosen)} wanted")
            rows[chosen] = np.random.default_rng(seed).permutation(held)[: len(chosen)]
        return as_float(self._held_back.images[rows])


class Smote:
    """Points between an image and one of its nearest neighbours of the class.

    Source: Chawla et al. 2002 (arXiv 1106.1813), by imbalanced-learn; 5 neighbours, or all others
    where a class has fewer.
    """

    def __init__(self, subset: Subset):
        self._subset = subset

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """As `Generator.sample`.

        Raises:
            NotApplicable: For a class with a single image, which has no neighbour.
        """
        counts = np.bincount(self._subset.labels, minlength=len(self._subset.class_names))
        images = np.empty((len(labels), *self._subset.images.shape[1:]), dtype=np.float32)
        for label in np.unique(labels):
            if counts[label] < 2:
                name = self._subset.class_names[label]
                raise NotApplicable(f"SMOTE needs 2 images a class; class {name} has 1")
            chosen = labels == label
            smote = SMOTE(
                sampling_strategy={label: counts[label] + chosen.sum()},
                k_neighbors=min(5, counts[label] - 1),
                random_state=seed,
            )
            flat = as_float(self._subset.images).reshape(len(self._subset), -1)
            resampled, _ = smote.fit_resample(flat, self._subset.labels)
            # What SMOTE adds stands behind what it was given.
            images[chosen] = resampled[len(flat) :].reshape(-1, *images.shape[1:])
        return images


class TrainedGenerator:
    """A frozen network with `sample(labels, seed)` on tensors, in chunks of a fixed size.

    Attributes:
        network: What samples.
        exported: Digest of the weights that were exported last, and where to; None before.
    """

    def __init__(self, network: Any):
        """Wraps `network`, whose `sample` takes int32 (n,) labels and an int32 (2,) seed."""
        self.network = network
        self.exported: tuple[str, Path] | None = None
        self._sample = tf.function(network.sample)

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        padded = np.resize(labels, -(-len(labels) // CHUNK) * CHUNK).astype(np.int32)
        chunks = [
            self._sample(tf.constant(padded[i : i + CHUNK]), tf.constant([seed, i], tf.int32))
            for i in range(0, len(padded), CHUNK)
        ]
        return np.concatenate(chunks)[: len(labels)]
