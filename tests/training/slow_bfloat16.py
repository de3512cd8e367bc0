"""mixed_bfloat16 beside float32: other digits, the same means, and all that is promised of both."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.data.images import as_float
from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.files import read_rows
from gan_mnist.generators.gans import ConditionalRecipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training import loop
from gan_mnist.training.classifier import ClassifierRecipe, predict
from gan_mnist.training.denoiser import DenoiserRecipe
from gan_mnist.training.loop import fit
from gan_mnist.training.made_once import reusable

SHAPE, BATCH, SEEDS, INTERVALS = (13, 13, 1), 16, range(3), 5
EXACT, SHORT = "float32", "mixed_bfloat16"


def bars(seed: int, number: int) -> Subset:
    """Class 0 is brighter below, class 1 above, and noise hides it in a part of the images."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number, dtype=np.int32) % 2
    images = rng.integers(0, 156, (number, *SHAPE), np.uint8)
    contrast = rng.integers(0, 60, (number, 1, 1, 1), np.uint8)
    images[labels == 0, 7:] += contrast[labels == 0]
    images[labels == 1, :6] += contrast[labels == 1]
    return Subset(images, labels, ("below", "above"), tuple(map(str, range(number))))


TRAIN, TEST = bars(0, 80), bars(1, 600)


def accuracy(model: keras.Model) -> float:
    return float(np.mean(predict(model, TEST.images).argmax(axis=1) == TEST.labels))


def distance(model: Any) -> float:
    """How far the mean image of each class is from that of real ones, the mean over pixels."""
    fake_images = model.sample(tf.constant(TEST.labels), tf.constant([0, 0], tf.int32)).numpy()
    assert fake_images.dtype == np.float32
    means = [
        [images[TEST.labels == label].mean(axis=0) for label in (0, 1)]
        for images in (fake_images, as_float(TEST.images))
    ]
    return float(np.abs(np.subtract(*means)).mean())


def error(model: Any) -> float:
    (noisy_images, references), targets = next(iter(mixtures(TEST.images, 200)(9, 0)))
    answers = model.denoise(noisy_images, references)
    assert answers.dtype == tf.float32
    return float(tf.reduce_mean(tf.abs(answers - targets)))


def mixtures(images: np.ndarray, number: int) -> Callable[[int, int], tf.data.Dataset]:
    return functools.partial(denoising_batches, images, number, Degradation())


class Kind(NamedTuple):
    """What is trained, on which batches, and what is measured of it."""

    recipe: Callable[[str], Any]
    shapes: tuple[Any, ...]
    batches: Callable[[int, int], tf.data.Dataset]
    score: Callable[[Any], float]


ROWS = functools.partial(training_batches, (TRAIN.images, TRAIN.labels), BATCH, None)
KINDS = {
    "classifier": Kind(
        lambda precision: ClassifierRecipe(
            build_small_cnn, SHAPE, 2, 4, 50, 5e-3, intervals=INTERVALS, precision=precision
        ),
        (),
        ROWS,
        accuracy,
    ),
    "gan": Kind(
        lambda precision: ConditionalRecipe(
            100, BATCH, 4, latent_dim=4, intervals=INTERVALS, precision=precision
        ),
        (SHAPE, 2),
        ROWS,
        distance,
    ),
    "denoiser": Kind(
        lambda precision: DenoiserRecipe(
            SHAPE, 2, 20, 1e-2, intervals=INTERVALS, precision=precision
        ),
        (),
        mixtures(TRAIN.images, BATCH),
        error,
    ),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def train(kind, dtype_policy):
    """`train(precision, seed, directory)`: a model of this kind, that the next call trains anew."""

    def trained(precision, seed, directory, callbacks=()):
        dtype_policy(precision)
        recipe = kind.recipe(precision)
        model = reusable(recipe, *kind.shapes).fresh(seed)
        if hasattr(model, "noise_seed"):
            model.noise_seed.assign(seed)
        batches = functools.partial(kind.batches, seed)
        fit(model, batches, recipe.updates, directory, seed, callbacks, intervals=INTERVALS)
        return model

    return trained


def state(model):
    optimizers = getattr(model, "optimizers", [model.optimizer])
    return [*model.weights, *(v for optimizer in optimizers for v in optimizer.variables)]


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_means_are_those_of_float32_and_weights_are_float32(kind, train, tmp_path):
    scores = {
        precision: [
            kind.score(train(precision, seed, tmp_path / f"{precision}-{seed}")) for seed in SEEDS
        ]
        for precision in (EXACT, SHORT)
    }
    differences = np.subtract(scores[SHORT], scores[EXACT])
    assert differences.any(), "nothing was computed in another precision"
    # Pairs differ by less than seeds do.
    assert abs(differences.mean()) < np.std(scores[EXACT], ddof=1)
    model = reusable(kind.recipe(SHORT), *kind.shapes).model
    assert "bfloat16" in {layer.compute_dtype for layer in model._flatten_layers()}
    for variable in state(model):
        value = np.asarray(variable)
        assert value.dtype.name not in ("bfloat16", "float16")
        if value.dtype == np.float32 and value.ndim > 1:
            rounded = tf.cast(tf.cast(value, tf.bfloat16), tf.float32).numpy()
            assert not np.array_equal(rounded, value), variable.path


def test_a_resumed_training_ends_with_the_same_numbers(kind, train, tmp_path, monkeypatch):
    expected = [np.array(v) for v in state(train(SHORT, 0, tmp_path / "whole"))]
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        train(SHORT, 0, tmp_path / "begun", [Interrupt()])
    assert len(read_rows(tmp_path / "begun" / "curves.csv")) == 2
    for value, resumed in zip(expected, state(train(SHORT, 0, tmp_path / "begun")), strict=True):
        np.testing.assert_array_equal(resumed, value)
