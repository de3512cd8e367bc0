"""How an image is written, whatever it shows: its slant and the width of its strokes.

Of two images of one class the deformation that moves the first onto the second depends on the
first: from a slanted one it leads, on average, to one that is less so. How much less is learnt on
classes with many images and serves a class with one; an augmentation at random cannot know it.

Source: Galton 1886, regression towards the mean; Efron 1979, a bootstrap of residuals.
"""

import numpy as np
import tensorflow as tf

NUM_STYLES = 2
# Added to what is divided by, so that an image without ink has a style: none.
EPSILON = 1e-6
# As if so many pairs without any relation were added.
RIDGE_PENALTY = 30


def measure_styles(images: tf.Tensor) -> tf.Tensor:
    """The slant and the logarithm of the width of bright strokes.

    The slant is that of the ink's second moments. The width, in heights of the image, is the sum of
    the ink by that of its gradient's length.

    Args:
        images: float (n, H, W, C) in [0, 1], bright on dark.

    Returns:
        float (n, 2).
    """
    ink = tf.reduce_mean(images, axis=-1)
    height, width = ink.shape[1:]
    x = tf.constant(np.linspace(-1, 1, width, dtype=np.float32))[None, None, :]
    y = tf.constant(np.linspace(-1, 1, height, dtype=np.float32))[None, :, None]
    total = tf.reduce_sum(ink, axis=[1, 2], keepdims=True) + EPSILON
    right, down = (
        coords - tf.reduce_sum(ink * coords, axis=[1, 2], keepdims=True) / total
        for coords in (x, y)
    )
    mixed_moment, vertical_moment = (
        tf.reduce_sum(ink * down * factor, axis=[1, 2]) for factor in (right, down)
    )
    edges = tf.reduce_sum(tf.sqrt(_change(ink, 1) ** 2 + _change(ink, 2) ** 2), axis=[1, 2])
    log_width = tf.math.log(total[:, 0, 0] / (edges + EPSILON) / height)
    return tf.stack([mixed_moment / (vertical_moment + EPSILON), log_width], axis=-1)


def _change(ink: tf.Tensor, axis: int) -> tf.Tensor:
    """Half the difference between the neighbours after and before, along an axis, in a circle."""
    return (tf.roll(ink, -1, axis) - tf.roll(ink, 1, axis)) / 2


def fit_style_slopes(source_styles: np.ndarray, deformations: np.ndarray) -> np.ndarray:
    """How deformations change with the style of the image that they begin with: a ridge regression.

    It is of all classes at once. Classes differ in style, which says nothing of deformations within
    them: that makes slopes smaller, as is right for an image of a class that is unknown.

    Args:
        source_styles: float (n, 2), the style of each pair's source.
        deformations: float (n, d).

    Returns:
        float32 (2, d).
    """
    spread = source_styles.std(axis=0) + EPSILON
    standardised = (source_styles - source_styles.mean(axis=0)) / spread
    gram = standardised.T @ standardised + RIDGE_PENALTY * np.eye(standardised.shape[1])
    coefficients = np.linalg.solve(
        gram, standardised.T @ (deformations - deformations.mean(axis=0))
    )
    return (coefficients / spread[:, None]).astype(np.float32)
