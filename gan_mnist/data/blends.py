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
    weights = _beta(tf.shape(images)[0], alpha, stream)
    label_weights = weights[:, None]
    weights = label_weights[:, :, None, None]
    return (
        weights * images + (1 - weights) * tf.roll(images, 1, axis=0),
        label_weights * labels + (1 - label_weights) * tf.roll(labels, 1, axis=0),
    )


def cutmix(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, stream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image with a box of the row before it, and its label mixed by the box's area.

    Arguments and result are those of `mixup`. Source: arXiv 1905.04899.
    """
    share_key, position_key = (tf.random.fold_in(stream, index) for index in range(2))
    mask = boxes(images, 1 - _beta(tf.shape(images)[0], alpha, share_key), position_key)
    weights = 1 - tf.reduce_mean(tf.cast(mask, tf.float32), axis=[1, 2])
    return (
        tf.where(mask, tf.roll(images, 1, axis=0), images),
        weights * labels + (1 - weights) * tf.roll(labels, 1, axis=0),
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
    centres = tf.random.stateless_uniform((2, tf.shape(images)[0]), stream)
    half_sides = tf.sqrt(shares) / 2
    masks = []
    for size, centre in zip(images.shape[1:3], tf.unstack(centres), strict=True):
        coordinates = (tf.range(size, dtype=tf.float32) + 0.5) / size
        masks.append(tf.abs(coordinates - centre[:, None]) < half_sides[:, None])
    row_mask, column_mask = masks
    return (row_mask[:, :, None] & column_mask[:, None, :])[..., None]


def _beta(num_draws: tf.Tensor, alpha: float, stream: tf.Tensor) -> tf.Tensor:
    """Draws of a beta distribution, float32 (num_draws,)."""
    gamma_a, gamma_b = tf.unstack(tf.random.stateless_gamma((2, num_draws), stream, alpha))
    return tf.math.divide_no_nan(gamma_a, gamma_a + gamma_b)
