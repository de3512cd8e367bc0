"""The answer of a study whose comparisons differ in their seeds, or in what these are worth."""

from dataclasses import replace

import numpy as np
import pytest
from fake_records import KINDS, SEEDS, VALUES, make_plan, make_records

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair

SURE = VALUES | {"warp_gan": VALUES["classical"] + [0.080, 0.081, 0.082, 0.079, 0.080]}
BOTH = (Pair("warp_gan", "classical"), Pair("warp_gan", "none"))


def failing(values, **failed_seeds):
    """Records of which some have failed: those of these seeds, by arm."""
    records = make_records(values)
    for record in records:
        if record["seed"] in failed_seeds.get(record["arm"], ()):
            record |= {"status": "failed", "error": "broken", "metrics": {}}
    return records


@pytest.mark.parametrize("primary", [(), BOTH])
def test_a_comparison_with_a_rival_has_the_seeds_that_both_share(primary):
    plan = make_plan(expectations=(), primary=primary)
    summary = summarize(plan, failing(SURE, classical=(3, 4)))
    assert summary["arms"]["warp_gan"]["versus_rivals"]["verdict"] == "helps"
    assert summary["arms"]["warp_gan"]["versus_rivals"]["n"] == 3
    assert summary["arms"]["warp_gan"]["versus_rival"]["n"] == 3
    assert summary["answer"] == "Yes, but shares too few seeds with plain `classical`."
    assert summary["carried_by"].startswith("`warp_gan` minus plain `classical`: +0.081 ")
    assert ", 3 seeds)" in summary["carried_by"]
    assert "(+0.59, 95 % CI " in summary["in_full"] and ", 5 seeds)" in summary["in_full"]
    assert ", 3 seeds, too few to rely on); " in summary["in_full"]


def test_of_several_rivals_the_fewest_shared_seeds_count():
    values = SURE | {"elastic": VALUES["classical"] - 0.1}
    plan = make_plan(kinds={**KINDS, "elastic": "rival"}, expectations=())
    summary = summarize(plan, failing(values, elastic=(3, 4)))
    assert summary["answer"] == "Yes, but shares too few seeds with plain rivals."


def test_a_comparison_of_enough_seeds_is_told_with_its_own():
    values = {name: np.tile(some, 2) for name, some in SURE.items()}
    plan = replace(make_plan(expectations=()), seeds=tuple(range(10)))
    records = make_records(values, range(10))
    for record in records:
        if record["arm"] == "classical" and record["seed"] > 6:
            record |= {"status": "failed", "error": "broken", "metrics": {}}
    summary = summarize(plan, records)
    assert summary["answer"] == "Yes: `warp_gan` did more than plain `classical`."
    assert ", 7 seeds)." in summary["carried_by"]
    assert ", 10 seeds), and did better than plain `classical` alone" in summary["in_full"]
    assert ", allowing likewise, 7 seeds); " in summary["in_full"]


def test_the_other_primary_comparisons_are_told_with_their_seeds():
    primary = (Pair("warp_gan", "none"), Pair("cgan", "classical"))
    plan = make_plan(expectations=(), primary=primary)
    full = summarize(plan, failing(SURE, cgan=(0, 1)))["in_full"]
    assert "; also primary: `cgan` against `classical` hurts (" in full
    assert ", 3 seeds, too few to rely on)" in full


def test_an_ablation_is_told_with_the_seeds_that_it_shares():
    plan = make_plan(expectations=())
    arms = tuple(
        replace(arm, kind="ablation", ablates="warp_gan") if arm.name == "cgan" else arm
        for arm in plan.arms
    )
    plan = replace(plan, study=replace(plan.study, arms=arms), arms=arms)
    summary = summarize(plan, failing(SURE, cgan=(0, 1)))
    assert summary["arms"]["warp_gan"]["versus_ablation"]["n"] == 3
    assert "; it did better than its ablation `cgan` (" in summary["in_full"]
    assert ", 3 seeds, too few to rely on)" in summary["in_full"]


@pytest.mark.parametrize("primary", [(), BOTH])
@pytest.mark.parametrize("others", [{}, {"elastic": VALUES["classical"] - 0.1}])
def test_a_skewed_gain_over_a_rival_needs_more_seeds(primary, others):
    own = VALUES["classical"] + [0.05, 0.05, 0.051, 0.049, 0.075]
    control = own - [0.5, 0.52, 0.55, 0.49, 0.53]
    kinds = {**KINDS, **dict.fromkeys(others, "rival")}
    plan = make_plan(kinds=kinds, expectations=(), primary=primary)
    values = VALUES | others | {"none": control, "warp_gan": own}
    summary = summarize(plan, make_records(values))
    entry = summary["arms"]["warp_gan"]
    assert entry["versus_rivals"]["more_seeds_needed"]
    assert not entry["more_seeds_needed"]
    assert summary["answer"].startswith("Yes: `warp_gan` did more than ")
    assert "; more seeds are needed to rely on this interval" in summary["carried_by"]
    assert ", more seeds are needed to rely on it); " in summary["in_full"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does it help?", "Perhaps, but 3 seeds are too few to rely on."),
        ("How well?", "`warp_gan` did better than `none`, but 3 seeds are too few."),
    ],
)
def test_the_answer_of_few_seeds_is_carried_by_the_number_that_it_tells_of(question, expected):
    """It says what the arm did to the control, and not that a plain rival did more."""
    values = VALUES | {"warp_gan": VALUES["classical"] - [0.1, 0.11, 0.12, 0.1, 0.1]}
    plan = replace(make_plan(question=question, expectations=()), seeds=(0, 1, 2))
    summary = summarize(plan, make_records(values, plan.seeds))
    assert summary["answer"] == expected
    assert summary["carried_by"].startswith("`warp_gan` minus `none`: +0.40 ")
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "none"}
    assert "; it did worse than plain `classical` alone (-0.11, " in summary["in_full"]


