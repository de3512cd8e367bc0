"""Why a verdict is another than the interval beside it seems to say."""

import dataclasses

import numpy as np
import pytest
from fake_records import BASE, VALUES, make_plan, make_records

from gan_mnist.study.answer.reasons import (
    ReportedComparison,
    deciding_interval,
    reasons_of,
    reported_comparisons,
)
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair


def entry_of(verdict, interval, p_holm, **more):
    return {"verdict": verdict, "difference_ci95": interval, "p_holm": p_holm, **more}


def why(entry, margin=0.03, tests=7):
    return ReportedComparison("a", "b", entry, tests, entry.get("too_few_test_images")).why(margin)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (entry_of("cannot tell", [0.01, 0.2], 0.06), "Among 7 comparisons"),
        (entry_of("cannot tell", [-0.2, -0.01], 0.06), "Among 7 comparisons"),
        (entry_of("cannot tell", [0.01, 0.2], 0.079), "and is not below 0.05"),
        (entry_of("cannot tell", [-0.01, 0.2], 0.04), "allows for skewness"),
        (entry_of("the same", [0.001, 0.01], 0.01), "within ±0.03"),
        (
            entry_of("cannot tell", [0.01, 0.2], 0.01, too_few_test_images="2 images of class a"),
            "only 2 images of class a",
        ),
        # Comparisons that tell the deciding interval by another name.
        ({"verdict": "cannot tell", "ci95": [0.01, 0.2], "p_holm": 0.06}, "Among 7 comparisons"),
        (
            {
                "verdict": "cannot tell",
                "ci95": [0.02, 0.08],
                "p_holm": None,
                "not_compared": ["r2"],
            },
            "r2 could not be compared, and may be the better rival",
        ),
        # Where both say the same there is nothing to explain.
        (entry_of("helps", [0.01, 0.2], 0.01), None),
        (entry_of("hurts", [-0.2, -0.1], 0.01), None),
        (entry_of("cannot tell", [-0.01, 0.2], 0.3), None),
        (entry_of("the same", [-0.01, 0.01], 0.9), None),
        (entry_of(None, None, None), None),
        (entry_of("cannot tell", None, None), None),
        # What is shown is the wider interval, which agrees.
        (entry_of("cannot tell", [0.01, 0.2], 0.3, difference_ci95_images=[-0.1, 0.3]), None),
    ],
)
def test_a_verdict_that_the_interval_seems_to_contradict_is_explained(entry, told):
    found = why(entry)
    assert (told in found) if told else found == ""


def test_one_comparison_alone_is_not_told_to_be_among_several():
    assert "Among" not in why(entry_of("cannot tell", [0.01, 0.2], 0.06), tests=1)
    # Another interval than the one that decides may stand there, and need no reason.
    told = ReportedComparison("a", "b", entry_of("cannot tell", [0.01, 0.2], 0.06), 7)
    assert told.why(0.03).endswith("and is not below 0.05.")
    assert told.why(0.03, tells_p=True).endswith("and is 0.060, not below 0.05.")
    assert told.why(0.03, shown_interval=(-0.01, 0.3)) == ""
    wider = told.why(0.03, shown_interval=(0.001, 0.3), tells_p=True)
    assert wider.endswith("but p allows for 7 comparisons: it is 0.060, not below 0.05.")


def test_the_interval_that_decides_reaches_over_both():
    assert deciding_interval(
        entry_of("", [0.01, 0.2], 0.3, difference_ci95_images=[-0.1, 0.15])
    ) == [
        -0.1,
        0.2,
    ]
    assert deciding_interval(entry_of("", [0.01, 0.2], 0.3, difference_ci95_images=None)) == [
        0.01,
        0.2,
    ]
    assert deciding_interval(entry_of("", None, None)) is None
    assert deciding_interval({"ci95": [1, 2]}) == [1, 2]


def test_holm_adjusts_over_primary_comparisons_apart_from_the_others():
    entry = entry_of("cannot tell", [0.01, 0.2], 0.06)
    versus = {"verdict": "cannot tell", "ci95": [0.01, 0.2], "p_holm": 0.06}
    arms = {"first": entry | {"standing": "primary"}}
    arms |= {name: entry | {"standing": "exploratory"} for name in "abcd"}
    for name in "abc":
        arms[name]["versus_rivals"] = versus | {"rival": "d", "rivals": ["d", "e"]}
    arms["none"] = entry_of(None, None, None)
    primary = [{"arm": "first", "reference": reference, **versus} for reference in ("none", "d")]
    summary = {"arms": arms, "control": "none", "metrics": [{"name": "m"}], "primary": primary}
    told = reasons_of(summary)
    assert "Among 2 comparisons" in told["control"]["first"]
    assert "Among 4 comparisons" in told["control"]["a"]
    assert set(told["primary"]) == {"first > none", "first > d"}
    assert "Among 2 comparisons" in told["primary"]["first > d"]
    assert "Among 3 comparisons" in told["versus_rivals"]["a"]


