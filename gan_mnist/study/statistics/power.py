"""How large an effect must be to be found, and how many seeds find one.

Found means: in 80 % of studies there is a verdict, a paired t test at the level of Holm's first
step, 0.05 divided by the number of tests, and an interval on one side of zero. In standard
deviations of the paired difference, in brackets for the t test alone, for 1, 3, 11 and 29 tests:

    seeds      1            3            11             29
    3        6.2 (3.3)    7.4 (5.7)    11.1 (10.9)    17.7 (17.6)
    5        2.2 (1.7)    2.6 (2.3)     3.5 ( 3.2)     4.3 ( 4.2)
    10       1.1 (1.0)    1.3 (1.2)     1.5 ( 1.5)     1.8 ( 1.7)
    20       0.7 (0.7)    0.8 (0.8)     0.9 ( 0.9)     1.0 ( 1.0)

This is over seeds; where a verdict covers test images too, few of them make it harder.

Source: the noncentral t distribution, exact for the t test and normal differences. What the
interval adds, is simulated, up to as many seeds as it matters for.
"""

import functools
import math

import numpy as np
from scipy import optimize, stats

from gan_mnist.study.statistics.paired import Bounds, Comparison
from gan_mnist.study.statistics.small_samples import LEVEL, MIN_SEEDS, intervals, standard_errors

POWER = 0.8
MOST_SEEDS = 1000
_SIMULATED_SEEDS, _STUDIES = 40, 20_000


def detectable_errors(n: int, tests: float) -> float:
    """The effect that the t test finds in 80 % of studies, in standard errors of the mean.

    Args:
        n: Seeds, at least 2.
        tests: Over which Holm adjusts; at least 1.
    """
    critical = stats.t.isf(LEVEL / 2 / tests, n - 1)
    # Not statsmodels' solve_power: at few seeds and strict levels it stops at a wrong value.
    shift = optimize.brentq(lambda s: stats.nct.sf(critical, n - 1, s) - POWER, 0.0, 20 * critical)
    return float(shift)


@functools.cache
def detectable_effect(n: int, tests: float, overlap: float = 0.0) -> float:
    """The effect at which 80 % of studies have a verdict, in sd of the paired difference.

    Args:
        n: Seeds, at least 2.
        tests: Over which Holm adjusts; at least 1.
        overlap: As `paired.overlap_of` gives it.
    """
    if n > _SIMULATED_SEEDS:
        return detectable_errors(n, tests) * math.sqrt(1 / n + overlap)
    noise = np.random.default_rng(0).normal(size=(_STUDIES, n))
    critical = stats.t.isf(LEVEL / 2 / tests, n - 1)
    # An effect moves the mean and the interval, and leaves all else of a study as it is.
    thresholds = np.maximum(
        critical * standard_errors(noise) - noise.mean(-1), -intervals(noise)[0]
    )
    return float(np.quantile(thresholds, POWER)) * math.sqrt(1 + n * overlap)


def smallest_detectable_effect(
    comparison: Comparison, tests: float, bounds: Bounds = None
) -> float | None:
    """The true difference at which 80 % of studies of so many seeds have a verdict.

    Args:
        comparison: Whose spread is taken for the true one.
        tests: Over which Holm adjusts; at least 1.
        bounds: Lowest and highest that a value of the metric can be, or None.

    Returns:
        In units of the metric; None without a spread, or if no true difference is so large.
    """
    if not comparison.standard_error:
        return None
    # The standard error allows for what seeds have in common, so the effect need not.
    spread = comparison.standard_error * math.sqrt(comparison.n)
    effect = detectable_effect(comparison.n, tests) * spread
    return None if bounds is not None and effect > bounds[1] - bounds[0] else effect


def seeds_needed(effect: float, tests: float, overlap: float = 0.0) -> int | None:
    """The fewest seeds from `MIN_SEEDS` on that find `effect`, in sd; None if none do."""
    low, high = MIN_SEEDS - 1, MOST_SEEDS
    if detectable_effect(high, tests, overlap) > effect:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        is_detectable = detectable_effect(middle, tests, overlap) <= effect
        low, high = (low, middle) if is_detectable else (middle, high)
    return high


def largest_spread(spread: float, n: int) -> float:
    """The upper 80 % limit of a standard deviation that `n` seeds of a pilot showed.

    Source: Browne, Statistics in Medicine 14 (1995): a study that is planned with it finds the
    effect as often as it is meant to with a chance of 80 %.
    """
    return spread * math.sqrt((n - 1) / float(stats.chi2.ppf(1 - POWER, n - 1)))
