"""Loads a finished run: its settings, its summary and the records of its trials."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, read_form
from gan_mnist.files.names import RECORDS, STUDY, SUMMARY
from gan_mnist.study.forms import Finished, Summary
from gan_mnist.study.records import DONE, as_declared, parse_record
from gan_mnist.study.spec import Metric, Study

ACCEPTED = "a directory that a run has left, or published results"
Records = Mapping[str, Mapping[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class FinishedRun:
    """A run, in `runs/` or published, with `study.json`, records and summary.

    Attributes:
        directory: The directory of these files.
        description: Content of `study.json`.
        summary: Content of `summary.json`.
        records: Records of finished trials, by arm and seed.
    """

    directory: Path
    description: Mapping[str, Any]
    summary: Mapping[str, Any]
    records: Records

    @property
    def sha256(self) -> str:
        """Checksum of the data set."""
        return str(self.description["dataset"]["sha256"])

    @property
    def metric(self) -> str:
        """Name of the primary metric."""
        return str(self.summary["primary_metric"])

    def measured(self, study: Study | None) -> Metric:
        """The primary metric as the run describes it; what is missing is as `study` declares it."""
        (entry,) = [metric for metric in self.summary["metrics"] if metric["name"] == self.metric]
        declared = (
            [metric for metric in study.metrics if metric.name == self.metric] if study else []
        )
        bounds = declared[0].bounds if declared else None
        margin = entry.get("margin", declared[0].margin if declared else None)
        return Metric(self.metric, entry["label"], entry["higher_is_better"], bounds, margin)

    def values(self, arm: str) -> dict[int, float]:
        """The finite values of the primary metric, by seed."""
        items = (
            (seed, record["metrics"].get(self.metric)) for seed, record in self.records[arm].items()
        )
        return {seed: value for seed, value in items if value is not None and math.isfinite(value)}

    def settings(self, arm: str, seed: int, study: Study | None) -> dict[str, Any]:
        """The settings of a trial; those declared since have the value that was in effect then."""
        return as_declared(self.records[arm][seed]["settings"], study)


def read_run(directory: Path) -> FinishedRun:
    """The run in `directory`.

    Raises:
        InputError: If there is none, or if it is not finished or damaged.
    """
    try:
        is_run = (directory / STUDY).is_file()
        description = _read(directory / STUDY, Finished) if is_run else None
        if description is None:
            raise InputError(f"{_named(directory)} is no run; accepted: {ACCEPTED}")
        summary = _read(directory / SUMMARY, Summary)
        records_path = directory / RECORDS
        missing = [path.name for path in (records_path, directory / SUMMARY) if not path.is_file()]
        if missing or summary is None or not _same_plan(description, summary):
            reason = f"it has no {missing[0]}" if missing else "its summary is of another plan"
            raise InputError(
                f"{_named(directory)} is not finished: {reason}; the same command goes on where it "
                f"stopped: {description.get('command_line', '')}"
            )
        records: dict[str, dict[int, Any]] = {name: {} for name in description["arms"]}
        for record in _read_lines(records_path):
            is_planned = record["arm"] in records and record["seed"] in description["seeds"]
            if is_planned and record["status"] == DONE:
                records[record["arm"]][record["seed"]] = record
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{_named(directory)}: cannot be read ({type(error).__name__}: {error}); "
            f"accepted: {ACCEPTED}"
        ) from error
    return FinishedRun(directory, description, summary, records)


def _read(path: Path, form: type) -> dict[str, Any] | None:
    try:
        content = read_form(path, form)
        if content is not None and form is Summary:
            count = [row["name"] for row in content["metrics"]].count(content["primary_metric"])
            if count != 1:
                raise Damaged(f"{count} metrics are called {content['primary_metric']!r}")
    except Damaged as reason:
        raise InputError(
            f"{_named(path.parent)}: {path.name} is damaged: {reason}; accepted: {ACCEPTED}"
        ) from reason
    return content


def _named(directory: Path) -> str:
    return f"RUN: {str(directory)!r}"


def _same_plan(description: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    """Whether the summary is of the arms and seeds that the run was last asked for."""
    same_arms = description["arms"].keys() == summary["arms"].keys()
    return same_arms and list(description["seeds"]) == summary.get("seeds", description["seeds"])


def _read_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            yield parse_record(line)
        except Damaged as reason:
            raise InputError(f"RUN: line {number} of {str(path)!r} is no record: {reason}; "
                             f"accepted: {ACCEPTED}") from reason  # fmt: skip
