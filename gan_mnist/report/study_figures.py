"""Figures that one study has and others have not, and those that several studies choose from.

An experiment lists its own as `PICTURES` in its `figures.py`. Each draws itself from the run, or
returns None where the run has no data for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from scipy.integrate import trapezoid

from gan_mnist.report.learning import over_seeds
from gan_mnist.report.run_files import Run, read_labelled
from gan_mnist.report.style import (
    BLUE,
    FAINT,
    GREEN,
    HALO,
    INK,
    MUTED,
    ORANGE,
    VERMILLION,
    WIDTH_INCHES,
    color_arms,
    legend_above,
    legend_of_arms,
    mark_end,
    scale_log,
    scale_shares,
    shorten,
    small_multiples,
    styled,
)

# Colours of lines by the kind of an arm; those of one kind differ in their dashes.
COLORS = {"control": INK, "rival": ORANGE, "generated": BLUE, "oracle": GREEN}
DASHES = ("-", "--", ":", "-.", (0, (8, 2)), (0, (1, 4)), (0, (6, 1, 1, 1, 1, 1)))
_MOST_ARMS = 5
_MOST_CLASSES = 10
_PICTURES, _PICTURES_A_ROW = 12, 6
_LONGEST_TITLE = 24


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        name: Name of its file, `figures/NAME.png`, and of its place in the page; an identifier.
        draw: Draws it for a run; returns None where the run has no data for it.
        title: The heading above it; also its alternative text.
        caption: What it shows and how it is read.
        always: Whether every run of the experiment should have data for it, so that it is told
            where one has none.
    """

    name: str
    draw: Callable[[Run], Figure | None]
    title: str
    caption: str
    always: bool = True


@styled
def train_and_validation(run: Run) -> Figure | None:
    """Loss and accuracy in training (dashed) and in validation (solid), a column an arm.

    The mean over seeds, with a band from the lowest to the highest. Of many arms those of
    `_chosen`.
    """
    quantities = ("loss", "accuracy")
    columns = [f"{prefix}{name}" for name in quantities for prefix in ("", "val_")]
    curves = run.table("curves.csv", "update", "seconds", *columns)
    names = _chosen(run, curves)
    if not names:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.6), layout="constrained")
    grid = figure.subplots(2, len(names), sharex=True, sharey="row", squeeze=False)
    for row, quantity in zip(grid, quantities, strict=True):
        row[0].set_ylabel(quantity)
        for prefix, style in (("", "--"), ("val_", "-")):
            means = over_seeds(curves.rename(columns={f"{prefix}{quantity}": "value"}))
            for axes, name in zip(row, names, strict=True):
                color = INK if name == run.summary["control"] else BLUE
                _band(axes, means[name], color, style)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(name)
    styles = {"training": "--", "validation": "-"}
    legend_above(figure, {label: {"color": INK, "ls": style} for label, style in styles.items()})
    figure.supxlabel("updates", size=8.5, color=MUTED)
    return figure


