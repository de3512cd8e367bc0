"""Verdicts on claims follow from intervals, and intervals from the records of a run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_mnist.errors import InputError
from gan_mnist.report.claims import CLAIMS, DOWN, UP, Claim, measure_claim, table, verdict
from gan_mnist.study.statistics.paired import Comparison

ROOT = Path(__file__).parents[2]
CLAIM = Claim("A is better.", "mixing", "tried/once", "score", "a", UP, "b", 0.4)


def compared(low, high, n=10, **more):
    middle = (low + high) / 2
    return Comparison(n, 1.0, 1.0 - middle, middle, (low, high), 0.01, 0.1, False, **more)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.1, 0.6, "**holds**"),
        (0.1, 0.3, "**holds**, but by less"),
        (0.5, 0.9, "**holds**, by more"),
        (-0.1, 0.6, "cannot be told, within ±0.6"),
        # Nothing shown, and what was reported is left out.
        (-0.1, 0.3, "**does not hold**"),
        (-0.6, -0.2, "**does not hold**"),
        (-0.6, 0.6, "cannot be told, within ±0.6"),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_side_that_was_claimed(low, high, told):
    assert verdict(CLAIM, compared(low, high)) == told
    mirrored = replace(CLAIM, side=DOWN, reported=-0.4)
    assert verdict(mirrored, compared(-high, -low)) == told


def test_without_a_reported_size_only_the_other_side_refutes():
    claim = replace(CLAIM, reported=None)
    assert verdict(claim, compared(-0.1, 0.3)) == "cannot be told, within ±0.3"
    assert verdict(claim, compared(-0.3, -0.1)) == "**does not hold**"
    assert verdict(claim, compared(0.1, 0.9)) == "**holds**"


def test_the_wider_interval_decides_and_few_seeds_or_images_are_told():
    assert verdict(CLAIM, compared(0.1, 0.6, ci95_images=(-0.1, 0.5))).startswith("cannot be told")
    assert verdict(CLAIM, compared(0.1, 0.6, n=3)) == "**holds**; few seeds"
    few = compared(0.1, 0.6, image_shortage="2 test images")
    assert verdict(CLAIM, few) == "cannot be told: 2 test images"
    single = Comparison(1, 1.0, 0.5, 0.5, None, None, None, True)
    assert verdict(CLAIM, single) == "cannot be told: too few seeds"


@pytest.fixture
def root(tmp_path):
    """A repository with one run of two arms, of which one trial failed."""
    directory = tmp_path / "experiments/tried/results/once"
    directory.mkdir(parents=True)
    metrics = [{"name": "score", "bounds": [0, 1]}, {"name": "other"}]
    (directory / "summary.json").write_text(json.dumps({"metrics": metrics}))
    records = [
        {"arm": arm, "seed": seed, "status": "done", "metrics": {"score": value, "other": -value}}
        for arm, values in {
            "a": (0.7, 0.8, 0.8, 0.9),
            "b": (0.1, 0.2, 0.3, 0.2),
            "most": (0.4, 1, 1, 1),
        }.items()
        for seed, value in enumerate(values)
    ]
    records.append({"arm": "a", "seed": 4, "status": "failed", "metrics": None})
    (directory / "records.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in records))
    return tmp_path


def test_a_claim_is_measured_seed_by_seed(root):
    found = measure_claim(CLAIM, root)
    assert (found.n, found.difference) == (4, pytest.approx(np.mean([0.6, 0.6, 0.5, 0.7])))
    of_level = measure_claim(replace(CLAIM, versus=0.5), root)
    assert of_level.difference == pytest.approx(0.3)
    # A share ends at 1.
    assert of_level.ci95[0] < 0.25 < of_level.ci95[1] < 0.5
    assert measure_claim(replace(CLAIM, arm="most", versus=0.5), root).ci95[1] == 0.5
    assert measure_claim(replace(CLAIM, metric="other"), root).difference == pytest.approx(-0.6)


def test_the_table_has_a_row_a_claim_with_its_records(root):
    page = root / "docs/claims.md"
    level = replace(CLAIM, text="A is good.", versus=0.5, reported=None)
    rows = table(root, page, [CLAIM, level])[3:-1]
    assert rows[0].startswith("| [A is better.](sources.md#mixing) | +0.4 | [+0.600 (0.")
    assert "(../experiments/tried/results/once/records.jsonl)" in rows[0]
    assert "| [0.800 (0." in rows[1]
    assert all(row.endswith("| 4 | **holds**; few seeds |") for row in rows[1:])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"run": "tried/twice"}, "no summary.json in .*tried/results/twice"),
        ({"metric": "scor"}, "tried/once: the metric.* did you mean 'score'"),
        ({"arm": "c"}, "tried/once: the arm"),
        ({"versus": "c"}, "tried/once: the arm"),
    ],
)
def test_what_is_not_there_is_refused_with_its_claim(root, changes, told):
    with pytest.raises(InputError, match=rf"^claims: 'A is better\.'.*{told}"):
        measure_claim(replace(CLAIM, **changes), root)


def test_reported_differences_have_the_side_that_is_claimed():
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
    assert all(c.reported is None or c.side * c.reported > 0 for c in CLAIMS)
    sections = (ROOT / "docs/sources.md").read_text(encoding="utf-8").replace(" ", "-").split("\n")
    assert {claim.source for claim in CLAIMS} <= {line.removeprefix("##-") for line in sections}
