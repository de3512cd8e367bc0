"""The answer of a study whose primary comparisons are of plain arms."""

from dataclasses import replace

import pytest
from fake_records import make_plan, make_records

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair


@pytest.mark.parametrize("arms", [["classical"], ["classical", "cgan"]])
def test_a_primary_comparison_of_a_rival_is_answered_as_it_was_asked(arms):
    plan = make_plan(asked=arms, expectations=())
    primary = (Pair("classical", "none"),)
    plan = replace(plan, study=replace(plan.study, primary=primary))
    names = {arm.name for arm in plan.arms}
    summary = summarize(plan, [found for found in make_records() if found["arm"] in names])
    assert summary["answer"] == "Yes: `classical` did better than `none`."
    assert summary["rests_on"] == {"arm": "classical", "reference": "none"}
    assert summary["in_full"].startswith("`classical` raised recall of digit 1 from 0.34 to ")


def test_a_rival_among_primary_comparisons_is_not_said_to_lack_rivals():
    plan = make_plan(asked=["classical", "cgan"], expectations=())
    primary = (Pair("classical", "none"), Pair("cgan", "none"))
    plan = replace(plan, study=replace(plan.study, primary=primary))
    names = {arm.name for arm in plan.arms}
    summary = summarize(plan, [found for found in make_records() if found["arm"] in names])
    assert summary["rests_on"]["arm"] == "classical"
    assert "rival" not in summary["answer"]