@styled
def roc_curves(run: Run) -> Figure | None:
    """Receiver operating characteristics, a panel a class, an arm a colour, with their areas.

    The rate of false positives is drawn on a logarithmic axis: good classifiers differ at its left
    end. At each rate the curves of the seeds are averaged. The areas are the means of what
    the records hold as `auc_CLASS`, else of what is under the points. Of many classes the first
    ten, of many arms those of `_chosen`.

    Source: vertical averaging, Fawcett (2006), algorithm 3.
    """
    columns = ("class", "false_positive_rate", "true_positive_rate")
    curves = run.table("roc.csv", *columns).astype({"class": str})
    classes = run.in_order(curves["class"])[:_MOST_CLASSES]
    if not classes:
        return None
    order = _chosen(run, curves)
    colors = color_arms(order, run.summary["control"])
    rates = curves["false_positive_rate"]
    fpr_grid = np.geomspace(max(1e-4, rates[rates > 0].min() / 2), 1, 200)
    titles = [shorten(name) for name in classes]
    figure, panels = small_multiples(titles, most_columns=5, row_inches=1.9)
    for axes, name in zip(panels, classes, strict=True):
        axes.grid(True)
        for position, arm in enumerate(reversed(order)):
            points = curves[(curves["class"] == name) & (curves["arm"] == arm)]
            if points.empty:
                continue
            rocs = [rows[list(columns[1:])].to_numpy().T for _, rows in points.groupby("seed")]
            values = np.array([np.interp(fpr_grid, *curve) for curve in rocs])
            axes.fill_between(
                fpr_grid, values.min(0), values.max(0), color=colors[arm], alpha=0.12, lw=0
            )
            axes.plot(fpr_grid, values.mean(0), color=colors[arm], lw=1.3)
            metrics = [trial.record["metrics"] for trial in run.trials_of(arm)]
            areas = [entry[f"auc_{name}"] for entry in metrics if f"auc_{name}" in entry]
            area = np.mean(areas or [trapezoid(tpr, fpr) for fpr, tpr in rocs])
            axes.text(0.97, 0.05 + 0.1 * position, f"{area:.4f}", transform=axes.transAxes,
                      ha="right", size=7.5, color=colors[arm], path_effects=HALO)  # fmt: skip
    scale_log(panels[0])
    panels[0].xaxis.set_major_locator(LogLocator(base=100))  # There is no room for more.
    legend_above(figure, {arm: {"color": color} for arm, color in colors.items()})
    figure.supxlabel(
        "rate of false positives; in the corner: area under the curve", size=8.5, color=MUTED
    )
    figure.supylabel("rate of true positives", size=8.5, color=MUTED)
    return figure


