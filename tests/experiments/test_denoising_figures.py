"""The figures of denoising show what trials left, and survive what is missing."""

import json

import numpy as np
import pytest
from gan_mnist.experiments.denoising.figures import beyond_training, sheets
from gan_mnist.experiments.denoising.perception import perception_and_distortion
from matplotlib.colors import to_hex
from matplotlib.text import Text

from gan_mnist.report.run_files import Run
from gan_mnist.report.style import BLUE, GREEN, INK, MUTED, VERMILLION, save

DRAWN = (perception_and_distortion, sheets, beyond_training)
CONTROL = "resConvNet_v1_dcnn"
VANILLA, CONDITIONAL = {"adversary": "vanilla"}, {"adversary": "conditional"}
NOTHING = {"method": "filter"}
# name: (what differs from the settings, PSNR of each seed; None: that trial failed)
FEW = {
    CONTROL: ({}, (20.0, 21.0)),
    "resConvNet_v2_dcnn": ({}, (21.0, 22.0)),
    "no_input_skip": ({}, (19.0, 19.2)),
    "resConvNet_v1_dcgans": (VANILLA, (15.0, 15.4)),
    "vanilla_tenth": (VANILLA, (18.0, 18.6)),
    "conditional_tenth": (CONDITIONAL, (17.0, None)),
    "subtract_and_filter": (NOTHING, (14.0, 14.0)),
    "black": ({"method": "black"}, (16.0, 16.0)),
}
TWO = {name: FEW[name] for name in (CONTROL, "vanilla_tenth")}
MANY = FEW | {
    f"{name}_{number}_of_many": (changes, (19 + 0.02 * number, 19 + 0.04 * number))
    for name, changes in (("vanilla", VANILLA), ("conditional", CONDITIONAL), ("l1", {}))
    for number in range(6)
}


def trial(workdir, arm, seed):
    return workdir / "trials" / arm / f"seed-{seed:02d}"


def metrics_of(psnr_db):
    return {"psnr_db": psnr_db, "digit_accuracy": psnr_db / 25, "feature_distance": 1 / psnr_db**4}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_record(workdir, arm, seed, metrics):
    record = {"arm": arm, "seed": seed, "status": "done" if metrics else "failed", "error": None}
    record |= {"metrics": metrics, "settings": {}, "fingerprint": "0" * 16, "seconds": {}}
    write_json(trial(workdir, arm, seed) / "record.json", record)


def write_curve(workdir, arm, seed, points):
    rows = [f"{update},{seconds},0.1,{psnr}" for update, (seconds, psnr) in enumerate(points, 1)]
    text = "\n".join(["update,seconds,l1,val_psnr_db", *rows])
    (trial(workdir, arm, seed) / "curves.csv").write_text(text)


def pairs(shape=(16, 6, 5, 1)):
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, shape, np.uint8) for name in ("truths", "refs", "inputs")}


def outputs_of(arm, shape):
    return np.random.default_rng(len(arm)).integers(0, 256, shape, np.uint8)


def make(workdir, arms, shape=(16, 6, 5, 1)):
    summary = {"control": CONTROL, "oracle": None, "seeds": [0, 1], "arms": {}}
    summary["metrics"] = [{"name": "psnr_db", "label": "PSNR", "higher_is_better": True}]
    for arm, (changes, values) in arms.items():
        done = [value for value in values if value is not None]
        mean = float(np.mean(done)) if done else None
        summary["arms"][arm] = {"n": len(done), "mean": mean}
        for seed, psnr in enumerate(values):
            write_record(workdir, arm, seed, metrics_of(psnr) if psnr else {})
            if psnr is None:
                continue
            directory = trial(workdir, arm, seed)
            if "method" not in changes:
                write_curve(workdir, arm, seed, [(1 + seed, psnr - 5), (9 + seed, psnr - 1)])
            slope = 2 if arm == "black" else 1
            places = [(varied, x) for varied in ("a", "b", "noise") for x in (0.1, 1.5)]
            swept = [(varied, x, psnr - slope * x) for varied, x in places]
            rows = [f"{varied},{x},{value},0.1" for varied, x, value in swept]
            (directory / "sweep.csv").write_text("\n".join(["varied,value,psnr_db,leak", *rows]))
            np.savez(directory / "sheet.npz", **pairs(shape), outputs=outputs_of(arm, shape))
    settings = {"adversary": "none", "method": "network", "a": [0.2, 1.0], "b": [0.3, 0.9]}
    told = {name: {"changes": changes, "kind": "rival"} for name, (changes, _) in arms.items()}
    study = {"settings": settings | {"noise": [0.0, 1.2]}, "arms": told, "curve": None}
    write_json(workdir / "study.json", study)
    write_json(workdir / "summary.json", summary)
    return Run.read(workdir)


def legend_of(figure):
    """Colour and style by label."""
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    looks = [(line.get_color(), line.get_linestyle()) for line in legend.get_lines()]
    return dict(zip(texts, looks, strict=True))


def lines_of(axes):
    """What is drawn as a line, by colour and style."""
    lines = [line for line in axes.get_lines() if len(np.unique(line.get_xdata())) > 1]
    return {(line.get_color(), line.get_linestyle()): line.get_xydata() for line in lines}


