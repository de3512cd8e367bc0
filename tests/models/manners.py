"""One small model of each flavour, which the tests of Keras' manners share."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from conformance import GANS, NUM_CLASSES, SMALL, WITHOUT_ADVERSARY, built
from tiers import kinds_of

from gan_mnist.models.bagan import BAGAN
from gan_mnist.models.conditional_gan import ConditionalGAN
from gan_mnist.models.dagan import DAGAN
from gan_mnist.models.denoiser import DenoisingModel
from gan_mnist.models.vae_flow import VAEFlow
from gan_mnist.models.warp_gan import WarpGAN

FLAVOURS = {
    ConditionalGAN: "mlp",
    WarpGAN: "warp",
    DAGAN: "dagan",
    BAGAN: "bagan",
    DenoisingModel: "denoiser",
    VAEFlow: "vae_flow",
}
LABELS = np.arange(6, dtype=np.int32) % NUM_CLASSES
IMAGES = np.random.default_rng(0).random((6, *SMALL), np.float32)

every_flavour = pytest.mark.parametrize("flavour", kinds_of({n: f for f, n in FLAVOURS.items()}))


def row_of(flavour):
    return {**GANS, **WITHOUT_ADVERSARY}[FLAVOURS[flavour]]


def data(flavour, seed=0):
    """One batch, as a data set."""
    images = np.random.default_rng(seed).random((6, *SMALL), np.float32)
    row = row_of(flavour)
    if row.denoises:
        batch = (images, images[::-1]), np.roll(images, 1, axis=0)
    elif row.pairs:
        batch = images, np.roll(images, NUM_CLASSES, axis=0)
    else:
        batch = (images, LABELS)[: row.columns]
    return tf.data.Dataset.from_tensors(batch)


def compiled(flavour, *optimizers, **options):
    model = built(row_of(flavour))
    model.compile(*(optimizers or ("adam", "adam")), **options)
    model.adopt(IMAGES, LABELS)
    model.noise_seed.assign(7)
    return model


@functools.cache
def shared(flavour, eagerly=False):
    """The one model of a flavour and all its numbers: tracing takes most of a test's time."""
    model = compiled(flavour, run_eagerly=eagerly)
    variables = [*model.weights, *(v for o in model.optimizers for v in o.variables)]
    return model, [(variable, variable.numpy()) for variable in variables]


def fresh(flavour, eagerly=False):
    model, start = shared(flavour, eagerly)
    for variable, value in start:
        variable.assign(value)
    model.reset_metrics()
    model.adopt(IMAGES, LABELS)
    model.noise_seed.assign(7)
    return model


def fit(model, flavour, **options):
    options = {"epochs": 2, "verbose": 0, "shuffle": False, **options}
    return model.fit(data(flavour), **options).history


def questions(flavour, num=6):
    """What `predict` takes."""
    return [IMAGES[:num], IMAGES[::-1][:num]] if row_of(flavour).denoises else LABELS[:num]


def state(model):
    return [*model.get_weights(), *(v.numpy() for o in model.optimizers for v in o.variables)]
