"""Verdicts over seeds and test images."""

from dataclasses import replace

import numpy as np
import pytest
from fake_records import VALUES, make_plan, record
from scipy.stats import norm

from gan_mnist.data.subsets import Subset
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics import small_samples, test_images
from gan_mnist.trials.correctness import correctness

STUDIES = 800


def coins(m):
    """Twelve arms that win or lose each image by a coin, alike in all seeds."""
    won = np.random.default_rng(1).choice([-1.0, 1.0], size=(4000, 12, 1, m))
    return np.repeat(won, 2, axis=2)


def test_under_the_floor_of_images_arms_without_effect_are_called():
    def called(m):
        *_, p = test_images.interval_and_p([coins(m)], [1.0])
        return (p < 0.05 / 12).any(-1).mean()  # Holm's strictest level

    assert called(6) > 0.25
    assert called(8) > 0.07
    assert called(test_images.MIN_IMAGES) <= 0.05


def differences(n, m, gain=0.0):
    """Two arms that are equal but for a gain and for which images each finds easy."""
    rng = np.random.default_rng(5)
    images = rng.normal(0, 1.5, (STUDIES, 1, m))
    own = [rng.normal(0, 0.5, (STUDIES, 1, m)) for _ in range(2)]
    noise = [rng.normal(0, 0.5, (STUDIES, n, m)) for _ in range(2)]
    drawn = zip((gain, 0.0), own, noise, strict=True)
    right = [images + more + one + other > 0 for more, one, other in drawn]
    return right[0].astype(np.float32) - right[1]


@pytest.mark.parametrize("n", [3, 10])
@pytest.mark.parametrize("m", [2, 30, 300])
def test_equal_arms_are_rarely_told_apart(n, m):
    low, high, p = test_images.interval_and_p([differences(n, m)], [1.0])
    assert ((low > 0) | (high < 0)).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / STUDIES)
    assert ((p < 0.05) == ((low > 0) | (high < 0))).all()


@pytest.mark.parametrize("n", [3, 10])
@pytest.mark.parametrize("m", [30, 300])
def test_an_effect_is_in_its_interval(n, m):
    truth = norm.cdf(1 / np.sqrt(1.5**2 + 0.5**2 + 0.5**2)) - 0.5
    low, high, _ = test_images.interval_and_p([differences(n, m, gain=1.0)], [1.0])
    covered = ((low <= truth) & (truth <= high)).mean()
    noise = 3 * np.sqrt(0.05 * 0.95 / STUDIES)
    assert 0.93 - noise <= covered
    # Few images make for wider intervals; of many they are not wider than they say.
    assert m < 300 or covered <= 0.97 + noise


def test_seeds_alone_tell_equal_arms_apart():
    low, high = small_samples.intervals(differences(10, 30).mean(-1))
    assert ((low > 0) | (high < 0)).mean() > 0.15


def test_the_variance_of_many_images_is_that_of_two_way_analysis():
    rng = np.random.default_rng(0)
    d = rng.choice([-1.0, 0.0, 1.0], size=(6, 4000)) + 0.0
    d = np.where(np.arange(4000) % 3 == 0, d[0], d)  # a third of the images is alike in all seeds
    _, error, _ = test_images.two_way([d], [1.0])
    rows, columns, both = d.mean(1), d.mean(0), d.mean()
    rest = ((d - rows[:, None] - columns + both) ** 2).sum() / (5 * 3999)
    parts = rows.var(ddof=1) / 6, columns.var(ddof=1) / 4000
    expected = max(sum(parts) - rest / (6 * 4000), *parts)
    assert error**2 == pytest.approx(expected, rel=0.01)


def subset(labels):
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    return Subset(images, np.array(labels), ("0", "1"), tuple(map(str, range(len(labels)))))


def records(treated, control, labels, seeds=range(9)):
    """Records of two arms that call the images right as told, shape (n,)."""
    test = subset(labels)
    metric = Metric("recall_1", "recall of digit 1")
    made = []
    for arm, right in (("none", control), ("cgan", treated)):
        for seed in seeds:
            share = float(np.mean(np.array(right)[test.labels == 1]))
            found = correctness(metric.name, {"recall_1": share}, test, [np.array(right)])
            made.append(record(arm, seed, share, correct=found))
            made[-1]["metrics"] = {"recall_1": share}
    return made


def summary_of(made):
    metric = Metric("recall_1", "recall of digit 1", bounds=(0, 1))
    plan = make_plan(metrics=(metric,), asked=["cgan"])
    return summarize(replace(plan, seeds=tuple(range(9))), made)


def test_two_test_images_are_too_few_whatever_they_say():
    labels = [0] * 20 + [1] * 2
    summary = summary_of(records([True] * 22, [True] * 20 + [False] * 2, labels))
    assert summary["arms"]["cgan"]["verdict"] == "cannot tell"
    assert summary["arms"]["cgan"]["difference"] == 1.0
    assert summary["answer"] == "Cannot tell: only 2 test images of class '1'."
    assert summary["carried_by"].endswith("; only 2 test images of class '1'.")
    # Nothing is the best of one.
    told = "Cannot tell: 2 test images of class '1'; `cgan` (+1.0"
    assert summary["in_full"].startswith(told)


def test_an_answer_has_no_room_for_a_class_of_many_words():
    name = "a bird that was seen by nobody on any of these islands"
    made = records([True] * 22, [True] * 20 + [False] * 2, [0] * 20 + [1] * 2)
    for one in made:
        one["correct"]["classes"] = [name]
    summary = summary_of(made)
    assert summary["answer"] == "Cannot tell: there are too few test images."
    assert summary["carried_by"].endswith(f"; only 2 test images of class {name!r}.")


def test_what_no_other_test_images_would_overthrow_helps():
    labels = [0] * 20 + [1] * 40
    summary = summary_of(records([True] * 60, [True] * 20 + [False] * 40, labels))
    assert summary["arms"]["cgan"]["verdict"] == "helps"
    assert summary["arms"]["cgan"]["verdict_over"] == "seeds and test images"


def test_a_gain_on_one_image_in_every_seed_is_no_gain():
    labels = [0] * 20 + [1] * 40
    made = records([True] * 60, [True] * 59 + [False], labels)
    entry = summary_of(made)["arms"]["cgan"]
    assert entry["p_value"] < 0.01  # nine seeds of equal signs
    assert entry["verdict"] == "cannot tell"
    low, high = entry["difference_ci95_images"]
    assert low < 0 < entry["difference"] < high


def test_records_that_do_not_tell_images_are_judged_as_before():
    made = [record(arm, seed, VALUES[arm][seed]) for arm in ("none", "cgan") for seed in range(5)]
    assert "verdict_over" not in summarize(make_plan(asked=["cgan"]), made)["arms"]["cgan"]


def test_repeats_are_averaged_and_another_number_has_no_images():
    test = subset([0, 1, 1])
    right = [np.array([True, True, False]), np.array([False, True, True])]
    metric = "balanced_accuracy"
    told = correctness(metric, {"balanced_accuracy": 0.625}, test, right)
    assert [shares.tolist() for shares in test_images.shares_right(told)] == [[0.5], [1.0, 0.5]]
    assert "bits" not in correctness(metric, {"balanced_accuracy": 0.7}, test, right)
