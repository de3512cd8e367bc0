"""Degradation: an image drowned in another one and in noise, as a denoiser gets to see it.

Every draw is stateless, keyed by (seed, update), so that a resumed run repeats it.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gan_mnist.data.pipelines import as_float, by_update, row_lookup, shuffled_rows
from gan_mnist.errors import InputError, unknown
from gan_mnist.seeding import derive_seed

CHOICES = {
    "scales": ("image", "batch"),
    "ref_shown": ("ref", "scaled"),
    "target": ("scaled", "plain"),
}


@dataclass(frozen=True)
class Degradation:
    """How a noisy image is made: `min(1, a * truth + b * ref + noise)`.

    Attributes:
        a: Lowest and highest scale of the truth, drawn uniformly.
        b: Lowest and highest scale of the reference, likewise.
        noise: Lowest and highest value of the noise, drawn for every pixel and channel.
        scales: Whether a and b are drawn for every "image" or once a "batch".
        ref_shown: The reference that the denoiser is shown: "ref", or "scaled" for b * ref.
        target: What it is to return: "scaled" for a * truth, or "plain" for the truth.

    Raises:
        InputError: For a range that is negative, infinite or ends before it begins, and an unknown
            `scales`, `ref_shown` or `target`.

    Source: docs/sources.md#denoising. Its code draws a and b once a batch.
    """

    a: tuple[float, float] = (0.2, 1.0)
    b: tuple[float, float] = (0.2, 1.0)
    noise: tuple[float, float] = (0.0, 1.0)
    scales: str = "image"
    ref_shown: str = "ref"
    target: str = "scaled"

    def __post_init__(self) -> None:
        for name in ("a", "b", "noise"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < math.inf:
                raise InputError(
                    f"degradation {name}: {low:g} to {high:g} is no range; "
                    "accepted: two finite numbers, 0 <= low <= high"
                )
        for name, accepted in CHOICES.items():
            if getattr(self, name) not in accepted:
                raise unknown(f"degradation {name}", getattr(self, name), accepted)


def degrade(
    truths: tf.Tensor,
    refs: tf.Tensor,
    degradation: Degradation,
    seed: tuple[int, int | tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Makes a denoiser's inputs and targets from pairs of images.

    Args:
        truths: float32 (n, H, W, C) in [0, 1].
        refs: float32 (n, H, W, C) in [0, 1].
        degradation: The ranges, and the kind of references and targets.
        seed: Two integers that key the draws, which do not depend on `ref_shown` and `target`.

    Returns:
        Noisy images, references and targets: float32 (n, H, W, C) in [0, 1]. A scale above 1 is
        clipped in all three.
    """
    stream = tf.stack([tf.cast(part, tf.int64) for part in seed])
    num_scales = tf.shape(truths)[0] if degradation.scales == "image" else 1
    a = _uniform((num_scales, 1, 1, 1), degradation.a, stream, 1)
    b = _uniform((num_scales, 1, 1, 1), degradation.b, stream, 2)
    noise = _uniform(tf.shape(truths), degradation.noise, stream, 3)
    scaled_truths, scaled_refs = a * truths, b * refs
    noisy_images = tf.minimum(scaled_truths + scaled_refs + noise, 1.0)
    references = tf.minimum(scaled_refs, 1.0) if degradation.ref_shown == "scaled" else refs
    targets = tf.minimum(scaled_truths, 1.0) if degradation.target == "scaled" else truths
    return noisy_images, references, targets


def _uniform(
    shape: tuple[int | tf.Tensor, ...] | tf.Tensor,
    bounds: tuple[float, float],
    stream: tf.Tensor,
    purpose: int,
) -> tf.Tensor:
    """Uniform draws within `bounds`, from a stream for each purpose: no range affects others."""
    low, high = bounds
    return tf.random.stateless_uniform(shape, tf.random.fold_in(stream, purpose), low, high)


def denoising_batches(
    images: np.ndarray, batch_size: int, degradation: Degradation, seed: int, first_update: int
) -> tf.data.Dataset:
    """Endless batches of a denoiser's inputs and targets, from `first_update` on.

    Truths and references are the same images in two independent orders, each shuffled anew with
    every pass, so an image meets itself in one pair of n. A discriminator that wants batches of its
    own takes a second such data set, with another seed.

    Args:
        images: uint8 (n, H, W, C), or float32 in [0, 1].
        batch_size: Pairs a batch.
        degradation: Drawn anew for every batch.
        seed: Stream of the orders and of the degradation.
        first_update: Number of the first batch; 0 at the start, more on resume.

    Returns:
        ((noisy_images, references), targets): float32 (batch_size, H, W, C) in [0, 1].
    """
    lookup = row_lookup(images)
    num_images = len(images)
    ref_order, degradation_seed = derive_seed(seed, "refs"), derive_seed(seed, "degradation")

    def batch(update: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]:
        truths, refs = (
            as_float(lookup(shuffled_rows(num_images, batch_size, order, update)))
            for order in (seed, ref_order)
        )
        noisy_images, references, targets = degrade(
            truths, refs, degradation, (degradation_seed, update)
        )
        return (noisy_images, references), targets

    return by_update(batch, first_update)


