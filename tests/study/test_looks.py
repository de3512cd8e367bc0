"""Announced looks keep false verdicts at 5 %, by simulations of their own."""

import math

import numpy as np
import pytest
from published_noise import RUNS, null_studies
from scipy import stats

from gan_mnist.study.statistics import looks
from gan_mnist.study.statistics.small_samples import intervals, p_values

USUAL = (5, 7, 10, 15, 20)
STUDIES = 20_000
LIMIT = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STUDIES)


def stopped(effects, comparisons=1, announced=USUAL, margin=None, seed=11):
    """Of studies that stop when each comparison is decided: seeds run, and what is called.

    Arms share a control. Holm's procedure is written anew.

    Returns:
        Shapes (studies,) and (studies, comparisons).
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(STUDIES, 1 + comparisons, announced[-1]))
    # A difference of two has a standard deviation of 1.
    all_differences = (values[:, 1:] - values[:, :1]) / math.sqrt(2) + np.reshape(effects, (-1, 1))
    level = looks.look_level(announced)
    ended, called = np.zeros(STUDIES, int), np.zeros((STUDIES, comparisons), bool)
    for n in announced:
        differences = all_differences[..., :n]
        p = stats.ttest_1samp(differences, 0.0, axis=-1).pvalue
        low, high = intervals(differences, level=level)
        worth = p.copy()  # never less than p, so that none of the others can be called
        worth[p < 0.05] = [looks.adjusted_p(float(one), announced) for one in p[p < 0.05]]
        order = np.sort(worth, axis=-1) * np.arange(comparisons, 0, -1)
        rejected = np.cumprod(order < 0.05, axis=-1).sum(-1, keepdims=True)
        effect = (worth.argsort(-1).argsort(-1) < rejected) & ((low > 0) | (high < 0))
        same = np.zeros_like(effect) if margin is None else np.maximum(-low, high) < margin
        ending = (ended == 0) & ((effect | same).all(-1) | (n == announced[-1]))
        called[ending], ended[ending] = effect[ending], n
    return ended, called


@pytest.mark.parametrize("comparisons", [1, 3])
def test_studies_without_effect_that_stop_when_it_seems_decided_rarely_err(comparisons):
    ended, called = stopped([0.0] * comparisons, comparisons)
    assert called.any(-1).mean() <= LIMIT
    assert ended.mean() > 19  # without a margin such studies run to the end


@pytest.mark.slow
def test_an_effect_beside_two_nulls_lets_through_no_more():
    _, called = stopped([3.0, 0.0, 0.0], 3)
    assert called[:, 0].mean() > 0.99
    assert called[:, 1:].any(-1).mean() <= LIMIT


@pytest.mark.parametrize(
    ("effects", "power", "seeds"),
    [
        ([0.5], 0.37, 17.7),
        ([1], 0.94, 12.2),
        ([2], 1.0, 6.9),
        ([3], 1.0, 5.8),
        ([4], 1.0, 5.5),
        ([3, 3], 1.0, 6.6),
    ],
)
def test_large_effects_end_a_study_early(effects, power, seeds):
    ended, called = stopped(effects, len(effects))
    assert called.mean() == pytest.approx(power, abs=0.015)
    assert ended.mean() == pytest.approx(seeds, abs=0.15)


def test_the_same_within_a_margin_ends_a_study_and_seldom_errs():
    ended, _ = stopped([0.0], margin=2.0)
    assert ended.mean() < 10
    # Just not the same.
    ended, called = stopped([2.0], margin=2.0)
    assert ((ended < 20) & ~called[:, 0]).mean() < 0.05


@pytest.mark.slow
def test_with_the_noise_of_published_arms_they_err_where_failures_are_unseen():
    level = looks.look_level(USUAL)
    found = {}
    for run in RUNS:
        found[run] = []
        for all_differences, _ in null_studies(run, USUAL[-1]):
            differences = all_differences[:1500]
            called = np.zeros(len(differences), bool)
            for n in USUAL:
                low, high = intervals(differences[:, :n], level=level)
                p = p_values(differences[:, :n])
                called |= (p <= level) & ((low > 0) | (high < 0))
            found[run].append(called.mean())
    worst = {run: max(shares) for run, shares in found.items()}
    every = [share for shares in found.values() for share in shares]
    assert np.mean(every) == pytest.approx(0.054, abs=0.003)
    assert worst.pop("denoising/mnist_source_arms") == pytest.approx(0.23, abs=0.02)
    assert worst.pop("conditional_gan/mnist") == pytest.approx(0.19, abs=0.02)
    assert worst.pop("batching/mnist_sample") == pytest.approx(0.13, abs=0.02)
    assert worst.pop("denoising/mnist_large_adversary") == pytest.approx(0.12, abs=0.02)
    assert worst.pop("imbalance/mnist_fresh") == pytest.approx(0.11, abs=0.02)
    assert worst.pop("digit_cnn/mnist") == pytest.approx(0.11, abs=0.02)
    assert max(worst.values()) <= 0.1


@pytest.mark.slow
def test_looks_that_were_not_announced_would_err():
    assert looks.adjusted_p(0.05, (5, 10, 15, 20)) == pytest.approx(0.133, abs=0.003)
    assert looks.adjusted_p(0.05, (5, 10)) == pytest.approx(0.087, abs=0.003)
    assert looks.adjusted_p(0.05, tuple(range(5, 21))) == pytest.approx(0.19, abs=0.005)


def test_a_p_value_counts_for_what_the_looks_make_it():
    assert looks.look_level(()) == looks.look_level((10,)) == 0.05
    assert looks.adjusted_p(0.03, ()) == 0.03
    assert looks.adjusted_p(None, USUAL) is None
    assert looks.adjusted_p(looks.look_level(USUAL), USUAL) == pytest.approx(0.05, abs=1e-4)
    # Never less than itself, nor more than Bonferroni has it.
    p_values = np.geomspace(1e-9, 1, 200)
    worth = np.array([looks.adjusted_p(p, USUAL) for p in p_values])
    assert (worth >= p_values).all()
    assert (worth <= np.minimum(5 * p_values, 1)).all()
    assert (np.diff(worth) >= 0).all()


def test_the_level_is_spent_look_by_look():
    so_far = [looks.spent_level(USUAL, n) for n in USUAL]
    assert so_far[0] == pytest.approx(looks.look_level(USUAL), abs=1e-3)
    assert so_far == sorted(so_far)
    assert so_far[-1] == pytest.approx(0.05, abs=1e-4)
