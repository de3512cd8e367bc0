"""The answer of a study, of hand-made records: short, its number, and in full."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_records import (
    BASE,
    KINDS,
    LOSS,
    VALUES,
    make_plan,
    make_records,
    rivals,
    told,
    told_of,
)

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Expectation
from gan_mnist.study.statistics.paired import compare

MANY = (0, 1, 2, 3, 4)


def test_a_gain_beyond_the_plain_rival_is_told_by_its_difference_to_it():
    short, line, full = told()
    assert short == "Yes: `warp_gan` did more than plain `classical`."
    arms = (dict(enumerate(VALUES[name])) for name in ("warp_gan", "classical"))
    low, high = compare(*arms, level=0.05 / 2).ci95  # of two that are generated
    assert line.startswith(
        "`warp_gan` minus plain `classical`: +0.08 in recall of digit 1 (95 % CI"
    )
    assert f" {low:.2f} to {high:.2f}" in line
    assert line.endswith(", allowing for the choice among 2, 5 seeds).")
    assert full.startswith(
        "Of 2 treatments with generated images, `warp_gan` raised recall of digit 1 from 0.34 to "
        "0.92 (+0.59, 95 % CI "
    )
    assert ", 5 seeds), and did better than plain `classical` alone (+0.08, 95 % CI " in full
    assert full.endswith(", if they are fewer than 45 %.") and ". " not in full


def test_a_gain_may_be_no_more_than_the_rivals():
    values = VALUES | {"warp_gan": VALUES["classical"] + [0.03, -0.02, 0.01, -0.03, 0.02]}
    short, line, full = told(values)
    assert short == "Yes, but not shown to beat plain `classical`."
    assert line.startswith("`warp_gan` minus plain `classical`: 0.00 in recall of digit 1")
    assert "; whether it beats plain `classical` alone cannot be told (0.00, " in full
    worse = VALUES | {"warp_gan": VALUES["classical"] - [0.10, 0.12, 0.11, 0.13, 0.09]}
    short, line, full = told(worse)
    assert short == "Yes, but less than plain `classical` does."
    assert "; it did worse than plain `classical` alone (-0.11" in full


@pytest.mark.parametrize("order", [("classical", "elastic"), ("elastic", "classical")])
def test_of_rivals_that_were_named_beforehand_the_best_is_the_measure(order):
    values = VALUES | {"elastic": VALUES["warp_gan"] + [0.01, -0.01, 0.02, -0.01, 0.0]}
    plan = make_plan(kinds={**KINDS, "elastic": "rival"})
    primary = (Pair("warp_gan", "none"), *(Pair("warp_gan", rival) for rival in order))
    plan = replace(plan, study=replace(plan.study, primary=primary))
    summary = summarize(plan, make_records(values))
    assert summary["answer"] == "Yes, but not shown to beat plain `elastic`."
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "elastic"}


def test_a_gain_over_the_named_rival_is_none_over_a_better_one_that_was_run():
    values = VALUES | {"elastic": VALUES["warp_gan"] + [0.01, -0.01, 0.02, -0.01, 0.0]}
    plan = make_plan(kinds={**KINDS, "elastic": "rival"})
    primary = (Pair("warp_gan", "none"), Pair("warp_gan", "classical"))
    plan = replace(plan, study=replace(plan.study, primary=primary))
    records = make_records(values)
    expected = "Yes, more than plain `classical`, but not shown to beat plain `elastic`."
    summary = summarize(plan, records)
    assert summary["answer"] == expected
    assert "plain `classical` alone (+0.08, " in summary["in_full"]
    assert ", but was not shown to do better than plain `elastic` (" in summary["in_full"]
    for record in records:
        if record["arm"] == "elastic":
            record |= {"status": "failed", "error": "broken", "metrics": {}}
    summary = summarize(plan, records)
    assert summary["answer"] == expected
    assert "could not be compared with plain `elastic`, as its trials failed" in summary["in_full"]


def test_among_many_arms_a_gain_over_the_named_rival_is_one_over_the_same_rival():
    """Which is one of four tests there, and passes Holm's correction as a primary one alone."""
    own = VALUES["classical"] + [0.05, 0.04, 0.06, 0.01, 0.09]
    names = [f"other_{number}" for number in range(3)]
    values = VALUES | {"warp_gan": own} | dict.fromkeys(names, VALUES["classical"])
    plan = make_plan(kinds={**KINDS, **dict.fromkeys(names, "generated")})
    primary = (Pair("warp_gan", "none"), Pair("warp_gan", "classical"))
    plan = replace(plan, study=replace(plan.study, primary=primary))
    summary = summarize(plan, make_records(values))
    assert summary["arms"]["warp_gan"]["versus_rivals"]["verdict"] == "cannot tell"
    assert summary["answer"] == "Yes: `warp_gan` did more than plain `classical`."