def pair_batches(
    noisy_images: np.ndarray,
    clean_images: np.ndarray,
    batch_size: int,
    seed: int,
    first_update: int,
) -> tf.data.Dataset:
    """As `denoising_batches`, from given pairs: the references are black, as there are none.

    Args:
        noisy_images: uint8 (n, H, W, C), or float32 in [0, 1].
        clean_images: Of the same shape and dtype, partners in the same rows.
        batch_size: Pairs a batch.
        seed: Stream of the order.
        first_update: Number of the first batch.
    """
    lookups = row_lookup(noisy_images), row_lookup(clean_images)

    def batch(update: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]:
        rows = shuffled_rows(len(noisy_images), batch_size, seed, update)
        noisy, targets = (as_float(lookup(rows)) for lookup in lookups)
        return (noisy, tf.zeros_like(noisy)), targets

    return by_update(batch, first_update)


class FixedPairs(NamedTuple):
    """Pairs that do not change, to evaluate denoisers on.

    Attributes:
        noisy_images, references, targets: float32 (n, H, W, C) in [0, 1], as `degrade` returns
            them.
        truth_rows, ref_rows: int64 (n,), rows of the truths and references among the images.
    """

    noisy_images: np.ndarray
    references: np.ndarray
    targets: np.ndarray
    truth_rows: np.ndarray
    ref_rows: np.ndarray


def fixed_pairs(
    images: np.ndarray, number: int, degradation: Degradation, a: float = 0.5, b: float = 0.7
) -> FixedPairs:
    """The evaluation set: images as truths, other ones as references, degraded alike for all.

    Pairs and noise depend on the images and `number` alone, never on a seed. An arm's `ref_shown`
    and `target` change the references and targets, and leave the noisy images as they are.

    Args:
        images: uint8 (n, H, W, C), or float32 in [0, 1].
        number: Pairs, 1 to n; each image is a truth once at most, and a reference once at most.
        degradation: Gives the noise's range, `ref_shown` and `target`.
        a: Scale of every truth.
        b: Scale of every reference.

    Raises:
        InputError: For a number of pairs out of range, fewer than two images, or a negative or
            infinite scale.

    Source: docs/sources.md#denoising, for a and b. There a reference that is shown scaled is shown
    at 0.85; here at b, as in training.
    """
    if not 1 <= number <= len(images) or len(images) < 2:
        raise InputError(
            f"evaluation pairs: {number} of {len(images)} images; "
            "accepted: 1 or more, of as many images and at least 2"
        )
    order = np.random.default_rng(derive_seed("fixed_pairs")).permutation(len(images))
    truth_rows, ref_rows = order[:number], np.roll(order, 1)[:number]
    truths, refs = (as_float(tf.constant(images[rows])) for rows in (truth_rows, ref_rows))
    fixed_degradation = replace(degradation, a=(a, a), b=(b, b))
    noisy_images, references, targets = (
        tensor.numpy()
        for tensor in degrade(truths, refs, fixed_degradation, (derive_seed("fixed_noise"), 0))
    )
    return FixedPairs(noisy_images, references, targets, truth_rows, ref_rows)


def given_pairs(noisy_images: np.ndarray, clean_images: np.ndarray, number: int) -> FixedPairs:
    """The evaluation set of pairs that are given: `number` of them at random, the same for all.

    Args:
        noisy_images: uint8 (n, H, W, C).
        clean_images: Of the same shape and dtype, partners in the same rows.
        number: Pairs, at most.

    Returns:
        Pairs with black references; rows of truths and of references are those of the pairs.
    """
    order = np.random.default_rng(derive_seed("fixed_pairs")).permutation(len(noisy_images))
    rows = order[:number]
    noisy, clean = (
        as_float(tf.constant(images[rows])).numpy() for images in (noisy_images, clean_images)
    )
    return FixedPairs(noisy, np.zeros_like(noisy), clean, rows, rows)
