"""RandAugment: a few changes an image, drawn from one list, all of one strength.

Source: arXiv 1909.13719, its list and largest changes. What differs: equalizing is left out; signs
are random; every image of a batch has draws of its own, keyed by a seed, which Keras's layer of the
name has not.
"""

import numpy as np
import tensorflow as tf

from gan_mnist.models.warping import affine, mean_around

# Moves by the affine map, then changes of pixels.
_MOVES = ("rotate", "shear_x", "shear_y", "shift_x", "shift_y")
LARGEST = {"rotate": np.deg2rad(30), "shear": 0.3, "shift": 0.45, "factor": 0.9}


def randaugment(
    images: tf.Tensor, changes: int, strength: float, fill: str, stream: tf.Tensor
) -> tf.Tensor:
    """Each image changed so many times, one change after the other.

    Args:
        images: float32 (n, H, W, C) in [0, 1].
        changes: Number of changes an image.
        strength: In 0..1, as a fraction of the largest change of each kind.
        fill: What lies outside the image: "zero" or "nearest".
        stream: int64 (2,), the seed.

    Returns:
        float32 (n, H, W, C) in [0, 1], up to the rounding of the interpolation.
    """
    for change in range(changes):
        kind_key, sign_key = (tf.random.fold_in(stream, 2 * change + index) for index in range(2))
        num_images = tf.shape(images)[0]
        kinds = tf.random.stateless_uniform((num_images,), kind_key, 0, len(KINDS), tf.int32)
        signs = tf.where(tf.random.stateless_uniform((num_images,), sign_key) < 0.5, -1.0, 1.0)
        moved_images = _moved(images, kinds, strength * signs, fill)
        candidates = [
            moved_images,
            *_changed(moved_images, strength, strength * signs[:, None, None, None]),
        ]
        # What is moved is not changed otherwise, and the other way round.
        positions = tf.maximum(kinds - len(_MOVES) + 1, 0)
        images = tf.gather(tf.stack(candidates, axis=1), positions, axis=1, batch_dims=1)
    return images


def _moved(images: tf.Tensor, kinds: tf.Tensor, amount: tf.Tensor, fill: str) -> tf.Tensor:
    """Those for which a move is chosen, moved about their centre by (n,) amounts in -1..1."""
    angle, shear_x, shear_y, shift_x, shift_y = (
        amount * tf.cast(kinds == kind, tf.float32) * np.float32(LARGEST[name.split("_")[0]])
        for kind, name in enumerate(_MOVES)
    )
    height, width = images.shape[1], images.shape[2]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    a0, a1 = tf.cos(angle), shear_x - tf.sin(angle)
    b0, b1 = shear_y + tf.sin(angle), tf.cos(angle)
    a2 = centre_x + shift_x * width - a0 * centre_x - a1 * centre_y
    b2 = centre_y + shift_y * height - b0 * centre_x - b1 * centre_y
    return affine(images, [a0, a1, a2, b0, b1, b2], fill)


def _changed(images: tf.Tensor, strength: float, amount: tf.Tensor) -> list[tf.Tensor]:
    """The images after each change of pixels; `amount` (n, 1, 1, 1) is `strength`, signed."""
    factor = 1 + np.float32(LARGEST["factor"]) * amount
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    darkest = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    range_ = tf.reduce_max(images, axis=[1, 2], keepdims=True) - darkest
    blurred = mean_around(images)
    levels = np.float32(2 ** round(8 - 4 * strength) - 1)

    def away_from(base: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(base + factor * (images - base), 0.0, 1.0)

    return [
        images,
        tf.where(range_ > 0, (images - darkest) / tf.where(range_ > 0, range_, 1.0), images),
        away_from(tf.zeros_like(images)),
        away_from(mean),
        away_from(grey),
        away_from(blurred),
        tf.round(images * levels) / levels,
        tf.where(images > 1 - np.float32(strength), 1 - images, images),
    ]


# The pixels' changes as `_changed` lists them.
KINDS = (
    *_MOVES,
    "as_it_is",
    "full_contrast",
    "brightness",
    "contrast",
    "colour",
    "sharpness",
    "posterize",
    "solarize",
)
