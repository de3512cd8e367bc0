"""Classical augmentation: random changes of an image that keep its class.

Every draw is stateless, keyed by (seed, update), so that a resumed run repeats it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.data.blends import boxes, cutmix, mixup
from gan_mnist.data.randaugment import randaugment
from gan_mnist.models.warping import affine, bilinear, smooth_field, thickened, thicker, thinner

CONTROL_POINTS = 5


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
        elastic: Shift of each of 5 x 5 control points in +-fractions of the image's side. What lies
            between them follows smoothly.
        thickness: Strokes that are brighter than what is around them grow by +-so many pixels on
            all sides, at most 1.
        changes: RandAugment's changes an image, in place of the affine and elastic maps; 0: none.
        strength: Strength of each of these changes, in 0..1.
        erased: Half of the images get a box of noise of at most this share of the area.
        mixup: MixUp: parameter of the beta distribution of the weights by which two images and
            their labels are mixed; 0: none.
        cutmix: CutMix: the same parameter, for the area of a box of another image; 0: none.
        num_classes: Number of classes; needed where labels are mixed.

    Source: docs/sources.md#cats_vs_dogs, for brightness and flip. Its brightness [0.2, 0.2] only
    darkens; this one does both. Simard et al. 2003, for elastic: its field is one of noise that is
    blurred, this one a spline. Random erasing: arXiv 1708.04896.
    """

    rotation_degrees: float
    shift: float
    zoom: float
    shear: float
    brightness: float = 0.0
    flip: bool = False
    fill: str = "zero"
    elastic: float = 0.0
    thickness: float = 0.0
    changes: int = 0
    strength: float = 0.0
    erased: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    num_classes: int = 0

    @property
    def mixes_labels(self) -> bool:
        """Whether labels become soft labels, shares of the classes."""
        return bool(self.mixup or self.cutmix)


def augment(
    images: tf.Tensor, augmentation: Augmentation, seed: tuple[int, tf.Tensor]
) -> tf.Tensor:
    """Each image flipped, moved, made bolder, brighter or darker, and erased in part.

    Args:
        images: float32 (n, H, W, C) in [0, 1].
        augmentation: The ranges.
        seed: Two integers that key the draws. Each change has a stream of its own, so that turning
            one on leaves the others as they are.

    Returns:
        float32 (n, H, W, C) in [0, 1], up to the rounding of the interpolation.
    """
    return _traced(_augmented, augmentation)(images, _stream(seed))


def _augmented(images: tf.Tensor, stream: tf.Tensor, augmentation: Augmentation) -> tf.Tensor:
    if augmentation.flip:
        is_mirrored = _uniform(images, tf.random.fold_in(stream, 1)) < 0
        images = tf.where(is_mirrored, tf.reverse(images, axis=[2]), images)
    if augmentation.thickness:
        change = augmentation.thickness * _uniform(images, tf.random.fold_in(stream, 8))
        images = thickened(images, thicker(images), thinner(images), change)
    if augmentation.changes:
        key = tf.random.fold_in(stream, 4)
        settings = augmentation.changes, augmentation.strength
        images = randaugment(images, *settings, augmentation.fill, key)
    elif augmentation.elastic:
        images = _elastic(images, augmentation, stream)
    else:
        images = _affine(images, augmentation, stream)
    if augmentation.brightness:
        factors = 1 + augmentation.brightness * _uniform(images, tf.random.fold_in(stream, 2))
        images = tf.clip_by_value(images * factors, 0.0, 1.0)
    if augmentation.erased:
        images = _erased(images, augmentation.erased, tf.random.fold_in(stream, 5))
    return images