def test_the_best_rival_that_was_run_is_the_measure_not_the_declared_one():
    values = VALUES | {"elastic": VALUES["warp_gan"] + [0.01, -0.01, 0.02, -0.01, 0.0]}
    short, line, full = told(values, kinds={**KINDS, "elastic": "rival"})
    assert short == "Yes, but not shown to beat plain `elastic`."
    assert line.startswith("`warp_gan` minus plain `elastic`, the best of 2 plain rivals: ")
    assert "; whether it beats the best of 2 plain rivals, `elastic`, cannot be told (" in full
    values["elastic"] = VALUES["classical"] + [0.01, -0.01, 0.02, -0.01, 0.0]
    short, *_ = told(values, kinds={**KINDS, "elastic": "rival"})
    assert short == "Yes: `warp_gan` did more than every plain rival."


def test_a_gain_without_a_plain_rival_beside_it_says_so():
    plan = make_plan(asked=["cgan", "warp_gan", "oracle"], expectations=())
    names = {arm.name for arm in plan.arms}
    summary = summarize(plan, [r for r in make_records() if r["arm"] in names])
    assert summary["answer"] == "Yes, but no plain rival was run beside it."
    assert summary["carried_by"].startswith("`warp_gan` minus `none`: +0.59 in recall")
    assert ", but no plain rival was run beside it; " in summary["in_full"]


def test_cannot_tell_and_no():
    unclear = VALUES | {"warp_gan": np.add(BASE, [0.1, -0.1, 0.05, -0.04, 0.02])}
    short, line, full = told(unclear)
    assert short == "Cannot tell: not one of 2 was shown to help."
    assert line.startswith("`cgan` minus `none`: +0.01 in recall of digit 1 (95 % CI ")
    assert full.startswith(
        "Cannot tell: of 2 treatments with generated images, none clearly raised recall of "
        "digit 1; the best was `cgan` (+0.01, 95 % CI "
    )
    assert "; the plain rival `classical` raised recall of digit 1 from 0.34 to 0.85" in full
    harm = BASE - [0.20, 0.22, 0.21, 0.19, 0.23]
    worse = VALUES | {"cgan": harm, "warp_gan": harm - 0.01 + BASE / 50}
    short, line, full = told(worse)
    assert short == "No: each of 2 did worse than `none`."
    assert line.startswith("`cgan` minus `none`: -0.21 in recall")
    assert full.startswith(
        "Of 2 treatments with generated images, each lowered recall of digit 1, the least so `cgan`"
    )


def test_a_study_says_what_its_treatments_have():
    assert "Of 2 treatments with an adversary, `warp_gan` " in told(treatment="an adversary")[2]


def test_one_rival_is_no_group():
    short, _, full = told_of({"none": BASE, "x": VALUES["copy"]}, rivals("none", "x"))
    assert short == "Cannot tell whether `x` helps."
    assert full.startswith("Cannot tell whether `x` raised recall of digit 1 (0.00, 95 % CI ")
    assert full.endswith(", 5 seeds).")
    short, _, full = told_of({"none": VALUES["classical"], "x": BASE}, rivals("none", "x"))
    assert short == "No: `x` did worse than `none`."
    assert full.startswith("`x` lowered recall of digit 1 from 0.85 to 0.34 (-0.51, 95 % CI ")


