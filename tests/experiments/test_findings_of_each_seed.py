"""Findings of experiments, too, allow for seeds that divide the same images anew."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2] / "experiments"
RUNS = {
    "data_scaling": "mnist",
    "denoising": "mnist",
    "few_labels": "mnist_sample",
    "imbalance": "mnist",
    "mixing": "mnist",
    "substitution": "mnist",
    "usefulness": "cifar_cats_dogs",
}


def widths(told):
    """Widths of all intervals in what a study found, in their order."""
    if isinstance(told, dict):
        own = [np.ptp(told["ci95"])] if told.get("ci95") else []
        return own + [w for key, part in told.items() if key != "ci95" for w in widths(part)]
    return [w for part in told for w in widths(part)] if isinstance(told, list) else []


def test_every_experiment_that_finds_more_is_here():
    assert {path.parent.name for path in ROOT.glob("*/findings.py")} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_intervals_are_as_much_wider_as_in_the_summary(name):
    findings = import_module(f"gan_mnist.experiments.{name}.findings").findings
    path = ROOT / name / "results" / RUNS[name] / "records.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records = [record for record in records if record["status"] == "done"]
    each_seed = {"each_seed": {"n_test": 1, "n_train": 4, "groups": False}}
    anew = [record | {"dataset": record["dataset"] | each_seed} for record in records]
    before, after = (np.array(widths(findings(of))) for of in (records, anew))
    assert len(before) > 3
    seeds = len({record["seed"] for record in records})
    np.testing.assert_allclose(after, before * np.sqrt(1 + seeds / 4))
