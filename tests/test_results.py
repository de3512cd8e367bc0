"""What a published summary says follows from the records beside it."""

import fnmatch
import functools
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.study.spec import Arm, Metric
from gan_mnist.study.summary import summarize
from gan_mnist.study.trial import Plan

ROOT = Path(__file__).parents[1]
RESULTS = sorted(ROOT.glob("experiments/*/results/*/summary.json"))


def summary_of(path: Path) -> dict:
    return json.loads((path / "summary.json").read_text())


def alike(one, other):
    """Whether two values of JSON are equal but for what another processor rounds otherwise."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if type(one) is type(other) is float:
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other


def test_there_are_results():
    assert RESULTS


def bounds_of(metrics, name):
    """Those of the metric's row, or, where only the data set tells of it, of the first one."""
    rows = [metric for metric in metrics if fnmatch.fnmatch(name, metric.name)]
    return (rows or metrics)[0].bounds


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_a_summary_follows_from_its_records(path):
    described = json.loads((path.parent / "study.json").read_text())
    study = experiments.load(described["experiment"])
    # Arms of images that were made elsewhere stand in no table.
    own = {arm.name for arm in study.arms}
    study = study.showing(Arm(**arm) for name, arm in described["arms"].items() if name not in own)
    if study.metrics_of is not None:
        # Their words are of the data set, which is not here.
        told = summary_of(path.parent)["metrics"]
        bounds = functools.partial(bounds_of, study.metrics)
        study = replace(study, metrics=tuple(Metric(**m, bounds=bounds(m["name"])) for m in told))
    lines = (path.parent / "records.jsonl").read_text().splitlines()
    plan = Plan(
        study=study,
        preset=described["preset"],
        settings=study.settings,
        arms=study.select(list(described["arms"])),
        seeds=tuple(described["seeds"]),
        dataset=described["dataset"],
        workdir=path.parent,
    )
    again = json.loads(json.dumps(summarize(plan, [json.loads(line) for line in lines])))
    assert alike(again, summary_of(path.parent))
