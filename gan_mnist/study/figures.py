"""The figures of a report: one function each, one style, plain data in, no pyplot state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter

from gan_mnist.study.figure_style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    VERMILLION,
    WIDTH_INCHES,
    name_rows,
    small_multiples,
    styled,
)

VERDICT_MARKS = {"helps": "●", "hurts": "✕", "cannot tell": "○", None: "◆"}
_VERDICT_COLORS = {"helps": BLUE, "hurts": VERMILLION, "cannot tell": MUTED, None: INK}
_VERDICT_MARKERS = {"helps": "o", "hurts": "X", "cannot tell": "o", None: "D"}
_GALLERY_COLUMNS = 14
_MOST_CLASSES_WITH_NUMBERS = 6
_LONGEST_LABEL = 12


@styled
def forest(summary: Mapping[str, Any], order: Sequence[str]) -> Figure:
    """Every arm's mean with its interval, and beside it the paired difference to the control.

    Args:
        summary: As in `summary.json`.
        order: Names of arms, top row first. Arms without a value become a row that says so.
    """
    arms, control, oracle = summary["arms"], summary["control"], summary["oracle"]
    metric = summary["metrics"][0]
    figure = Figure(figsize=(WIDTH_INCHES, 1.1 + 0.36 * len(order)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))

    shown = [arm for arm in arms.values() if arm["n"]]
    points = [value for arm in shown for value in (*arm["values"].values(), arm["mean"])]
    _limit(left, points, [arm["ci95"] for arm in shown])
    differences = [arm["difference"] for arm in shown if arm["difference"] is not None]
    _limit(right, [0.0, *differences], [arm["difference_ci95"] for arm in shown])

    for row, name in enumerate(order):
        arm = arms[name]
        if not arm["n"]:
            reason = "not applicable" if name in summary["not_applicable"] else "no finished trial"
            left.text(0.03, row, reason, transform=left.get_yaxis_transform(), va="center",
                      color=MUTED, style="italic", size=8)  # fmt: skip
            continue
        values = list(arm["values"].values())
        left.plot(values, [row + 0.25] * len(values), "o", color=INK, alpha=0.22, ms=3.5, mew=0)
        _interval(left, row, arm["mean"], arm["ci95"], arm["verdict"])
        verdict = "control" if name == control else arm["verdict"] or "no verdict"
        if name != control and arm["difference"] is not None:
            _interval(right, row, arm["difference"], arm["difference_ci95"], arm["verdict"])
        right.text(1.02, row, f"{VERDICT_MARKS[arm['verdict']]} {verdict}", va="center", size=8.5,
                   transform=right.get_yaxis_transform(),
                   color=_VERDICT_COLORS[arm["verdict"]])  # fmt: skip

    lines = (("control", control, INK, "-", 3), ("oracle", oracle, GREEN, "--", 13))
    for role, name, color, style, offset in lines:
        if name in arms and arms[name]["n"]:
            mean = arms[name]["mean"]
            left.axvline(mean, color=color, ls=style, lw=0.9, alpha=0.7, zorder=0)
            left.annotate(name if name == role else f"{role}: {name}", (mean, 1), (0, offset),
                          textcoords="offset points", xycoords=left.get_xaxis_transform(),
                          ha="center", va="bottom", color=color, size=8)  # fmt: skip
    right.axvline(0, color=INK, lw=0.9, alpha=0.7, zorder=0)
    better = "" if metric["higher_is_better"] else " (lower is better)"
    left.set_xlabel(f"{metric['label']}{better}")
    right.set_xlabel(f"difference to {control}, paired by seed")
    name_rows(left, list(order))
    right.tick_params(axis="y", length=0)
    right.spines["left"].set_visible(False)
    right.grid(axis="x")
    return figure


def _limit(axes: Axes, points: Sequence[float], intervals: Sequence[Any]) -> None:
    """Fits the x axis to all points, and to intervals as long as they do not flatten the points."""
    low, high = min(points), max(points)
    span = (high - low) or abs(high) or 1.0
    ends = [end for interval in intervals if interval for end in interval] or [low]
    low = min(low, max(low - 0.6 * span, min(ends)))
    high = max(high, min(high + 0.6 * span, max(ends)))
    axes.set_xlim(low - 0.04 * span, high + 0.04 * span)


def _interval(axes: Axes, row: int, value: float, ci95: Any, verdict: str | None) -> None:
    """A mark with its interval; an end beyond the axis is an arrow."""
    color = _VERDICT_COLORS[verdict]
    if ci95:
        axes.plot(ci95, [row, row], color=color, lw=2.2, solid_capstyle="butt")
        low, high = axes.get_xlim()
        if ci95[0] < low:
            axes.plot(low, row, "<", color=color, ms=6, clip_on=False)
        if ci95[1] > high:
            axes.plot(high, row, ">", color=color, ms=6, clip_on=False)
    face = "white" if verdict == "cannot tell" else color
    axes.plot(value, row, _VERDICT_MARKERS[verdict], color=color, mfc=face, ms=6.5, mew=1.4)


@styled
def gallery(rows: Mapping[str, np.ndarray]) -> Figure:
    """One row of images an arm.

    Args:
        rows: Images by arm, uint8 (n, height, width, 1 or 3) in [0, 255].
    """
    height, width = (side + 2 for side in next(iter(rows.values())).shape[1:3])
    labels_inches = 0.08 * max(map(len, rows))
    cell_inches = (WIDTH_INCHES - 0.2 - labels_inches) / _GALLERY_COLUMNS
    height_inches = 0.1 + cell_inches * len(rows) * height / width
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="compressed")
    axes = figure.subplots()
    for row, images in enumerate(rows.values()):
        strip = np.full((height, _GALLERY_COLUMNS * width, 3), 255, np.uint8)
        for column, image in enumerate(images[:_GALLERY_COLUMNS]):
            start = column * width
            strip[: height - 2, start : start + width - 2] = image
        extent = (0, strip.shape[1], (row + 1) * height, row * height)
        axes.imshow(strip, interpolation="nearest", extent=extent)
    axes.set_xlim(0, _GALLERY_COLUMNS * width)
    axes.set_ylim(len(rows) * height, 0)
    axes.set_yticks([(row + 0.5) * height for row in range(len(rows))], list(rows))
    axes.tick_params(length=0, labelcolor=INK, labelsize=9)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return figure


@styled
def learning_curves(curves: pd.DataFrame, order: Sequence[str], control: str, label: str) -> Figure:
    """A validation metric against updates: a panel an arm, with the control in each.

    Args:
        curves: Columns arm, seed, update, value.
        order: Names of arms, first panel first; those without a curve are left out.
        control: Its mean is drawn dashed in every panel.
        label: The metric in words.
    """
    means = _over_seeds(curves)
    names = [name for name in order if name in means]
    figure, panels = small_multiples(names, most_columns=5, row_inches=1.5)
    for axes, name in zip(panels, names, strict=True):
        mean = means[name]
        color = INK if name == control else BLUE
        axes.grid(True)
        axes.margins(y=0.14)
        axes.fill_between(mean.index, mean["low"], mean["high"], color=color, alpha=0.18, lw=0)
        if control in means and name != control:
            axes.plot(means[control].index, means[control]["value"], "--", color=INK, lw=1)
        axes.plot(mean.index, mean["value"], color=color)
        last = mean["value"].iloc[-1]
        axes.annotate(f"{last:.3f}", (mean.index[-1], last), (0, 6), ha="right", color=color,
                      textcoords="offset points", size=8.5)  # fmt: skip
    figure.supxlabel("updates", size=8.5, color=MUTED)
    figure.supylabel(label, size=8.5, color=MUTED)
    return figure


@styled
def curves_against_seconds(
    curves: pd.DataFrame, highlighted: Mapping[str, str], label: str
) -> Figure:
    """The same metric against seconds from the start of the arm's generator.

    Args:
        curves: Columns arm, seed, update, seconds, value.
        highlighted: Colours of the few arms that are labelled; the others stay grey.
        label: The metric in words.
    """
    means = _over_seeds(curves)
    figure = Figure(figsize=(WIDTH_INCHES, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.grid(True)
    for mean in means.values():
        axes.plot(mean["seconds"], mean["value"], color=FAINT, lw=0.9, zorder=1)
    low, high = axes.get_ylim()
    height = low
    chosen = {name: means[name] for name in highlighted if name in means}
    for name, mean in sorted(chosen.items(), key=lambda item: item[1]["value"].iloc[-1]):
        color = highlighted[name]
        end, last = mean["seconds"].iloc[-1], mean["value"].iloc[-1]
        height = max(last, height + 0.06 * (high - low))
        axes.plot(mean["seconds"], mean["value"], color=color, zorder=3)
        axes.plot(end, last, "o", color=color, ms=4, zorder=3)
        axes.annotate(name, (end, height), (7, 0), textcoords="offset points", va="center",
                      color=color, annotation_clip=False, zorder=5,
                      path_effects=[withStroke(linewidth=3, foreground="white")])  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds on the clock, the generator's training included")
    axes.set_ylabel(label)
    return figure


def _over_seeds(curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By arm: mean value and seconds, smallest and largest value, indexed by update."""
    grouped = curves.groupby(["arm", "update"]).agg(
        value=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        seconds=("seconds", "mean"),
    )
    return {str(arm): frame.droplevel("arm") for arm, frame in grouped.groupby("arm")}


