"""The summary of hand-made records, against numbers computed here and by scipy."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gan_mnist.study.settings import Settings
from gan_mnist.study.spec import Arm, Expectation, Metric, Plan, Preset, Study
from gan_mnist.study.summary import summarize

RECALL = Metric("recall", "recall of digit 1")
LOSS = Metric("loss", "loss", higher_is_better=False)
SEEDS = (0, 1, 2, 3, 4)
BASE = np.array([0.30, 0.42, 0.25, 0.38, 0.33])
KINDS = {
    "none": "control",
    "copy": "check",
    "classical": "rival",
    "cgan": "generated",
    "warp_gan": "generated",
    "oracle": "oracle",
}
VALUES = {
    "none": BASE,
    "copy": np.add(BASE, [0.01, -0.02, 0.01, 0.02, -0.01]),
    "classical": np.add(BASE, [0.50, 0.48, 0.55, 0.49, 0.53]),
    "cgan": np.add(BASE, [0.05, -0.10, 0.08, -0.02, 0.04]),
    "warp_gan": np.add(BASE, [0.58, 0.55, 0.64, 0.58, 0.59]),
    "oracle": np.array([0.98, 0.99, 0.97, 0.99, 0.98]),
}
KEYS = {
    *("experiment", "question", "preset", "dataset", "control", "oracle", "rival"),
    *("primary_metric", "metrics", "seeds", "answer", "arms", "controls_ok", "controls"),
    *("failed", "not_applicable"),
}


def make_plan(
    metrics=(RECALL, LOSS), kinds=KINDS, oracle="oracle", rival="classical", expectations=None
):
    arms = tuple(Arm(name, {}, f"about {name}", "a paper", kind) for name, kind in kinds.items())
    if expectations is None:
        expectations = (
            Expectation("copy", "equal to", "none"),
            Expectation("oracle", "above", "none"),
        )
    study = Study(
        name="imbalance",
        question="Does it help?",
        settings=Settings(),
        arms=arms,
        presets={"quick": Preset(5, {})},
        control="none",
        oracle=oracle,
        metrics=metrics,
        expectations=tuple(expectations),
        run_trial="module:function",
        resolve=lambda settings, dataset: settings,
        rival=rival,
    )
    dataset = {"name": "made up", "source": "here", "counts": {}, "sha256": "0"}
    return Plan(study, "quick", Settings(), arms, SEEDS, dataset, Path("nowhere"))


def record(arm, seed, recall=None, status="done", error=None, **changes):
    metrics = {} if recall is None else {"recall": float(recall), "loss": 1 - float(recall)}
    return {
        "experiment": "imbalance",
        "arm": arm,
        "seed": seed,
        "status": status,
        "error": error,
        "metrics": metrics,
        "seconds": {"generator": 2.0, "training": 5.0 + seed, "evaluation": 1.0},
        "updates": 1000,
        **changes,
    }


def make_records(values=VALUES, seeds=SEEDS):
    return [record(arm, seed, values[arm][seed]) for seed in seeds for arm in values]


def without(records, arm, seed):
    return [r for r in records if (r["arm"], r["seed"]) != (arm, seed)]


def test_the_whole_summary():
    summary = summarize(make_plan(), make_records())
    assert summary.keys() == KEYS
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    roles = [summary[role] for role in ("control", "oracle", "rival")]
    assert roles == ["none", "oracle", "classical"]
    assert summary["primary_metric"] == "recall"
    assert summary["metrics"][1] == {"name": "loss", "label": "loss", "higher_is_better": False}
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
    assert answer.startswith("Cannot tell: of 2 treatments with generated images, none clearly")
    assert "the best was `cgan` (+0.01, 95 % CI " in answer
    assert "; the plain rival `classical` raised recall of digit 1 from 0.34 to 0.85" in answer
    harm = BASE - [0.20, 0.22, 0.21, 0.19, 0.23]
    worse = VALUES | {"cgan": harm, "warp_gan": harm - 0.01 + BASE / 50}
    answer = summarize(make_plan(), make_records(worse))["answer"]
    assert answer.startswith("No: of 2 treatments with generated images, each did harm, the least")


def test_without_generated_arms_the_rivals_are_asked_about():
    kinds = {"none": "control", "classical": "rival", "oracle": "oracle"}
    values = {name: VALUES[name] for name in kinds}
    plan = make_plan(kinds=kinds, rival=None, expectations=())
    summary = summarize(plan, make_records(values))
    assert summary["answer"].startswith("Yes: of 1 treatment, `classical` raised recall")
    assert summary["rival"] is summary["controls_ok"] is None


def test_a_metric_that_should_fall():
    summary = summarize(make_plan(metrics=(LOSS, RECALL), expectations=()), make_records())
    arm = summary["arms"]["warp_gan"]
    assert arm["difference"] == pytest.approx(-0.588)
    assert arm["verdict"] == arm["versus_rival"]["verdict"] == "helps"
    assert arm["oracle_gap_closed"] == pytest.approx(0.588 / (VALUES["oracle"] - BASE).mean())
    assert "`warp_gan` lowered loss from 0.66 to 0.08 (-0.59" in summary["answer"]


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


def test_controls_that_come_out_right():
    summary = summarize(make_plan(), make_records())
    assert summary["controls_ok"] is True
    assert [check["ok"] for check in summary["controls"]] == [True, True]


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
    assert "3 seeds are too few to rely on; 2 trials not run yet." in summary["answer"]


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
    assert summary["answer"].endswith("; 1 trial failed.")
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


@pytest.mark.parametrize("seeds", [(), (0,)], ids=["none", "one"])
def test_too_little_for_an_answer(seeds):
    summary = summarize(make_plan(), make_records(seeds=seeds))
    assert summary["answer"].startswith(
        "No answer yet: a comparison needs two seeds in which both `none` and a treatment are done"
    )
    assert summary["controls_ok"] is None
    assert {arm["p_value"] for arm in summary["arms"].values()} == {None}
    json.dumps(summary, allow_nan=False)


def test_records_of_other_arms_and_seeds_are_ignored():
    extra = [record("stranger", 0, 0.5), record("none", 17, 0.9)]
    assert summarize(make_plan(), make_records() + extra) == summarize(make_plan(), make_records())
