"""The figures that studies share show the numbers that trials left, and survive what is missing."""

import csv
import json

import numpy as np
import pytest
from fake_files import write_csv
from fake_run import change, make_run, trial
from matplotlib.colors import to_hex

from gan_mnist.report import study_figures
from gan_mnist.report.run_files import Run
from gan_mnist.report.style import BLUE, INK, ORANGE, VERMILLION

ARMS = ("none", "classical", "cgan")
CURVES = "update,seconds,loss,accuracy,val_loss,val_accuracy"


@pytest.fixture
def workdir(tmp_path):
    make_run(tmp_path, arms=ARMS, seeds=2)
    return tmp_path


def lines_of(axes):
    """The lines with more than one point, by colour and style."""
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 1]
    return {(to_hex(line.get_color()), line.get_linestyle()): line for line in lines}


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("name", ["train_and_validation", "predictions", "roc_curves"])
def test_without_data_there_is_no_figure(workdir, name):
    for path in [*workdir.rglob("*.csv"), *workdir.rglob("*.npz")]:
        path.unlink()
    assert getattr(study_figures, name)(Run.read(workdir)) is None
    assert study_figures.against_cost(Run.read(workdir)) is None


def test_train_and_validation_are_means_over_seeds(workdir):
    for seed, loss in ((0, 1.0), (1, 3.0)):
        rows = [(u, u / 10, loss, 0.5, loss + 1, 0.25 * loss) for u in (10, 20)]
        write_csv(trial(workdir, "none", seed) / "curves.csv", CURVES, rows)
    figure = study_figures.train_and_validation(Run.read(workdir))
    panels = np.array(figure.axes).reshape(2, 3)
    column = [axes.get_title(loc="left") for axes in panels[0]].index("none")
    losses, accuracies = (lines_of(axes) for axes in panels[:, column])
    assert losses[INK.lower(), "--"].get_ydata() == pytest.approx([2, 2])
    assert losses[INK.lower(), "-"].get_ydata() == pytest.approx([3, 3])
    assert accuracies[INK.lower(), "--"].get_ydata() == pytest.approx([0.5, 0.5])
    assert accuracies[INK.lower(), "-"].get_ydata() == pytest.approx([0.5, 0.5])
    assert losses[INK.lower(), "-"].get_xdata() == pytest.approx([10, 20])
    bands = [np.unique(c.get_paths()[0].vertices[:, 1]) for c in panels[0, column].collections]
    assert [list(band) for band in bands] == [[1, 3], [2, 4]]


def test_of_many_arms_the_control_and_the_best_are_drawn(tmp_path):
    arms = (
        "none",
        "class_weight",
        "duplicate",
        "classical",
        "cgan_classical",
        "warp_gan",
        "oracle",
    )
    make_run(tmp_path, arms=arms, seeds=2)
    figure = study_figures.train_and_validation(Run.read(tmp_path))
    titles = [axes.get_title(loc="left") for axes in figure.axes[:5]]
    assert titles[-1] == "none"
    assert set(titles[:-1]) == {"oracle", "classical", "cgan_classical", "warp_gan"}


def write_roc(workdir, arm, seed, curves):
    rows = [(name, *point) for name, points in curves.items() for point in points]
    path = trial(workdir, arm, seed) / "roc.csv"
    write_csv(path, "class,false_positive_rate,true_positive_rate", rows)


STEP = [(0, 0), (0, 0.5), (0.01, 0.5), (0.01, 0.9), (1, 1)]
AREA = 0.01 * 0.5 + 0.99 * 0.95


def test_a_class_may_have_the_name_of_a_gap(workdir):
    for seed in (0, 1):
        write_roc(workdir, "none", seed, {"nan": STEP, "2": STEP})
    figure = study_figures.roc_curves(Run.read(workdir))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["2", "nan"]


def test_roc_curves_are_averaged_and_areas_exact(workdir):
    better = [(0, 0), (0, 0.7), (0.02, 1), (1, 1)]
    area = 0.02 * 0.85 + 0.98
    for seed, curve in enumerate((STEP, better)):
        write_roc(workdir, "none", seed, {"1": curve, "2": STEP})
        write_roc(workdir, "cgan", seed, {"1": STEP, "2": STEP})
    figure = study_figures.roc_curves(Run.read(workdir))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["1", "2"]
    first = figure.axes[0]
    assert sorted(texts(first)) == sorted([f"{(AREA + area) / 2:.4f}", f"{AREA:.4f}"])
    line = lines_of(first)[INK.lower(), "-"]
    for rate in (0.0105, 0.015, 0.5):
        by_hand = (0.9 + 0.1 * (rate - 0.01) / 0.99 + min(1, 0.7 + 15 * rate)) / 2
        drawn = np.interp(rate, line.get_xdata(), line.get_ydata())
        assert drawn == pytest.approx(by_hand, abs=2e-3)
    assert lines_of(first)[BLUE.lower(), "-"].get_ydata()[0] == pytest.approx(0.5)
    assert first.get_xscale() == "log"


