"""How long an update takes in each precision, on this machine: a trial of a second or two."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.data.pipelines import training_batches
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.denoiser import DenoiserRecipe
from gan_mnist.training.loop import ReusableModel
from gan_mnist.trials.networks import network_builder

LONGEST_SECONDS, FEWEST_ROUNDS, MOST_ROUNDS = 1.5, 3, 40
NUM_IMAGES = 500

Update = Callable[[], Any]


def of_classifier(settings: Any, precisions: Sequence[str]) -> dict[str, float]:
    """Seconds an update of a study's classifier takes in each precision, on images of noise.

    Args:
        settings: A resolved `ClassifierSettings`.
        precisions: Keras dtype policies; the last one stays set.
    """
    num_classes = len(settings.classes)
    columns = _noise(settings), np.arange(NUM_IMAGES, dtype=np.int32) % num_classes
    batches = training_batches(columns, settings.batch_size, None, 0, 0)
    recipe = functools.partial(
        ClassifierRecipe,
        network=network_builder(settings.choice),
        image_shape=columns[0].shape[1:],
        num_classes=num_classes,
    )
    return _timed(recipe, settings, batches, precisions)


def of_denoiser(settings: Any, precisions: Sequence[str]) -> dict[str, float]:
    """As `of_classifier`, for a denoiser without an adversary."""
    batches = denoising_batches(_noise(settings), settings.batch_size, Degradation(), 0, 0)
    shape = settings.image_size, settings.image_size, settings.channels
    recipe = functools.partial(DenoiserRecipe, image_shape=shape)
    return _timed(recipe, settings, batches, precisions)


def _noise(settings: Any) -> np.ndarray:
    shape = settings.image_size, settings.image_size, settings.channels
    return np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, *shape), np.uint8)


def _timed(
    recipe: Callable[..., Any], settings: Any, batches: tf.data.Dataset, precisions: Sequence[str]
) -> dict[str, float]:
    """Seconds of an update in each precision; `recipe` takes the fields that all recipes have."""
    fields = {
        "width": settings.width,
        "updates": 1,
        "intervals": 1,
        "learning_rate": settings.learning_rate,
    }
    updates = {name: _update(recipe(**fields, precision=name), batches) for name in precisions}
    return _compared(updates)


def _update(recipe: Any, batches: tf.data.Dataset) -> Update:
    """An update of the recipe's network, traced in its precision."""
    keras.config.set_dtype_policy(recipe.precision)
    model = ReusableModel(recipe.build, recipe.compile).model
    model.make_train_function()
    stream = iter(batches)

    def update() -> None:
        keras.tree.map_structure(np.asarray, model.train_function(stream))

    update()
    return update


def _compared(updates: dict[str, Update]) -> dict[str, float]:
    """The median of each, taken in turn, so that whatever else the machine does hits all alike."""
    durations: dict[str, list[float]] = {name: [] for name in updates}
    loop_start, num_rounds = time.perf_counter(), 0
    while num_rounds < FEWEST_ROUNDS or (
        num_rounds < MOST_ROUNDS and time.perf_counter() - loop_start < LONGEST_SECONDS
    ):
        for name, update in updates.items():
            start = time.perf_counter()
            update()
            durations[name].append(time.perf_counter() - start)
        num_rounds += 1
    return {name: float(np.median(seconds)) for name, seconds in durations.items()}
