"""The sheets of conditional GANs, made while they are trained, and the lines that are printed."""

import numpy as np
import pytest
import tensorflow as tf
from gan_mnist.experiments.conditional_gan import trial
from gan_mnist.experiments.conditional_gan.sheets import shown_rows
from gan_mnist.experiments.conditional_gan.study import STUDY
from matplotlib.image import imread
from scipy.spatial.distance import cdist
from small_trial import make_trial
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_mnist.data.subsets import read_test_subset
from gan_mnist.files import read_rows
from gan_mnist.study.settings import with_changes

SMALL = {"width": 2, "updates": 20, "intervals": 2, "images_per_class": 30}
SMALL |= {"validation_per_class": 5, "generated_images": 300, "gan_width": 1, "gan_epochs": 1}


@pytest.mark.parametrize(
    ("labels", "num_classes", "expected"),
    [
        ([0, 0, 0, 0, 1, 1, 1, 2, 2, 2], 3, [0, 4, 7, 1, 5, 8, 2, 6, 9, 3]),
        ([0, 1, 0, 1, 1], 2, [0, 1, 2, 3, 0, 4, 2, 1, 0, 3]),
        (list(range(12)), 12, list(range(10))),
    ],
)
def test_ten_columns_go_through_the_classes(labels, num_classes, expected):
    assert shown_rows(np.array(labels), num_classes).tolist() == expected


def test_neighbours_are_found_block_by_block(monkeypatch):
    rng = np.random.default_rng(0)
    images, references = (rng.integers(0, 256, (n, 3, 3, 2), np.uint8) for n in (7, 25))
    references[[4, 19]] = images[[2, 5]]
    monkeypatch.setattr(trial, "_BLOCK", 10)
    found = trial._nearest_references(images, references)
    numbers = [array.reshape(len(array), -1) / 255 for array in (images, references)]
    distances = cdist(*numbers)
    np.testing.assert_array_equal(found.rows, distances.argmin(axis=1))
    np.testing.assert_allclose(found.distances, distances.min(axis=1), atol=1e-6)
    assert (found.rows[2], found.rows[5]) == (4, 19)


@pytest.mark.slow
def test_epochs_are_told_and_sheets_are_made(settings, tmp_path, monkeypatch, capsys, dataset):
    monkeypatch.setattr(trial, "trained_judge", lambda *_: 1 / 0)
    small = {"gan_epochs": 21, "gan_epoch_updates": 10, "gan_width": 1}
    arm = with_changes(settings("mlp"), small | {"images_per_class": 10}, "test")
    asked = make_trial(STUDY, "mlp", 0, arm, tmp_path, dataset)
    directory = asked.directory
    for _ in range(2):  # The second time the GAN is there already.
        with pytest.raises(ZeroDivisionError):
            trial.run_trial(asked)
    (curves,) = tmp_path.glob("generators/*/curves.csv")
    lines = [
        f"mlp seed 0 epoch {number}/21: d_loss {float(row['d_loss']):.3f}, "
        f"g_loss {float(row['g_loss']):.3f}"
        for number, row in enumerate(read_rows(curves), start=1)
    ]
    assert capsys.readouterr().out.splitlines() == lines
    names = sorted(path.name for path in (directory / "sheets").iterdir())
    assert names == ["epoch-001.png", "epoch-010.png", "epoch-020.png"]
    first, _, last = (np.round(imread(directory / "sheets" / name) * 255) for name in names)
    assert first.shape == (2 * 28, 10 * 28)
    test = read_test_subset(dataset, dataset.class_names)
    columns = [test.of_class(label)[0, :, :, 0] for label in range(10)]
    np.testing.assert_array_equal(first[:28], np.hstack(columns))
    np.testing.assert_array_equal(first[:28], last[:28])
    assert not np.array_equal(first[28:], last[28:])
    log = EventAccumulator(str(tmp_path / "tensorboard_seeds" / "mlp" / "seed-00"))
    events = log.Reload().Tensors("sheet")
    assert [event.step for event in events] == [10, 100, 200]
    shown = tf.io.decode_png(events[0].tensor_proto.string_val[2]).numpy()
    np.testing.assert_array_equal(shown[..., 0], first)


@pytest.mark.slow
@pytest.mark.parametrize("each", [0, 4])
def test_a_training_with_updates_of_its_own_tells_its_own_epochs(
    each, settings, tmp_path, monkeypatch, capsys, dataset
):
    """Of each class a registration of its own is no training of the generator's that is shown."""
    monkeypatch.setattr(trial, "trained_judge", lambda *_: 1 / 0)
    monkeypatch.setattr("gan_mnist.generators.trained.CHUNK", 30)
    small = {"gan_epochs": 3, "deformation_updates": 20, "deformation_pairs": 10}
    small |= {"deformation_pairs_per_class": each, "images_per_class": 10}
    few = {"classes": ("1", "2", "3")} if each else {}
    arm = with_changes(settings("deformations", **few), small, "test")
    asked = make_trial(STUDY, "deformations", 0, arm, tmp_path, dataset)
    with pytest.raises(ZeroDivisionError):
        trial.run_trial(asked)
    lines = capsys.readouterr().out.splitlines()
    told = [] if each else [f"deformations seed 0 epoch {number}/10" for number in range(1, 11)]
    assert [line.partition(":")[0] for line in lines] == told
    looks = [len(read_rows(path)) for path in tmp_path.glob("generators/*/curves.csv")]
    assert looks == ([1] * 3 if each else [10])
    if not each:
        log = EventAccumulator(str(tmp_path / "tensorboard_seeds" / "deformations" / "seed-00"))
        assert [event.step for event in log.Reload().Tensors("sheet")] == [2, 20]
