"""Two runs side by side: when arms are paired, and that Welch's test is scipy's."""

import warnings

import numpy as np
import pytest
from made_runs import ARMS, draws, write_run
from scipy import stats

from gan_mnist.study.answer.two_runs import compare_two_runs, run_differences, welch
from gan_mnist.study.finished import read_run
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.paired import compare
from gan_mnist.study.statistics.test_images import pack

METRIC = Metric("score", "score", margin=0.01)
ONE = draws(0, dict.fromkeys(ARMS, 0.5))
BETTER = {arm: [v + 0.1 + 0.001 * s for s, v in enumerate(ONE[arm])] for arm in ARMS}


def compared(tmp_path, one=ONE, other=BETTER, metric=METRIC, **of_other):
    runs = [
        read_run(write_run(tmp_path / "one", one)),
        read_run(write_run(tmp_path / "other", other, **of_other)),
    ]
    return compare_two_runs(*runs, list(one), metric, None)


def test_equal_settings_on_equal_data_are_paired_by_seed(tmp_path):
    for told in compared(tmp_path).values():
        gains = 0.1 + 0.001 * np.arange(6)
        assert told.unpaired == ""
        assert told.comparison.difference == pytest.approx(gains.mean())
        assert told.comparison.p_value == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
        assert told.p_holm == pytest.approx(3 * told.comparison.p_value)  # three equal arms
        assert told.verdict == "better"


def test_pairs_are_the_common_seeds_alone(tmp_path):
    other = {arm: [*values[:4], 9.0, 9.0] for arm, values in ONE.items()}
    moved = {arm: values[2:] for arm, values in other.items()}
    told = compared(tmp_path, other=moved, first_seed=2)["cgan"]
    assert told.comparison.n == 4
    assert told.comparison.difference == pytest.approx((18 - sum(ONE["cgan"][4:])) / 4)


def test_a_metric_that_should_be_low_turns_the_verdict(tmp_path):
    metric = Metric("score", "score", higher_is_better=False)
    assert compared(tmp_path, metric=metric)["none"].verdict == "worse"


def test_equal_numbers_are_the_same(tmp_path):
    for told in compared(tmp_path, other=ONE).values():
        assert (told.comparison.difference, told.comparison.p_value, told.verdict) == (
            0,
            1,
            "the same",
        )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"settings": {"updates": 200}}, "the settings differ (updates: 100 -> 200)"),
        ({"first_seed": 6}, "they have no seed in common"),
        ({"first_seed": 5}, "they have one seed in common"),
    ],
)
def test_what_is_not_paired_is_told_and_compared_by_welch(tmp_path, changes, why):
    told = compared(tmp_path, **changes)["cgan"]
    expected = stats.ttest_ind(BETTER["cgan"], ONE["cgan"], equal_var=False)
    assert (told.unpaired, told.no_verdict) == (why, "")
    assert told.comparison.p_value == pytest.approx(expected.pvalue)
    assert told.verdict == "better"


def test_other_data_without_a_word_on_test_images_get_no_verdict(tmp_path):
    told = compared(tmp_path, sha256="b" * 64)["cgan"]
    assert told.p_holm < 0.001
    assert told.verdict == "cannot tell"
    assert told.unpaired == "the data differ"
    assert told.no_verdict.startswith("records do not say which test images")


@pytest.mark.parametrize("anew", [(True, False), (False, True), (True, True)])
def test_where_one_run_alone_draws_its_test_images_anew_there_is_no_verdict(tmp_path, anew):
    """The other's seeds share theirs, which nothing allows for."""
    split = {"n_train": 100, "n_test": 25}
    runs = [
        read_run(
            write_run(
                tmp_path / name,
                values,
                settings={"split": "each_seed" if own else "fixed"},
                each_seed=split if own else None,
                first_seed=first,
            )
        )
        for name, values, own, first in zip(
            ("one", "other"), (ONE, BETTER), anew, (0, 6), strict=True
        )
    ]
    told = compare_two_runs(*runs, ["cgan"], METRIC, None)["cgan"]
    assert told.verdict == ("better" if all(anew) else "cannot tell")
    assert told.no_verdict.startswith("one run's seeds share") != all(anew)


def judged(right):
    """A record's `correct` of so many right of 400."""
    rows = np.arange(400) < right
    return {
        "classes": [None],
        "sizes": [400],
        "weights": [1.0],
        "bits": pack([rows], [np.arange(400)]),
        "labels": "0",
    }


