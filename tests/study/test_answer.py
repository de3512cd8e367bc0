"""The answer of a study in one sentence, of hand-made records."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_records import BASE, LOSS, RECALL, VALUES, make_plan, make_records
from scipy import stats

from gan_mnist.study.spec import Expectation
from gan_mnist.study.summary import summarize


def test_answers_yes_and_names_the_rival():
    answer = summarize(make_plan(), make_records())["answer"]
    low = stats.ttest_rel(VALUES["warp_gan"], BASE).confidence_interval(0.95).low
    assert answer.startswith(
        "Yes: of 2 treatments with generated images, `warp_gan` raised recall of digit 1 "
        f"from 0.34 to 0.92 (+0.59, 95 % CI {low:.2f} to "
    )
    assert ", 5 seeds), and did better than `classical` alone (+0.08, 95 % CI " in answer
    assert answer.endswith(").") and ". " not in answer


def test_answers_that_a_gain_may_be_no_more_than_the_rivals():
    values = VALUES | {"warp_gan": VALUES["classical"] + [0.03, -0.02, 0.01, -0.03, 0.02]}
    answer = summarize(make_plan(), make_records(values))["answer"]
    assert answer.startswith("Yes, but not shown to beat plain `classical`: of 2 treatments")
    assert "; whether it beats `classical` alone cannot be told (+0.00" in answer
    worse = VALUES | {"warp_gan": VALUES["classical"] - [0.10, 0.12, 0.11, 0.13, 0.09]}
    answer = summarize(make_plan(), make_records(worse))["answer"]
    assert answer.startswith("Yes, but less than plain `classical`: of 2 treatments")
    assert "; it did worse than `classical` alone (-0.11" in answer


def test_answers_cannot_tell_and_no():
    unclear = VALUES | {"warp_gan": np.add(BASE, [0.1, -0.1, 0.05, -0.04, 0.02])}
    answer = summarize(make_plan(), make_records(unclear))["answer"]
    assert answer.startswith(
        "Cannot tell: of 2 treatments with generated images, none clearly raised recall of "
        "digit 1; the best"
    )
    assert "the best was `cgan` (+0.01, 95 % CI " in answer
    assert "; the plain rival `classical` raised recall of digit 1 from 0.34 to 0.85" in answer
    harm = BASE - [0.20, 0.22, 0.21, 0.19, 0.23]
    worse = VALUES | {"cgan": harm, "warp_gan": harm - 0.01 + BASE / 50}
    answer = summarize(make_plan(), make_records(worse))["answer"]
    assert answer.startswith(
        "No: of 2 treatments with generated images, each lowered recall of digit 1, "
        "the least so `cgan`"
    )


def test_a_study_says_what_its_treatments_have():
    plan = make_plan()
    plan = replace(plan, study=replace(plan.study, treatment="an adversary"))
    answer = summarize(plan, make_records())["answer"]
    assert answer.startswith("Yes: of 2 treatments with an adversary, `warp_gan` raised")


def rivals(control, *others):
    return {control: "control"} | dict.fromkeys(others, "rival")


def answer_of(values, kinds, metric=RECALL, **changes):
    """The answer of a study without oracle, rival and checks."""
    changes = {"oracle": None, "rival": None, "expectations": ()} | changes
    plan = make_plan(metrics=(metric,), kinds=kinds, **changes)
    return summarize(plan, make_records(values))["answer"]


def test_one_rival_is_no_group():
    kinds = rivals("none", "x")
    answer = answer_of({"none": BASE, "x": VALUES["copy"]}, kinds)
    assert answer.startswith("Cannot tell whether `x` raised recall of digit 1 (+0.00, 95 % CI ")
    assert answer.endswith(", 5 seeds).")
    answer = answer_of({"none": VALUES["classical"], "x": BASE}, kinds)
    assert answer.startswith("No: `x` lowered recall of digit 1 from 0.85 to 0.34 (-0.51, 95 % CI ")


def test_some_rivals_do_harm():
    values = {"none": VALUES["classical"], "x": BASE, "y": VALUES["classical"] + BASE / 100 - 0.004}
    answer = answer_of(values, rivals("none", "x", "y"))
    assert answer.startswith(
        "Cannot tell: of 2 treatments, none clearly raised recall of digit 1 and 1 lowered it; "
        "the best was `y` (-0.00"
    )


def test_where_less_is_better_the_words_turn_round():
    falling = {"metric": LOSS, "kinds": rivals("none", "x", "y")}
    values = {"none": VALUES["classical"], "x": BASE, "y": BASE + 0.1 + BASE / 50}
    answer = answer_of(values, **falling)
    assert answer.startswith("No: of 2 treatments, each raised loss, the least so `y` (+0.40")
    values = {"none": BASE, "x": VALUES["copy"], "y": VALUES["cgan"]}
    answer = answer_of(values, **falling)
    assert answer.startswith("Cannot tell: of 2 treatments, none clearly lowered loss; the best")
    answer = answer_of({"none": BASE, "x": VALUES["oracle"]}, rivals("none", "x"), LOSS)
    assert answer.startswith("Yes: `x` lowered loss from 0.66 to 0.02 (-0.65, 95 % CI ")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"none": BASE, "x": VALUES["oracle"]}, "`x` raised recall of digit 1 from 0.34 to 0.98"),
        ({"none": VALUES["oracle"], "x": BASE}, "`x` lowered recall of digit 1 from 0.98 to 0.34"),
        ({"none": BASE, "x": VALUES["copy"]}, "Cannot tell whether `x` raised recall of digit 1 ("),
        (
            {"none": BASE, "x": VALUES["oracle"], "y": VALUES["classical"]},
            "Of 2 treatments, 2 helped, and `x` raised recall of digit 1 from 0.34 to 0.98",
        ),
    ],
)
def test_a_question_that_asks_for_no_yes_gets_none(values, told):
    answer = answer_of(values, rivals(*values), question="How many images a batch are best?")
    assert answer.startswith(told)


def test_without_rivals_the_ablations_are_asked_about():
    kinds = {"none": "control", "x": "ablation", "y": "ablation"}
    values = {"none": BASE, "x": VALUES["cgan"], "y": VALUES["oracle"]}
    assert answer_of(values, kinds).startswith("Yes: of 2 ablations, `y` raised recall")


def test_a_question_about_generated_images_is_not_answered_by_a_rival():
    plan = make_plan(asked=["classical"], expectations=())
    names = {arm.name for arm in plan.arms}
    records = [found for found in make_records() if found["arm"] in names]
    answer = summarize(plan, records)["answer"]
    assert answer.startswith(
        "No answer: this run has no treatment with generated images; the report has its "
        "differences; the plain rival `classical` "
    )


def test_controls_that_come_out_wrong_are_told_first():
    wrong = (Expectation("cgan", "below", "copy"), Expectation("copy", "equal to", "none"))
    summary = summarize(make_plan(expectations=wrong), make_records())
    assert summary["controls_ok"] is False
    assert [check["ok"] for check in summary["controls"]] == [False, True]
    difference = (VALUES["cgan"] - VALUES["copy"]).mean()
    assert summary["controls"][0]["difference"] == pytest.approx(difference)
    assert summary["answer"].startswith(
        "The controls did not come out right, so do not trust this run: "
        "`cgan` is not below `copy` (+0.01, 95 % CI "
    )
    assert "; its numbers would say: Yes: " in summary["answer"]


@pytest.mark.parametrize("seeds", [(), (0,)], ids=["none", "one"])
def test_too_little_for_an_answer(seeds):
    summary = summarize(make_plan(), make_records(seeds=seeds))
    assert summary["answer"].startswith(
        "No answer yet: a comparison needs two seeds in which both `none` and a treatment with "
        "generated images are done"
    )
    assert summary["controls_ok"] is None
    assert {arm["p_value"] for arm in summary["arms"].values()} == {None}
    json.dumps(summary, allow_nan=False)
