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
    sizes = [m["name"] for m in run.summary["metrics"] if m["name"].startswith(PREFIX)]
    drawn = [name for name in dict.fromkeys(order) if arms[name]["n"]]
    if not drawn or not sizes:
        return None
    kinds = {name: run.study["arms"][name]["kind"] for name in drawn}
    colors = {name: COLORS.get(kind, MUTED) for name, kind in kinds.items()}
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.24 * len(drawn)), layout="constrained")
    panels = figure.subplots(1, len(sizes), squeeze=False, sharex=True, sharey=True)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for row, name in enumerate(drawn):
            found = arms[name]["metrics"].get(size, {"mean": None, "ci95": None})
            if found["mean"] is None:
                continue
            if found["ci95"]:
                axes.plot(found["ci95"], [row, row], color=colors[name], lw=2, alpha=0.5)
            point = axes.plot(found["mean"], row, "o", color=colors[name], ms=5)
            add_tooltip(point, [tooltip(name, found["mean"], found["ci95"])])
        control = arms[run.summary["control"]]["metrics"][size]["mean"]
        if control is not None:
            axes.axvline(control, color=colors[run.summary["control"]], lw=0.8, zorder=0)
        axes.set_title(f"{size.removeprefix(PREFIX)} real images a class")
        axes.set_xlabel("balanced accuracy")
        name_rows(axes, drawn)
    return figure


@styled
def shares(run: Run) -> Figure | None:
    """Balanced accuracy against generated images for each real one, a panel a number of those."""
    arms = run.summary["arms"]
    sizes = [m["name"] for m in run.summary["metrics"] if m["name"].startswith(PREFIX)]
    # Of each source and way of use its arms, by share.
    lines: dict[str, dict[float, str]] = {}
    for name in arms:
        share = run.study["arms"][name]["changes"].get("share")
        if share is not None and arms[name]["n"]:
            lines.setdefault(name.removesuffix(f"_x{share:g}"), {})[share] = name
    lines = {stem: dict(sorted(by.items())) for stem, by in lines.items() if len(by) > 1}
    if not lines or not sizes:
        return None
    plain = {n: c for n, c in ((run.summary["control"], INK), ("classical", MUTED)) if n in arms}
    shown = sorted({share for by in lines.values() for share in by})
    colors = color_arms(list(lines), run.summary["control"])
    figure = Figure(figsize=(WIDTH_INCHES, 3.6), layout="constrained")
    panels = figure.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for name, color in plain.items():
            mean = arms[name]["metrics"][size]["mean"]
            if mean is not None:
                axes.axhline(mean, color=color, lw=1, ls="--")
        for place, (stem, by) in enumerate(lines.items()):
            # Intervals of several lines stand side by side.
            beside = 1.03 ** (place - (len(lines) - 1) / 2)
            found = [arms[name]["metrics"][size] for name in by.values()]
            x = [share * beside for share in by]
            points = axes.plot(x, [one["mean"] for one in found], "o-", color=colors[stem], ms=4)
            told = zip(by.values(), found, strict=True)
            add_tooltip(points, [tooltip(name, one["mean"], one["ci95"]) for name, one in told])
            for at, one in zip(x, found, strict=True):
                if one["ci95"]:
                    axes.plot([at, at], one["ci95"], color=colors[stem], lw=2, alpha=0.35)
        axes.set_title(f"{size.removeprefix(PREFIX)} real images a class")
        axes.grid(True)
        axes.set_xscale("log")
        axes.set_xticks(shown, [f"{share:g}" for share in shown])
        axes.minorticks_off()
    panels[0].set_ylabel("balanced accuracy")
    figure.supxlabel("generated images for each real one", size=8.5)
    styles = {name: {"color": color, "ls": "--"} for name, color in plain.items()}
    legend_above(figure, styles | {stem: {"color": colors[stem]} for stem in lines})
    return figure


@styled
def copies(run: Run) -> Figure | None:
    """Generated images above the real ones that they are copies of, the first seed of each arm."""
    rows = {}
    for arm in run.summary["arms"]:
        trials = run.of(arm)
        found = trials and read_arrays(trials[0].directory / "copies.npz", "train", "test")
        for split, pair in (found or {}).items():
            if len(pair[0]):
                rows[arm] = pair[0]
                rows[f"{split} images like {arm}'s"] = pair[1]
    return gallery(rows) if rows else None


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
