"""A figure in the page tells of its points when they are hovered."""

from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from gan_mnist.report.style import as_svg, in_words, tell

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
    tell(axes.plot([0, 1, 2], [1, 2, 3], "o-"), ["one", "two", "three"])
    tell(axes.plot(1, 2, "D"), ["last"])
    axes.plot([0, 2], [1, 3])
    assert titles_of(figure) == ["one", "two", "three", "last"]


def test_where_a_point_is_not_drawn_none_is_given_the_title_of_another():
    figure = Figure()
    axes = figure.subplots()
    tell(axes.plot([0, 1, 2], [1, float("nan"), 3], "o"), ["one", "absent", "three"])
    assert titles_of(figure) == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a "b" & c', "\\1 \\g<0>", "é한"])
def test_a_name_stays_text(name):
    figure = Figure()
    tell(figure.subplots().plot(1, 2, "o"), [in_words(name, 0.5)])
    assert titles_of(figure) == [f"{name}: 0.500"]


def test_words_of_a_point():
    assert in_words("cgan", 0.12345) == "cgan: 0.123"
    assert in_words("cgan", 0.5, [0.4, 0.6]) == "cgan: 0.500 (0.400 to 0.600)"
