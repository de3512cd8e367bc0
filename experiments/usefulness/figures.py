"""Figures: accuracy by the number of real and of generated images, and copies of real ones."""

from matplotlib.figure import Figure

from gan_mnist.files import read_arrays
from gan_mnist.report.figures import gallery
from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import COLORS, Picture
from gan_mnist.report.style import (
    INK,
    MUTED,
    WIDTH_INCHES,
    add_tooltip,
    color_arms,
    legend_above,
    name_rows,
    styled,
    tooltip,
)

from .findings import PREFIX


@styled
def accuracy(run: Run) -> Figure | None:
    """Balanced accuracy of each arm, a panel a number of real images."""
    arms = run.summary["arms"]
    order = [name for name in (run.summary["control"], *run.best_first()) if name in arms]
    sizes = _accuracies_by_size(run)
    drawn_arms = [name for name in dict.fromkeys(order) if arms[name]["n"]]
    if not drawn_arms or not sizes:
        return None
    kinds = {name: run.study["arms"][name]["kind"] for name in drawn_arms}
    colors = {name: COLORS.get(kind, MUTED) for name, kind in kinds.items()}
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.24 * len(drawn_arms)), layout="constrained")
    panels = figure.subplots(1, len(sizes), squeeze=False, sharex=True, sharey=True)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for row, name in enumerate(drawn_arms):
            entry = arms[name]["metrics"].get(size, {"mean": None, "ci95": None})
            if entry["mean"] is None:
                continue
            if entry["ci95"]:
                axes.plot(entry["ci95"], [row, row], color=colors[name], lw=2, alpha=0.5)
            point = axes.plot(entry["mean"], row, "o", color=colors[name], ms=5)
            add_tooltip(point, [tooltip(name, entry["mean"], entry["ci95"])])
        control = arms[run.summary["control"]]["metrics"][size]["mean"]
        if control is not None:
            axes.axvline(control, color=colors[run.summary["control"]], lw=0.8, zorder=0)
        axes.set_title(f"{size.removeprefix(PREFIX)} real images a class")
        axes.set_xlabel("balanced accuracy")
        name_rows(axes, drawn_arms)
    return figure


@styled
def shares(run: Run) -> Figure | None:
    """Balanced accuracy against generated images for each real one, a panel a number of those."""
    arms = run.summary["arms"]
    sizes = _accuracies_by_size(run)
    # Of each source and way of use its arms, by share.
    lines: dict[str, dict[float, str]] = {}
    for name in arms:
        share = run.study["arms"][name]["changes"].get("share")
        if share is not None and arms[name]["n"]:
            lines.setdefault(name.removesuffix(f"_x{share:g}"), {})[share] = name
    lines = {
        stem: dict(sorted(by_share.items()))
        for stem, by_share in lines.items()
        if len(by_share) > 1
    }
    if not lines or not sizes:
        return None
    baseline_colors = {
        name: color
        for name, color in ((run.summary["control"], INK), ("classical", MUTED))
        if name in arms
    }
    drawn_shares = sorted({share for by_share in lines.values() for share in by_share})
    colors = color_arms(list(lines), run.summary["control"])
    figure = Figure(figsize=(WIDTH_INCHES, 3.6), layout="constrained")
    panels = figure.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for name, color in baseline_colors.items():
            mean = arms[name]["metrics"][size]["mean"]
            if mean is not None:
                axes.axhline(mean, color=color, lw=1, ls="--")
        for index, (stem, by_share) in enumerate(lines.items()):
            # Intervals of several lines stand side by side.
            shift = 1.03 ** (index - (len(lines) - 1) / 2)
            entries = [arms[name]["metrics"][size] for name in by_share.values()]
            x = [share * shift for share in by_share]
            points = axes.plot(
                x, [entry["mean"] for entry in entries], "o-", color=colors[stem], ms=4
            )
            named_entries = zip(by_share.values(), entries, strict=True)
            add_tooltip(
                points,
                [tooltip(name, entry["mean"], entry["ci95"]) for name, entry in named_entries],
            )
            for dot_x, entry in zip(x, entries, strict=True):
                if entry["ci95"]:
                    axes.plot([dot_x, dot_x], entry["ci95"], color=colors[stem], lw=2, alpha=0.35)
        axes.set_title(f"{size.removeprefix(PREFIX)} real images a class")
        axes.grid(True)
        axes.set_xscale("log")
        axes.set_xticks(drawn_shares, [f"{share:g}" for share in drawn_shares])
        axes.minorticks_off()
    panels[0].set_ylabel("balanced accuracy")
    figure.supxlabel("generated images for each real one", size=8.5)
    styles = {name: {"color": color, "ls": "--"} for name, color in baseline_colors.items()}
    legend_above(figure, styles | {stem: {"color": colors[stem]} for stem in lines})
    return figure


@styled
def copies(run: Run) -> Figure | None:
    """Generated images above the real ones that they are copies of, the first seed of each arm.

    An oracle's images are real ones, so to be copies is no news of them.
    """
    rows = {}
    for arm in run.summary["arms"]:
        if arm == run.summary["oracle"]:
            continue
        trials = run.trials_of(arm)
        pairs = trials and read_arrays(trials[0].directory / "copies.npz", "train", "test")
        for split, pair in (pairs or {}).items():
            if len(pair[0]):
                rows[arm] = pair[0]
                rows[f"{split} images like {arm}'s"] = pair[1]
    return gallery(rows) if rows else None


def _accuracies_by_size(run: Run) -> list[str]:
    """Names of the metrics of balanced accuracy, one for each number of real images."""
    names = [metric["name"] for metric in run.summary["metrics"]]
    return [name for name in names if name.startswith(PREFIX)]


PICTURES = (
    Picture(
        "usefulness",
        accuracy,
        "By the number of real images",
        "Dots are means over seeds with their 95 % intervals; the line is that of real images "
        "alone. Black (white on a dark page): real images; orange: augmentation; blue: real and "
        "generated images; green: further real ones; grey: controls, and generated images alone. "
        "Intervals of two arms may overlap though their paired difference is clear: the findings "
        "tell the differences.",
    ),
    Picture(
        "shares",
        shares,
        "By the number of generated images",
        "Dots are means over seeds with their 95 % intervals, a line for each source and way of "
        "use; dashed: real images alone, and augmentation.",
        always=False,
    ),
    Picture(
        "copies",
        copies,
        "Copies of real images",
        "Generated images, and below each the real image that it is like; of test images they are "
        "a leak.",
        always=False,
    ),
)
