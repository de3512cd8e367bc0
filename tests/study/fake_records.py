"""Records of a made-up study, and its plan."""

from pathlib import Path

import numpy as np

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.settings import Settings
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study
from gan_mnist.study.trial import Plan

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


def make_plan(
    metrics=(RECALL, LOSS),
    kinds=KINDS,
    oracle="oracle",
    rival="classical",
    expectations=None,
    asked=None,
    package="fake_study",
    **changes,
):
    arms = tuple(Arm(name, {}, f"about {name}", "a paper", kind) for name, kind in kinds.items())
    if expectations is None:
        expectations = (
            Expectation("copy", "equal to", "none"),
            Expectation("oracle", "above", "none"),
        )
    changes = {"question": "Does it help?", **changes}
    study = Study(
        package=package,
        settings=Settings(),
        arms=arms,
        presets={"quick": Preset(5, {})},
        control="none",
        oracle=oracle,
        metrics=metrics,
        expectations=tuple(expectations),
        rival=rival,
        **changes,
    )
    dataset = {"name": "made up", "source": "here", "counts": {}, "sha256": "0"}
    return Plan(study, "quick", Settings(), study.select(asked), SEEDS, dataset, Path("nowhere"))


def record(arm, seed, recall=None, status="done", error=None, **changes):
    metrics = {} if recall is None else {"recall": float(recall), "loss": 1 - float(recall)}
    return {
        "experiment": "imbalance",
        "arm": arm,
        "seed": seed,
        "status": status,
        "error": error,
        "metrics": metrics,
        "settings": {},
        "fingerprint": "0" * 16,
        "seconds": {"generator": 2.0, "training": 5.0 + seed, "evaluation": 1.0},
        "updates": 1000,
        **changes,
    }


def make_records(values=VALUES, seeds=SEEDS):
    return [record(arm, seed, values[arm][seed]) for seed in seeds for arm in values]


def without(records, arm, seed):
    return [r for r in records if (r["arm"], r["seed"]) != (arm, seed)]


def told(values=VALUES, **changes):
    """The three parts of the answer."""
    summary = summarize(make_plan(**changes), make_records(values))
    assert len(summary["answer"].split()) <= 15
    assert "\n" not in summary["carried_by"]
    return summary["answer"], summary["carried_by"], summary["in_full"]


def rivals(control, *others):
    return {control: "control"} | dict.fromkeys(others, "rival")


def told_of(values, kinds, metric=RECALL, **changes):
    """The same of a study without oracle, rival and checks."""
    changes = {"oracle": None, "rival": None, "expectations": ()} | changes
    return told(values, metrics=(metric,), kinds=kinds, **changes)