def test_further_test_sets_have_reasons_of_their_own():
    open_, clear = entry_of("cannot tell", [0.01, 0.2], 0.06), entry_of("helps", [0.1, 0.2], 0.01)
    nothing = entry_of(None, None, None)
    arms = {"none": nothing, "a": clear, "b": clear}
    tests = {"new": {"metric": "new_accuracy", "arms": {"none": nothing, "a": open_, "b": clear}}}
    summary = {"arms": arms, "control": "none", "metrics": [{"name": "m"}], "further_tests": tests}
    told = reasons_of(summary)
    assert set(told) == {"further new"}
    assert "Among 2 comparisons" in told["further new"]["a"]


def test_an_interval_that_allows_for_the_choice_may_be_wider_than_the_verdict():
    helps = ReportedComparison("a", "b", entry_of("helps", [0.01, 0.2], 0.012), 7)
    assert helps.why(0.03, shown_interval=(0.001, 0.3)) == ""
    told = helps.why(0.03, shown_interval=(-0.01, 0.3))
    assert told.startswith("The verdict rests on p, 0.012 after Holm's correction; ")
    same = ReportedComparison("a", "b", entry_of("the same", [-0.01, 0.01], 0.9), 7)
    assert same.why(0.03, shown_interval=(-0.02, 0.02)) == ""
    told = same.why(0.03, shown_interval=(-0.04, 0.02))
    assert told == "Without the choice that it allows for, the interval lies within ±0.03."


def unsure(clear):
    """Values of many arms; the last beats the rival by a p that Holm does not let pass."""
    gain = np.array([0.055, 0.005, 0.06, 0.015, 0.04])
    return VALUES | {"warp_gan": VALUES["classical"] + gain, "cgan": VALUES["classical"] - clear}


def summary_of(values, primary=()):
    plan = make_plan()
    plan = dataclasses.replace(plan, study=dataclasses.replace(plan.study, primary=primary))
    return summarize(plan, make_records(values))


def test_the_top_line_shows_why_a_gain_is_not_shown_to_beat_a_rival():
    summary = summary_of(unsure([0.02, -0.03, 0.01, -0.01, 0.02]))
    versus = summary["arms"]["warp_gan"]["versus_rivals"]
    # The case that the sentence is for.
    assert versus["ci95"][0] > 0 and versus["p_holm"] > 0.05
    assert summary["answer"] == "Yes, but not shown to beat plain `classical`."
    # The interval that stands there allows for the choice of the arm, and is a reason by itself.
    assert summary["carried_by"].endswith(
        "(95 % CI -0.01 to 0.07, allowing for the choice among 2, 5 seeds)."
    )
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "classical"}


def test_the_top_line_has_no_reason_where_none_is_needed():
    summary = summary_of(VALUES)
    assert summary["carried_by"].endswith(" seeds).")
    assert summary["rests_on"] == {"arm": "warp_gan", "reference": "classical"}
    nothing = VALUES | {"warp_gan": BASE + [0.1, -0.1, 0.05, -0.04, 0.02]}
    summary = summary_of(nothing)
    assert summary["carried_by"].endswith(" seeds).")
    assert summary["rests_on"]["reference"] == "none"
    assert summary["rests_on"]["arm"] in ("cgan", "warp_gan")


def test_the_answer_in_full_gives_the_p_of_a_primary_comparison_that_it_hangs_on():
    values = unsure([0.02, -0.03, 0.01, -0.01, 0.02])
    primary = (Pair("warp_gan", "none"), Pair("warp_gan", "classical"), Pair("cgan", "classical"))
    summary = summary_of(values, primary)
    second = summary["primary"][1]
    assert second["ci95"][0] > 0 and second["p_holm"] > 0.05
    found = reported_comparisons(summary["arms"], "none", summary["primary"])
    told = {(kind, one.arm, one.reference): one for kind, one in found}
    assert told["primary", "warp_gan", "classical"].tests == 3
    assert "Among 3 comparisons" in summary["carried_by"]
    # One that the line does not tell has its p beside its interval.
    values["cgan"] = np.roll(values["warp_gan"] - VALUES["classical"], 1) + VALUES["classical"]
    summary = summary_of(values, primary)
    arm = summary["rests_on"]["arm"]
    (other,) = (
        one for one in summary["primary"] if one["reference"] == "classical" and one["arm"] != arm
    )
    assert other["verdict"] == "cannot tell"
    assert f"`{other['arm']}` against `classical` cannot tell (+0.03" in summary["in_full"]
    assert f", p (Holm) {other['p_holm']:.3f})" in summary["in_full"]