def test_of_many_arms_those_that_are_compared_first_are_drawn(tmp_path):
    names = ("none", "classical", "warp_gan", "duplicate", "class_weight", "cgan", "copy")
    make_run(tmp_path, arms=names, seeds=2)
    path = tmp_path / "summary.json"
    summary = json.loads(path.read_text())
    nothing = dict.fromkeys(("difference", "ci95", "p_holm"))
    first = {"arm": "class_weight", "reference": "none", "verdict": "cannot tell", **nothing}
    for primary in ([], [first]):
        path.write_text(json.dumps(summary | {"primary": primary}))
        for name in names:
            write_roc(tmp_path, name, 0, {"1": STEP})
        legend = study_figures.roc_curves(Run.read(tmp_path)).legends[0]
        drawn = {text.get_text() for text in legend.get_texts()}
        assert len(drawn) == 5
        assert ("class_weight" in drawn) == bool(primary)  # the worst of them


def test_roc_curves_tell_excellent_from_good_and_show_ten_classes(workdir):
    names = [f"{number:02d}" for number in range(12)]
    for arm, right in (("none", 0.9), ("cgan", 0.99)):
        points = [(0, 0), (0, right), (0.002, 1), (1, 1)]
        write_roc(workdir, arm, 0, dict.fromkeys(names, points))
    figure = study_figures.roc_curves(Run.read(workdir))
    assert [axes.get_title(loc="left") for axes in figure.axes] == names[:10]
    low, high = figure.axes[0].get_xlim()
    assert np.log(0.002 / low) / np.log(high / low) > 0.1  # the left end has room


def write_shown(workdir, arm, labels, predictions, seed=0):
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 1), dtype=np.uint8)
    np.savez(
        trial(workdir, arm, seed) / "shown.npz",
        images=images,
        label=np.array(labels),
        prediction=np.array(predictions),
        probability=np.linspace(0.5, 0.83, len(labels), dtype=np.float32),
    )
    return images


def test_predictions_are_shown_above_their_images(workdir):
    write_shown(workdir, "none", ["cat", "dog"], ["cat", "cat"])
    images = write_shown(workdir, "cgan", ["cat", "dog"], ["dog", "dog"])
    write_shown(workdir, "classical", ["cat"], ["cat"])
    # The arm of the answer, be another the better one.
    for arm in ("cgan", "classical"):
        change(workdir, "summary.json", rests_on={"arm": arm, "reference": "none"})
        figure = study_figures.predictions(Run.read(workdir))
        assert [part.get_suptitle() for part in figure.subfigs] == ["none", arm]
    drawn = [axes for axes in figure.subfigs[0].axes if axes.get_images()]
    shown = [axes.get_title(loc="center") for axes in drawn]
    assert shown == ["cat: cat 0.50", "dog: cat 0.83 ✕"]
    assert [axes.title.get_color() for axes in drawn] == [INK, VERMILLION]
    pixels = np.asarray(drawn[1].get_images()[0].get_array())
    assert (pixels == images[1]).all()
    assert len(figure.axes) == 12


def test_of_many_kept_images_twelve_are_drawn(workdir):
    write_shown(workdir, "none", ["cat"] * 20, ["cat"] * 20)
    figure = study_figures.predictions(Run.read(workdir))
    assert len([axes for axes in figure.axes if axes.get_images()]) == 12


def test_long_class_names_get_two_lines_and_are_cut(workdir):
    long = "an unusually long name"
    write_shown(workdir, "none", ["cat", "cat"], ["cat", long])
    figure = study_figures.predictions(Run.read(workdir))
    (part,) = figure.subfigs
    assert [axes.get_title(loc="center") for axes in part.axes[:2]] == [
        "cat:\ncat 0.50",
        "cat:\nan unusually… 0.83 ✕",
    ]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_spoilt_archive_is_left_out(workdir, content):
    write_shown(workdir, "none", ["cat"], ["cat"])
    (trial(workdir, "classical", 0) / "shown.npz").write_bytes(content)
    figure = study_figures.predictions(Run.read(workdir))
    assert [part.get_suptitle() for part in figure.subfigs] == ["none"]


def test_against_cost_shows_updates_and_seconds(workdir):
    change(workdir, "study.json", curve={"name": "loss", "label": "the loss"})
    for seed, shift in ((0, 0.0), (1, 0.2)):
        rows = [(u, u * 2 + shift, u / 100 + shift, 0, 0, 0) for u in (10, 1000)]
        write_csv(trial(workdir, "classical", seed) / "curves.csv", CURVES, rows)
    updates, seconds = study_figures.against_cost(Run.read(workdir)).axes
    assert updates.get_ylabel() == "the loss"
    assert {updates.get_xscale(), seconds.get_xscale()} == {"log"}
    for axes, expected in ((updates, [10, 1000]), (seconds, [20.1, 2000.1])):
        line = lines_of(axes)[BLUE.lower(), "-"]
        assert line.get_xdata() == pytest.approx(expected)
        assert line.get_ydata() == pytest.approx([0.2, 10.1])
        assert len([line for line in axes.get_lines() if line.get_marker() == "o"]) == len(ARMS)
        assert (ORANGE.lower(), "-") in lines_of(axes)
    (legend,) = updates.figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(ARMS)
    with (trial(workdir, "cgan", 0) / "curves.csv").open() as file:
        first = float(next(csv.DictReader(file))["seconds"])
    # The generator's 62 seconds come first.
    assert lines_of(seconds)[ORANGE.lower(), "-"].get_xdata()[0] == pytest.approx(62 + first)
