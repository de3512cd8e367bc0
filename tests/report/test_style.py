"""Points of a figure tell what they are when they are hovered, and axes leave them room."""

from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from gan_mnist.report.style import add_tooltip, as_svg, scale_log, scale_shares, tooltip

SVG = "{http://www.w3.org/2000/svg}"


def titles_of(figure: Figure) -> list[str]:
    svg = as_svg(figure, "test")
    assert svg and "told:" not in svg
    marks = ElementTree.fromstring(svg).iter(f"{SVG}use")
    return [title.text or "" for mark in marks for title in mark.iter(f"{SVG}title")]


def test_every_point_has_its_own_title_and_other_lines_have_none():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0.5, 0.5], "s")
    add_tooltip(axes.plot([0, 1, 2], [1, 2, 3], "o-"), ["one", "two", "three"])
    add_tooltip(axes.plot(1, 2, "D"), ["last"])
    axes.plot([0, 2], [1, 3])
    assert titles_of(figure) == ["one", "two", "three", "last"]


def test_where_a_point_is_not_drawn_none_is_given_the_title_of_another():
    figure = Figure()
    axes = figure.subplots()
    add_tooltip(axes.plot([0, 1, 2], [1, float("nan"), 3], "o"), ["one", "absent", "three"])
    assert titles_of(figure) == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a "b" & c', "\\1 \\g<0>", "é한"])
def test_a_name_stays_text(name):
    figure = Figure()
    add_tooltip(figure.subplots().plot(1, 2, "o"), [tooltip(name, 0.5)])
    assert titles_of(figure) == [f"{name}: 0.500"]


def test_words_of_a_point():
    assert tooltip("cgan", 0.12345) == "cgan: 0.123"
    assert tooltip("cgan", 0.5, [0.4, 0.6]) == "cgan: 0.500 (0.400 to 0.600)"


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((0.4, 0.9, 0.97), "logit"),
        ((0.1, 0.5), "linear"),  # There is room enough.
        ((0.4, 1.0), "linear"),  # 1 would be infinitely far.
        ((0.0, 0.97), "linear"),
        ((20.0, 22.0), "linear"),  # No shares.
    ],
)
def test_shares_near_one_are_drawn_apart(values, scale):
    axes = Figure().subplots()
    axes.plot(range(len(values)), values)
    axes.plot([0, 1], values[:2])
    scale_shares(axes)
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < min(values)
    assert max(values) < high
    if scale == "logit":
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["0.5", "0.7", "0.8", "0.9", "0.95", "0.97"]


def test_an_axis_that_began_at_0_can_be_made_logarithmic():
    axes = Figure().subplots()
    axes.set_xlim(0, 500)
    scale_log(axes)
    ticks = axes.xaxis.get_major_locator().tick_values(1, 500)
    assert [tick for tick in ticks if 1 <= tick <= 500] == [1, 10, 100]
