"""What holds for every classifier that settings can name: ours, somebody's builder, a saved model.

Somebody's has what ours have not: dropout and batch norm in a model within the model.
"""

import sys
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_trial import SETTINGS, STUDY, make_trial

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.files import read_rows
from gan_mnist.models.names import CLASSIFIERS, ClassifierChoice
from gan_mnist.training import loop
from gan_mnist.training.classifier import predict, train_classifier
from gan_mnist.training.made_once import reusable
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.export import export_classifier

SIDE = 14
BUILDER = """
import keras
from keras import layers


def build(image_shape, num_classes, width):
    inner = keras.Sequential([
        keras.Input(image_shape), layers.Conv2D(width, 3, strides=2), layers.BatchNormalization(),
        layers.Dropout(0.3), layers.ReLU(), layers.Dropout(0.2), layers.Flatten(),
    ])
    return keras.Sequential([keras.Input(image_shape), inner, layers.Dense(num_classes)])
"""


def _split(num, seed):
    labels = np.arange(2 * num) % 2
    images = np.random.default_rng(seed).integers(0, 256, (2 * num, SIDE, SIDE, 1), np.uint8)
    return Split(images, labels, tuple(f"{row}.png" for row in range(2 * num)))


DATASET = Dataset("animals", "made up", ("ape", "cat"), _split(12, 0), _split(5, 1))


@pytest.fixture(scope="module")
def somebody(tmp_path_factory):
    """Their module's folder on the path, and there `theirs.keras`, of three classes and softmax."""
    folder = tmp_path_factory.mktemp("somebody")
    (folder / "their_networks.py").write_text(BUILDER)
    keras.utils.set_random_seed(5)
    layer_list = [keras.Input((20, 20, 3)), layers.Conv2D(2, 3), layers.BatchNormalization()]
    layer_list += [layers.Dropout(0.3), layers.ReLU(), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layer_list, layers.Dense(3, activation="softmax")])
    model.save(folder / "theirs.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        yield folder


@pytest.fixture(params=[*CLASSIFIERS, "builder", "saved", "frozen"])
def choice(request, somebody):
    saved = ClassifierChoice(str(somebody / "theirs.keras"))
    others = {
        "builder": ClassifierChoice("their_networks:build"),
        "saved": saved,
        "frozen": replace(saved, frozen=1),
    }
    return others.get(request.param, ClassifierChoice(request.param)).located(SIDE)


@pytest.fixture
def make(choice, tmp_path):
    """`make(arm, seed, **changes)`: the steps of a trial with this classifier."""

    def make(arm="some", seed=0, **changes):
        settings = replace(SETTINGS, image_size=SIDE, intervals=5, **{**asdict(choice), **changes})
        trial = make_trial(STUDY, arm, seed, settings, tmp_path / arm, DATASET)
        return ClassifierSteps(trial)

    return make


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt


def state(model):
    values = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    return [value.copy() for value in values]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_trained_as_any_classifier(make, choice, dtype_policy, tmp_path, monkeypatch):
    """One test, as what it traces is used all along."""
    steps = make()
    images, recipe = steps.allot(None), steps.recipe()
    columns = images.train.images, images.train.labels
    batches = steps.batches((columns, 5))

    def train(directory, seed=0, **options):
        (tmp_path / directory).mkdir(exist_ok=True)
        stream = "study", seed
        return train_classifier(
            recipe, batches, images.validation, stream, tmp_path / directory, **options
        )[0]

    # Arms of a seed share the network and its initial weights; seeds do not.
    assert make("other", classical=True).recipe() == recipe
    start, again, other = (reusable(recipe).fresh(seed).get_weights() for seed in (0, 0, 1))
    assert_same(start, again)
    with pytest.raises(AssertionError):
        assert_same(start, other)
    kept = [a is not None and np.array_equal(a, b) for a, b in zip(start, other, strict=True)]

    # A reused network cannot be told from a new one.
    model = train("first")
    logits = model(tf.zeros((3, SIDE, SIDE, 1)))
    assert (logits.shape, logits.dtype) == ((3, 2), tf.float32)
    undisturbed = state(model)
    assert not all(map(np.array_equal, start, undisturbed))
    if choice.frozen:
        still = [np.array_equal(a, b) for a, b in zip(start, undisturbed, strict=False)]
        assert (still[0], still[-1], kept[0]) == (True, False, True)
    train("second", seed=1)
    assert_same(state(train("third")), undisturbed)

    # Stopped, and gone on with in another process.
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr("gan_mnist.training.classifier._Watch", lambda *_: Interrupt())
        with pytest.raises(KeyboardInterrupt):
            train("stopped", watched=("test", steps.test))
    reusable.cache_clear()
    assert_same(state(train("stopped")), undisturbed)
    val = [[row["val_loss"] for row in read_rows(tmp_path / name / "curves.csv")]
           for name in ("first", "stopped")]  # fmt: skip
    assert val[0] == val[1]

    # What is exported answers as it does.
    model = train("first")
    probabilities = predict(model, steps.test.images)
    export_classifier(model, ("ape", "cat"), tmp_path / "saved")
    floats = (steps.test.images / 255).astype(np.float32)
    loaded = keras.saving.load_model(tmp_path / "saved" / "classifier.keras")
    np.testing.assert_allclose(tf.nn.softmax(loaded(floats)), probabilities, atol=1e-5)
    classify = tf.saved_model.load(str(tmp_path / "saved" / "classifier")).signatures["classify"]
    answered = classify(images=tf.constant(floats))["probability"]
    np.testing.assert_allclose(answered, probabilities.max(axis=1), atol=1e-5)
