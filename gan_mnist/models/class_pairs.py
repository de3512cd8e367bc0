"""Pairs of images of one class, from which deformations are learnt."""

import numpy as np

# For more pairs of a class than this, a permutation of them all takes too much memory when few are
# wanted: this many take 0.4 GB.
MOST_PERMUTED = 50_000_000


def pairs_by_class(labels: np.ndarray, num_pairs: int) -> np.ndarray:
    """Divides a number of pairs evenly, up to one, among the classes with several images.

    Args:
        labels: int (n,) in 0..k-1.
        num_pairs: Pairs of all classes.

    Returns:
        int (k,).
    """
    counts = np.zeros(labels.max() + 1, np.int32)
    classes = np.flatnonzero(np.bincount(labels) > 1)
    np.add.at(counts, np.resize(classes, num_pairs), 1)
    return counts


def draw_pairs(labels: np.ndarray, num_pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws pairs of different images of one class; none repeats before all of its class are drawn.

    Args:
        labels: int (n,), at least one of which occurs twice.
        num_pairs: Number of pairs.
        seed: Seed of the draw.

    Returns:
        Rows of sources and of targets, int64 (num_pairs,) each, in the order of their labels.
    """
    rng = np.random.default_rng(seed)
    sources, targets = [], []
    for label, number in enumerate(pairs_by_class(labels, num_pairs)):
        rows = np.flatnonzero(labels == label)
        pairs = _drawn(rng, len(rows) * (len(rows) - 1), number)
        source, step = np.divmod(pairs, max(1, len(rows) - 1))
        sources.append(rows[source])
        # A step of 1 to n - 1 leads to any row but its own.
        targets.append(rows[(source + 1 + step) % max(1, len(rows))])
    return np.concatenate(sources), np.concatenate(targets)


def _drawn(rng: np.random.Generator, population: int, size: int) -> np.ndarray:
    """Draws int (size,) from 0..population-1; none repeats before all have been drawn."""
    if population > MOST_PERMUTED and size <= population:
        return rng.choice(population, size, replace=False)
    permuted = rng.permutation(population)
    return permuted[:size] if size <= population else np.resize(permuted, size)
