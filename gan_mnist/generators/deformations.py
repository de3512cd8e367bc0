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

    @property
    def registration(self) -> Self:
        """The recipe that registers the pairs, whatever is done with their deformations then."""
        plain = dataclasses.replace(self, own=False, scale=1.0, alike=False, many=1.0)
        if not self.each:
            return plain
        # Nobody looks at it on the way, where each look draws images.
        return dataclasses.replace(plain, batch_size=self.each, each=0, intervals=1)

    def train(
        self, model: DeformationModel, columns: Sequence[Column], request: Request, *rest: Any
    ) -> float:
        """As `GeneratorRecipe.train`, but recipes of one `registration` register pairs only once.

        It is trained and kept as a generator of its own, which all trials with the same images
        share. The seconds are those of its trainings, whenever they were. Callbacks look at how
        a model moves images, so with them a recipe trains its own, unless `each` class is apart.
        """
        if self == self.registration or (request.callbacks and not self.each):
            seconds = super().train(model, columns, request, *rest)
            if self.alike:
                model.fit_style_slopes(columns[0][:])
            return seconds
        sources, deformations, seconds = [], [], 0.0
        for part in self._registered_apart(request):
            generator = train_or_load(self.registration, part)
            seconds += generator.seconds
            deformations.append(generator.network.deformations.numpy())
            if self.alike:
                registered = columns or self.registration.columns(part.images.train, part.seed)
                sources.append(registered[0][:])
        # A class without pairs leaves rows of zeros, which nobody draws.
        num_unused = model.num_pairs - sum(map(len, deformations))
        model.deformations.assign(np.pad(np.concatenate(deformations), [[0, num_unused], [0, 0]]))
        if self.alike:
            model.fit_style_slopes(np.concatenate(sources))
        return seconds

    def _registered_apart(self, request: Request) -> list[Request]:
        """The requests for registrations: one, or one for each class that has several images."""
        if not self.each:
            return [request]
        requests = []
        for label in np.flatnonzero(np.bincount(request.images.train.labels) > 1):
            subset = request.images.train.only(int(label))
            allotment = dataclasses.replace(request.images, train=subset)
            name = f"{request.name} class {label}" if request.name else ""
            # Callbacks look at a generator of all classes.
            requests.append(dataclasses.replace(request, images=allotment, name=name, callbacks=()))
        return requests


def _small(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n, H, W, C); of more than 32 pixels a side, float32 in [0, 1] of that size."""
    registered = as_registered(images)
    return images if registered is images else registered.numpy() / np.float32(255)
