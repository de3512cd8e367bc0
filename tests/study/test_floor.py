"""Whatever the metric, of fewer test images than ten there is no verdict."""

import numpy as np
import pytest
from fake_records import SEEDS, make_plan, record
from made_runs import write_run

from gan_mnist.data.subsets import Subset
from gan_mnist.study.answer.reasons import reasons_of, summary_comparisons
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.answer.two_runs import compare_two_runs
from gan_mnist.study.comparison import Pair
from gan_mnist.study.finished import read_run
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.test_images import images_of_record
from gan_mnist.trials.correctness import correctness

METRIC = Metric("macro_auc", "macro ROC AUC", bounds=(0, 1), margin=0.01)
ALONE = "; the verdict is over seeds alone, other test images might say something else"


def counted(number, extra=0):
    """What a record tells of a data set: test images of two classes, and of one not asked about."""
    counts = {"cat": {"train": 9, "test": number - 1}, "ape": {"train": 9, "test": 1}}
    counts |= {"bee": {"train": 9, "test": extra}}
    return {"dataset": {"counts": counts}, "settings": {"classes": ["cat", "ape"]}}


def told_by_itself(number):
    return {"correct": {"labels": "a", "classes": [None], "sizes": [number], "weights": [1.0]}}


def summary_of(gain, **told):
    made = [
        {
            **record(arm, seed, **told),
            "metrics": {"macro_auc": 0.5 + 0.001 * seed + more * (1 + 0.01 * seed)},
        }
        for arm, more in (("none", 0.0), ("cgan", gain))
        for seed in SEEDS
    ]
    return summarize(make_plan(metrics=(METRIC,), asked=["cgan"]), made)


@pytest.mark.parametrize("gain", [0.0, 0.4])
@pytest.mark.parametrize("told", [counted(2, extra=900), told_by_itself(2)])
def test_two_test_images_are_too_few_for_any_metric(gain, told):
    summary = summary_of(gain, **told)
    entry = summary["arms"]["cgan"]
    assert (entry["verdict"], entry["too_few_test_images"]) == ("cannot tell", "2 test images")
    assert summary["answer"] == "Cannot tell: only 2 test images."


@pytest.mark.parametrize(("gain", "verdict"), [(0.0, "the same"), (0.4, "helps")])
@pytest.mark.parametrize("told", [counted(10), told_by_itself(10)])
def test_of_enough_the_answer_says_that_it_is_over_seeds_alone(gain, verdict, told):
    summary = summary_of(gain, **told)
    entry = summary["arms"]["cgan"]
    assert (entry["verdict"], entry["verdict_over"]) == (verdict, "seeds only")
    assert ALONE in summary["in_full"]


def test_of_records_that_tell_nothing_nothing_is_told():
    summary = summary_of(0.4)
    assert summary["arms"]["cgan"]["verdict"] == "helps"
    assert "verdict_over" not in summary["arms"]["cgan"]
    assert ALONE not in summary["in_full"]


@pytest.mark.parametrize(("images", "verdict"), [(2, "cannot tell"), (200, "better")])
def test_the_floor_holds_for_two_runs_side_by_side(images, verdict, tmp_path):
    runs = []
    for name, value in (("one", 0.2), ("two", 0.8)):
        values = {"none": [value + 0.001 * seed * len(name) for seed in range(6)]}
        runs.append(read_run(write_run(tmp_path / name, values, num_test=images)))
    found = compare_two_runs(*runs, ["none"], Metric("score", "score", bounds=(0, 1)), None)["none"]
    assert found.verdict == verdict
    assert found.comparison.image_shortage == ("2 test images" if images == 2 else "")


def subset(labels):
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    return Subset(images, np.array(labels), ("0", "1", "2"), tuple(map(str, range(len(labels)))))


def test_a_record_tells_how_many_images_there_are_where_it_cannot_say_which_were_right():
    test = subset([0, 0, 0, 1])
    right = [np.ones(4, bool)]
    told = correctness(METRIC.name, {"macro_auc": 1.0}, test, right)
    # Classes weigh alike, so that the smallest counts; one without a test image is no part of it.
    assert (told["classes"], told["sizes"]) == (["0", "1"], [3, 1])
    assert "bits" not in told
    psnr = correctness("psnr_db", {"psnr_db": 20.0}, test, [])
    assert (psnr["classes"], psnr["sizes"]) == ([None], [4])
    assert correctness(METRIC.name, {"macro_auc": 1.0}, subset([]), []) is None


@pytest.mark.parametrize("name", ["gan_train_accuracy", "accuracy_last_tenth", "accuracy"])
def test_every_accuracy_says_which_images_were_right(name):
    right = [np.array([True, True, False, False]), np.array([True, True, True, False])]
    told = correctness(name, {name: 0.625}, subset([0, 0, 1, 1]), right)
    assert len(told["bits"][0]) == 2
    other = correctness(name, {name: 0.7}, subset([0, 0, 1, 1]), right)
    assert "bits" not in other
    assert images_of_record({"correct": other})["sizes"] == [4]


def test_of_records_some_of_which_say_more_the_floor_is_that_of_the_fewest():
    made = [
        record(arm, seed, 0.5 + 0.1 * (arm == "cgan"), **counted(2 if seed == 3 else 500))
        for arm in ("none", "cgan")
        for seed in SEEDS
    ]
    summary = summarize(make_plan(asked=["cgan"]), made)
    assert summary["arms"]["cgan"]["too_few_test_images"] == "2 test images"


def test_every_kind_of_comparison_has_the_shortage_as_its_reason():
    """Also where the control, whose trials failed, has no seed in common with the arm."""
    made = [
        record(arm, seed, 0.5 + more * (1 + 0.01 * seed), **counted(2))
        for arm, more in (("classical", 0.0), ("cgan", 0.4), ("warp_gan", 0.3))
        for seed in SEEDS
    ]
    made += [record("none", seed, status="failed", error="broken") for seed in SEEDS]
    plan = make_plan(expectations=(), primary=(Pair("cgan", "classical"),))
    summary = summarize(plan, made)
    assert summary["primary"][0]["p_holm"] < 0.05
    reasons = reasons_of(summary)
    kinds = {"primary": "cgan > classical", "versus_rival": "warp_gan", "versus_rivals": "warp_gan"}
    for kind, name in kinds.items():
        assert reasons[kind][name] == (
            "No verdict, whatever the interval, from only 2 test images."
        )
    # Where a reason is told in short it is the same one.
    comparisons = dict(summary_comparisons(summary))
    assert comparisons["primary"].p_beside(None) == ", only 2 test images"
    # Summaries of before tell it of the comparison with the control alone.
    del summary["primary"][0]["too_few_test_images"]
    assert "not below" in reasons_of(summary)["primary"]["cgan > classical"]
    summary["arms"]["cgan"]["too_few_test_images"] = "2 test images"
    assert "only 2 test images" in reasons_of(summary)["primary"]["cgan > classical"]
