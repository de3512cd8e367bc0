"""Test images as trials called them: confusions, and ten images a class before and after."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from gan_mnist.report.run_files import FinishedTrial, Run, read_labelled
from gan_mnist.report.strips import strip

IMAGES_SHOWN = 10
# By arm, shares (truth, prediction), and the names of the classes.
Confusion = tuple[dict[str, np.ndarray], list[str]]


def confusion(run: Run) -> Confusion:
    """By arm, shares (truth, prediction) averaged over seeds; and the names of the classes."""
    tables = [(trial.arm, trial.predictions()) for trial in run.trials]
    arm_tables = [(arm, table) for arm, table in tables if table is not None]
    classes = _classes(run, (table for _, table in arm_tables))
    matrices: dict[str, list[np.ndarray]] = {}
    for arm, table in arm_tables:
        matrices.setdefault(arm, []).append(_shares(table, classes))
    return {
        arm: np.mean(matrices[arm], axis=0) for arm in run.best_first() if arm in matrices
    }, classes


def _shares(table: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Of each class's images, the shares that were predicted as each class: (truth, prediction)."""
    columns = (table["label"], table["prediction"])
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, tuple(pd.Categorical(column, classes).codes for column in columns), 1)
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def examples(run: Run, after: str | None) -> dict[str, Any] | None:
    """The first test images of each class as the control and the arm `after` call them.

    Both are trials of the first seed that has both; None where no seed has.
    """
    control_trials = {trial.seed: trial for trial in run.trials_of(run.summary["control"])}
    for trial in run.trials_of(after):
        control_trial = control_trials.get(trial.seed)
        before_table = control_trial.predictions() if control_trial else None
        after_table = trial.predictions()
        if control_trial and before_table is not None and after_table is not None:
            suffixes = ("_before", "_after")
            merged = before_table.merge(after_table, on=["image", "label"], suffixes=suffixes)
            tables = {str(name): table for name, table in merged.groupby("label")}
            names = [name for name in _classes(run, [before_table]) if name in tables]
            pictures = _pictures(control_trial)
            classes = [_of_class(name, tables[name], pictures.get(name)) for name in names]
            return {"seed": trial.seed, "classes": classes} if classes else None
    return None


def _classes(run: Run, tables: Iterable[pd.DataFrame]) -> list[str]:
    """Class names that occur in predictions, in the data set's order."""
    return run.in_order(
        name for table in tables for column in ("label", "prediction") for name in table[column]
    )


def _pictures(trial: FinishedTrial) -> dict[str, np.ndarray]:
    """By class, the first test images, in the order of the predictions."""
    arrays = read_labelled(trial.directory / "shown.npz", "label")
    if arrays is None:
        return {}
    labels = arrays["label"].astype(str)
    return {name: arrays["images"][labels == name] for name in np.unique(labels)}


def _of_class(name: str, table: pd.DataFrame, images: np.ndarray | None) -> dict[str, Any]:
    """Of one class: the rows shown, their pictures, the number of images, how many are right."""
    shown_rows = table.head(IMAGES_SHOWN)
    results = {}
    for side in ("before", "after"):
        num_correct = int((shown_rows[f"prediction_{side}"] == name).sum())
        interval = binomtest(num_correct, len(shown_rows)).proportion_ci()
        share = float((table[f"prediction_{side}"] == name).mean())
        results[side] = {
            "right": num_correct,
            "ci95": [interval.low, interval.high],
            "share": share,
        }
    pictures = None if images is None else strip(images, len(shown_rows))
    rows = shown_rows.to_dict("records")
    return {"name": name, "rows": rows, "pictures": pictures, "images": len(table), **results}
