"""What a comparison is called: helps, hurts, the same, cannot tell; and whether a control holds.

"The same" means: within the margin of the metric, a difference that would change nothing for those
who use the result. It is two one-sided tests, each at 2.5 %: the deciding 95 % interval lies within
the margin, the same interval that decides on helps and hurts, over seeds, test images and overlap.
It takes `MIN_SEEDS` and an interval that can be relied on; see `small_samples.needs_more_seeds`.
Holm does not adjust it: each "the same" errs on its own in at most 2.5 %.

An interval that holds zero shows no equality. Of studies with a true difference of 0.05 at a
standard deviation of 0.05, in per cent, those that say "the same" within 0.05, where it is just not
so; in brackets those whose interval holds zero (tests/study/test_equivalence.py repeats them):

    differences               5 seeds        10 seeds
    normal                    1.2 (69.3)     1.7 (25.9)
    uniform                   1.8 (80.1)     1.4 (20.8)
    exponential, long above   6.8 (60.7)     4.9 ( 3.7)
    exponential, long below   0.1 (66.0)     0.3 (50.8)

Of equal arms at a standard deviation of 0.005, 57 % of studies with 5 seeds and 91 % of those with
10 show that they are the same within 0.01. What does not hold: 6.8 %, where a few seeds would be
far above the others.

Source: Schuirmann, J. Pharmacokin. Biopharm. 15 (1987). Differs: at 2.5 % in place of 5 %.
"""

from gan_mnist.study.statistics.paired import Comparison, Interval
from gan_mnist.study.statistics.small_samples import LEVEL, MIN_SEEDS


def verdict(
    comparison: Comparison,
    p_holm: float | None,
    higher_is_better: bool,
    margin: float | None = None,
) -> str:
    """ "helps", "hurts", "the same" or "cannot tell".

    An effect is called only if the adjusted p value is below 0.05, the interval, which allows for
    skewness, lies on one side of zero, and there are enough test images. Where all this holds it is
    called, even if the whole interval lies within the margin.
    """
    side = _side(comparison.deciding_ci95)
    if side and p_holm is not None and p_holm < LEVEL and not comparison.image_shortage:
        return "helps" if (side > 0) == higher_is_better else "hurts"
    return "the same" if is_same(comparison, margin) else "cannot tell"


def is_same(comparison: Comparison, margin: float | None) -> bool:
    """Whether the difference is shown to be within the margin; False without one."""
    is_reliable = comparison.n >= MIN_SEEDS and not comparison.image_shortage
    is_reliable = is_reliable and (not comparison.more_seeds_needed or _is_exact(comparison))
    return is_reliable and is_within(comparison.deciding_ci95, margin)


def is_within(interval: Interval | None, margin: float | None) -> bool:
    """Whether an interval lies within the margin."""
    return interval is not None and margin is not None and max(map(abs, interval)) < margin


def holds(relation: str, comparison: Comparison, margin: float | None = None) -> bool | None:
    """Whether an `Expectation` came out right in the metric's own direction.

    Args:
        relation: "below", "above": the interval over seeds excludes zero on that side. It does not
            hold if the interval excludes zero on the other side, or all differences are zero.
            "equal to": all differences are zero, or it is shown to be within the margin.
        comparison: The expectation's arm against its reference.
        margin: Of the metric; without one only equal values are equal.

    Returns:
        None where there is no interval, and where it shows nothing: it holds zero where it should
        not, or two that must be equal are shown neither equal nor different. That the machinery is
        broken does not follow: there may be nothing to gain, or too few seeds to see it.
    """
    if comparison.ci95 is None:
        return None
    if relation == "equal to":
        if _is_exact(comparison) or is_same(comparison, margin):
            return True
        is_different = _side(comparison.deciding_ci95) != 0
        return False if is_different and not is_within(comparison.deciding_ci95, margin) else None
    side = _side(comparison.ci95)
    if side == 0 and not _is_exact(comparison):
        return None
    return side == {"below": -1, "above": 1}[relation]


def _is_exact(comparison: Comparison) -> bool:
    """Whether all differences are zero."""
    return comparison.ci95 == (0.0, 0.0)


def _side(interval: Interval | None) -> int:
    """1 above zero, -1 below, 0 where it holds zero or is unknown."""
    return 0 if interval is None else int(interval[0] > 0) - int(interval[1] < 0)
