"""How sure a mean over few seeds is. The seed is the replicate: n is 5 or 10, sometimes 2 or 3.

What was chosen, and what simulation said (tests/study/test_small_samples.py repeats it):

- Test: the paired t test, adjusted by Holm. If a treatment does nothing, its arm and the control
  are exchangeable within a seed, so their differences are symmetric whatever the noise is. Of
  studies with 12 such arms at most 5 % see an effect, for normal, skewed, bounded and discrete
  noise; with the percentile bootstrap 48 % do at 5 seeds and 20 % at 10. A sign-flip test never
  falls below 2**(1 - n), 0.0625 for 5 seeds; a skewness-corrected p errs in 8 % of normal studies.
- Interval: the hull of the t interval and of Hall's, which allows for the skewness seen. At 5 and
  10 seeds it covers 96 % for normal differences, 93 and 94 % for exponential, 94 and 95 % for
  lognormal with sigma 0.5, 96 and 97 % for uniform; the t interval covers 88 % of 5 exponentials.
- `needs_more_seeds` says where even that may not hold: under 5 seeds, differences that are all
  equal, or a sample skewness beyond 1 (12 and 9 % of normal samples are flagged too). A rare
  collapse (a two-valued difference) is covered or flagged in over 99 %; a lognormal with sigma 1
  only in 89 % at 5 seeds.
- Verdict: a Holm-adjusted p below 0.05 *and* an interval on one side of zero.

What does not hold: a treatment that leaves the mean alone but skews the outcome (better in most
seeds, far worse in a few) can gain in every seed of a small study. With 12 arms of independent,
centred exponential differences 27 % of studies call an effect. Raising small spreads to 0.7 of the
arms' median cures that, but hides small, steady effects beside noisy arms, and was not done.

Trainings that fail now and then are not seen where none of few seeds fails, and then nothing in
their numbers can tell of them. Of studies of an arm that is as good as the control in the mean, and
of which some trainings fail, in per cent those with a verdict; in brackets those of them that saw a
failure (tests/study/test_failures.py; depth in standard deviations of a training):

    failures  depth   5 seeds        10 seeds
    none      -        3.7 (0.0)      3.9 (0.0)
    10 %      5        4.5 (0.3)      5.7 (0.7)
    10 %      10       9.9 (0.0)     16.0 (0.2)
    10 %      20      30.9 (0.0)     33.5 (0.1)
    30 %      10      13.4 (0.2)      2.9 (0.2)

So a study that saw a failure is not fooled, at most 3.7 % of them err, and spreads that differ up
to tenfold do no harm (3.5 to 4.1 %). One that saw none says how many trainings may fail
nevertheless, `unseen_failure_rate`: fewer than 45 % at 5 seeds, than 26 % at 10.

Where each seed divides the same images anew, seeds have images in common, and the variance of their
mean is (1/n + n_test/n_train) s^2 in place of s^2/n: two seeds are taken to correlate by the share
that is tested. `overlap` is n_test/n_train of the whole split, not of the few images that an
arm may train on: with fewer, seeds have less in common. Studies of an arm that is as good as the
control in expectation in which it is said to help or to hurt, in per cent; in brackets without the
correction (tests/benchmarks/bench_each_seed.py; a fifth of 25, 50 and 250 images a class is tested;
the worst of the three):

    learner              the arms have    3 seeds       5 seeds       10 seeds
    nearest mean         other features   3.3 ( 5.8)    4.3 (11.4)    4.7 (22.8)
    nearest mean         half of them     2.7 ( 5.9)    4.2 ( 9.4)    4.5 (22.1)
    nearest mean         other images     0.7 ( 1.0)    1.5 ( 3.0)    0.2 ( 3.9)
    logistic regression  other features   2.9 ( 4.8)    4.8 (11.3)    4.5 (24.0)
    logistic regression  half of them     2.8 ( 4.5)    3.4 ( 9.7)    3.6 (21.4)
    logistic regression  other images     0.6 ( 1.3)    1.2 ( 3.5)    0.4 ( 4.3)
    nearest neighbour    other features   3.8 ( 5.9)    5.6 (11.8)    6.7 (27.4)
    nearest neighbour    half of them     3.7 ( 5.1)    4.7 (12.3)    5.4 (25.3)
    nearest neighbour    other images     1.4 ( 2.2)    1.2 ( 2.9)    0.6 ( 5.3)

What does not hold: up to 6.7 % for the nearest neighbour, which hangs on single training images, so
that two seeds have more in common than the share that is tested.

Source: Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249 (1983);
Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992);
Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05
MIN_SEEDS = 5
MAX_SKEWNESS = 1.0


def standard_errors(differences: NDArray[Any], overlap: float = 0.0) -> NDArray[Any]:
    """Standard error of the mean difference over the last axis.

    Differences that are all equal have no spread, and a t test would call them certain. Theirs is
    the standard error at which the t test gives the sign-flip p value, 2**(1 - n).

    Args:
        differences: Float, shape (..., n), n at least 2.
        overlap: Test images by training images where each seed has a split of its own, else 0.

    Returns:
        Shape (...); 0 only where every difference is 0.
    """
    n = differences.shape[-1]
    tied_errors = np.abs(differences.mean(-1)) / stats.t.isf(2.0**-n, n - 1)
    errors = np.where(tied(differences), tied_errors, differences.std(-1, ddof=1) / np.sqrt(n))
    return errors * np.sqrt(1 + n * overlap)


def p_values(differences: NDArray[Any], overlap: float = 0.0) -> NDArray[Any]:
    """Two-sided p values, shape (...), of the paired t test; 1 where every difference is 0."""
    errors = standard_errors(differences, overlap)
    mean = differences.mean(-1)
    t = np.divide(mean, errors, out=np.zeros_like(mean), where=errors > 0)
    return 2 * stats.t.sf(np.abs(t), differences.shape[-1] - 1)


def intervals(
    differences: NDArray[Any], overlap: float = 0.0, level: float = LEVEL
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Intervals of the mean that miss it in `level` of studies: 95 % ones, unless told otherwise.

    The hull of the t interval and of Hall's transformed one.

    Source: Hall (1992), the monotone cubic transformation, referred to Student's t rather than to
    the normal.

    Returns:
        Lower and upper ends, each of shape (...).
    """
    n = differences.shape[-1]
    mean, error = differences.mean(-1), standard_errors(differences, overlap)
    quantile = stats.t.isf(level / 2, n - 1)
    skewness = skewnesses(differences)
    lower = np.sqrt(n) * _undo_skewness(quantile / np.sqrt(n), skewness, n)
    upper = -np.sqrt(n) * _undo_skewness(-quantile / np.sqrt(n), skewness, n)
    return mean - error * np.maximum(quantile, lower), mean + error * np.maximum(quantile, upper)


