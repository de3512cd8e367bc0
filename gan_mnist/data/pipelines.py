"""Batches for training, as `tf.data`: every batch is a pure function of (seed, update).

Order and augmentation are drawn statelessly, so a run that resumes at update 700 sees the batches
that it would have seen, and two arms with one seed see them in the same order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.seeding import derive_seed


@dataclass(frozen=True)
class Augmentation:
    """Ranges of a random affine map, each drawn uniformly and anew for every image.

    Attributes:
        rotation_degrees: Rotation in +-degrees.
        shift: Translation in +-fractions of the image's side.
        zoom: Scale in 1 +- zoom, drawn for each axis.
        shear: Shear in +-radians.
    """

    rotation_degrees: float
    shift: float
    zoom: float
    shear: float


def training_batches(
    columns: Sequence[np.ndarray],
    batch_size: int,
    seed: int,
    augmentation: Augmentation | None,
    first_update: int,
) -> tf.data.Dataset:
    """Endless batches of rows of `columns`, from `first_update` on.

    Every pass over the rows is a new permutation; batches run on across the ends of passes, so all
    have `batch_size` rows.

    Args:
        columns: Arrays of one length, such as images, labels and loss weights; the first holds
            float32 images (n, H, W, C). Held once, as tensors.
        batch_size: Rows a batch.
        seed: Stream of the order and of the augmentation.
        augmentation: Applied to every image, or None.
        first_update: Number of the first batch; 0 at the start, more on resume.
    """
    images, *others = (tf.constant(column) for column in columns)
    num_rows, augmentation_seed = len(columns[0]), derive_seed(seed, "augmentation")

    def batch(update: tf.Tensor) -> tuple[tf.Tensor, ...]:
        rows = shuffled_rows(num_rows, batch_size, seed, update)
        shown = tf.gather(images, rows)
        if augmentation is not None:
            shown = random_affine(shown, augmentation, (augmentation_seed, update))
        return shown, *(tf.gather(column, rows) for column in others)

    return by_update(batch, first_update)


def by_update(batch: Callable[[tf.Tensor], Any], first_update: int) -> tf.data.Dataset:
    """`batch(update)` for `update` = `first_update`, `first_update` + 1, ... without end.

    `batch` maps an int64 scalar tensor to tensors. One thread does it all: a trial has one core.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    endless = tf.data.Dataset.range(first_update, np.iinfo(np.int64).max)
    return endless.map(batch).with_options(options)


def shuffled_rows(num_rows: int, batch_size: int, seed: int, update: tf.Tensor) -> tf.Tensor:
    """Rows of batch number `update` when passes over `num_rows` are shuffled one by one.

    Returns:
        int64 (batch_size,) in [0, num_rows).
    """
    position = update * batch_size + tf.range(batch_size, dtype=tf.int64)
    passes, offsets = position // num_rows, position % num_rows
    # The op below reads the low bits of its three seeds only: each pass gets well-mixed ones.
    first, num_passes = passes[0], 1 + -(-batch_size // num_rows)
    keys = [
        tf.random.stateless_uniform((3,), (seed, first + i), 0, tf.int64.max, tf.int64)
        for i in range(num_passes)
    ]
    # A permutation evaluated at single points: nothing to store however long the run, and any
    # batch can be had without those before it.
    return tf.raw_ops.RandomIndexShuffle(
        index=offsets,
        seed=tf.gather(tf.stack(keys), passes - first),
        max_index=np.int64(num_rows - 1),
        rounds=8,
    )


def random_affine(
    images: tf.Tensor, augmentation: Augmentation, seed: tuple[int, tf.Tensor]
) -> tf.Tensor:
    """Each image rotated, shifted, zoomed and sheared about its centre; bilinear, filled with 0.

    The affine maps are composed and the image is sampled once, where a chain of layers would
    interpolate four times.

    Args:
        images: float32 (n, H, W, C).
        augmentation: The ranges.
        seed: Two integers that key the draw.

    Returns:
        float32 (n, H, W, C).
    """
    num_images = tf.shape(images)[0]
    height, width = images.shape[1], images.shape[2]
    stream = tf.stack([tf.cast(part, tf.int64) for part in seed])
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
        fill_mode="CONSTANT",
    )
