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
    columns = [f"{part}{name}" for name in quantities for part in ("", "val_")]
    curves = run.table("curves.csv", "update", "seconds", *columns)
    names = _chosen(run, curves)
    if not names:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.6), layout="constrained")
    grid = figure.subplots(2, len(names), sharex=True, sharey="row", squeeze=False)
    for row, quantity in zip(grid, quantities, strict=True):
        row[0].set_ylabel(quantity)
        for part, style in (("", "--"), ("val_", "-")):
            means = over_seeds(curves.rename(columns={f"{part}{quantity}": "value"}))
            for axes, name in zip(row, names, strict=True):
                color = INK if name == run.summary["control"] else BLUE
                _band(axes, means[name], color, style)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(name)
    styles = {"training": "--", "validation": "-"}
    legend_above(figure, {part: {"color": INK, "ls": style} for part, style in styles.items()})
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
    seen = set(curves["class"])
    listed = [name for name in run.study["dataset"]["counts"] if name in seen]
    classes = (listed + sorted(seen.difference(listed)))[:_MOST_CLASSES]
    if not classes:
        return None
    order = _chosen(run, curves)
    colors = color_arms(order, run.summary["control"])
    rates = curves["false_positive_rate"]
    grid = np.geomspace(max(1e-4, rates[rates > 0].min() / 2), 1, 200)
    named = [shorten(name) for name in classes]
    figure, panels = small_multiples(named, most_columns=5, row_inches=1.9)
    for axes, name in zip(panels, classes, strict=True):
        axes.grid(True)
        for place, arm in enumerate(reversed(order)):
            of_arm = curves[(curves["class"] == name) & (curves["arm"] == arm)]
            if of_arm.empty:
                continue
            seeds = [one[list(columns[1:])].to_numpy().T for _, one in of_arm.groupby("seed")]
            values = np.array([np.interp(grid, *curve) for curve in seeds])
            axes.fill_between(
                grid, values.min(0), values.max(0), color=colors[arm], alpha=0.12, lw=0
            )
            axes.plot(grid, values.mean(0), color=colors[arm], lw=1.3)
            metrics = [trial.record["metrics"] for trial in run.of(arm)]
            recorded = [found[f"auc_{name}"] for found in metrics if f"auc_{name}" in found]
            area = np.mean(recorded or [trapezoid(hits, false) for false, hits in seeds])
            axes.text(0.97, 0.05 + 0.1 * place, f"{area:.4f}", transform=axes.transAxes,
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
    shown = {}
    for name in (run.summary["control"], run.treatment):
        for trial in run.of(name)[:1]:
            path = trial.directory / "shown.npz"
            if (found := read_labelled(path, "label", "prediction", "probability")) is not None:
                shown[trial.arm] = {key: rows[:_PICTURES] for key, rows in found.items()}
    if not shown:
        return None
    rows = {name: -(-len(found["images"]) // _PICTURES_A_ROW) for name, found in shown.items()}
    titled = {name: _titles(found) for name, found in shown.items()}
    lines = 1 + max("\n" in title for titles in titled.values() for title in titles)
    height, width = next(iter(shown.values()))["images"].shape[1:3]
    cell_inches = WIDTH_INCHES / _PICTURES_A_ROW * height / width * 0.9 + 0.1 + 0.15 * lines
    figure = Figure(
        figsize=(WIDTH_INCHES, sum(0.3 + cell_inches * number for number in rows.values())),
        layout="constrained",
    )
    parts = figure.subfigures(len(shown), 1, height_ratios=list(rows.values()), squeeze=False)
    for (part,), (name, found) in zip(parts, shown.items(), strict=True):
        part.suptitle(name, x=0.01, ha="left", size=10, weight="bold")
        for axes in part.subplots(rows[name], _PICTURES_A_ROW, squeeze=False).flat:
            axes.set_axis_off()
        wrong = found["label"] != found["prediction"]
        for axes, image, title, bad in zip(
            part.axes, found["images"], titled[name], wrong, strict=False
        ):
            axes.imshow(np.broadcast_to(image, (*image.shape[:2], 3)), interpolation="nearest")
            axes.set_title(title, size=8, loc="center", color=VERMILLION if bad else INK)
    return figure


def _titles(shown: dict[str, np.ndarray]) -> list[str]:
    """One a picture, all on one line if there is room for them, else all on two."""
    rows = [
        (f"{shorten(str(label))}:", f"{shorten(str(called))} {probability:.2f}{wrong}")
        for label, called, probability, wrong in zip(
            shown["label"],
            shown["prediction"],
            shown["probability"],
            np.where(shown["label"] == shown["prediction"], "", " ✕"),
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
        lines = {name: means[name].reset_index().set_index(column, drop=False) for name in order}
        for name in order:
            if colors[name] == FAINT:
                axes.plot(lines[name]["value"], color=FAINT, lw=0.9, zorder=1)
            else:
                _band(axes, lines[name], colors[name], "-")
                last = lines[name].iloc[-1]
                mark_end(axes, last[column], last["value"], colors[name])
        scale_log(axes)
    legend_of_arms(figure, colors)
    panels[0].set_xlabel("updates")
    panels[1].set_xlabel("seconds of training")
    return figure


def _chosen(run: Run, table: pd.DataFrame) -> list[str]:
    """Arms that have rows in `table`, best first: the control and four others.

    These are those that are compared first, and then the best.
    """
    known = [name for name in run.best_first() if name in set(table["arm"])]
    control, primary = run.summary["control"], run.summary.get("primary", ())
    first = {name for told in primary for name in (told["arm"], told["reference"])}
    others = sorted(set(known) - {control}, key=lambda x: (x not in first, known.index(x)))
    others = others[: _MOST_ARMS - 1]
    return [name for name in known if name == control or name in others]


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
    metrics = [m["name"] for m in run.summary["metrics"] if m["name"].startswith(prefix)]
    numbers = sorted(int(name.removeprefix(prefix)) for name in metrics)
    arms = {name: arm for name, arm in run.summary["arms"].items() if arm["n"]}
    if len(numbers) < 2 or not arms:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    axes = figure.subplots()
    styles: dict[str, dict[str, Any]] = {}
    for name, arm in arms.items():
        color = COLORS.get(run.study["arms"][name]["kind"], MUTED)
        like = sum(color == style["color"] for style in styles.values())
        style: dict[str, Any] = {"color": color, "ls": DASHES[like % len(DASHES)]}
        found = [(n, arm["metrics"].get(f"{prefix}{n}")) for n in numbers]
        drawn = [(n, value) for n, value in found if value and value["mean"] is not None]
        if not drawn:
            continue
        styles[name] = style
        axes.plot(
            [n for n, _ in drawn], [value["mean"] for _, value in drawn], marker="o", ms=3, **style
        )
        for n, value in drawn:
            if value["ci95"]:
                axes.plot([n, n], value["ci95"], color=color, lw=2, alpha=0.25)
    scale_log(axes)
    scale_shares(axes)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.grid(True)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend_above(figure, styles)
    return figure
