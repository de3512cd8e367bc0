"""Trains what is named on one device, on two, and on two with an interruption; compares these.

    python two_devices.py DIRECTORY KIND...

A process of its own, as TensorFlow divides a processor only before it has computed anything.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.data.images import as_float
from gan_mnist.data.pipelines import training_batches
from gan_mnist.files import read_rows
from gan_mnist.generators.gans import ConditionalRecipe, DAGANRecipe, R3GANRecipe
from gan_mnist.models.classifiers import build_resnet, build_small_cnn
from gan_mnist.training import loop, mirrored
from gan_mnist.training.classifier import ClassifierRecipe, predict
from gan_mnist.training.denoiser import DenoiserRecipe
from gan_mnist.training.made_once import reusable

SHAPE, BATCH, UPDATES, INTERVALS = (13, 13, 1), 12, 20, 4
RNG = np.random.default_rng(0)
LABELS = np.arange(50, dtype=np.int32) % 2
IMAGES = RNG.integers(0, 200, (50, *SHAPE), np.uint8) + (50 * LABELS[:, None, None, None]).astype(
    np.uint8
)
WEIGHTS = np.linspace(0.5, 1.5, 50, dtype=np.float32)
AUGMENTATION = Augmentation(20, 0.1, 0.1, 0.1)
# An odd number, which cannot be divided.
VALIDATION = as_float(IMAGES[:13]), LABELS[:13]

GAN = functools.partial(ConditionalRecipe, UPDATES, BATCH, 3, latent_dim=4, intervals=INTERVALS)
CLASSIFIER = functools.partial(
    ClassifierRecipe, image_shape=SHAPE, num_classes=2, updates=UPDATES, learning_rate=5e-3,
    intervals=INTERVALS, minority=(1,),
)  # fmt: skip
SEVERAL = functools.partial(training_batches, (IMAGES, LABELS, WEIGHTS), BATCH, AUGMENTATION)
PAIRS = functools.partial(training_batches, (IMAGES, LABELS), BATCH, None)
PARTNERS = functools.partial(training_batches, (IMAGES, np.roll(IMAGES, 2, axis=0)), BATCH, None)
MIXTURES = functools.partial(denoising_batches, IMAGES, BATCH, Degradation())
KINDS = {
    # It has dropout, and this one batch norm.
    "small_cnn": (CLASSIFIER(build_small_cnn, width=4), (), SEVERAL),
    "resnet": (CLASSIFIER(build_resnet, width=2), (), SEVERAL),
    "mlp": (GAN(architecture="mlp"), (SHAPE, 2), PAIRS),
    "dcgan": (GAN(architecture="dcgan", augment=True), (SHAPE, 2), PAIRS),
    "r3gan": (
        R3GANRecipe(UPDATES, BATCH, 3, latent_dim=4, intervals=INTERVALS, loss="relativistic"),
        (SHAPE, 2),
        PAIRS,
    ),
    "dagan": (
        DAGANRecipe(UPDATES, BATCH, 3, latent_dim=4, intervals=INTERVALS),
        (SHAPE, 2),
        PARTNERS,
    ),
    "denoiser": (
        DenoiserRecipe(SHAPE, 2, UPDATES, 1e-2, intervals=INTERVALS, content_loss="mse"),
        (),
        MIXTURES,
    ),
}


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class AsksForUpdates(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        assert self.params["steps"] == UPDATES // INTERVALS


def train(kind, directory, callbacks=()):
    recipe, shapes, batches = KINDS[kind]
    model = reusable(recipe, *shapes).fresh(5)
    if hasattr(model, "noise_seed"):
        model.noise_seed.assign(6)
    validation = VALIDATION if isinstance(recipe, ClassifierRecipe) else None
    of_seed = functools.partial(batches, 7)
    callbacks = [*callbacks, AsksForUpdates()]
    loop.fit(model, of_seed, UPDATES, directory, 8, callbacks, validation, INTERVALS)
    return model


def keep(model, directory):
    optimizers = getattr(model, "optimizers", [model.optimizer])
    state = [*model.weights, *(v for optimizer in optimizers for v in optimizer.variables)]
    arrays = {f"{i}": np.asarray(variable) for i, variable in enumerate(state)}
    if not hasattr(model, "noise_seed"):
        arrays["predicted"] = predict(model, IMAGES[:7])
    np.savez(directory / "left.npz", **arrays)


def train_on_two_devices(place, kinds):
    """Runs this file."""
    subprocess.run([sys.executable, __file__, place, *kinds], check=True)


def check(place, kind):
    """One device, two, and two that were interrupted end alike."""
    one, two, resumed = (
        dict(np.load(place / kind / way / "left.npz")) for way in ("one", "two", "resumed")
    )
    assert one.keys() == two.keys()
    for name, expected in one.items():
        np.testing.assert_allclose(two[name], expected, rtol=1e-3, atol=1e-4, err_msg=name)
        np.testing.assert_array_equal(resumed[name], two[name], err_msg=name)
    # Devices add up in another order, so that not all is the same: two were at work.
    assert any((two[name] != expected).any() for name, expected in one.items())
    curves = [read_rows(place / kind / way / "curves.csv") for way in ("one", "two", "resumed")]
    assert [len(rows) for rows in curves] == [4, 4, 4]
    for rows in zip(*curves, strict=True):
        metrics = [{k: float(v) for k, v in row.items() if k != "seconds"} for row in rows]
        assert metrics[0] == pytest.approx(metrics[1], rel=1e-3, abs=1e-4)
        assert metrics[1] == metrics[2]


def main(place, *kinds):
    os.environ[mirrored.VIRTUAL] = "2"
    mirrored.choose_strategy("mirrored")
    assert len(tf.config.list_logical_devices("CPU")) == 2
    for kind in kinds:
        for way, strategy in (("one", "none"), ("two", "mirrored"), ("resumed", "mirrored")):
            mirrored.choose_strategy(strategy)
            directory = Path(place) / kind / way
            directory.mkdir(parents=True)
            if way == "resumed":
                loop.CHECKPOINT_EVERY_SECONDS = 0
                try:
                    train(kind, directory, [Interrupt()])
                except KeyboardInterrupt:
                    assert list((directory / "checkpoint").iterdir())
            keep(train(kind, directory), directory)
            loop.CHECKPOINT_EVERY_SECONDS = 60


if __name__ == "__main__":
    main(*sys.argv[1:])
