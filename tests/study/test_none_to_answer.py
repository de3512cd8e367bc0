"""Runs whose arms in question cannot be the answer, as they leak or are not there."""

from dataclasses import replace

import pytest
from fake_records import KINDS, VALUES, make_plan, make_records

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair

LEAK = "9 of the 9 images of `x` are copies of test images, which is a leak"
GENERATED = [name for name, kind in KINDS.items() if kind == "generated"]
RIVALS_HELP = {**VALUES, "elastic": VALUES["classical"] - 0.01}


def leaking(plan, names):
    """The plan of a run whose arms of these names show images that leak."""
    arms, own = (
        tuple(arm.leaking() if arm.name in names else arm for arm in some)
        for some in (plan.study.arms, plan.arms)
    )
    dataset = {**plan.dataset, "warnings": [LEAK]}
    return replace(plan, study=replace(plan.study, arms=arms), arms=own, dataset=dataset)


def test_where_all_that_is_asked_about_leaks_rivals_are_no_answer():
    plan = make_plan(kinds={**KINDS, "elastic": "rival"})
    summary = summarize(leaking(plan, GENERATED), make_records(RIVALS_HELP))
    told = "Careful, a leak. No answer: no source is free of copies of test images."
    assert summary["answer"] == told
    assert summary["rests_on"] is None
    free = "this run has no treatment with generated images that is free of copies of test images"
    assert summary["in_full"].startswith(f"Careful, {LEAK}. No answer: {free}; ")
    # What it says of rivals it says of them.
    assert "; the plain rival `classical` raised recall of digit 1" in summary["in_full"]
    assert summary["arms"]["classical"]["verdict"] == "helps"


def test_where_one_does_not_leak_it_is_the_answer():
    summary = summarize(leaking(make_plan(), GENERATED[:1]), make_records())
    assert summary["answer"].startswith("Careful, a leak. Yes: `warp_gan` did more")


@pytest.mark.parametrize("asked", [None, ["classical"]])
def test_a_study_of_sources_that_shows_none_asks_about_them(asked):
    kinds = {name: kind for name, kind in KINDS.items() if kind != "generated"}
    plan = make_plan(kinds=kinds, asked=asked, of_source=lambda settings, name: ())
    values = {name: VALUES[name] for name in kinds}
    summary = summarize(plan, make_records(values))
    assert summary["answer"] == "No answer: this run has none of the arms in question."
    assert summary["rests_on"] is None


@pytest.mark.parametrize(("arm", "way"), [("oracle", "better"), ("copy", None)])
def test_a_primary_comparison_is_the_answer_whatever_its_arm_is_for(arm, way):
    plan = make_plan(primary=(Pair(arm, "none"),))
    summary = summarize(plan, make_records())
    (primary,) = summary["primary"]
    assert summary["rests_on"] == {"arm": arm, "reference": "none"}
    if way:
        assert primary["verdict"] == "helps"
        assert summary["answer"] == f"Yes: `{arm}` did {way} than `none`."
    else:
        assert primary["verdict"] == "cannot tell"
        assert summary["answer"] == f"Cannot tell whether `{arm}` helps."


@pytest.mark.parametrize("num_done", [0, 1])
def test_without_the_control_primary_comparisons_with_others_are_told(num_done):
    primary = (Pair("warp_gan", "classical"), Pair("cgan", "none"))
    plan = make_plan(primary=primary, expectations=())
    records = make_records()
    for record in records:
        if record["arm"] == "none" and record["seed"] >= num_done:
            record |= {"status": "failed", "error": "broken", "metrics": {}}
    summary = summarize(plan, records)
    assert summary["primary"][0]["verdict"] == "helps"
    lacking = (
        "a comparison needs two seeds" if num_done else "the control `none` has no finished trial"
    )
    assert summary["answer"] == f"No answer yet: {lacking}."
    assert summary["in_full"].startswith(f"No answer yet: {lacking}")
    # And not the one with the control, of which nothing is known.
    primary, _, rest = summary["in_full"].partition("; primary: ")[2].partition("; ")
    assert primary.startswith("`warp_gan` against `classical` helps (+0.08, 95 % CI ")
    assert primary.endswith(", 5 seeds)") and "cgan" not in primary
    assert rest == f"{5 - num_done} trials failed."
