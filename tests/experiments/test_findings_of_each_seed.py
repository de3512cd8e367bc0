"""Findings, too, allow for seeds that divide the same images anew, and for few test images."""

import json
from pathlib import Path

import numpy as np
import pytest
from found import findings_of

ROOT = Path(__file__).parents[2] / "experiments"
RUNS = {
    "conditional_gan": "mnist",
    "data_scaling": "mnist",
    "denoising": "mnist",
    "few_labels": "mnist_sample",
    "imbalance": "mnist",
    "mixing": "mnist",
    "substitution": "mnist",
    "usefulness": "cifar_cats_dogs",
}
# Intervals in what is found.
LEAST = dict.fromkeys(RUNS, 4) | {"conditional_gan": 1}


def widths(told):
    """Widths of all intervals in what a study found, in their order."""
    if isinstance(told, dict):
        own = [np.ptp(told["ci95"])] if told.get("ci95") else []
        return own + [w for key, part in told.items() if key != "ci95" for w in widths(part)]
    return [w for part in told for w in widths(part)] if isinstance(told, list) else []


def test_every_experiment_that_finds_more_is_here():
    assert {path.parent.name for path in ROOT.glob("*/findings.py")} == set(RUNS)


def found_in(name, over_images=True, correct=None, **changes):
    """What is found in the published records of an experiment, and with changes to each.

    Unless `over_images`, none of them says which test images were right.
    """
    findings = findings_of(name)
    path = ROOT / name / "results" / RUNS[name] / "records.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records = [record for record in records if record["status"] == "done"]
    if not over_images:
        records = [record | {"correct": None} for record in records]
    changed = [
        record | {key: record.get(key, {}) | value for key, value in changes.items()}
        for record in records
    ]
    if correct:
        changed = [record | {"correct": correct} for record in changed]
    return findings(records), findings(changed), len({record["seed"] for record in records})


@pytest.mark.parametrize("name", RUNS)
def test_intervals_are_as_much_wider_as_in_the_summary(name):
    each_seed = {"each_seed": {"n_test": 1, "n_train": 4, "groups": False}}
    *found, seeds = found_in(name, over_images=False, dataset=each_seed)
    # Of several rivals now one, now another is the hardest, so an interval has ends of several.
    found = [told["gains"]["fixmatch"] if name == "few_labels" else told for told in found]
    before, after = map(np.array, map(widths, found))
    assert len(before) >= LEAST[name]
    np.testing.assert_allclose(after, before * np.sqrt(1 + seeds / 4))


# What is called is not among these.
OPEN = ("cannot tell", None, False)


def called(told):
    """All that a study calls in what it found."""
    if isinstance(told, dict):
        own = {told[key] for key in ("verdict", "holds", "rises", "as_good", "bent") if key in told}
        return own.union(*map(called, told.values())) - {*OPEN}
    return set().union(*map(called, told)) if isinstance(told, list) else set()


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_too_few_test_images_tell_nothing_here_either(name):
    correct = {"sizes": [2, 500], "classes": ["a", "b"]}
    # Where a metric weighs all classes alike, the data set tells how many images each has.
    few = {str(digit): {"train": 9, "test": 2} for digit in range(10)}
    before, after, _ = found_in(name, correct=correct, dataset={"counts": few})
    # Those that call nothing, or only that something falls.
    silent = ("imbalance", "mixing", "substitution")
    assert called(before) or name in silent
    assert not called(after)
    if name == "mixing":
        told = [{slope["rises"] for slope in found["slopes"].values()} for found in (before, after)]
        assert told[0] > {None}
        assert told[1] == {None}
    assert name in silent or after["lines"] != before["lines"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_intervals_allow_for_announced_looks(name):
    path = ROOT / name / "results" / RUNS[name] / "records.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records = [record for record in records if record["status"] == "done"]
    before, after = (
        np.array(widths(findings_of(name)(records, looks))) for looks in ((), (5, 10, 20))
    )
    assert len(before) == len(after) >= LEAST[name]
    assert (after >= before).all()
    assert (after > before).mean() > 0.9
