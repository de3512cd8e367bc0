"""The figure of recall against the number of images that are left of the starved class."""

from typing import Any

from matplotlib.figure import Figure

from gan_mnist.report.pictures import Picture
from gan_mnist.report.run_files import Run
from gan_mnist.report.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    WIDTH_INCHES,
    legend_above,
    scale_log,
    styled,
)

from .findings import PREFIX

COLORS = {"control": INK, "rival": ORANGE, "generated": BLUE, "oracle": GREEN}
DASHES = ("-", "--", ":", "-.")


@styled
def images_left(run: Run) -> Figure | None:
    """Mean recall with its interval, a line an arm; None where one number was tried."""
    metrics = [m["name"] for m in run.summary["metrics"] if m["name"].startswith(PREFIX)]
    numbers = sorted(int(name.removeprefix(PREFIX)) for name in metrics)
    arms = {name: arm for name, arm in run.summary["arms"].items() if arm["n"]}
    if len(numbers) < 2 or not arms:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    axes = figure.subplots()
    styles: dict[str, dict[str, Any]] = {}
    for name, arm in arms.items():
        kind = run.study["arms"][name]["kind"]
        like = sum(COLORS.get(kind, MUTED) == style["color"] for style in styles.values())
        style: dict[str, Any] = {"color": COLORS.get(kind, MUTED), "ls": DASHES[like % len(DASHES)]}
        found = [(n, arm["metrics"].get(f"{PREFIX}{n}")) for n in numbers]
        drawn = [(n, value) for n, value in found if value and value["mean"] is not None]
        if not drawn:
            continue
        styles[name] = style
        axes.plot(
            [n for n, _ in drawn], [value["mean"] for _, value in drawn], marker="o", ms=3, **style
        )
        for n, value in drawn:
            if value["ci95"]:
                axes.plot([n, n], value["ci95"], color=style["color"], lw=2, alpha=0.25)
    scale_log(axes)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.grid(True)
    axes.set_xlabel("images left of the starved class")
    axes.set_ylabel("recall of the starved class")
    legend_above(figure, styles)
    return figure


PICTURES = (
    Picture(
        "images_left",
        images_left,
        "By the number of images that are left",
        "Means over seeds and turns, with 95 % intervals. Black: nothing done; orange: plain "
        "rivals; blue: generated images; green: the real images back; grey: controls. Intervals of "
        "two arms may overlap though their paired difference is clear: the findings tell those.",
    ),
)
