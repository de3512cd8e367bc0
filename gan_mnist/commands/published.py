"""Published runs: what is kept of a run, and what is renewed from its records.

That is its summary and report, and then the pages of the repository that repeat them.
"""

import fnmatch
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_mnist import experiments
from gan_mnist.commands.output import check_empty
from gan_mnist.errors import InputError
from gan_mnist.files import (
    read_json,
    read_rows,
    write_bytes,
    write_json,
    write_rows,
    write_text,
)
from gan_mnist.report import headline, page
from gan_mnist.report.readme import renewed_pages
from gan_mnist.report.run_files import Run
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.continuation import looks_in, primary_in, resumed_plan
from gan_mnist.study.spec import Arm, Metric, Study
from gan_mnist.study.trial import Plan

# A file each of a run; figures and tables of trials are copied, too.
FILES = ("records.jsonl", "study.json", "summary.json", "report.md")


def publish(workdir: Path, name: str, root: Path) -> list[Path]:
    """Copies what the repository keeps of a run: records, summary, report and figures as PNG.

    Tables that the experiment's `figures.py` lists as `TABLES` have the rows of all trials.

    Args:
        workdir: The run's directory.
        name: Name of the results, such as "mnist".
        root: The repository's directory.

    Returns:
        The files in `experiments/EXPERIMENT/results/NAME/`.

    Raises:
        InputError: If `workdir` holds no run that has ended, or one of an experiment that the
            repository lacks, or if `name` is no name for a new folder.
    """
    run = Run.read(workdir)
    sources = [workdir / file for file in FILES]
    if missing := [source.name for source in sources if not source.is_file()]:
        raise InputError(f"--publish: {workdir} has no {missing[0]}; accepted: a finished run")
    experiment = run.study["experiment"]
    folder = root / "experiments" / experiment
    # One that was run by its path may have the name of one that is here.
    if folder.parent != root / "experiments" or not (folder / "study.py").is_file():
        raise InputError(f"--publish: {root} has no experiment {experiment!r}; accepted: its own")
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise InputError(f"--name: {name!r} is no name; accepted: a to z, 0 to 9 and _")
    directory = folder / "results" / name
    check_empty("--name", directory)
    sources += sorted((workdir / "figures").glob("*.png"))
    written = [directory / source.relative_to(workdir) for source in sources]
    for source, path in zip(sources, written, strict=True):
        write_bytes(path, source.read_bytes())
    trials = sorted(run.trials, key=lambda trial: (trial.arm, trial.seed))
    for table in getattr(experiments.load(experiment).part("figures"), "TABLES", ()):
        rows = [
            {"arm": trial.arm, "seed": trial.seed, **row}
            for trial in trials
            if (trial.directory / table).is_file()
            for row in read_rows(trial.directory / table)
        ]
        if rows:
            write_rows(directory / table, rows)
            written.append(directory / table)
    return written


@dataclass(frozen=True)
class RebuiltRun:
    """A published run with what follows from its records.

    Attributes:
        run: Its directory in the repository; `study.json` with the fields that were added since;
            `summary.json` from the records; no trials.
        report: Text of `report.md`, from the summary.
        stale_files: Those of these two files that are missing or say something else.
    """

    run: Run
    report: str
    stale_files: tuple[Path, ...]

    def write(self) -> None:
        """Renews the files that are stale, and with the summary the figure of all arms."""
        summary_path, report_path = _rebuilt_files(self.run.workdir)
        if summary_path in self.stale_files:
            write_json(summary_path, self.run.summary)
            page.draw_arms(self.run)
        if report_path in self.stale_files:
            write_text(report_path, self.report)


