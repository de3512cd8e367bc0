"""The figures of denoising: what an adversary gives and takes, images, and how far it carries."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from gan_mnist.study.figure_style import (
    BLUE,
    FAINT,
    GREEN,
    HALO,
    INK,
    MUTED,
    VERMILLION,
    WIDTH_INCHES,
    legend_above,
    scale_log,
    styled,
)
from gan_mnist.study.run_files import Run, read_arrays

_CURVE = {"name": "val_psnr_db", "label": "validation: PSNR in dB"}
_METRICS = ("psnr_db", "digit_accuracy", "feature_distance")
_VARIED = {
    "a": "a, scale of the truth",
    "b": "b, scale of the reference",
    "noise": "upper end of the noise",
}
# What an arm trains against, or that it does not learn: in words, its colour and its mark.
_GROUPS = {
    "none": ("no adversary", BLUE, "o"),
    "vanilla": ("vanilla adversary", VERMILLION, "^"),
    "conditional": ("conditional adversary", GREEN, "s"),
    "filter": ("not learned", MUTED, "D"),
    "black": ("not learned", MUTED, "D"),
}
# Of the largest distance: what stands for 0, which has no logarithm.
_LEAST_DISTANCE = 1e-5
_LEGEND_ROW_INCHES = 0.18
_PAIRS = 8
_MOST_ROWS_IN_A_BLOCK = 8
_LARGEST_CELL_INCHES = 0.62
_GRID_POINTS = 200


@styled
def perception_and_distortion(run: Run) -> Figure | None:
    """Digit accuracy (left) and feature distance (right) against PSNR, a numbered mark an arm.

    Marks are means over seeds, bars reach from the lowest seed to the highest. An arm that is far
    worse than most does not set the axes: it is a hollow mark at their edge.

    Source: Blau and Michaeli (2018), "The perception-distortion tradeoff", for the axes.
    """
    told = {arm: found for arm in run.best_first() if (found := _told(run, arm)) is not None}
    if not told:
        return None
    groups = {arm: _group(run, arm) for arm in told}
    # Sorting keeps the best of a group first.
    order = sorted(told, key=lambda arm: list(_GROUPS).index(groups[arm]))
    shown, beyond = _cut_off(np.stack([told[arm] for arm in order]))
    rows = len(order) + len(set(groups.values()))
    height = max(3.8, 0.5 + _LEGEND_ROW_INCHES * rows)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    *panels, names = figure.subplots(1, 3, width_ratios=(1, 1, 0.56))
    for axes, column in zip(panels, (1, 2), strict=True):
        axes.grid(True)
        axes.set_xlabel("PSNR in dB, higher is better")
        hollow = beyond[:, 0] | beyond[:, column]
        for arm, ends, is_hollow in zip(order, shown[:, :, [0, column]], hollow, strict=True):
            _mark(axes, ends, groups[arm], is_hollow)
        if hollow.any():
            axes.set_title("hollow: worse than drawn", size=8, color=MUTED)
    panels[0].set_ylabel("digit accuracy, higher is better")
    panels[1].set_ylabel("feature distance (logarithmic), lower is better")
    _scale_y_log(panels[1])
    _list_names(names, order, groups, run.summary["control"], height / _LEGEND_ROW_INCHES - 2)
    figure.draw_without_rendering()  # Only then is it known how far apart the marks are.
    colors = [_GROUPS[groups[arm]][1] for arm in order]
    for axes, column in zip(panels, (1, 2), strict=True):
        _number(axes, shown[:, 1, [0, column]], colors, figure.dpi)
    return figure


@styled
def sheets(run: Run) -> Figure | None:
    """Truths, references and inputs, and what each arm makes of them, best first.

    At the right end the mean PSNR over all test images and seeds. Of many arms the second half
    stands beside the first, below the same three rows.
    """
    found = _sheets(run)
    if not found:
        return None
    control = run.summary["control"]
    given = found.get(control, next(iter(found.values())))
    blocks = 1 if len(found) <= _MOST_ROWS_IN_A_BLOCK else 2
    length = -(-len(found) // blocks)
    columns, height, width = given["outputs"][:_PAIRS].shape[:3]
    labels_inches = 0.55 + 0.075 * max(len(_label(arm, control)) for arm in found)
    cell_inches = min(_LARGEST_CELL_INCHES, (WIDTH_INCHES / blocks - labels_inches) / columns)
    row_inches = cell_inches * height / width
    figure = Figure(figsize=(WIDTH_INCHES, 0.2 + (3 + length) * row_inches), layout="constrained")
    for block, axes in enumerate(figure.subplots(1, blocks, squeeze=False)[0]):
        arms = list(found)[block * length : (block + 1) * length]
        rows = [given["truths"], given["refs"], given["inputs"]]
        _show(axes, np.stack([row[:_PAIRS] for row in rows + [found[a]["outputs"] for a in arms]]))
        axes.set_ylim(3 + length, 0)
        names = ["truth", "reference", "input", *(_label(arm, control) for arm in arms)]
        axes.set_yticks(np.arange(len(names)) + 0.5, names)
        colors = [MUTED] * 3 + [_GROUPS[_group(run, arm)][1] for arm in arms]
        for text, color, arm in zip(axes.get_yticklabels(), colors, [""] * 3 + arms, strict=True):
            text.set(color=color, weight="bold" if arm == control else "normal")
        axes.text(columns + 0.1, 2.5, "PSNR\nin dB", va="center", size=7.5, color=MUTED)
        for row, arm in enumerate(arms):
            psnr_db = np.mean([trial.record["metrics"]["psnr_db"] for trial in run.of(arm)])
            axes.text(columns + 0.1, row + 3.5, f"{psnr_db:.2f}", va="center", size=8.5)
    return figure


@styled
def beyond_training(run: Run) -> Figure | None:
    """PSNR where scales and noise leave what was trained on, which is shaded; a panel each.

    Lines are means over seeds, bands reach from the lowest to the highest.
    """
    table = run.table("sweep.csv", "varied", "value", "psnr_db")
    lines = _lines(run, table, ("best",))
    if not lines:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.0), layout="constrained")
    panels = figure.subplots(1, len(_VARIED), sharey=True)
    for axes, (varied, label) in zip(panels, _VARIED.items(), strict=True):
        low, high = run.study["settings"][varied]
        # The noise of every image that was trained on had the same upper end.
        low = high if varied == "noise" else low
        axes.axvspan(low, high, facecolor=FAINT, edgecolor="none", alpha=0.35, zorder=0)
        for end in (low, high):
            axes.axvline(end, color=MUTED, lw=1, ls="--", zorder=1.8)
        axes.annotate("trained", (high, 1), (-3, -3), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="right", va="top", size=7.5, color=MUTED,
                      path_effects=HALO)  # fmt: skip
        axes.grid(True)
        axes.set_xlabel(label)
        for arm, look in lines.values():
            _band(axes, table[(table["arm"] == arm) & (table["varied"] == varied)], look)
    panels[0].set_ylabel("PSNR in dB")
    legend_above(figure, {name: look for name, (_, look) in lines.items()})
    return figure


@styled
def against_seconds(run: Run) -> Figure | None:
    """Validation PSNR against seconds: the control, and with each adversary the best and the worst.

    Means over the seeds of an arm, up to the end of its shortest trial.
    """
    curves, label = dataclasses.replace(run, study={**run.study, "curve": _CURVE}).curves()
    curves = curves[curves["seconds"] > 0]
    lines = _lines(run, curves, ("best", "worst"))
    if not lines:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.grid(True)
    for arm, look in lines.values():
        seconds, values = _mean_over_seconds(curves[curves["arm"] == arm])
        axes.plot(seconds, values, **look)
        axes.plot(seconds[-1], values[-1], "o", color=look["color"], ms=4)
    scale_log(axes)
    axes.set_xlabel("seconds of training")
    axes.set_ylabel(label)
    legend_above(figure, {name: look for name, (_, look) in lines.items()})
    return figure


def _short(arm: str) -> str:
    """The arm's name without what many of them share."""
    return arm.removeprefix("resConvNet_").replace("_", " ")


