"""What a generator is fed: how its latents are distributed, and how many different ones there are.

Source: docs/sources.md#mixing (of its arms), docs/sources.md#conditional_gan (uniform ones).
"""

from dataclasses import dataclass

import tensorflow as tf

from gan_mnist.errors import unknown

DISTRIBUTIONS = ("normal", "uniform")


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
        shape = (number, self.dim)
        if self.distribution == "uniform":
            vectors = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
        else:
            vectors = tf.random.stateless_normal(shape, seed)
        if self.scale != 1:
            vectors *= self.scale
        if self.decimals is not None:
            levels = 10.0**self.decimals
            vectors = tf.round(vectors * levels) / levels
        if self.active is not None:
            vectors *= tf.cast(tf.range(self.dim) < self.active, tf.float32)
        return vectors
