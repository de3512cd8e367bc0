"""The one style of all figures: colours, type, sizes, and how a figure becomes a file."""

import contextlib
import io
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from gan_mnist.files import write_bytes
from gan_mnist.report.charts import log_factors
from gan_mnist.report.lettering import FAMILIES, legible
from gan_mnist.study.words import fixed

INK, MUTED, FAINT = "#1b1f24", "#6b7480", "#c9ced4"
# From Okabe and Ito's palette: told apart with any of the common colour vision deficiencies.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY = "#CC79A7", "#56B4E9"

# Names in the page's style, where a dark one differs.
PAGE_COLORS = {
    INK: "ink", MUTED: "muted", FAINT: "faint", BLUE: "blue", VERMILLION: "vermillion",
    GREEN: "green", ORANGE: "orange", PURPLE: "purple", SKY: "sky", "#eceef1": "rule",
    "#ffffff": "paper",
}  # fmt: skip
_MOST_SVG_LETTERS = 250_000

WIDTH_INCHES = 9.8
HALO = [withStroke(linewidth=3, foreground="white")]  # Keeps text readable on lines.
_LONGEST_LINE = 48
_TOLD = "told:"  # Prefix of the id of a line with tooltips, until it is in a page.
_LONGEST_NAME = 12

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
        "font.family": FAMILIES,
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
    """Writes `figure` as the name of the file says; a PNG has twice the usual density."""
    with _any_letters():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=path.suffix.removeprefix("."), dpi=200)
    write_bytes(path, buffer.getvalue())


@contextlib.contextmanager
def _any_letters() -> Iterator[None]:
    """A class name may be in any script; its box is warning enough."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def make_square(figure: Figure, panels: Sequence[Axes]) -> None:
    """Makes panels square that fill their places, after freezing the layout.

    A constrained layout leaves names and titles of square panels too little room, so that they are
    cut off.
    """
    with _any_letters():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in panels:
        axes.set_aspect("equal")


def _has_picture(axes: Axes) -> bool:
    """Whether colours of it stand for numbers, so that they must stay as they are."""
    return bool(axes.images) or any(artist.get_array() is not None for artist in axes.collections)


@styled
def as_svg(figure: Figure, name: str) -> str | None:
    """`figure` as an SVG element for a page, in the page's own colours, dark or light.

    None where it holds pictures, or would be larger than a picture of it. Its internal ids are made
    with `name`, so that other figures of the page have other ids.
    """
    if any(map(_has_picture, figure.axes)):
        return None
    buffer = io.StringIO()
    with _any_letters(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    if len(svg) > _MOST_SVG_LETTERS:
        return None
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for color, css_name in PAGE_COLORS.items():
        svg = re.sub(f"(fill|stroke): {color.lower()}", rf"\1: var(--{css_name})", svg)
    svg = re.sub(f'<g id="{_TOLD}([^"]*)">(.*?)(?=<g id=|</svg>)', _titled, svg, flags=re.DOTALL)
    # Names that are referred to are made of what they name; the others would stand there twice.
    return re.sub(r'<g id="[^"]*"', "<g", svg)


def add_tooltip(points: Sequence[Line2D], texts: Sequence[str]) -> None:
    """Gives points tooltips, which a page shows.

    Args:
        points: As `Axes.plot` returns them; the first line has the points.
        texts: One for each of them.
    """
    points[0].set_gid(_TOLD + ",".join(map(quote, texts)))


def tooltip(name: str, value: float, ci95: Sequence[float] | None = None) -> str:
    """The tooltip of an arm's point."""
    interval = f" ({fixed(ci95[0], 3)} to {fixed(ci95[1], 3)})" if ci95 else ""
    return f"{name}: {fixed(value, 3)}{interval}"


