"""An autoencoder and a flow that samples its codes: latents and a one-hot label in, an image out.

The encoder maps an image to a vector, the code, distributed roughly as N(0, 1); the decoder maps a
code and a label to an image. The flow carries noise to the codes of a class, on paths as straight
as possible, so that few integration steps suffice.

Source: the variational autoencoder of Kingma and Welling 2013 (arXiv 1312.6114); rectified flow,
Liu et al. 2022 (arXiv 2209.03003), equations 1 and 2; one after the other, Rombach et al. 2021
(arXiv 2112.10752). What differs: an image's code is a vector, and the flow's network an MLP.
"""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gan_mnist.models.latents import LatentSampler
from gan_mnist.models.two_networks import TwoNetworks, minimize

EULER_STEPS = 20
# Of the flow's network.
HIDDEN_LAYERS = 3
FREQUENCIES = 4
# Below 1, codes hold more about an image than in a plain VAE; the flow can still sample them.
KL_WEIGHT = 0.1


@keras.saving.register_keras_serializable("gan_mnist")
class EulerSteps(layers.Layer):
    """Integrates a velocity field from time 0 to time 1 by Euler's method, in equal steps.

    (points, one_hot): float32 (n, d) at time 0 and (n, classes) -> float32 (n, d) at time 1.

    Attributes:
        velocity: Maps [points, times, one_hot], the times (n, 1), to (n, d).
        steps: Number of steps.
    """

    def __init__(self, velocity: keras.Model, steps: int = EULER_STEPS, **options: Any):
        super().__init__(**options)
        self.velocity, self.steps = velocity, steps

    def call(self, points: tf.Tensor, one_hot: tf.Tensor) -> tf.Tensor:
        all_times = ops.convert_to_tensor(np.arange(self.steps) / self.steps, points.dtype)

        def step(index: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
            times = ops.full_like(points[:, :1], all_times[index])
            velocities = ops.cast(self.velocity([points, times, one_hot]), points.dtype)
            return points + velocities / self.steps

        # A loop of the graph: the network is traced once, whatever the number of steps.
        return ops.fori_loop(0, self.steps, step, points)

    def compute_output_spec(self, points: Any, one_hot: Any) -> keras.KerasTensor:
        return keras.KerasTensor(points.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        config = {
            "velocity": keras.saving.serialize_keras_object(self.velocity),
            "steps": self.steps,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        # Keras empties the configs of functional models that it reads.
        options = copy.deepcopy(config)
        velocity = keras.saving.deserialize_keras_object(options.pop("velocity"))
        return cls(velocity, **options)


@keras.saving.register_keras_serializable("gan_mnist")
class VAEFlow(LatentSampler, TwoNetworks):
    """Batches are (images, labels): float32 (n, H, W, C) in [0, 1] and int32 (n,).

    The first `vae_updates` updates train encoder and decoder, those after them the flow, with the
    other two frozen. An image with label -1 is unlabelled: all are trained on it without a label.

    One optimizer trains all. Adam's bias correction counts all updates, but the flow's moments are
    still 0 when its updates begin: for some hundred of them its steps are up to five times as long
    as the learning rate. All published runs have it so. `fit`, `predict` and saved files are as in
    `TwoNetworks`. Metrics of what is not being trained are 0.

    Attributes:
        encoder: Maps images to means and log variances of their codes, (n, 2 d).
        vae_updates: How many of the updates train the autoencoder.
        kl_weight: Weight of the codes' divergence from N(0, 1), against the cross-entropy of the
            pixels summed over the image.
    """

    NETWORKS: ClassVar[tuple[str, ...]] = ("encoder", "generator")
    BATCH: ClassVar[tuple[str, ...]] = ("images", "labels")

    def __init__(
        self,
        encoder: keras.Model,
        generator: keras.Model,
        vae_updates: int,
        kl_weight: float = KL_WEIGHT,
        average_decay: float = 0.998,
        **options: Any,
    ):
        """Wires two built networks; of the generator, see `build_flow_generator`."""
        super().__init__(generator, None, average_decay, **options)
        self.encoder, self.vae_updates, self.kl_weight = encoder, vae_updates, kl_weight
        self._decoder = generator.get_layer("decoder")
        self._velocity = generator.get_layer("flow").velocity
        self.set_distribution("normal")
        names = "pixel_loss", "code_divergence", "flow_loss"
        self._means = {name: keras.metrics.Mean(name=name) for name in names}

    def get_config(self) -> dict[str, Any]:
        config = {"vae_updates": self.vae_updates, "kl_weight": self.kl_weight}
        return {**super().get_config(), **config}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def trained(self) -> list[list[keras.Variable]]:
        return [self.encoder.trainable_variables + self.generator.trainable_variables]

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        update = tf.cast(self.generator_optimizer.iterations, tf.int32)
        seed = tf.stack([self.noise_seed, update])
        images, labels = self.unpack(batch)
        autoencoder = self.encoder.trainable_variables + self._decoder.trainable_variables

        def step(loss_function: Any, variables: Sequence[keras.Variable]) -> None:
            with tf.GradientTape() as tape:
                loss = loss_function(images, labels, seed)
            minimize(self.generator_optimizer, tape, loss, variables)

        ops.cond(
            update < self.vae_updates,
            lambda: step(self.autoencoder_loss, autoencoder),
            lambda: step(self.flow_loss, self._velocity.trainable_variables),
        )
        self.update_average()
        return {name: mean.result() for name, mean in self._means.items()}

    def test_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """Both losses on a batch, without an update; the noise is the same after every epoch."""
        images, labels = self.unpack(batch)
        batch_number = tf.cast(self._means["flow_loss"].count, tf.int32)
        seed = self.evaluation_seed(batch_number)
        self.autoencoder_loss(images, labels, seed)
        self.flow_loss(images, labels, seed)
        return {name: mean.result() for name, mean in self._means.items()}

    def autoencoder_loss(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Pixel loss + `kl_weight` * divergence, means over images; `seed` is int32 (2,)."""
        means, log_variances = self._encoded(images)
        codes = self._drawn(means, log_variances, seed)
        one_hot = self.one_hot(labels)
        logits = self._decoder([codes, one_hot], training=True)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(images, tf.cast(logits, tf.float32))
        pixel_loss = tf.reduce_mean(tf.reduce_sum(losses, axis=[1, 2, 3]))
        terms = tf.square(means) + tf.exp(log_variances) - 1 - log_variances
        divergence = tf.reduce_mean(tf.reduce_sum(terms, axis=1)) / 2
        self._means["pixel_loss"].update_state(pixel_loss)
        self._means["code_divergence"].update_state(divergence)
        return pixel_loss + self.kl_weight * divergence

    def flow_loss(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Mean squared error of velocities, over images and dimensions; `seed` is int32 (2,)."""
        seeds = tf.random.split(seed, 3)
        codes = tf.stop_gradient(self._drawn(*self._encoded(images), seeds[0]))
        noise = self.prior.draw(tf.shape(codes)[0], seeds[1])
        times = tf.random.stateless_uniform((tf.shape(codes)[0], 1), seeds[2])
        points = times * codes + (1 - times) * noise
        one_hot = self.one_hot(labels)
        velocities = self._velocity([points, times, one_hot], training=True)
        loss = tf.reduce_mean(tf.square(tf.cast(velocities, tf.float32) - (codes - noise)))
        self._means["flow_loss"].update_state(loss)
        return loss

    def _encoded(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Means and log variances of the codes, float32 (n, d) each."""
        encoded = tf.cast(self.encoder(images, training=True), tf.float32)
        means, log_variances = tf.split(encoded, 2, axis=-1)
        return means, log_variances

    def _drawn(self, means: tf.Tensor, log_variances: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return means + tf.exp(log_variances / 2) * self.prior.draw(tf.shape(means)[0], seed)


def build_vae_flow(
    image_shape: tuple[int, int, int],
    num_classes: int,
    width: int,
    latent_dim: int,
    vae_updates: int,
    average_decay: float = 0.998,
    **options: Any,
) -> VAEFlow:
    """A VAE and its flow, not compiled; `width` 16 and 24 latents are what was tuned.

    `options` are others of `VAEFlow`.
    """
    return VAEFlow(
        build_encoder(image_shape, width, latent_dim),
        build_flow_generator(image_shape, num_classes, width, latent_dim),
        vae_updates,
        average_decay=average_decay,
        name="vae_flow",
        **options,
    )


def build_encoder(image_shape: tuple[int, int, int], width: int, latent_dim: int) -> keras.Model:
    """Three strided convolutions: images to means and log variances of codes, (n, 2 d)."""
    images = keras.Input(image_shape)
    encoded = layers.Dense(2 * latent_dim, dtype="float32")(downsampled(images, width))
    return keras.Model(images, encoded, name="encoder")


def downsampled(images: Any, width: int) -> Any:
    """Three strided convolutions of up to 4 * `width` channels: images to (n, d)."""
    x = images
    for channels in (width, 2 * width, 4 * width):
        x = layers.Conv2D(channels, 4, strides=2, padding="same", activation="silu")(x)
    return layers.Flatten()(x)


def build_flow_generator(
    image_shape: tuple[int, int, int], num_classes: int, width: int, latent_dim: int
) -> keras.Model:
    """(latents, one-hot labels) -> images: the layer `flow`, and the model `decoder` to logits."""
    latents, one_hot = keras.Input((latent_dim,)), keras.Input((num_classes,))
    velocity = _build_velocity(latent_dim, num_classes, 32 * width)
    codes = EulerSteps(velocity, dtype="float32", name="flow")(latents, one_hot)
    logits = _build_decoder(image_shape, num_classes, width, latent_dim)([codes, one_hot])
    images = layers.Activation("sigmoid", dtype="float32")(logits)
    return keras.Model([latents, one_hot], images, name="flow_generator")


def _build_decoder(
    image_shape: tuple[int, int, int], num_classes: int, width: int, latent_dim: int
) -> keras.Model:
    """(codes, one-hot labels) -> logits of pixels."""
    codes, one_hot = keras.Input((latent_dim,)), keras.Input((num_classes,))
    logits = upsampled(ops.concatenate([codes, one_hot], axis=-1), image_shape, width)
    return keras.Model([codes, one_hot], logits, name="decoder")


def upsampled(x: Any, image_shape: tuple[int, int, int], width: int) -> Any:
    """Transposed convolutions, the reverse of `downsampled`: (n, d) to (n, *image_shape)."""
    sides = [image_shape[:2]]
    for _ in range(3):
        height, breadth = sides[-1]
        sides.append((-(-height // 2), -(-breadth // 2)))
    *larger, smallest = sides
    x = layers.Dense(smallest[0] * smallest[1] * 4 * width, activation="silu")(x)
    x = layers.Reshape((*smallest, 4 * width))(x)
    for channels, side in zip((2 * width, width, image_shape[2]), reversed(larger), strict=True):
        is_last = side is larger[0]
        activation = None if is_last else "silu"
        x = layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation=activation)(x)
        x = layers.CenterCrop(*side)(x) if x.shape[1:3] != side else x
    return x


def _build_velocity(latent_dim: int, num_classes: int, units: int) -> keras.Model:
    """(points, times, one-hot labels) -> velocities, by an MLP with residual layers.

    Times are also encoded as sines and cosines. Before training all velocities are 0.
    """
    points, times = keras.Input((latent_dim,)), keras.Input((1,))
    one_hot = keras.Input((num_classes,))
    angles = times * (np.pi * np.arange(1, FREQUENCIES + 1, dtype=np.float32))
    x = ops.concatenate([points, times, ops.sin(angles), ops.cos(angles), one_hot], axis=-1)
    x = layers.Dense(units, activation="silu")(x)
    for _ in range(HIDDEN_LAYERS - 1):
        x = layers.Add()([x, layers.Dense(units, activation="silu")(x)])
    velocities = layers.Dense(latent_dim, kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model([points, times, one_hot], velocities, name="velocity")
