"""Arms compared seed by seed: means and differences.

Intervals and tests are those of `small_samples`, where it is told why.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gan_mnist.study.statistics.small_samples import (
    LEVEL,
    intervals,
    needs_more_seeds,
    p_values,
    standard_errors,
    tied,
)

Interval = tuple[float, float]
Bounds = tuple[float, float] | None
Name = TypeVar("Name", bound=Hashable)
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
        n: Number of common seeds; all else is unknown where it is 0.
        treated, control: Means over the common seeds.
        difference: Mean difference, in units of the metric; None, as the means, without a seed.
        ci95: 95 % interval of the difference; None, as `p_value`, for fewer than two seeds.
        p_value: Two-sided, unadjusted.
        standard_error: Of the difference.
        more_seeds_needed: True where `ci95` may cover less than it says; see `needs_more_seeds`.
        ci95_images, p_value_images: Over seeds and test images, see `test_images`; None where the
            records do not say which test images were right.
        overlap: As `overlap_of` gives it; 0 where seeds share their test images.
        image_shortage: Which test images are too few for a verdict, such as "2 test images of class
            '1'"; or "".
        over_seeds_alone: Whether it is known how many test images there are, and not which were
            right, so that nothing allows for their choice.
    """

    n: int
    treated: float | None = None
    control: float | None = None
    difference: float | None = None
    ci95: Interval | None = None
    p_value: float | None = None
    standard_error: float | None = None
    more_seeds_needed: bool = True
    ci95_images: Interval | None = None
    p_value_images: float | None = None
    image_shortage: str = ""
    overlap: float = 0.0
    over_seeds_alone: bool = False

    @property
    def deciding_ci95(self) -> Interval | None:
        """From the lower to the upper end of both intervals."""
        if self.ci95 is None or self.ci95_images is None:
            return self.ci95
        low, high = zip(self.ci95, self.ci95_images, strict=True)
        return min(low), max(high)

    @property
    def deciding_p_value(self) -> float | None:
        """The larger of both."""
        if self.p_value is None or self.p_value_images is None:
            return self.p_value
        return max(self.p_value, self.p_value_images)


def by_arm(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Records by arm and seed."""
    arms: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        arms.setdefault(record["arm"], {})[record["seed"]] = record
    return arms


def values_of(records: Mapping[int, Mapping[str, Any]], metric: str) -> Values:
    """A metric by seed, None where a record lacks it."""
    return {seed: record["metrics"].get(metric) for seed, record in records.items()}


def overlap_of(records: Iterable[Mapping[str, Any]]) -> float:
    """Ratio of test to training images, the largest of any record, if each seed has its own split.

    Seeds that divide the same images anew have many in common, so their values are alike; see
    `small_samples`.

    Args:
        records: With `dataset`, whose `each_seed` holds `n_test` and `n_train`.

    Returns:
        0 where all seeds share one split.
    """
    splits = (record.get("dataset", {}).get("each_seed") for record in records)
    return max((split["n_test"] / split["n_train"] for split in splits if split), default=0.0)


def estimate(
    values: Values, bounds: Bounds = None, overlap: float = 0.0, level: float = LEVEL
) -> Estimate:
    """Mean of the present, finite values and its interval.

    Args:
        values: By seed.
        bounds: Lowest and highest that a value can be, where the interval ends; or None.
        overlap: As `overlap_of` gives it.
        level: As of `compare`.
    """
    present = _finite(values)
    sample = np.array([present[seed] for seed in sorted(present)])
    if sample.size == 0:
        return Estimate(0, None, None)
    if sample.size == 1:
        return Estimate(1, float(sample[0]), None)
    # Measured from the first value, equal values are zeros and have the interval of width zero.
    low, high = intervals(sample - sample[0], overlap, level)
    interval = (float(low + sample[0]), float(high + sample[0]))
    return Estimate(sample.size, float(sample.mean()), _within(interval, bounds))


def compare(
    treated: Values,
    control: Values,
    bounds: Bounds = None,
    overlap: float = 0.0,
    level: float = LEVEL,
) -> Comparison:
    """Paired comparison, matched by seed; None, NaN and infinite values count as missing.

    Args:
        treated: Values by seed.
        control: Values by seed.
        bounds: Lowest and highest that a value of either can be, or None. Their distance bounds
            the difference, and the interval ends there.
        overlap: As `overlap_of` gives it.
        level: Share of intervals that miss the truth; `ci95` is a 95 % one by default only.
    """
    pairs = _pairs(treated, control)
    n = pairs.shape[1]
    if n == 0:
        return Comparison(0)
    mean_treated, mean_control = (float(row.mean()) for row in pairs)
    differences = _differences(*pairs)
    mean = float(differences.mean())
    if n == 1:
        return Comparison(1, mean_treated, mean_control, mean, overlap=overlap)
    low, high = intervals(differences, overlap, level)
    difference_bounds = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    return Comparison(
        n,
        mean_treated,
        mean_control,
        difference=mean,
        ci95=_within((float(low), float(high)), difference_bounds),
        p_value=float(p_values(differences, overlap)),
        standard_error=float(standard_errors(differences, overlap)),
        more_seeds_needed=bool(needs_more_seeds(differences)),
        overlap=overlap,
    )


def spread_of(treated: Values, control: Values) -> tuple[float, int] | None:
    """Standard deviation and number of the paired differences; None where it is unknown or 0."""
    pairs = _pairs(treated, control)
    differences = _differences(*pairs)
    if differences.size < 2 or tied(differences):
        return None
    return float(differences.std(ddof=1)), differences.size


def _within(interval: Interval, bounds: Bounds) -> Interval:
    """The part of an interval in which the truth can lie; cutting off the rest costs nothing."""
    if bounds is None:
        return interval
    low, high = map(float, bounds)
    return max(interval[0], low), min(interval[1], high)


def holm(p_by_name: Mapping[Name, float | None]) -> dict[Name, float | None]:
    """Holm-adjusted p values; what has none, such as an arm or a pair, stays None and counts not.

    Source: Holm, Scand. J. Statist. 6 (1979).
    """
    # Not statsmodels' multipletests: it collects all garbage of the process whenever it is asked.
    ascending = sorted(
        ((p, name) for name, p in p_by_name.items() if p is not None), key=lambda item: item[0]
    )
    adjusted: dict[Name, float | None] = dict.fromkeys(p_by_name)
    largest = 0.0
    for rank, (p, name) in enumerate(ascending):
        largest = adjusted[name] = max(largest, min(1.0, (len(ascending) - rank) * p))
    return adjusted


def gap_closed(
    arm: Values,
    control: Values,
    oracle: Values,
    higher_is_better: bool = True,
    overlap: float = 0.0,
    level: float = LEVEL,
) -> tuple[float, Interval] | None:
    """Share of the gap between control and oracle that `arm` closes, with Fieller's interval.

    Source: Fieller, J. R. Statist. Soc. B 16 (1954).

    Returns:
        (share, interval), 1 for the oracle itself; None where the oracle is not clearly better than
        the control on the common seeds, because a share of nothing means nothing.
    """
    treated, baseline, best = _pairs(arm, control, oracle)
    gains, gaps = _differences(treated, baseline), _differences(best, baseline)
    n = gains.size
    if n < 2:
        return None
    low, high = intervals(gaps, overlap, level)
    mean, squared = float(gaps.mean()), stats.t.isf(level / 2, n - 1) ** 2 * (1 / n + overlap)
    covariance = np.cov(gains, gaps)
    denominator = mean**2 - squared * covariance[1, 1]
    is_clear = low > 0 if higher_is_better else high < 0
    if not is_clear or denominator <= 0:
        return None
    gain = float(gains.mean())
    centre = gain * mean - squared * covariance[0, 1]
    numerator = gain**2 - squared * covariance[0, 0]
    # Never negative but by rounding, where gains are proportional to gaps.
    half_width = np.sqrt(max(centre**2 - denominator * numerator, 0.0))
    interval = (
        float((centre - half_width) / denominator),
        float((centre + half_width) / denominator),
    )
    return gain / mean, interval


def _finite(values: Values) -> dict[int, float]:
    return {
        seed: float(value)
        for seed, value in values.items()
        if value is not None and np.isfinite(value)
    }


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