def _titled(match: re.Match[str]) -> str:
    """The SVG of a line whose markers have titles; as it was where some of them are not drawn."""
    texts, drawing = match[1].split(","), match[2]
    if drawing.count("<use ") != len(texts):
        return f"<g>{drawing}"
    titles = (escape(unquote(text)) for text in texts)
    return "<g>" + re.sub(
        r"(<use [^>]*)/>", lambda mark: f"{mark[1]}><title>{next(titles)}</title></use>", drawing
    )


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
    num_columns = min(len(names), most_columns, max(1, int(WIDTH_INCHES / title_inches)))
    num_rows = -(-len(names) // num_columns)
    height = row_inches or 0.15 + min(2.6, WIDTH_INCHES / num_columns)
    figure = Figure(figsize=(WIDTH_INCHES, 0.5 + height * num_rows), layout="constrained")
    grid = list(
        figure.subplots(num_rows, num_columns, sharex=True, sharey=True, squeeze=False).flat
    )
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(names) - num_columns) : len(names)]:
        axes.tick_params(axis="x", labelbottom=True)
    for axes, name in zip(grid, names, strict=False):
        axes.set_title(name)
    return figure, grid[: len(names)]


def show_sheet(axes: Axes, images: np.ndarray) -> None:
    """Draws images (rows, columns, H, W, C), each one unit wide and high, white lines between."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows, height + 1, columns, width + 1, 3), 255, np.uint8)
    sheet[:, :height, :, :width] = images.transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), 3)
    axes.imshow(sheet, interpolation="nearest", extent=(0, columns, rows, 0), aspect=height / width)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=8.5)
    axes.spines[:].set_visible(False)


def name_rows(axes: Axes, names: list[str]) -> None:
    """Gives a chart of horizontal rows the names of its rows, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=9, labelcolor=INK, labelsize=9)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def color_arms(names: Sequence[str], control: str) -> dict[str, str]:
    """A colour for the control and for each of the first arms; beyond the palette all are grey."""
    palette = iter((BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY))
    return {name: INK if name == control else next(palette, FAINT) for name in names}


def mark_end(axes: Axes, x: float, y: float, color: str) -> None:
    """A dot where a line ends."""
    axes.plot(x, y, "o", color=color, ms=4, zorder=4)


def scale_log(axes: Axes) -> None:
    """Makes the x axis logarithmic, its ticks plain numbers, as many as there is room for."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=log_factors(*axes.get_xlim())))
    axes.xaxis.set_major_formatter("{x:,.9g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


# Where ticks of shares may stand.
_SHARES = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998,
)  # fmt: skip


def scale_shares(axes: Axes) -> None:
    """Widens the y axis towards 0 and 1, where shares differ by factors of what is missing.

    As it is where nothing drawn is above 0.8, or something is 0 or 1.
    """
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    low, high = values.min(), values.max()
    if not (low > 0 and 0.8 < high < 1):
        return
    axes.set_yscale("logit")
    axes.set_ylim(low - 0.1 * low, high + 0.1 * (1 - high))
    ticks = [share for share in _SHARES if axes.get_ylim()[0] <= share <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, [f"{share:g}" for share in ticks])
    axes.yaxis.set_minor_locator(NullLocator())


def legend_above(figure: Figure, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """A legend of lines above the panels, in as many rows as it needs.

    Args:
        figure: Made with constrained layout.
        styles: What a line looks like, by label.
    """
    num_columns = int(WIDTH_INCHES / (0.9 + 0.08 * max(map(len, styles))))
    handles = [Line2D([], [], **style) for style in styles.values()]
    figure.legend(
        handles, list(styles), loc="outside upper left", ncols=max(1, num_columns), handlelength=3.6
    )


def shorten(name: str) -> str:
    """A class's name as it can be drawn, as far as there is room for it."""
    name = legible(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def shorten_all(names: Sequence[str]) -> list[str]:
    """Names of classes, each as by `shorten`; their ends where beginnings are alike."""
    labels = [shorten(name) for name in names]
    if len(set(labels)) == len(set(names)):
        return labels
    legible_names = [legible(name) for name in names]
    return [
        name if len(name) <= _LONGEST_NAME else f"…{name[-_LONGEST_NAME:]}"
        for name in legible_names
    ]


def wrapped(label: str) -> str:
    """What an axis shows, which may name classes, as it can be drawn: in lines that have room."""
    return textwrap.fill(legible(label), _LONGEST_LINE)


def legend_of_arms(figure: Figure, colors: Mapping[str, str]) -> None:
    """A legend above the panels of the arms that have a colour of their own, and of the others.

    Args:
        figure: Made with constrained layout.
        colors: As `color_arms` gives them.
    """
    styles = {name: {"color": color} for name, color in colors.items() if color != FAINT}
    others = {"others": {"color": FAINT}} if FAINT in colors.values() else {}
    legend_above(figure, styles | others)
