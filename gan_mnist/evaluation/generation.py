"""Metrics of generated images, computed on the features of a frozen classifier.

Everywhere features are float (n, d), a row an image, with one d for all arguments; other shapes,
NaN and infinite features are an `InputError`. Rows are taken for independent draws. The intervals
are about one trained generator: they do not hold the spread between training runs.
"""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

from gan_mnist.errors import InputError
from gan_mnist.evaluation.check_features import checked_features
from gan_mnist.evaluation.copies import copy_rate
from gan_mnist.study.statistics.small_samples import intervals

# Fewer, larger subsets give a sharper value, but an interval that covers less.
KERNEL_SUBSETS = 10
# As in Naeem et al. 2020.
NEIGHBOURS = 5
# Several trials run side by side; scikit-learn's own limit is 1024.
CHUNK_MEBIBYTES = 128


class KernelDistance(NamedTuple):
    """Squared maximum mean discrepancy and its 95 % interval; unbiased, so it may be negative."""

    value: float
    low: float
    high: float


class Prdc(NamedTuple):
    """Shares in [0, 1], but for density, which is in [0, n / k] for n real images."""

    precision: float
    recall: float
    density: float
    coverage: float


def nearness(real: np.ndarray, fake: np.ndarray, seed: int) -> dict[str, float]:
    """How near generated images are to real ones: the kernel distance and `prdc`.

    Args:
        real: Features of 20 real images or more that the generator has not seen.
        fake: Features of 20 generated images or more. Recall and coverage depend on how many:
            compare generators at equal numbers only.
        seed: Of the subsets of the kernel distance.

    Returns:
        `kid`, `kid_low`, `kid_high`, `precision`, `recall`, `density` and `coverage`.

    Raises:
        InputError: For too few images.
    """
    real, fake = checked_features(real=real, fake=fake)
    subset_size = max(2, min(len(real), len(fake)) // KERNEL_SUBSETS)
    kernel = kernel_distance(real, fake, KERNEL_SUBSETS, subset_size, seed)
    return {
        "kid": kernel.value,
        "kid_low": kernel.low,
        "kid_high": kernel.high,
        **prdc(real, fake, NEIGHBOURS)._asdict(),
    }


def generation_metrics(
    real: np.ndarray, fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int
) -> dict[str, float]:
    """All metrics of generated images, by their names in records and reports.

    Args:
        real: As for `nearness`.
        fake: As for `nearness`; `frechet` depends on how many, too.
        train: Features of the generator's training images.
        held_out: As `copy_rate` takes it; may be `real`.
        seed: Of the subsets of the kernel distance.

    Returns:
        Those of `nearness`, `copy_rate`, `copy_rate_low`, `copy_rate_high`; and `frechet` if there
        are more images of each kind than features.

    Raises:
        InputError: For too few images.
    """
    real, fake = checked_features(real=real, fake=fake)
    copies = copy_rate(fake, train, held_out)
    metrics = {
        **nearness(real, fake, seed),
        "copy_rate": copies.rate,
        "copy_rate_low": copies.low,
        "copy_rate_high": copies.high,
    }
    if min(len(real), len(fake)) > real.shape[1]:
        metrics["frechet"] = frechet_distance(real, fake)
    return metrics


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, num_subsets: int, subset_size: int, seed: int
) -> KernelDistance:
    """Kernel distance (KID): the unbiased squared MMD with the kernel (x.y / d + 1)^3.

    The mean over random subsets that share no image, so that their distances are independent and
    their spread says how sure the mean is. The spread of subsets that overlap does not.

    The interval is that of `study.statistics.small_samples`, which allows for skewness. For 10
    subsets of 6 to 100 digits (equal distributions, noise, missing classes, collapse) it covered
    93 to 96 %; the t interval 90 to 95 %, being too low where it missed.

    Fixed class counts, in place of independent draws, lower the value: by 0.3 standard errors if
    both kinds have equally many images of ten digits.

    Raises:
        InputError: Unless there are `num_subsets` * `subset_size` images or more of each kind, in
            2 subsets or more of 2 images or more.

    Source: Binkowski et al. 2018 (arXiv 1801.01401); but there subsets overlap.
    """
    real, fake = checked_features(real=real, fake=fake)
    subsets = f"{num_subsets} subsets of {subset_size} images"
    if min(num_subsets, subset_size) < 2:
        raise InputError(f"kernel distance: {subsets}; accepted: 2 or more of 2 or more")
    min_images = num_subsets * subset_size
    if min(len(real), len(fake)) < min_images:
        available = f"{len(real)} real and {len(fake)} generated images"
        raise InputError(
            f"{available}: too few for {subsets}; accepted: {min_images} or more of each"
        )
    rng = np.random.default_rng(seed)
    real_rows, fake_rows = (
        rng.permutation(len(points))[:min_images].reshape(num_subsets, subset_size)
        for points in (real, fake)
    )
    distances = np.array(
        [_squared_mmd(real[i], fake[j]) for i, j in zip(real_rows, fake_rows, strict=True)]
    )
    low, high = intervals(distances)
    return KernelDistance(float(distances.mean()), float(low), float(high))


