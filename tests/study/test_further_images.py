"""Verdicts on a further test set cover its images, too."""

from dataclasses import replace

import numpy as np
import pytest
from fake_records import RECALL, make_plan, record

from gan_mnist.data.subsets import Subset
from gan_mnist.study.answer.reasons import reasons_of
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.spec import Metric
from gan_mnist.trials.correctness import correctness

SEEDS = tuple(range(9))
METRIC = Metric("new_accuracy", "accuracy on new")


def images(number):
    pixels = np.zeros((number, 1, 1, 1), np.uint8)
    return Subset(pixels, np.zeros(number, int), ("a",), tuple(map(str, range(number))))


def records(rights, read=None, each_seed=False, tells=True):
    """Records of arms by which of the images, bool (seeds, n), each called right."""
    made = []
    dataset = {"further_tests": {"new": {"files": {"read": read}}}} if read else {}
    if each_seed:
        dataset["each_seed"] = {"n_test": 10, "n_train": 40}
    for arm, of_seeds in rights.items():
        for seed, right in zip(SEEDS, of_seeds, strict=True):
            metrics = {"accuracy": float(np.mean(right))}
            told = correctness("accuracy", metrics, images(len(right)), [right])
            further = {"correct_further": {"new": told}} if tells else {}
            one = record(arm, seed, 0.5 + 0.01 * seed, dataset=dataset, **further)
            one["metrics"]["new_accuracy"] = metrics["accuracy"]
            made.append(one)
    return made


def summary_of(made):
    plan = make_plan(metrics=(RECALL, METRIC), asked=["cgan"], further_tests=("new",))
    return summarize(replace(plan, seeds=SEEDS), made)


def told(made):
    return summary_of(made)["further_tests"]["new"]["arms"]["cgan"]


def two_images():
    wrong = np.zeros((9, 2), bool)
    wrong[[1, 4, 6], 0] = True
    return {"none": wrong, "cgan": np.ones((9, 2), bool)}


@pytest.mark.parametrize("each_seed", [False, True])
@pytest.mark.parametrize("tells", [False, True])
def test_two_further_test_images_are_too_few(each_seed, tells):
    made = records(two_images(), read=2, each_seed=each_seed, tells=tells)
    entry = told(made)
    assert entry["difference"] == pytest.approx(5 / 6)
    assert (entry["verdict"], entry["too_few_test_images"]) == ("cannot tell", "2 test images")
    assert entry["difference_ci95"][1] <= 1
    reason = reasons_of(summary_of(made))["further new"]["cgan"]
    assert reason == "No verdict, whatever the interval, from only 2 test images."


@pytest.mark.parametrize("each_seed", [False, True])
def test_a_gain_on_few_of_the_images_is_no_gain_though_every_seed_has_it(each_seed):
    right = np.tile(np.arange(40) % 2 == 0, (9, 1))
    gain = right.copy()
    gain[:, 1] = True
    entry = told(records({"none": right, "cgan": gain}, each_seed=each_seed))
    assert (entry["verdict"], entry["verdict_over"]) == ("cannot tell", "seeds and test images")
    low, high = entry["difference_ci95_images"]
    assert low < 0 < high
    # Of records from before nothing is known but what seeds say.
    before = told(records({"none": right, "cgan": gain}, tells=False))
    assert before["verdict"] == "helps"
    assert "verdict_over" not in before


def test_a_gain_on_most_of_them_is_one():
    right, gain = np.zeros((9, 40), bool), np.ones((9, 40), bool)
    entry = told(records({"none": right, "cgan": gain}))
    assert (entry["verdict"], entry["verdict_over"]) == ("helps", "seeds and test images")