def marks_of(axes):
    """The single points: (x, y), colours of edge and face."""
    return [
        (line.get_xydata()[0], to_hex(line.get_mec()), to_hex(line.get_mfc()))
        for line in axes.get_lines()
        if len(line.get_xdata()) == 1
    ]


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("arms", [TWO, FEW, MANY], ids=["two", "few", "many"])
def test_every_figure_is_drawn_and_saved(tmp_path, draw, arms):
    figure = draw(make(tmp_path, arms, shape=(16, 6, 5, 3)))
    save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.parametrize("draw", DRAWN)
def test_without_data_there_is_no_figure(tmp_path, draw):
    failed = {arm: (changes, (None, None)) for arm, (changes, _) in FEW.items()}
    assert draw(make(tmp_path, failed)) is None


@pytest.mark.parametrize("draw", DRAWN)
def test_a_failed_control_and_spoilt_files_are_left_out(tmp_path, draw):
    make(tmp_path, FEW | {CONTROL: ({}, (None, None))})
    for path in trial(tmp_path, "vanilla_tenth", 0).glob("*.*"):
        if path.name != "record.json":
            path.write_bytes(b"")
    save(draw(Run.read(tmp_path)), tmp_path / "figure.png")


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
    assert 0 < control[1] < 1e-4 * vanilla[1]
    assert marks_of(left)[1][0] == pytest.approx([18, 18 / 25])


def picture(axes):
    (image,) = axes.get_images()
    return np.asarray(image.get_array())


def test_sheets_hold_the_images_best_first(tmp_path):
    run = make(tmp_path, FEW)
    (axes,) = sheets(run).axes
    order = ["resConvNet_v2_dcnn", CONTROL, "no_input_skip", "vanilla_tenth", "conditional_tenth",
             "black", "resConvNet_v1_dcgans", "subtract_and_filter"]  # fmt: skip
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels[:5]] == [
        "truth", "ref", "input", "v2 dcnn", "v1 dcnn (control)",
    ]  # fmt: skip
    assert [label.get_weight() for label in labels].index("bold") == 4
    assert [label.get_color() for label in labels[6:9]] == [VERMILLION, GREEN, MUTED]
    # Outputs have half of the full scale, at which they are shown.
    outputs = [np.minimum(2.0 * outputs_of(arm, (16, 6, 5, 1)), 255) for arm in order]
    rows = [*pairs().values(), *outputs]
    shown = picture(axes)
    assert shown.shape == (11 * 7, 8 * 6, 3)
    for row, images in enumerate(rows):
        for column in range(8):
            cell = shown[row * 7 : row * 7 + 6, column * 6 : column * 6 + 5]
            assert (cell == images[column]).all()
    psnr = ["21.50", "20.50", "19.10", "18.30", "17.00", "16.00", "15.20", "14.00"]
    assert [text.get_text() for text in axes.texts][1:] == psnr


def test_sheets_of_many_arms_stand_in_two_blocks(tmp_path):
    first, second = sheets(make(tmp_path, MANY)).axes
    assert picture(first).shape == picture(second).shape == ((3 + 13) * 7, 8 * 6, 3)
    assert (picture(first)[: 3 * 7] == picture(second)[: 3 * 7]).all()
    assert second.get_yticklabels()[-1].get_text() == "subtract and filter"


def test_a_sheet_of_other_inputs_is_not_compared(tmp_path):
    make(tmp_path, FEW)
    other = {name: 255 - images for name, images in pairs().items()}
    for seed in (0, 1):
        np.savez(trial(tmp_path, "black", seed) / "sheet.npz", **other, outputs=other["truths"])
    (trial(tmp_path, "no_input_skip", 0) / "sheet.npz").unlink()  # Its second seed has one.
    (axes,) = sheets(Run.read(tmp_path)).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert "no input skip" in labels and "black" not in labels


def test_beyond_training_compares_the_best_of_each_kind(tmp_path):
    figure = beyond_training(make(tmp_path, FEW))
    looks = legend_of(figure)
    assert looks == {
        "control: v1 dcnn": (INK, "-"),
        "best, no adversary: v2 dcnn": (BLUE, "-"),
        "best, vanilla adversary: vanilla tenth": (VERMILLION, "-"),
        "best, conditional adversary: conditional tenth": (GREEN, "-"),
        "best, not learned: subtract and filter": (MUTED, "-"),
    }
    trained = [(0.2, 1.0), (0.3, 0.9), (1.2, 1.2)]
    for axes, (low, high) in zip(figure.axes, trained, strict=True):
        lines = lines_of(axes)
        assert lines[INK, "-"] == pytest.approx(np.array([[0.1, 4.6], [1.5, 6.0]]))
        assert lines[GREEN, "-"] == pytest.approx(np.array([[0.1, 1.1], [1.5, 2.5]]))
        (span,) = axes.patches
        assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((low, high))
        band = axes.collections[0].get_paths()[0].vertices
        assert sorted(np.unique(band[:, 1])) == pytest.approx([4.1, 5.1, 5.5, 6.5])


def test_without_a_black_image_beyond_training_shows_psnr_itself(tmp_path):
    figure = beyond_training(make(tmp_path, TWO))
    for axes in figure.axes:
        lines = lines_of(axes)
        assert lines[INK, "-"] == pytest.approx(np.array([[0.1, 20.4], [1.5, 19.0]]))
    assert figure.axes[0].get_ylabel() == "PSNR in dB"
