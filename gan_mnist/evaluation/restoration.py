"""Metrics of a denoiser, image by image, and a rival that learns nothing.

Everywhere images are float (n, H, W, C) in [0, 1], of one shape for all arguments; other shapes,
values and NaN are an `InputError`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from scipy import ndimage

from gan_mnist.data.images import rows_at_once
from gan_mnist.errors import InputError

# Pixels a side, as in Wang et al. 2004.
SSIM_WINDOW = 11
# Of equal images, whose true value is infinite: one of them would swallow the mean. Rounding to
# 8 bits alone gives 59 dB.
HIGHEST_PSNR_DB = 100.0


def restoration_metrics(
    outputs: np.ndarray,
    targets: np.ndarray,
    references: np.ndarray,
    names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """The measures of each image, which do not depend on the others beside it.

    An output is a leak of the reference if it is nearer to that than to the target, when each may
    be made brighter, darker or fainter: if it correlates more with the reference. By squared error
    a faint reference on grey would pass for the target, and a dim target for the reference. What is
    of one colour, such as a black image, is no leak.

    Args:
        outputs: What the denoiser returned.
        targets: What it was to return.
        references: What it was to free them of; their scale does not matter.
        names: The measures to compute; None for all.

    Returns:
        float64 (n,) each: `l1`, mean absolute error, in [0, 1]; `mse`, mean squared error, in
        [0, 1]; `psnr_db`, peak signal-to-noise ratio in dB, 0 to 100; `ssim`, structural
        similarity, in [-1, 1]; `ref_leak`, 1 for a leak, or else 0.

    Source: docs/sources.md#denoising; Wang et al. 2004 for SSIM, whose 11 x 11 window shrinks to
    the side of a smaller image.
    """
    images = _checked(outputs=outputs, targets=targets, references=references)
    return {name: MEASURES[name](*images) for name in names or MEASURES}


def subtract_and_filter(noisy_images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """A denoiser that learns nothing: the reference subtracted, then a median filter.

    A constant and a non-negative multiple of the reference are fitted to each noisy image by least
    squares and taken away; what is left is clipped to [0, 1] and every pixel replaced by the median
    of its 3 x 3 neighbours. The constant is for the mean of the noise: without it, the multiple
    takes that for the reference and the rest stays, which leaves the rival worse than black.

    Args:
        noisy_images: As the denoiser gets them.
        references: As it is shown them; their scale does not matter.

    Returns:
        float32 (n, H, W, C) in [0, 1].

    Source: own definition.
    """
    noisy_images, references = _checked(noisy_images=noisy_images, references=references)
    means = noisy_images.mean(axis=(1, 2, 3), keepdims=True)
    centred = references - references.mean(axis=(1, 2, 3), keepdims=True)
    squares = (centred**2).sum(axis=(1, 2, 3), keepdims=True)
    products = (centred * (noisy_images - means)).sum(axis=(1, 2, 3), keepdims=True)
    # A reference of one colour explains nothing that the constant does not.
    multiples = np.maximum(products, 0) / np.where(squares > 0, squares, 1)
    return median_filter(np.clip(noisy_images - means - multiples * centred, 0, 1))


def rival_outputs(noisy_images: np.ndarray, references: np.ndarray | None) -> np.ndarray:
    """The rival's outputs: `subtract_and_filter`, or without references `median_filter` alone."""
    if references is None:
        return median_filter(noisy_images)
    return subtract_and_filter(noisy_images, references)


def median_filter(images: np.ndarray) -> np.ndarray:
    """Every pixel replaced by the median of its 3 x 3 neighbours: (n, H, W, C), as `images`."""
    return ndimage.median_filter(images, size=(1, 3, 3, 1))


def _l1(outputs: np.ndarray, targets: np.ndarray, _: np.ndarray) -> np.ndarray:
    return _image_means(np.abs(outputs - targets))


def _mse(outputs: np.ndarray, targets: np.ndarray, _: np.ndarray) -> np.ndarray:
    return _image_means((outputs - targets) ** 2)


def _psnr_db(outputs: np.ndarray, targets: np.ndarray, _: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.minimum(-10 * np.log10(_mse(outputs, targets, _)), HIGHEST_PSNR_DB)


def _ssim(outputs: np.ndarray, targets: np.ndarray, _: np.ndarray) -> np.ndarray:
    window = min(SSIM_WINDOW, *outputs.shape[1:3])
    # Of some images at a time, as it needs room for several times as many floats.
    size = rows_at_once(outputs.shape[1:])
    parts = [
        tf.image.ssim(
            outputs[start : start + size],
            targets[start : start + size],
            max_val=1.0,
            filter_size=window,
        )
        for start in range(0, len(outputs), size)
    ]
    return np.concatenate(parts).astype(np.float64)


def _image_means(values: np.ndarray) -> np.ndarray:
    """The mean of each image, float64 (n,)."""
    return values.mean(axis=(1, 2, 3), dtype=np.float64)


def _leaks(outputs: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
    """1 where an output correlates more with its reference than with its target, else 0."""
    outputs, targets, references = (
        images - images.mean(axis=(1, 2, 3), keepdims=True)
        for images in (outputs, targets, references)
    )
    to_reference, to_target = (
        (outputs * images).sum(axis=(1, 2, 3), dtype=np.float64)
        / np.maximum(
            np.sqrt((images**2).sum(axis=(1, 2, 3), dtype=np.float64)), np.finfo(float).tiny
        )
        for images in (references, targets)
    )
    # Centred, an image of one colour is what rounding leaves.
    has_content = _image_means(outputs**2) > np.finfo(np.float32).eps ** 2
    return (has_content & (to_reference > to_target)).astype(np.float64)


MEASURES: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "l1": _l1,
    "mse": _mse,
    "psnr_db": _psnr_db,
    "ssim": _ssim,
    "ref_leak": _leaks,
}


def _checked(**images_by_name: np.ndarray) -> list[np.ndarray]:
    """The arguments, checked, as float32."""
    checked: list[np.ndarray] = []
    for name, values in images_by_name.items():
        images = np.asarray(values, dtype=np.float32)
        if images.ndim != 4 or 0 in images.shape:
            raise InputError(f"{name}: images of shape {images.shape}; accepted: (n, H, W, C)")
        if checked and images.shape != checked[0].shape:
            shape = checked[0].shape
            raise InputError(f"{name}: images of shape {images.shape}; accepted: {shape}")
        # Not within, rather than beyond: so that NaN is refused too.
        if not (images.min() >= 0 and images.max() <= 1):
            raise InputError(f"{name}: values outside [0, 1] or NaN; accepted: floats in [0, 1]")
        checked.append(images)
    return checked