@pytest.mark.parametrize("failed", [SEEDS, SEEDS[1:]], ids=["all", "all but one"])
def test_a_rival_whose_trials_failed_is_not_said_to_be_absent(failed):
    plan = make_plan(expectations=())
    summary = summarize(plan, failing(SURE, classical=failed))
    assert summary["answer"] == "Yes, but plain `classical` could not be compared."
    assert ", but plain `classical` could not be compared; " in summary["in_full"]
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "none"}


def test_a_rival_that_does_not_apply_is_none_that_could_be_compared():
    records = make_records(SURE)
    for record in records:
        if record["arm"] == "classical":
            record |= {"status": "not_applicable", "error": "grey images", "metrics": {}}
    summary = summarize(make_plan(expectations=()), records)
    assert summary["answer"] == "Yes, but no plain rival was run beside it."


def _of_two(second, first_failed, kinds=None, **changes):
    """The summary of ten seeds, of which the second arm `many` has all, and `few` only some."""
    kinds = {"none": "control", "few": "rival", "many": "rival"} | (kinds or {})
    control = np.tile(VALUES["none"], 2)
    noise = np.tile([0.010, -0.004, 0.003, -0.006, 0.001], 2)
    values = {"none": control, "few": control + 0.3 + noise / 5, "many": control + second + noise}
    values |= {"real": control + 0.05 + noise / 3, "flat": control + noise[::-1] - noise}
    plan = make_plan(kinds=kinds, oracle=None, rival=None, expectations=(), **changes)
    plan = replace(plan, seeds=tuple(range(10)))
    records = make_records({name: values[name] for name in kinds}, plan.seeds)
    for record in records:
        if record["arm"] == "few" and record["seed"] >= first_failed:
            record |= {"status": "failed", "error": "diverged", "metrics": {}}
    return summarize(plan, records)


@pytest.mark.parametrize("primary", [(), (Pair("few", "none"), Pair("many", "none"))])
def test_an_arm_that_mostly_failed_does_not_silence_one_that_helps(primary):
    """Three seeds are too few to rely on, and ten of another arm are not."""
    summary = _of_two(0.1, 3, primary=primary)
    assert summary["arms"]["few"]["verdict"] == summary["arms"]["many"]["verdict"] == "helps"
    assert summary["answer"].startswith("Yes: 1 of 2 ")
    assert summary["answer"].endswith(" did better than `none`, most of all `many`.")
    assert summary["rests_on"] == {"arm": "many", "reference": "none"}
    assert "; too few seeds to rely on: `few` (3); " in summary["in_full"]


def test_of_arms_with_generated_images_one_that_mostly_failed_is_not_the_best():
    kinds = {"few": "generated", "many": "generated", "real": "rival"}
    summary = _of_two(0.1, 3, kinds)
    assert summary["answer"] == "Yes: `many` did more than plain `real`."


@pytest.mark.parametrize("num_seeds", [2, 3, 4])
def test_an_arm_of_few_seeds_is_not_ruled_out(num_seeds):
    """Else the answer were no for an arm of which too little is known, whatever its verdict."""
    summary = _of_two(-0.1, num_seeds, question="Does it hurt?")
    assert summary["arms"]["few"]["verdict"] != "the same"
    assert summary["answer"] == "Yes: 1 of 2 treatments did worse than `none`, most of all `many`."
    summary = _of_two(0.1, num_seeds, question="Does it hurt?")
    assert summary["answer"] == "Cannot tell: not one of 2 was shown to hurt, and 1 help."
    assert f"; too few seeds to rely on: `few` ({num_seeds}); " in summary["in_full"]


def test_an_arm_of_few_seeds_is_told_where_no_other_did_what_is_asked():
    assert _of_two(-0.1, 3)["answer"] == "Perhaps, but 3 seeds are too few to rely on."


def test_of_plain_rivals_that_help_one_of_enough_seeds_is_told():
    full = _of_two(0.1, 3, {"flat": "generated"})["in_full"]
    assert "; the plain rival `many` raised " in full


@pytest.mark.parametrize("question", ["Does it help?", "Does it hurt?"])
def test_failures_of_the_arm_that_the_answer_rests_on_were_seen(question):
    """Paired by seed, an arm does well that fails where it would do badly: so that is told."""
    summary = _of_two(-0.5, 6, question=question)
    full, failed = summary["in_full"], "4 of 10 trials of `few` failed"
    if question == "Does it help?":
        assert summary["answer"].endswith(", most of all `few`.")
        assert f"; {failed}, and the verdict leaves them out; " in full
        assert "may not have been seen" not in full
        kinds = {"few": "generated", "many": "ablation", "flat": "rival"}
        answer = _of_two(-0.5, 6, kinds)["answer"]
        assert answer == f"Yes: `few` did more than plain `flat`; {failed}."
    else:
        assert failed not in full
        assert "; trainings that fail may not have been seen in 10 seeds, if " in full
