"""`gan_mnist.readme --publish`: what the repository keeps of a run."""

import json
import shutil
from pathlib import Path

import pytest

from gan_mnist.commands import published, readme
from gan_mnist.report import headline

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "experiments" / "denoising" / "results" / "mnist_wide"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the experiment and nothing published, and a run in `run`."""
    (tmp_path / "README.md").write_text("Nothing is published yet.\n")
    (tmp_path / "gan_mnist").mkdir()
    (tmp_path / "experiments" / "denoising").mkdir(parents=True)
    shutil.copy(ROOT / "experiments/denoising/study.py", tmp_path / "experiments/denoising")
    run = shutil.copytree(PUBLISHED, tmp_path / "run")
    for line in (run / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        trial = run / "trials" / record["arm"] / f"seed-{record['seed']:02d}"
        trial.mkdir(parents=True)
        (trial / "record.json").write_text(line)
    (run / "figures" / "arms.svg").write_text("<svg/>")
    (run / "workers.log").write_text("busy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(headline, "is_stale", lambda root: False)
    return tmp_path


def publish(name="mnist", run="run"):
    return readme.main(["readme", f"--publish={run}", f"--name={name}"])


def test_records_summary_report_and_figures_are_kept_and_nothing_else(checkout, capsys):
    assert publish() == 0
    directory = checkout / "experiments" / "denoising" / "results" / "mnist"
    kept = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    figures = {f"figures/{path.name}" for path in (PUBLISHED / "figures").glob("*.png")}
    assert figures
    assert kept == {*published.FILES, *figures}
    for name in kept:
        assert (directory / name).read_bytes() == (PUBLISHED / name).read_bytes()
    told = capsys.readouterr().out.splitlines()
    assert set(told) == {f"published: {(directory / name).relative_to(checkout)}" for name in kept}


def test_a_table_of_trials_has_the_rows_of_all(checkout):
    arms = sorted(path.name for path in (checkout / "run" / "trials").iterdir())[:2]
    for arm in arms:
        for seed, value in ((1, 0.5), (0, 0.25)):
            trial = checkout / "run" / "trials" / arm / f"seed-{seed:02d}"
            (trial / "sweep.csv").write_text(f"varied,value\na,{value}\nb,{value}\n")
    assert publish() == 0
    table = checkout / "experiments" / "denoising" / "results" / "mnist" / "sweep.csv"
    rows = [
        f"{arm},{seed},{varied},{value}"
        for arm in arms
        for seed, value in ((0, 0.25), (1, 0.5))
        for varied in "ab"
    ]
    assert table.read_text() == "\n".join(["arm,seed,varied,value", *rows, ""])


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--publish=run"], "--name"),
        (["--name=mnist"], "--publish"),
        (["--publish=run", "--name=a/b"], "--name: 'a/b'"),
        (["--publish=run", "--name="], "--name: ''"),
        (["--publish=run", "--name=taken"], "is not empty"),
        (["--publish=run", "--name=mnist", "--check"], "--publish"),
        (["--publish=nowhere", "--name=mnist"], "no study.json"),
        (["--publish=begun", "--name=mnist"], "no summary.json"),
        (["--publish=unreported", "--name=mnist"], "report.md"),
        (["--publish=foreign", "--name=mnist"], "no experiment 'imbalance'"),
        (["--publish=by_path", "--name=mnist"], "no experiment '/elsewhere/denoising'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_published_is_one_line_and_status_2(checkout, capsys, flags, told):
    for copy, missing in (("begun", "summary.json"), ("unreported", "report.md")):
        (shutil.copytree(checkout / "run", checkout / copy) / missing).unlink()
    for copy, experiment in (("foreign", "imbalance"), ("by_path", "/elsewhere/denoising")):
        other = shutil.copytree(checkout / "run", checkout / copy)
        for name in ("study.json", "summary.json"):
            text = (other / name).read_text()
            (other / name).write_text(text.replace('"denoising"', f'"{experiment}"'))
    taken = checkout / "experiments" / "denoising" / "results" / "taken" / "report.md"
    taken.parent.mkdir(parents=True)
    taken.write_text("old")
    assert readme.main(["readme", *flags]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert [path.name for path in taken.parent.parent.rglob("*.*")] == ["report.md"]


def test_a_metric_that_no_study_declares_has_neither_bounds_nor_margin_of_the_first(tmp_path):
    directory = tmp_path / "mnist_sample"
    shutil.copytree(ROOT / "experiments/imbalance/results/mnist_sample", directory)
    records = [json.loads(line) for line in (directory / "records.jsonl").read_text().splitlines()]
    for record in records:
        record["metrics"] |= {"chosen_range": 1.3 + record["seed"] / 100}
    (directory / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    summary = json.loads((directory / "summary.json").read_text())
    entry = {"name": "chosen_range", "label": "chosen range", "higher_is_better": True}
    first = summary["metrics"][0]
    assert first["margin"] is not None
    for recorded, margin in (({}, None), ({"margin": None}, None), ({"margin": 0.2}, 0.2)):
        metrics = [*summary["metrics"], entry | recorded]
        (directory / "summary.json").write_text(json.dumps(summary | {"metrics": metrics}))
        rebuilt = published.rebuild(directory).run.summary
        assert rebuilt["metrics"][0]["margin"] == first["margin"]
        assert rebuilt["metrics"][-1] == entry | {"margin": margin}
        found = rebuilt["arms"]["none"]["metrics"]["chosen_range"]
        assert found["ci95"][0] < found["mean"] < found["ci95"][1]
        assert found["mean"] > 1
