"""Looks at a study before its last seed, announced beforehand, that keep false verdicts at 5 %.

Who adds seeds until a verdict appears, takes chance for effect. With announced looks a p value
counts as what it is worth: the share of studies without an effect in which any of the looks has a
p value as small. It is a p value at whatever look the study stops, so Holm's procedure and the gate
of `primary` hold for it. Intervals are the ones at the level that counts as 5 %; at all looks
together 95 % of studies have the truth in each of them.

Looks at 5, 7, 10, 15 and 20 seeds: 0.0145 counts as 0.05. In per cent the comparisons with a
verdict, and the mean number of seeds at which all are decided; beside it a study of 10 seeds
(tests/study/test_looks.py repeats it):

    effects of all, in sd       0.5      1      1.5      2       3       4
    one     called            37      94     100     100     100     100
            seeds             17.7    12.2     8.4     6.9     5.8     5.5
            called, 10 seeds  26      74      97      99      99     100
    two     called            29      94     100     100     100     100
            seeds             19.4    14.8    10.2     8.1     6.6     6.0
            called, 10 seeds  20      70      95      99     100     100

So a third is saved from 2 sd on with one primary comparison, and from 3 sd on with two; more than
half of the published differences to a control are larger than 3. A comparison without effect runs
to the end, unless its metric has a margin: equal within 2 sd is decided with 8.1 seeds, within 1 sd
with 15.
Nothing is saved by looks where an effect is smaller than 1.5 sd, but it is found more often.

What does not hold: 5 % is that of normal noise. With the noise of published arms 5.4 % of
comparisons without effect are called at one of these looks in the mean, as the first has five seeds
and may not have seen a training that fails. Where three of ten trainings of the control do, as in
conditional_gan, it is 19 %; where one of ten of an arm does, 23 % in denoising, 13 % in batching,
11 % in digit_cnn.

Source: Pocock, Biometrika 64 (1977): one nominal level at all looks, here of the t test and by
simulation; Jennison and Turnbull, Group Sequential Methods (2000), chapter 9: repeated confidence
intervals. Holm's procedure at looks: Maurer and Bretz, Stat. Biopharm. Res. 5 (2013).
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gan_mnist.study.statistics.paired import Name, holm
from gan_mnist.study.statistics.small_samples import LEVEL

_STUDIES = 200_000
# Below it simulation is too coarse, and Bonferroni's bound is hardly more than the truth.
_RARE = 1e-3


def look_level(looks: Sequence[int]) -> float:
    """The p value that counts as `LEVEL`; `LEVEL` itself where there is one look, or none."""
    if len(looks) < 2:
        return LEVEL
    return float(np.quantile(_smallest_p_values(tuple(looks)), LEVEL))


def adjusted_p(p_value: float | None, looks: Sequence[int]) -> float | None:
    """A p value at one of the looks, adjusted for all of them: never less than itself.

    Args:
        p_value: Two-sided, of a paired t test over the seeds of that look.
        looks: Numbers of seeds, ascending, at all of which the study may stop.
    """
    if p_value is None or len(looks) < 2:
        return p_value
    bound = len(looks) * p_value
    if bound < _RARE:
        return bound
    smallest = _smallest_p_values(tuple(looks))
    share = np.searchsorted(smallest, p_value, side="right") / smallest.size
    return float(max(min(share, bound), _RARE, p_value))


def holm_at_looks(
    p_by_name: Mapping[Name, float | None], looks: Sequence[int]
) -> dict[Name, float | None]:
    """As `paired.holm`, of p values at one of the looks, each adjusted for all of them first."""
    return holm({name: adjusted_p(p, looks) for name, p in p_by_name.items()})


def spent_level(looks: Sequence[int], until: int) -> float:
    """The share of `LEVEL` that is used up with the look at `until` seeds, as a level."""
    if len(looks) < 2:
        return LEVEL
    past_looks = tuple(look for look in looks if look <= until)
    return float(np.mean(_smallest_p_values(past_looks) <= look_level(looks)))


@functools.cache
def _smallest_p_values(looks: tuple[int, ...]) -> NDArray[np.float64]:
    """The smallest of all looks, of many normal studies without effect; ascending."""
    rng = np.random.default_rng(0)
    totals, squares, smallest = (np.full(_STUDIES, initial) for initial in (0.0, 0.0, 1.0))
    previous_n = 0
    for n in looks:
        differences = rng.normal(size=(_STUDIES, n - previous_n))
        totals += differences.sum(-1)
        squares += (differences**2).sum(-1)
        error = np.sqrt((squares - totals**2 / n) / (n - 1) * n)
        p_values = 2 * special.stdtr(n - 1, -np.abs(totals / error))
        smallest, previous_n = np.minimum(smallest, p_values), n
    return np.sort(smallest)