def _squared_mmd(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased squared MMD of equally many real and generated images."""
    n = len(real)
    within = _kernel(real, real) + _kernel(fake, fake)
    between = _kernel(real, fake)
    return (within.sum() - np.trace(within)) / (n * (n - 1)) - 2 * between.mean()


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / d + 1)^3 of each row of `x` and each of `y`: (n, d) and (m, d) -> (n, m).

    Bit for bit scikit-learn's `polynomial_kernel`, whose checks take most of its time.
    """
    values = x @ y.T
    values *= 1.0 / x.shape[1]
    values += 1
    values **= 3
    return values


def prdc(real: np.ndarray, fake: np.ndarray, k: int) -> Prdc:
    """Precision, recall, density and coverage.

    The ball of an image reaches to its k-th nearest other image of its kind, which lies in it.

    - Precision: the share of generated images that lie in a real image's ball.
    - Recall: the share of real images that lie in a generated image's ball.
    - Density: in how many real balls a generated image lies on average, divided by k.
    - Coverage: the share of real images with a generated image in their ball.

    For equal distributions density is 1 on average; coverage, for equal numbers, about 1 - 2^-k.

    Raises:
        InputError: For k below 1, and k or fewer images of a kind.

    Source: Kynkaanniemi et al. 2019 (arXiv 1904.06991), equations 1 and 2; Naeem et al. 2020
    (arXiv 2002.09797), section 3, whose code leaves out the surface of a ball.
    """
    real, fake = checked_features(real=real, fake=fake)
    max_k = min(len(real), len(fake)) - 1
    if not 1 <= k <= max_k:
        available = f"{len(real)} real and {len(fake)} generated images"
        raise InputError(f"k: {k} is out of range; accepted with {available}: 1 to {max_k}")
    # Distances come from dot products; rounding must not push a copy off the surface of a ball.
    rounding = 1e-12 * max((points**2).sum(axis=1).max() for points in (real, fake))
    real_radii, fake_radii = (_radii(points, k, rounding) for points in (real, fake))
    real_balls = np.zeros(len(fake), dtype=np.int64)  # that hold each generated image
    recalled = covered = start = 0
    for distances in pairwise_distances_chunked(real, fake, working_memory=CHUNK_MEBIBYTES):
        radii = real_radii[start : start + len(distances), None]
        start += len(distances)
        in_real_ball = distances <= radii
        real_balls += in_real_ball.sum(axis=0)
        covered += int(in_real_ball.any(axis=1).sum())
        recalled += int((distances <= fake_radii).any(axis=1).sum())
    return Prdc(
        precision=float(np.mean(real_balls > 0)),
        recall=recalled / len(real),
        density=float(np.mean(real_balls)) / k,
        coverage=covered / len(real),
    )


def _radii(points: np.ndarray, k: int, rounding: float) -> np.ndarray:
    """Distance of each point to its k-th nearest other one, (n,); `rounding` is a square."""
    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return np.sqrt(neighbours.kneighbors()[0][:, -1] ** 2 + rounding)


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Squared Frechet distance of the normal distributions with the features' moments.

    Fewer images raise it: compare at equal numbers only.

    Raises:
        InputError: Unless there are more images than features: the covariance matrix is then
            singular, and the distance mostly tells how few images there are.

    Source: Heusel et al. 2017 (arXiv 1706.08500), equation 6.
    """
    real, fake = checked_features(real=real, fake=fake)
    fewest, width = min(len(real), len(fake)), real.shape[1]
    if fewest <= width:
        raise InputError(
            f"frechet distance: {fewest} images with {width} features have a singular covariance "
            f"matrix; accepted: {width + 1} images or more"
        )
    # With C = R'R the trace of (C1 C2)^(1/2) is the sum of the singular values of R1 R2'.
    roots = [
        np.linalg.qr(points - points.mean(axis=0), mode="r") / np.sqrt(len(points) - 1)
        for points in (real, fake)
    ]
    spread = sum((root**2).sum() for root in roots)
    common = np.linalg.norm(roots[0] @ roots[1].T, ord="nuc")
    shift = ((real.mean(axis=0) - fake.mean(axis=0)) ** 2).sum()
    return float(shift + spread - 2 * common)
