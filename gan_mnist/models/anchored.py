"""GANs that generate images from real ones of the same class, the anchors."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.latents import Latents, as_labels


class Anchors(tf.Module):
    """Real images by class, from which samples start.

    `adopt` sets the images.
    """

    def __init__(self, image_shape: tuple[int, int, int]):
        """Begins with one black image of class 0."""
        super().__init__()
        self._images = tf.Variable(
            np.zeros((1, *image_shape), np.float32), shape=(None, *image_shape), trainable=False
        )
        self._first = tf.Variable([0], shape=(None,), trainable=False)
        self._num = tf.Variable([1], shape=(None,), trainable=False)

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Sets the anchors.

        Args:
            images: (n, H, W, C), uint8 or float32 in [0, 1].
            labels: int (n,) in 0..num_classes-1, every class among them.
        """
        labels = as_labels(labels).numpy()
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels)
        anchors = images[order]
        self._images.assign(anchors / np.float32(255) if anchors.dtype == np.uint8 else anchors)
        self._num.assign(counts)
        self._first.assign(np.cumsum(counts) - counts)

    def draw(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """One image of each label, drawn with replacement: float32 (n, H, W, C) in [0, 1].

        Args:
            labels: int32 (n,).
            seed: int32 (2,); equal seeds and labels give equal images.
        """
        labels = as_labels(labels)
        draws = tf.random.stateless_uniform(tf.shape(labels), seed)
        counts = tf.gather(self._num, labels)
        rows = tf.cast(draws * tf.cast(counts, tf.float32), tf.int32)
        rows = tf.gather(self._first, labels) + tf.minimum(rows, counts - 1)
        return tf.gather(self._images, rows)

    def save(self, directory: Path) -> None:
        """Writes `anchors.npz`."""
        arrays = {name: variable.numpy() for name, variable in self._named.items()}
        np.savez_compressed(directory / "anchors.npz", **arrays)

    def load(self, directory: Path) -> None:
        """Reads what `save` wrote."""
        with np.load(directory / "anchors.npz") as arrays:
            for name, variable in self._named.items():
                variable.assign(arrays[name])

    @property
    def _named(self) -> dict[str, tf.Variable]:
        return {"images": self._images, "first": self._first, "num": self._num}


class AnchoredGAN(AdversarialModel):
    """A GAN whose generator takes (anchor images, latents), and the anchors that it samples from.

    `adopt` sets the anchors; `save` keeps them, `save_weights` does not.

    Attributes:
        prior: The distribution of the latents.
        anchors: The images that samples start from.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **options: Any):
        super().__init__(generator, discriminator, **options)
        images, latents = generator.inputs
        self.prior = Latents(latents.shape[-1])
        self.anchors = Anchors(images.shape[1:])

    @property
    def exported(self) -> list[Any]:
        return [self.average, *self.anchors.variables]

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Sets the anchors; see `Anchors.adopt`."""
        self.anchors.adopt(images, labels)

    def save_assets(self, dir_path: str) -> None:
        """Saves the anchors, which are not weights; Keras calls this in `save`."""
        self.anchors.save(Path(dir_path))

    def load_assets(self, dir_path: str) -> None:
        self.anchors.load(Path(dir_path))

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Images made from anchors of each label, which are drawn with replacement.

        Args:
            labels: int32 (n,).
            seed: int32 (2,); equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        seeds = tf.random.split(seed, 2)
        latents = self.prior.draw(tf.shape(labels)[0], seeds[1])
        images = self.average([self.anchors.draw(labels, seeds[0]), latents], training=False)
        return tf.cast(images, tf.float32)


def build_spectral_discriminator(image_shape: tuple[int, int, int], width: int) -> keras.Model:
    """Three strided convolutions and a dense layer, all with spectral normalisation.

    Source: Miyato et al. 2018 (arXiv 1802.05957).
    """
    images = keras.Input(image_shape)
    x = images
    for channels in (width, 2 * width, 4 * width):
        convolution = layers.Conv2D(channels, 4, strides=2, padding="same")
        x = layers.LeakyReLU(0.2)(layers.SpectralNormalization(convolution, dtype="float32")(x))
    dense = layers.Dense(1, dtype="float32")
    logits = layers.SpectralNormalization(dense, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, logits, name="spectral_discriminator")
