"""The figure of the scaling laws."""

from collections.abc import Mapping

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture
from gan_mnist.report.style import (
    WIDTH_INCHES,
    add_tooltip,
    color_arms,
    legend_above,
    styled,
    tooltip,
)

from .findings import PREFIX


@styled
def scaling(run: Run) -> Figure | None:
    """Accuracy (left) and error (right) against the number of training images, all arms.

    Dots are seeds, lines their means; dashed: the straight fits of `findings`.
    """
    curves = {name: _accuracies(run, name) for name in run.summary["arms"]}
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        return None
    colors = color_arms(list(curves), run.summary["control"])
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, (name, curve) in enumerate(curves.items()):
        sizes = np.array(list(curve), float)
        fits = run.summary["findings"]["arms"].get(name, {})
        errors = [1 - values for values in curve.values()]
        # Dots of several arms stand side by side.
        shifted_sizes = sizes * 2 ** (0.12 * (index - (len(curves) - 1) / 2))
        for axes, values in ((left, list(curve.values())), (right, errors)):
            for size, x, dots in zip(curve, shifted_sizes, values, strict=True):
                points = axes.plot(
                    np.full(len(dots), x), dots, "o", color=colors[name], alpha=0.35, ms=2.5
                )
                add_tooltip(points, [tooltip(f"{name}, {size:,} images", dot) for dot in dots])
            axes.plot(sizes, [dots.mean() for dots in values], color=colors[name])
        _fit(left, sizes, fits.get("accuracy"), colors[name])
        _fit(right, sizes, fits.get("error"), colors[name], base=2)
    for axes, label in ((left, "test accuracy"), (right, "test error")):
        axes.grid(True)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylabel(label)
    # A fitted line may promise more than all.
    left.set_ylim(top=min(1.01, left.get_ylim()[1]))
    # Of few test images no arm may make an error, and 0 has no logarithm.
    if any(values.min() < 1 for curve in curves.values() for values in curve.values()):
        right.set_yscale("log")
        right.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        right.yaxis.set_major_formatter("{x:.3g}")
        right.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    figure.supxlabel("training images", size=8.5)
    legend_above(figure, {name: {"color": color} for name, color in colors.items()})
    return figure


def _accuracies(run: Run, arm: str) -> Mapping[int, np.ndarray]:
    """Accuracies of the seeds by size, ascending."""
    values_by_size: dict[int, list[float]] = {}
    for trial in run.trials_of(arm):
        for name, value in trial.record["metrics"].items():
            if name.startswith(PREFIX):
                values_by_size.setdefault(int(name.removeprefix(PREFIX)), []).append(value)
    return {size: np.array(values) for size, values in sorted(values_by_size.items())}


def _fit(
    axes: Axes, sizes: np.ndarray, line: Mapping | None, color: str, base: float | None = None
) -> None:
    """The straight line in log2 of `sizes`; `base` to its power on a logarithmic axis."""
    if line is None:
        return
    end_sizes = sizes[[0, -1]]
    heights = line["intercept"] + line["slope"]["mean"] * np.log2(end_sizes)
    axes.plot(end_sizes, heights if base is None else base**heights, "--", color=color, lw=1)


PICTURES = (
    Picture(
        "scaling",
        scaling,
        "Accuracy and error against the number of training images",
        "Dots are seeds, those of several arms side by side at a size; lines are their means, "
        "dashes the fits: accuracy as a straight line in the logarithm of the number of images "
        "(left), error as a power of it (right). Where a line leaves its dashes, that law does "
        "not hold.",
    ),
)
