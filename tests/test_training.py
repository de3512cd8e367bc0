"""Trainings that are repeated, interrupted and resumed: all must end with the same numbers."""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist import training
from gan_mnist.data.pipelines import Augmentation, training_batches
from gan_mnist.files import read_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.training import ReusableModel, TrainingDiverged, fit, updates_per_call

SHAPE, UPDATES = (8, 8, 1), 20


def classifier():
    """A new process' classifier; it has dropout."""
    return ReusableModel(
        lambda: build_small_cnn(SHAPE, 3),
        lambda model: model.compile(
            keras.optimizers.Adam(1e-2),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )


def gan():
    return ReusableModel(
        lambda: build_conditional_gan("mlp", SHAPE, 3, 2, 4, augment=True),
        lambda model: model.compile(
            keras.optimizers.Adam(1e-2),
            keras.optimizers.Adam(1e-2),
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )


@pytest.fixture(scope="module")
def batches(make_subset):
    subset = make_subset(counts=(5, 6, 7), shape=SHAPE)
    columns = (subset.images, subset.labels, np.linspace(0.5, 1.5, 18, dtype=np.float32))
    augmentation = Augmentation(20, 0.1, 0.1, 0.1)

    def make(num_columns):
        return functools.partial(training_batches, columns[:num_columns], 4, 3, augmentation)

    return make


@pytest.fixture(scope="module")
def validation(make_subset):
    subset = make_subset(shape=SHAPE, seed=1)
    return subset.images, subset.labels


@pytest.fixture(scope="module", params=["classifier", "gan"])
def kind(request, batches, validation):
    """How one kind of model is made and trained, and a model that is used again and again."""
    if request.param == "classifier":
        make, columns, held_out = classifier, batches(3), validation
    else:
        make, columns, held_out = gan, batches(2), None

    def train(reusable, directory, seed=0, callbacks=()):
        return fit(reusable.fresh(seed), columns, UPDATES, directory, seed, callbacks, held_out)

    used, traces = make(), []
    step = used.model.train_step

    def traced_step(batch):
        traces.append(batch)
        return step(batch)

    used.model.train_step = traced_step
    return SimpleNamespace(make=make, train=train, used=used, traces=traces)


def result(reusable, directory):
    """Weights, optimizer states, and the curves without their seconds."""
    curves = read_rows(directory / "curves.csv")
    for row in curves:
        del row["seconds"]
    optimizers = getattr(reusable.model, "optimizers", [reusable.model.optimizer])
    states = [v.numpy() for optimizer in optimizers for v in optimizer.variables]
    return reusable.model.get_weights() + states, curves


def assert_same(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1] == other[1]


@pytest.fixture(scope="module")
def undisturbed(kind, tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    kind.train(kind.used, directory)
    return result(kind.used, directory)


class Interrupt(keras.callbacks.Callback):
    """Raises when interval number `interval` begins."""

    def __init__(self, interval):
        super().__init__()
        self.interval = interval

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.interval:
            raise KeyboardInterrupt


def trained_with_interruption(kind, directory, callback, monkeypatch):
    """Begun in one process, interrupted, and gone on with in another."""
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        kind.train(kind.used, directory, callbacks=[callback])
    another = kind.make()
    kind.train(another, directory)
    return another


def test_a_resumed_training_cannot_be_told_from_an_undisturbed_one(
    kind, undisturbed, tmp_path, monkeypatch
):
    another = trained_with_interruption(kind, tmp_path, Interrupt(4), monkeypatch)
    assert_same(result(another, tmp_path), undisturbed)
    assert not list((tmp_path / "checkpoint").glob("*"))


def test_curves_that_ran_ahead_of_the_checkpoint_are_cut_back(
    kind, undisturbed, tmp_path, monkeypatch
):
    save = tf.train.CheckpointManager.save
    saves = []

    def killed_while_saving(manager, *arguments):
        saves.append(manager)
        if len(saves) == 6:
            raise KeyboardInterrupt
        return save(manager, *arguments)

    monkeypatch.setattr(training, "CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", killed_while_saving)
        with pytest.raises(KeyboardInterrupt):
            kind.train(kind.used, tmp_path)
    assert len(read_rows(tmp_path / "curves.csv")) == 6
    kind.train(kind.used, tmp_path)
    assert_same(result(kind.used, tmp_path), undisturbed)


def test_a_training_that_ended_but_was_not_closed_is_not_repeated(
    kind, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(training.Curves, "close", lambda self: Interrupt(0).on_epoch_begin(0))
        with pytest.raises(KeyboardInterrupt):
            kind.train(kind.used, tmp_path)
    monkeypatch.setattr(kind.used.model, "fit", None)
    kind.train(kind.used, tmp_path)
    assert_same(result(kind.used, tmp_path), undisturbed)


def test_a_reused_model_cannot_be_told_from_a_new_one(kind, undisturbed, tmp_path):
    traces = len(kind.traces)
    kind.train(kind.used, tmp_path / "other seed", seed=1)
    with pytest.raises(AssertionError):
        assert_same(result(kind.used, tmp_path / "other seed"), undisturbed)
    kind.train(kind.used, tmp_path / "same seed")
    assert_same(result(kind.used, tmp_path / "same seed"), undisturbed)
    assert len(kind.traces) == traces > 0


def test_fresh_weights_are_those_of_a_newly_built_model():
    reusable = classifier()
    keras.utils.set_random_seed(12)
    expected = build_small_cnn(SHAPE, 3).get_weights()
    for weight, value in zip(reusable.fresh(12).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, value)


class LinearModel:
    """One weight, learnt from batches (1, target): the fastest thing `fit` can train."""

    @staticmethod
    def make():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        model.set_weights([np.zeros((1, 1))])
        return model

    @staticmethod
    def batches(target):
        """Losses are target(update) squared."""

        def from_update(first_update):
            data = tf.data.Dataset.range(first_update, 10**6)
            return data.map(lambda update: (tf.ones((1, 1)), tf.reshape(target(update), (1, 1))))

        return from_update


def test_curves_hold_one_row_an_interval(tmp_path):
    batches = LinearModel.batches(lambda update: tf.cast(update, tf.float32))
    seconds = fit(LinearModel.make(), batches, 30, tmp_path, seed=0)
    rows = read_rows(tmp_path / "curves.csv")
    assert list(rows[0]) == ["update", "seconds", "loss"]
    assert [int(row["update"]) for row in rows] == list(range(3, 31, 3))
    means = [np.mean(np.arange(first, first + 3) ** 2) for first in range(0, 30, 3)]
    np.testing.assert_allclose([float(row["loss"]) for row in rows], means, rtol=1e-6)
    times = [float(row["seconds"]) for row in rows]
    assert times == sorted(times)
    assert seconds == pytest.approx(times[-1], abs=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_stop_the_training(bad, tmp_path):
    def target(update):
        return tf.where(update < 7, 1.0, np.float32(bad))

    with pytest.raises(TrainingDiverged, match=r"^loss not finite by update 8$"):
        fit(LinearModel.make(), LinearModel.batches(target), 20, tmp_path, seed=0)


def test_a_failed_training_leaves_no_trace_in_the_next(tmp_path):
    """Keras keeps the validation images of a training for as long as it lasts."""
    reusable = ReusableModel(LinearModel.make, lambda model: None)
    batches = LinearModel.batches(lambda update: tf.constant(1.0))

    def train(target, directory, callbacks=()):
        validation = np.ones((3, 1), np.float32), np.full((3, 1), target, np.float32)
        fit(reusable.fresh(0), batches, 10, directory, 0, callbacks, validation)
        return [float(row["val_loss"]) for row in read_rows(directory / "curves.csv")]

    with pytest.raises(KeyboardInterrupt):
        train(2, tmp_path / "interrupted", [Interrupt(3)])
    assert train(3, tmp_path / "next") == [9.0] * 10


def test_checkpoints_are_kept_once_a_minute_and_seconds_go_on(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    saved = []
    save = tf.train.CheckpointManager.save

    def counted(manager, *arguments):
        saved.append(len(read_rows(tmp_path / "curves.csv")))
        return save(manager, *arguments)

    monkeypatch.setattr(tf.train.CheckpointManager, "save", counted)
    batches = LinearModel.batches(lambda update: tf.constant(1.0))
    with pytest.raises(KeyboardInterrupt):
        fit(LinearModel.make(), batches, 10, tmp_path, 0, [Interrupt(7)])
    assert saved == [3, 6]  # An interval takes 25 seconds on this clock.
    # Six intervals were kept; four more are trained, and all of them are paid for.
    assert fit(LinearModel.make(), batches, 10, tmp_path, seed=0) == 250
    rows = read_rows(tmp_path / "curves.csv")
    assert [float(row["seconds"]) for row in rows] == [25.0 * n for n in range(1, 11)]


@pytest.mark.parametrize("updates", [10, 20, 1000, 4000, 70, 1300, 530, 5300])
def test_updates_per_call_divides_an_interval(updates):
    size, interval = updates_per_call(updates), updates // 10
    assert 1 <= size <= 50
    assert interval % size == 0
    assert not [larger for larger in range(size + 1, 51) if interval % larger == 0]
