"""The one training step that every network with an adversary shares."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.models.losses import ADVERSARIAL_LOSSES


class AdversarialModel(keras.Model):
    """A generator, its discriminator, and how one update trains both.

    A flavour says what the generator is fed and what the discriminator is shown, by overriding
    `latents`, `generate`, `show_real` and `show_fake`; everything else is here. A batch is whatever
    tuple the flavour's data set yields.

    In an update the generator runs once: the discriminator learns on that output with gradients
    stopped, then judges it again for the generator. Noise is stateless, keyed by
    (`noise_seed`, purpose, update), so a resumed run draws what an undisturbed one would have.

    Attributes:
        generator: The network that is trained.
        average: The exponential moving average of its weights: the one to sample from.
        discriminator: Maps what it is shown to float32 logits (n, ...).
        noise_seed: int32 variable; set it before training.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: str = "non_saturating",
        average_decay: float = 0.998,
        name: str | None = None,
    ):
        """Wires two built networks.

        Args:
            generator: Built network.
            discriminator: Built network.
            loss: A key of `ADVERSARIAL_LOSSES`.
            average_decay: Decay of the generator's moving average an update, in [0, 1).
            name: Keras name.
        """
        super().__init__(name=name)
        self.generator = generator
        self.discriminator = discriminator
        self.average = keras.models.clone_model(generator)
        self.average.set_weights(generator.get_weights())
        self.average.trainable = False
        self.adversarial_loss = ADVERSARIAL_LOSSES[loss]
        self.average_decay = average_decay
        self.noise_seed = tf.Variable(0, dtype=tf.int32, trainable=False, name="noise_seed")
        self._means = {
            name: keras.metrics.Mean(name=name)
            for name in ("d_loss", "g_loss", "real_accuracy", "fake_accuracy")
        }
        # Keras asks a subclassed model for `call` on a batch unless it is told that it is built.
        self.built = True

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Gives each network its optimizer, built now so that checkpoints hold its state."""
        super().compile(optimizer=None, **options)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Both optimizers."""
        return [self.generator_optimizer, self.discriminator_optimizer]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def exported(self) -> list[Any]:
        """The resources that `sample` reads, for an export."""
        return [self.average]

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Takes note of the training images, for a flavour whose samples start from them."""

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """float32 images (n, H, W, C) in [0, 1] for int32 labels (n,) and an int32 seed (2,)."""
        raise NotImplementedError

    def latents(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """The noise of one batch; `seed` is int32 (2,)."""
        raise NotImplementedError

    def generate(self, batch: Any, latents: tf.Tensor) -> tf.Tensor:
        """Fake images (n, H, W, C) by `self.generator` in training mode."""
        raise NotImplementedError

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        """What the discriminator is shown as real; `seed` is int32 (2,)."""
        raise NotImplementedError

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        """What the discriminator is shown as fake, differentiable in `fake_images`."""
        raise NotImplementedError

    def generator_penalty(self, batch: Any, latents: tf.Tensor, fake_images: tf.Tensor) -> Any:
        """What the generator minimises besides the adversarial loss; nothing unless overridden."""
        return 0.0

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        update = tf.cast(self.discriminator_optimizer.iterations, tf.int32)
        seeds = tf.random.split(tf.stack([self.noise_seed, update]), 3)
        latents = self.latents(batch, seeds[0])
        with tf.GradientTape() as tape:
            fake_images = self.generate(batch, latents)
            with tape.stop_recording():
                self.update_discriminator(batch, fake_images, seeds[1])
            # Judged as it stands: spectral norms and statistics change in its own update only.
            fake_logits = self.discriminator(
                self.show_fake(batch, fake_images, seeds[2]), training=False
            )
            g_loss = self.adversarial_loss.generator(fake_logits)
            total = g_loss + self.generator_penalty(batch, latents, fake_images)
        _minimize(self.generator_optimizer, tape, total, self.generator)
        self._means["g_loss"].update_state(g_loss)
        for average, weight in zip(self.average.weights, self.generator.weights, strict=True):
            average.assign(weight + self.average_decay * (average - weight))
        return {name: mean.result() for name, mean in self._means.items()}

    def update_discriminator(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> None:
        """One discriminator update; the generator is left as it is."""
        seeds = tf.random.split(seed, 2)
        with tf.GradientTape() as tape:
            real_logits = self.discriminator(self.show_real(batch, seeds[0]), training=True)
            fake_logits = self.discriminator(
                self.show_fake(batch, fake_images, seeds[1]), training=True
            )
            d_loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
        _minimize(self.discriminator_optimizer, tape, d_loss, self.discriminator)
        self._means["d_loss"].update_state(d_loss)
        self._means["real_accuracy"].update_state(tf.cast(real_logits > 0, tf.float32))
        self._means["fake_accuracy"].update_state(tf.cast(fake_logits < 0, tf.float32))


def _minimize(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, net: keras.Model
) -> None:
    # Without a loss scale this is the plain gradient; with one, `apply` undoes it.
    with tape:
        scaled = optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, net.trainable_variables)
    optimizer.apply(gradients, net.trainable_variables)
