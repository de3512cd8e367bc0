"""Perception against distortion: every arm as a numbered mark, with its name at the side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWNBASE, CARETLEFTBASE, CARETUPBASE
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from gan_mnist.report.run_files import Run
from gan_mnist.report.style import HALO, MUTED, WIDTH_INCHES, styled

from .drawings import GROUPS, group_of, label_of

_METRICS = ("psnr_db", "digit_accuracy", "feature_distance")
# The axes of an arm's statistics: what is told of all seeds, of each of `_METRICS`.
_LOWEST, _MEAN, _HIGHEST = range(3)
_PSNR, _ACCURACY, _DISTANCE = range(3)
_LEGEND_ROW_INCHES = 0.18


@styled
def perception_and_distortion(run: Run) -> Figure | None:
    """Digit accuracy (left) and feature distance (right) against PSNR, a numbered mark an arm.

    Each seed measures the distance in the features of another classifier, so it is in multiples of
    the control's; where one is not above 0, as an estimate may be, the axis is not logarithmic.
    Marks are means over seeds, bars reach from the lowest seed to the highest. What is far worse
    than most does not set the axes: an arm is a hollow mark at their edge, a bar ends in an arrow.

    Source: Blau and Michaeli (2018), "The perception-distortion tradeoff", for the axes.
    """
    control = run.summary["control"]
    units = _control_distances(run, control)
    stats_by_arm = {
        arm: arm_stats
        for arm in run.best_first()
        if (arm_stats := _arm_statistics(run, arm, units)) is not None
    }
    if not stats_by_arm:
        return None
    groups = {arm: group_of(run, arm) for arm in stats_by_arm}
    # Sorting keeps the best of a group first.
    arms = sorted(stats_by_arm, key=lambda arm: list(GROUPS).index(groups[arm]))
    stats = np.stack([stats_by_arm[arm] for arm in arms])
    is_log = bool((stats[:, :, _DISTANCE] > 0).all())
    clipped, is_clipped = _cut_off(stats, is_log)
    rows = len(arms) + len(set(groups.values()))
    height = max(3.8, 0.5 + _LEGEND_ROW_INCHES * rows)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    *panels, names_axes = figure.subplots(1, 3, width_ratios=(1, 1, 0.56))
    for axes, column in zip(panels, (_ACCURACY, _DISTANCE), strict=True):
        axes.grid(True)
        axes.set_xlabel("PSNR in dB, higher is better")
        for index, arm in enumerate(arms):
            x_and_y = np.s_[:, [_PSNR, column]]
            _mark(axes, clipped[index][x_and_y], groups[arm], is_clipped[index][x_and_y])
        if is_clipped[:, _MEAN, [_PSNR, column]].any():
            axes.set_title("hollow: worse than drawn", size=8, color=MUTED)
    panels[0].set_ylabel("digit accuracy, higher is better")
    unit = "multiples of the control's" if units else "logarithmic" if is_log else "linear"
    panels[1].set_ylabel(f"feature distance, lower is better\n({unit})")
    if is_log:
        _scale_y_log(panels[1])
    _list_names(names_axes, arms, groups, control, height / _LEGEND_ROW_INCHES - 2)
    figure.draw_without_rendering()  # Only then is it known how far apart the marks are.
    colors = [GROUPS[groups[arm]][1] for arm in arms]
    for axes, column in zip(panels, (_ACCURACY, _DISTANCE), strict=True):
        _number(axes, clipped[:, _MEAN, [_PSNR, column]], colors, figure.dpi)
    return figure


def _control_distances(run: Run, control: str) -> dict[int, float]:
    """The control's feature distance by seed; none unless all are above 0."""
    distances = {
        trial.record["seed"]: trial.record["metrics"].get(_METRICS[_DISTANCE], 0.0)
        for trial in run.trials_of(control)
    }
    return distances if min(distances.values(), default=0.0) > 0 else {}


def _arm_statistics(run: Run, arm: str, units: Mapping[int, float]) -> np.ndarray | None:
    """Rows lowest, mean and highest over seeds; columns as `_METRICS`; None without values.

    Trials that lack one of the metrics are left out, as are those of seeds without a unit that
    distances are divided by; without any units distances stay as they are.
    """
    trials = run.trials_of(arm)
    metrics = [trial.record["metrics"] for trial in trials]
    values = np.array([[row.get(name) for name in _METRICS] for row in metrics], float)
    values = values.reshape(-1, len(_METRICS))
    if units:
        values[:, _DISTANCE] /= [units.get(trial.record["seed"], np.nan) for trial in trials]
    values = values[np.isfinite(values).all(axis=1)]
    return np.stack([values.min(0), values.mean(0), values.max(0)]) if len(values) else None