def test_some_rivals_do_harm():
    values = {"none": VALUES["classical"], "x": BASE, "y": VALUES["classical"] + BASE / 50 - 0.008}
    short, line, full = told_of(values, rivals("none", "x", "y"))
    assert short == "Cannot tell: not one of 2 was shown to help, and 1 hurt."
    assert line.startswith("`y` minus `none`: -0.001 in recall")
    assert full.startswith(
        "Cannot tell: of 2 treatments, none clearly raised recall of digit 1 and 1 lowered it; "
        "the best was `y` (-0.001"
    )


def test_where_less_is_better_the_words_turn_round():
    falling = {"metric": LOSS, "kinds": rivals("none", "x", "y")}
    values = {"none": VALUES["classical"], "x": BASE, "y": BASE + 0.1 + BASE / 50}
    short, _, full = told_of(values, **falling)
    assert short == "No: each of 2 did worse than `none`."
    assert full.startswith("Of 2 treatments, each raised loss, the least so `y` (+0.40")
    values = {"none": BASE, "x": VALUES["copy"], "y": VALUES["cgan"]}
    full = told_of(values, **falling)[2]
    assert full.startswith("Cannot tell: of 2 treatments, none clearly lowered loss; the best")
    short, _, full = told_of({"none": BASE, "x": VALUES["oracle"]}, rivals("none", "x"), LOSS)
    assert short == "Yes: `x` did better than `none`."
    assert full.startswith("`x` lowered loss from 0.66 to 0.02 (-0.65, 95 % CI ")


UP, DOWN = {"none": BASE, "x": VALUES["oracle"]}, {"none": VALUES["oracle"], "x": BASE}
EITHER = {"none": BASE, "x": VALUES["copy"]}
BOTH = {"none": BASE, "x": VALUES["oracle"], "y": VALUES["classical"]}


@pytest.mark.parametrize(
    ("question", "values", "expected"),
    [
        ("Does noise hurt?", DOWN, "Yes: `x` did worse than `none`."),
        ("Does noise hurt?", UP, "No: `x` did better than `none`."),
        ("Does noise hurt?", EITHER, "Cannot tell whether `x` hurts."),
        ("Is recall lower with noise?", DOWN, "Yes: `x` did worse than `none`."),
        ("Is recall lower with noise?", UP, "No: `x` did better than `none`."),
        ("Do noise and dirt do harm?", BOTH, "No: each of 2 did better than `none`."),
        # Which way it asks, it does not say: neither yes nor no would be true for sure.
        ("Is noise bad?", UP, "`x` did better than `none`."),
        ("Does it help or hurt?", DOWN, "`x` did worse than `none`."),
        ("How many images a batch are best?", UP, "`x` did better than `none`."),
        ("How many images a batch are best?", DOWN, "`x` did worse than `none`."),
        ("How many images a batch are best?", EITHER, "Cannot tell whether `x` helps."),
        ("How much is lost?", DOWN, "`x` did worse than `none`."),
        (
            "Which helps?",
            BOTH,
            "2 of 2 treatments did better than `none`, most of all `x`.",
        ),
    ],
)
def test_an_answer_says_yes_only_to_what_is_asked(question, values, expected):
    assert told_of(values, rivals(*values), question=question)[0] == expected


def test_a_question_whether_something_hurts_is_told_by_what_hurts_most():
    values = {"none": VALUES["oracle"], "x": BASE, "y": VALUES["classical"]}
    short, line, full = told_of(values, rivals(*values), question="Does noise hurt?")
    assert short == "Yes: 2 of 2 treatments did worse than `none`, most of all `x`."
    assert line.startswith("`x` minus `none`: -0.65 ")
    assert full.startswith("Of 2 treatments, 2 hurt, and `x` lowered recall of digit 1 from 0.98")


