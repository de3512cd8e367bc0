"""Comparisons at each number of images, where trials train once a number."""

import numpy as np
import pytest

from gan_mnist.study.statistics import at_numbers
from gan_mnist.study.statistics.paired import by_arm
from gan_mnist.study.statistics.test_images import compare_images, pack

STRATA = [np.arange(40), np.arange(40, 100)]


def right_of(rng, share, common):
    """Which of 100 images are right, some of them alike in all seeds."""
    return np.where(common < 0.9, common / 0.9, rng.random(100)) < share


def record_of(arm, seed, trainings):
    """Trainings by number, each a bool (100,); balanced accuracy of two classes."""
    shares = {
        number: float(np.mean([right[rows].mean() for rows in STRATA]))
        for number, right in trainings.items()
    }
    metrics = {"balanced_accuracy": float(np.mean(list(shares.values())))}
    metrics |= {f"balanced_accuracy_at_{number}": share for number, share in shares.items()}
    correct = {
        "labels": "x",
        "classes": ["a", "b"],
        "sizes": [40, 60],
        "weights": [0.5, 0.5],
        "bits": pack(list(trainings.values()), STRATA),
    }
    return {"arm": arm, "seed": seed, "metrics": metrics, "correct": correct}


@pytest.fixture(scope="module")
def records():
    """Six seeds; at 20 images an arm is ahead by luck with images, at 100 and all beyond doubt."""
    rng = np.random.default_rng(0)
    common = {name: rng.random(100) for name in ("mine", "real")}
    gains = {"20": 0.1, "100": 0.4, "all": 0.4}
    made = []
    for seed in range(6):
        for arm, own in common.items():
            trainings = {
                number: right_of(rng, 0.5 + gain * (arm == "mine"), own)
                for number, gain in gains.items()
            }
            made.append(record_of(arm, seed, trainings))
    return by_arm(made)


def compared(records, number):
    return at_numbers.compare_at(records["mine"], records["real"], "balanced_accuracy_at_", number)


def test_numbers_ascend_and_words_come_last(records):
    assert at_numbers.numbers_in(records["real"], "balanced_accuracy_at_") == ["20", "100", "all"]


@pytest.mark.parametrize("number", ["20", "100", "all"])
def test_each_number_is_judged_by_its_own_training(records, number):
    place = ["20", "100", "all"].index(number)
    one, other = (
        {
            seed: record["correct"]
            | {"bits": [[texts[place]] for texts in record["correct"]["bits"]]}
            for seed, record in records[arm].items()
        }
        for arm in ("mine", "real")
    )
    found = compared(records, number)
    assert (found.ci95_images, found.p_value_images) == compare_images(one, other)
    key = f"balanced_accuracy_at_{number}"
    differences = [
        records["mine"][seed]["metrics"][key] - records["real"][seed]["metrics"][key]
        for seed in range(6)
    ]
    assert found.difference == pytest.approx(np.mean(differences))


def test_bits_by_name_count_before_those_in_order(records):
    def named(record):
        bits = record["correct"]["bits"]
        at = {
            f"balanced_accuracy_at_{number}": [[texts[place]] for texts in bits]
            for place, number in enumerate(["20", "100", "all"])
        }
        # As where the primary metric is of one of the numbers.
        only = [[texts[1]] for texts in bits]
        return {**record, "correct": record["correct"] | {"bits": only, "at": at}}

    by_name = {
        arm: {seed: named(record) for seed, record in of_arm.items()}
        for arm, of_arm in records.items()
    }
    for number in ("20", "100", "all"):
        assert compared(by_name, number) == compared(records, number)


def test_few_test_images_are_told_without_bits(records):
    few = {
        arm: {
            seed: {**record, "correct": {**record["correct"], "sizes": [2, 60], "bits": []}}
            for seed, record in of_arm.items()
        }
        for arm, of_arm in records.items()
    }
    found = compared(few, "100")
    assert found.image_shortage == "2 test images of class 'a'"
    assert at_numbers.comparison_entries({("100",): found})["100",]["verdict"].startswith(
        "cannot tell"
    )


def test_luck_with_test_images_is_no_effect(records):
    found = {(number,): compared(records, number) for number in ("20", "100", "all")}
    alone = found["20",].ci95
    assert alone[0] > 0
    told = at_numbers.comparison_entries(found)
    assert [told[number,]["verdict"] for number in ("20", "100", "all")] == [
        "cannot tell",
        "helps",
        "helps",
    ]
    assert told["20",]["ci95"][0] < 0 < alone[0] < told["20",]["ci95"][1]
    assert told["20",]["p_holm"] > found["20",].p_value


@pytest.mark.parametrize("change", ["none", "another_order", "one_training", "no_bits"])
def test_without_the_trainings_of_each_number_seeds_decide(records, change):
    def changed(record):
        correct = dict(record["correct"])
        bits = {
            "another_order": [texts[::-1] for texts in correct["bits"]],
            "one_training": [texts[:1] for texts in correct["bits"]],
            "no_bits": [],
        }
        return {**record, "correct": None if change == "none" else correct | {"bits": bits[change]}}

    without = {
        arm: {seed: changed(record) for seed, record in of_arm.items()}
        for arm, of_arm in records.items()
    }
    found, whole = compared(without, "20"), compared(records, "20")
    assert found.ci95_images is None
    assert found.deciding_ci95 == whole.ci95


def test_one_seed_has_no_interval_and_is_left_out(records):
    first = {arm: {0: of_arm[0]} for arm, of_arm in records.items()}
    found = compared(first, "100")
    assert found.ci95 is None
    assert at_numbers.comparison_entries({("100",): found}) == {}
