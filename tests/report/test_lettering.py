"""Names in any script: a font draws them, or they are spelled out; never boxes, never warnings."""

import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from gan_mnist.report import lettering
from gan_mnist.report.figures import confusion
from gan_mnist.report.lettering import legible
from gan_mnist.report.style import save


@pytest.fixture
def only_dejavu(monkeypatch):
    monkeypatch.setattr(lettering, "FAMILIES", ["DejaVu Sans"])
    lettering._is_drawn.cache_clear()
    yield
    lettering._is_drawn.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bars, upright <100 %>", "bars, upright <100 %>"),
        ("Käse ñ Ωμέγα жук", "Käse ñ Ωμέγα жук"),
        ("고양이", "goyangi"),
        ("ねこ", "neko"),
        ("猫", "U+732B"),
        ("\N{ROCKET}", "(rocket)"),
        ("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}", "(woman)(rocket)"),
    ],
)
def test_what_no_font_has_is_spelled_out(only_dejavu, text, expected):
    assert legible(text) == expected


def test_a_font_that_has_the_signs_draws_them(only_dejavu, tmp_path, monkeypatch):
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "cat"])
    builder.setupCharacterMap({ord("猫"): "cat"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (600, 700), (600, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder.setupGlyf({".notdef": pen.glyph(), "cat": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (700, 0), "cat": (700, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Made Up", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "made_up.ttf")
    listed = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "made_up.ttf")
    try:
        monkeypatch.setattr(lettering, "FAMILIES", ["DejaVu Sans", "Made Up"])
        assert legible("猫 고") == "猫 go"
    finally:
        font_manager.fontManager.ttflist = listed


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 10, 120])
def test_a_figure_of_many_classes_of_any_name_names_as_many_as_fit(tmp_path, number):
    names = [
        "고양이",
        "\N{ROCKET}",
        "100 %, $x$",
        *(f"the class {k:03d}" for k in range(number - 3)),
    ]
    with warnings.catch_warnings(action="error"):
        figure = confusion({"some": np.eye(number), "other": np.eye(number)}, names)
        save(figure, tmp_path / "confusion.png")
    axes = figure.axes[0]
    places = axes.get_yticks()
    assert len(places) == number if number <= 10 else 20 < len(places) < number
    # Lines of text of eight points.
    points = axes.transData.transform([(0, place) for place in places])[:, 1] / figure.dpi * 72
    assert (-np.diff(points) > 8).all()
    texts = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(texts)) == len(texts)
    assert number == 3 or texts[-1] == f"…he class {int(places[-1]) - 3:03d}"
