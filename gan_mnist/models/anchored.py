"""GANs whose images are made from real ones of the class asked for, the anchors."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.latents import Latents


class AnchoredGAN(AdversarialModel):
    """A generator of (anchor images, latents), and the anchors that its samples start from.

    `adopt` gives it its anchors; `save` keeps them, `save_weights` does not.

    Attributes:
        prior: How the latents are distributed.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **options: Any):
        super().__init__(generator, discriminator, **options)
        images, latents = generator.inputs
        shape = images.shape[1:]
        self.prior = Latents(latents.shape[-1])
        self._anchors = tf.Variable(
            np.zeros((1, *shape), np.float32), shape=(None, *shape), trainable=False
        )
        self._first_anchor = tf.Variable([0], shape=(None,), trainable=False)
        self._num_anchors = tf.Variable([1], shape=(None,), trainable=False)

    @property
    def exported(self) -> list[Any]:
        return [self.average, self._anchors, self._first_anchor, self._num_anchors]

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Makes them the anchors.

        Args:
            images: (n, H, W, C), uint8 or float32 in [0, 1].
            labels: int (n,) in 0..num_classes-1, every class among them.
        """
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        anchors = images[order]
        self._anchors.assign(anchors / np.float32(255) if anchors.dtype == np.uint8 else anchors)
        self._num_anchors.assign(counts)
        self._first_anchor.assign(np.cumsum(counts) - counts)

    def save_assets(self, dir_path: str) -> None:
        """Keras' part of `save` that is no weight: the anchors."""
        parts = {name: variable.numpy() for name, variable in self._adopted.items()}
        np.savez_compressed(Path(dir_path) / "anchors.npz", **parts)

    def load_assets(self, dir_path: str) -> None:
        with np.load(Path(dir_path) / "anchors.npz") as parts:
            for name, variable in self._adopted.items():
                variable.assign(parts[name])

    @property
    def _adopted(self) -> dict[str, tf.Variable]:
        return {
            "images": self._anchors,
            "first": self._first_anchor,
            "num": self._num_anchors,
        }

    def latents(self, batch: Any, seed: tf.Tensor) -> tf.Tensor:
        return self.prior.draw(tf.shape(batch[0])[0], seed)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Images made from anchors of each label, which are drawn with replacement.

        Args:
            labels: int32 (n,).
            seed: int32 (2,); equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        seeds = tf.random.split(seed, 2)
        draws = tf.random.stateless_uniform(tf.shape(labels), seeds[0])
        counts = tf.gather(self._num_anchors, labels)
        rows = tf.cast(draws * tf.cast(counts, tf.float32), tf.int32)
        rows = tf.gather(self._first_anchor, labels) + tf.minimum(rows, counts - 1)
        latents = self.prior.draw(tf.shape(labels)[0], seeds[1])
        images = self.average([tf.gather(self._anchors, rows), latents], training=False)
        return tf.cast(images, tf.float32)


def build_spectral_discriminator(image_shape: tuple[int, int, int], width: int) -> keras.Model:
    """Three strided convolutions and a dense layer, all with spectral normalisation.

    Source: Miyato et al. 2018 (arXiv 1802.05957).
    """
    images = keras.Input(image_shape)
    x = images
    for channels in (width, 2 * width, 4 * width):
        convolution = layers.Conv2D(channels, 4, strides=2, padding="same")
        x = layers.LeakyReLU(0.2)(layers.SpectralNormalization(convolution)(x))
    logit = layers.Dense(1, dtype="float32")
    logits = layers.SpectralNormalization(logit, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, logits, name="spectral_discriminator")
