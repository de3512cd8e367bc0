"""One study on several data sets: ranks of its arms, and which ranks differ.

Source: Demšar, J. Mach. Learn. Res. 7 (2006): Friedman's test, then Nemenyi's critical difference.
Ranks are of means over seeds, 1 for the best; equal means share the mean of their ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_mnist.study.statistics.small_samples import LEVEL

# Friedman's test wants as many of both.
LEAST = 3


@dataclass(frozen=True)
class Ranking:
    """Ranks of arms over data sets.

    Attributes:
        mean: Mean rank by arm, the best first.
        num_data_sets: Over how many.
        chi2: Friedman's statistic; None where all arms are equal everywhere.
        p_value: Its p value; 1 there.
        critical_difference: Mean ranks further apart differ at 5 %, all pairs considered.
    """

    mean: Mapping[str, float]
    num_data_sets: int
    chi2: float | None
    p_value: float
    critical_difference: float

    @property
    def largest(self) -> int:
        """The largest difference that two mean ranks can have."""
        return len(self.mean) - 1


def rank(values: Mapping[str, Sequence[float]], higher_is_better: bool) -> Ranking:
    """Ranks the arms on each data set and tests whether they differ.

    Args:
        values: By arm, at least three, a number for each of at least three data sets.
        higher_is_better: Of the values.
    """
    # Means of equal values in another order differ in the last digits.
    table = np.array(
        [[float(f"{value:.12g}") for value in arm_values] for arm_values in values.values()]
    ).T
    ranks = stats.rankdata(-table if higher_is_better else table, axis=1)
    num_data_sets, num_arms = table.shape
    if np.ptp(ranks):
        chi2, p_value = map(float, stats.friedmanchisquare(*ranks.T))
    else:
        chi2, p_value = None, 1.0
    quantile = stats.studentized_range.isf(LEVEL, num_arms, np.inf) / np.sqrt(2)
    mean_ranks = dict(zip(values, map(float, ranks.mean(0)), strict=True))
    return Ranking(
        mean=dict(sorted(mean_ranks.items(), key=lambda pair: pair[1])),
        num_data_sets=num_data_sets,
        chi2=chi2,
        p_value=p_value,
        critical_difference=float(
            quantile * np.sqrt(num_arms * (num_arms + 1) / (6 * num_data_sets))
        ),
    )


def in_words(ranking: Ranking) -> list[str]:
    """What the ranks say, and what they could not have said, in sentences."""
    data_sets = f"{ranking.num_data_sets} data sets"
    if ranking.chi2 is None:
        return [f"All arms are equal on {data_sets}."]
    determiner = "a" if ranking.p_value < LEVEL else "no"
    lines = [
        f"Friedman's test over {data_sets}: chi2 = {ranking.chi2:.2f}, p = {ranking.p_value:.3g}; "
        f"{determiner} difference between arms is shown."
    ]
    critical = f"{ranking.critical_difference:.2f}"
    if ranking.critical_difference >= ranking.largest:
        return [
            *lines,
            f"No two arms could have been told apart: mean ranks must be {critical} apart "
            f"(Nemenyi, 5 %), and cannot be more than {ranking.largest}.",
        ]
    if ranking.p_value < LEVEL:
        lines.append(f"Two arms differ where mean ranks are more than {critical} apart (Nemenyi).")
    return lines
