"""Primary comparisons: tested first, and the others behind a gate."""

import dataclasses

import numpy as np
import pytest
from fake_records import BASE, LOSS, RECALL, VALUES, make_plan, make_records
from scipy import stats

from gan_mnist.errors import InputError
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair
from gan_mnist.study.statistics.paired import holm
from gan_mnist.study.statistics.small_samples import p_values

BOTH = (Pair("warp_gan", "none"), Pair("warp_gan", "classical"))
# Of an effect that nobody would miss, and of none.
NOTHING = BASE + [0.03, -0.02, 0.01, -0.03, 0.02]


def summary_of(primary, values=VALUES, **changes):
    plan = make_plan(**changes)
    plan = dataclasses.replace(plan, study=dataclasses.replace(plan.study, primary=primary))
    return summarize(plan, make_records(values))


def p_of(treated, reference):
    return stats.ttest_rel(VALUES[treated], VALUES[reference]).pvalue


def test_without_primary_comparisons_all_are_alike():
    summary = summary_of(())
    assert "primary" not in summary
    assert all("standing" not in arm for arm in summary["arms"].values())


def test_primary_comparisons_are_adjusted_among_themselves():
    summary = summary_of(BOTH)
    first, second = summary["primary"]
    assert (first["arm"], first["reference"], first["n"]) == ("warp_gan", "none", 5)
    low, high = sorted([p_of("warp_gan", "none"), p_of("warp_gan", "classical")])
    assert sorted(one["p_holm"] for one in (first, second)) == pytest.approx(
        [2 * low, max(2 * low, high)]
    )
    assert second["difference"] == pytest.approx(
        np.mean(VALUES["warp_gan"]) - np.mean(VALUES["classical"])
    )
    # The same numbers stand where they stood before.
    arms = summary["arms"]
    assert arms["warp_gan"]["p_holm"] == first["p_holm"]
    assert arms["warp_gan"]["versus_rival"]["p_holm"] == second["p_holm"]
    assert arms["warp_gan"]["standing"] == "primary"
    assert arms["warp_gan"]["versus_rival"]["standing"] == "primary"


def test_a_comparison_with_an_ablation_that_is_primary_is_adjusted_as_one():
    plan = make_plan()
    arms = tuple(
        dataclasses.replace(arm, ablates="warp_gan") if arm.name == "classical" else arm
        for arm in plan.arms
    )
    study = dataclasses.replace(plan.study, arms=arms, primary=BOTH)
    plan = dataclasses.replace(plan, study=study, arms=arms)
    # Of the two comparisons the one with the smaller p, which Holm doubles.
    values = VALUES | {"classical": VALUES["warp_gan"] - [0.1, 0.101, 0.099, 0.1, 0.1]}
    summary = summarize(plan, make_records(values))
    told = summary["arms"]["warp_gan"]["versus_ablation"]
    alone = stats.ttest_rel(values["warp_gan"], values["classical"]).pvalue
    assert told["arm"] == "classical"
    assert told["p_value"] == summary["primary"][1]["p_holm"] == pytest.approx(2 * alone)
    assert told["standing"] == "primary"


def test_the_others_are_adjusted_without_the_primary_ones():
    arms = summary_of((Pair("warp_gan", "none"),))["arms"]
    rest = {name: arm["p_value"] for name, arm in arms.items() if name not in ("none", "warp_gan")}
    smallest = min(rest, key=rest.get)
    assert arms[smallest]["p_holm"] == pytest.approx(len(rest) * rest[smallest])
    assert arms["warp_gan"]["p_holm"] == arms["warp_gan"]["p_value"]


def test_behind_an_open_gate_comparisons_with_the_control_are_secondary():
    arms = summary_of(BOTH)["arms"]
    assert [one["verdict"] for one in summary_of(BOTH)["primary"]] == ["helps", "helps"]
    others = {arm["standing"] for name, arm in arms.items() if name not in ("none", "warp_gan")}
    assert others == {"secondary"}
    # What is asked of rivals and ablations is a question of its own.
    assert arms["cgan"]["versus_rival"]["standing"] == "exploratory"
    assert arms["warp_gan"]["versus_rivals"]["standing"] == "exploratory"
    assert "standing" not in arms["none"]


