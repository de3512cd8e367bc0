"""Latents of generators: how they are distributed, and how many different ones there are.

Source: docs/sources.md#mixing (of its arms), docs/sources.md#conditional_gan (uniform ones).
"""

import functools
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from gan_mnist.errors import unknown
from gan_mnist.models.replicas import my_rows

DISTRIBUTIONS = ("normal", "uniform")


def as_labels(labels: Any) -> tf.Tensor:
    """Labels of any dtype, floats too, and shape (n,) or (n, 1), as int32 (n,)."""
    return tf.reshape(tf.cast(labels, tf.int32), [-1])


@dataclass(frozen=True)
class Latents:
    """A distribution over vectors.

    Attributes:
        dim: Length of a vector.
        distribution: "normal" for N(0, 1), "uniform" for U(-1, 1).
        decimals: Decimals to which each number is rounded, or None for no rounding.
        active: How many of the first numbers are drawn, the rest being 0; None for all.
        scale: What each number is multiplied by, before it is rounded.

    Raises:
        InputError: For an unknown distribution.
    """

    dim: int
    distribution: str = "normal"
    decimals: int | None = None
    active: int | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise unknown("latents", self.distribution, DISTRIBUTIONS)

    def draw(self, number: tf.Tensor | int, seed: tf.Tensor) -> tf.Tensor:
        """`number` vectors, float32 (number, dim), for an int32 or int64 seed (2,).

        The draw comes first and rounding and zeros after it, so that distributions that differ only
        in these give vectors that are alike for equal seeds.
        """
        vectors = my_rows(functools.partial(self._drawn, seed), number)
        if self.scale != 1:
            vectors *= self.scale
        if self.decimals is not None:
            levels = 10.0**self.decimals
            vectors = tf.round(vectors * levels) / levels
        if self.active is not None:
            vectors *= tf.cast(tf.range(self.dim) < self.active, tf.float32)
        return vectors

    def _drawn(self, seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
        if self.distribution == "uniform":
            return tf.random.stateless_uniform((number, self.dim), seed, -1.0, 1.0)
        return tf.random.stateless_normal((number, self.dim), seed)


class LatentSampler:
    """Mixin: samples from the moving average of a generator of [latents, one-hot labels].

    Attributes:
        generator: Set by the model, as the next is.
        average: The moving average of the generator.
        prior: The distribution of the latents.
        num_classes: Width of the one-hot labels.
    """

    generator: Any
    average: Any

    def set_distribution(self, distribution: str) -> None:
        """Sets `prior` to this distribution, and `num_classes`; sizes are the generator's."""
        latents, one_hot = self.generator.inputs
        self.prior = Latents(latents.shape[-1], distribution)
        self.num_classes = one_hot.shape[-1]

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Images of the moving average of the generator.

        Args:
            labels: int (n,) in 0..num_classes-1.
            seed: int32 (2,); equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        return self.decode(self.prior.draw(tf.shape(labels)[0], seed), labels)

    def decode(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The moving average's images, float32 (n, H, W, C) in [0, 1], of given latents."""
        images = self.average([latents, self.one_hot(labels)], training=False)
        return tf.cast(images, tf.float32)

    def one_hot(self, labels: Any) -> tf.Tensor:
        """float32 (n, num_classes), of labels as for `as_labels`; zeros for a label of -1."""
        return tf.one_hot(as_labels(labels), self.num_classes)
