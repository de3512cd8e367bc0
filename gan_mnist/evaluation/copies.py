"""How many generated images are suspiciously near to a training image."""

from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from gan_mnist.errors import InputError
from gan_mnist.evaluation.check_features import checked_features

# One held-out image in so many is as near to a training image as a copy is.
COPY_ONE_IN = 20


class Nearest(NamedTuple):
    """Nearest reference of each query: float64 (n,) Euclidean distances, int64 (n,) rows."""

    distances: np.ndarray
    rows: np.ndarray


class CopyRate(NamedTuple):
    """Share of generated images that are suspiciously near to a training image.

    Attributes:
        rate: In [0, 1].
        low, high: 95 % Clopper-Pearson interval of the generator's rate at this threshold.
        expected: Mean rate of a generator that draws from where the held-out images come from.
        p_value: Chance that such a generator reaches `rate`; unlike the interval, it knows that
            the threshold is uncertain.
    """

    rate: float
    low: float
    high: float
    expected: float
    p_value: float


def nearest(queries: np.ndarray, references: np.ndarray) -> Nearest:
    """The nearest reference of each query; any of them where several are equally near."""
    queries, references = checked_features(queries=queries, references=references)
    neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(references)
    rows = neighbours.kneighbors(queries, return_distance=False)[:, 0]
    # Anew from the differences: the search rounds the distance of a copy away from 0.
    return Nearest(np.linalg.norm(queries - references[rows], axis=1), rows)


def copy_rate(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> CopyRate:
    """Share of generated images nearer to a training image than 95 % of held-out images are.

    The threshold is the r-th smallest of the m held-out images' distances to their nearest training
    image, r = (m + 1) // 20. A generated image that is nearer to its own counts as a copy; one at
    the threshold does not.

    For a generator that draws from where the held-out images come from, the number of copies is
    beta-binomial with parameters r and m + 1 - r, whatever the features are. That gives the mean
    rate, r / (m + 1), and the p value. `low` above `expected` is no 5 % test: of 1,000 images of
    such a generator it is by chance in 7 % of cases with 1,000 held-out images, 24 % with 100.

    A generator that only draws typical images has a high rate too, as they are nearer to real ones
    than real ones are; the nearest pairs show which it is. A low rate is no praise: bad images are
    far from everything.

    Args:
        fake: Generated images.
        train: The generator's training images.
        held_out: 19 other real images or more, in the class proportions of `fake`, as some
            classes are denser than others.

    Raises:
        InputError: For fewer held-out images.

    Source: own definition, after the comparison of distances in Meehan et al. 2020
    (arXiv 2004.05675).
    """
    fake, train, held_out = checked_features(fake=fake, train=train, held_out=held_out)
    rank = (len(held_out) + 1) // COPY_ONE_IN
    if rank == 0:
        fewest = COPY_ONE_IN - 1
        raise InputError(f"copy rate: {len(held_out)} held-out images; accepted: {fewest} or more")
    threshold = np.sort(nearest(held_out, train).distances)[rank - 1]
    num_copies = int((nearest(fake, train).distances < threshold).sum())
    low, high = stats.binomtest(num_copies, len(fake)).proportion_ci(0.95, method="exact")
    p_value = stats.betabinom.sf(num_copies - 1, len(fake), rank, len(held_out) + 1 - rank)
    expected = rank / (len(held_out) + 1)
    return CopyRate(num_copies / len(fake), float(low), float(high), expected, float(p_value))
