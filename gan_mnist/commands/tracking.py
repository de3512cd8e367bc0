"""A finished run as experiment trackers know it: an arm is a run, and its seeds are runs below it.

Each tracker has a module with one function, `send(project, arms) -> str`: it writes the runs and
returns where they are. A run has a key, by which it is found and updated when it is sent again, so
that a resumed command makes no duplicates.
"""

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError, in_one_line, unknown
from gan_mnist.files import fingerprint
from gan_mnist.study.finished import FinishedRun

FLAG = "--export"
# By the name of the package, which an extra of the same name installs.
TRACKERS = {"mlflow": "to_mlflow", "wandb": "to_wandb"}
_VERSUS = ("versus_rival", "versus_rivals", "versus_ablation")


@dataclass(frozen=True)
class TrackedRun:
    """A run in a tracker: an arm, or one of its seeds.

    Attributes:
        key: Equal for the same trial, and for the same arm in runs with the same settings, data and
            first seed: a run with more seeds is the same one, one on fresh seeds is another.
        name: "cgan", or "cgan seed 0".
        params: Settings, as JSON holds them.
        metrics: Finite numbers, by names of letters, digits, "_", ".", "-" and blanks.
        tags: Other facts, as text; an empty one replaces an earlier one that no longer holds.
        seed_runs: The runs of an arm's seeds.
        files: Files to store with the run, by their path in the tracker.
    """

    key: str
    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    seed_runs: tuple["TrackedRun", ...] = ()
    files: Mapping[str, Path] | None = None


def check_tracker(name: str) -> None:
    """Raises `InputError` for a tracker that does not exist or is not installed."""
    if name not in TRACKERS:
        raise unknown(FLAG, name, TRACKERS)
    if importlib.util.find_spec(name) is None:
        raise InputError(f"{FLAG}: {name} is not installed; pip install 'gan_mnist[{name}]'")


def export(tracker: str, run: FinishedRun) -> str:
    """Sends a run to a tracker, set up as its own environment variables say.

    Returns:
        Where the run is, in words.

    Raises:
        InputError: If the tracker fails, for whatever reason.
    """
    module = importlib.import_module(f"gan_mnist.commands.{TRACKERS[tracker]}")
    try:
        return str(
            module.send(f"gan_mnist-{run.description['experiment']}", list(tracked_runs(run)))
        )
    # A store or a server may fail in any way; what was run is kept.
    except Exception as error:
        reason = in_one_line(error)
        raise InputError(
            f"{FLAG}: {tracker} failed ({reason}); what was run is kept, and the same command "
            "exports it"
        ) from error


def tracked_runs(run: FinishedRun) -> Iterator[TrackedRun]:
    """The arms of a run, each with its seeds."""
    files, experiment = _files(run.directory), run.description["experiment"]
    first_seed = min(run.description["seeds"], default=None)
    failed: dict[str, list[str]] = {}
    for row in run.summary.get("failed", ()):
        failed.setdefault(row["arm"], []).append(str(row["seed"]))
    for arm, arm_description in run.description["arms"].items():
        entry, records = run.summary["arms"][arm], run.records[arm]
        declared_settings = {**run.description["settings"], **arm_description.get("changes", {})}
        settings = next((record["settings"] for record in records.values()), declared_settings)
        tags = {
            "experiment": experiment,
            "arm": arm,
            "dataset": str(run.description["dataset"].get("name")),
            "dataset_sha256": run.sha256,
        }
        arm_tags = {
            "about": entry.get("about") or "",
            "verdict": entry.get("verdict") or "",
            "answer": run.summary.get("answer") or "",
            "primary_metric": run.metric,
            "failed_seeds": ", ".join(failed.get(arm, ())),
            "why_not_applicable": run.summary.get("not_applicable", {}).get(arm) or "",
        }
        yield TrackedRun(
            key=fingerprint(experiment, arm, run.sha256, settings, first_seed),
            name=arm,
            params=settings,
            metrics=_with_safe_names(dict(_arm_metrics(arm, run.summary, run.metric))),
            tags=tags | arm_tags,
            seed_runs=tuple(_seed(arm, seed, record, tags) for seed, record in records.items()),
            files=files,
        )


def _seed(arm: str, seed: int, record: Mapping[str, Any], tags: Mapping[str, str]) -> TrackedRun:
    seconds = {f"seconds.{part}": spent for part, spent in record["seconds"].items()}
    updates = {} if record.get("updates") is None else {"updates": record["updates"]}
    versions = {f"version.{name}": version for name, version in record.get("versions", {}).items()}
    return TrackedRun(
        key=fingerprint(arm, seed, record["fingerprint"]),
        name=f"{arm} seed {seed}",
        params=record["settings"] | {"seed": seed},
        metrics=_with_safe_names(record["metrics"] | seconds | updates),
        tags={**tags, "device": str(record.get("device")), **versions},
    )


def _arm_metrics(arm: str, summary: Mapping[str, Any], primary: str) -> Iterator[tuple[str, float]]:
    """Means and intervals of all metrics, then differences in the primary one."""
    entry = summary["arms"][arm]
    rows: dict[str, Mapping[str, Any]] = {
        name: {"": metric["mean"], "ci95": metric["ci95"]}
        for name, metric in entry.get("metrics", {}).items()
    }
    rows.setdefault(primary, {"": entry.get("mean"), "ci95": entry.get("ci95")})
    difference = {"": entry.get("difference"), "ci95": entry.get("difference_ci95")}
    rows["difference"] = difference | {"p_holm": entry.get("p_holm")}
    rows["difference_over_images"] = {"ci95": entry.get("difference_ci95_images")}
    for comparison in summary.get("primary", ()):
        if comparison["arm"] == arm and comparison["reference"] != summary["control"]:
            row = {
                "": comparison["difference"],
                "ci95": comparison["ci95"],
                "p_holm": comparison["p_holm"],
            }
            rows[f"versus_{comparison['reference']}"] = row
    for versus in _VERSUS:
        if values := entry.get(versus):
            rows[versus] = {"": values.get("difference"), "ci95": values.get("ci95")}
    rows |= {name: {"": entry.get(name)} for name in ("n", "seconds")}
    for name, values in rows.items():
        for part, value in values.items():
            if part == "ci95" and value is not None:
                yield f"{name}.ci95_low", value[0]
                yield f"{name}.ci95_high", value[1]
            elif value is not None:
                yield f"{name}.{part}" if part else name, value


def _with_safe_names(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics by names that trackers accept; classes may be called anything."""
    renamed: dict[str, float] = {}
    for name, value in metrics.items():
        safe_name = re.sub(r"[^\w.\- ]", "_", name)
        while safe_name in renamed:
            safe_name += "_"
        renamed[safe_name] = float(value)
    return renamed


def _files(directory: Path) -> dict[str, Path]:
    """The report and its figures, as far as they are there."""
    paths = [directory / name for name in ("report.html", "report.md")]
    paths += sorted((directory / "figures").glob("*"))
    return {str(path.relative_to(directory)): path for path in paths if path.is_file()}
