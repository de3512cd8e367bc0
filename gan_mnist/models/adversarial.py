"""The one training step that every network with an adversary shares."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gan_mnist.models.losses import ADVERSARIAL_LOSSES

# The source goes on until half the cross-entropy is below 2 ln 2.
GOOD_ENOUGH = 4 * math.log(2)


class AdversarialModel(keras.Model):
    """A generator, its discriminator, and how one update trains both.

    A flavour says what the generator is fed and what the discriminator is shown, by overriding
    `latents`, `generate`, `show_real` and `show_fake`, and what else the generator minimises, by
    `adversarial_weight` and `generator_penalty`; everything else is here. A batch is whatever tuple
    the flavour's data set yields.

    In an update the generator runs once: the discriminator learns on that output with gradients
    stopped, then judges it again for the generator. Where `most_generator_steps` is above 1, the
    generator goes on, on fresh noise, until it deceives well enough. Noise is stateless, keyed by
    (`noise_seed`, purpose, update), so a resumed run draws what an undisturbed one would have.

    Attributes:
        generator: The network that is trained.
        average: The exponential moving average of its weights: the one to sample from. The
            generator itself where `average_decay` is 0.
        discriminator: Maps what it is shown to float32 logits (n, ...); None where the adversarial
            weight is always 0.
        noise_seed: int32 variable; set it before training.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        loss: str = "non_saturating",
        average_decay: float = 0.998,
        most_generator_steps: int = 1,
        separate_batches: bool = False,
        judge_in_training: bool = False,
        name: str | None = None,
    ):
        """Wires two built networks.

        Args:
            generator: Built network.
            discriminator: Built network, or None.
            loss: A key of `ADVERSARIAL_LOSSES`.
            average_decay: Decay of the generator's moving average an update, in [0, 1).
            most_generator_steps: Generator steps in an update, at most: they end once its loss is
                below `GOOD_ENOUGH` (specification, section 2).
            separate_batches: The data set yields pairs of batches: one for the generator to learn
                on, and one for the discriminator.
            judge_in_training: The discriminator judges for the generator in training mode, so that
                batch norm looks at the batch that is judged. Nothing in it changes.
            name: Keras name.
        """
        super().__init__(name=name)
        self.generator = generator
        self.discriminator: Any = discriminator
        self.average = generator
        if average_decay:
            self.average = keras.models.clone_model(generator)
            self.average.set_weights(generator.get_weights())
            self.average.trainable = False
        self.adversarial_loss = ADVERSARIAL_LOSSES[loss]
        self.average_decay = average_decay
        self.most_generator_steps = most_generator_steps
        self.separate_batches = separate_batches
        self.judge_in_training = judge_in_training
        self.noise_seed = tf.Variable(0, dtype=tf.int32, trainable=False, name="noise_seed")
        self._means = {}
        if discriminator is not None:
            for metric in ("d_loss", "g_loss", "real_accuracy", "fake_accuracy"):
                self._means[metric] = keras.metrics.Mean(name=metric)
        # Keras asks a subclassed model for `call` on a batch unless it is told that it is built.
        self.built = True

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        **options: Any,
    ) -> None:
        """Gives each network its optimizer, built now so that checkpoints hold its state.

        Where there is no discriminator, none is needed for it, and one that is given does nothing.
        """
        super().compile(optimizer=None, **options)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer: Any = discriminator_optimizer
        networks = self.generator, self.discriminator
        for optimizer, network in zip(self.optimizers, networks, strict=False):
            optimizer.build(network.trainable_variables)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The generator's, and the discriminator's if there is one."""
        both = [self.generator_optimizer, self.discriminator_optimizer]
        return both if self.discriminator is not None else both[:1]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def exported(self) -> list[Any]:
        """The resources that `sample` reads, for an export."""
        return [self.average]

    @property
    def update(self) -> tf.Tensor:
        """int32: the updates done. The discriminator is counted: it takes one step in each."""
        return tf.cast(self.discriminator_optimizer.iterations, tf.int32)

    @property
    def adversarial_weight(self) -> Any:
        """Of the adversarial loss in this update; at 0 the discriminator is left alone.

        A plain number where it never changes, so that nothing is left to decide in the graph.
        """
        return 1.0

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Takes note of the training images, for a flavour whose samples start from them."""

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """float32 images (n, H, W, C) in [0, 1] for int32 labels (n,) and an int32 seed (2,)."""
        raise NotImplementedError

    def latents(self, batch: Any, seed: tf.Tensor) -> tf.Tensor | None:
        """The noise of one batch, if the generator is fed any; `seed` is int32 (2,)."""
        raise NotImplementedError

    def generate(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        """Fake images (n, H, W, C) by `self.generator` in training mode."""
        raise NotImplementedError

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        """What the discriminator is shown as real; `seed` is int32 (2,)."""
        raise NotImplementedError

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        """What the discriminator is shown as fake, differentiable in `fake_images`."""
        raise NotImplementedError

    def generator_penalty(
        self, batch: Any, latents: tf.Tensor | None, fake_images: tf.Tensor
    ) -> Any:
        """What the generator minimises besides the adversarial loss; nothing unless overridden."""
        return 0.0

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        batch, others = batch if self.separate_batches else (batch, None)
        seeds = tf.random.split(tf.stack([self.noise_seed, self.update]), 3)
        latents = self.latents(batch, seeds[0])
        weight = self.adversarial_weight
        with tf.GradientTape() as tape:
            fake_images = self.generate(batch, latents)

            def against_discriminator() -> tf.Tensor:
                with tape.stop_recording():
                    if others is None:
                        self.update_discriminator(batch, fake_images, seeds[1])
                    else:
                        fakes = self._generate_unchanged(others, seeds[0])
                        self.update_discriminator(others, fakes, seeds[1])
                g_loss = self._adversarial_loss(batch, fake_images, seeds[2])
                self._means["g_loss"].update_state(g_loss)
                return g_loss

            g_loss = ops.cond(weight > 0, against_discriminator, lambda: tf.constant(0.0))
            total = weight * g_loss + self.generator_penalty(batch, latents, fake_images)
        _minimize(self.generator_optimizer, tape, total, self.generator)
        if self.most_generator_steps > 1:
            self._more_generator_steps(batch, g_loss, seeds[2])
        if self.average is not self.generator:
            for average, now in zip(self.average.weights, self.generator.weights, strict=True):
                average.assign(now + self.average_decay * (average - now))
        return {name: mean.result() for name, mean in self._means.items()}

    def _generate_unchanged(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        """Fake images of a batch that leaves no trace in the generator, nor in its statistics."""
        latents = self.latents(batch, tf.random.fold_in(seed, 1))
        with keras.StatelessScope():
            return self.generate(batch, latents)

    def _adversarial_loss(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        shown = self.show_fake(batch, fake_images, seed)
        # Judged as it stands: spectral norms and statistics change in its own update only.
        with keras.StatelessScope():
            fake_logits = self.discriminator(shown, training=self.judge_in_training)
        return self.adversarial_loss.generator(fake_logits)

    def _more_generator_steps(self, batch: Any, g_loss: tf.Tensor, seed: tf.Tensor) -> None:
        weight = self.adversarial_weight

        def go_on(step: tf.Tensor, g_loss: tf.Tensor) -> tf.Tensor:
            return (step < self.most_generator_steps) & (g_loss >= GOOD_ENOUGH)

        def once_more(step: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seeds = tf.random.split(tf.random.fold_in(seed, step), 2)
            latents = self.latents(batch, seeds[0])
            with tf.GradientTape() as tape:
                fake_images = self.generate(batch, latents)
                g_loss = self._adversarial_loss(batch, fake_images, seeds[1])
                total = weight * g_loss + self.generator_penalty(batch, latents, fake_images)
            _minimize(self.generator_optimizer, tape, total, self.generator)
            return step + 1, g_loss

        tf.while_loop(go_on, once_more, (tf.constant(1), g_loss))

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
