"""Learnt deformations of real images, as a generator; see `DeformationModel`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import GeneratorRecipe
from gan_mnist.models.deformations import DeformationModel, draw_pairs
from gan_mnist.seeding import derive_seed

LEARNING_RATE = 0.04
# Larger images are registered at this size, as control points are few and a batch is all pairs.
MOST_PIXELS = 32


@dataclass(frozen=True)
class DeformationRecipe(GeneratorRecipe):
    """Real images of the class, moved; every batch holds all pairs, so that none lags behind."""

    own: bool = False
    scale: float = 1.0

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            updates=0 if settings.untrained else settings.deformation_updates,
            batch_size=settings.deformation_pairs,
            precision=settings.precision,
            own=settings.deformations_of == "own",
            scale=settings.deformation_scale,
        )

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> DeformationModel:
        return DeformationModel(image_shape, self.batch_size, self.updates, self.own, self.scale)

    def compile(self, model: DeformationModel) -> None:
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, max(1, self.updates))
        model.compile(keras.optimizers.Adam(rate), steps_per_execution=self.updates_per_call)

    def columns(self, subset: Subset, seed: int) -> Sequence[np.ndarray]:
        counts = np.bincount(subset.labels, minlength=len(subset.class_names))
        if counts.max() < 2:
            raise NotApplicable("deformations are learnt from a class with 2 images or more")
        if self.own and (counts.min() < 2 or self.batch_size < len(counts)):
            raise NotApplicable("deformations of each class's own need 2 images, and a pair, of it")
        sources, targets = draw_pairs(
            subset.labels, self.batch_size, derive_seed("gan", seed, "pairs")
        )
        small = (_small(subset.images[rows]) for rows in (sources, targets))
        return *small, np.arange(self.batch_size)


def _small(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n, H, W, C); of more than 32 pixels a side, float32 in [0, 1] of that size."""
    sides = tuple(min(side, MOST_PIXELS) for side in images.shape[1:3])
    if images.shape[1:3] == sides:
        return images
    return tf.image.resize(images, sides, "area").numpy() / np.float32(255)
