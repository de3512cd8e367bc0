"""The figure of perception against distortion: its marks, its axes, and what is missing."""

import numpy as np
import pytest
from denoised_run import CONTROL, MANY, TWO, VANILLA, make, metrics_of, write_record
from gan_mnist.experiments.denoising.perception import perception_and_distortion
from matplotlib.colors import to_hex
from matplotlib.markers import CARETDOWNBASE, CARETLEFTBASE, CARETUPBASE
from matplotlib.text import Text

from gan_mnist.report.run_files import Run
from gan_mnist.report.style import BLUE, MUTED, VERMILLION


def marks_of(axes):
    """The single points: (x, y), colours of edge and face."""
    return [
        (line.get_xydata()[0], to_hex(line.get_mec()), to_hex(line.get_mfc()))
        for line in axes.get_lines()
        if len(line.get_xdata()) == 1
    ]


def test_marks_are_means_and_bars_reach_over_the_seeds(tmp_path):
    left, right, _ = perception_and_distortion(make(tmp_path, TWO)).axes
    metrics = {arm: [metrics_of(psnr) for psnr in TWO[arm][1]] for arm in TWO}
    accuracies = {arm: [of_seed["digit_accuracy"] for of_seed in metrics[arm]] for arm in TWO}
    # In multiples of the control's with the same seed.
    distances = {
        arm: [
            of_seed["feature_distance"] / of_control["feature_distance"]
            for of_seed, of_control in zip(metrics[arm], metrics[CONTROL], strict=True)
        ]
        for arm in TWO
    }
    for axes, seeds in ((left, accuracies), (right, distances)):
        (control, _, of_control), (vanilla, _, of_vanilla) = marks_of(axes)
        assert control == pytest.approx([20.5, np.mean(seeds[CONTROL])])
        assert vanilla == pytest.approx([18.3, np.mean(seeds["vanilla_tenth"])])
        assert (of_control, of_vanilla) == (BLUE.lower(), VERMILLION.lower())
        bars = [line.get_xydata() for line in axes.get_lines() if len(line.get_xdata()) == 2]
        assert bars[0][:, 0] == pytest.approx([20, 21])
        assert sorted(bars[1][:, 1]) == pytest.approx(sorted(seeds[CONTROL]))
    assert (left.get_yscale(), right.get_yscale()) == ("linear", "log")
    assert "multiples of the control's" in right.get_ylabel()


def test_a_bar_that_goes_on_beyond_the_axis_ends_in_an_arrow(tmp_path):
    arms = TWO | {"vanilla_tenth": (VANILLA, (5.0, 30.0))}
    left, right, _ = perception_and_distortion(make(tmp_path, arms)).axes
    for axes, ends in ((left, {CARETLEFTBASE, CARETDOWNBASE}), (right, {CARETLEFTBASE})):
        arrows = {line.get_marker(): line for line in axes.get_lines() if line.get_marker() in ends}
        assert set(arrows) == ends
        assert float(arrows[CARETLEFTBASE].get_xdata()[0]) > 5
        assert {to_hex(line.get_color()) for line in arrows.values()} == {VERMILLION.lower()}


def test_an_arm_that_lies_beyond_the_axis_is_a_hollow_mark_without_arrows(tmp_path):
    near = {f"near_{i}": (VANILLA, (20.0 + i / 10, 20.5)) for i in range(6)}
    arms = TWO | near | {"vanilla_tenth": (VANILLA, (2.0, 2.1))}
    left, *_ = perception_and_distortion(make(tmp_path, arms)).axes
    arrows = {CARETLEFTBASE, CARETDOWNBASE, CARETUPBASE}
    points = [line for line in left.get_lines() if len(line.get_xdata()) == 1]
    marks = [line for line in points if line.get_marker() not in arrows]
    far = min(marks, key=lambda line: line.get_xdata()[0])
    assert to_hex(far.get_mfc()) == "#ffffff"
    there = [line for line in points if (line.get_xydata() == far.get_xydata()).all()]
    assert there == [far]


@pytest.mark.parametrize("spread", [0.1, 1, 3, 8])
def test_distances_can_be_read_off_however_far_apart_they_are(tmp_path, spread):
    far = (20.0 - spread, 20.0 - spread)
    figure = perception_and_distortion(make(tmp_path, TWO | {"vanilla_tenth": (VANILLA, far)}))
    figure.draw_without_rendering()
    axis, (low, high) = figure.axes[1].yaxis, figure.axes[1].get_ylim()
    assert 3 <= sum(low <= tick <= high for tick in axis.get_majorticklocs()) <= 9
    assert axis.label.get_window_extent().height < figure.bbox.height


def test_without_distances_of_the_control_they_stand_as_they_are(tmp_path):
    make(tmp_path, TWO)
    for seed in (0, 1):
        write_record(tmp_path, CONTROL, seed, metrics_of(20.0) | {"feature_distance": -0.1})
    right = perception_and_distortion(Run.read(tmp_path)).axes[1]
    expected = np.mean([metrics_of(psnr)["feature_distance"] for psnr in (18.0, 18.6)])
    assert marks_of(right)[1][0] == pytest.approx([18.3, expected])
    assert "multiples" not in right.get_ylabel()


@pytest.mark.slow
def test_numbers_and_names_of_many_arms_are_legible(tmp_path):
    figure = perception_and_distortion(make(tmp_path, MANY))
    figure.draw_without_rendering()
    *panels, names = figure.axes
    for axes in panels:
        assert sorted(int(text.get_text()) for text in axes.texts) == list(range(1, 27))
        # An annotation's own extent holds the line that leads to its mark as well.
        boxes = [Text.get_window_extent(text).padded(-1) for text in axes.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    told = [text.get_text() for text in names.texts]
    assert "v1 dcnn (control)" in told and "conditional 5 of many" in told
    assert told.count("not learned") == 1
    # Numbers go with names: the best without an adversary comes first.
    assert told[:3] == ["no adversary", "1", "v2 dcnn"]
    boxes = [text.get_window_extent() for text in names.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


@pytest.mark.slow
def test_an_arm_far_out_is_hollow_and_does_not_set_the_axes(tmp_path):
    run = make(tmp_path, MANY | {"collapsed": (VANILLA, (3.0, 3.0))})
    left, right, _ = perception_and_distortion(run).axes
    for axes in (left, right):
        assert axes.get_xlim()[0] > 3
        hollow = [color for _, color, face in marks_of(axes) if face == "#ffffff"]
        # Others are as far from most: v1_dcgans and the two that learn nothing.
        assert hollow == [VERMILLION.lower()] * 2 + [MUTED] * 2
        assert max(point[0] for point, *_ in marks_of(axes)) == 21.5
        assert "hollow" in axes.get_title(loc="left")


def test_a_distance_of_zero_and_a_missing_metric_are_survived(tmp_path):
    make(tmp_path, TWO)
    write_record(tmp_path, CONTROL, 0, metrics_of(20.0) | {"feature_distance": 0.0})
    write_record(tmp_path, CONTROL, 1, metrics_of(20.0) | {"feature_distance": 0.0})
    write_record(tmp_path, "vanilla_tenth", 1, {"psnr_db": 30.0})
    left, right, _ = perception_and_distortion(Run.read(tmp_path)).axes
    (control, *_), (vanilla, *_) = marks_of(right)
    # There is no logarithm of it.
    assert right.get_yscale() == "linear"
    assert control[1] == 0 < vanilla[1]
    assert marks_of(left)[1][0] == pytest.approx([18, 18 / 25])
