"""What a trial's classifier is worth on further test sets, and what is kept of it."""

import csv

import pytest
from small_trial import CLASSES, DATASET, Fixed, make_steps

from gan_mnist.data.further import FurtherTest
from gan_mnist.data.subsets import read_test_subset
from gan_mnist.settings.further import FurtherTestSettings
from gan_mnist.study.statistics.test_images import shares_right


@pytest.fixture
def make(tmp_path, dtype_policy, monkeypatch):
    """`make(told)`: a trial whose further set "again" is the test images, told as "as planned"."""
    again = {"again": FurtherTest(read_test_subset(DATASET, CLASSES), "as planned", {})}
    monkeypatch.setattr(FurtherTestSettings, "further_tests", lambda self: again)
    return lambda told="as planned": make_steps(tmp_path, test_sets=(told,))


def test_it_is_judged_on_them_as_on_the_test_images(make, tmp_path):
    steps = make()
    metrics, probabilities = steps.evaluate(Fixed())
    measured = ("accuracy", "balanced_accuracy", "recall_cat", "recall_ape")
    further = {f"again_{name}": pytest.approx(metrics[name]) for name in measured}
    assert steps.further.of(metrics) == further
    steps.save_and_export("no model: nothing is exported", probabilities, metrics)
    directory = tmp_path / "trials" / "some" / "seed-00"
    tables = []
    for name in ("predictions.csv", "predictions-again.csv"):
        with (directory / name).open(newline="") as file:
            tables.append(list(csv.DictReader(file)))
    assert tables[0] == tables[1]
    assert len(tables[0]) == 10


def test_a_record_says_which_of_them_were_right_after_a_trial_that_went_on_too(make):
    def outcome(steps, **options):
        metrics = steps.part("first", lambda: steps.evaluate(Fixed())[0], **options)
        of_all = steps.outcome(metrics), steps.outcome(metrics, further_of="first")
        assert of_all[0].correct_further == of_all[1].correct_further
        return of_all[0], metrics

    whole, metrics = outcome(make())
    (right,) = shares_right(whole.correct_further["again"])
    assert right.mean() == pytest.approx(metrics["again_accuracy"])
    again, _ = outcome(make())
    assert again.correct_further == whole.correct_further
    # Of a part that is not judged it is not the primary metric that is told of.
    assert "bits" not in again.correct
    judged, _ = outcome(make(), in_primary=True)
    assert shares_right(judged.correct)[0].mean() == pytest.approx(metrics["accuracy"])


def test_a_part_that_fails_leaves_nothing_of_what_it_got_right(make):
    def fail():
        steps.evaluate(Fixed())
        raise ArithmeticError("after it was evaluated")

    steps = make()
    steps.part("first", lambda: steps.evaluate(Fixed())[0], in_primary=True)
    before = {test: len(rows) for test, rows in steps.correct.items()}
    assert before == {"": 1, "again": 1}
    with pytest.raises(ArithmeticError, match="after it"):
        steps.part("second", fail, in_primary=True)
    assert {test: len(rows) for test, rows in steps.correct.items()} == before
    assert list(steps.correct_by_part) == ["first"]


def test_metrics_of_a_trial_that_goes_on_are_known_before_it_has_evaluated_anything(make):
    metrics = {"accuracy": 0.5, "again_accuracy": 0.25, "against_all": 1.0}
    assert make().further.of(metrics) == {"again_accuracy": 0.25}


def test_other_images_than_the_plan_told_of_are_not_used(make):
    with pytest.raises(RuntimeError, match="not those that the run began with"):
        make("otherwise").evaluate(Fixed())
