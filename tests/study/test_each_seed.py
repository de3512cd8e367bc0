"""Verdicts where each seed draws its own test images, and seeds have images in common."""

import base64
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_records import make_plan, make_records, record
from scipy import stats

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.display.plan_in_words import describe, duplicates_in_words
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics import small_samples, test_images
from gan_mnist.study.statistics.paired import compare, estimate, gap_closed, overlap_of

BENCH = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "bench_each_seed.py"))
EACH_SEED = {"each_seed": {"n_test": 10, "n_train": 40, "groups": False}}
GAINS = np.array([0.01, -0.02, 0.03, 0.08, 0.05])


def by_seed(values):
    return dict(enumerate(values))


def drawn_anew(records, **changes):
    return [one | {"dataset": EACH_SEED} | changes for one in records]


@pytest.mark.parametrize("overlap", [0.25, 1 / 3])
def test_the_variance_of_a_mean_is_that_of_nadeau_and_bengio(overlap):
    gains = np.array([-0.03, 0.02, 0.01, 0.06, 0.0, 0.05])  # symmetric about 0.015
    gains = np.concatenate([gains, 0.03 - gains])
    error = np.sqrt((1 / 12 + overlap) * gains.var(ddof=1))
    found = compare(by_seed(gains + 0.5), by_seed(np.full(12, 0.5)), overlap=overlap)
    assert found.standard_error == pytest.approx(error)
    assert found.p_value == pytest.approx(2 * stats.t.sf(gains.mean() / error, 11))
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 11, gains.mean(), error))
    assert estimate(by_seed(gains), overlap=overlap).ci95 == pytest.approx(found.ci95)


def test_a_skewed_sample_has_an_interval_as_much_wider_at_both_ends():
    alone, both = (
        np.array(compare(by_seed(GAINS**3), by_seed(0 * GAINS), overlap=overlap).ci95)
        for overlap in (0.0, 0.25)
    )
    mean = (GAINS**3).mean()
    assert both - mean == pytest.approx((alone - mean) * np.sqrt(1 + 5 / 4))


def test_a_closed_gap_has_fiellers_interval_with_that_variance():
    gaps = np.array([0.40, 0.42, 0.38, 0.41, 0.39])
    share, interval = gap_closed(
        by_seed(0.3 + GAINS), by_seed(np.full(5, 0.3)), by_seed(0.3 + gaps), overlap=0.25
    )
    assert share == pytest.approx(GAINS.mean() / gaps.mean())
    for end in interval:
        rest = GAINS - end * gaps
        error = np.sqrt((1 / 5 + 0.25) * rest.var(ddof=1))
        assert abs(rest.mean()) / error == pytest.approx(stats.t.isf(0.025, 4))


def test_the_overlap_is_the_most_that_a_record_tells():
    others = [{"dataset": {"each_seed": {"n_test": 3, "n_train": 6}}}, {"dataset": {}}, {}]
    assert overlap_of(others) == 0.5
    assert overlap_of(others[1:]) == overlap_of([]) == 0.0


def test_a_summary_allows_for_it_everywhere():
    plan, made = make_plan(), make_records()
    fixed, anew = summarize(plan, made), summarize(plan, drawn_anew(made))
    wider = np.sqrt(1 + 5 * 0.25)

    def half(told, key="ci95"):
        return np.ptp(told[key])

    for name, arm in anew["arms"].items():
        before = fixed["arms"][name]
        if max(arm["ci95"]) < 1:  # else it ends where values do
            assert half(arm) == pytest.approx(wider * half(before))
        if name != "none":
            assert half(arm, "difference_ci95") == pytest.approx(
                wider * half(before, "difference_ci95")
            )
            assert arm["p_value"] > before["p_value"]
            assert arm["p_holm"] >= before["p_holm"]
            assert arm["smallest_detectable_effect"] == pytest.approx(
                wider * before["smallest_detectable_effect"]
            )
            assert half(arm, "oracle_gap_closed_ci95") >= half(before, "oracle_gap_closed_ci95")
            assert arm["verdict_over"] == "seeds, each with test images of its own"
            assert "verdict_over" not in before
    assert half(anew["arms"]["cgan"]["versus_rival"]) > half(fixed["arms"]["cgan"]["versus_rival"])
    for one, before in zip(anew["controls"], fixed["controls"], strict=True):
        assert half(one, "difference_ci95") == pytest.approx(
            wider * half(before, "difference_ci95")
        )