@styled
def predictions(run: Run) -> Figure | None:
    """Test images as the control and the arm of the answer call them, each in its first trial.

    Above an image: the truth, the prediction, its probability, and a cross where it is wrong.
    """
    batches = {}
    for name in (run.summary["control"], run.treatment):
        for trial in run.trials_of(name)[:1]:
            path = trial.directory / "shown.npz"
            if (batch := read_labelled(path, "label", "prediction", "probability")) is not None:
                batches[trial.arm] = {key: array[:_PICTURES] for key, array in batch.items()}
    if not batches:
        return None
    num_rows = {arm: -(-len(batch["images"]) // _PICTURES_A_ROW) for arm, batch in batches.items()}
    titles_by_arm = {name: _titles(batch) for name, batch in batches.items()}
    num_lines = 1 + max("\n" in title for titles in titles_by_arm.values() for title in titles)
    height, width = next(iter(batches.values()))["images"].shape[1:3]
    cell_inches = WIDTH_INCHES / _PICTURES_A_ROW * height / width * 0.9 + 0.1 + 0.15 * num_lines
    figure = Figure(
        figsize=(WIDTH_INCHES, sum(0.3 + cell_inches * number for number in num_rows.values())),
        layout="constrained",
    )
    parts = figure.subfigures(len(batches), 1, height_ratios=list(num_rows.values()), squeeze=False)
    for (part,), (name, batch) in zip(parts, batches.items(), strict=True):
        part.suptitle(name, x=0.01, ha="left", size=10, weight="bold")
        for axes in part.subplots(num_rows[name], _PICTURES_A_ROW, squeeze=False).flat:
            axes.set_axis_off()
        is_wrong = batch["label"] != batch["prediction"]
        for axes, image, title, is_error in zip(
            part.axes, batch["images"], titles_by_arm[name], is_wrong, strict=False
        ):
            axes.imshow(np.broadcast_to(image, (*image.shape[:2], 3)), interpolation="nearest")
            axes.set_title(title, size=8, loc="center", color=VERMILLION if is_error else INK)
    return figure


def _titles(batch: dict[str, np.ndarray]) -> list[str]:
    """One a picture, all on one line if there is room for them, else all on two."""
    rows = [
        (f"{shorten(str(label))}:", f"{shorten(str(prediction))} {probability:.2f}{mark}")
        for label, prediction, probability, mark in zip(
            batch["label"],
            batch["prediction"],
            batch["probability"],
            np.where(batch["label"] == batch["prediction"], "", " ✕"),
            strict=True,
        )
    ]
    fits = all(len(" ".join(row)) <= _LONGEST_TITLE for row in rows)
    return [(" " if fits else "\n").join(row) for row in rows]


@styled
def against_cost(run: Run) -> Figure | None:
    """The learning curves of all arms in one panel against updates, and in one against seconds."""
    curves, label = run.curves()
    curves = curves[(curves["update"] > 0) & (curves["seconds"] > 0)]
    means = over_seeds(curves)
    order = [name for name in run.best_first() if name in means]
    if not order:
        return None
    colors = color_arms(order, run.summary["control"])
    figure = Figure(figsize=(WIDTH_INCHES, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    panels[0].set_ylabel(label)
    for axes, column in zip(panels, ("update", "seconds"), strict=True):
        axes.grid(True)
        frames = {name: means[name].reset_index().set_index(column, drop=False) for name in order}
        for name in order:
            if colors[name] == FAINT:
                axes.plot(frames[name]["value"], color=FAINT, lw=0.9, zorder=1)
            else:
                _band(axes, frames[name], colors[name], "-")
                last_row = frames[name].iloc[-1]
                mark_end(axes, last_row[column], last_row["value"], colors[name])
        scale_log(axes)
    legend_of_arms(figure, colors)
    panels[0].set_xlabel("updates")
    panels[1].set_xlabel("seconds of training")
    return figure


def _chosen(run: Run, table: pd.DataFrame) -> list[str]:
    """Arms that have rows in `table`, best first: the control and four others.

    These are those that are compared first, and then the best.
    """
    names = [name for name in run.best_first() if name in set(table["arm"])]
    control, primary = run.summary["control"], run.summary.get("primary", ())
    compared = {name for entry in primary for name in (entry["arm"], entry["reference"])}
    others = sorted(set(names) - {control}, key=lambda arm: (arm not in compared, names.index(arm)))
    others = others[: _MOST_ARMS - 1]
    return [name for name in names if name == control or name in others]


def _band(axes: Axes, mean: pd.DataFrame, color: str, style: str) -> None:
    """The mean over seeds, and a band from the lowest to the highest."""
    axes.grid(True)
    axes.fill_between(mean.index, mean["low"], mean["high"], color=color, alpha=0.15, lw=0)
    axes.plot(mean.index, mean["value"], style, color=color)


@styled
def by_number(run: Run, prefix: str, x: str, y: str) -> Figure | None:
    """A mean with its interval against the number in a metric's name, a line an arm.

    Args:
        run: With metrics whose names are `prefix` and a number.
        prefix: Such as "accuracy_at_".
        x: What is counted, in words.
        y: What is measured, in words.

    Returns:
        None where one number was tried.
    """
    metrics = [
        metric["name"] for metric in run.summary["metrics"] if metric["name"].startswith(prefix)
    ]
    numbers = sorted(int(name.removeprefix(prefix)) for name in metrics)
    arms = {name: arm for name, arm in run.summary["arms"].items() if arm["n"]}
    if len(numbers) < 2 or not arms:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    axes = figure.subplots()
    styles: dict[str, dict[str, Any]] = {}
    for name, arm in arms.items():
        color = COLORS.get(run.study["arms"][name]["kind"], MUTED)
        num_alike = sum(color == style["color"] for style in styles.values())
        style: dict[str, Any] = {"color": color, "ls": DASHES[num_alike % len(DASHES)]}
        entries = [(n, arm["metrics"].get(f"{prefix}{n}")) for n in numbers]
        means = [(n, entry) for n, entry in entries if entry and entry["mean"] is not None]
        if not means:
            continue
        styles[name] = style
        axes.plot(
            [n for n, _ in means], [entry["mean"] for _, entry in means], marker="o", ms=3, **style
        )
        for n, entry in means:
            if entry["ci95"]:
                axes.plot([n, n], entry["ci95"], color=color, lw=2, alpha=0.25)
    scale_log(axes)
    scale_shares(axes)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.grid(True)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend_above(figure, styles)
    return figure
