"""Classical augmentation: random changes of an image that keep its class.

Every draw is stateless, keyed by (seed, update), so that a resumed run repeats it.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Augmentation:
    """Ranges of random changes, each drawn uniformly and anew for every image.

    Attributes:
        rotation_degrees: Rotation in +-degrees.
        shift: Translation in +-fractions of the image's side.
        zoom: Scale in 1 +- zoom, drawn for each axis.
        shear: Shear in +-radians.
        brightness: Pixels are multiplied by a factor in 1 +- brightness and clipped to [0, 1].
        flip: Whether half of the images are mirrored, left to right. Never for digits.
        fill: What lies outside the image: "zero", as around digits, or "nearest", its edge
            repeated, as suits photographs.

    Source: docs/sources.md#cats_vs_dogs, for brightness and flip. Its brightness [0.2, 0.2] only
    darkens; this one does both.
    """

    rotation_degrees: float
    shift: float
    zoom: float
    shear: float
    brightness: float = 0.0
    flip: bool = False
    fill: str = "zero"


def augment(
    images: tf.Tensor, augmentation: Augmentation, seed: tuple[int, tf.Tensor]
) -> tf.Tensor:
    """Each image flipped, moved by a random affine map, and made brighter or darker.

    Args:
        images: float32 (n, H, W, C) in [0, 1].
        augmentation: The ranges.
        seed: Two integers that key the draws. Each change has a stream of its own, so that turning
            one on leaves the others as they are.

    Returns:
        float32 (n, H, W, C) in [0, 1], up to the rounding of the interpolation.
    """
    stream = tf.stack([tf.cast(part, tf.int64) for part in seed])
    if augmentation.flip:
        mirrored = _uniform(images, tf.random.fold_in(stream, 1)) < 0
        images = tf.where(mirrored, tf.reverse(images, axis=[2]), images)
    images = _affine(images, augmentation, stream)
    if augmentation.brightness:
        factors = 1 + augmentation.brightness * _uniform(images, tf.random.fold_in(stream, 2))
        images = tf.clip_by_value(images * factors, 0.0, 1.0)
    return images


def _uniform(images: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    """A number in [-1, 1) for each image, (n, 1, 1, 1)."""
    return tf.random.stateless_uniform(
        (tf.shape(images)[0], 1, 1, 1), stream, minval=-1.0, maxval=1.0
    )


def _affine(images: tf.Tensor, augmentation: Augmentation, stream: tf.Tensor) -> tf.Tensor:
    """Each image rotated, shifted, zoomed and sheared about its centre, bilinear.

    The affine maps are composed and the image is sampled once, where a chain of layers would
    interpolate four times.
    """
    num_images = tf.shape(images)[0]
    height, width = images.shape[1], images.shape[2]
    draws = tf.random.stateless_uniform((6, num_images), stream, minval=-1.0, maxval=1.0)
    angle = draws[0] * np.float32(np.deg2rad(augmentation.rotation_degrees))
    shear = draws[1] * augmentation.shear
    zoom_x, zoom_y = 1 + draws[2] * augmentation.zoom, 1 + draws[3] * augmentation.zoom
    shift_x, shift_y = draws[4] * augmentation.shift * width, draws[5] * augmentation.shift * height
    # Maps output pixels to input pixels: [a0 a1; b0 b1] (x - centre) + centre + shift.
    a0, a1 = zoom_x * tf.cos(angle), -zoom_y * tf.sin(angle + shear)
    b0, b1 = zoom_x * tf.sin(angle), zoom_y * tf.cos(angle + shear)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    a2 = centre_x + shift_x - a0 * centre_x - a1 * centre_y
    b2 = centre_y + shift_y - b0 * centre_x - b1 * centre_y
    zeros = tf.zeros_like(angle)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a0, a1, a2, b0, b1, b2, zeros, zeros], axis=1),
        output_shape=tf.constant([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode={"zero": "CONSTANT", "nearest": "NEAREST"}[augmentation.fill],
    )