def _label(arm: str, control: str) -> str:
    return f"{_short(arm)} (control)" if arm == control else _short(arm)


def _group(run: Run, arm: str) -> str:
    settings = {**run.study["settings"], **run.study["arms"][arm]["changes"]}
    return settings["adversary" if settings["method"] == "network" else "method"]


def _lines(
    run: Run, table: pd.DataFrame, parts: Sequence[str]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The control and of the other arms the `parts` ("best", "worst") of each group.

    Args:
        run: Tells how good an arm is.
        table: With a column `arm`; what it does not hold is not there to choose from.
        parts: A group of one has only the first of them.

    Returns:
        By what a legend calls it: the arm, and what its line looks like.
    """
    control = run.summary["control"]
    known = [arm for arm in run.best_first() if arm in set(table["arm"])]
    lines: dict[str, tuple[str, dict[str, Any]]] = {}
    if control in known:
        lines[f"control: {_short(control)}"] = (control, {"color": INK, "ls": "-"})
    for group, (words, color, _) in _GROUPS.items():
        arms = [arm for arm in known if arm != control and _group(run, arm) == group]
        # A black image is there to be below all others, not to be compared with.
        ends = arms[:1] + arms[1:][-1:] if group != "black" else []
        for part, arm, style in zip(parts, ends, ("-", "--"), strict=False):
            lines[f"{part}, {words}: {_short(arm)}"] = (arm, {"color": color, "ls": style})
    return lines


def _told(run: Run, arm: str) -> np.ndarray | None:
    """Rows lowest, mean and highest over seeds; columns as `_METRICS`; None without values.

    Trials that lack one of the metrics are left out.
    """
    metrics = [trial.record["metrics"] for trial in run.of(arm)]
    values = np.array([[told.get(name) for name in _METRICS] for told in metrics], float)
    values = values.reshape(-1, len(_METRICS))
    values = values[np.isfinite(values).all(axis=1)]
    return np.stack([values.min(0), values.mean(0), values.max(0)]) if len(values) else None


def _cut_off(told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brings what is far worse than most to where the axes end.

    They end as far beyond the lower quartile of the arms as the best arm is on its other side: the
    worst quarter gets at most half of an axis, which a single collapse would have to itself.

    Args:
        told: (arms, 3, 3), of each arm the rows of `_told`.

    Returns:
        The same, cut off; and (arms, 3) whether a mean was.
    """
    goodness = told.copy()
    distances = told[:, :, 2]
    least = _LEAST_DISTANCE * distances.max()
    goodness[:, :, 2] = -np.log(np.maximum(distances, least if least > 0 else _LEAST_DISTANCE))
    low, best = np.quantile(goodness[:, 1], (0.25, 1), axis=0)
    # Where most are equal, there is no telling what is far.
    shown = np.maximum(goodness, np.where(best > low, 2 * low - best, -np.inf))
    beyond = (shown != goodness)[:, 1]
    shown[:, :, 2] = np.exp(-shown[:, :, 2])
    return shown, beyond


def _mark(axes: Axes, ends: np.ndarray, group: str, is_hollow: bool) -> None:
    """A mark with its bars; `ends` are lowest, mean and highest, of x and of y: (3, 2)."""
    _, color, marker = _GROUPS[group]
    (low_x, low_y), (x, y), (high_x, high_y) = ends
    axes.plot([low_x, high_x], [y, y], color=color, lw=0.9, alpha=0.5)
    axes.plot([x, x], [low_y, high_y], color=color, lw=0.9, alpha=0.5)
    face, edge, width = ("white", color, 1.2) if is_hollow else (color, "white", 0.6)
    axes.plot(x, y, marker, mfc=face, mec=edge, mew=width, ms=5.5, zorder=3)


def _scale_y_log(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axes.yaxis.set_major_formatter("{x:,.9g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _list_names(
    axes: Axes, order: Sequence[str], groups: Mapping[str, str], control: str, least_rows: float
) -> None:
    """The names behind the numbers, a heading above each group; there is room for `least_rows`."""
    axes.set_axis_off()
    row, above = 0.5, ""
    for number, arm in enumerate(order, start=1):
        words, color, marker = _GROUPS[groups[arm]]
        if words != above:
            axes.plot(0.04, row, marker, color=color, ms=5.5, clip_on=False)
            axes.text(0.12, row, words, va="center", size=8.5, weight="bold", color=color)
            row, above = row + 1, words
        axes.text(0.09, row, str(number), ha="right", va="center", size=8, color=color)
        axes.text(0.12, row, _label(arm, control), va="center", size=8,
                  weight="bold" if arm == control else "normal")  # fmt: skip
        row += 1
    axes.set_xlim(0, 1)
    axes.set_ylim(max(row, least_rows), 0)


def _number(axes: Axes, points: np.ndarray, colors: Sequence[str], dpi: float) -> None:
    """Numbers `points` (n, 2) from 1 on; a line leads to a number that had to stand apart."""
    to_points = 72 / dpi
    marks = axes.transData.transform(points) * to_points
    (left, bottom), (right, top) = axes.get_window_extent().get_points() * to_points
    places = _places(marks, np.array([left, bottom]), np.array([right, top]))
    for index, (mark, place) in enumerate(zip(marks, places, strict=True)):
        away = place - mark
        line = {"arrowstyle": "-", "color": colors[index], "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        axes.annotate(
            str(index + 1), points[index], away, textcoords="offset points", ha="center",
            va="center", size=7.5, color=colors[index], path_effects=HALO, zorder=5,
            arrowprops=line if np.hypot(*away) > 10 else None,
        )  # fmt: skip


def _places(marks: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where to write the numbers of `marks`: near, but clear of the marks and of each other.

    Args:
        marks: (n, 2), in points, which are 1/72 inch.
        low: (2,), the lower left corner of what there is room for, in points.
        high: (2,), the upper right one.

    Returns:
        (n, 2), in points: the middles of the numbers.
    """
    number, mark_size = np.array([12.0, 9.0]), np.array([6.0, 6.0])
    radii, angles = np.meshgrid([9, 13, 18, 24, 31, 39], np.linspace(0, 2 * np.pi, 24, False))
    around = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=-1).reshape(-1, 2)
    places = np.empty((0, 2))
    for mark in marks:
        tried = mark + around
        on_marks = (np.abs(tried[:, None] - marks) < (number + mark_size) / 2).all(-1).sum(-1)
        on_numbers = (np.abs(tried[:, None] - places) < number).all(-1).sum(-1)
        outside = ((tried < low + number / 2) | (tried > high - number / 2)).any(-1)
        # A clash counts more than any distance.
        cost = radii.ravel() + 100 * (on_marks + on_numbers + outside)
        places = np.vstack([places, tried[cost.argmin()]])
    return places


def _sheets(run: Run) -> dict[str, dict[str, np.ndarray]]:
    """By arm, best first, the first sheet of the same inputs as all the others."""
    found: dict[str, dict[str, np.ndarray]] = {}
    shared = None
    for arm in run.best_first():
        for trial in run.of(arm):
            path = trial.directory / "sheet.npz"
            sheet = read_arrays(path, "truths", "refs", "inputs", "outputs")
            if sheet is None or not len(sheet["outputs"]):
                continue
            shared = sheet["inputs"] if shared is None else shared
            if np.array_equal(sheet["inputs"], shared):
                found[arm] = sheet
                break
    return found


def _show(axes: Axes, images: np.ndarray) -> None:
    """Images (rows, columns, H, W, C), one unit wide and high each, a white line between them."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows, height + 1, columns, width + 1, 3), 255, np.uint8)
    sheet[:, :height, :, :width] = images.transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), 3)
    axes.imshow(sheet, interpolation="nearest", extent=(0, columns, rows, 0), aspect=height / width)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=8.5)
    axes.spines[:].set_visible(False)


def _band(axes: Axes, sweep: pd.DataFrame, look: Mapping[str, Any]) -> None:
    """The mean over seeds, and a band from the lowest to the highest."""
    over = sweep.groupby("value")["psnr_db"].agg(["mean", "min", "max"])
    axes.fill_between(over.index, over["min"], over["max"], color=look["color"], alpha=0.15, lw=0)
    axes.plot(over.index, over["mean"], **look, marker="o", ms=3)


def _mean_over_seconds(curves: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and the mean of the seeds' values at them: from the last start to the first end."""
    seeds = [seed.sort_values("seconds") for _, seed in curves.groupby("seed")]
    last = min(seed["seconds"].iloc[-1] for seed in seeds)
    # Trials of a single point do not overlap.
    first = min(last, max(seed["seconds"].iloc[0] for seed in seeds))
    seconds = np.linspace(first, last, _GRID_POINTS)
    values = [np.interp(seconds, seed["seconds"], seed["value"]) for seed in seeds]
    return seconds, np.mean(values, axis=0)