def mix(
    images: tf.Tensor,
    labels: tf.Tensor,
    augmentation: Augmentation,
    seed: tuple[int, tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Applies MixUp and CutMix to the images of a batch and their labels.

    Args:
        images: float32 (n, H, W, C) in [0, 1].
        labels: int (n,), or float32 (n, num_classes), shares of the classes.
        augmentation: With `num_classes`.
        seed: As for `augment`.

    Returns:
        float32 (n, H, W, C) in [0, 1] and (n, num_classes), shares of the classes.
    """
    return _traced(_mixed, augmentation)(images, labels, _stream(seed))


def _mixed(
    images: tf.Tensor, labels: tf.Tensor, stream: tf.Tensor, augmentation: Augmentation
) -> tuple[tf.Tensor, tf.Tensor]:
    soft_labels = labels
    if labels.dtype.is_integer:
        soft_labels = tf.one_hot(labels, augmentation.num_classes)
    if augmentation.mixup:
        key = tf.random.fold_in(stream, 6)
        images, soft_labels = mixup(images, soft_labels, augmentation.mixup, key)
    if augmentation.cutmix:
        key = tf.random.fold_in(stream, 7)
        images, soft_labels = cutmix(images, soft_labels, augmentation.cutmix, key)
    return images, soft_labels


def _stream(seed: tuple[int, tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.cast(part, tf.int64) for part in seed])


@functools.cache
def _traced(change: Callable[..., Any], augmentation: Augmentation) -> Callable[..., Any]:
    """`change` by these ranges as a graph, which is made once for all trainings of a process."""
    return tf.function(functools.partial(change, augmentation=augmentation), autograph=False)


def _uniform(images: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    """A number in [-1, 1) for each image, (n, 1, 1, 1)."""
    return tf.random.stateless_uniform(
        (tf.shape(images)[0], 1, 1, 1), stream, minval=-1.0, maxval=1.0
    )


def _maps(images: tf.Tensor, augmentation: Augmentation, stream: tf.Tensor) -> list[tf.Tensor]:
    """a0, a1, a2, b0, b1, b2, (n,) each: output (x, y) is from (a0 x + a1 y + a2, b0 x + ...).

    Rotation, zoom and shear are about the image's centre.
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
    return [a0, a1, a2, b0, b1, b2]


def _affine(images: tf.Tensor, augmentation: Augmentation, stream: tf.Tensor) -> tf.Tensor:
    """Each image rotated, shifted, zoomed and sheared about its centre, bilinear.

    The affine maps are composed and the image is sampled once, where a chain of layers would
    interpolate four times.
    """
    return affine(images, _maps(images, augmentation, stream), augmentation.fill)


def _elastic(images: tf.Tensor, augmentation: Augmentation, stream: tf.Tensor) -> tf.Tensor:
    """The same affine map and a smooth field on top of it, sampled once."""
    height, width = images.shape[1], images.shape[2]
    shape = (tf.shape(images)[0], CONTROL_POINTS, CONTROL_POINTS, 2)
    points = tf.random.stateless_uniform(shape, tf.random.fold_in(stream, 3), -1.0, 1.0)
    field = augmentation.elastic * smooth_field(points, height, width)
    coefficients = (value[:, None, None] for value in _maps(images, augmentation, stream))
    a0, a1, a2, b0, b1, b2 = coefficients
    x, y = (axis.astype(np.float32) for axis in np.meshgrid(np.arange(width), np.arange(height)))
    source_x = a0 * x + a1 * y + a2 + width * field[..., 0]
    source_y = b0 * x + b1 * y + b2 + height * field[..., 1]
    # `bilinear` counts from -1 to 1.
    grid_x, grid_y = 2 * source_x / (width - 1) - 1, 2 * source_y / (height - 1) - 1
    return bilinear(images, grid_x, grid_y, augmentation.fill)


def _erased(images: tf.Tensor, max_share: float, stream: tf.Tensor) -> tf.Tensor:
    """Puts a box of uniform noise into about half of the images."""
    area_key, position_key, noise_key = (tf.random.fold_in(stream, index) for index in range(3))
    shares = max_share * _uniform(images, area_key)[:, 0, 0, 0]
    mask = boxes(images, tf.nn.relu(shares), position_key)
    return tf.where(mask, tf.random.stateless_uniform(tf.shape(images), noise_key), images)
