"""Paired statistics over few seeds. The seed is the replicate: n is 5 or 10, sometimes 2 or 3.

What was chosen, and what simulation said (tests/study/test_statistics.py repeats it):

- Test: the paired t test, adjusted by Holm. If a treatment does nothing, its arm and the control
  are exchangeable within a seed, so their differences are symmetric whatever the noise is. Of
  studies with 12 such arms at most 5 % see an effect, for normal, skewed, bounded and discrete
  noise; with the percentile bootstrap 48 % do at 5 seeds and 20 % at 10. A sign-flip test never
  falls below 2**(1 - n), 0.0625 for 5 seeds; a skewness-corrected p errs in 8 % of normal studies.
- Interval: the hull of the t interval and of Hall's, which allows for the skewness seen. At 5 and
  10 seeds it covers 96 % for normal differences, 93 and 94 % for exponential, 94 and 95 % for
  lognormal with sigma 0.5, 96 and 97 % for uniform; the t interval covers 88 % of 5 exponentials.
- `more_seeds_needed` says where even that may not hold: under 5 seeds, differences that are all
  equal, or a sample skewness beyond 1 (12 and 9 % of normal samples are flagged too). A rare
  collapse (a two-valued difference) is covered or flagged in over 99 %; a lognormal with sigma 1
  only in 89 % at 5 seeds.
- Verdict: a Holm-adjusted p below 0.05 *and* an interval on one side of zero.

What does not hold: a treatment that leaves the mean alone but skews the outcome (better in most
seeds, far worse in a few) can gain in every seed of a small study. With 12 arms of independent,
centred exponential differences 27 % of studies call an effect. Raising small spreads to 0.7 of the
arms' median cures that, but hides small, steady effects beside noisy arms, and was not done.

Source: Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992);
Holm, Scand. J. Statist. 6 (1979); Fieller, J. R. Statist. Soc. B 16 (1954).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.05
POWER = 0.8
MIN_SEEDS = 5
MAX_SKEWNESS = 1.0

Interval = tuple[float, float]
Bounds = tuple[float, float] | None
Values = Mapping[int, float | None]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        n: Number of seeds.
        mean: None without a seed.
        ci95: 95 % interval of the mean; None for fewer than two seeds.
    """

    n: int
    mean: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class Comparison:
    """Treated minus control over the seeds that both have.

    Attributes:
        n: Number of common seeds.
        treated, control: Means over the common seeds.
        difference: Mean difference, in units of the metric; None, as the means, without a seed.
        ci95: 95 % interval of the difference; None, as `p_value`, for fewer than two seeds.
        p_value: Two-sided, unadjusted.
        standard_error: Of the difference.
        more_seeds_needed: True where `ci95` may cover less than it says.
    """

    n: int
    treated: float | None
    control: float | None
    difference: float | None
    ci95: Interval | None
    p_value: float | None
    standard_error: float | None
    more_seeds_needed: bool


def standard_errors(differences: NDArray[Any]) -> NDArray[Any]:
    """Standard error of the mean difference over the last axis.

    Differences that are all equal have no spread, and a t test would call them certain. Theirs is
    the standard error at which the t test gives the sign-flip p value, 2**(1 - n).

    Args:
        differences: Float, shape (..., n), n at least 2.

    Returns:
        Shape (...); 0 only where every difference is 0.
    """
    n = differences.shape[-1]
    tied = np.abs(differences.mean(-1)) / stats.t.isf(2.0**-n, n - 1)
    return np.where(_tied(differences), tied, differences.std(-1, ddof=1) / np.sqrt(n))


def p_values(differences: NDArray[Any]) -> NDArray[Any]:
    """Two-sided p values, shape (...), of the paired t test; 1 where every difference is 0."""
    errors = standard_errors(differences)
    mean = differences.mean(-1)
    t = np.divide(mean, errors, out=np.zeros_like(mean), where=errors > 0)
    return 2 * stats.t.sf(np.abs(t), differences.shape[-1] - 1)


