"""The summary of hand-made records, against numbers computed here and by scipy."""

import json
import math
from dataclasses import replace

import pytest
from fake_records import (
    BASE,
    KINDS,
    LOSS,
    RECALL,
    SEEDS,
    VALUES,
    make_plan,
    make_records,
    record,
    without,
)
from scipy import stats

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.spec import Metric

KEYS = {
    *("experiment", "question", "preset", "dataset", "control", "oracle", "rival"),
    *("primary_metric", "metrics", "seeds", "answer", "carried_by", "in_full", "rests_on"),
    *("arms", "controls_ok", "controls"),
    *("failed", "not_applicable"),
}


def test_the_whole_summary():
    summary = summarize(make_plan(), make_records())
    assert summary.keys() == KEYS
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    roles = [summary[role] for role in ("control", "oracle", "rival")]
    assert roles == ["none", "oracle", "classical"]
    assert summary["primary_metric"] == "recall"
    told = {"name": "loss", "label": "loss", "higher_is_better": False, "margin": None}
    assert summary["metrics"][1] == told
    assert summary["seeds"] == [0, 1, 2, 3, 4]
    assert list(summary["arms"]) == list(KINDS)
    assert (summary["failed"], summary["not_applicable"]) == ([], {})

    control = summary["arms"]["none"]
    assert control["n"] == 5
    assert control["mean"] == pytest.approx(BASE.mean())
    assert control["values"] == dict(zip("01234", BASE, strict=True))
    assert (control["seconds"], control["updates"]) == (pytest.approx(2 + 7 + 1), 1000)
    assert control["verdict"] is control["difference"] is control["p_holm"] is None
    assert control["more_seeds_needed"] is False


def test_an_arm_against_scipy():
    arm = summarize(make_plan(), make_records())["arms"]["warp_gan"]
    test = stats.ttest_rel(VALUES["warp_gan"], BASE)
    assert arm["difference"] == pytest.approx(0.588)
    assert arm["p_value"] == pytest.approx(test.pvalue)
    t_interval = test.confidence_interval(0.95)
    # The tail of these differences is on the upper side, and only there the interval is wider.
    assert arm["difference_ci95"][0] == pytest.approx(t_interval.low)
    assert arm["difference_ci95"][1] > t_interval.high
    gaps = VALUES["oracle"] - BASE
    assert arm["oracle_gap_closed"] == pytest.approx(0.588 / gaps.mean())
    for end in arm["oracle_gap_closed_ci95"]:
        residue = VALUES["warp_gan"] - BASE - end * gaps
        assert stats.ttest_1samp(residue, 0).pvalue == pytest.approx(0.05)
    assert arm["verdict"] == "helps"
    assert arm["metrics"]["recall"] == {"mean": arm["mean"], "ci95": arm["ci95"]}
    assert arm["metrics"]["loss"]["mean"] == pytest.approx(1 - arm["mean"])


def test_holm_runs_over_all_arms_but_the_control():
    arms = summarize(make_plan(), make_records())["arms"]
    treated = [name for name in KINDS if name != "none"]
    order = sorted(treated, key=lambda name: arms[name]["p_value"])
    running = 0.0
    for rank, name in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * arms[name]["p_value"]))
        assert arms[name]["p_holm"] == pytest.approx(running)
    assert {name: arms[name]["verdict"] for name in treated} == {
        "copy": "cannot tell",
        "classical": "helps",
        "cgan": "cannot tell",
        "warp_gan": "helps",
        "oracle": "helps",
    }


def test_generated_arms_are_compared_with_the_rival_too():
    arms = summarize(make_plan(), make_records())["arms"]
    tests = {
        name: stats.ttest_rel(VALUES[name], VALUES["classical"]) for name in ("cgan", "warp_gan")
    }
    assert {name for name in arms if "versus_rival" in arms[name]} == set(tests)
    versus = arms["warp_gan"]["versus_rival"]
    assert versus["difference"] == pytest.approx(0.078)
    assert versus["p_holm"] == pytest.approx(tests["warp_gan"].pvalue)
    assert versus["verdict"] == "helps"
    assert arms["cgan"]["versus_rival"]["p_holm"] == pytest.approx(2 * tests["cgan"].pvalue)
    assert arms["cgan"]["versus_rival"]["verdict"] == "hurts"


