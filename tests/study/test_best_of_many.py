"""The best of many arms looks like an effect where there is none: its interval allows for that."""

import re

import numpy as np
import pytest
from fake_records import rivals, told_of
from scipy.stats import t

ARMS = [f"a{number}" for number in range(12)]
INTERVAL = re.compile(r"95 % CI (-?[\d.]+) to (-?[\d.]+)")


def drawn(rng, seeds=5):
    """A study in which no arm does anything."""
    return {name: 0.5 + 0.03 * rng.normal(size=seeds) for name in ("none", *ARMS)}


@pytest.mark.slow
def test_of_null_studies_few_tell_an_interval_beside_zero():
    rng, beside = np.random.default_rng(0), []
    for _ in range(200):
        short, line, _ = told_of(drawn(rng), rivals("none", *ARMS))
        low, high = map(float, INTERVAL.search(line).groups())
        beside.append(short.startswith("Cannot tell") and (low > 0 or high < 0))
    # With the interval of one arm that was known beforehand it is 6 %.
    assert np.mean(beside) <= 0.03


def test_the_interval_is_no_narrower_than_that_of_the_level_divided_by_the_arms():
    swings = np.linspace(-0.2, 0.2, 5)
    values = {name: 0.5 + swings * (-1) ** number for number, name in enumerate(ARMS)}
    values |= {"none": np.full(5, 0.5), "a3": values["a3"] + 0.01}
    short, line, full = told_of(values, rivals("none", *ARMS))
    assert short.startswith("Cannot tell")
    low, high = map(float, INTERVAL.search(line).groups())
    error = np.std(swings, ddof=1) / 5**0.5
    half = t.ppf(1 - 0.05 / 12 / 2, 4) * error
    rounding = 0.005
    assert low <= 0.01 - half + rounding
    assert high >= 0.01 + half - rounding
    # Ours of few seeds may be wider than Student's, but not so much.
    assert high - low < 3 * half
    assert 2 * half > 2 * t.ppf(0.975, 4) * error + 2 * rounding
    for text in (line, full):
        assert ", allowing for the choice among 12, 5 seeds)" in text


def test_one_arm_was_not_chosen_and_one_that_is_called_has_its_own_interval():
    rng = np.random.default_rng(1)
    two = {name: drawn(rng)[name] for name in ("none", "a0")}
    helps = drawn(rng) | {"a5": 0.9 + 0.001 * rng.normal(size=5)}
    for values, opening in ((two, "Cannot tell"), (helps, "Yes")):
        short, line, full = told_of(values, rivals(*values))
        assert short.startswith(opening)
        assert "allowing for" not in line + full
