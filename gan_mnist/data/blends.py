"""MixUp and CutMix: two images in one, and soft labels with the share of each."""

import tensorflow as tf


def mixup(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, stream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image, and its label, mixed with those of the row before it in the batch.

    Args:
        images: float32 (n, H, W, C) in [0, 1], in a random order.
        labels: float32 (n, k), shares of the classes.
        alpha: Both parameters of the beta distribution of the image's own share.
        stream: int64 (2,), the seed.

    Returns:
        The same shapes.

    Source: arXiv 1710.09412.
    """
    own = _beta(tf.shape(images)[0], alpha, stream)
    column = own[:, None]
    own = column[:, :, None, None]
    return (
        own * images + (1 - own) * tf.roll(images, 1, axis=0),
        column * labels + (1 - column) * tf.roll(labels, 1, axis=0),
    )


def cutmix(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, stream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image with a box of the row before it, and its label mixed by the box's area.

    Arguments and result are those of `mixup`. Source: arXiv 1905.04899.
    """
    share, place = (tf.random.fold_in(stream, part) for part in range(2))
    inside = boxes(images, 1 - _beta(tf.shape(images)[0], alpha, share), place)
    own = 1 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=[1, 2])
    return (
        tf.where(inside, tf.roll(images, 1, axis=0), images),
        own * labels + (1 - own) * tf.roll(labels, 1, axis=0),
    )


def boxes(images: tf.Tensor, shares: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    """A box in each image.

    Args:
        images: (n, H, W, C).
        shares: float32 (n,) in [0, 1], of the area. A box has its middle anywhere, and what would
            lie beyond the edge is cut off.
        stream: int64 (2,), the seed.

    Returns:
        bool (n, H, W, 1), True within.
    """
    middle = tf.random.stateless_uniform((2, tf.shape(images)[0]), stream)
    half = tf.sqrt(shares) / 2
    inside = []
    for size, centre in zip(images.shape[1:3], tf.unstack(middle), strict=True):
        pixels = (tf.range(size, dtype=tf.float32) + 0.5) / size
        inside.append(tf.abs(pixels - centre[:, None]) < half[:, None])
    down, across = inside
    return (down[:, :, None] & across[:, None, :])[..., None]


def _beta(number: tf.Tensor, alpha: float, stream: tf.Tensor) -> tf.Tensor:
    """Draws of a beta distribution, float32 (number,)."""
    one, other = tf.unstack(tf.random.stateless_gamma((2, number), stream, alpha))
    return tf.math.divide_no_nan(one, one + other)
