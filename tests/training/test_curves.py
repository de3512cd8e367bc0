"""What `fit` writes down: rows, seconds, and the end at a number that is not finite."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.files import read_json, read_rows
from gan_mnist.training import loop
from gan_mnist.training.loop import ReusableModel, TrainingDiverged, fit


def linear_model():
    """One weight, 0, that stays so: the fastest thing `fit` can train."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.set_weights([np.zeros((1, 1))])
    return model


def batches_of(target):
    """Batches of (1, target(update)): losses are target squared."""

    def from_update(first_update):
        data = tf.data.Dataset.range(first_update, 10**6)
        return data.map(lambda update: (tf.ones((1, 1)), tf.reshape(target(update), (1, 1))))

    return from_update


COUNTING = batches_of(lambda update: tf.cast(update, tf.float32))
ONES = batches_of(lambda update: tf.constant(1.0))
TWOS = np.ones((3, 1), np.float32), np.full((3, 1), 2, np.float32)


class Interrupt(keras.callbacks.Callback):
    """Raises when interval number `interval` begins."""

    def __init__(self, interval):
        super().__init__()
        self.interval = interval

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.interval:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize(("updates", "intervals"), [(30, 10), (30, 5), (30, 1), (7, 7)])
def test_curves_hold_one_row_an_interval(updates, intervals, tmp_path):
    seconds = fit(linear_model(), COUNTING, updates, tmp_path, seed=0, intervals=intervals)
    rows = read_rows(tmp_path / "curves.csv")
    assert list(rows[0]) == ["update", "seconds", "loss"]
    every = updates // intervals
    assert [int(row["update"]) for row in rows] == list(range(every, updates + 1, every))
    means = (np.arange(updates) ** 2).reshape(intervals, every).mean(axis=1)
    np.testing.assert_allclose([float(row["loss"]) for row in rows], means, rtol=1e-6)
    times = [float(row["seconds"]) for row in rows]
    assert times == sorted(times)
    assert seconds == pytest.approx(times[-1], abs=1e-3)


def test_ten_intervals_unless_said_otherwise(tmp_path):
    fit(linear_model(), COUNTING, 20, tmp_path, seed=0)
    rows = read_rows(tmp_path / "curves.csv")
    assert [int(row["update"]) for row in rows] == list(range(2, 21, 2))


@pytest.mark.parametrize(("updates", "intervals"), [(25, 10), (5, 10), (0, 10), (20, 3)])
def test_a_number_of_updates_that_intervals_do_not_divide_is_refused(updates, intervals, tmp_path):
    with pytest.raises(ValueError, match=f"^{updates} updates .* multiple of {intervals} interv"):
        fit(linear_model(), ONES, updates, tmp_path, seed=0, intervals=intervals)
    assert not list(tmp_path.iterdir())


class Events(keras.callbacks.Callback):
    """Updates done when an interval ended, and when validation ran."""

    def __init__(self):
        super().__init__()
        self.intervals, self.validations, self.last_logs = [], [], {}

    def on_epoch_end(self, epoch, logs=None):
        self.intervals.append(int(self.model.optimizer.iterations))
        self.last_logs = dict(logs)

    def on_test_begin(self, logs=None):
        self.validations.append(int(self.model.optimizer.iterations))


@pytest.mark.parametrize("rows", [(8,), (2, 3, 8), (1, 8), tuple(range(1, 9))])
def test_curves_and_validation_have_the_rows_that_were_asked_for(rows, tmp_path):
    events, updates = Events(), [3 * row for row in rows]
    fit(linear_model(), COUNTING, 24, tmp_path, 0, [events], TWOS, 8, rows)
    curves = read_rows(tmp_path / "curves.csv")
    assert list(curves[0]) == ["update", "seconds", "loss", "val_loss"]
    assert [int(row["update"]) for row in curves] == updates
    assert events.validations == updates
    # Every interval is an epoch to callbacks, and its metrics are of that interval alone.
    assert events.intervals == list(range(3, 25, 3))
    means = (np.arange(24) ** 2).reshape(8, 3).mean(axis=1)[np.array(rows) - 1]
    np.testing.assert_allclose([float(row["loss"]) for row in curves], means, rtol=1e-6)
    assert [float(row["val_loss"]) for row in curves] == [4.0] * len(rows)


def test_what_callbacks_add_to_an_interval_stands_in_the_curves(tmp_path):
    class Add(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = 10.0 * epoch

    fit(linear_model(), ONES, 8, tmp_path, 0, [Add()], intervals=4, rows=(2, 4))
    assert [float(row["added"]) for row in read_rows(tmp_path / "curves.csv")] == [10, 30]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [None, (10,)])
