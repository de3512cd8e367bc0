"""The tables of what conforms: a new network, or a new adversarial model, is one more row."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gan_mnist.models.anchored import build_spectral_discriminator
from gan_mnist.models.bagan import build_bagan, build_bagan_generator, build_bagan_network
from gan_mnist.models.classifiers import (
    build_colour_cnn,
    build_deep_cnn,
    build_digit_cnn,
    build_resnet,
    build_small_cnn,
)
from gan_mnist.models.conditional_gan import (
    build_conditional_gan,
    build_dcgan_discriminator,
    build_dcgan_generator,
    build_mlp_discriminator,
    build_mlp_generator,
)
from gan_mnist.models.dagan import build_dagan, build_dagan_generator
from gan_mnist.models.denoiser import (
    Schedule,
    build_denoising_discriminator,
    build_denoising_model,
    build_residual_denoiser,
)
from gan_mnist.models.vae_flow import build_encoder, build_flow_generator, build_vae_flow
from gan_mnist.models.warp_gan import build_warp_gan, build_warp_generator

GREY, COLOUR, SMALL = (28, 28, 1), (20, 24, 3), (16, 16, 1)
NUM_CLASSES = 3
SMALL_CNN_PARAMETERS = (
    (3 * 3 * 1 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (7 * 7 * 32 * 64 + 64)
    + (64 * NUM_CLASSES + NUM_CLASSES)
)
DEEP_CNN_PARAMETERS = (
    (5 * 5 * 1 * 32 + 32)
    + (5 * 5 * 32 * 64 + 64)
    + (5 * 5 * 64 * 128 + 128)
    + (4 * 4 * 128 * 256 + 256)
    + (4 * 4 * 256 * 512 + 512)
    + (4 * 4 * 512 * 1024 + 1024)
    + (1024 * 1024 + 1024)
    + (1024 * 10 + 10)
)
DIGIT_CNN_PARAMETERS = (4 * 4 * 1 * 4 + 4) + (4 * 4 * 4 * 8 + 8) + (7 * 7 * 8 * 10 + 10)
COLOUR_CNN_PARAMETERS = (
    (3 * 3 * 3 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (3 * 3 * 32 * 64 + 64)
    + (8 * 8 * 64 * 512 + 512)
    + (512 * 256 + 256)
    + (256 * 2 + 2)
)
# Kernels without bias, and four numbers a channel of batch norm.
RESNET_PARAMETERS = (
    (3 * 3 * 3 * 16 + 4 * 16)
    + 2 * (3 * 3 * 16 * 16 + 4 * 16)
    + (3 * 3 * 16 * 32 + 4 * 32) + (3 * 3 * 32 * 32 + 4 * 32) + (16 * 32 + 4 * 32)
    + (3 * 3 * 32 * 64 + 4 * 64) + (3 * 3 * 64 * 64 + 4 * 64) + (32 * 64 + 4 * 64)
    + (64 * 10 + 10)
)  # fmt: skip

# Of width 5 on 1 channel: kernels without bias, and four numbers a channel of batch norm.
DENOISER_PARAMETERS = (
    (3 * 3 * 2 * 5 + 4 * 5)
    + 4 * (3 * 3 * 5 * 5 + 4 * 5)
    + (3 * 3 * 5 * 2 + 4 * 2)
    + (3 * 3 * 2 * 1 + 1)
)
# Of width 1 on 1 channel.
VANILLA_PARAMETERS = (
    (5 * 5 * 1 * 1 + 4 * 1)
    + (5 * 5 * 1 * 2 + 4 * 2)
    + (5 * 5 * 2 * 4 + 4 * 4)
    + (4 * 4 * 4 * 8 + 4 * 8)
    + (4 * 4 * 8 * 16 + 4 * 16)
    + (4 * 4 * 16 * 32 + 32)
    + (32 * 1 + 1)
)
# With biases, and a vector of the spectral norm as long.
SPECTRAL_CONDITIONAL_PARAMETERS = (
    (5 * 5 * 3 * 1 + 2 * 1)
    + (5 * 5 * 1 * 2 + 2 * 2)
    + (5 * 5 * 2 * 4 + 2 * 4)
    + (4 * 4 * 4 * 8 + 2 * 8)
    + (4 * 4 * 8 * 16 + 2 * 16)
    + (4 * 4 * 16 * 32 + 2 * 32)
    + (32 * 1 + 2 * 1)
)


@dataclass(frozen=True)
class Network:
    """A row: how a network is built, and what comes out of it.

    Attributes:
        build: The public builder.
        arguments: Its arguments.
        output: Shape of one output: an image in [0, 1] if it has three axes, logits otherwise.
        parameters: Number of weights computed by hand, where a source gives the sizes.
    """

    build: Callable[..., keras.Model]
    arguments: tuple[Any, ...]
    output: tuple[int, ...]
    parameters: int | None = None


@dataclass(frozen=True)
class GAN:
    """A row: how an adversarial model is built, and what its data set holds.

    Attributes:
        build: The public builder.
        arguments: Its arguments.
        options: More of them, by name.
        columns: How many of (images, labels) a batch holds.
        pairs: A batch holds images and their partners.
        denoises: It makes images of noisy ones, and not of labels and noise.
        still: How many of the discriminator's weights an update may leave as they are.
        loss: The metric that tells of the generator.
        further: Its metrics besides those of every adversarial model.
    """

    build: Callable[..., keras.Model]
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()
    columns: int = 2
    pairs: bool = False
    denoises: bool = False
    still: int = 0
    loss: str = "g_loss"
    further: tuple[str, ...] = ()


NETWORKS = [
    Network(build_small_cnn, (GREY, NUM_CLASSES), (NUM_CLASSES,), SMALL_CNN_PARAMETERS),
    Network(build_small_cnn, (COLOUR, 5), (5,)),
    Network(build_deep_cnn, (GREY, NUM_CLASSES, 2), (NUM_CLASSES,)),
    Network(build_deep_cnn, (COLOUR, 5, 2), (5,)),
    Network(build_deep_cnn, (GREY, 10), (10,), DEEP_CNN_PARAMETERS),
    Network(build_digit_cnn, (GREY, 10), (10,), DIGIT_CNN_PARAMETERS),
    Network(build_digit_cnn, (COLOUR, 5), (5,)),
    Network(build_colour_cnn, (COLOUR, 5, 2), (5,)),
    Network(build_colour_cnn, ((64, 64, 3), 2), (2,), COLOUR_CNN_PARAMETERS),
    Network(build_resnet, (GREY, 5, 2), (5,)),
    Network(build_resnet, ((32, 32, 3), 10), (10,), RESNET_PARAMETERS),
    Network(build_mlp_generator, (GREY, NUM_CLASSES, 2, 6), GREY),
    Network(build_mlp_generator, (COLOUR, NUM_CLASSES, 2, 6), COLOUR),
    Network(build_mlp_discriminator, (GREY, NUM_CLASSES, 2), (1,)),
    Network(build_mlp_discriminator, (COLOUR, NUM_CLASSES, 2), (1,)),
    Network(build_dcgan_generator, (GREY, NUM_CLASSES, 1, 6), GREY),
    Network(build_dcgan_generator, (COLOUR, NUM_CLASSES, 1, 6), COLOUR),
    Network(build_dcgan_generator, (GREY, NUM_CLASSES, 1, 6, False), GREY),
    Network(build_dcgan_generator, (COLOUR, NUM_CLASSES, 1, 6, False), COLOUR),
    Network(build_dcgan_discriminator, (GREY, NUM_CLASSES, 1), (1,)),
    Network(build_dcgan_discriminator, (COLOUR, NUM_CLASSES, 1), (1,)),
    Network(build_warp_generator, (GREY, 2), GREY),
    Network(build_warp_generator, (COLOUR, 2), COLOUR),
    Network(build_dagan_generator, (GREY, 2, 6), GREY),
    Network(build_dagan_generator, (COLOUR, 2, 6), COLOUR),
    Network(build_spectral_discriminator, (GREY, 2), (1,)),
    Network(build_spectral_discriminator, (COLOUR, 2), (1,)),
    Network(build_encoder, (GREY, 1, 6), (12,)),
    Network(build_encoder, (COLOUR, 1, 6), (12,)),
    Network(build_flow_generator, (GREY, NUM_CLASSES, 1, 6), GREY),
    Network(build_flow_generator, (COLOUR, NUM_CLASSES, 1, 6), COLOUR),
    Network(build_bagan_network, (GREY, 4, 1), (4,)),
    Network(build_bagan_network, (COLOUR, 4, 1), (4,)),
    Network(build_bagan_generator, (GREY, NUM_CLASSES, 1, 6), GREY),
    Network(build_bagan_generator, (COLOUR, NUM_CLASSES, 1, 6), COLOUR),
    Network(build_residual_denoiser, (GREY, 5), GREY, DENOISER_PARAMETERS),
    Network(build_residual_denoiser, (COLOUR, 3, False), COLOUR),
    Network(build_denoising_discriminator, (GREY, 1), (1,), VANILLA_PARAMETERS),
    Network(build_denoising_discriminator, (COLOUR, 2, True), (1,)),
    Network(
        build_denoising_discriminator, (GREY, 1, True, True), (1,), SPECTRAL_CONDITIONAL_PARAMETERS
    ),
]
GANS = {
    "mlp": GAN(build_conditional_gan, ("mlp", SMALL, NUM_CLASSES, 2, 6)),
    "dcgan": GAN(build_conditional_gan, ("dcgan", SMALL, NUM_CLASSES, 1, 6)),
    # The last bias: what is added to all logits alike makes no difference to pairs.
    "r3gan": GAN(
        build_conditional_gan,
        ("plain_dcgan", SMALL, NUM_CLASSES, 1, 6),
        (("loss", "relativistic"), ("gradient_penalty", 1.0)),
        still=1,
    ),
    # The last bias: within the hinge's margin, real and fake images pull it with equal force.
    "warp": GAN(build_warp_gan, (SMALL, 2), columns=1, still=1),
    "dagan": GAN(build_dagan, (SMALL, 2, 6), pairs=True, still=1),
    "bagan": GAN(build_bagan, (SMALL, NUM_CLASSES, 1, 4, 0), further=("pixel_loss",)),
    "denoiser": GAN(
        build_denoising_model,
        (SMALL, 3, "conditional", Schedule(((0, 1.0, 1.0),)), 2),
        denoises=True,
        further=("l1",),
    ),
}
# Trained and saved as these, but without an adversary: `test_vae_flow` has what is its own.
WITHOUT_ADVERSARY = {
    "vae_flow": GAN(build_vae_flow, (SMALL, NUM_CLASSES, 1, 4, 1), loss="flow_loss"),
}


def built(row, seed=0):
    # As `ReusableModel` does: Keras' own function would have all that is traced prepared anew.
    random.seed(seed)
    return row.build(*row.arguments, **dict(getattr(row, "options", ())))


def seed_layers(model):
    return [layer for layer in model._flatten_layers() if hasattr(layer, "seed_generator")]


def same(before, after):
    """For each pair of arrays, whether they are equal bit by bit."""
    return [np.array_equal(b, a) for b, a in zip(before, after, strict=True)]
