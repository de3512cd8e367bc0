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
    sheets_by_arm = _sheets(run)
    if not sheets_by_arm:
        return None
    control = run.summary["control"]
    shared_sheet = sheets_by_arm.get(control, next(iter(sheets_by_arm.values())))
    # Pairs that are given have no refs, and their truths are not fainter in the inputs.
    has_pairs = are_pairs(run.study["settings"].get("classes", ()))
    input_keys = ["truths", "inputs"] if has_pairs else ["truths", "refs", "inputs"]
    scale, num_inputs = 1.0 if has_pairs else TRUTH_SCALE, len(input_keys)
    num_blocks = 1 if len(sheets_by_arm) <= _MOST_ROWS_IN_A_BLOCK else 2
    rows_per_block = -(-len(sheets_by_arm) // num_blocks)
    columns, height, width = shared_sheet["outputs"][:_PAIRS].shape[:3]
    labels_inches = 0.55 + 0.075 * max(len(label_of(arm, control)) for arm in sheets_by_arm)
    cell_inches = min(_LARGEST_CELL_INCHES, (WIDTH_INCHES / num_blocks - labels_inches) / columns)
    row_inches = cell_inches * height / width
    figure = Figure(
        figsize=(WIDTH_INCHES, 0.2 + (num_inputs + rows_per_block) * row_inches),
        layout="constrained",
    )
    for block, axes in enumerate(figure.subplots(1, num_blocks, squeeze=False)[0]):
        arms = list(sheets_by_arm)[block * rows_per_block : (block + 1) * rows_per_block]
        rows = [shared_sheet[key] for key in input_keys]
        rows += [_at_full_scale(sheets_by_arm[arm]["outputs"], scale) for arm in arms]
        show_sheet(axes, np.stack([row[:_PAIRS] for row in rows]))
        axes.set_ylim(num_inputs + rows_per_block, 0)
        labels = [
            *(key.removesuffix("s") for key in input_keys),
            *(label_of(arm, control) for arm in arms),
        ]
        axes.set_yticks(np.arange(len(labels)) + 0.5, labels)
        colors = [MUTED] * num_inputs + [GROUPS[group_of(run, arm)][1] for arm in arms]
        row_arms = [""] * num_inputs + arms
        for text, color, arm in zip(axes.get_yticklabels(), colors, row_arms, strict=True):
            text.set(color=color, weight="bold" if arm == control else "normal")
        axes.text(
            columns + 0.1, num_inputs - 0.5, "PSNR\nin dB", va="center", size=7.5, color=MUTED
        )
        for row, arm in enumerate(arms):
            psnr_db = np.mean([trial.record["metrics"]["psnr_db"] for trial in run.trials_of(arm)])
            axes.text(
                columns + 0.1, row + num_inputs + 0.5, f"{psnr_db:.2f}", va="center", size=8.5
            )
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
    keys = zip(table["varied"], table["value"], strict=True)
    table["psnr_db"] -= [floor.get(key, 0.0) for key in keys]
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
        for bound in (low, high):
            axes.axvline(bound, color=MUTED, lw=1, ls="--", zorder=1.8)
        axes.annotate("trained", (high, 1), (-3, -3), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="right", va="top", size=7.5, color=MUTED,
                      path_effects=HALO)  # fmt: skip
        axes.grid(True)
        axes.set_xlabel(label)
        for arm, style in lines.values():
            _band(axes, table[(table["arm"] == arm) & (table["varied"] == varied)], style)
    panels[0].set_ylabel("PSNR in dB above a black image" if floor else "PSNR in dB")
    legend_above(figure, {name: style for name, (_, style) in lines.items()})
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
    swept_arms = [arm for arm in run.best_first() if arm in set(table["arm"])]
    lines: dict[str, tuple[str, dict[str, Any]]] = {}
    if control in swept_arms:
        lines[f"control: {_short(control)}"] = (control, {"color": INK})
    for group, (words, color, _) in GROUPS.items():
        arms = [arm for arm in swept_arms if arm != control and group_of(run, arm) == group]
        # A black image is there to be below all others, not to be compared with.
        if arms and group != "black":
            lines[f"best, {words}: {_short(arms[0])}"] = (arms[0], {"color": color})
    return lines


def _sheets(run: Run) -> dict[str, dict[str, np.ndarray]]:
    """By arm, best first, the first sheet of the same inputs as all the others."""
    sheets_by_arm: dict[str, dict[str, np.ndarray]] = {}
    shared_inputs = None
    for arm in run.best_first():
        for trial in run.trials_of(arm):
            path = trial.directory / "sheet.npz"
            sheet = read_arrays(path, "truths", "refs", "inputs", "outputs")
            if sheet is None or not len(sheet["outputs"]):
                continue
            shared_inputs = sheet["inputs"] if shared_inputs is None else shared_inputs
            if np.array_equal(sheet["inputs"], shared_inputs):
                sheets_by_arm[arm] = sheet
                break
    return sheets_by_arm


def _at_full_scale(outputs: np.ndarray, scale: float) -> np.ndarray:
    return np.minimum(outputs / scale, 255).astype(np.uint8)


def _band(axes: Axes, sweep: pd.DataFrame, style: Mapping[str, Any]) -> None:
    """The mean over seeds, and a band from the lowest to the highest."""
    stats = sweep.groupby("value")["psnr_db"].agg(["mean", "min", "max"])
    axes.fill_between(
        stats.index, stats["min"], stats["max"], color=style["color"], alpha=0.15, lw=0
    )
    axes.plot(stats.index, stats["mean"], **style, marker="o", ms=3)
