"""When two arms are said to be the same, and how often that is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from gan_mnist.study.statistics import small_samples, test_images, verdicts
from gan_mnist.study.statistics.paired import Comparison, compare

STUDIES = 20_000
MARGIN = 0.05
LIMIT = 0.05


NOISE = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-(3**0.5), 3**0.5, shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "falling": lambda rng, shape: 1 - rng.exponential(size=shape),
}


def said_to_be_the_same(differences, margin=MARGIN, overlap=0.0):
    """Of studies (studies, n) at once, as `verdicts.is_same` says it of each."""
    low, high = small_samples.intervals(differences, overlap)
    return (low > -margin) & (high < margin) & ~small_samples.needs_more_seeds(differences)


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("noise", NOISE)
def test_a_difference_as_large_as_the_margin_is_rarely_called_the_same(noise, n):
    rng = np.random.default_rng(3)
    differences = 0.05 + 0.05 * NOISE[noise](rng, (STUDIES, n))
    # What does not hold: five seeds of which none happens to be far above the others.
    limit = 0.075 if (noise, n) == ("exponential", 5) else LIMIT
    assert said_to_be_the_same(differences).mean() <= limit


def test_an_interval_that_holds_zero_shows_no_equality():
    differences = np.random.default_rng(3).normal(0.05, 0.05, (STUDIES, 5))
    low, high = small_samples.intervals(differences)
    assert ((low <= 0) & (high >= 0)).mean() > 0.6


def test_at_a_usual_margin_such_a_difference_is_never_the_same():
    differences = np.random.default_rng(3).normal(0.05, 0.05, (STUDIES, 5))
    assert said_to_be_the_same(differences, 0.01).mean() < 0.001


def test_equal_arms_are_mostly_shown_to_be_the_same():
    differences = np.random.default_rng(4).normal(0, 0.005, (STUDIES, 10))
    assert said_to_be_the_same(differences, 0.01).mean() > 0.85


def test_seeds_that_share_test_images_show_it_less_often():
    """Five splits of one set: what they have in common is half of the variance of a split."""
    rng, n, overlap = np.random.default_rng(5), 5, 1.0
    common = rng.normal(size=(STUDIES, 1))
    differences = 0.05 + 0.05 / 2**0.5 * (common + rng.normal(size=(STUDIES, n)))
    assert said_to_be_the_same(differences, overlap=overlap).mean() <= LIMIT
    assert said_to_be_the_same(differences).mean() > LIMIT


def test_the_simulated_verdicts_are_those_of_single_studies():
    rng = np.random.default_rng(6)
    differences = rng.normal(0, 0.05, (40, 5)) + np.linspace(0, 0.1, 40)[:, None]
    zeros = dict.fromkeys(range(5), 0.0)
    found = [compare(dict(enumerate(row)), zeros) for row in differences]
    singly = [verdicts.verdict(one, 1.0, True, 0.08) == "the same" for one in found]
    assert singly == said_to_be_the_same(differences, 0.08).tolist()
    assert 0 < np.mean(singly) < 1


def test_images_that_could_have_been_others_are_allowed_for():
    """An arm that is 0.05 better on all images there could be, on 200 of them, over ten seeds."""
    rng, studies, n, m = np.random.default_rng(7), 2000, 10, 200
    chance = rng.beta(2, 1, (2, studies, 1, m))
    chance[0] = np.where(rng.random((studies, 1, m)) < 0.85, chance[1], 1.0)
    right = rng.random((2, studies, n, m)) < chance
    differences = right[0].astype(np.float32) - right[1]
    assert differences.mean() == pytest.approx(0.05, abs=0.002)
    low, high, _ = test_images.interval_and_p([differences], [1.0])
    both = (low > -MARGIN) & (high < MARGIN)
    assert (both & said_to_be_the_same(differences.mean(-1))).mean() <= LIMIT
    seeds = compare(dict.fromkeys(range(n), 0.5), {s: 0.5 + s / 1e4 for s in range(n)})
    assert verdicts.is_same(seeds, 0.01)
    wide = replace(seeds, ci95_images=(-0.02, 0.02), p_value_images=1.0)
    assert not verdicts.is_same(wide, 0.01)
    assert verdicts.holds("equal to", wide, 0.01) is None


SAME = Comparison(10, 0.5, 0.5, 0.0, (-0.004, 0.004), 0.9, 0.002, more_seeds_needed=False)


@pytest.mark.parametrize(
    ("changes", "margin", "p", "expected"),
    [
        ({}, 0.01, 1.0, "the same"),
        ({}, 0.004, 1.0, "cannot tell"),
        ({}, None, 1.0, "cannot tell"),
        ({"n": 4}, 0.01, 1.0, "cannot tell"),
        ({"more_seeds_needed": True}, 0.01, 1.0, "cannot tell"),
        ({"image_shortage": "2 test images"}, 0.01, 1.0, "cannot tell"),
        # Ten differences of zero have no spread, and need none.
        ({"ci95": (0.0, 0.0), "more_seeds_needed": True}, 0.01, 1.0, "the same"),
        ({"ci95": (-0.004, 0.02)}, 0.01, 1.0, "cannot tell"),
        # A sure effect is one, however small; one that is not sure may be within the margin.
        ({"ci95": (0.001, 0.004)}, 0.01, 0.01, "helps"),
        ({"ci95": (-0.004, -0.001)}, 0.01, 0.01, "hurts"),
        ({"ci95": (0.001, 0.004)}, 0.01, 0.2, "the same"),
    ],
)
def test_a_verdict_of_equality_takes_an_interval_within_the_margin(changes, margin, p, expected):
    assert verdicts.verdict(replace(SAME, **changes), p, True, margin) == expected


@pytest.mark.parametrize(
    ("changes", "margin", "expected"),
    [
        ({}, 0.01, True),
        ({}, None, None),
        ({"ci95": (0.0, 0.0), "n": 2}, None, True),
        ({"ci95": (-0.02, 0.03)}, 0.01, None),
        ({"ci95": (0.002, 0.03)}, 0.01, False),
        ({"ci95": (0.002, 0.004)}, 0.01, True),
        ({"ci95": (0.002, 0.004)}, None, False),
        ({"ci95": (0.002, 0.004), "n": 3}, 0.01, None),
        ({"ci95": None}, 0.01, None),
    ],
)
def test_a_control_that_must_be_equal_passes_only_where_that_is_shown(changes, margin, expected):
    assert verdicts.holds("equal to", replace(SAME, **changes), margin) is expected