def test_one_primary_comparison_without_an_effect_shuts_the_gate():
    summary = summary_of(
        (Pair("warp_gan", "none"), Pair("cgan", "none")), VALUES | {"cgan": NOTHING}
    )
    assert [one["verdict"] for one in summary["primary"]] == ["helps", "cannot tell"]
    assert summary["arms"]["classical"]["verdict"] == "helps"
    assert summary["arms"]["classical"]["standing"] == "exploratory"


def test_the_same_opens_no_gate():
    same = VALUES | {"cgan": BASE + [1e-3, -1e-3, 1e-3, -1e-3, 5e-4]}
    metrics = (dataclasses.replace(RECALL, margin=0.01), LOSS)
    summary = summary_of((Pair("cgan", "none"),), same, metrics=metrics)
    assert summary["primary"][0]["verdict"] == "the same"
    assert summary["arms"]["classical"]["standing"] == "exploratory"


def test_the_answer_is_that_of_the_primary_comparisons():
    summary = summary_of(
        (Pair("cgan", "none"), Pair("cgan", "classical")), VALUES | {"cgan": NOTHING}
    )
    assert summary["answer"] == "Cannot tell whether `cgan` helps."
    assert "; exploratory: 1 of 1 other helped" in summary["in_full"]
    assert "; also primary: `cgan` against `classical` hurts (-0.5" in summary["in_full"]
    summary = summary_of(BOTH)
    assert summary["answer"] == "Yes: `warp_gan` did more than plain `classical`."
    assert "; secondary: " in summary["in_full"]


def test_a_comparison_between_treatments_is_told_beside_the_one_with_the_control():
    pairs = (Pair("cgan", "none"), Pair("warp_gan", "cgan"))
    summary = summary_of(pairs, VALUES | {"cgan": NOTHING})
    assert summary["answer"] == "Cannot tell whether `cgan` helps."
    assert "also primary: `warp_gan` against `cgan` helps" in summary["in_full"]


def test_an_answer_that_rests_on_what_was_not_named_says_so():
    alike = VALUES | {"warp_gan": VALUES["classical"] + [0.03, -0.02, 0.01, -0.03, 0.02]}
    summary = summary_of((Pair("warp_gan", "classical"),), alike)
    assert summary["answer"] == "Exploratory: yes, but not shown to beat plain `classical`."
    # That another one does more than the control was named, and found.
    summary = summary_of((Pair("warp_gan", "classical"), Pair("cgan", "none")),
                         alike | {"cgan": VALUES["classical"] - 0.1})  # fmt: skip
    assert summary["answer"] == "Yes, but not shown to beat plain `classical`."
    # It did more than the control beyond doubt, as it did more than what does more than that.
    summary = summary_of((Pair("warp_gan", "classical"),))
    assert summary["answer"] == "Yes: `warp_gan` did more than plain `classical`."


def test_a_gain_that_was_not_named_is_not_counted_as_one_that_was():
    """In words, of an arm that is primary against a rival, and exploratory against the control."""
    alike = VALUES["classical"] + [0.05, -0.05, 0.03, -0.02, 0.02]
    values = VALUES | {"cgan": BASE + [0.10, 0.11, 0.12, 0.09, 0.1], "warp_gan": alike}
    primary = (Pair("cgan", "none"), Pair("warp_gan", "classical"))
    summary = summary_of(primary, values, expectations=())
    assert summary["arms"]["warp_gan"]["standing"] == "exploratory"
    full = summary["in_full"]
    assert ", 2 helped (1 of them exploratory), and `warp_gan` raised recall of digit 1 " in full
    assert ", 5 seeds, exploratory); whether it beats plain `classical` " in full
    # One that is above the rival, as was named, is above the control as well.
    full = summary_of(primary, values | {"warp_gan": VALUES["warp_gan"]}, expectations=())[
        "in_full"
    ]
    assert ", 2 helped, and `warp_gan` raised" in full and "5 seeds), and did better" in full