def test_without_rivals_the_ablations_are_asked_about():
    kinds = {"none": "control", "x": "ablation", "y": "ablation"}
    values = {"none": BASE, "x": VALUES["cgan"], "y": VALUES["oracle"]}
    short, _, full = told_of(values, kinds)
    assert short == "Yes: 1 of 2 ablations did better than `none`, most of all `y`."
    assert full.startswith("Of 2 ablations, `y` raised recall")


def test_a_question_about_generated_images_is_not_answered_by_a_rival():
    plan = make_plan(asked=["classical"], expectations=())
    names = {arm.name for arm in plan.arms}
    summary = summarize(plan, [found for found in make_records() if found["arm"] in names])
    assert summary["answer"] == "No answer: this run has none of the arms in question."
    assert summary["carried_by"] == ""
    assert summary["in_full"].startswith(
        "No answer: this run has no treatment with generated images; the report has its "
        "differences; the plain rival `classical` "
    )


def test_controls_that_come_out_wrong_are_told_first():
    wrong = (Expectation("classical", "below", "none"), Expectation("copy", "above", "none"))
    summary = summarize(make_plan(expectations=wrong), make_records())
    assert summary["controls_ok"] is False
    assert summary["controls"][0]["ok"] is False
    difference = (VALUES["classical"] - VALUES["none"]).mean()
    assert summary["controls"][0]["difference"] == pytest.approx(difference)
    assert summary["answer"] == "Do not trust this run: `classical` is not below `none`."
    assert summary["carried_by"].startswith("`classical` is not below `none` (+0.51, 95 % CI ")
    assert summary["in_full"].startswith(
        "The controls did not come out right, so do not trust this run: "
        "`classical` is not below `none` (+0.51, 95 % CI "
    )
    assert "; its numbers would say: Of 2 treatments" in summary["in_full"]
    wrong = (wrong[0], Expectation("oracle", "below", "none"))
    short = told(expectations=wrong)[0]
    assert short == "Do not trust this run: 2 controls came out wrong."


def test_a_leak_comes_before_all_else():
    leak = "9 of the 9 images of `x` are copies of test images, which is a leak"
    wrong = (Expectation("cgan", "equal to", "oracle"),)
    for plan in (make_plan(), make_plan(expectations=wrong)):
        leaking = replace(plan, dataset={**plan.dataset, "warnings": [leak]})
        before, now = (summarize(one, make_records()) for one in (plan, leaking))
        assert now["answer"] == f"Careful, a leak. {before['answer']}"
        assert len(now["answer"].split()) <= 15
        for part in ("carried_by", "in_full"):
            assert now[part] == f"Careful, {leak}. {before[part]}"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does it help?", "Perhaps, but 3 seeds are too few to rely on."),
        ("Does it hurt?", "Perhaps not: 3 seeds are too few to rely on."),
        ("How well?", "`x` did better than `none`, but 3 seeds are too few."),
    ],
)
def test_three_seeds_are_too_few(question, expected):
    changes = {"oracle": None, "rival": None, "expectations": ()}
    plan = make_plan(kinds=rivals("none", "x"), question=question, **changes)
    plan = replace(plan, seeds=MANY[:3])
    records = make_records({"none": BASE, "x": BASE + 0.5 + BASE / 100}, MANY[:3])
    assert summarize(plan, records)["answer"] == expected
    records = make_records({"none": BASE, "x": VALUES["copy"]}, MANY[:3])
    assert summarize(plan, records)["answer"] == "Cannot tell: 3 seeds are too few to rely on."


@pytest.mark.parametrize("seeds", [(), (0,)], ids=["none", "one"])
def test_too_little_for_an_answer(seeds):
    summary = summarize(make_plan(), make_records(seeds=seeds))
    assert summary["answer"] == "No answer yet: a comparison needs two seeds."
    assert summary["in_full"].startswith(
        "No answer yet: a comparison needs two seeds in which both `none` and a treatment with "
        "generated images are done"
    )
    assert summary["controls_ok"] is None
    assert {arm["p_value"] for arm in summary["arms"].values()} == {None}
    json.dumps(summary, allow_nan=False)
