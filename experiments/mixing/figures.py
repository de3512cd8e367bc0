"""The figure of the source's claim."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture
from gan_mnist.report.style import (
    BLUE,
    HALO,
    INK,
    MUTED,
    WIDTH_INCHES,
    add_tooltip,
    styled,
    tooltip,
)

from .findings import (
    POOLS,
    PRIMARY,
    ROUNDED,
    UNLIMITED,
    images_seen,
    latents_drawn,
)

# Of an arm: its number of images, accuracies by seed, and what the summary tells of it.
Point = tuple[int, Mapping[int, float], Mapping[str, Any]]


@styled
def claim(run: Run) -> Figure | None:
    """Accuracy against the number of possible images, and of different images seen."""
    values = {
        arm: {trial.seed: trial.record["metrics"][PRIMARY] for trial in run.trials_of(arm)}
        for arm in (run.summary["control"], UNLIMITED, *ROUNDED, *POOLS)
    }
    records = {arm: {trial.seed: trial.record for trial in run.trials_of(arm)} for arm in values}
    entries = run.summary["arms"]
    possible_points = [
        (size, values[arm], entries[arm]) for arm, size in latents_drawn(records).items()
    ]
    seen_points = [(size, values[arm], entries[arm]) for arm, size in images_seen(records).items()]
    if not possible_points or not seen_points:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _points(left, possible_points, "latents drawn, rounded to 1 decimal")
    _points(right, seen_points, "different generated images seen")
    control = entries[run.summary["control"]]["mean"]
    for axes in (left, right):
        if control is not None:
            axes.axhline(control, color=INK, ls="--", lw=1)
            axes.annotate(
                "real images only", (1, control), (-4, 4), ha="right", size=8, color=INK,
                textcoords="offset points", xycoords=("axes fraction", "data"),
                path_effects=HALO,
            )  # fmt: skip
    left.set_ylabel("test accuracy, last tenth of the updates")
    return figure


def _points(axes: Axes, points: Sequence[Point], label: str) -> None:
    axes.set_xscale("log")
    axes.grid(True)
    for index, (size, values, entry) in enumerate(points):
        # Arms that saw as many stand beside each other.
        x = size * 1.07 ** sum(previous == size for previous, *_ in points[:index])
        dots = axes.plot(
            [x] * len(values), list(values.values()), "o", color=MUTED, alpha=0.4, ms=3.5
        )
        add_tooltip(dots, [tooltip(f"{size:,}, seed {seed}", dot) for seed, dot in values.items()])
        mean = axes.plot(x, entry["mean"] or 0.0, "D", color=BLUE, ms=5)
        add_tooltip(mean, [tooltip(f"{size:,}, mean", entry["mean"] or 0.0, entry["ci95"])])
        if entry["ci95"]:
            axes.plot([x, x], entry["ci95"], color=BLUE, lw=1.4)
    ticks = sorted({size for size, *_ in points})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_xlabel(label)


PICTURES = (
    Picture(
        "claim",
        claim,
        "Do more possible, or more seen, images raise accuracy?",
        "Left: how many of the latents are drawn (rounded to 1 decimal, the others being 0), "
        "and with them the number of possible images. Right: how many different generated "
        "images are ever seen; arms that saw as many stand side by side. Dots are seeds, marks "
        "means with 95 % intervals; the dashed line is the control.",
        always=False,
    ),
)
