"""The chosen methods hold at 5 and 10 seeds, as simulation shows."""

import math

import numpy as np
import pytest
from scipy import stats

from gan_mnist.study.statistics import small_samples
from gan_mnist.study.statistics.paired import compare, holm
from gan_mnist.study.statistics.verdicts import verdict

ARMS = 12
STUDIES = 4000
SEED_COUNTS = (5, 10)


def two_valued(rng, shape, often):
    """A rare collapse: 0 with probability 1 - `often`, else 1."""
    return (rng.random(shape) < often).astype(float)


NOISE = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "near_one": lambda rng, shape: rng.beta(20, 1, size=shape),
    "recall_of_10": lambda rng, shape: rng.binomial(10, 0.9, shape) / 10,
    "recall_of_100": lambda rng, shape: rng.binomial(100, 0.99, shape) / 100,
    "collapse": lambda rng, shape: two_valued(rng, shape, 0.8),
}


def null_differences(noise, n, studies):
    """Arms that share a control and do nothing; shape (studies, ARMS, n)."""
    rng = np.random.default_rng(20)
    values = NOISE[noise](rng, (studies, 1 + ARMS, n))
    return values[:, 1:] - values[:, :1]


def called(differences):
    """Which arms of one study, shape (ARMS, n), are said to help or hurt."""
    zeros = dict.fromkeys(range(differences.shape[1]), 0.0)
    found = {arm: compare(dict(enumerate(row)), zeros) for arm, row in enumerate(differences)}
    p_holm = holm({arm: comparison.p_value for arm, comparison in found.items()})
    return [verdict(found[arm], p_holm[arm], True) != "cannot tell" for arm in found]


def all_called(differences):
    """`called` for many studies at once, with Holm's procedure written anew."""
    p_values = np.sort(small_samples.p_values(differences), axis=-1)
    passed = p_values * np.arange(ARMS, 0, -1) < small_samples.LEVEL
    rejections = np.cumprod(passed, axis=-1).sum(-1, keepdims=True)
    ranks = small_samples.p_values(differences).argsort(-1).argsort(-1)
    low, high = small_samples.intervals(differences)
    return (ranks < rejections) & ((low > 0) | (high < 0))


def bootstrap_speaks(differences, rng):
    """The same by the percentile bootstrap, with Bonferroni, which is stricter than Holm."""
    n = differences.shape[-1]
    means = np.zeros((2000, *differences.shape[:-1]))
    for resample in means:
        resample[:] = differences[..., rng.integers(n, size=n)].mean(-1)
    tail = np.minimum((means <= 0).mean(0), (means >= 0).mean(0))
    return (2 * tail * ARMS < small_samples.LEVEL).any(-1)


LIMIT = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STUDIES)


@pytest.mark.parametrize("n", SEED_COUNTS)
@pytest.mark.parametrize("noise", NOISE)
def test_a_study_without_effect_rarely_speaks(noise, n):
    differences = null_differences(noise, n, STUDIES)
    assert all_called(differences).any(-1).mean() <= LIMIT


@pytest.mark.parametrize("n", SEED_COUNTS)
def test_the_simulated_verdicts_are_those_of_single_studies(n):
    differences = null_differences("normal", n, studies=8)
    differences += np.linspace(0, 4, ARMS)[:, None]
    expected = [called(study) for study in differences]
    assert all_called(differences).tolist() == expected
    assert 0 < np.mean(expected) < 1


@pytest.mark.parametrize("n", SEED_COUNTS)
def test_the_percentile_bootstrap_would_not_pass(n):
    differences = null_differences("normal", n, studies=400)
    assert bootstrap_speaks(differences, np.random.default_rng(0)).mean() > 2 * LIMIT


SKEWED_OR_BOUNDED = {
    "exponential": (NOISE["exponential"], 1.0),
    "lognormal": (lambda rng, shape: rng.lognormal(0, 0.5, shape), math.exp(0.125)),
    "uniform": (NOISE["uniform"], 0.5),
    "near_one": (NOISE["near_one"], 20 / 21),
    "u_shaped": (lambda rng, shape: rng.beta(0.5, 0.5, shape), 0.5),
    "recall_of_10": (NOISE["recall_of_10"], 0.9),
    "recall_of_100": (NOISE["recall_of_100"], 0.99),
    "collapse": (NOISE["collapse"], 0.8),
    "rare_collapse": (lambda rng, shape: two_valued(rng, shape, 0.9), 0.9),
}


def coverage(differences, mean):
    low, high = small_samples.intervals(differences - mean)
    return (low <= 0) & (high >= 0)


@pytest.mark.parametrize("n", SEED_COUNTS)
def test_intervals_cover_normal_differences(n):
    covered = coverage(np.random.default_rng(1).normal(0.3, 2.0, (20_000, n)), 0.3)
    assert 0.93 <= covered.mean() <= 0.97


@pytest.mark.parametrize("n", SEED_COUNTS)
@pytest.mark.parametrize("shape", SKEWED_OR_BOUNDED)
def test_intervals_cover_skewed_and_bounded_differences_or_say_so(shape, n):
    draw, mean = SKEWED_OR_BOUNDED[shape]
    differences = draw(np.random.default_rng(2), (20_000, n))
    assert (
        coverage(differences, mean) | small_samples.needs_more_seeds(differences - mean)
    ).mean() >= 0.90


def test_unflagged_exponential_differences_are_covered_where_the_t_interval_is_not():
    differences = np.random.default_rng(3).exponential(size=(40_000, 5))
    flagged = small_samples.needs_more_seeds(differences - 1)
    assert coverage(differences, 1)[~flagged].mean() >= 0.895
    assert (stats.ttest_1samp(differences, 1, axis=-1).pvalue >= 0.05).mean() < 0.89
    assert (
        small_samples.needs_more_seeds(np.random.default_rng(4).normal(size=(40_000, 5))).mean()
        < 0.15
    )