def test_generated_arms_are_compared_with_the_best_rival_that_was_run():
    kinds = {**KINDS, "elastic": "rival"}
    values = VALUES | {"elastic": VALUES["classical"] - 0.2}
    arms = summarize(make_plan(kinds=kinds), make_records(values))["arms"]
    assert {name for name in arms if "versus_rivals" in arms[name]} == {"cgan", "warp_gan"}
    of_best = {name: arms[name]["versus_rivals"] for name in ("cgan", "warp_gan")}
    for told in of_best.values():
        assert (told["rival"], told["rivals"]) == ("classical", ["classical", "elastic"])
    # Above both: the hardest decides. Below the best: either might have been below by chance.
    assert of_best["warp_gan"]["p_holm"] == arms["warp_gan"]["versus_rival"]["p_holm"]
    below = stats.ttest_rel(VALUES["cgan"], VALUES["classical"]).pvalue
    assert of_best["cgan"]["p_holm"] == pytest.approx(2 * 2 * below)
    assert [told["verdict"] for told in of_best.values()] == ["hurts", "helps"]


def test_without_generated_arms_the_rivals_are_asked_about():
    kinds = {"none": "control", "classical": "rival", "oracle": "oracle"}
    values = {name: VALUES[name] for name in kinds}
    plan = make_plan(kinds=kinds, rival=None, expectations=())
    summary = summarize(plan, make_records(values))
    assert summary["answer"] == "Yes: `classical` did better than `none`."
    assert summary["rival"] is summary["controls_ok"] is None


def test_findings_are_made_of_the_records_that_are_done_and_asked_for():
    records = without(make_records(), "cgan", 2)
    records += [record("cgan", 2, status="failed", error="NaN"), record("none", 17, 0.9)]
    plan = make_plan(package="fake_findings", asked=["cgan"], expectations=())
    found = summarize(plan, reversed(records))["findings"]
    expected = [(arm, seed) for arm in ("none", "cgan") for seed in SEEDS]
    expected.remove(("cgan", 2))
    assert found == {"lines": ["9 trials."], "trials": expected}
    assert summarize(plan, [])["findings"] == {"lines": ["0 trials."], "trials": []}
    assert "findings" not in summarize(make_plan(), records)


def test_a_metric_that_should_fall():
    summary = summarize(make_plan(metrics=(LOSS, RECALL), expectations=()), make_records())
    arm = summary["arms"]["warp_gan"]
    assert arm["difference"] == pytest.approx(-0.588)
    assert arm["verdict"] == arm["versus_rival"]["verdict"] == "helps"
    assert arm["oracle_gap_closed"] == pytest.approx(0.588 / (VALUES["oracle"] - BASE).mean())
    assert "`warp_gan` lowered loss from 0.66 to 0.08 (-0.59" in summary["in_full"]


def test_controls_that_come_out_right():
    margin = replace(RECALL, margin=0.05)
    summary = summarize(make_plan(metrics=(margin, LOSS)), make_records())
    assert summary["controls_ok"] is True
    assert [check["ok"] for check in summary["controls"]] == [True, True]


def test_a_control_that_cannot_be_shown_equal_has_neither_passed_nor_failed():
    for margin in (None, 0.01):
        plan = make_plan(metrics=(replace(RECALL, margin=margin), LOSS))
        summary = summarize(plan, make_records())
        assert [check["ok"] for check in summary["controls"]] == [None, True]
        assert summary["controls_ok"] is None
        assert summary["answer"] == summarize(make_plan(), make_records())["answer"]
    records = [r for r in make_records() if r["arm"] != "copy"]
    records += [record("copy", s, status="not_applicable", error="one image") for s in SEEDS]
    assert summarize(make_plan(), records)["controls_ok"] is True


def test_an_arm_that_does_not_apply_to_one_seed_is_judged_by_the_others():
    records = [r for r in make_records(VALUES | {"oracle": BASE - 0.2}) if r["arm"] != "oracle"]
    records += [record("oracle", seed, 0.1) for seed in SEEDS[1:]]
    records += [record("oracle", 0, status="not_applicable", error="none is held back")]
    summary = summarize(make_plan(), records)
    assert summary["not_applicable"] == {}
    assert summary["controls_ok"] is False
    assert summary["answer"].startswith("Do not trust this run")


def test_no_arm_beats_a_rival_that_could_not_be_compared():
    kinds = {"none": "control", "r1": "rival", "r2": "rival", "x": "generated"}
    values = {"none": BASE, "r1": BASE + 0.1, "x": BASE + [0.31, 0.3, 0.29, 0.3, 0.32]}
    plan = make_plan(kinds=kinds, rival=None, oracle=None, expectations=())
    for better in (BASE + 0.2, BASE + 0.5):
        records = make_records(values | {"r2": better})
        versus = summarize(plan, records)["arms"]["x"]["versus_rivals"]
        expected = ("helps", "r2") if better[0] < 0.6 else ("hurts", "r2")
        assert (versus["verdict"], versus["rival"]) == expected
    failed = [
        record("r2", r["seed"], status="failed", error="out of memory")
        if r["arm"] == "r2" and r["seed"]
        else r
        for r in records
    ]
    summary = summarize(plan, failed)
    versus = summary["arms"]["x"]["versus_rivals"]
    assert (versus["verdict"], versus["p_holm"]) == ("cannot tell", None)
    assert (versus["rivals"], versus["not_compared"]) == (["r1"], ["r2"])
    assert "`r2` could not be compared" in summary["answer"]
    assert "plain `r2` could not be compared, as its trials failed" in summary["in_full"]