def rebuild(directory: Path) -> RebuiltRun:
    """Computes summary and report of a published run from its records; writes nothing.

    Args:
        directory: Holds `study.json`, `summary.json` and `records.jsonl`. Where the names and
            labels of metrics depend on the data, which are not here, the old summary's are kept.

    Raises:
        InputError: If its experiment cannot be loaded, or labels are to be kept of a summary that
            is not there.
    """
    summary_path, report_path = _rebuilt_files(directory)
    old_summary = read_json(summary_path)
    study, description = _study(directory, old_summary)
    lines = (directory / "records.jsonl").read_text(encoding="utf-8").splitlines()
    initial_plan = Plan(
        study=study,
        preset=description["preset"],
        settings=study.settings,
        arms=study.select(list(description["arms"])),
        seeds=tuple(description["seeds"]),
        dataset=description["dataset"],
        workdir=directory,
        looks=looks_in(description),
    )
    plan = resumed_plan(initial_plan, description)
    summary: dict[str, Any] = json.loads(
        json.dumps(summarize(plan, [json.loads(line) for line in lines]))
    )
    pictures = getattr(study.part("figures"), "PICTURES", ())
    run = Run(directory, description, summary, ())
    report = page.markdown(run, pictures)
    stale_files = []
    if not nearly_equal(old_summary, summary):
        stale_files.append(summary_path)
    if not report_path.is_file() or report_path.read_text(encoding="utf-8") != report:
        stale_files.append(report_path)
    return RebuiltRun(run, report, tuple(stale_files))


def stale_runs(root: Path) -> list[RebuiltRun]:
    """The published runs of a repository of which a file is stale; writes nothing."""
    records_paths = sorted(root.glob("experiments/*/results/*/records.jsonl"))
    return [run for path in records_paths if (run := rebuild(path.parent)).stale_files]


def stale_files(root: Path) -> list[Path]:
    """What is stale: files of runs; where these are up to date, pages and the first picture."""
    if runs := stale_runs(root):
        return [path for run in runs for path in run.stale_files]
    return [*renewed_pages(root), *([root / headline.PICTURE] if headline.is_stale(root) else [])]


def renew(root: Path, run_with_images: Path | None) -> list[Path]:
    """Renews what is stale; returns it.

    Args:
        root: The repository's directory.
        run_with_images: The run from which the first picture takes its images, if it is to.
    """
    runs = stale_runs(root)
    for run in runs:
        run.write()
    pages = renewed_pages(root)  # they follow what is renewed before them
    is_drawn = run_with_images is not None or headline.is_stale(root)
    if run_with_images is not None:
        headline.take_images(run_with_images, root)
    if is_drawn:
        headline.draw(root)
    for path, text in pages.items():
        write_text(path, text)
    renewed_files = [path for run in runs for path in run.stale_files]
    return [*renewed_files, *pages, *([root / headline.PICTURE] if is_drawn else [])]


def nearly_equal(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal up to differences of rounding between processors."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            nearly_equal(first[key], second[key]) for key in first
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(nearly_equal, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return bool(first == second)


def _rebuilt_files(directory: Path) -> tuple[Path, Path]:
    """The paths of summary and report."""
    return directory / "summary.json", directory / "report.md"


def _study(directory: Path, old_summary: dict[str, Any] | None) -> tuple[Study, dict[str, Any]]:
    """The study as it was run, and its `study.json`, with the fields that were added since."""
    description = json.loads((directory / "study.json").read_text(encoding="utf-8"))
    study = experiments.load(description["experiment"])
    description = {name: getattr(study, name) for name in ("examples", "treatment")} | description
    # The study's own table has no arms of images that were made elsewhere.
    declared_arms = {arm.name for arm in study.arms}
    study = study.with_arms(
        Arm(**arm) for name, arm in description["arms"].items() if name not in declared_arms
    )
    study = replace(study, primary=primary_in(description))
    if study.metrics_of is not None:
        if old_summary is None:
            raise InputError(f"readme: no summary.json in {directory}; accepted: a published run")
        metrics = tuple(_metric(entry, study.metrics) for entry in old_summary["metrics"])
        study = replace(study, metrics=metrics)
    return study, description


def _metric(entry: dict[str, Any], declared: tuple[Metric, ...]) -> Metric:
    """The declared metric with the recorded name, label and direction.

    Of one that the study does not declare, such as a setting that trials choose, no bounds are
    known, and its margin is the recorded one.
    """
    fields = {key: entry[key] for key in ("name", "label", "higher_is_better")}
    matches = (metric for metric in declared if fnmatch.fnmatch(entry["name"], metric.name))
    if (match := next(matches, None)) is None:
        return Metric(**fields, margin=entry.get("margin"))
    return replace(match, **fields)
