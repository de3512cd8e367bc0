"""The kernel distance: against loops, and by simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from gan_mnist.errors import InputError
from gan_mnist.evaluation.generation import kernel_distance


def features(num, width=4, seed=0, shift=0.0):
    """Skewed, and zero in places, as behind a ReLU."""
    normal = np.random.default_rng(seed).normal(shift, 1, (num, width))
    return np.maximum(normal, 0) ** 1.5


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def squared_mmd(real, fake):
    """The unbiased estimate, pair by pair."""
    real_pairs = [kernel(x, y) for i, x in enumerate(real) for j, y in enumerate(real) if i != j]
    fake_pairs = [kernel(x, y) for i, x in enumerate(fake) for j, y in enumerate(fake) if i != j]
    mixed = [kernel(x, y) for x in real for y in fake]
    return float(np.mean(real_pairs) + np.mean(fake_pairs) - 2 * np.mean(mixed))


@pytest.mark.parametrize("seed", range(4))
def test_kernel_distance_is_that_of_two_disjoint_subsets(seed):
    real, fake = features(6, seed=1), features(7, seed=2, shift=0.5)
    found = kernel_distance(real, fake, num_subsets=2, subset_size=3, seed=seed)
    distances = {
        (i, j): squared_mmd(real[list(i)], fake[list(j)])
        for i in itertools.combinations(range(6), 3)
        for j in itertools.combinations(range(7), 3)
    }
    splits = [
        (distances[a], distances[b])
        for a, b in itertools.combinations(distances, 2)
        if not set(a[0]) & set(b[0]) and not set(a[1]) & set(b[1])
    ]
    # 20 halves of 6, 35 * 4 disjoint threes of 7, either order of the two.
    assert len(splits) == 20 * 35 * 4 / 2
    first, second = min(splits, key=lambda pair: abs(np.mean(pair) - found.value))
    assert found.value == pytest.approx((first + second) / 2, rel=1e-12)
    # Two values have no skewness, and theirs is the t interval.
    half = stats.t.ppf(0.975, 1) * abs(first - second) / 2
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_kernel_distance_draws_subsets_by_its_seed_alone():
    real, fake = features(40, seed=1), features(50, seed=2)
    values = [kernel_distance(real, fake, 4, 10, seed) for seed in (0, 1, 0)]
    assert values[0] == values[2] != values[1]


STUDIES = 600


@pytest.fixture(scope="module", params=["equal", "shifted", "collapsed"])
def kernel_studies(request):
    """The distance of two finite populations, and (value, low, high) of samples of 60 of them."""
    real = features(500, width=8, seed=1)
    fake = {
        "equal": real,
        "shifted": features(500, width=8, seed=2, shift=0.2),
        "collapsed": real[:10],
    }[request.param]
    within = [np.mean((x @ x.T / 8 + 1) ** 3) for x in (real, fake)]
    truth = sum(within) - 2 * np.mean((real @ fake.T / 8 + 1) ** 3)
    rng = np.random.default_rng(3)
    draws = [[x[rng.integers(len(x), size=60)] for x in (real, fake)] for _ in range(STUDIES)]
    return truth, np.array([kernel_distance(*draw, 10, 6, seed=0) for draw in draws])


@pytest.mark.slow
def test_kernel_distance_is_unbiased(kernel_studies):
    truth, found = kernel_studies
    error = found[:, 0].std() / math.sqrt(STUDIES)
    assert abs(found[:, 0].mean() - truth) < 3 * error


def test_interval_of_the_kernel_distance_covers(kernel_studies):
    truth, found = kernel_studies
    covers = np.mean((found[:, 1] <= truth) & (truth <= found[:, 2]))
    noise = 3 * math.sqrt(0.05 * 0.95 / STUDIES)
    assert 0.93 - noise <= covers <= 0.96 + noise


@pytest.mark.parametrize(
    ("num_subsets", "subset_size", "message"),
    [(1, 5, "1 subsets"), (5, 1, "subsets of 1"), (4, 6, "20 real .* 24 or more")],
)
def test_kernel_distance_refuses_too_few(num_subsets, subset_size, message):
    with pytest.raises(InputError, match=message):
        kernel_distance(features(20), features(30), num_subsets, subset_size, 0)
