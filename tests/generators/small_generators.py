"""Generators so small that to trace them takes most of the time: equal recipes share a network."""

import importlib

from gan_mnist.generators.names import GENERATORS
from gan_mnist.generators.settings import GeneratorSettings

SHAPE = (8, 8, 1)
SMALL = {
    "image_size": SHAPE[0],
    "channels": SHAPE[2],
    "gan_architecture": "mlp",
    "gan_width": 1,
    "vae_width": 1,
    "vae_latent_dim": 4,
    "gan_latent_dim": 4,
    "gan_updates": 10,
    "gan_batch_size": 8,
    "bagan_width": 1,
    "dagan_width": 1,
    "warp_updates": 10,
    "warp_width": 1,
    "deformation_pairs": 8,
    "deformation_updates": 10,
}


def small_settings(name, **changes):
    return GeneratorSettings(generator=name, **{**SMALL, **changes})


def small_recipe(name):
    """Of a row that is trained."""
    row = GENERATORS[name]
    return getattr(importlib.import_module(row.module), row.name).of(small_settings(name))