def test_what_seeds_that_share_test_images_would_show_need_not_be_shown():
    gains = by_seed([0.05, 0.07, 0.04, 0.06, 0.09, 0.01, 0.03, 0.08, -0.02, 0.05])
    made = [
        record(arm, seed, 0.5 + gain * (arm == "cgan"))
        for seed, gain in gains.items()
        for arm in ("none", "cgan")
    ]
    plan = replace(make_plan(asked=["cgan"]), seeds=tuple(gains))
    assert summarize(plan, made)["arms"]["cgan"]["verdict"] == "helps"
    many = [one | {"dataset": {"each_seed": {"n_test": 40, "n_train": 40}}} for one in made]
    assert summarize(plan, many)["arms"]["cgan"]["verdict"] == "cannot tell"


def test_a_further_test_set_is_the_same_for_all_seeds():
    metric = Metric("new_accuracy", "accuracy on new")
    made = [one | {"metrics": {"recall": 0.5, "new_accuracy": one["metrics"]["recall"]}}
            for one in make_records()]  # fmt: skip
    plan = make_plan(metrics=(make_plan().study.metrics[0], metric), further_tests=("new",))
    fixed, anew = (
        summarize(plan, of)["further_tests"]["new"]["arms"]["cgan"]
        for of in (made, drawn_anew(made))
    )
    low, high = anew["difference_ci95"]
    assert high - low == pytest.approx(np.ptp(fixed["difference_ci95"]) * np.sqrt(1 + 5 / 4))
    assert "verdict_over" not in anew


def correct(right, size):
    """What a record tells of test images that are all right, or all wrong."""
    bits = np.packbits(np.full(size, right)).tobytes()
    return {
        "labels": "the same numbers of each class",
        "classes": [None],
        "sizes": [size],
        "weights": [1.0],
        "bits": [[base64.b64encode(bits).decode()]],
    }


@pytest.mark.parametrize(("fewest", "verdict"), [(10, "helps"), (9, "cannot tell")])
def test_test_images_of_seeds_are_not_taken_for_the_same_ones(fewest, verdict):
    made = []
    for seed in range(6):
        size = fewest if seed == 3 else 30
        gain = 0.01 * seed
        made += [record("none", seed, 0.1, correct=correct(False, size)),
                 record("cgan", seed, 0.8 + gain, correct=correct(True, size))]  # fmt: skip
    for one in made:
        one["metrics"] = {"accuracy": one["metrics"]["recall"]}
    metric = Metric("accuracy", "accuracy", bounds=(0, 1))
    plan = replace(make_plan(metrics=(metric,), asked=["cgan"]), seeds=tuple(range(6)))
    summary = summarize(plan, drawn_anew(made))
    arm = summary["arms"]["cgan"]
    assert arm["verdict"] == verdict
    assert arm["difference_ci95_images"] is None
    assert summary["in_full"].startswith("Cannot tell: 9 test images") == (fewest == 9)


def test_a_plan_says_so_in_words():
    plan = make_plan()
    counts = {"counts": {"ape": {"train": 40, "test": 10}, "bee": {"train": 9, "test": 2}}}
    told = describe(replace(plan, dataset={**plan.dataset, **counts, **EACH_SEED}))
    assert "test images are drawn anew for each seed, so many a class: ape: 10, bee: 2" in told
    assert "drawn anew" not in describe(replace(plan, dataset={**plan.dataset, **counts}))


def test_images_that_are_there_twice_are_told_of_all_of_them():
    numbers = {"images": 3, "of": 2, "equal": 1, "pairs": []}
    twice = {"duplicates": {"test": numbers, "validation": numbers}}
    on_both = (
        "3 images are like 2 others, of which a seed may test one and train on the other, 1 of"
    )
    assert duplicates_in_words(EACH_SEED | twice)[0].startswith(on_both)
    other = "3 training images are like 2 validation images, 1 of them equal"
    assert duplicates_in_words(EACH_SEED | twice)[1] == duplicates_in_words(twice)[1] == other


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_arms_are_rarely_told_apart(seeds):
    """With real learners; many more studies are in the benchmark."""
    rng = np.random.default_rng(seeds)
    found = [BENCH["study"](rng, "nearest mean", "other features", 25, seeds) for _ in range(300)]
    differences = np.array(found)
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(found))
    assert BENCH["told_apart"](differences, 0.25) <= most
    # The same by hand, but for skewness, which only widens.
    t = differences.mean(1) / np.sqrt((1 / seeds + 0.25) * differences.var(1, ddof=1) + 1e-30)
    by_hand = (2 * stats.t.sf(np.abs(t), seeds - 1) < small_samples.LEVEL).mean()
    assert BENCH["told_apart"](differences, 0.25) <= by_hand <= most
    if seeds == 10:
        assert BENCH["told_apart"](differences, 0.0) > 0.12


def test_under_the_floor_of_test_images_more_arms_without_effect_are_called():
    def called(tested):
        rng = np.random.default_rng(0)
        return BENCH["any_told_apart"](BENCH["coins"](rng, 5000, 10, tested), 0.25)

    assert called(4) > 0.06 > called(test_images.MIN_IMAGES)
