"""What the READMEs say follows from the records beside them."""

import json
import re
from pathlib import Path

import pytest

from experiments import catalogue
from gan_mnist.study.spec import Plan
from gan_mnist.study.summary import summarize

ROOT = Path(__file__).parents[1]
RESULTS = sorted(ROOT.glob("experiments/*/results/*/summary.json"))
TABLES = {
    ROOT / "README.md": "imbalance/results/mnist",
    ROOT / "experiments/imbalance/README.md": "imbalance/results/mnist",
}


def summary_of(path: Path) -> dict:
    return json.loads((path / "summary.json").read_text())


def test_there_are_results():
    assert RESULTS


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: "/".join(path.parts[-4:-1]))
def test_a_summary_follows_from_its_records(path):
    described = json.loads((path.parent / "study.json").read_text())
    study = catalogue.load(described["experiment"])
    lines = (path.parent / "records.jsonl").read_text().splitlines()
    plan = Plan(
        study=study,
        preset=described["preset"],
        settings=study.settings,
        arms=study.select(None),
        seeds=tuple(described["seeds"]),
        dataset=described["dataset"],
        workdir=path.parent,
    )
    again = json.loads(json.dumps(summarize(plan, [json.loads(line) for line in lines])))
    assert again == summary_of(path.parent)


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.parent.name)
def test_a_table_repeats_the_summary(readme):
    arms = summary_of(ROOT / "experiments" / TABLES[readme])["arms"]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+ \[[\d., ]+\])", readme.read_text(), re.M))
    assert set(rows) == {name for name, arm in arms.items() if arm["n"]}
    for name, told in rows.items():
        low, high = arms[name]["ci95"]
        assert told == f"{arms[name]['mean']:.3f} [{low:.3f}, {high:.3f}]"


@pytest.mark.parametrize(
    "readme",
    [ROOT / "README.md", ROOT / "saved_models/README.md", *ROOT.glob("experiments/*/README.md")],
    ids=lambda path: path.parent.name,
)
def test_links_lead_somewhere(readme):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text()):
        assert (readme.parent / link).exists(), link
