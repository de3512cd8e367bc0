"""Arms that differ in spread, or of which a training fails now and then: what a verdict knows."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_records import VALUES, make_plan, make_records
from scipy import stats

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.pilot import MUCH
from gan_mnist.study.statistics.small_samples import intervals, p_values, unseen

STUDIES = 20_000
LIMIT = 0.06
RESULTS = Path(__file__).parents[2] / "experiments"


def called(differences):
    low, high = intervals(differences)
    return (p_values(differences) < 0.05) & ((low > 0) | (high < 0))


def null_studies(n, spread=1.0, share=0.0, depth=0.0):
    """Differences, (studies, n), whose mean is 0, and which studies saw a training fail."""
    rng = np.random.default_rng(17)
    fails = rng.random((STUDIES, n)) < share
    arm = spread * rng.normal(size=(STUDIES, n)) - depth * fails + depth * share
    return arm - rng.normal(size=(STUDIES, n)), fails.any(-1)


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("spread", [0.1, 0.3, 3, 10])
def test_arms_that_differ_in_spread_fool_nobody(n, spread):
    differences, _ = null_studies(n, spread)
    assert called(differences).mean() <= LIMIT


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("depth", [3, 5, 10, 20, 100])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
def test_a_study_that_saw_a_failure_is_not_fooled_by_failures(n, depth, share):
    differences, seen = null_studies(n, 1.0, share, depth)
    assert called(differences)[seen].mean() <= LIMIT


def test_what_was_not_seen_cannot_be_known():
    differences, seen = null_studies(5, 1.0, 0.1, 20)
    # No test of these numbers can be both: they look like a gain, with and without failures.
    assert called(differences)[~seen].mean() > 0.4
    assert called(differences).mean() > 0.25


@pytest.mark.parametrize("n", [5, 10, 20])
def test_failures_beyond_what_may_be_unseen_are_seen_in_95_percent_of_studies(n):
    assert stats.binom.pmf(0, n, unseen(n)) == pytest.approx(0.05)


def answer_of(values):
    return summarize(make_plan(), make_records(values))["in_full"]


def test_a_verdict_says_what_it_cannot_know():
    told = "; trainings that fail may not have been seen in 5 seeds, if they are fewer than 45 %"
    assert answer_of(VALUES).endswith(f"{told}.")
    unclear = VALUES | {"warp_gan": VALUES["none"] + [0.1, -0.1, 0.05, -0.04, 0.02]}
    assert "trainings that fail" not in answer_of(unclear)


def residuals():
    """What seeds of published arms of ten seeds differ by, (10,) each, by run."""
    for path in sorted(RESULTS.glob("*/results/*/summary.json")):
        arms = json.loads(path.read_text())["arms"]
        values = [list(arm["values"].values()) for arm in arms.values()]
        found = [np.array(of_arm) - np.mean(of_arm) for of_arm in values if len(of_arm) == 10]
        if len(found) > 1:
            yield f"{path.parents[2].name}/{path.parent.name}", found


RUNS = dict(residuals())


def effects():
    """Published differences to a control, without their sign, in sd of the paired difference."""
    for path in RESULTS.glob("*/results/*/summary.json"):
        summary = json.loads(path.read_text())
        control = summary["arms"][summary["control"]]["values"]
        for name, arm in summary["arms"].items():
            seeds = control.keys() & arm["values"].keys()
            found = np.array([arm["values"][seed] - control[seed] for seed in seeds])
            if name != summary["control"] and len(found) > 1 and np.ptp(found):
                yield abs(found.mean()) / found.std(ddof=1)


def test_published_effects_are_as_large_as_pages_say():
    found = np.array(list(effects()))
    assert len(found) > 100
    assert (found > MUCH).mean() > 1 / 2
    assert (found < MUCH).mean() > 1 / 3


def drawn(arm, rng):
    """4,000 draws of ten of its seeds, and in which of them all that failed are."""
    rows = rng.integers(10, size=(4000, 10))
    apart = abs(arm - np.median(arm))
    failed = np.flatnonzero(apart > 5 * stats.median_abs_deviation(arm, scale="normal"))
    return arm[rows], (rows[:, :, None] == failed).any(1).all(1)


@pytest.mark.parametrize("run", RUNS)
def test_with_the_noise_of_published_arms_ten_seeds_rarely_err(run):
    """That they do so no more than this is sure where no failure is unseen."""
    rng = np.random.default_rng(23)
    (first, first_seen), *others = (drawn(arm, rng) for arm in RUNS[run])
    found = [(called(other - first), seen & first_seen) for other, seen in others]
    assert max(of_pair[seen].mean() for of_pair, seen in found) <= LIMIT
    assert np.mean([of_pair.mean() for of_pair, _ in found]) <= LIMIT
    assert max(of_pair.mean() for of_pair, _ in found) <= 0.09
