"""The figure of accuracy against the number of real images."""

from matplotlib.figure import Figure

from gan_mnist.report.figures import gallery
from gan_mnist.report.pictures import Picture
from gan_mnist.report.run_files import Run, read_arrays
from gan_mnist.report.style import BLUE, GREEN, INK, MUTED, ORANGE, WIDTH_INCHES, name_rows, styled

from .findings import PREFIX

COLORS = {"control": INK, "rival": ORANGE, "generated": BLUE, "oracle": GREEN}


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
    panels = figure.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for row, name in enumerate(drawn):
            found = arms[name]["metrics"].get(size, {"mean": None, "ci95": None})
            if found["mean"] is None:
                continue
            if found["ci95"]:
                axes.plot(found["ci95"], [row, row], color=colors[name], lw=2, alpha=0.5)
            axes.plot(found["mean"], row, "o", color=colors[name], ms=5)
        control = arms[run.summary["control"]]["metrics"][size]["mean"]
        if control is not None:
            axes.axvline(control, color=colors[run.summary["control"]], lw=0.8, zorder=0)
        axes.set_title(f"{size.removeprefix(PREFIX)} real images a class")
        axes.set_xlabel("balanced accuracy")
        name_rows(axes, drawn)
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
        "copies",
        copies,
        "Copies of real images",
        "Generated images, and below each the real image that it is like; of test images they are "
        "a leak.",
    ),
)
