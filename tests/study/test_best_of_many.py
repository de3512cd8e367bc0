"""The best of many arms looks like an effect where there is none: its interval allows for that."""

import re
from dataclasses import replace

import numpy as np
import pytest
from fake_records import make_plan, make_records, rivals, told_of
from scipy.stats import t

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair
from gan_mnist.study.statistics.paired import compare
from gan_mnist.study.statistics.small_samples import LEVEL, intervals, p_values

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


@pytest.mark.parametrize(("effect", "plain"), [(1.5, 0.2), (3, 0.08)])
def test_of_equal_arms_the_best_that_is_called_is_told_with_the_truth_in_its_interval(
    effect, plain
):
    """Twelve arms that do the same; of their control each difference has a spread of 1."""
    values = np.random.default_rng(3).normal(size=(4000, 13, 5))
    differences = (values[:, 1:] - values[:, :1]) / 2**0.5 + effect
    p, best = p_values(differences), differences.mean(-1).argmax(-1)
    rows = np.arange(len(p))
    # By Holm's procedure, and with an interval on one side of 0.
    rejected = np.cumprod(np.sort(p) * np.arange(12, 0, -1) < LEVEL, axis=-1).sum(-1)
    called = (p < p[rows, best][:, None]).sum(-1) < rejected
    called &= intervals(differences[rows, best])[0] > 0
    missed = {}
    for among in (1, 12):
        low, high = intervals(differences[rows, best], level=LEVEL / among)
        missed[among] = ((low > effect) | (high < effect))[called].mean()
    assert missed[1] > plain
    assert missed[12] <= 0.05


def test_one_arm_was_not_chosen_and_the_best_that_is_called_was():
    rng = np.random.default_rng(1)
    two = {name: drawn(rng)[name] for name in ("none", "a0")}
    short, line, full = told_of(two, rivals(*two))
    assert short.startswith("Cannot tell")
    assert "allowing for" not in line + full

    many = drawn(rng) | {"a5": 0.9 + 0.001 * rng.normal(size=5)}
    short, line, full = told_of(many, rivals(*many))
    assert short.startswith("Yes")
    values = (dict(enumerate(many[name])) for name in ("a5", "none"))
    low, high = compare(*values, level=LEVEL / 12).ci95
    told = f"95 % CI {low:.2f} to {high:.2f}, allowing for the choice among 12, 5 seeds)"
    assert told in line and told in full


def test_so_was_the_best_that_is_surely_no_better():
    rng = np.random.default_rng(1)
    values = {name: 0.4 + 0.001 * rng.normal(size=5) for name in ARMS} | {"none": np.full(5, 0.5)}
    short, line, full = told_of(values, rivals("none", *ARMS))
    assert short == "No: each of 12 did worse than `none`."
    for text in (line, full):
        assert ", allowing for the choice among 12, 5 seeds)" in text


def generated_and(**changes):
    """A study of two generated arms, an ablation of one, and two plain rivals."""
    kinds = {"none": "control", "plain": "rival", "rich": "rival", "cgan": "generated",
             "warp": "generated", "warp_without": "ablation"}  # fmt: skip
    plan = make_plan(kinds=kinds, oracle=None, rival="plain", expectations=(), **changes)
    arms = tuple(
        replace(arm, ablates="warp") if arm.kind == "ablation" else arm for arm in plan.study.arms
    )
    return replace(plan, study=replace(plan.study, arms=arms), arms=arms)


def test_all_that_is_told_of_the_arm_allows_for_its_choice_unless_it_was_named_before():
    rng = np.random.default_rng(4)
    means = {"none": 0.3, "plain": 0.5, "rich": 0.52, "cgan": 0.8, "warp": 0.85,
             "warp_without": 0.6}  # fmt: skip
    values = {name: mean + 0.01 * rng.normal(size=5) for name, mean in means.items()}
    summary = summarize(generated_and(), make_records(values))
    entry, full = summary["arms"]["warp"], summary["in_full"]
    assert entry["versus_rivals"]["verdict"] == "helps"
    assert ", allowing for the choice among 2, 5 seeds)" in summary["carried_by"]
    low, high = map(float, INTERVAL.search(summary["carried_by"]).groups())
    alone = entry["versus_rivals"]["ci95"]
    assert low < alone[0] and high > alone[1]
    assert full.count("allowing for the choice among 2") == 1
    assert full.count("allowing likewise") == 2  # against rivals, and against the ablation
    named = generated_and(primary=(Pair("cgan", "none"), Pair("warp", "none")))
    summary = summarize(named, make_records(values))
    assert "allowing" not in summary["carried_by"] + summary["in_full"]


def test_the_best_plain_rival_was_chosen_among_all_of_them():
    rng = np.random.default_rng(4)
    means = {"none": 0.3, "plain": 0.5, "rich": 0.52, "cgan": 0.3, "warp": 0.3, "warp_without": 0.3}
    values = {name: mean + 0.01 * rng.normal(size=5) for name, mean in means.items()}
    full = summarize(generated_and(), make_records(values))["in_full"]
    (told,) = re.findall(r"; the plain rival `rich` raised .*? seeds\)", full)
    assert ", allowing for the choice among 2, 5 seeds)" in told
