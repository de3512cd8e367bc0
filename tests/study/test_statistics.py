"""Comparisons seed by seed, checked against scipy, by hand and at their edges."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from gan_mnist.study.statistics import paired, power, verdicts
from gan_mnist.study.statistics.paired import compare, estimate
from gan_mnist.study.statistics.small_samples import intervals


def values(*numbers):
    return dict(enumerate(numbers))


def test_compare_agrees_with_scipy_where_the_differences_are_symmetric():
    control = [0.30, 0.42, 0.25, 0.38, 0.33]
    treated = [c + d for c, d in zip(control, [0.10, 0.12, 0.14, 0.16, 0.18], strict=True)]
    expected = stats.ttest_rel(treated, control)
    found = compare(values(*treated), values(*control))
    assert found.n == 5
    assert found.difference == pytest.approx(0.14)
    assert (found.treated, found.control) == (pytest.approx(0.476), pytest.approx(0.336))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.ci95 == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.more_seeds_needed is False


def test_intervals_end_where_values_do():
    shares, others = values(0.9, 0.1, 0.8), values(0.1, 0.7, 0.1)
    unbounded = compare(shares, others)
    assert unbounded.ci95[0] < -1 and unbounded.ci95[1] > 1
    found = compare(shares, others, bounds=(0, 1))
    assert found.ci95 == (-1, 1)
    assert replace(found, ci95=unbounded.ci95) == unbounded
    low, high = estimate(shares).ci95
    assert low < 0 and high > 1
    assert estimate(shares, bounds=(0, 1)).ci95 == (0, 1)
    assert estimate(shares, bounds=(-9, 1)).ci95 == (low, 1)


def test_the_interval_of_a_skewed_sample_reaches_to_where_halls_transformation_does():
    sample = np.array([0.1, 0.2, 0.25, 0.4, 2.0])
    found = compare(values(*sample), values(*np.zeros(5)))
    spread, skewness = sample.std(ddof=1), stats.skew(sample)
    end = (sample.mean() - found.ci95[1]) / spread
    transformed = end + skewness * end**2 / 3 + skewness**2 * end**3 / 27 + skewness / 30
    assert transformed * math.sqrt(5) == pytest.approx(stats.t.ppf(0.025, 4))
    symmetric = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert found.ci95[1] > symmetric.high
    assert found.ci95[0] == pytest.approx(symmetric.low)
    assert found.more_seeds_needed is True


def test_seeds_are_matched_by_number_and_missing_ones_are_left_out():
    treated = {3: 0.9, 0: 0.5, 7: float("nan"), 1: 0.7, 9: 1.0, 4: None}
    control = {0: 0.4, 1: 0.2, 3: 0.1, 4: 0.3, 7: 0.3, 8: 0.0}
    found = compare(treated, control)
    assert found.n == 3
    assert found.difference == pytest.approx((0.1 + 0.5 + 0.8) / 3)
    assert found.p_value == pytest.approx(stats.ttest_1samp([0.1, 0.5, 0.8], 0).pvalue)
    assert found.more_seeds_needed is True


def test_no_seed_and_one_seed_have_no_interval():
    nothing = compare({0: 1.0}, {1: 1.0})
    assert (nothing.n, nothing.difference, nothing.ci95, nothing.p_value) == (0, None, None, None)
    single = compare({0: 1.0}, {0: 0.75})
    assert (single.n, single.difference, single.ci95, single.p_value) == (1, 0.25, None, None)
    assert nothing.more_seeds_needed and single.more_seeds_needed
    for comparison in (nothing, single):
        assert verdicts.verdict(comparison, None, True) == "cannot tell"
        assert power.smallest_detectable_effect(comparison, 1) is None


def test_differences_that_are_all_zero_say_nothing():
    found = compare(values(0.1 + 0.2, 1.0, 0.5, 0.6, 0.7), values(0.3, 1.0, 0.5, 0.6, 0.7))
    assert (found.difference, found.ci95, found.p_value) == (0.0, (0.0, 0.0), 1.0)
    assert verdicts.holds("equal to", found) is True
    assert verdicts.holds("above", found) is False
    assert power.smallest_detectable_effect(found, 3) is None


def test_no_effect_is_detectable_that_the_metric_cannot_have():
    found = compare(values(0.9, 0.5), values(0.1, 0.6))
    assert power.smallest_detectable_effect(found, 1) > 1
    assert power.smallest_detectable_effect(found, 1, (0.0, 1.0)) is None
    found = compare(values(0.61, 0.5), values(0.6, 0.5))
    assert 0 < power.smallest_detectable_effect(found, 1, (0.0, 1.0)) < 1


@pytest.mark.parametrize("n", [2, 5, 10])
def test_equal_differences_are_no_more_certain_than_the_signs(n):
    control = np.linspace(0.1, 0.5, n)
    found = compare(values(*(control + 0.1)), values(*control))
    assert found.p_value == pytest.approx(2.0 ** (1 - n))
    low, high = found.ci95
    assert (low > 0) == (2.0 ** (1 - n) < 0.05)
    assert (low + high) / 2 == pytest.approx(0.1)
    assert found.more_seeds_needed is True


def test_estimate_of_none_one_equal_and_spread_values():
    assert paired.estimate({0: None}) == paired.Estimate(0, None, None)
    assert paired.estimate({4: 0.5}) == paired.Estimate(1, 0.5, None)
    assert paired.estimate(values(0.9, 0.9, 0.9)) == paired.Estimate(
        3, pytest.approx(0.9), (0.9, 0.9)
    )
    sample = [20.0, 21.0, 22.0, 23.0, 24.0]
    expected = stats.t.interval(0.95, 4, 22.0, stats.sem(sample))
    assert paired.estimate(values(*sample)).ci95 == pytest.approx(expected)


def test_holm_by_hand():
    adjusted = paired.holm({"a": 0.01, "b": 0.04, "c": 0.03, "absent": None})
    assert adjusted == {
        "a": pytest.approx(0.03),
        "b": pytest.approx(0.06),
        "c": pytest.approx(0.06),
        "absent": None,
    }
    assert paired.holm({"absent": None}) == {"absent": None}
    # Names need not be of one type, nor have an order.
    assert paired.holm({None: 0.02, (1, "a"): 0.02}) == {None: 0.04, (1, "a"): 0.04}


@pytest.mark.parametrize(
    ("higher_is_better", "sign", "expected"),
    [(True, 1, "helps"), (True, -1, "hurts"), (False, 1, "hurts"), (False, -1, "helps")],
)
def test_the_verdict_is_oriented(higher_is_better, sign, expected):
    gains = sign * np.array([0.30, 0.32, 0.34, 0.36, 0.38])
    found = compare(values(*gains), values(*np.zeros(5)))
    assert verdicts.verdict(found, 0.049, higher_is_better) == expected
    assert verdicts.verdict(found, 0.05, higher_is_better) == "cannot tell"


def test_a_small_p_does_not_outweigh_an_interval_that_holds_zero():
    found = compare(values(0.01, 0.5, 0.52, 0.51, 0.53), values(*np.zeros(5)))
    assert found.p_value < 0.05
    assert found.ci95[0] < 0 < found.ci95[1]
    assert verdicts.verdict(found, found.p_value, True) == "cannot tell"
    assert found.more_seeds_needed is True


def test_fiellers_ends_are_where_the_t_test_turns():
    control = [0.30, 0.35, 0.28, 0.40, 0.33, 0.31]
    oracle = [0.98, 0.97, 0.99, 0.99, 0.96, 0.98]
    arm = [0.80, 0.91, 0.70, 0.88, 0.85, 0.79]
    share, ends = paired.gap_closed(values(*arm), values(*control), values(*oracle))
    gains, gaps = np.subtract(arm, control), np.subtract(oracle, control)
    assert share == pytest.approx(gains.mean() / gaps.mean())
    assert ends[0] < share < ends[1]
    for end in ends:
        assert stats.ttest_1samp(gains - end * gaps, 0).pvalue == pytest.approx(0.05)


def test_the_oracle_closes_its_own_gap_in_either_direction():
    control, oracle = values(0.3, 0.4, 0.5, 0.6, 0.45), values(0.9, 0.94, 0.95, 0.99, 0.92)
    for higher_is_better, (base, best) in ((True, (control, oracle)), (False, (oracle, control))):
        share, ends = paired.gap_closed(best, base, best, higher_is_better)
        assert (share, *ends) == pytest.approx((1, 1, 1))
        assert paired.gap_closed(best, base, best, not higher_is_better) is None


def test_no_share_of_a_gap_that_is_not_there():
    control, oracle = values(0.3, 0.4, 0.5, 0.6, 0.4), values(0.5, 0.3, 0.5, 0.5, 0.6)
    assert paired.gap_closed(control, control, oracle) is None
    assert paired.gap_closed({0: 0.5}, {0: 0.1}, {0: 0.9}) is None


@pytest.mark.parametrize(("n", "tests"), [(3, 1), (5, 1), (5, 12), (10, 12)])
def test_four_in_five_studies_have_a_verdict_at_the_smallest_detectable_effect(n, tests):
    differences = np.random.default_rng(n).normal(0.1, 0.04, n)
    found = compare(values(*differences), values(*np.zeros(n)))
    effect = power.smallest_detectable_effect(found, tests)
    standardised = effect / differences.std(ddof=1)
    studies = np.random.default_rng(8).normal(standardised, 1.0, (20_000, n))
    p = stats.ttest_1samp(studies, 0.0, axis=-1).pvalue
    called = (p < 0.05 / tests) & (intervals(studies)[0] > 0)
    assert called.mean() == pytest.approx(0.8, abs=0.015)
    # At few seeds and one test the interval asks for more than the t test.
    t_test_alone = TTestPower().solve_power(None, n, 0.05 / tests, 0.8, "two-sided")
    assert standardised / t_test_alone > (1.2 if tests == 1 else 0.99)


def test_the_smallest_detectable_effect_is_that_of_the_plan():
    """In standard deviations of the differences, with and without a split of each seed's own."""
    sample = values(*np.random.default_rng(2).normal(0.1, 0.04, 5)), values(*np.zeros(5))
    sd = paired.spread_of(*sample)[0]
    for overlap in (0.0, 0.25):
        found = compare(*sample, overlap=overlap)
        effect = power.smallest_detectable_effect(found, 3)
        assert effect == pytest.approx(sd * power.detectable_effect(5, 3, overlap))


def test_relations():
    above = compare(values(0.5, 0.6, 0.7, 0.65, 0.55), values(0.1, 0.2, 0.2, 0.2, 0.1))
    below = compare(values(0.1, 0.2, 0.2, 0.2, 0.1), values(0.5, 0.6, 0.7, 0.65, 0.55))
    level = compare(values(0.1, 0.2, 0.2, 0.2, 0.1), values(0.2, 0.1, 0.2, 0.1, 0.2))
    relations = ("below", "equal to", "above")
    assert [verdicts.holds(relation, below) for relation in relations] == [True, False, False]
    assert [verdicts.holds(relation, level) for relation in relations] == [None, None, None]
    assert [verdicts.holds(r, level, margin=0.3) for r in relations] == [None, True, None]
    equal = compare(values(0.1, 0.2, 0.2, 0.2, 0.1), values(0.1, 0.2, 0.2, 0.2, 0.1))
    assert [verdicts.holds(relation, equal) for relation in relations] == [False, True, False]
    assert [verdicts.holds(relation, above) for relation in relations] == [False, False, True]
    assert verdicts.holds("above", compare({0: 1.0}, {0: 0.5})) is None
