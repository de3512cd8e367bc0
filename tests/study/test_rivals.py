"""An arm against the best of several rivals."""

import numpy as np
import pytest

from gan_mnist.study.statistics import small_samples
from gan_mnist.study.statistics.paired import compare
from gan_mnist.study.statistics.rivals import against_best
from gan_mnist.study.statistics.verdicts import verdict

SEEDS = 10
STUDIES = 300


def by_seed(sample):
    return dict(enumerate(map(float, sample)))


def compared(arm, *rivals, **changes):
    values = {"arm": by_seed(arm)} | {f"r{i}": by_seed(rival) for i, rival in enumerate(rivals)}
    records = {name: {} for name in values}
    return against_best("arm", [*values][1:], values, records, **changes)


BASE = np.linspace(0.5, 0.7, SEEDS)
NOISE = np.array([0.01, -0.02, 0.015, -0.01, 0.02, -0.015, 0.005, -0.01, 0.01, -0.005])


def test_one_rival_is_an_ordinary_comparison():
    name, found, _ = compared(BASE + NOISE, BASE)
    assert name == "r0"
    assert found == compare(by_seed(BASE + NOISE), by_seed(BASE))


def test_being_above_the_best_takes_being_above_each():
    weak, strong = BASE - 0.3, BASE - 0.005
    name, found, _ = compared(BASE + NOISE, weak, strong)
    assert name == "r1"
    pair = compare(by_seed(BASE + NOISE), by_seed(strong))
    assert (found.difference, found.p_value) == (pair.difference, pair.p_value)
    assert found.ci95[0] == pair.ci95[0]
    assert verdict(found, found.p_value, True) == "cannot tell"
    clear = compared(BASE + NOISE + 0.1, weak, strong)[1]
    assert verdict(clear, clear.p_value, True) == "helps"


def test_below_the_best_is_paid_for_by_the_number_of_rivals():
    rivals = [BASE + 0.05 - 0.1 * k for k in range(4)]
    name, found, _ = compared(BASE + NOISE, *rivals)
    assert name == "r0"
    pair = compare(by_seed(BASE + NOISE), by_seed(rivals[0]))
    assert found.p_value == pytest.approx(4 * pair.p_value)
    wider = compare(by_seed(BASE + NOISE), by_seed(rivals[0]), level=0.05 / 4)
    assert found.ci95 == (pair.ci95[0], wider.ci95[1])
    assert wider.ci95[1] > pair.ci95[1]


def test_where_less_is_better_the_best_is_the_lowest():
    up = compared(BASE + NOISE, BASE - 0.3, BASE - 0.005)
    down = compared(-BASE - NOISE, 0.3 - BASE, 0.005 - BASE, higher_is_better=False)
    assert down[0] == up[0]
    assert down[1].difference == pytest.approx(-up[1].difference)
    assert down[1].ci95 == pytest.approx((-up[1].ci95[1], -up[1].ci95[0]))
    assert down[1].p_value == pytest.approx(up[1].p_value)


def test_no_rival_with_seeds_in_common_is_no_comparison():
    assert compared(BASE) is None
    assert compared(BASE, BASE[:1]) is None


def test_rivals_of_fewer_than_two_common_seeds_are_missing():
    found = compared(BASE + NOISE, BASE[:1], BASE[:2], BASE[:0], [np.nan, *BASE[1:2]])
    assert (found.rival, found.missing) == ("r1", ["r0", "r2", "r3"])
    assert compared(BASE + NOISE, BASE).missing == []


@pytest.mark.slow
def test_the_interval_covers_the_difference_to_whichever_rival_is_the_best():
    """Five equal rivals: with the ordinary interval to the best one seen, the arm seems worse."""
    rng = np.random.default_rng(7)
    arm, rivals = rng.normal(size=(STUDIES, SEEDS)), rng.normal(size=(5, STUDIES, SEEDS))
    covered, naive = [], []
    best = rivals.mean(-1).argmax(0)
    for study in range(STUDIES):
        found = compared(arm[study], *rivals[:, study])[1]
        covered.append(found.ci95[0] <= 0 <= found.ci95[1])
        low, high = small_samples.intervals(arm[study] - rivals[best[study], study])
        naive.append(low <= 0 <= high)
    print(np.mean(covered), np.mean(naive))
    assert np.mean(covered) >= 0.95
    assert np.mean(naive) < 0.92
