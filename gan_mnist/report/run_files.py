"""The files of a run as the report reads them."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, read_arrays, read_form, unescape
from gan_mnist.report import forms
from gan_mnist.study.records import DONE, read_record

# Columns of which a generator's curves have one.
LOSSES = {"d_loss", "flow_loss"}
SECONDS = ("generator", "training", "evaluation")


@dataclass(frozen=True)
class FinishedTrial:
    """A trial whose record says `done`."""

    arm: str
    seed: int
    directory: Path
    record: Mapping[str, Any]

    def predictions(self) -> pd.DataFrame | None:
        """Predictions, classes as text: one may be called "01" or "NA"."""
        dtypes = {"image": str, "label": str, "prediction": str, "probability": float}
        path = self.directory / "predictions.csv"
        table = read_csv(path, dtype=dtypes, keep_default_na=False)
        return table if table is not None and set(dtypes) <= set(table.columns) else None

    @property
    def seconds(self) -> list[float]:
        """Seconds of each part in `SECONDS`."""
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
            InputError: If it has no `study.json` or no `summary.json`, or not such ones.
        """
        study = _read_needed(workdir / "study.json", forms.Study)
        summary = _read_needed(workdir / "summary.json", forms.Summary)
        trials = []
        for path in workdir.glob("trials/*/seed-*/record.json"):
            try:
                record = read_record(path)
            except (Damaged, OSError):  # it is not among those that were summarised
                continue
            if record is None or record["status"] != DONE:
                continue
            # A run's directory may hold more than was summarised last (`--arms`, `--seeds`).
            if record["arm"] in summary["arms"] and record["seed"] in summary["seeds"]:
                trials.append(FinishedTrial(record["arm"], record["seed"], path.parent, record))
        trials.sort(key=lambda trial: trial.seed)
        return cls(workdir, study, summary, tuple(trials))

    def trials_of(self, arm: str | None) -> list[FinishedTrial]:
        """Finished trials of an arm, by seed."""
        return [trial for trial in self.trials if trial.arm == arm]

    def best_first(self) -> list[str]:
        """All arms, best mean first; those without a result last."""
        sign = -1 if self.summary["metrics"][0]["higher_is_better"] else 1
        means = {name: arm["mean"] for name, arm in self.summary["arms"].items()}
        return sorted(means, key=lambda name: (means[name] is None, sign * (means[name] or 0.0)))

    def best_treatment(self, kind: str) -> str | None:
        """The arm of the best mean among those of one kind that have a finished trial.

        Args:
            kind: "generated" or "rival".

        Returns:
            Its name. Where there is none of this kind, the best arm of the other kind; None where
            there is none of either. The oracle is of neither.
        """
        kinds = {name: self.study["arms"][name]["kind"] for name in self.best_first()
                 if self.trials_of(name) and name != self.summary["oracle"]}  # fmt: skip
        treatments = [name for name in kinds if kinds[name] in ("generated", "rival")]
        matches = [name for name in treatments if kinds[name] == kind]
        return next(iter(matches or treatments), None)

    @property
    def treatment(self) -> str | None:
        """The arm that the answer rests on; of runs that do not tell it, the best treatment."""
        rests_on = self.summary.get("rests_on")
        return rests_on["arm"] if rests_on else self.best_treatment("generated")

    @property
    def reference_arm(self) -> str | None:
        """The plain arm that `treatment` is compared with; for the control, the best rival."""
        rests_on = self.summary.get("rests_on")
        if rests_on and rests_on["reference"] != self.summary["control"]:
            return str(rests_on["reference"])
        return self.best_treatment("rival")

    def in_order(self, classes: Iterable[str]) -> list[str]:
        """Names of classes, each once, in the data set's order; others last, by the alphabet."""
        names = {*classes}
        known_names = [name for name in self.study["dataset"]["counts"] if name in names]
        return known_names + sorted(names.difference(known_names))

    @functools.cached_property
    def galleries(self) -> dict[str, np.ndarray]:
        """Images by arm, (n, height, width, channels) uint8, of each arm's first finished trial.

        The control and the oracle come first; what has another size than the first is left out.
        """
        images_by_arm: dict[str, np.ndarray] = {}
        names = [self.summary["control"], self.summary["oracle"], *self.best_first()]
        for name in dict.fromkeys(names):
            for trial in self.trials_of(name)[:1]:
                images = read_images(trial.directory / "gallery.npz")
                if images is None:
                    continue
                if images.shape[1:3] == next(iter(images_by_arm.values()), images).shape[1:3]:
                    images_by_arm[trial.arm] = images
        return images_by_arm

    def table(self, name: str, *columns: str) -> pd.DataFrame:
        """The rows of a CSV file of all trials, one trial's after another's.

        Args:
            name: Name of the file in a trial's directory.
            columns: The columns that are wanted. A trial without the file, or one of them, is left
                out, and so is a row with a gap.

        Returns:
            Columns `arm`, `seed` and the wanted ones; no rows where no trial has the file.
        """
        # A class may be called "01" or "NA".
        na_values = {column: ["", "nan"] for column in columns if column != "class"}
        options = {"dtype": {"class": str}, "keep_default_na": False, "na_values": na_values}
        tables = [
            table.assign(arm=trial.arm, seed=trial.seed)
            for trial in self.trials
            if (table := read_csv(trial.directory / name, **options)) is not None
            and set(columns) <= set(table.columns)
        ]
        all_columns = ["arm", "seed", *columns]
        return (
            pd.concat(tables)[all_columns].dropna() if tables else pd.DataFrame(columns=all_columns)
        )

    def curves(self) -> tuple[pd.DataFrame, str]:
        """Learning curves (arm, seed, update, seconds, value) and what the value is, in words.

        The value is `Study.curve`; without one, what validation says of the primary metric, or else
        of accuracy. Seconds start with the training of the arm's generator.
        """
        metric, primary = self.study["curve"], self.summary["metrics"][0]
        labels = {
            f"val_{primary['name']}": f"validation: {primary['label']}",
            "val_accuracy": "validation accuracy",
        }
        if metric:
            labels = {metric["name"]: metric["label"]}
        axis_columns = ("update", "seconds")
        tables = {name: _of_numbers(self, "curves.csv", *axis_columns, name) for name in labels}
        column = next((name for name in tables if not tables[name].empty), next(iter(tables)))
        curves = tables[column]
        generator_seconds = {(trial.arm, trial.seed): trial.seconds[0] for trial in self.trials}
        keys = zip(curves["arm"], curves["seed"], strict=True)
        curves["seconds"] += [generator_seconds[key] for key in keys]
        return curves.rename(columns={column: "value"}), labels[column]

    def generator_curves(self) -> pd.DataFrame:
        """Curves of the generators: their columns, `generator` (its name) and `kind` (in words).

        Where records tell which `generators` a trial used, of those; else of all there are.
        """
        generator_lists = [
            trial.record["generators"] for trial in self.trials if "generators" in trial.record
        ]
        used_generators = {name for names in generator_lists for name in names}
        tables = []
        for path in sorted(self.workdir.glob("generators/*/curves.csv")):
            table, name = read_csv(path), path.parent.name
            if table is None or "update" not in table or not LOSSES & {*table}:
                continue
            if name in used_generators or not generator_lists:
                tables.append(table.assign(generator=name, kind=_kind(path.parent)))
        if not tables:
            return pd.DataFrame()
        curves = pd.concat(tables)
        columns = curves.columns.difference(["generator", "kind"])
        curves[columns] = curves[columns].apply(pd.to_numeric, errors="coerce")
        return curves.dropna(subset="update")


