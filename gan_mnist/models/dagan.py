"""A data augmentation GAN: from an image and noise, another image of its class.

Source: Antoniou, Storkey and Edwards 2017 (arXiv 1711.04340), sections 3 and 5. What differs: it is
narrower and shallower, a U-Net without residual blocks, and the discriminator is kept in bounds by
spectral normalisation and the hinge loss, where the paper has a DenseNet with a gradient penalty;
and our recipe pairs an image with few others of its class, as often as the class is repeated.
"""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import layers, ops

from gan_mnist.models.anchored import AnchoredGAN, build_spectral_discriminator

LEVELS = 3


@keras.saving.register_keras_serializable("gan_mnist")
class DAGAN(AnchoredGAN):
    """Batches are (images, partners): float32 (n, H, W, C) in [0, 1], two of one class in a row.

    The discriminator is given an image with its partner, or with the one generated from it, so it
    can tell a mere copy, or an image of another class, from a partner.
    """

    BATCH: ClassVar[tuple[str, ...]] = ("images", "partners")

    def generate(self, batch: Any, latents: tf.Tensor) -> tf.Tensor:
        return self.generator([batch[0], latents], training=True)

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        return tf.concat(batch, axis=-1)

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        return tf.concat([batch[0], fake_images], axis=-1)


def build_dagan(
    image_shape: tuple[int, int, int], width: int, latent_dim: int, average_decay: float = 0.998
) -> DAGAN:
    """A DAGAN, not compiled; `width` is of the first layer of both networks."""
    height, breadth, channels = image_shape
    return DAGAN(
        build_dagan_generator(image_shape, width, latent_dim),
        build_spectral_discriminator((height, breadth, 2 * channels), width),
        loss="hinge",
        average_decay=average_decay,
        name="dagan",
    )


def build_dagan_generator(
    image_shape: tuple[int, int, int], width: int, latent_dim: int
) -> keras.Model:
    """(images, latents) -> images: a U-Net of three levels, the latents joined at the lowest."""
    images, latents = keras.Input(image_shape), keras.Input((latent_dim,))
    x, skips = images, []
    for level in range(LEVELS):
        skips.append(x)
        x = _convolved(x, width << level, strides=2)
    height, breadth, _ = x.shape[1:]
    noise = layers.Dense(height * breadth * width)(latents)
    noise = layers.Reshape((height, breadth, width))(noise)
    x = _convolved(ops.concatenate([x, noise], axis=-1), width << LEVELS)
    for level, skip in reversed(list(enumerate(skips))):
        x = layers.Resizing(*skip.shape[1:3], interpolation="nearest")(x)
        x = _convolved(ops.concatenate([x, skip], axis=-1), width << level)
    x = layers.Conv2D(image_shape[2], 3, padding="same")(x)
    generated = layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model([images, latents], generated, name="dagan_generator")


def _convolved(x: Any, channels: int, strides: int = 1) -> Any:
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.Activation("elu")(layers.BatchNormalization()(x))
