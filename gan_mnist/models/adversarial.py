"""The one training step that every network with an adversary shares."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from gan_mnist.errors import unknown
from gan_mnist.models.losses import ADVERSARIAL_LOSSES
from gan_mnist.models.two_networks import TwoNetworks, minimize, unpack_batch

# The source goes on until half the cross-entropy is below 2 ln 2.
GOOD_ENOUGH = 4 * math.log(2)


class AdversarialModel(TwoNetworks):
    """A generator, its discriminator, and how one update trains both.

    A subclass defines the generator's inputs by overriding `generate` and setting `prior`, the
    distribution of latents. It may override `latents`, what the discriminator is shown by
    `show_real` and `show_fake`, and what else the generator minimises by `adversarial_weight` and
    `generator_penalty`; everything else is here. A batch is whatever tuple the data set of the
    subclass yields.

    In an update the generator runs once: the discriminator learns on that output with gradients
    stopped, then judges it again for the generator. If `most_generator_steps` is above 1, the
    generator takes more steps, on fresh noise, until its loss is low enough. Noise is stateless,
    keyed by (`noise_seed`, purpose, update), so a resumed run draws what an undisturbed one would.

    `fit` takes a data set of such batches, or the arrays that these are made of, and the same as
    `validation_data`; `predict` takes the inputs of `sample` without the seed. Attributes,
    `compile` and saved files are those of `TwoNetworks`.
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
        gradient_penalty: float = 0.0,
        penalty_every: int = 8,
        **options: Any,
    ):
        """Wires two built networks.

        Args:
            generator: Built network.
            discriminator: Built network, or None.
            loss: A key of `ADVERSARIAL_LOSSES`.
            average_decay: Decay of the generator's moving average an update, in [0, 1).
            most_generator_steps: Generator steps in an update, at most: they end once its loss is
                below `GOOD_ENOUGH` (docs/sources.md#mixing).
            separate_batches: The data set yields pairs of batches: one for the generator to learn
                on, and one for the discriminator.
            judge_in_training: In the generator's step the discriminator runs in training mode, so
                that batch norm uses statistics of the batch. Its own state does not change.
            gradient_penalty: Weight of R1 and R2, half the squared norm of the discriminator's
                gradient at what it is shown, real and fake (arXiv 1801.04406); 0 for none.
            penalty_every: Updates from one penalty to the next, each of which is multiplied by
                this number (arXiv 1912.04958, appendix B).
            **options: Of `keras.Model`, such as `name`.

        Raises:
            InputError: For an unknown loss.
        """
        if loss not in ADVERSARIAL_LOSSES:
            raise unknown("loss", loss, ADVERSARIAL_LOSSES)
        super().__init__(generator, discriminator, average_decay, **options)
        self.adversarial_loss = ADVERSARIAL_LOSSES[loss]
        self.loss_name = loss
        self.most_generator_steps = most_generator_steps
        self.separate_batches = separate_batches
        self.judge_in_training = judge_in_training
        self.gradient_penalty = gradient_penalty
        self.penalty_every = penalty_every
        self._means = {}
        if discriminator is not None:
            for metric in ("d_loss", "g_loss", "real_accuracy", "fake_accuracy"):
                self._means[metric] = keras.metrics.Mean(name=metric)

    def get_config(self) -> dict[str, Any]:
        config = {
            "loss": self.loss_name,
            "most_generator_steps": self.most_generator_steps,
            "separate_batches": self.separate_batches,
            "judge_in_training": self.judge_in_training,
            "gradient_penalty": self.gradient_penalty,
            "penalty_every": self.penalty_every,
        }
        return {**super().get_config(), **config}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def update(self) -> tf.Tensor:
        """int32: the updates done. The discriminator is counted: it takes one step in each."""
        return tf.cast(self.discriminator_optimizer.iterations, tf.int32)

    @property
    def adversarial_weight(self) -> Any:
        """Weight of the adversarial loss in this update; at 0 the discriminator is not run.

        A Python number if it never changes, so that the graph needs no condition.
        """
        return 1.0

    def latents(self, batch: Any, seed: tf.Tensor) -> tf.Tensor | None:
        """The latents of one batch, or None if the generator takes none; `seed` is int32 (2,)."""
        return self.prior.draw(tf.shape(batch[0])[0], seed)

    def generate(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        """Fake images (n, H, W, C) by `self.generator` in training mode."""
        raise NotImplementedError

    def generate_in_test(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        """Fake images in `test_step`: as in training unless overridden; no state is changed."""
        with keras.StatelessScope():
            return self.generate(batch, latents)

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        """The discriminator's input for real images: these alone; `seed` is int32 (2,)."""
        return batch[0]

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        """The discriminator's input for fake images, differentiable in `fake_images`."""
        return fake_images

    def generator_penalty(
        self, batch: Any, latents: tf.Tensor | None, fake_images: tf.Tensor
    ) -> Any:
        """The generator's loss besides the adversarial loss; 0 unless overridden."""
        return 0.0

    # Update t, with noise keyed by (noise_seed, purpose, t):
    #   1. fake = generator(batch, noise)
    #   2. discriminator descends loss(discriminator(real), discriminator(fake)), fake held fixed,
    #      and every few updates the gradient penalty too
    #   3. g_loss = loss(discriminator(fake)), the discriminator held fixed
    #   4. generator descends weight * g_loss + penalty; 2 and 3 are left out at weight 0
    #   5. on fresh noise, 1, 3 and 4 again, up to most_generator_steps while g_loss >= 4 ln 2
    #   6. average = generator + average_decay * (average - generator)
    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        batch, d_batch = self._both_batches(batch)
        seeds = tf.random.split(tf.stack([self.noise_seed, self.update]), 3)
        latents = self.latents(batch, seeds[0])
        weight = self.adversarial_weight
        with tf.GradientTape() as tape:
            fake_images = self.generate(batch, latents)

            def against_discriminator() -> tf.Tensor:
                with tape.stop_recording():
                    if d_batch is None:
                        self.update_discriminator(batch, fake_images, seeds[1])
                    else:
                        noise = self.latents(d_batch, tf.random.fold_in(seeds[0], 1))
                        # It leaves no trace in the generator, nor in its statistics.
                        with keras.StatelessScope():
                            fakes = self.generate(d_batch, noise)
                        self.update_discriminator(d_batch, fakes, seeds[1])
                g_loss = self._adversarial_loss(batch, fake_images, seeds[2])
                self._means["g_loss"].update_state(g_loss)
                return g_loss

            g_loss = ops.cond(weight > 0, against_discriminator, lambda: tf.constant(0.0))
            total = weight * g_loss + self.generator_penalty(batch, latents, fake_images)
        minimize(self.generator_optimizer, tape, total, self.generator.trainable_variables)
        if self.most_generator_steps > 1:
            self._more_generator_steps(batch, g_loss, seeds[2])
        self.update_average()
        return {name: mean.result() for name, mean in self._means.items()}

    def test_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """The losses of `train_step` on a batch, without an update.

        Both networks are in the mode in which the generator is judged in training, so that a gap to
        the losses of training is the discriminator's overfitting. Noise follows from `noise_seed`
        and the number of the batch alone: it is the same after every epoch.
        """
        batch, d_batch = self._both_batches(batch)
        batch_number = tf.cast(sum(metric.count for metric in self.metrics[:1]), tf.int32)
        seeds = tf.random.split(self.evaluation_seed(batch_number), 3)
        latents = self.latents(batch, seeds[0])
        fake_images = self.generate_in_test(batch, latents)

        def against_discriminator() -> tf.Tensor:
            judged_batch, fakes = batch, fake_images
            if d_batch is not None:
                noise = self.latents(d_batch, tf.random.fold_in(seeds[0], 1))
                judged_batch, fakes = d_batch, self.generate_in_test(d_batch, noise)
            with keras.StatelessScope():
                loss_and_logits = self._judge(judged_batch, fakes, seeds[1], self.judge_in_training)
            self._record(*loss_and_logits)
            g_loss = self._adversarial_loss(batch, fake_images, seeds[2])
            self._means["g_loss"].update_state(g_loss)
            return g_loss

        ops.cond(self.adversarial_weight > 0, against_discriminator, lambda: tf.constant(0.0))
        self.generator_penalty(batch, latents, fake_images)
        return {name: mean.result() for name, mean in self._means.items()}

    def _both_batches(self, batch: Any) -> tuple[Any, Any]:
        """The generator's batch and the discriminator's; None in place of the latter if shared."""
        if not self.separate_batches:
            return self.unpack(batch), None
        own_batch, d_batch = unpack_batch(batch)
        return self.unpack(own_batch), self.unpack(d_batch)

    def _adversarial_loss(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        inputs = self.show_fake(batch, fake_images, seed)
        # Judged as it stands: spectral norms and statistics change in its own update only.
        with keras.StatelessScope():
            fake_logits = self.discriminator(inputs, training=self.judge_in_training)
            real_logits = None
            if self.adversarial_loss.paired:
                inputs = self.show_real(batch, tf.random.fold_in(seed, 1))
                real_logits = self.discriminator(inputs, training=self.judge_in_training)
        return self.adversarial_loss.generator(real_logits, fake_logits)

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
            minimize(self.generator_optimizer, tape, total, self.generator.trainable_variables)
            return step + 1, g_loss

        tf.while_loop(go_on, once_more, (tf.constant(1), g_loss))

    def update_discriminator(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> None:
        """One discriminator update; the generator is left as it is."""
        with tf.GradientTape() as tape:
            d_loss, *logits = self._judge(batch, fake_images, seed, training=True)
            total = d_loss + self._gradient_penalty(batch, fake_images, seed)
        variables = self.discriminator.trainable_variables
        minimize(self.discriminator_optimizer, tape, total, variables)
        self._record(d_loss, *logits)

    def _judge(
        self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The discriminator's loss, and its logits on real and on fake images."""
        seeds = tf.random.split(seed, 2)
        real_logits = self.discriminator(self.show_real(batch, seeds[0]), training=training)
        fake_inputs = self.show_fake(batch, fake_images, seeds[1])
        fake_logits = self.discriminator(fake_inputs, training=training)
        d_loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
        return d_loss, real_logits, fake_logits

    def _gradient_penalty(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        """R1 and R2 on the images of `_judge`, in every `penalty_every`-th update; else 0."""
        if not self.gradient_penalty:
            return 0.0
        seeds = tf.random.split(seed, 2)

        def squared_slope(inputs: Any) -> tf.Tensor:
            images, *conditions = keras.tree.flatten(inputs)
            # The update itself has left its traces in spectral norms and statistics.
            with tf.GradientTape() as tape, keras.StatelessScope():
                tape.watch(images)
                inputs = keras.tree.pack_sequence_as(inputs, [images, *conditions])
                logits = self.discriminator(inputs, training=True)
            gradients = tf.cast(tape.gradient(logits, images), tf.float32)
            return tf.reduce_sum(tf.square(gradients)) / tf.cast(tf.shape(gradients)[0], tf.float32)

        def penalty() -> tf.Tensor:
            fake_inputs = self.show_fake(batch, fake_images, seeds[1])
            slopes = squared_slope(self.show_real(batch, seeds[0])) + squared_slope(fake_inputs)
            return self.penalty_every * self.gradient_penalty / 2 * slopes

        is_due = self.update % self.penalty_every == 0
        return ops.cond(is_due, penalty, lambda: tf.constant(0.0))

    def _record(self, d_loss: tf.Tensor, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> None:
        if self.adversarial_loss.paired:
            # Of pairs: how often the real image is judged the more real one.
            real_logits, fake_logits = real_logits - fake_logits, fake_logits - real_logits
        self._means["d_loss"].update_state(d_loss)
        self._means["real_accuracy"].update_state(tf.cast(real_logits > 0, tf.float32))
        self._means["fake_accuracy"].update_state(tf.cast(fake_logits < 0, tf.float32))