def read_images(path: Path) -> np.ndarray | None:
    """The `images` in an archive, uint8 (n, H, W, 1 or 3); None where there are none such."""
    arrays = read_arrays(path, "images")
    return arrays["images"] if arrays and _are_images(arrays["images"]) else None


def read_labelled(path: Path, *columns: str) -> dict[str, np.ndarray] | None:
    """As `read_images`, with columns of as many rows; None where one of them is not there."""
    arrays = read_arrays(path, "images", *columns)
    if arrays is None or not _are_images(arrays["images"]):
        return None
    label_shape = arrays["images"].shape[:1]
    return arrays if all(arrays[name].shape == label_shape for name in columns) else None


def read_pairs(path: Path, *names: str) -> dict[str, np.ndarray] | None:
    """The arrays of these names, each two rows of images that are alike, uint8 (2, n, H, W, C)."""
    arrays = read_arrays(path, *names)
    are_pairs = arrays is not None and all(
        pair.ndim == 5 and len(pair) == 2 and _are_images(pair[0]) for pair in arrays.values()
    )
    return arrays if are_pairs else None


def _are_images(array: np.ndarray) -> bool:
    is_of_form = array.dtype == np.uint8 and array.ndim == 4 and array.shape[-1] in (1, 3)
    return is_of_form and array.size > 0


def _of_numbers(run: Run, file: str, *columns: str) -> pd.DataFrame:
    """The run's table of these columns, without rows in which one is no finite number."""
    table = run.table(file, *columns)
    numbers = table[[*columns]].apply(pd.to_numeric, errors="coerce").astype(float)
    return table.assign(**numbers)[np.isfinite(numbers).all(axis=1)]


def _kind(directory: Path) -> str:
    """What kind of generator is kept in `directory`: "conditional (mlp)", say."""
    try:
        content = read_form(directory / "generator.json", forms.Generator)
    except (Damaged, OSError):
        content = None
    if content is None:
        return "unknown"
    architecture = content["settings"].get("architecture")
    kind = content["kind"].removesuffix("Recipe").lower()
    return f"{kind} ({architecture})" if architecture else kind


def read_csv(path: Path, **options: Any) -> pd.DataFrame | None:
    """The table in `path`, or None where there is no file, no row, or no table at all."""
    try:
        table = pd.read_csv(path, **options)
    except (OSError, ValueError):  # pandas' and Unicode's own are ValueErrors
        return None
    text_columns = table.select_dtypes(exclude=["number", "bool"]).columns
    table[text_columns] = table[text_columns].map(unescape, na_action="ignore")
    return None if table.empty else table.rename(columns=unescape)


def _read_needed(path: Path, form: type) -> dict[str, Any]:
    hint = "accepted: a run's directory"
    try:
        content = read_form(path, form)
    except (Damaged, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"report: {path} is damaged: {reason}; {hint}") from error
    if content is None:
        raise InputError(f"report: no {path.name} in {path.parent}; {hint}")
    return content
