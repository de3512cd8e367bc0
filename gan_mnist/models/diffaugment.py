"""Differentiable augmentation of what a discriminator sees.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training"
(arXiv 2006.10738), section 3.2: the same random colour, translation and cutout on real and fake
images, in both steps, with gradients flowing through to the generator. Never a flip. Colour is
brightness, saturation and contrast, as in the paper; of images with one channel, brightness alone.
What differs: brightness moves by up to half of the range from black to white, where the authors'
code moves images in [-1, 1] by up to 0.5, a quarter of it; what is moved in or hidden is black
here, and mid-grey there; the hidden square's side is half of the image's, rounded down, not up; and
its centre is always a pixel, where theirs may lie just beyond the last one.
"""

import tensorflow as tf

from gan_mnist.models.replicas import my_rows

# The paper's translation (1/8 of the side) and cutout (1/2 of the side).
TRANSLATION, CUTOUT = 0.125, 0.5


def diff_augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes the colour and position of each image at random, and hides a random square.

    Args:
        images: float (n, H, W, C); differentiable. C is 1 for grey, more for colour.
        seed: int32 (2,).

    Returns:
        float (n, H, W, C).
    """
    height, width = images.shape[1], images.shape[2]
    draws = _draws(5, images, seed)
    images += (draws[0] - 0.5)[:, None, None, None]
    if images.shape[3] > 1:
        images = _saturated_and_contrasted(images, tf.random.fold_in(seed, 1))
    max_down, max_right = (int(TRANSLATION * side + 0.5) for side in (height, width))
    down = _whole(draws[1], 2 * max_down + 1) - max_down
    right = _whole(draws[2], 2 * max_right + 1) - max_right
    top, left = _whole(draws[3], height), _whole(draws[4], width)
    return _shift(images, down, right) * _window(top, left, height, width, images.dtype)


def _saturated_and_contrasted(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Scales distances from a pixel's grey by 0 to 2, then from the image's mean by 0.5 to 1.5."""
    saturation, contrast = tf.unstack(_draws(2, images, seed)[..., None, None, None])
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (images - mean) * (contrast + 0.5)


def _draws(kinds: int, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Uniform draws in [0, 1), (kinds, n): one of each kind an image."""

    def draw(number: tf.Tensor | int) -> tf.Tensor:
        return tf.random.stateless_uniform((kinds, number), seed, dtype=images.dtype)

    return my_rows(draw, tf.shape(images)[0], axis=1)


def _whole(draws: tf.Tensor, number: int) -> tf.Tensor:
    """Uniform draws in [0, 1) as integers in [0, number)."""
    return tf.cast(draws * number, tf.int32)


def _shift(images: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Moves image i by (down[i], right[i]) pixels; what leaves is lost, what enters is 0."""
    rows = tf.range(images.shape[1])[None, :] - down[:, None]
    columns = tf.range(images.shape[2])[None, :] - right[:, None]
    # A one-hot row outside the image is all zeros, which is just the fill that is wanted.
    row_selection = tf.one_hot(rows, images.shape[1], dtype=images.dtype)
    column_selection = tf.one_hot(columns, images.shape[2], dtype=images.dtype)
    return tf.einsum("nij,njkc,nlk->nilc", row_selection, images, column_selection)


def _window(top: tf.Tensor, left: tf.Tensor, height: int, width: int, dtype: tf.DType) -> tf.Tensor:
    """(n, H, W, 1): 0 in a square of half the side centred on (top, left), 1 elsewhere."""
    rows = _within(tf.range(height)[None, :] - top[:, None], int(CUTOUT * height))
    columns = _within(tf.range(width)[None, :] - left[:, None], int(CUTOUT * width))
    return tf.cast(~(rows[:, :, None] & columns[:, None, :]), dtype)[..., None]


def _within(distances: tf.Tensor, size: int) -> tf.Tensor:
    return (distances >= -(size // 2)) & (distances < size - size // 2)
