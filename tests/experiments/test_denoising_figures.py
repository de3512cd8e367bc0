"""The figures of denoising show what trials left, and survive what is missing."""

import numpy as np
import pytest
from denoised_run import CONTROL, FEW, MANY, TWO, make, outputs_of, pairs, trial
from gan_mnist.experiments.denoising.drawings import beyond_training, sheets
from gan_mnist.experiments.denoising.perception import perception_and_distortion
from matplotlib.text import Text

from gan_mnist.report.run_files import Run
from gan_mnist.report.style import BLUE, GREEN, INK, MUTED, VERMILLION, save

DRAWN = (perception_and_distortion, sheets, beyond_training)


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


def picture(axes):
    (image,) = axes.get_images()
    return np.asarray(image.get_array())


@pytest.mark.slow
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


@pytest.fixture
def spoilt(tmp_path):
    """A run whose control failed, and the first seed of another arm left empty files."""
    make(tmp_path, FEW | {CONTROL: ({}, (None, None))})
    # Its sheet would show where it came from.
    path = trial(tmp_path, "vanilla_tenth", 1) / "sheet.npz"
    np.savez(path, **pairs(), outputs=np.full((16, 6, 5, 1), 50, np.uint8))
    for path in trial(tmp_path, "vanilla_tenth", 0).glob("*.*"):
        if path.name != "record.json":
            path.write_bytes(b"")
    return Run.read(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWN)
def test_a_failed_control_and_spoilt_files_are_left_out(spoilt, tmp_path, draw):
    figure = draw(spoilt)
    save(figure, tmp_path / "figure.png")
    written = [text.get_text() for text in figure.findobj(Text)]
    assert not [text for text in written if "v1 dcnn" in text or "control: " in text]
    assert [text for text in written if "vanilla tenth" in text]


def test_of_an_arm_with_spoilt_files_the_other_seed_is_shown(spoilt):
    (axes,) = sheets(spoilt).axes
    row = [label.get_text() for label in axes.get_yticklabels()].index("vanilla tenth")
    assert (picture(axes)[row * 7 : row * 7 + 6, :5] == 100).all()
    for axes in beyond_training(spoilt).axes:
        # 18.6 - x, above 16 - 2 x of the black image; the first seed had 18.0 - x.
        line = lines_of(axes)[VERMILLION, "-"]
        assert line == pytest.approx(np.array([[0.1, 2.7], [1.5, 4.1]]))


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