def test_numbers_that_are_not_finite_stop_the_training(bad, rows, tmp_path):
    def target(update):
        return tf.where(update < 7, 1.0, np.float32(bad))

    with pytest.raises(TrainingDiverged, match=r"^loss not finite by update 8$"):
        fit(linear_model(), batches_of(target), 20, tmp_path, seed=0, rows=rows)


def test_a_failed_training_leaves_no_trace_in_the_next(tmp_path):
    """Keras keeps the validation images of a training for as long as it lasts."""
    reusable = ReusableModel(linear_model, lambda model: None)

    def train(target, directory, callbacks=()):
        validation = np.ones((3, 1), np.float32), np.full((3, 1), target, np.float32)
        fit(reusable.fresh(0), ONES, 10, directory, 0, callbacks, validation)
        return [float(row["val_loss"]) for row in read_rows(directory / "curves.csv")]

    with pytest.raises(KeyboardInterrupt):
        train(2, tmp_path / "interrupted", [Interrupt(3)])
    assert train(3, tmp_path / "next") == [9.0] * 10


class Clock(keras.callbacks.Callback):
    """Time that passes where this callback says so: in training, in validation, and after it."""

    def __init__(self, training=0, validation=0, afterwards=0):
        super().__init__()
        self.now = 0.0
        self._training, self._validation, self._afterwards = training, validation, afterwards

    def monotonic(self):
        return self.now

    def on_train_batch_begin(self, batch, logs=None):
        self.now += self._training

    def on_test_batch_begin(self, batch, logs=None):
        self.now += self._validation

    def on_epoch_end(self, epoch, logs=None):
        self.now += self._afterwards


def test_seconds_are_of_training_alone(tmp_path, monkeypatch):
    clock = Clock(training=2, validation=1000, afterwards=300)
    monkeypatch.setattr(loop, "time", clock)
    seconds = fit(linear_model(), ONES, 12, tmp_path, 0, [clock], TWOS, 4, (1, 3, 4))
    assert clock.now == 12 * 2 + 3 * 1000 + 4 * 300
    assert seconds == 24
    rows = read_rows(tmp_path / "curves.csv")
    assert [float(row["seconds"]) for row in rows] == [6, 18, 24]


@pytest.mark.parametrize(("rows", "held"), [(None, [3, 6]), ((2, 9, 10), [1, 1]), ((10,), [0, 0])])
def test_checkpoints_are_kept_once_a_minute_and_seconds_go_on(rows, held, tmp_path, monkeypatch):
    clock = Clock(training=25)
    monkeypatch.setattr(loop, "time", clock)
    curves, saved = tmp_path / "curves.csv", []
    save = tf.train.CheckpointManager.save

    def counted(manager, *arguments):
        saved.append((clock.now, len(read_rows(curves)) if curves.exists() else 0))
        return save(manager, *arguments)

    monkeypatch.setattr(tf.train.CheckpointManager, "save", counted)
    with pytest.raises(KeyboardInterrupt):
        fit(linear_model(), ONES, 10, tmp_path, 0, [clock, Interrupt(7)], rows=rows)
    # An interval takes 25 seconds on this clock.
    assert saved == list(zip([75, 150], held, strict=True))
    # Six intervals were kept; four more are trained, and all of them are paid for, but not the
    # time in between.
    clock.now = 1e6
    assert fit(linear_model(), ONES, 10, tmp_path, 0, [clock], rows=rows) == 250
    seconds = [float(row["seconds"]) for row in read_rows(curves)]
    assert seconds == [25.0 * row for row in rows or range(1, 11)]


def test_a_training_tells_how_far_it_is_until_it_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "TOLD_EVERY_SECONDS", 0)
    path, told = tmp_path / "progress.json", []

    class Reader(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            told.append(read_json(path))

    fit(linear_model(), ONES, 30, tmp_path, 0, [Reader()], intervals=3)
    assert told[0] is None
    assert [row["share"] for row in told[1:]] == pytest.approx([1 / 3, 2 / 3])
    assert 0 < told[1]["seconds"] <= told[2]["seconds"]
    assert not path.exists()


def test_a_short_training_tells_nothing_of_it(tmp_path):
    told = []

    class Reader(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            told.append((tmp_path / "progress.json").exists())

    fit(linear_model(), ONES, 30, tmp_path, 0, [Reader()], intervals=3)
    assert told == [False] * 3
