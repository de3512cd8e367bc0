"""Trainings that are repeated, interrupted and resumed: all must end with the same numbers."""

import functools
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.images import as_float
from gan_mnist.data.pipelines import latent_batches, training_batches
from gan_mnist.files import read_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.conditional_gan import build_conditional_gan, build_mlp_generator
from gan_mnist.models.generating_classifier import GeneratingClassifier
from gan_mnist.models.latents import Latents
from gan_mnist.training import loop
from gan_mnist.training.adam import Adam
from gan_mnist.training.loop import ReusableModel, fit, updates_per_call

SHAPE, UPDATES, LATENTS = (8, 8, 1), 20, Latents(4)


def classifier():
    """A new process' classifier; it has dropout."""
    return ReusableModel(
        lambda: build_small_cnn(SHAPE, 3),
        lambda model: model.compile(
            Adam(1e-2),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )


def gan():
    return ReusableModel(
        lambda: build_conditional_gan("mlp", SHAPE, 3, 2, 4, augment=True),
        lambda model: model.compile(
            Adam(1e-2),
            Adam(1e-2),
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )


def generating():
    """A classifier that makes a part of each batch itself."""
    return ReusableModel(
        lambda: GeneratingClassifier(
            build_small_cnn(SHAPE, 3), build_mlp_generator(SHAPE, 3, 2, LATENTS.dim)
        ),
        lambda model: model.compile(
            Adam(1e-2),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )


@pytest.fixture(scope="module")
def batches(make_subset):
    subset = make_subset(counts=(5, 6, 7), shape=SHAPE)
    columns = (subset.images, subset.labels, np.linspace(0.5, 1.5, 18, dtype=np.float32))
    augmentation = Augmentation(20, 0.1, 0.1, 0.1)

    def make(num_columns):
        return functools.partial(training_batches, columns[:num_columns], 4, augmentation, 3)

    make.latent = functools.partial(latent_batches, columns[:2], 3, 2, 3, LATENTS.draw, None, 3)
    return make


@pytest.fixture(scope="module")
def validation(make_subset):
    subset = make_subset(shape=SHAPE, seed=1)
    return as_float(subset.images), subset.labels


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("gan", "generating")]


@pytest.fixture(scope="module", params=["classifier", *SLOW])
def kind(request, batches, validation):
    """How one kind of model is made and trained, and a model that is used again and again."""
    if request.param == "classifier":
        make, columns, held_out = classifier, batches(3), validation
    elif request.param == "generating":
        make, columns, held_out = generating, batches.latent, validation
    else:
        make, columns, held_out = gan, batches(2), None

    def train(reusable, directory, seed=0, callbacks=(), rows=None):
        model = reusable.fresh(seed)
        return fit(
            model, columns, UPDATES, directory, seed, callbacks, validation=held_out, rows=rows
        )

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


def test_dropout_draws_alike_however_a_network_lists_its_layers(tmp_path):
    network = build_small_cnn(SHAPE, 3)
    listed_with_input = keras.Model(network.inputs, network.outputs)
    assert len(listed_with_input.layers) == len(network.layers) + 1
    found = []
    for model in (network, listed_with_input):
        curves = loop.Curves(tmp_path, 1, 0, (1,), 1)
        curves.set_model(model)
        curves.on_epoch_begin(0)
        states = [v.numpy() for v in model.non_trainable_variables if v.name == loop.SEED_STATE]
        assert len(states) == 1
        found += states
    np.testing.assert_array_equal(*found)


@pytest.fixture(scope="module")
def interrupted(kind, tmp_path_factory):
    """The directory of a training that was."""
    directory = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            kind.train(kind.used, directory, callbacks=[Interrupt(4)])
    return directory


def test_a_resumed_training_cannot_be_told_from_an_undisturbed_one(
    kind, undisturbed, interrupted, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    another = kind.make()  # As in another process.
    kind.train(another, tmp_path)
    assert_same(result(another, tmp_path), undisturbed)
    assert not list((tmp_path / "checkpoint").glob("*"))


def test_rows_leave_the_training_as_it_is_and_may_begin_after_its_interruption(
    kind, undisturbed, tmp_path, monkeypatch
):
    weights, curves = undisturbed
    kind.train(kind.used, tmp_path / "whole", rows=(7, 10))
    expected = weights, [curves[6], curves[9]]
    assert_same(result(kind.used, tmp_path / "whole"), expected)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    begun = tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt):
        kind.train(kind.used, begun, callbacks=[Interrupt(4)], rows=(7, 10))
    kind.train(kind.used, begun, rows=(7, 10))
    assert_same(result(kind.used, begun), expected)


def test_curves_that_ran_ahead_of_the_checkpoint_are_cut_back(
    kind, undisturbed, tmp_path, monkeypatch
):
    save = tf.train.CheckpointManager.save
    saves = []

    def killed_while_saving(manager, *arguments):
        saves.append(manager)
        if len(saves) == 6:
            begun = tmp_path / "checkpoint" / "ckpt-6_temp"
            begun.mkdir()
            (begun / "part-00000-of-00001.data-00000-of-00001.tempstate1").touch()
            raise KeyboardInterrupt
        return save(manager, *arguments)

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
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
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Curves, "close", lambda self: Interrupt(0).on_epoch_begin(0))
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


def test_the_arms_of_a_seed_need_its_weights_drawn_but_once():
    builds = []
    reusable = ReusableModel(
        lambda: builds.append(1) or build_small_cnn(SHAPE, 3), lambda model: model.compile("sgd")
    )
    starts = []
    for seed in (12, 12, 13, 12):
        model = reusable.fresh(seed)
        starts.append(model.get_weights())
        model.set_weights([weight + 1 for weight in starts[-1]])
    assert len(builds) == 1 + 2
    for first, second, _, again in zip(*starts, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(starts[0][0], starts[2][0])


def test_fresh_weights_leave_the_caches_of_tensorflow_alone(monkeypatch):
    reusable = classifier()
    monkeypatch.setattr(tf.random, "set_seed", None)
    reusable.fresh(12)


@pytest.mark.parametrize("kind", ["classifier"], indirect=True)
@pytest.mark.parametrize("name", ["checkpoint", "*.index", "*.data-*", "../curves.csv"])
@pytest.mark.parametrize("damage", ["flipped", "binary"])
def test_a_damaged_checkpoint_is_no_loss(
    kind, undisturbed, interrupted, name, damage, tmp_path, monkeypatch, capsys
):
    if damage == "binary":  # Of the training that is begun anew there are checkpoints, too.
        monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    (path,) = (tmp_path / "checkpoint").glob(name)
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 128]) + content[middle + 1 :]
    path.write_bytes({"flipped": flipped, "binary": b"\xff\x00"}[damage])
    kind.train(kind.used, tmp_path)
    assert_same(result(kind.used, tmp_path), undisturbed)
    assert capsys.readouterr().err.endswith("; the training begins anew\n")
