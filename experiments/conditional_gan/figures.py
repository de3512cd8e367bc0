"""The pictures of conditional GANs: sheets, classes, and nearest training images."""

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from gan_mnist.files import read_arrays
from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture
from gan_mnist.report.style import (
    INK,
    MUTED,
    WIDTH_INCHES,
    shorten,
    show_sheet,
    styled,
)

_MOST_CLASSES = 10
# Above this share a cell is so dark that its number is white.
_DARK_FROM = 0.87
_BLOCKS = ("nearest of each class", "median of each class")


@styled
def sheets(run: Run) -> Figure | None:
    """A sheet for each arm: test images above samples of the same labels."""
    sheets_by_arm = _first_seed_arrays(run, "sheet.npz", "real", "samples")
    if not sheets_by_arm:
        return None
    real_images = next(iter(sheets_by_arm.values()))["real"]
    columns, height, width = real_images.shape[:3]
    # Two arms stand side by side.
    rows = -(-len(sheets_by_arm) // 2)
    row_inches = 0.3 + WIDTH_INCHES / 2 / columns * 2 * height / width
    figure = Figure(figsize=(WIDTH_INCHES, rows * row_inches), layout="constrained")
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, (arm, sheet) in zip(panels, sheets_by_arm.items(), strict=False):
        axes.set_title(arm)
        show_sheet(axes, np.stack([sheet["real"], sheet["samples"]]))
    return figure


@styled
def classes(run: Run) -> Figure | None:
    """GAN-train and GAN-test recall of each class, the mean over seeds: an arm a row.

    At most the first ten classes are drawn.
    """
    arms = [arm for arm in run.best_first() if run.trials_of(arm)]
    titles = {"gan_train_recall_": "GAN-train recall", "gan_test_recall_": "GAN-test recall"}
    first_stem = next(iter(titles))
    class_names = dict.fromkeys(
        metric.removeprefix(first_stem)
        for arm in arms
        for trial in run.trials_of(arm)
        for metric in trial.record["metrics"]
        if metric.startswith(first_stem)
    )
    names = list(class_names)[:_MOST_CLASSES]
    if not names:
        return None
    figure = Figure(figsize=(WIDTH_INCHES, 0.7 + 0.3 * len(arms)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    short_names = [shorten(name) for name in names]
    rotation = 0 if max(map(len, short_names)) == 1 else 90
    for axes, (stem, title) in zip(panels, titles.items(), strict=True):
        means = np.array(
            [
                np.mean([[t.record["metrics"][stem + name] for name in names]
                         for t in run.trials_of(arm)], axis=0)
                for arm in arms
            ]
        )  # fmt: skip
        # Most shares are near 1, where they are to be told apart.
        axes.pcolormesh(means, cmap="Blues", norm=PowerNorm(4, 0, 1), edgecolor="white")
        for (row, column), share in np.ndenumerate(means):
            color = "white" if share > _DARK_FROM else INK
            axes.text(column + 0.5, row + 0.5, f"{100 * share:.0f}", ha="center", va="center",
                      color=color, size=8)  # fmt: skip
        axes.set_title(f"{title}, %")
        axes.set_xticks(np.arange(len(names)) + 0.5, short_names, rotation=rotation)
        axes.set_yticks(np.arange(len(arms)) + 0.5, arms)
        axes.tick_params(length=0, labelcolor=INK, labelsize=9)
        axes.spines[:].set_visible(False)
    panels[0].invert_yaxis()
    return figure


@styled
def nearest_pairs(run: Run) -> Figure | None:
    """Samples above their nearest training images, with distances; checks are left out.

    Left the nearest pair of each class, right the median one. Each heading has the median distance
    over the classes, for the arm's images and for test images.
    """
    array_names = ("samples", "neighbours", "distances", "test_distances")
    kinds = {arm: entry["kind"] for arm, entry in run.study["arms"].items()}
    arrays_by_arm = {
        arm: arrays
        for arm, arrays in _first_seed_arrays(run, "nearest.npz", *array_names).items()
        if kinds[arm] != "check"
    }
    if not arrays_by_arm:
        return None
    columns, height, width = next(iter(arrays_by_arm.values()))["samples"].shape[1:4]
    row_inches = 0.5 + WIDTH_INCHES / 2 / max(columns, 5) * 2 * height / width
    figure = Figure(figsize=(WIDTH_INCHES, len(arrays_by_arm) * row_inches), layout="constrained")
    grid = figure.subplots(len(arrays_by_arm), 2, squeeze=False)
    for row, (arm, arrays) in zip(grid, arrays_by_arm.items(), strict=True):
        for block, axes in enumerate(row):
            axes.set_axis_off()
            pairs = np.stack([arrays["samples"][block], arrays["neighbours"][block]])
            show_sheet(axes, pairs)
            distances, test_distances = arrays["distances"][block], arrays["test_distances"][block]
            medians = f"{np.median(distances):.1f}, of test images {np.median(test_distances):.1f}"
            axes.set_title(f"{arm}: {_BLOCKS[block]}; median {medians}")
            for column, distance in enumerate(distances):
                axes.text(column + 0.5, 2.05, f"{distance:.1f}", ha="center", va="top", size=7.5,
                          color=MUTED)  # fmt: skip
    return figure


def _first_seed_arrays(run: Run, file: str, *names: str) -> dict[str, dict[str, np.ndarray]]:
    """Arrays by arm, best first, of each arm's first finished trial that has them."""
    arrays_by_arm = {}
    for arm in run.best_first():
        for trial in run.trials_of(arm)[:1]:
            arrays = read_arrays(trial.directory / file, *names)
            if arrays is not None and len(arrays[names[0]]):
                arrays_by_arm[arm] = arrays
    return arrays_by_arm


PICTURES = (
    Picture(
        "sheets",
        sheets,
        "Test images, and samples of the same labels",
        "Of each arm, first seed, when its training is done: test images above, samples below. "
        "The sheets of the first and every tenth epoch lie in `trials/ARM/seed-XX/sheets`, of "
        "the arm that trained the GAN, with latents as in its training.",
    ),
    Picture(
        "classes",
        classes,
        "Which classes are good",
        "GAN-train: the share of a class's test images that are found by a classifier trained "
        "on the arm's images. GAN-test: the share of the arm's images of a class that are "
        "found by one trained on real images. Means over seeds, in per cent. "
        "GAN-test high and GAN-train low: good images, too much alike.",
    ),
    Picture(
        "nearest",
        nearest_pairs,
        "Is it memorising?",
        "Samples above, the nearest training image of each below, with their Euclidean "
        "distance over all pixels in [0, 1]; first seed. Left: of each class the pair that is "
        "nearest of those examined; right: the median pair. A copy has the same picture below "
        "it and a distance near 0, as the training images themselves have. Each heading has "
        "the median of its distances, and that of as many test images for comparison.",
    ),
)