def intervals(differences: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """95 % intervals of the mean: the hull of the t interval and of Hall's transformed one.

    Source: Hall (1992), the monotone cubic transformation, referred to Student's t rather than to
    the normal.

    Returns:
        Lower and upper ends, each of shape (...).
    """
    n = differences.shape[-1]
    mean, error = differences.mean(-1), standard_errors(differences)
    quantile = stats.t.isf(LEVEL / 2, n - 1)
    skewness = skewnesses(differences)
    below = np.sqrt(n) * _undo_skewness(quantile / np.sqrt(n), skewness, n)
    above = -np.sqrt(n) * _undo_skewness(-quantile / np.sqrt(n), skewness, n)
    return mean - error * np.maximum(quantile, below), mean + error * np.maximum(quantile, above)


def skewnesses(differences: NDArray[Any]) -> NDArray[Any]:
    """Sample skewness, third over second moment to 3/2, shape (...); 0 where all are equal."""
    centred = differences - differences.mean(-1, keepdims=True)
    second, third = (centred**2).mean(-1), (centred**3).mean(-1)
    spread = ~_tied(differences)
    return np.divide(third, second**1.5, out=np.zeros_like(second), where=spread)


def flags(differences: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether more seeds are needed before `intervals` can be relied on; shape (...)."""
    few = differences.shape[-1] < MIN_SEEDS
    return few | _tied(differences) | (np.abs(skewnesses(differences)) > MAX_SKEWNESS)


def _tied(differences: NDArray[Any]) -> NDArray[np.bool_]:
    return np.ptp(differences, axis=-1) <= 1e-9 * np.abs(differences).max(-1)


def _undo_skewness(transformed: float, skewness: NDArray[Any], n: int) -> NDArray[Any]:
    """Inverse of g(t) = t + a s t^2 + (a s)^2 t^3 / 3 + b s / n with a = 1/3, b = 1/6."""
    a = skewness / 3
    shifted = transformed - skewness / (6 * n)
    straight = np.abs(a) < 1e-6
    safe = np.where(straight, 1.0, a)
    return np.where(straight, shifted, (np.cbrt(1 + 3 * safe * shifted) - 1) / safe)


def estimate(values: Values, bounds: Bounds = None) -> Estimate:
    """Mean of the present, finite values and its 95 % interval.

    Args:
        values: By seed.
        bounds: Lowest and highest that a value can be, where the interval ends; or None.
    """
    present = _finite(values)
    sample = np.array([present[seed] for seed in sorted(present)])
    if sample.size == 0:
        return Estimate(0, None, None)
    if sample.size == 1:
        return Estimate(1, float(sample[0]), None)
    # Measured from the first value, equal values are zeros and have the interval of width zero.
    low, high = intervals(sample - sample[0])
    ends = (float(low + sample[0]), float(high + sample[0]))
    return Estimate(sample.size, float(sample.mean()), _within(ends, bounds))


def compare(treated: Values, control: Values, bounds: Bounds = None) -> Comparison:
    """Paired comparison, matched by seed; None, NaN and infinite values count as missing.

    Args:
        treated: By seed.
        control: Likewise.
        bounds: Lowest and highest that a value of either can be, or None. Their difference can be
            as large as these are apart, and there the interval ends.
    """
    pairs = _pairs(treated, control)
    n = pairs.shape[1]
    if n == 0:
        return Comparison(0, None, None, None, None, None, None, True)
    mean_treated, mean_control = (float(row.mean()) for row in pairs)
    differences = _differences(*pairs)
    mean = float(differences.mean())
    if n == 1:
        return Comparison(1, mean_treated, mean_control, mean, None, None, None, True)
    low, high = intervals(differences)
    span = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    return Comparison(
        n,
        mean_treated,
        mean_control,
        difference=mean,
        ci95=_within((float(low), float(high)), span),
        p_value=float(p_values(differences)),
        standard_error=float(standard_errors(differences)),
        more_seeds_needed=bool(flags(differences)),
    )


def _within(interval: Interval, bounds: Bounds) -> Interval:
    """The part of an interval in which the truth can lie; cutting off the rest costs nothing."""
    if bounds is None:
        return interval
    low, high = map(float, bounds)
    return max(interval[0], low), min(interval[1], high)


def holm(p_by_arm: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm-adjusted p values; arms without a p value stay None and do not count."""
    tested = {arm: p for arm, p in p_by_arm.items() if p is not None}
    adjusted: dict[str, float | None] = dict.fromkeys(p_by_arm)
    if tested:
        values = multipletests(list(tested.values()), alpha=LEVEL, method="holm")[1]
        adjusted.update(zip(tested, map(float, values), strict=True))
    return adjusted


def verdict(comparison: Comparison, p_holm: float | None, higher_is_better: bool) -> str:
    """ "helps", "hurts" or "cannot tell".

    An effect is called only if the adjusted p value is below 0.05 and the interval, which allows
    for skewness, lies on one side of zero.
    """
    side = _side(comparison.ci95)
    if p_holm is None or p_holm >= LEVEL or side == 0:
        return "cannot tell"
    return "helps" if (side > 0) == higher_is_better else "hurts"


def smallest_detectable_effect(comparison: Comparison, tests: int) -> float | None:
    """The true difference that this many seeds find with 80 % power at Holm's strictest level.

    The power is that of the t test at level 0.05 / `tests`, with the spread seen here.
    In units of the metric; None without a spread. `tests` is the number of arms Holm adjusts over.
    """
    if not comparison.standard_error:
        return None
    df = comparison.n - 1
    critical = stats.t.isf(LEVEL / 2 / tests, df)
    # Not statsmodels' solve_power: at few seeds and strict levels it stops at a wrong value.
    shift = optimize.brentq(lambda s: stats.nct.sf(critical, df, s) - POWER, 0.0, 20 * critical)
    return float(shift * comparison.standard_error)


def gap_closed(
    arm: Values, control: Values, oracle: Values, higher_is_better: bool = True
) -> tuple[float, Interval] | None:
    """Share of the gap between control and oracle that `arm` closes, with Fieller's 95 % interval.

    Returns:
        (share, interval), 1 for the oracle itself; None where the oracle is not clearly better than
        the control on the common seeds, because a share of nothing means nothing.
    """
    treated, base, best = _pairs(arm, control, oracle)
    gains, gaps = _differences(treated, base), _differences(best, base)
    n = gains.size
    if n < 2:
        return None
    low, high = intervals(gaps)
    mean, squared = float(gaps.mean()), stats.t.isf(LEVEL / 2, n - 1) ** 2 / n
    spread = np.cov(gains, gaps)
    denominator = mean**2 - squared * spread[1, 1]
    clear = low > 0 if higher_is_better else high < 0
    if not clear or denominator <= 0:
        return None
    gain = float(gains.mean())
    centre = gain * mean - squared * spread[0, 1]
    numerator = gain**2 - squared * spread[0, 0]
    # Never negative but by rounding, where gains are proportional to gaps.
    half = np.sqrt(max(centre**2 - denominator * numerator, 0.0))
    ends = (float((centre - half) / denominator), float((centre + half) / denominator))
    return gain / mean, ends


def holds(relation: str, comparison: Comparison) -> bool | None:
    """Whether an `Expectation` came out right in the metric's own direction.

    Args:
        relation: "below", "above": the interval excludes zero on that side; "equal to": holds it.
        comparison: The expectation's arm against its reference.

    Returns:
        None where there is no interval, and where one of few seeds holds zero, which shows
        nothing; unless all differences are zero.
    """
    if comparison.ci95 is None:
        return None
    side, exact = _side(comparison.ci95), comparison.ci95 == (0.0, 0.0)
    if side == 0 and comparison.n < MIN_SEEDS and not exact:
        return None
    return side == {"below": -1, "equal to": 0, "above": 1}[relation]


def _side(interval: Interval | None) -> int:
    """1 above zero, -1 below, 0 where it holds zero or is unknown."""
    return 0 if interval is None else int(interval[0] > 0) - int(interval[1] < 0)


def _finite(values: Values) -> dict[int, float]:
    return {s: float(v) for s, v in values.items() if v is not None and np.isfinite(v)}


def _pairs(*samples: Values) -> NDArray[np.float64]:
    """The values of the common seeds, shape (samples, n)."""
    finite = [_finite(sample) for sample in samples]
    seeds = sorted(set.intersection(*(set(sample) for sample in finite)))
    return np.array([[sample[seed] for seed in seeds] for sample in finite])


def _differences(treated: NDArray[Any], control: NDArray[Any]) -> NDArray[Any]:
    """`treated - control`, with what is only rounding set to zero."""
    difference = treated - control
    rounding = 1e-12 * np.maximum(np.abs(treated), np.abs(control))
    return np.where(np.abs(difference) <= rounding, 0.0, difference)