def skewnesses(differences: NDArray[Any]) -> NDArray[Any]:
    """Sample skewness, third over second moment to 3/2, shape (...); 0 where all are equal."""
    centred = differences - differences.mean(-1, keepdims=True)
    second, third = (centred**2).mean(-1), (centred**3).mean(-1)
    has_spread = ~tied(differences)
    return np.divide(third, second**1.5, out=np.zeros_like(second), where=has_spread)


def needs_more_seeds(differences: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether more seeds are needed before `intervals` can be relied on; shape (...)."""
    has_few_seeds = differences.shape[-1] < MIN_SEEDS
    return has_few_seeds | tied(differences) | (np.abs(skewnesses(differences)) > MAX_SKEWNESS)


def tied(differences: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether all are equal but for rounding, shape (..., n) to (...)."""
    return np.ptp(differences, axis=-1) <= 1e-9 * np.abs(differences).max(-1)


def _undo_skewness(transformed: float, skewness: NDArray[Any], n: int) -> NDArray[Any]:
    """Inverse of g(t) = t + a s t^2 + (a s)^2 t^3 / 3 + b s / n with a = 1/3, b = 1/6."""
    a = skewness / 3
    shifted = transformed - skewness / (6 * n)
    is_linear = np.abs(a) < 1e-6
    safe_a = np.where(is_linear, 1.0, a)
    return np.where(is_linear, shifted, (np.cbrt(1 + 3 * safe_a * shifted) - 1) / safe_a)


def unseen_failure_rate(n: int) -> float:
    """The share of trainings that may fail although none of `n` was seen to; 95 % upper limit."""
    return 1 - LEVEL ** (1 / n)
