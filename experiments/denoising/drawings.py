"""Figures of denoising: sheets of images, and PSNR beyond what was trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_mnist.data.pairs import are_pairs
from gan_mnist.files import read_arrays
from gan_mnist.report.run_files import Run
from gan_mnist.report.style import (
    BLUE,
    FAINT,
    GREEN,
    HALO,
    INK,
    MUTED,
    VERMILLION,
    WIDTH_INCHES,
    legend_above,
    show_sheet,
    styled,
)

from .settings import TRUTH_SCALE

_VARIED = {
    "a": "a, scale of the truth",
    "b": "b, scale of the reference",
    "noise": "upper end of the noise",
}
# By an arm's adversary, or its method where it does not learn: words, colour and marker.
GROUPS = {
    "none": ("no adversary", BLUE, "o"),
    "vanilla": ("vanilla adversary", VERMILLION, "^"),
    "conditional": ("conditional adversary", GREEN, "s"),
    "filter": ("not learned", MUTED, "D"),
    "black": ("not learned", MUTED, "D"),
}
_PAIRS = 8
_MOST_ROWS_IN_A_BLOCK = 8
_LARGEST_CELL_INCHES = 0.62


@styled
def sheets(run: Run) -> Figure | None:
    """Truths, references and inputs, and each arm's outputs, best first.

    Outputs, which are to be as faint as the truth in the mixture, are shown at full scale. At the
    right is the mean PSNR over all test images and seeds. With many arms the second half is drawn
    beside the first, below the same rows.
    """
    found = _sheets(run)
    if not found:
        return None
    control = run.summary["control"]
    given = found.get(control, next(iter(found.values())))
    # Pairs that are given have no refs, and their truths are not fainter in the inputs.
    of_pairs = are_pairs(run.study["settings"].get("classes", ()))
    above = ["truths", "inputs"] if of_pairs else ["truths", "refs", "inputs"]
    scale, num_above = 1.0 if of_pairs else TRUTH_SCALE, len(above)
    blocks = 1 if len(found) <= _MOST_ROWS_IN_A_BLOCK else 2
    length = -(-len(found) // blocks)
    columns, height, width = given["outputs"][:_PAIRS].shape[:3]
    labels_inches = 0.55 + 0.075 * max(len(label_of(arm, control)) for arm in found)
    cell_inches = min(_LARGEST_CELL_INCHES, (WIDTH_INCHES / blocks - labels_inches) / columns)
    row_inches = cell_inches * height / width
    figure = Figure(
        figsize=(WIDTH_INCHES, 0.2 + (num_above + length) * row_inches), layout="constrained"
    )
    for block, axes in enumerate(figure.subplots(1, blocks, squeeze=False)[0]):
        arms = list(found)[block * length : (block + 1) * length]
        rows = [given[of] for of in above]
        rows += [_at_full_scale(found[arm]["outputs"], scale) for arm in arms]
        show_sheet(axes, np.stack([row[:_PAIRS] for row in rows]))
        axes.set_ylim(num_above + length, 0)
        names = [*(of.removesuffix("s") for of in above), *(label_of(arm, control) for arm in arms)]
        axes.set_yticks(np.arange(len(names)) + 0.5, names)
        colors = [MUTED] * num_above + [GROUPS[group_of(run, arm)][1] for arm in arms]
        every = [""] * num_above + arms
        for text, color, arm in zip(axes.get_yticklabels(), colors, every, strict=True):
            text.set(color=color, weight="bold" if arm == control else "normal")
        axes.text(columns + 0.1, num_above - 0.5, "PSNR\nin dB", va="center", size=7.5, color=MUTED)
        for row, arm in enumerate(arms):
            psnr_db = np.mean([trial.record["metrics"]["psnr_db"] for trial in run.of(arm)])
            axes.text(columns + 0.1, row + num_above + 0.5, f"{psnr_db:.2f}", va="center", size=8.5)
    return figure


@styled
def beyond_training(run: Run) -> Figure | None:
    """PSNR as scales and noise leave the trained range, which is shaded; a panel for each.

    Where the run has a black image, PSNR is in dB above that: a faint truth is easily approached.
    Lines are means over seeds, bands reach from the lowest to the highest.
    """
    table = run.table("sweep.csv", "varied", "value", "psnr_db")
    black = table[table["arm"].map(lambda arm: group_of(run, arm) == "black").astype(bool)]
    floor = black.groupby(["varied", "value"])["psnr_db"].mean().to_dict()
    places = zip(table["varied"], table["value"], strict=True)
    table["psnr_db"] -= [floor.get(place, 0.0) for place in places]
    lines = _lines(run, table)
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
    panels[0].set_ylabel("PSNR in dB above a black image" if floor else "PSNR in dB")
    legend_above(figure, {name: look for name, (_, look) in lines.items()})
    return figure


def _short(arm: str) -> str:
    """The arm's name without what many of them share."""
    return arm.removeprefix("resConvNet_").replace("_", " ")


def label_of(arm: str, control: str) -> str:
    """The arm's name in a legend."""
    return f"{_short(arm)} (control)" if arm == control else _short(arm)


def group_of(run: Run, arm: str) -> str:
    """Which of the `GROUPS` an arm belongs to."""
    settings = {**run.study["settings"], **run.study["arms"][arm]["changes"]}
    return settings["adversary" if settings["method"] == "network" else "method"]


def _lines(run: Run, table: pd.DataFrame) -> dict[str, tuple[str, dict[str, Any]]]:
    """The control, and of the other arms the best of each group that has rows in `table`.

    Returns:
        By legend entry: the arm, and the style of its line.
    """
    control = run.summary["control"]
    known = [arm for arm in run.best_first() if arm in set(table["arm"])]
    lines: dict[str, tuple[str, dict[str, Any]]] = {}
    if control in known:
        lines[f"control: {_short(control)}"] = (control, {"color": INK})
    for group, (words, color, _) in GROUPS.items():
        arms = [arm for arm in known if arm != control and group_of(run, arm) == group]
        # A black image is there to be below all others, not to be compared with.
        if arms and group != "black":
            lines[f"best, {words}: {_short(arms[0])}"] = (arms[0], {"color": color})
    return lines


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


def _at_full_scale(outputs: np.ndarray, scale: float) -> np.ndarray:
    return np.minimum(outputs / scale, 255).astype(np.uint8)


def _band(axes: Axes, sweep: pd.DataFrame, look: Mapping[str, Any]) -> None:
    """The mean over seeds, and a band from the lowest to the highest."""
    over = sweep.groupby("value")["psnr_db"].agg(["mean", "min", "max"])
    axes.fill_between(over.index, over["min"], over["max"], color=look["color"], alpha=0.15, lw=0)
    axes.plot(over.index, over["mean"], **look, marker="o", ms=3)
