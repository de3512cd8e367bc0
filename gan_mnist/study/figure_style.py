"""The one style of all figures: colours, type, sizes, and how a figure becomes a file."""

import warnings
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, FAINT = "#1b1f24", "#6b7480", "#c9ced4"
# From Okabe and Ito's palette: told apart with any of the common colour vision deficiencies.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"

WIDTH_INCHES = 9.8

styled = matplotlib.rc_context(
    {
        "axes.edgecolor": FAINT,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 8.5,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "font.family": "DejaVu Sans",  # Comes with matplotlib: the same picture everywhere.
        "font.size": 9,
        "grid.color": "#eceef1",
        "grid.linewidth": 0.8,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "text.color": INK,
        "text.parse_math": False,  # A class may be called "$5".
        "xtick.color": FAINT,
        "xtick.labelcolor": MUTED,
        "xtick.labelsize": 8,
        "ytick.color": FAINT,
        "ytick.labelcolor": MUTED,
        "ytick.labelsize": 8,
    }
)


@styled
def save(figure: Figure, path: Path) -> None:
    """Writes `figure` as a PNG, sharp on screens of twice the usual density."""
    with warnings.catch_warnings():  # A class name may be in any script; its box is warning enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, dpi=200)


def small_multiples(
    names: list[str], most_columns: int, row_inches: float | None = None
) -> tuple[Figure, list[Axes]]:
    """A grid of panels with common axes, labelled under the lowest panel of each column.

    Args:
        names: Titles of the panels; long ones make for fewer columns.
        most_columns: As many as are readable.
        row_inches: Height of a row; None for square panels.
    """
    title_inches = 0.25 + 0.077 * max(map(len, names))
    columns = min(len(names), most_columns, max(1, int(WIDTH_INCHES / title_inches)))
    rows = -(-len(names) // columns)
    height = row_inches or 0.15 + min(2.6, WIDTH_INCHES / columns)
    figure = Figure(figsize=(WIDTH_INCHES, 0.5 + height * rows), layout="constrained")
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(names) - columns) : len(names)]:
        axes.tick_params(axis="x", labelbottom=True)
    for axes, name in zip(grid, names, strict=False):
        axes.set_title(name)
    return figure, grid[: len(names)]


def name_rows(axes: Axes, names: list[str]) -> None:
    """Gives a chart of horizontal rows the names of its rows, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
