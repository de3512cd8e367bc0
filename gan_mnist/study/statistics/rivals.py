"""An arm against the best of several rivals, when it was not known beforehand which that is.

With d[r] the difference of the arm to rival r, the difference to the best one is the smallest d[r].
It is above zero only if each d[r] is, so the largest of their p values counts, uncorrected. It is
below zero if any d[r] is, so the smallest p value counts, times the number of rivals. Its interval
reaches from the lowest of the lower ends to the lowest of the upper ends, those at a level that is
divided by the number of rivals.

Source: Berger, Technometrics 24 (1982), intersection-union tests; Hsu, Annals of Statistics 12
(1984), multiple comparisons with the best, of which these are the paired ones of Bonferroni.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gan_mnist.study.statistics.paired import Bounds, Comparison, Values, compare
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.statistics.test_images import over_images
from gan_mnist.study.words import first_told


class BestRival(NamedTuple):
    """An arm against the best of several rivals.

    Attributes:
        rival: Which that is.
        comparison: The arm's comparison with whichever rival is the best.
        missing: Rivals that could not be compared: nothing is above them.
    """

    rival: str
    comparison: Comparison
    missing: list[str]


def against_best(
    name: str,
    rivals: Sequence[str],
    values: Mapping[str, Values],
    records: Mapping[str, Mapping[int, Mapping[str, Any]]],
    higher_is_better: bool = True,
    bounds: Bounds = None,
    overlap: float = 0.0,
    level: float = LEVEL,
) -> BestRival | None:
    """The best rival, the arm's comparison with whichever is the best, and rivals left out.

    Args:
        name: Name of the arm.
        rivals: Names of arms.
        values: Values by arm and seed.
        records: Records of finished trials by arm and seed; they may say which images were right.
        higher_is_better: Whether higher values are better.
        bounds: As for `compare`.
        overlap: As `overlap_of` gives it.
        level: As for `compare`.

    Returns:
        None where the arm has fewer than two seeds in common with every rival; those with which
        it has fewer are `missing`.
    """

    def compare_all(interval_level: float) -> dict[str, Comparison]:
        over_seeds = {
            rival: compare(values[name], values[rival], bounds, overlap, interval_level)
            for rival in rivals
        }
        return {
            rival: over_images(comparison, records[name], records[rival], interval_level)
            for rival, comparison in over_seeds.items()
            if comparison.ci95 is not None
        }

    comparisons = compare_all(level)
    if not comparisons:
        return None
    missing = [rival for rival in rivals if rival not in comparisons]
    sign = 1 if higher_is_better else -1
    gains = {
        rival: sign * (comparison.difference or 0.0) for rival, comparison in comparisons.items()
    }
    best_rival = min(gains, key=lambda rival: gains[rival])
    if len(comparisons) == 1:
        return BestRival(best_rival, comparisons[best_rival], missing)
    lows = [_ends(comparison, sign)[0] for comparison in comparisons.values()]
    highs = [
        _ends(comparison, sign)[1] for comparison in compare_all(level / len(comparisons)).values()
    ]
    p_values = {
        rival: comparison.deciding_p_value or 0.0 for rival, comparison in comparisons.items()
    }
    worse_p = [p for rival, p in p_values.items() if gains[rival] < 0]
    low, high = sorted((sign * min(lows), sign * min(highs)))
    comparison = replace(
        comparisons[best_rival],
        n=min(comparison.n for comparison in comparisons.values()),
        ci95=(low, high),
        p_value=min(1.0, len(comparisons) * min(worse_p)) if worse_p else max(p_values.values()),
        ci95_images=None,
        p_value_images=None,
        more_seeds_needed=any(comparison.more_seeds_needed for comparison in comparisons.values()),
        image_shortage=first_told(comparison.image_shortage for comparison in comparisons.values()),
    )
    return BestRival(best_rival, comparison, missing)


def _ends(comparison: Comparison, sign: int) -> tuple[float, float]:
    """The deciding interval in the direction of what is better."""
    low, high = sorted(sign * bound for bound in comparison.deciding_ci95 or ())
    return low, high
