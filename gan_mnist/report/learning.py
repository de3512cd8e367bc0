"""The figures of how classifiers and generators learn."""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

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
    legend_above,
    legend_of_arms,
    mark_end,
    scale_log,
    small_multiples,
    styled,
    wrapped,
)

# Curves of generators, with their titles.
GENERATOR_CURVES = {
    "d_loss": "discriminator loss",
    "g_loss": "generator loss",
    "real_accuracy": "real called real",
    "fake_accuracy": "generated called generated",
    "pixel_loss": "autoencoder's pixel loss",
    "flow_loss": "flow loss",
}
# Beyond it the shorter curve is too short to be read on a linear axis.
MOST_TIMES_LONGER = 3


@styled
def learning_curves(curves: pd.DataFrame, order: Sequence[str], control: str, label: str) -> Figure:
    """A metric against updates: a panel an arm, with the control in each.

    Args:
        curves: Columns arm, seed, update, value.
        order: Names of arms, first panel first; those without a curve are left out.
        control: Its mean is drawn dashed in every panel.
        label: The metric in words.
    """
    means = over_seeds(curves)
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
                      textcoords="offset points", size=8.5, path_effects=HALO)  # fmt: skip
    last_updates = [mean.index[-1] for mean in means.values()]
    if max(last_updates) > MOST_TIMES_LONGER * min(last_updates):
        scale_log(panels[0])
    figure.supxlabel("updates", size=8.5, color=MUTED)
    figure.supylabel(wrapped(label), size=8.5, color=MUTED)
    return figure


@styled
def curves_against_seconds(
    curves: pd.DataFrame, highlighted: Mapping[str, str], label: str
) -> Figure:
    """The same metric against seconds of training, that of the arm's generator included.

    Args:
        curves: Columns arm, seed, update, seconds, value.
        highlighted: Colours of the few arms that are labelled; the others stay grey.
        label: The metric in words.
    """
    means = over_seeds(curves)
    figure = Figure(figsize=(WIDTH_INCHES, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.grid(True)
    for mean in means.values():
        axes.plot(mean["seconds"], mean["value"], color=FAINT, lw=0.9, zorder=1)
    colors = {name: color for name, color in highlighted.items() if name in means}
    for name, color in colors.items():
        mean = means[name]
        axes.plot(mean["seconds"], mean["value"], color=color, zorder=3)
        mark_end(axes, mean["seconds"].iloc[-1], mean["value"].iloc[-1], color)
    scale_log(axes)
    legend_of_arms(figure, colors | {name: FAINT for name in means if name not in colors})
    axes.set_xlabel("seconds of training")
    axes.set_ylabel(wrapped(label))
    return figure


def over_seeds(curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
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
        curves: Columns generator, kind, update and any of `GENERATOR_CURVES`; a loss of 0 is of
            what was not being trained. A kind has a colour.
    """
    titles = GENERATOR_CURVES
    columns = [column for column in titles if column in curves]
    kinds = sorted(curves["kind"].unique())
    colors = dict(zip(kinds, itertools.cycle((BLUE, ORANGE, GREEN, VERMILLION)), strict=False))
    num_columns = min(len(columns), 4)
    num_rows = -(-len(columns) // num_columns)
    height = 2.3 * num_rows + 0.25 * (len(kinds) > 1)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).flatten()
    for axes in panels[len(columns) :]:
        axes.set_axis_off()
    for axes, column in zip(panels, columns, strict=False):
        axes.grid(True)
        for (kind, _), curve in curves.groupby(["kind", "generator"]):
            points = curve[curve[column] != 0] if column.endswith("loss") else curve
            axes.plot(points["update"], points[column], color=colors[kind], alpha=0.4, lw=0.8)
        if column.endswith("accuracy"):
            axes.set_ylim(-0.03, 1.03)
            axes.axhline(0.5, color=INK, lw=0.9, ls=":")
        axes.set_title(titles[column])
        axes.set_xlabel("updates")
    if len(kinds) > 1:
        legend_above(figure, {kind: {"color": colors[kind]} for kind in kinds})
    return figure
