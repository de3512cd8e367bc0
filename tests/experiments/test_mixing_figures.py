"""The figure of the mixing study shows what its summary tells."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from gan_mnist.experiments.mixing.figures import claim

RESULTS = Path(__file__).parents[2] / "experiments" / "mixing" / "results" / "mnist"


@pytest.fixture
def run():
    """A published run, as far as the figure asks for it."""
    lines = (RESULTS / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    trials = [SimpleNamespace(seed=record["seed"], record=record) for record in records]
    summary = json.loads((RESULTS / "summary.json").read_text())
    return SimpleNamespace(
        summary=summary, trials_of=lambda arm: [t for t in trials if t.record["arm"] == arm]
    )


def test_means_and_intervals_are_those_of_the_summary(run):
    arms = run.summary["arms"]
    for arm in arms.values():
        arm["ci95"] = [arm["mean"] - 0.125, arm["mean"] + 0.0625]
    figure = claim(run)
    for axes in figure.axes:
        lines = [tuple(map(float, line.get_ydata())) for line in axes.get_lines()]
        of_arms = [told for name, told in arms.items() if (told["mean"],) in lines]
        assert len(of_arms) >= 3
        assert all(tuple(told["ci95"]) in lines for told in of_arms)
        control = arms[run.summary["control"]]["mean"]
        assert (control, control) in lines


def test_without_the_arms_there_is_no_figure(run):
    run.trials_of = lambda arm: []
    assert claim(run) is None
