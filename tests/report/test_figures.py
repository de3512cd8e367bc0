"""The figures of every report show the numbers they were given."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_run import make_run
from matplotlib.figure import Figure
from PIL import Image

from gan_mnist.report import figures
from gan_mnist.report.pairs import duplicate_rows
from gan_mnist.report.style import as_svg, save

# As `duplicates.npz` names its pairs.
ALIKE = ("validation", "test", "validation and test")
# A study of which no arm is said to be for anything.
PLAIN = {"arms": {}, "treatment": ""}


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return make_run(tmp_path, arms=("none", "cgan"), seeds=2)


def test_a_huge_interval_does_not_flatten_the_points(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    summary["arms"]["none"]["ci95"] = [-40.0, 40.0]
    means, _ = figures.forest(summary, ["none", "cgan", "smote"], PLAIN).axes
    values = [v for arm in summary["arms"].values() for v in arm["values"].values()]
    low, high = means.get_xlim()
    assert low < min(values) < max(values) < high
    assert high - low < 3 * (max(values) - min(values))
    arrows = [line.get_marker() for line in means.get_lines() if line.get_marker() in ("<", ">")]
    assert arrows == ["<", ">"]


def test_intervals_that_are_all_huge_are_seen_whole(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    for arm in summary["arms"].values():
        arm["ci95"] = [-40.0, 40.0]
    means, _ = figures.forest(summary, ["none", "cgan", "smote"], PLAIN).axes
    assert means.get_xlim()[0] < -40 < 40 < means.get_xlim()[1]


def test_an_arm_that_is_to_fail_does_not_flatten_the_others(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    summary["controls"] = [{"arm": "cgan", "relation": "below"}]
    summary["arms"]["cgan"]["mean"] = -50.0
    means, _ = figures.forest(summary, ["none", "cgan", "smote"], PLAIN).axes
    low, high = means.get_xlim()
    assert high - low < 1
    assert [text.get_text() for text in means.texts if text.get_text() == "-50"] == ["-50"]
    summary["controls"] = []
    means, _ = figures.forest(summary, ["none", "cgan", "smote"], PLAIN).axes
    assert means.get_xlim()[0] < -50


def test_rows_tell_of_what_kind_they_are_where_some_are_generated(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    order, kinds = ["none", "cgan", "smote"], ("control", "generated", "rival")
    arms = {name: {"kind": kind} for name, kind in zip(order, kinds, strict=True)}

    def shown(study: dict[str, Any]) -> list[tuple[float, str]]:
        means, _ = figures.forest(summary, order, study).axes
        return [
            (text.xy[1], text.get_text())
            for text in means.texts
            if text.get_text() in ("an adversary", "rival")
        ]

    told = {"treatment": "an adversary", "arms": arms}
    assert shown(told) == [(1, "an adversary"), (2, "rival")]
    # Where none is, there is nothing to tell apart.
    arms["cgan"]["kind"] = "rival"
    assert shown(told) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_gallery_shows_the_pixels_it_was_given(channels: int) -> None:
    rng = np.random.default_rng(2)
    rows = {
        name: rng.integers(0, 256, (3, 8, 12, channels), dtype=np.uint8) for name in ("real", "gan")
    }
    (axes,) = figures.gallery(rows).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["real", "gan"]
    for strip, images in zip(axes.get_images(), rows.values(), strict=True):
        pixels = np.asarray(strip.get_array())
        for column, image in enumerate(images):
            left = column * 14
            assert (pixels[:8, left : left + 12] == image).all()


def test_parts_that_cost_no_arm_any_time_are_not_drawn():
    seconds = {"generator": [0.0, 0.0], "training": [2.0, 3.0], "evaluation": [1.0, 0.0]}
    (axes,) = figures.cost(pd.DataFrame(seconds, ["a", "b"])).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "evaluation"]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends == pytest.approx([2, 3, 3, 3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "arms"), [(7, 4), (10, 8), (16, 5), (30, 2), (60, 1), (120, 2)]
)
def test_nothing_of_a_confusion_matrix_is_cut_off_where_names_are_long(tmp_path, classes, arms):
    names = [f"{number:03} meadow warbler" for number in range(classes)]
    figure = figures.confusion({f"arm {k}": np.eye(classes) for k in range(arms)}, names)
    save(figure, tmp_path / "confusion.png")
    with Image.open(tmp_path / "confusion.png") as image:
        ink = np.asarray(image.convert("L")) < 200
    # What was cut off would reach the edge.
    assert not any(edge.any() for edge in (ink[:5], ink[-5:], ink[:, :5], ink[:, -5:]))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    places = [axes.get_window_extent() for axes in panels]
    assert all(place.width == pytest.approx(place.height) for place in places)


def test_images_that_are_alike_lie_below_each_other(tmp_path: Path) -> None:
    pairs = {name: np.full((2, 3, 8, 8, 1), n, np.uint8) for n, name in enumerate(ALIKE)}
    np.savez(tmp_path / "duplicates.npz", **pairs)
    told: Any = SimpleNamespace(workdir=tmp_path, study={"dataset": {"duplicates": ALIKE}})
    assert [(name, images.max()) for name, images in duplicate_rows(told).items()] == [
        ("train, as validation", 0),
        ("validation, as train", 0),
        ("train, as test", 1),
        ("test, as train", 1),
        ("validation, as test", 2),
        ("test, as validation", 2),
    ]
    # Where each seed draws its own test images there are no splits to name.
    pool = {"duplicates": {"test": 1}, "each_seed": {}}
    np.savez(tmp_path / "duplicates.npz", test=pairs[next(iter(pairs))])
    told.study["dataset"] = pool
    assert list(duplicate_rows(told)) == ["one, as another", "another, as one"]
    (tmp_path / "duplicates.npz").unlink()
    assert duplicate_rows(told) is None


def test_a_gallery_has_room_for_its_images_however_long_a_name_is() -> None:
    images = np.zeros((3, 8, 8, 1), np.uint8)
    for rows in (1, 12):
        figure = figures.gallery({f"{row} {'n' * 200}": images for row in range(rows)}, 14, 6)
        assert min(figure.get_size_inches()) > 0


def test_colours_that_are_numbers_stay_as_they_are_in_the_dark() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    assert as_svg(figure, "lines")
    axes.pcolormesh(np.eye(3))
    assert as_svg(figure, "heat") is None
