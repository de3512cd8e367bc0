"""Ranks over data sets, held against Demšar's own numbers and another library."""

import numpy as np
import pytest

from gan_mnist.study.statistics.ranks import in_words, rank

# Demšar (2006), table 6: AUC of C4.5 and its variants on 14 data sets. Two that are printed alike,
# 0.975, have different ranks there.
C45 = [
    *(0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661),
    *(0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957),
]
C45_M = [
    *(0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668),
    *(0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978),
]
C45_CF = [
    *(0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609),
    *(0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946),
]
C45_M_CF = [
    *(0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685),
    *(0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970),
]
PAPER = {"C4.5": C45, "C4.5+m": C45_M, "C4.5+cf": C45_CF, "C4.5+m+cf": C45_M_CF}


def test_it_is_the_example_of_the_paper():
    ranking = rank(PAPER, higher_is_better=True)
    assert {name: round(mean, 3) for name, mean in ranking.mean.items()} == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.000,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert list(ranking.mean) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.num_data_sets == 14
    # The paper's 9.28 leaves ties out: four arms on one data set, two on three.
    assert ranking.chi2 == pytest.approx(9.28 / (1 - (60 + 3 * 6) / (14 * 60)), abs=0.005)


def test_lower_may_be_better():
    ranking = rank({name: [-v for v in of] for name, of in PAPER.items()}, higher_is_better=False)
    assert ranking == rank(PAPER, higher_is_better=True)


def test_arms_that_are_equal_everywhere_are_told_so():
    ranking = rank({arm: [0.5, 0.6, 0.7] for arm in "abc"}, higher_is_better=True)
    assert (ranking.chi2, ranking.p_value) == (None, 1.0)
    assert in_words(ranking) == ["All arms are equal on 3 data sets."]


def test_what_differs_by_rounding_alone_is_equal():
    """Means of the same three accuracies, in another order."""
    orders = {"a": (0.7, 0.8, 0.9), "b": (0.9, 0.8, 0.7), "c": (0.8, 0.8, 0.8)}
    means = {name: [sum(of) / 3] * 4 for name, of in orders.items()}
    assert len({of[0] for of in means.values()}) > 1
    assert in_words(rank(means, higher_is_better=True)) == ["All arms are equal on 4 data sets."]


def test_three_data_sets_cannot_tell_three_arms_apart_unless_they_agree():
    values = {"a": [1.0, 2.0, 3.0], "b": [0.9, 1.9, 2.9], "c": [0.8, 1.8, 2.8]}
    ranking = rank(values, higher_is_better=True)
    assert ranking.mean == {"a": 1, "b": 2, "c": 3}
    assert ranking.critical_difference < ranking.largest == 2
    first, second = in_words(ranking)
    assert "p = 0.0498; a difference between arms is shown" in first
    assert "more than 1.91 apart" in second


def test_what_could_not_have_been_found_is_told():
    rng = np.random.default_rng(0)
    values = {str(arm): rng.normal(size=3).tolist() for arm in range(3)}
    values["0"] = values["1"]
    told = in_words(rank(values, higher_is_better=True))
    assert "no difference between arms is shown" in told[0]
    few = {name: of[:3] for name, of in PAPER.items()}
    assert rank(few, True).critical_difference < 3
    two = rank({name: of[:2] for name, of in PAPER.items()}, True)
    assert two.critical_difference > two.largest == 3
    assert "No two arms could have been told apart" in in_words(two)[1]


def test_figure_joins_arms_that_another_library_does_not_tell_apart():
    import scikit_posthocs as posthocs

    from gan_mnist.report.ranked import critical_difference

    ranking = rank(PAPER, higher_is_better=True)
    table = np.array(list(PAPER.values())).T
    p_values = posthocs.posthoc_nemenyi_friedman(table).to_numpy()
    names = list(PAPER)
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            apart = abs(ranking.mean[one] - ranking.mean[other])
            assert (p_values[row, column] < 0.05) == (apart > ranking.critical_difference)
    figure = critical_difference(ranking)
    (axes,) = figure.axes
    told = [text.get_text().strip() for text in axes.texts]
    assert all(any(name in text for text in told) for name in names)
    assert "critical difference 1.25" in told
