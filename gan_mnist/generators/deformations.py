"""Learnt deformations of real images, as a generator; see `DeformationModel`."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Request
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import GeneratorRecipe, trained
from gan_mnist.models.deformations import DeformationModel, draw_pairs
from gan_mnist.seeding import derive_seed

LEARNING_RATE = 0.04
# Larger images are registered at this size, as control points are few and a batch is all pairs.
MOST_PIXELS = 32


@dataclass(frozen=True)
class DeformationRecipe(GeneratorRecipe):
    """Real images of the class, moved; every batch holds all pairs, so that none lags behind.

    Attributes:
        own: Images are moved as those of their own class only.
        scale: What deformations are multiplied by.
        each: Pairs are so many of each class, a registration of their own; 0: `batch_size` in all.
    """

    own: bool = False
    scale: float = 1.0
    each: int = 0

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            updates=0 if settings.untrained else settings.deformation_updates,
            batch_size=settings.deformation_pairs,
            precision=settings.precision,
            own=settings.deformations_of == "own",
            scale=settings.deformation_scale,
            each=settings.deformation_pairs_per_class,
        )

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> DeformationModel:
        pairs = self.each * num_classes or self.batch_size
        return DeformationModel(image_shape, pairs, self.updates, self.own, self.scale, self.each)

    def compile(self, model: DeformationModel) -> None:
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, max(1, self.updates))
        model.compile(keras.optimizers.Adam(rate), steps_per_execution=self.updates_per_call)

    def columns(self, subset: Subset, seed: int) -> Sequence[np.ndarray]:
        counts = np.bincount(subset.labels, minlength=len(subset.class_names))
        if counts.max() < 2:
            raise NotApplicable("deformations are learnt from a class with 2 images or more")
        if self.own and (counts.min() < 2 or (not self.each and self.batch_size < len(counts))):
            raise NotApplicable("deformations of each class's own need 2 images, and a pair, of it")
        if self.each:
            return ()
        sources, targets = draw_pairs(
            subset.labels, self.batch_size, derive_seed("gan", seed, "pairs")
        )
        small = (_small(subset.images[rows]) for rows in (sources, targets))
        return *small, np.arange(self.batch_size)

    def train(
        self, model: DeformationModel, columns: Sequence[np.ndarray], request: Request, *rest: Any
    ) -> float:
        if not self.each:
            return super().train(model, columns, request, *rest)
        started = time.monotonic()
        images = request.images.train
        several = np.flatnonzero(np.bincount(images.labels) > 1)
        found = np.zeros(model.deformations.shape, np.float32)
        for place, label in enumerate(several):
            rows = slice(place * self.each, (place + 1) * self.each)
            found[rows] = self._registered(request, images.only(int(label)))
        model.deformations.assign(found)
        # Of what another trial or turn has registered, no more than it takes to read it.
        return time.monotonic() - started

    def _registered(self, request: Request, of_class: Subset) -> np.ndarray:
        """Deformations of pairs of one class, float32 (each, 57): a generator of that class alone.

        It is kept as any other is, so that whoever has the same images of the class shares it.
        """
        recipe = dataclasses.replace(self, batch_size=self.each, own=False, scale=1.0, each=0)
        images = dataclasses.replace(request.images, train=of_class)
        generator = trained(recipe, dataclasses.replace(request, images=images))
        return generator.network.deformations.numpy()


def _small(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n, H, W, C); of more than 32 pixels a side, float32 in [0, 1] of that size."""
    sides = tuple(min(side, MOST_PIXELS) for side in images.shape[1:3])
    if images.shape[1:3] == sides:
        return images
    return tf.image.resize(images, sides, "area").numpy() / np.float32(255)
