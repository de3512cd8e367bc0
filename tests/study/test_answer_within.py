"""The answer of a study where a difference within a margin is the same."""

from dataclasses import replace

import numpy as np
from fake_records import (
    BASE,
    LOSS,
    RECALL,
    VALUES,
    make_plan,
    make_records,
    rivals,
    told,
    told_of,
)

from gan_mnist.study.answer.summary import summarize

TINY = np.array([0.002, -0.001, 0.001, -0.002, 0.0005])
WITHIN = replace(RECALL, margin=0.05)


def test_a_gain_that_is_the_same_as_the_rivals_is_no_more_than_it():
    values = VALUES | {"warp_gan": VALUES["classical"] + TINY}
    short, line, full = told(values, metrics=(WITHIN, LOSS))
    assert short == "Yes, but no more than plain `classical` does."
    assert line.startswith("`warp_gan` minus plain `classical`: 0.000")
    assert "; it does the same within ±0.05 as plain `classical` alone (0.000" in full


def test_what_is_shown_to_be_the_same_is_a_no():
    kinds = rivals("none", "x")
    short, _, full = told_of({"none": BASE, "x": BASE + TINY}, kinds, WITHIN)
    assert short == "No: `x` and `none` are the same within ±0.05."
    assert full.startswith("`x` and `none` are the same within ±0.05 in recall of digit 1 (0.000")
    open_one = told_of({"none": BASE, "x": BASE + TINY}, kinds, WITHIN, question="How well?")
    assert open_one[0] == "`x` and `none` are the same within ±0.05."
    values = {"none": BASE, "x": BASE + TINY, "y": BASE - TINY}
    assert told_of(values, rivals(*values), WITHIN)[0] == (
        "No: each of 2 is the same as `none` within ±0.05."
    )
    values["y"] = BASE - 0.2 + BASE / 50
    short, _, full = told_of(values, rivals(*values), WITHIN)
    assert short == "No: not one of 2 did better than `none`."
    assert full.startswith(
        "Of 2 treatments, none raised recall of digit 1 and 1 lowered it and 1 left it the same "
        "within ±0.05; the best was `x` (0.000"
    )
    values["z"] = VALUES["cgan"]
    assert told_of(values, rivals(*values), WITHIN)[0] == (
        "Cannot tell: not one of 3 was shown to help, and 1 hurt."
    )


def test_a_gain_that_is_sure_but_small_says_so():
    values = {"none": BASE, "x": BASE + 0.01 + TINY / 10}
    assert told_of(values, rivals(*values), WITHIN)[0] == "Yes, but by less than 0.05."
    open_one = told_of(values, rivals(*values), WITHIN, question="How well?")[0]
    assert open_one == "Better than `none`, but by less than 0.05."
    hurting = told_of({"none": values["x"], "x": BASE}, rivals(*values), WITHIN,
                      question="Does it hurt?")[0]  # fmt: skip
    assert hurting == "Yes, but by less than 0.05."
    no = told_of({"none": values["x"], "x": BASE}, rivals(*values), WITHIN, question="How?")[0]
    assert no == "`x` did worse than `none`."


def test_a_gain_too_small_to_matter_is_told_by_its_own_size():
    values = VALUES | {"warp_gan": BASE + 0.01 + TINY / 10, "cgan": BASE - 0.2 + TINY}
    summary = summarize(make_plan(metrics=(WITHIN, LOSS), expectations=()), make_records(values))
    assert summary["answer"] == "Yes, but by less than 0.05."
    assert summary["carried_by"].startswith("`warp_gan` minus `none`: +0.010")
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "none"}


def test_what_is_shown_to_be_the_same_needs_no_more_seeds():
    """Of an arm that is equal to the control there is no spread to know."""
    told = told_of({"none": BASE, "x": BASE}, rivals("none", "x"), WITHIN)
    assert told[0] == "No: `x` and `none` are the same within ±0.05."
    assert told[1].endswith("0.00 in recall of digit 1 (95 % CI 0.00 to 0.00, 5 seeds).")
    assert "more seeds" not in told[2]
    # Without a margin nothing is the same, and there it does.
    assert "; more seeds are needed" in told_of({"none": BASE, "x": BASE}, rivals("none", "x"))[1]