def test_other_test_images_are_a_sample_too(tmp_path):
    """All seeds agree, so that seeds alone would be certain: 0.9 and 0.92 of 400 images."""
    right = {"none": 360}, {"none": 368}
    one, other = ({arm: [n / 400] * 6 for arm, n in of.items()} for of in right)
    corrects = [{arm: [judged(n)] * 6 for arm, n in of.items()} for of in right]
    runs = [
        read_run(write_run(tmp_path / "one", one, correct=corrects[0])),
        read_run(write_run(tmp_path / "two", other, sha256="b" * 64, correct=corrects[1])),
    ]
    told = compare_two_runs(*runs, ["none"], METRIC, None)["none"]
    binomial = np.sqrt(0.9 * 0.1 / 400 + 0.92 * 0.08 / 400)
    low, high = told.comparison.ci95_images
    # Two made-up images in each sample, one won and one lost, make it a little wider.
    assert 1 < (high - low) / 2 / (1.96 * binomial) < 1.15
    assert told.verdict == "cannot tell"
    assert told.unpaired == "the data differ"


@pytest.mark.parametrize("seed", range(5))
def test_welch_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(1, 0.1, 3 + seed), rng.normal(1.2, 0.5, 9 - seed)
    found = welch(dict(enumerate(one)), dict(enumerate(other)))
    expected = stats.ttest_ind(one, other, equal_var=False)
    assert found.difference == pytest.approx(one.mean() - other.mean())
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.ci95 == pytest.approx(tuple(expected.confidence_interval()))
    assert found.n == min(len(one), len(other))


def test_welch_allows_for_what_seeds_have_in_common():
    one, other = np.array([0.1, 0.2, 0.4, 0.3]), np.array([0.5, 0.4, 0.8])
    found = welch(dict(enumerate(one)), dict(enumerate(other)), None, 0.25, 0.5)
    variance = one.var(ddof=1) * (1 / 4 + 0.25) + other.var(ddof=1) * (1 / 3 + 0.5)
    assert found.standard_error == pytest.approx(variance**0.5)
    assert found.overlap == 0.5


def test_welch_of_what_does_not_vary():
    same = welch(dict.fromkeys(range(4), 0.5), dict.fromkeys(range(5), 0.5))
    assert (same.ci95, same.p_value) == ((0, 0), 1)
    with warnings.catch_warnings(action="error"):
        apart = welch(dict.fromkeys(range(3), 0.5), dict.fromkeys(range(3), 0.7))
    # All 20 ways to divide six values into halves are as likely; two are as extreme.
    assert apart.p_value == pytest.approx(2 / 20)
    assert apart.more_seeds_needed


def test_welch_of_what_varies_by_rounding_alone():
    rounded = {0: 0.1 + 0.2, 1: 0.3, 2: 0.3}
    apart = welch(rounded, dict.fromkeys(range(3), 0.5))
    assert apart.p_value == pytest.approx(2 / 20)
    assert apart.more_seeds_needed
    same = welch(rounded, dict.fromkeys(range(4), 0.3))
    assert (same.difference, same.ci95, same.p_value) == (0, (0, 0), 1)


def test_welch_of_what_does_not_vary_allows_for_what_seeds_have_in_common():
    """As the paired comparison does: with five seeds, the square root of 1 + 5 * 0.25."""
    one, other = dict.fromkeys(range(5), 0.9), dict.fromkeys(range(5), 0.5)
    errors = [welch(one, other, None, *both).standard_error for both in ((0, 0), (0.25, 0.25))]
    assert errors[1] / errors[0] == pytest.approx(2.25**0.5)
    paired_errors = [compare(one, other, overlap=overlap).standard_error for overlap in (0, 0.25)]
    assert errors[1] / errors[0] == pytest.approx(paired_errors[1] / paired_errors[0])


@pytest.mark.parametrize(("sizes", "n"), [((0, 3), 0), ((3, 0), 0), ((1, 4), 1)])
def test_welch_of_too_few_has_no_interval(sizes, n):
    found = welch(*({seed: float(seed) for seed in range(size)} for size in sizes))
    assert (found.n, found.ci95, found.p_value) == (n, None, None)


def test_an_interval_ends_where_a_difference_must():
    found = welch({0: 0.0, 1: 1.0}, {0: 1.0, 1: 0.0}, (0, 1))
    assert found.ci95 == (-1, 1)


def test_what_differs_is_told_and_nothing_else(tmp_path):
    same = read_run(write_run(tmp_path / "one", ONE))
    assert run_differences(same, same, None) == []
    other = read_run(
        write_run(
            tmp_path / "other",
            {arm: values[:3] for arm, values in ONE.items()} | {"new": [1.0]},
            sha256="b" * 64,
            settings={"updates": 200, "late": "yes"},
            numpy_version="3.0",
        )
    )
    assert run_differences(same, other, None) == [
        f"data set: made, sha256 {'a' * 12} -> made, sha256 {'b' * 12}",
        "seeds: 6 -> 3",
        "setting updates: 100 -> 200",
        "version of numpy: 2.0 -> 3.0",
        "setting late: absent -> yes",
    ]
