"""The files of a run as the report reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gan_mnist.errors import InputError
from gan_mnist.files import read_json
from gan_mnist.study.records import DONE, read_record

SECONDS = ("generator", "training", "evaluation")


@dataclass(frozen=True)
class FinishedTrial:
    """A trial whose record says `done`."""

    arm: str
    seed: int
    directory: Path
    record: Mapping[str, Any]

    def predictions(self) -> pd.DataFrame | None:
        """Texts as they are written: a class may be called "01" or "NA"."""
        columns = {"image": str, "label": str, "prediction": str, "probability": float}
        path = self.directory / "predictions.csv"
        table = read_csv(path, dtype=columns, keep_default_na=False)
        return table if table is not None and set(columns) <= set(table.columns) else None

    @property
    def seconds(self) -> list[float]:
        """Generator, training, evaluation."""
        return [self.record["seconds"].get(part) or 0.0 for part in SECONDS]


@dataclass(frozen=True)
class Run:
    """The files of a run, read once."""

    workdir: Path
    study: Mapping[str, Any]
    summary: Mapping[str, Any]
    trials: tuple[FinishedTrial, ...]

    @classmethod
    def read(cls, workdir: Path) -> "Run":
        """Reads the run in `workdir`.

        Raises:
            InputError: If it has no `study.json` or no `summary.json`.
        """
        study, summary = (_read_needed(workdir / name) for name in ("study.json", "summary.json"))
        trials = []
        for path in workdir.glob("trials/*/seed-*/record.json"):
            record = read_record(path)
            if record is None or record["status"] != DONE:
                continue
            # A run's directory may hold more than was summarised last (`--arms`, `--seeds`).
            if record["arm"] in summary["arms"] and record["seed"] in summary["seeds"]:
                trials.append(FinishedTrial(record["arm"], record["seed"], path.parent, record))
        trials.sort(key=lambda trial: trial.seed)
        return cls(workdir, study, summary, tuple(trials))

    def of(self, arm: str | None) -> list[FinishedTrial]:
        """Finished trials of an arm, by seed."""
        return [trial for trial in self.trials if trial.arm == arm]

    def best_first(self) -> list[str]:
        """All arms, best mean first; those without a result last."""
        sign = -1 if self.summary["metrics"][0]["higher_is_better"] else 1
        means = {name: arm["mean"] for name, arm in self.summary["arms"].items()}
        return sorted(means, key=lambda name: (means[name] is None, sign * (means[name] or 0.0)))

    def best_treatment(self, order: Iterable[str], kind: str) -> str | None:
        """The best arm of `kind` ("generated" or "rival"), else the best of both, else None."""
        aside = (self.summary["control"], self.summary["oracle"])
        kinds = {
            name: self.study["arms"][name]["kind"]
            for name in order
            if self.of(name) and name not in aside
        }
        treatments = [name for name in kinds if kinds[name] in ("generated", "rival")]
        return next(
            (name for name in treatments if kinds[name] == kind), next(iter(treatments), None)
        )


def read_csv(path: Path, **options: Any) -> pd.DataFrame | None:
    """The table in `path`, or None where there is no file, no row, or no table at all."""
    try:
        table = pd.read_csv(path, **options)
    except (FileNotFoundError, ValueError):  # pandas' and Unicode's own are ValueErrors
        return None
    return None if table.empty else table


def _read_needed(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if content is None:
        raise InputError(f"report: no {path.name} in {path.parent}; accepted: a run's directory")
    return content