def test_what_was_not_named_is_not_counted_where_the_question_asks_for_worse():
    values = VALUES | {
        "cgan": BASE - [0.10, 0.11, 0.12, 0.09, 0.1],
        "warp_gan": BASE - [0.20, 0.21, 0.19, 0.2, 0.2],
        "classical": BASE - [0.20, 0.18, 0.22, 0.19, 0.21],
    }
    primary = (Pair("cgan", "none"), Pair("warp_gan", "classical"))
    hurting = {"expectations": (), "question": "Does it hurt?"}
    summary = summary_of(primary, values, **hurting)
    assert summary["answer"] == (
        "Yes: 2 of 2 primary treatments did worse than `none`, 1 exploratory."
    )
    assert ", 2 hurt (1 of them exploratory), and `warp_gan` lowered " in summary["in_full"]
    # A no rests on both of them, whichever is the best.
    summary = summary_of(primary, values, expectations=())
    assert summary["answer"] == "Exploratory: no: each of 2 did worse than `none`."
    assert " lowered recall of digit 1 (1 of them exploratory), the least" in summary["in_full"]
    # Neither is it counted where the other cannot be told.
    values["cgan"] = NOTHING
    summary = summary_of(primary, values, expectations=())
    assert summary["answer"] == "Cannot tell: not one of 2 was shown to help."
    assert " and 1 lowered it (1 of them exploratory); the best was" in summary["in_full"]


def test_a_comparison_without_one_of_its_arms_is_left_out():
    plan = make_plan(asked=["warp_gan"], expectations=(), oracle=None)
    study = dataclasses.replace(plan.study, primary=BOTH)
    assert dataclasses.replace(plan, study=study).primary == BOTH[:1]


def named(texts, sources=(), of_source=()):
    study = dataclasses.replace(make_plan().study, primary=BOTH, primary_of_source=of_source)
    return study.with_primary_of_run(texts, [arm.name for arm in study.arms], sources).primary


def test_a_run_may_name_others_than_its_study():
    assert named(None) == BOTH
    assert named(["cgan > none", "cgan>none"]) == (Pair("cgan", "none"),)
    assert named([]) == ()


def test_a_source_has_comparisons_of_its_own():
    rows = (Pair("{source}", "none"), Pair("{source}_twice", "none"))
    assert named(None, ["cgan", "oracle"], rows) == (Pair("cgan", "none"), Pair("oracle", "none"))
    assert named(None, [], rows) == BOTH


def test_more_than_three_are_refused():
    texts = [f"{name} > none" for name in ("cgan", "warp_gan", "classical", "oracle")]
    with pytest.raises(InputError, match=r"^--primary: 4 comparisons"):
        named(texts)


def test_the_control_is_no_arm_of_a_comparison():
    with pytest.raises(InputError, match=r'the control as reference, "cgan > none"$'):
        named(["none > cgan"])


def error_rates(effects, studies=20_000, n=5):
    """The share of studies with a false claim: strictly gated, and by Holm on each family alone.

    Effects are those of two primary comparisons and six others, in standard deviations.
    """
    rng = np.random.default_rng(3)
    means = np.array(effects)[:, None]
    arms = rng.normal(size=(studies, len(effects) + 1, n))
    p = p_values(arms[:, 1:] - arms[:, :1] + means)
    claimed = np.array([_rejected(row[:2]) + _rejected(row[2:]) for row in p])
    gate = claimed[:, :2].all(-1, keepdims=True)
    gated = claimed & (gate | (np.arange(len(effects)) < 2))
    false = np.array(effects) == 0
    return (gated & false).any(-1).mean(), (claimed & false).any(-1).mean()


def _rejected(p):
    return [adjusted < 0.05 for adjusted in holm(dict(enumerate(p))).values()]


@pytest.mark.slow
@pytest.mark.parametrize("primary", [(0, 0), (9, 0), (9, 9)])
def test_over_primary_and_secondary_together_few_studies_err(primary):
    gated, alone = error_rates((*primary, *(0,) * 6))
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)
    assert gated <= limit
    if primary == (0, 0):
        assert alone > limit