def _cut_off(stats: np.ndarray, is_log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Clips what is far worse than most to the ends of the axes.

    They end as far beyond the lower quartile of the arms as the best arm is on its other side: the
    worst quarter gets at most half of an axis, which a single collapse would have to itself.

    Args:
        stats: (arms, 3, 3), `_arm_statistics` of each arm.
        is_log: Whether the axis of distances, which are above 0 then, is logarithmic.

    Returns:
        The clipped values; and bool of the same shape, which of them were clipped.
    """
    goodness = stats.copy()
    distances = stats[:, :, _DISTANCE]
    goodness[:, :, _DISTANCE] = -(np.log(distances) if is_log else distances)
    low, best = np.quantile(goodness[:, _MEAN], (0.25, 1), axis=0)
    # Where most are equal, there is no telling what is far.
    clipped = np.maximum(goodness, np.where(best > low, 2 * low - best, -np.inf))
    is_clipped = clipped != goodness
    clipped_distances = -clipped[:, :, _DISTANCE]
    clipped[:, :, _DISTANCE] = np.exp(clipped_distances) if is_log else clipped_distances
    return clipped, is_clipped


def _mark(axes: Axes, points: np.ndarray, group: str, is_clipped: np.ndarray) -> None:
    """Draws a mark with its bars.

    Args:
        axes: Where it is drawn.
        points: Lowest, mean and highest, of x and of y: (3, 2).
        group: The arm's key in `GROUPS`.
        is_clipped: Which of these are worse than drawn, (3, 2).
    """
    _, color, marker = GROUPS[group]
    (low_x, low_y), (x, y), (high_x, high_y) = points
    axes.plot([low_x, high_x], [y, y], color=color, lw=0.9, alpha=0.5)
    axes.plot([x, x], [low_y, high_y], color=color, lw=0.9, alpha=0.5)
    is_x_clipped, is_y_clipped = is_clipped[:, 0], is_clipped[:, 1]
    for row, end_y, caret in ((_LOWEST, low_y, CARETDOWNBASE), (_HIGHEST, high_y, CARETUPBASE)):
        if is_y_clipped[row] and not is_y_clipped[_MEAN]:
            axes.plot(x, end_y, marker=caret, color=color, alpha=0.5, ms=4.5)
    if is_x_clipped[_LOWEST] and not is_x_clipped[_MEAN]:
        axes.plot(low_x, y, marker=CARETLEFTBASE, color=color, alpha=0.5, ms=4.5)
    is_hollow = is_clipped[_MEAN].any()
    face, edge, width = ("white", color, 1.2) if is_hollow else (color, "white", 0.6)
    axes.plot(x, y, marker, mfc=face, mec=edge, mew=width, ms=5.5, zorder=3)


def _scale_y_log(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 3 * low:  # So short a piece of it is nearly linear.
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        subs = (1, 2, 3, 5, 7) if high < 20 * low else (1, 2, 5) if high < 300 * low else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter("{x:,.9g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _list_names(
    axes: Axes, arms: Sequence[str], groups: Mapping[str, str], control: str, min_rows: float
) -> None:
    """The names behind the numbers, a heading above each group; there is room for `min_rows`."""
    axes.set_axis_off()
    row, heading = 0.5, ""
    for number, arm in enumerate(arms, start=1):
        words, color, marker = GROUPS[groups[arm]]
        if words != heading:
            axes.plot(0.04, row, marker, color=color, ms=5.5, clip_on=False)
            axes.text(0.12, row, words, va="center", size=8.5, weight="bold", color=color)
            row, heading = row + 1, words
        axes.text(0.09, row, str(number), ha="right", va="center", size=8, color=color)
        axes.text(0.12, row, label_of(arm, control), va="center", size=8,
                  weight="bold" if arm == control else "normal")  # fmt: skip
        row += 1
    axes.set_xlim(0, 1)
    axes.set_ylim(max(row, min_rows), 0)


def _number(axes: Axes, points: np.ndarray, colors: Sequence[str], dpi: float) -> None:
    """Numbers `points` (n, 2) from 1 on; a line leads to a number that had to stand apart."""
    to_points = 72 / dpi
    marks = axes.transData.transform(points) * to_points
    (left, bottom), (right, top) = axes.get_window_extent().get_points() * to_points
    positions = _places(marks, np.array([left, bottom]), np.array([right, top]))
    for index, (mark, position) in enumerate(zip(marks, positions, strict=True)):
        offset = position - mark
        line = {"arrowstyle": "-", "color": colors[index], "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        axes.annotate(
            str(index + 1), points[index], offset, textcoords="offset points", ha="center",
            va="center", size=7.5, color=colors[index], path_effects=HALO, zorder=5,
            arrowprops=line if np.hypot(*offset) > 10 else None,
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
    number_size, mark_size = np.array([12.0, 9.0]), np.array([6.0, 6.0])
    radii, angles = np.meshgrid([9, 13, 18, 24, 31, 39], np.linspace(0, 2 * np.pi, 24, False))
    offsets = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=-1).reshape(-1, 2)
    positions = np.empty((0, 2))
    for mark in marks:
        candidates = mark + offsets
        mark_clashes = (
            (np.abs(candidates[:, None] - marks) < (number_size + mark_size) / 2).all(-1).sum(-1)
        )
        number_clashes = (np.abs(candidates[:, None] - positions) < number_size).all(-1).sum(-1)
        is_outside = (
            (candidates < low + number_size / 2) | (candidates > high - number_size / 2)
        ).any(-1)
        # A clash counts more than any distance.
        cost = radii.ravel() + 100 * (mark_clashes + number_clashes + is_outside)
        positions = np.vstack([positions, candidates[cost.argmin()]])
    return positions
