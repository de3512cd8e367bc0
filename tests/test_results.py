"""What a published summary and report say follows from the records beside them."""

import json
import math
import shlex
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.commands import published
from gan_mnist.study.spec import Arm

ROOT = Path(__file__).parents[1]
RESULTS = sorted(ROOT.glob("experiments/*/results/*/summary.json"))


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


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_summary_and_report_follow_from_the_records(path):
    """`python -m gan_mnist.readme` mends them."""
    again = published.rebuild(path.parent)
    assert alike(again.run.summary, json.loads(path.read_text()))
    assert again.report == (path.parent / "report.md").read_text()
    assert again.stale_files == ()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_its_command_runs_the_arms_and_seeds_that_it_has(path):
    """An arm that came later would be run too, unless the command names those that were."""
    described = json.loads((path.parent / "study.json").read_text())
    words = shlex.split(described["command_line"])
    flags = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    study = experiments.load(described["experiment"])
    preset = study.presets[flags.get("preset", "quick")]
    sources = [Arm(**arm) for arm in described["arms"].values()] if "generated" in flags else []
    known = {arm.name for arm in study.arms}
    study = study.with_arms(arm for arm in sources if arm.name not in known)
    asked = flags["arms"].split(",") if "arms" in flags else list(preset.arms)
    arms = study.select(asked or None)
    assert [arm.name for arm in arms] == list(described["arms"])
    number, first = len(described["seeds"]), int(flags.get("first_seed", 0))
    assert described["seeds"] == list(range(first, first + number))
    # One that ends where all is decided has as many as at one of its looks.
    usual = described["looks"]["announced"] if "until" in flags else [preset.seeds]
    assert number in ([int(flags["seeds"])] if "seeds" in flags else usual)
