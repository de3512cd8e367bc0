"""The picture that the main README opens with: what a network was shown, and what it then knew.

Its numbers are those of a published run of `imbalance`. Its images were taken from the galleries
of a run's trials and are kept beside it, so that it can be drawn again without training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from gan_mnist.errors import InputError
from gan_mnist.files import read_arrays, write_arrays
from gan_mnist.report.published_run import PublishedRun
from gan_mnist.report.readme import interval
from gan_mnist.report.run_files import read_images
from gan_mnist.report.style import BLUE, GREEN, INK, MUTED, styled

PICTURE = Path("docs/figures/imbalance.png")
IMAGES = Path("docs/figures/imbalance.npz")
RUN = Path("experiments/imbalance/results/mnist")
# (arm, what is done, how)
ROWS = (
    ("none", "Nothing done", "one image of the digit 1"),
    ("duplicate", "Repeated", "the same image, 300 times"),
    ("cgan", "Conditional GAN", "made after seeing that one image"),
    ("warp_gan", "Warp GAN", "learnt on 2s and 3s how digits vary"),
    ("classical", "Plain augmentation", "rotated, shifted, zoomed, sheared"),
    ("oracle", "Real images", "the 299 that had been taken away"),
)
_SHOWN = 8
_COLORS = {"none": INK, "oracle": GREEN}


def take_images(workdir: Path, root: Path) -> None:
    """Keeps the first images of each row, of the first seed of the run in `workdir`.

    Args:
        workdir: Directory of a run of `imbalance` that has all arms of the picture.
        root: The repository's directory.

    Raises:
        InputError: If an arm has left no gallery.
    """
    galleries: dict[str, Any] = {}
    for arm, *_ in ROWS:
        folders = sorted((workdir / "trials" / arm).glob("seed-*"))
        path = (folders or [workdir / "trials" / arm])[0] / "gallery.npz"
        images = read_images(path)
        if images is None:
            arms = ",".join(name for name, *_ in ROWS)
            raise InputError(f"--run: no {path}; accepted: a run of imbalance with --arms={arms}")
        galleries[arm] = images[:_SHOWN]
    (root / IMAGES).parent.mkdir(parents=True, exist_ok=True)
    write_arrays(root / IMAGES, **galleries)


def is_stale(root: Path) -> bool:
    """Whether the picture is missing or was drawn from other numbers than the summary's."""
    try:
        with Image.open(root / PICTURE) as picture:
            return picture.info.get("Description") != _numbers(root)
    except OSError:
        return True


def draw(root: Path) -> None:
    """Draws the picture from the summary and the images that are kept.

    Raises:
        InputError: If the images are not there.
    """
    images = read_arrays(root / IMAGES, *(arm for arm, *_ in ROWS))
    if images is None:
        raise InputError(f"readme: no {root / IMAGES}; accepted: --run=DIR, to take them from")
    figure = _figure(PublishedRun(root / RUN), [images[arm] for arm, *_ in ROWS])
    figure.savefig(root / PICTURE, dpi=200, metadata={"Description": _numbers(root)})


def _numbers(root: Path) -> str:
    """All that the picture tells of the run, in words: how one drawing is told from another."""
    run = PublishedRun(root / RUN)
    descriptions = [f"{title}, {detail}: {_recall(run, arm)}" for arm, title, detail in ROWS]
    return "; ".join([*descriptions, f"{len(run.summary['seeds'])} seeds"])


def _recall(run: PublishedRun, arm: str) -> str:
    entry = run.summary["arms"][arm]
    return f"{entry['mean']:.2f} {interval(entry['ci95'], 2)}"


@styled
def _figure(run: PublishedRun, galleries: Sequence[np.ndarray]) -> Figure:
    """One row an arm: its name, its images, its recall with the 95 % interval.

    Args:
        run: The published run.
        galleries: By row, images (n, height, width, 1) uint8.
    """
    num_rows = len(ROWS)
    figure = Figure(figsize=(9, 0.55 * num_rows + 0.8), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    width, height = figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(height, 0))
    images_left, cell, chart_left, chart_width, top = 2.5, 0.43, 6.2, 1.5, 0.72
    axes.text(0.1, 0.28, "What the network is shown of the digit 1", size=11, weight="bold")
    axes.text(0.1, 0.52, "beside 300 images each of 2 and 3", size=8.5, color=MUTED)
    axes.text(chart_left, 0.28, "Share of test 1s recognised", size=11, weight="bold")
    num_seeds = len(run.summary["seeds"])
    axes.text(
        chart_left, 0.52, f"mean of {num_seeds} seeds and 95 % interval", size=8.5, color=MUTED
    )

    for row, ((arm, title, detail), images) in enumerate(zip(ROWS, galleries, strict=True)):
        middle = top + 0.55 * (row + 0.5)
        axes.text(0.1, middle - 0.03, title, size=10.5, weight="bold", va="bottom")
        axes.text(0.1, middle + 0.03, detail, size=8, color=MUTED, va="top")
        for column, image in enumerate(images[: 1 if arm == "none" else _SHOWN]):
            start = images_left + column * cell
            extent = (
                start,
                start + cell - 0.04,
                middle + cell / 2 - 0.02,
                middle - cell / 2 + 0.02,
            )
            # Ink on paper, as people write.
            axes.imshow(255 - image[..., 0], cmap="gray", vmin=0, vmax=255, extent=extent)
            axes.plot([*extent[:2], *extent[1::-1], extent[0]],
                      [extent[2], extent[2], extent[3], extent[3], extent[2]],
                      color="#dde1e6", lw=0.8)  # fmt: skip
        entry, color = run.summary["arms"][arm], _COLORS.get(arm, BLUE)
        axes.plot([chart_left, chart_left + chart_width], [middle] * 2, color="#eceef1", lw=7,
                  solid_capstyle="butt", zorder=0)  # fmt: skip
        interval_x = [chart_left + chart_width * bound for bound in entry["ci95"]]
        axes.plot(interval_x, [middle] * 2, color=color, lw=2.4, alpha=0.55)
        axes.plot(chart_left + chart_width * entry["mean"], middle, "o", color=color, ms=6.5)
        text_left = chart_left + chart_width + 0.15
        axes.text(text_left, middle, f"{entry['mean']:.2f}", size=11.5, weight="bold",
                  va="center", color=color)  # fmt: skip
        low, high = entry["ci95"]
        axes.text(text_left + 0.47, middle, f"{low:.2f}\N{EN DASH}{high:.2f}", size=8, va="center",
                  color=MUTED)  # fmt: skip
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure
