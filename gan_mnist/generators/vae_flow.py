"""A variational autoencoder with a flow on its codes: how it is trained, and on what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import keras

from gan_mnist.data.pipelines import Column
from gan_mnist.data.subsets import Subset
from gan_mnist.generators.contract import Request
from gan_mnist.generators.gans import balanced
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import AveragedRecipe, TrainedGenerator, common_settings
from gan_mnist.models.vae_flow import VAEFlow, build_vae_flow
from gan_mnist.training.adam import scaled_adam

# The share of the updates that trains the autoencoder.
VAE_SHARE = 0.2


@dataclass(frozen=True)
class VAEFlowRecipe(AveragedRecipe):
    """A VAE, then a flow; see `build_vae_flow`. The rate of each falls to 0 along a half cosine."""

    latent_dim: int = 24
    vae_rate: float = 2e-3
    flow_rate: float = 3e-3

    @classmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        return cls(
            **common_settings(settings),
            width=settings.vae_width,
            latent_dim=settings.vae_latent_dim,
        )

    @classmethod
    def create(cls, request: Request) -> TrainedGenerator:
        return super().create(request).with_latent_scale(request.settings.vae_sampling_scale)

    @property
    def vae_updates(self) -> int:
        """How many of the first updates train the autoencoder."""
        return max(1, round(VAE_SHARE * self.updates))

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> VAEFlow:
        return build_vae_flow(
            image_shape,
            num_classes,
            self.width,
            self.latent_dim,
            self.vae_updates,
            self.average_decay,
        )

    def compile(self, model: VAEFlow) -> None:
        # The autoencoder's cosine, then the flow's.
        rate = keras.optimizers.schedules.CosineDecayRestarts(
            self.vae_rate,
            self.vae_updates,
            t_mul=max(1, self.updates - self.vae_updates) / self.vae_updates,
            m_mul=self.flow_rate / self.vae_rate,
        )
        model.compile(scaled_adam(rate), steps_per_execution=self.updates_per_call)

    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
        return balanced(subset)
