"""The kinds of GANs: how each is built, what it is trained on, and which settings it uses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import keras
import numpy as np

from gan_mnist.data.pipelines import Column, Repeated
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Request
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import GANRecipe, TrainedGenerator, common_settings
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.bagan import build_bagan
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.dagan import build_dagan
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.training.adam import scaled_adam


@dataclass(frozen=True)
class _LatentRecipe(GANRecipe):
    """A GAN with latents of a given length, and Adam for both networks.

    Attributes:
        latent_dim: Length of the latents.
        learning_rate: Learning rate of Adam, for both networks.
        beta_1: Adam's beta1, for both networks; 0.5 by arXiv 1511.06434.
    """

    latent_dim: int = 64
    learning_rate: float = 1e-3
    beta_1: float = 0.5

    @classmethod
    def common_arguments(cls, settings: GeneratorSettings) -> dict[str, Any]:
        """The attributes that all such recipes take from the settings alike."""
        return {
            **common_settings(settings),
            "latent_dim": settings.gan_latent_dim,
            "learning_rate": settings.gan_learning_rate,
            "beta_1": settings.gan_beta_1,
        }

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        arguments = self.learning_rate, self.beta_1, 0.999
        return scaled_adam(*arguments), scaled_adam(*arguments)

    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
        return balanced(subset)


@dataclass(frozen=True)
class ConditionalRecipe(_LatentRecipe):
    """A conditional GAN; see `build_conditional_gan`."""

    architecture: str = "mlp"
    distribution: str = "normal"
    loss: str = "non_saturating"
    most_generator_steps: int = 1
    augment: bool = False

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            **cls.common_arguments(settings),
            width=settings.gan_width,
            architecture=settings.gan_architecture,
            distribution=settings.gan_latents,
            loss=settings.gan_loss,
            most_generator_steps=settings.most_generator_steps,
            augment=settings.diffaugment,
        )

    @classmethod
    def create(cls, request: Request) -> TrainedGenerator:
        generator = super().create(request)
        return generator.with_latent_scale(request.settings.gan_sampling_scale)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_conditional_gan(
            self.networks,
            image_shape,
            num_classes,
            self.width,
            self.latent_dim,
            augment=self.augment,
            loss=self.loss,
            average_decay=self.average_decay,
            distribution=self.distribution,
            most_generator_steps=self.most_generator_steps,
            **self.further,
        )

    @property
    def networks(self) -> str:
        """The key of the networks in `ARCHITECTURES`."""
        return self.architecture

    @property
    def further(self) -> dict[str, Any]:
        """Further options of `build_conditional_gan`."""
        return {}


@dataclass(frozen=True)
class R3GANRecipe(ConditionalRecipe):
    """A conditional GAN with a relativistic loss, gradient penalties and no batch norm.

    Source: Huang et al. 2025 (arXiv 2501.05441), R3GAN; its Adam has beta1 0. What differs: our
    convolutional networks, or dense ones, for its residual ones; the penalties in every eighth
    update only, multiplied by eight; beta2 0.999 and one weight of the penalties throughout, where
    its public code raises beta2 from 0.9 to 0.99 and lets that weight decay tenfold.
    """

    gradient_penalty: float = 0.1
    penalty_every: int = 8

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return replace(
            super().of(settings),
            loss="relativistic",
            # Its limit is one of the cross-entropy.
            most_generator_steps=1,
            beta_1=0.0,
            gradient_penalty=settings.gan_gradient_penalty,
        )

    @property
    def networks(self) -> str:
        return {"dcgan": "plain_dcgan"}.get(self.architecture, self.architecture)

    @property
    def further(self) -> dict[str, Any]:
        return {"gradient_penalty": self.gradient_penalty, "penalty_every": self.penalty_every}


@dataclass(frozen=True)
class BAGANRecipe(_LatentRecipe):
    """A BAGAN; see `gan_mnist.models.bagan`. A part of the updates trains its autoencoder."""

    autoencoder_share: float = 0.25

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(**cls.common_arguments(settings), width=settings.bagan_width)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_bagan(
            image_shape,
            num_classes,
            self.width,
            self.latent_dim,
            round(self.autoencoder_share * self.updates),
            self.average_decay,
        )


@dataclass(frozen=True)
class WarpRecipe(GANRecipe):
    """A warp GAN; see `build_warp_gan`. It learns from the classes that have several images."""

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            updates=0 if settings.untrained else settings.warp_updates,
            batch_size=settings.gan_batch_size,
            width=settings.warp_width,
            precision=settings.precision,
        )

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_warp_gan(image_shape, self.width, self.average_decay)

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        return scaled_adam(3e-4, 0.0, 0.9), scaled_adam(4e-4, 0.0, 0.9)

    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
        return (Repeated(subset.images, _rows_of_several(subset)),)


@dataclass(frozen=True)
class DAGANRecipe(_LatentRecipe):
    """A DAGAN; see `build_dagan`. It learns from the classes that have several images."""

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(**cls.common_arguments(settings), width=settings.dagan_width)

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_dagan(image_shape, self.width, self.latent_dim, self.average_decay)

    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
        rows = _rows_of_several(subset)
        partners = _partners(rows, subset.labels)
        return Repeated(subset.images, rows), Repeated(subset.images, partners)


def _rows_of_several(subset: Subset) -> np.ndarray:
    """Rows of the classes that have 2 images or more, balanced.

    Raises:
        NotApplicable: If there is no such class.
    """
    classes = np.flatnonzero(np.bincount(subset.labels) > 1)
    if not len(classes):
        raise NotApplicable("such a GAN needs a class with 2 images or more to learn from")
    rows = np.flatnonzero(np.isin(subset.labels, classes))
    return rows[_balanced_rows(subset.labels[rows])]


def _partners(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each of `rows` another row of its class, drawn from all of them."""
    rng = np.random.default_rng(0)
    partners = np.empty_like(rows)
    for label in np.unique(labels[rows]):
        class_rows = np.flatnonzero(labels == label)
        positions = np.flatnonzero(labels[rows] == label)
        # A step of 1 to n - 1 leads to any row but its own.
        steps = rng.integers(1, len(class_rows), len(positions))
        indices = np.searchsorted(class_rows, rows[positions])
        partners[positions] = class_rows[(indices + steps) % len(class_rows)]
    return partners


def balanced(subset: Subset) -> tuple[Column, Column]:
    """Images and labels, with every class oversampled to the size of the largest."""
    rows = _balanced_rows(subset.labels)
    return Repeated(subset.images, rows), subset.labels[rows]


def _balanced_rows(labels: np.ndarray) -> np.ndarray:
    classes, counts = np.unique(labels, return_counts=True)
    return np.concatenate(
        [np.resize(np.flatnonzero(labels == label), counts.max()) for label in classes]
    )
