"""What the READMEs say follows from the records beside them."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from gan_mnist import experiments
from gan_mnist.study.spec import Plan
from gan_mnist.study.summary import summarize

ROOT = Path(__file__).parents[1]
RESULTS = sorted(ROOT.glob("experiments/*/results/*/summary.json"))
# The run that an experiment's README tells of.
TOLD = {
    "batching": "mnist_sample",
    "cats_vs_dogs": "mnist_sample",
    "conditional_gan": "mnist",
    "data_scaling": "mnist",
    "denoising": "mnist",
    "digit_cnn": "mnist",
    "imbalance": "mnist",
    "mixing": "mnist",
    "substitution": "mnist",
}


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


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_a_summary_follows_from_its_records(path):
    described = json.loads((path.parent / "study.json").read_text())
    study = experiments.load(described["experiment"])
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


def test_every_experiment_tells_of_a_run():
    assert set(TOLD) == set(experiments.names())


@pytest.mark.parametrize("name", TOLD)
def test_a_table_repeats_the_summary(name):
    folder = ROOT / "experiments" / name
    arms = summary_of(folder / "results" / TOLD[name])["arms"]
    text = (folder / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+ \[[-\d., ]+\])", text, re.M))
    assert set(rows) == {arm for arm, found in arms.items() if found["n"]}
    for arm, told in rows.items():
        digits = len(told.split()[0].partition(".")[2])
        low, high = arms[arm]["ci95"]
        assert told == f"{arms[arm]['mean']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


@pytest.mark.parametrize("name", [name for name in TOLD if name != "imbalance"])
def test_the_answer_and_the_findings_stand_in_the_readme_as_the_run_gave_them(name):
    folder = ROOT / "experiments" / name
    summary = summary_of(folder / "results" / TOLD[name])
    text = " ".join((folder / "README.md").read_text().split())
    for line in (summary["answer"], *summary.get("findings", {}).get("lines", ())):
        assert line in text


# Runs besides, of more seeds: their table gives means, and intervals of differences.
MORE = {"denoising": ("mnist_ten_seeds", "mnist_squared_error")}


def row_of(folder, arm):
    """The cells of an arm, from its PSNR on, as its run has them."""
    summary = summary_of(folder)
    found, control = summary["arms"][arm], summary["control"]
    told = ["", "control"]
    if arm != control:
        low, high = found["difference_ci95"]
        told = [f"{found['difference']:+.2f} [{low:.2f}, {high:.2f}]", found["verdict"]]
    means = {name: metric["mean"] for name, metric in found["metrics"].items()}
    records = map(json.loads, (folder / "records.jsonl").read_text().splitlines())
    distances = {(r["arm"], r["seed"]): r["metrics"]["feature_distance"] for r in records}
    ratios = [distances[arm, seed] / distances[control, seed] for seed in summary["seeds"]]
    told += [f"{means['ref_leak']:.2%}", f"{means['digit_accuracy']:.3f}"]
    told += [f"{np.mean(ratios):.2f}", f"{means['ssim']:.3f}", f"{means['l1']:.4f}"]
    return [f"{found['mean']:.2f}", *told]


@pytest.mark.parametrize("name", MORE)
def test_a_table_of_further_runs_repeats_their_records(name):
    folder = ROOT / "experiments" / name
    text = (folder / "README.md").read_text()
    rows = re.findall(r"^\| [\d.]+ \| `(\w+)` \|(.+)\|$", text, re.M)
    told = {arm: [cell.strip() for cell in cells.split("|")] for arm, cells in rows}
    arms = set()
    for run in (folder / "results" / run for run in MORE[name]):
        summary = summary_of(run)
        assert summary["answer"] in " ".join(text.split())
        arms |= set(summary["arms"])
        assert {arm: told.get(arm) for arm in summary["arms"]} == {
            arm: row_of(run, arm) for arm in summary["arms"]
        }
    assert set(told) == arms


@pytest.mark.parametrize(
    "readme",
    [ROOT / "README.md", ROOT / "saved_models/README.md", *ROOT.glob("experiments/*/README.md")],
    ids=lambda path: path.parent.name,
)
def test_links_lead_somewhere(readme):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text()):
        assert (readme.parent / link).exists(), link