def test_missing_seeds_are_matched_by_seed():
    records = without(without(make_records(), "warp_gan", 1), "none", 3)
    summary = summarize(make_plan(), list(reversed(records)))
    arm = summary["arms"]["warp_gan"]
    assert arm["n"] == 4
    assert arm["mean"] == pytest.approx(VALUES["warp_gan"][[0, 2, 3, 4]].mean())
    test = stats.ttest_rel(VALUES["warp_gan"][::2], BASE[::2])
    assert arm["difference"] == pytest.approx((0.58 + 0.64 + 0.59) / 3)
    assert arm["p_value"] == pytest.approx(test.pvalue)
    assert arm["more_seeds_needed"] is True
    assert list(arm["values"]) == ["0", "2", "3", "4"]
    assert "3 seeds are too few to rely on; 2 trials not run yet." in summary["in_full"]


def test_failed_and_not_applicable_trials():
    records = without(make_records(), "cgan", 2)
    records.append(record("cgan", 2, status="failed", error="loss is NaN"))
    records = [r for r in records if r["arm"] != "copy"]
    records += [record("copy", s, status="not_applicable", error="one image") for s in SEEDS]
    summary = summarize(make_plan(), records)
    assert summary["failed"] == [{"arm": "cgan", "seed": 2, "error": "loss is NaN"}]
    assert summary["not_applicable"] == {"copy": "one image"}
    arms = summary["arms"]
    assert arms["cgan"]["n"] == 4
    absent = arms["copy"]
    assert (absent["n"], absent["mean"], absent["verdict"]) == (0, None, None)
    assert absent["metrics"]["loss"] == {"mean": None, "ci95": None}
    # The absent arm is not tested, so Holm's strictest factor is 4.
    strictest = min(("classical", "cgan", "warp_gan", "oracle"), key=lambda a: arms[a]["p_value"])
    assert arms[strictest]["p_holm"] == pytest.approx(4 * arms[strictest]["p_value"])
    assert [check["ok"] for check in summary["controls"]] == [None, True]
    assert summary["in_full"].endswith("; 1 trial failed.")
    json.dumps(summary, allow_nan=False)


def test_values_that_are_no_numbers_are_missing():
    records = make_records()
    for found in records:
        if (found["arm"], found["seed"]) == ("warp_gan", 0):
            found["metrics"] = {"recall": math.nan, "loss": math.inf}
    summary = summarize(make_plan(), records)
    assert summary["arms"]["warp_gan"]["n"] == 4
    json.dumps(summary, allow_nan=False)


def test_no_oracle():
    summary = summarize(make_plan(oracle=None, expectations=()), make_records())
    assert summary["oracle"] is None
    assert {arm["oracle_gap_closed"] for arm in summary["arms"].values()} == {None}


def test_records_of_other_arms_and_seeds_are_ignored():
    extra = [record("stranger", 0, 0.5), record("none", 17, 0.9)]
    assert summarize(make_plan(), make_records() + extra) == summarize(make_plan(), make_records())


def test_a_further_test_set_is_compared_as_the_primary_metric_is():
    records = make_records()
    for told in records:
        if told["metrics"]:
            told["metrics"]["new_accuracy"] = told["metrics"]["recall"]
    metrics = (RECALL, LOSS, Metric("new_accuracy*", "accuracy* on new"))
    summary = summarize(make_plan(metrics=metrics, further_tests=("new", "absent")), records)
    assert summary.keys() == KEYS | {"further_tests"}
    found = summary["further_tests"]["new"]
    assert (found["metric"], found["label"]) == ("new_accuracy", "accuracy on new")
    for name, arm in summary["arms"].items():
        compared = ("mean", "ci95", "difference", "difference_ci95", "p_holm", "verdict")
        assert {key: found["arms"][name][key] for key in compared} == {
            key: arm[key] for key in compared
        }
    absent = summary["further_tests"]["absent"]["arms"]["cgan"]
    assert absent["mean"] is absent["difference"] is absent["verdict"] is None
    json.dumps(summary, allow_nan=False)
