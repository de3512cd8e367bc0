"""The figures of every report but its curves: a function each, plain data in, no pyplot state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan_mnist.report.charts import forest_limits
from gan_mnist.report.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    VERMILLION,
    WIDTH_INCHES,
    make_square,
    name_rows,
    shorten_all,
    small_multiples,
    styled,
    wrapped,
)
from gan_mnist.study.answer.reasons import deciding_interval

VERDICT_MARKS = {"helps": "●", "hurts": "✕", "the same": "■", "cannot tell": "○", None: "◆"}
_VERDICT_COLORS = {
    "helps": BLUE,
    "hurts": VERMILLION,
    "the same": INK,
    "cannot tell": MUTED,
    None: INK,
}
_VERDICT_MARKERS = {"helps": "o", "hurts": "X", "the same": "s", "cannot tell": "o", None: "D"}
_GALLERY_COLUMNS = 14
_MOST_CLASSES_WITH_NUMBERS, _MOST_CLASSES_IN_SMALL_PANELS = 6, 16
_NAME_INCHES, _LETTER_INCHES = 0.13, 0.08


@styled
def forest(summary: Mapping[str, Any], order: Sequence[str], study: Mapping[str, Any]) -> Figure:
    """Every arm's mean with its interval, and beside it the paired difference to the control.

    Args:
        summary: As in `summary.json`.
        order: Names of arms, top row first. Arms without a value become a row that says so.
        study: As in `study.json`. Where some arms have its treatment, each row tells what its arm
            is for.

    An arm that is there to fail does not set the axes: beyond them it is an arrow and a number.
    """
    arms, control, oracle = summary["arms"], summary["control"], summary["oracle"]
    metric = summary["metrics"][0]
    figure = Figure(figsize=(WIDTH_INCHES, 1.1 + 0.36 * len(order)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))

    mean_limits, difference_limits = forest_limits(summary)
    left.set_xlim(mean_limits)
    right.set_xlim(difference_limits)

    kinds = {name: entry["kind"] for name, entry in study["arms"].items()}
    has_generated = "generated" in kinds.values()
    for row, name in enumerate(order):
        arm, kind = arms[name], kinds.get(name, "control")
        if has_generated and kind != "control":
            purpose = study["treatment"] if kind == "generated" else kind
            left.annotate(purpose, (0, row), (-9, -10), textcoords="offset points",
                          xycoords=left.get_yaxis_transform(), ha="right", va="center", size=7,
                          color=MUTED)  # fmt: skip
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
            _interval(right, row, arm["difference"], deciding_interval(arm), arm["verdict"])
        standing, transform = arm.get("standing"), right.get_yaxis_transform()
        for text, shift, size, color in (
            (f"{VERDICT_MARKS[arm['verdict']]} {verdict}", -4 if standing else 0, 8.5,
             _VERDICT_COLORS[arm["verdict"]]),
            (f"    {standing}" if standing else "", 5, 7, MUTED),
        ):  # fmt: skip
            right.annotate(text, (1.02, row), (0, -shift), textcoords="offset points",
                           xycoords=transform, va="center", size=size, color=color)  # fmt: skip

    reference_lines = (("control", control, INK, "-", 3), ("oracle", oracle, GREEN, "--", 13))
    for role, name, color, style, offset in reference_lines:
        if name in arms and arms[name]["n"]:
            mean = arms[name]["mean"]
            left.axvline(mean, color=color, ls=style, lw=0.9, alpha=0.7, zorder=0)
            left.annotate(name if name == role else f"{role}: {name}", (mean, 1), (0, offset),
                          textcoords="offset points", xycoords=left.get_xaxis_transform(),
                          ha="center", va="bottom", color=color, size=8)  # fmt: skip
    right.axvline(0, color=INK, lw=0.9, alpha=0.7, zorder=0)
    direction_note = "" if metric["higher_is_better"] else " (lower is better)"
    left.set_xlabel(wrapped(f"{metric['label']}{direction_note}"))
    right.set_xlabel(f"difference to {control}, paired by seed")
    name_rows(left, list(order))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(5))
    right.tick_params(axis="y", length=0)
    right.spines["left"].set_visible(False)
    right.grid(axis="x")
    return figure


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
    low, high = axes.get_xlim()
    if not low <= value <= high:
        end, marker, side = (low, "<", 1) if value < low else (high, ">", -1)
        axes.plot(end, row, marker, color=color, ms=6, clip_on=False)
        # Above the line, which an interval may draw through the end.
        axes.annotate(f"{value:.3g}", (end, row), (9 * side, 2), textcoords="offset points",
                      va="bottom", ha="left" if side > 0 else "right", color=color,
                      size=8)  # fmt: skip
        return
    face_color = "white" if verdict == "cannot tell" else color
    axes.plot(value, row, _VERDICT_MARKERS[verdict], color=color, mfc=face_color, ms=6.5, mew=1.4)


@styled
def gallery(
    rows: Mapping[str, np.ndarray],
    columns: int = _GALLERY_COLUMNS,
    width_inches: float = WIDTH_INCHES,
) -> Figure:
    """One row of images an arm.

    Args:
        rows: Images by arm, uint8 (n, height, width, 1 or 3) in [0, 255].
        columns: Images of each row that are shown at most.
        width_inches: Of the figure; in a narrower one its names are larger on a small screen.
    """
    height, width = (side + 2 for side in next(iter(rows.values())).shape[1:3])
    labels_inches = min(0.08 * max(map(len, rows)), width_inches / 2)
    cell_inches = (width_inches - 0.2 - labels_inches) / columns
    height_inches = 0.1 + cell_inches * len(rows) * height / width
    figure = Figure(figsize=(width_inches, height_inches), layout="compressed")
    axes = figure.subplots()
    for row, images in enumerate(rows.values()):
        strip = np.full((height, columns * width, 3), 255, np.uint8)
        for column, image in enumerate(images[:columns]):
            start = column * width
            strip[: height - 2, start : start + width - 2] = image
        extent = (0, strip.shape[1], (row + 1) * height, row * height)
        axes.imshow(strip, interpolation="nearest", extent=extent)
    axes.set_xlim(0, columns * width)
    axes.set_ylim(len(rows) * height, 0)
    axes.set_yticks([(row + 0.5) * height for row in range(len(rows))], list(rows))
    axes.tick_params(length=0, labelcolor=INK, labelsize=9)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return figure


@styled
def confusion(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Row-normalised confusion matrices, a panel an arm.

    Args:
        matrices: By arm, (classes, classes) shares in [0, 1]; row: truth, column: prediction.
        classes: Their names.
    """
    has_numbers = len(classes) <= _MOST_CLASSES_WITH_NUMBERS
    columns = 6 if has_numbers else 4 if len(classes) <= _MOST_CLASSES_IN_SMALL_PANELS else 2
    row_inches = WIDTH_INCHES / 2 if columns == 2 else None
    figure, panels = small_multiples(list(matrices), columns, row_inches)
    # As many names as a side has room for.
    side_inches = WIDTH_INCHES / max(2, min(columns, len(matrices))) - 1
    step = -(-len(classes) // int(side_inches / _NAME_INCHES))
    positions = range(0, len(classes), step)
    labels = shorten_all([classes[position] for position in positions])
    max_length = max(map(len, labels))
    if max_length > 1 and row_inches is None:
        figure.set_figheight(figure.get_figheight() + _LETTER_INCHES * max_length)
    for axes, matrix in zip(panels, matrices.values(), strict=True):
        axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(positions, labels, rotation=0 if max_length == 1 else 90)
        axes.set_yticks(positions, labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for (row, column), share in np.ndenumerate(matrix) if has_numbers else ():
            color = "white" if share > 0.55 else INK
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=color,
                      size=8)  # fmt: skip
    figure.supxlabel("prediction", size=8.5, color=MUTED)
    figure.supylabel("truth", size=8.5, color=MUTED)
    make_square(figure, panels)
    return figure


@styled
def cost(seconds: pd.DataFrame) -> Figure:
    """Mean seconds a trial, stacked.

    Args:
        seconds: Index: arm, top row first; columns: generator, training, evaluation. Those in
            which no arm spends time are left out.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.28 * len(seconds)), layout="constrained")
    axes = figure.subplots()
    cumulative = seconds.cumsum(axis="columns")
    colors = dict(zip(seconds, (ORANGE, BLUE, FAINT), strict=True))
    columns = [column for column in seconds if seconds[column].any()] or list(seconds)
    for column in columns:
        starts = cumulative[column] - seconds[column]
        axes.barh(range(len(seconds)), seconds[column], 0.62, starts, color=colors[column],
                  label=column)  # fmt: skip
    for row, total in enumerate(cumulative.iloc[:, -1]):
        axes.annotate(f"{total:,.1f}", (total, row), (4, 0), textcoords="offset points",
                      va="center", color=MUTED, size=8)  # fmt: skip
    axes.margins(x=0.08)
    name_rows(axes, list(seconds.index))
    axes.set_xlabel("seconds a trial, mean over seeds")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, handlelength=1)
    return figure
