"""What stands in the event files, read back by TensorBoard itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from gan_mnist.training.loop import fit
from gan_mnist.training.tensorboard import TensorBoardScalars, image_sheet, log_trial

METRICS = {"accuracy": 0.75, "recall_one": 0.5}


def events(directory):
    accumulator = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    return accumulator.Reload()


def scalars(accumulator, tag):
    return [(e.step, float(make_ndarray(e.tensor_proto))) for e in accumulator.Tensors(tag)]


def sheets(accumulator, tag):
    """(step, image) of an image summary, which holds width, height and PNG files."""
    found = []
    for event in accumulator.Tensors(tag):
        png = make_ndarray(event.tensor_proto)[2]
        found.append((event.step, tf.io.decode_png(png).numpy()))
    return found


def test_metrics_of_an_interval_under_their_own_names(tmp_path):
    callback = TensorBoardScalars(tmp_path, interval=40)
    callback.on_train_begin()
    for epoch in range(3):
        callback.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1), "val_accuracy": epoch / 4})
    callback.on_train_end()
    found = events(tmp_path)
    assert sorted(found.Tags()["tensors"]) == ["loss", "val_accuracy"]
    np.testing.assert_allclose(scalars(found, "loss"), [(40, 1), (80, 1 / 2), (120, 1 / 3)])
    assert scalars(found, "val_accuracy") == [(40, 0), (80, 0.25), (120, 0.5)]


def test_a_resumed_training_goes_on_at_its_update(tmp_path):
    callback = TensorBoardScalars(tmp_path, interval=5)
    callback.on_train_begin()
    callback.on_epoch_end(7, {"loss": 2.0})
    callback.on_train_end()
    assert scalars(events(tmp_path), "loss") == [(40, 2.0)]


def test_samples_are_shown_as_sheets(tmp_path):
    levels = np.float32([0, 0.2, 0.4, 0.6, 0.8, 1] * 5)[:20]
    drawn = []

    def samples():
        drawn.append(np.broadcast_to(levels[:, None, None, None], (20, 3, 4, 1)))
        return drawn[-1]

    callback = TensorBoardScalars(tmp_path, 10, samples)
    callback.on_train_begin()
    callback.on_epoch_end(0, {})
    callback.on_epoch_end(1, {})
    callback.on_train_end()
    found = sheets(events(tmp_path), "samples")
    assert [step for step, _ in found] == [10, 20]
    assert len(drawn) == 2
    expected = np.kron(np.round(levels.reshape(2, 10) * 255), np.ones((3, 4)))
    # Keras and TensorBoard may round a level down where NumPy rounds it up.
    assert np.abs(found[0][1][..., 0] - expected).max() <= 1


def test_fit_writes_what_its_curves_hold(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = tf.data.Dataset.from_tensors((tf.ones((2, 1)), tf.zeros((2, 1)))).repeat()
    fit(model, data.skip, 20, tmp_path, 0, [TensorBoardScalars(tmp_path / "events", 2)])
    rows = np.genfromtxt(tmp_path / "curves.csv", delimiter=",", names=True)
    found = scalars(events(tmp_path / "events"), "loss")
    assert [step for step, _ in found] == rows["update"].tolist() == list(range(2, 21, 2))
    assert [value for _, value in found] == pytest.approx(rows["loss"].tolist(), rel=1e-6)


def test_several_trainings_of_a_trial_are_one_run(tmp_path):
    for place, name in enumerate(("one", "two")):
        callback = TensorBoardScalars(tmp_path, 10, name=name)
        callback.on_train_begin()
        callback.on_epoch_end(0, {"loss": place + 1.0})
        callback.on_train_end()
    log_trial(tmp_path, "cgan seed 3", {"arm": "cgan"}, METRICS)
    found = events(tmp_path)
    assert scalars(found, "one/loss") == [(10, 1)]
    assert scalars(found, "two/loss") == [(10, 2)]
    assert scalars(found, "held_out/accuracy") == [(0, 0.75)]


def test_image_sheet_goes_row_by_row():
    images = np.random.default_rng(0).random((6, 2, 5, 3))
    sheet = image_sheet(images, columns=3)
    assert sheet.shape == (4, 15, 3)
    for row in range(2):
        for column in range(3):
            tile = sheet[2 * row : 2 * row + 2, 5 * column : 5 * column + 5]
            np.testing.assert_array_equal(tile, images[3 * row + column])


def test_trials_have_their_settings_and_metrics_on_the_hparams_page(tmp_path):
    settings = {"arm": "cgan", "seed": 3, "learning_rate": 0.5, "weighted": True, "counts": [1, 2]}
    log_trial(tmp_path, "cgan seed 3", settings, METRICS)
    found = events(tmp_path)
    assert {name: scalars(found, f"held_out/{name}") for name in METRICS} == {
        name: [(0, pytest.approx(value))] for name, value in METRICS.items()
    }
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    shown = data.session_start_info.hparams
    assert shown["arm"].string_value == "cgan"
    assert shown["seed"].number_value == 3
    assert shown["learning_rate"].number_value == 0.5
    assert shown["weighted"].bool_value is True
    assert shown["counts"].string_value == "[1, 2]"
