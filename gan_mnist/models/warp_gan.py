"""A GAN that moves ink instead of painting it: its images are real ones, warped.

The class survives by construction, since a warp is bounded, so what is learnt on classes with many
images serves a class with one.

Source: docs/sources.md#imbalance (the lead). What differs, after comparison on other digits and
draws: the discriminator judges single images, because one that saw pairs drove every warp to its
bounds; the latents enter the warp's parameters directly, so that the untrained generator already
is a random warp, which training corrects; thinning keeps the ridge of a stroke, where plain erosion
made thin strokes vanish.
"""

from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_mnist.models.anchored import AnchoredGAN, build_spectral_discriminator
from gan_mnist.models.warping import (
    bilinear,
    pixel_grid,
    source_coordinates,
    thickened,
    thicker,
    thinner,
)

CONTROL_POINTS = 4
NUM_FIELD = 2 * CONTROL_POINTS**2
# 4 linear, 2 shift, the field's control points, 1 thickness.
NUM_PARAMETERS = 4 + 2 + NUM_FIELD + 1


@keras.saving.register_keras_serializable("gan_mnist")
class Style(layers.Layer):
    """Four numbers about an image that mean the same in every class.

    float (n, H, W, C) in [0, 1] -> float (n, 4): stroke thickness (ink over edge, about -1..1),
    slant (covariance of x and y over variance of y) and the centre's x and y, in half sides.
    """

    def call(self, images: tf.Tensor) -> tf.Tensor:
        ink = tf.reduce_mean(images, axis=-1)
        mass = tf.reduce_sum(ink, axis=[1, 2]) + 1e-6
        edge = tf.reduce_sum(thicker(images) + thicker(-images), axis=[1, 2, 3])
        grid_x, grid_y = pixel_grid(images.shape[1], images.shape[2])

        def mean(values: np.ndarray) -> tf.Tensor:
            return tf.reduce_sum(ink * values, axis=[1, 2]) / mass

        x, y = mean(grid_x), mean(grid_y)
        slant = (mean(grid_x * grid_y) - x * y) / (mean(grid_y**2) - y**2 + 1e-3)
        thickness = mass * images.shape[3] / (edge + 1e-6)
        return tf.stack([4 * (thickness - 0.5), 2 * slant, 2 * x, 2 * y], axis=-1)


@keras.saving.register_keras_serializable("gan_mnist")
class Warp(layers.Layer):
    """Applies a bounded warp to each image, differentiable in the parameters.

    (images, parameters): float (n, H, W, C) in [0, 1] and float (n, 39) in (-1, 1) -> images of
    the same shape and range. Coordinates run from -1 to 1 across the image.

    Attributes:
        linear: Bound of the four entries of (matrix - identity).
        shift: Bound of the shift, in half sides.
        field: Bound of the displacement at each of 4 x 4 control points, in half sides; between
            them it is interpolated bicubically (Catmull-Rom).
    """

    def __init__(
        self, linear: float = 0.25, shift: float = 0.15, field: float = 0.08, **options: Any
    ):
        super().__init__(**options)
        self.linear, self.shift, self.field = linear, shift, field

    def get_config(self) -> dict[str, Any]:
        bounds = {"linear": self.linear, "shift": self.shift, "field": self.field}
        return {**super().get_config(), **bounds}

    def call(self, images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        linear, shift, field, thickness = tf.split(parameters, [4, 2, NUM_FIELD, 1], axis=-1)
        points = tf.reshape(field * self.field, (-1, CONTROL_POINTS, CONTROL_POINTS, 2))
        x, y = source_coordinates(
            linear * self.linear, shift * self.shift, points, *images.shape[1:3]
        )
        planes = tf.concat([images, thicker(images), thinner(images)], axis=-1)
        plain, thick, thin = tf.split(bilinear(planes, x, y), 3, axis=-1)
        return thickened(plain, thick, thin, thickness[:, :, None, None])


@keras.saving.register_keras_serializable("gan_mnist")
class WarpGAN(AnchoredGAN):
    """Batches are (images,): float32 (n, H, W, C) of classes with several images each.

    The discriminator judges single images: real ones, and warps of other real ones of the batch.
    """

    BATCH: ClassVar[tuple[str, ...]] = ("images",)

    def generate(self, batch: Any, latents: tf.Tensor) -> tf.Tensor:
        return self.generator([tf.roll(batch[0], shift=1, axis=0), latents], training=True)


def build_warp_gan(
    image_shape: tuple[int, int, int], width: int, average_decay: float = 0.998
) -> WarpGAN:
    """A warp GAN, not compiled; `width` 16 is the one that was tuned."""
    return WarpGAN(
        build_warp_generator(image_shape, width),
        build_spectral_discriminator(image_shape, width),
        loss="hinge",
        average_decay=average_decay,
        name="warp_gan",
    )


def build_warp_generator(image_shape: tuple[int, int, int], width: int) -> keras.Model:
    """(images, latents) -> warped images, by an MLP with two layers of 4 * `width` units.

    The warp's parameters are tanh(latents + MLP(latents, style)), and the MLP starts near zero.
    """
    images, latents = keras.Input(image_shape), keras.Input((NUM_PARAMETERS,))
    x = layers.Concatenate()([latents, Style(dtype="float32")(images)])
    for _ in range(2):
        x = layers.Dense(4 * width, activation="relu")(x)
    initializer = keras.initializers.RandomNormal(stddev=0.01)
    x = layers.Add()([latents, layers.Dense(NUM_PARAMETERS, kernel_initializer=initializer)(x)])
    warped = Warp(dtype="float32")(images, layers.Activation("tanh", dtype="float32")(x))
    return keras.Model([images, latents], warped, name="warp_generator")
