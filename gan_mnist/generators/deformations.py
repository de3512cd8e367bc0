"""Learnt deformations of real images, as a generator; see `DeformationModel`."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np

from gan_mnist.data.pipelines import Column
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Request
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import GeneratorRecipe, train_or_load
from gan_mnist.models.class_pairs import draw_pairs
from gan_mnist.models.deformations import DeformationModel, as_registered
from gan_mnist.seeding import derive_seed
from gan_mnist.training.adam import Adam

LEARNING_RATE = 0.04


@dataclass(frozen=True)
class DeformationRecipe(GeneratorRecipe):
    """Real images of the class, moved; every batch holds all pairs, so that none lags behind.

    Attributes:
        own: Images are moved by deformations of their own class only.
        scale: What deformations are multiplied by.
        alike: Deformations are adjusted to the style of the image that is moved.
        many: A further factor for images of a class of several.
        each: Pairs a class, each class registered on its own; 0: `batch_size` pairs in all.
    """

    own: bool = False
    scale: float = 1.0
    each: int = 0
    alike: bool = False
    many: float = 1.0

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            updates=0 if settings.untrained else settings.deformation_updates,
            batch_size=settings.deformation_pairs,
            precision=settings.precision,
            own=settings.deformations_of == "own",
            scale=settings.deformation_scale,
            each=settings.deformation_pairs_per_class,
            alike=settings.deformations_of == "alike",
            many=settings.deformation_scale_of_many,
        )

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> DeformationModel:
        pairs = self.each * num_classes or self.batch_size
        options = self.own, self.scale, self.each, self.alike, self.many
        return DeformationModel(image_shape, pairs, self.updates, *options)

    def compile(self, model: DeformationModel) -> None:
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, max(1, self.updates))
        model.compile(Adam(rate), steps_per_execution=self.updates_per_call)

    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
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
        resized = (_small(subset.images[rows]) for rows in (sources, targets))
        return *resized, np.arange(self.batch_size)

    def train(
        self, model: DeformationModel, columns: Sequence[Column], request: Request, *rest: Any
    ) -> float:
        if self.each:
            sources, deformations, seconds = self._registered(request)
            num_unused = model.num_pairs - len(deformations)
            model.deformations.assign(np.pad(deformations, [[0, num_unused], [0, 0]]))
        else:
            seconds = super().train(model, columns, request, *rest)
            sources = columns[0][:]
        if self.alike:
            model.fit_style_slopes(sources)
        return seconds

    def _registered(self, request: Request) -> tuple[np.ndarray, np.ndarray, float]:
        """Sources and deformations of the pairs of every class that has some, class by class.

        Each class is trained and kept as a generator of its own, which all trials with the same
        images of that class share. The seconds are those of all these trainings, whenever they
        were.
        """
        recipe = dataclasses.replace(
            self, batch_size=self.each, own=False, scale=1.0, each=0, alike=False, many=1.0,
            # Nobody looks at it on the way, where each look draws images.
            intervals=1,
        )  # fmt: skip
        subset, sources, deformations, seconds = request.images.train, [], [], 0.0
        for label in np.flatnonzero(np.bincount(subset.labels) > 1):
            class_subset = subset.only(int(label))
            allotment = dataclasses.replace(request.images, train=class_subset)
            name = f"{request.name} class {label}" if request.name else ""
            # Callbacks look at a generator of all classes.
            class_request = dataclasses.replace(request, images=allotment, name=name, callbacks=())
            generator = train_or_load(recipe, class_request)
            seconds += generator.seconds
            deformations.append(generator.network.deformations.numpy())
            sources.append(recipe.columns(class_subset, request.seed)[0][:])
        return np.concatenate(sources), np.concatenate(deformations), seconds


def _small(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n, H, W, C); of more than 32 pixels a side, float32 in [0, 1] of that size."""
    registered = as_registered(images)
    return images if registered is images else registered.numpy() / np.float32(255)