@styled
def generator_curves(curves: pd.DataFrame) -> Figure:
    """Losses and discriminator accuracies of every generator against its updates.

    Args:
        curves: Columns generator, update and any of d_loss, g_loss, real_accuracy, fake_accuracy.
    """
    titles = {
        "d_loss": "discriminator loss",
        "g_loss": "generator loss",
        "real_accuracy": "real called real",
        "fake_accuracy": "generated called generated",
    }
    columns = [column for column in titles if column in curves]
    figure = Figure(figsize=(WIDTH_INCHES, 2.3), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        axes.grid(True)
        for _, one in curves.groupby("generator"):
            axes.plot(one["update"], one[column], color=BLUE, alpha=0.4, lw=0.8)
        if column.endswith("accuracy"):
            axes.set_ylim(-0.03, 1.03)
            axes.axhline(0.5, color=INK, lw=0.9, ls=":")
        axes.set_title(titles[column])
        axes.set_xlabel("updates")
    return figure


@styled
def confusion(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Row-normalised confusion matrices, a panel an arm.

    Args:
        matrices: By arm, (classes, classes) shares in [0, 1]; row: truth, column: prediction.
        classes: Their names.
    """
    numbered = len(classes) <= _MOST_CLASSES_WITH_NUMBERS
    figure, panels = small_multiples(list(matrices), most_columns=6 if numbered else 4)
    short = [
        name if len(name) <= _LONGEST_LABEL else f"{name[:_LONGEST_LABEL]}…" for name in classes
    ]
    for axes, matrix in zip(panels, matrices.values(), strict=True):
        axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(classes)), short, rotation=0 if max(map(len, short)) == 1 else 90)
        axes.set_yticks(range(len(classes)), short)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for (row, column), share in np.ndenumerate(matrix) if numbered else ():
            color = "white" if share > 0.55 else INK
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=color,
                      size=8)  # fmt: skip
    figure.supxlabel("prediction", size=8.5, color=MUTED)
    figure.supylabel("truth", size=8.5, color=MUTED)
    return figure


@styled
def cost(seconds: pd.DataFrame) -> Figure:
    """Mean seconds a trial, stacked.

    Args:
        seconds: Index: arm, top row first; columns: generator, training, evaluation.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.28 * len(seconds)), layout="constrained")
    axes = figure.subplots()
    ends = seconds.cumsum(axis="columns")
    for column, color in zip(seconds, (ORANGE, BLUE, FAINT), strict=True):
        starts = ends[column] - seconds[column]
        axes.barh(range(len(seconds)), seconds[column], 0.62, starts, color=color, label=column)
    for row, total in enumerate(ends.iloc[:, -1]):
        axes.annotate(f"{total:,.1f}", (total, row), (4, 0), textcoords="offset points",
                      va="center", color=MUTED, size=8)  # fmt: skip
    axes.margins(x=0.08)
    name_rows(axes, list(seconds.index))
    axes.set_xlabel("seconds a trial, mean over seeds")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, handlelength=1)
    return figure
