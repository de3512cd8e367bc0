"""Warping of images: where each pixel comes from, and its value there.

Coordinates run from -1 to 1 across the image, from the middle of the first pixel to the last one's,
unless they are said to be in pixels.
"""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def affine(images: tf.Tensor, coefficients: Sequence[tf.Tensor], border: str) -> tf.Tensor:
    """Each image under an affine map of its own, by bilinear interpolation.

    Args:
        images: float (n, H, W, C).
        coefficients: a0, a1, a2, b0, b1 and b2, float (n,) each, in pixels: an output pixel (x, y)
            has the value at (a0 x + a1 y + a2, b0 x + b1 y + b2).
        border: As for `bilinear`.

    Returns:
        float (n, H, W, C).
    """
    zeros = tf.zeros_like(coefficients[0])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*coefficients, zeros, zeros], axis=1),
        output_shape=tf.constant([images.shape[1], images.shape[2]]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode={"zero": "CONSTANT", "nearest": "NEAREST"}[border],
    )


def bilinear(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor, border: str = "zero") -> tf.Tensor:
    """Samples images at positions between their pixels by bilinear interpolation.

    The four neighbours of a pixel are packed as channels, so that one gather fetches them.

    Args:
        images: float (n, H, W, C).
        x: float (n, H, W), -1 to 1 from left to right.
        y: float (n, H, W), -1 to 1 from top to bottom.
        border: Values outside of the image: "zero", or "nearest", the edge repeated.

    Returns:
        float (n, H, W, C).
    """
    height, width, channels = images.shape[1:]
    # What lies further out is taken to a border of one pixel.
    num_columns, num_rows = width + 2, height + 2
    x = tf.clip_by_value((x + 1) * (width - 1) / 2 + 1, 0.0, num_columns - 1.001)
    y = tf.clip_by_value((y + 1) * (height - 1) / 2 + 1, 0.0, num_rows - 1.001)
    mode = {"zero": "CONSTANT", "nearest": "SYMMETRIC"}[border]
    padded = tf.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]], mode)
    corners = [padded[:, i : i + num_rows, j : j + num_columns] for i in (0, 1) for j in (0, 1)]
    packed = tf.reshape(tf.concat(corners, axis=-1), (-1, 4 * channels))
    left, top = tf.floor(x), tf.floor(y)
    image = tf.range(tf.shape(images)[0])[:, None, None]
    index = (image * num_rows + tf.cast(top, tf.int32)) * num_columns + tf.cast(left, tf.int32)
    north_west, north_east, south_west, south_east = tf.split(tf.gather(packed, index), 4, axis=-1)
    x, y = (x - left)[..., None], (y - top)[..., None]
    north = north_west + x * (north_east - north_west)
    south = south_west + x * (south_east - south_west)
    return north + y * (south - north)


def pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """X and y of every pixel: float32 (H, W) each, -1 to 1."""
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return x.astype(np.float32), y.astype(np.float32)


def source_coordinates(
    linear: tf.Tensor, shift: tf.Tensor, points: tf.Tensor, height: int, width: int, step: int = 1
) -> tuple[tf.Tensor, tf.Tensor]:
    """Source coordinates of each pixel under an affine map and a smooth field.

    Args:
        linear: float (n, 4), the entries of (matrix - identity), row by row.
        shift: float (n, 2), to the right and down.
        points: As `smooth_field` takes them.
        height: Of the image.
        width: Of the image.
        step: Only every `step`-th pixel is computed, along both axes.

    Returns:
        x and y, float (n, ceil(height / step), ceil(width / step)) each.
    """
    displacements = smooth_field(points, height, width, step)
    a, b, c, d = tf.unstack(linear[:, None, None, :], axis=-1)
    right, down = tf.unstack(shift[:, None, None, :], axis=-1)
    grid_x, grid_y = (grid[::step, ::step] for grid in pixel_grid(height, width))
    x = grid_x * (1 + a) + grid_y * b + right + displacements[..., 0]
    y = grid_x * c + grid_y * (1 + d) + down + displacements[..., 1]
    return x, y


def smooth_field(points: tf.Tensor, height: int, width: int, step: int = 1) -> tf.Tensor:
    """Displacement of each pixel, interpolated bicubically (Catmull-Rom) between control points.

    Args:
        points: float (n, P, P, 2), x and y displacements at P x P control points, row by row.
        height: Of the image.
        width: Of the image.
        step: As in `source_coordinates`.

    Returns:
        float (n, ceil(height / step), ceil(width / step), 2).
    """
    num_points = points.shape[1]
    rows, columns = (catmull_rom(side, num_points)[::step] for side in (height, width))
    return tf.einsum("ia,jb,nabc->nijc", rows, columns, points)


def catmull_rom(num_pixels: int, num_points: int) -> np.ndarray:
    """Each pixel's weights on control points, those at the ends repeated.

    Returns:
        float32 (num_pixels, num_points).
    """
    matrix = np.zeros((num_pixels, num_points), np.float32)
    for pixel, position in enumerate(np.linspace(0, num_points - 1, num_pixels)):
        index = int(position)
        t = position - index
        weights = np.array(
            [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
        )
        points = np.clip(np.arange(index - 1, index + 3), 0, num_points - 1)
        np.add.at(matrix[pixel], points, weights / 2)
    return matrix


def thicker(images: tf.Tensor) -> tf.Tensor:
    """Images (n, H, W, C) whose bright strokes are a pixel wider on all sides."""
    return largest_around(images, 1)


def thinner(images: tf.Tensor) -> tf.Tensor:
    """Images (n, H, W, C) whose strokes are only kept near the ridge of the blurred strokes.

    Plain erosion makes thin strokes vanish.
    """
    blurred = images
    for _ in range(3):
        blurred = mean_around(blurred)
    nearness = blurred / (largest_around(blurred, 2) + 1e-3)
    return images * tf.sigmoid(15 * (nearness - 0.85))


def thickened(plain: tf.Tensor, thick: tf.Tensor, thin: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """Interpolates between images as they are, `thicker` and `thinner`.

    Args:
        plain: float (n, H, W, C); so are `thick` and `thin`. The result for a change of 0.
        thick: The result for 1.
        thin: The result for -1.
        change: float in [-1, 1], (n, 1, 1, 1).
    """
    # Unlike relu, this has a gradient at 0.
    thickening, thinning = tf.maximum(change, 0.0), tf.maximum(-change, 0.0)
    return plain * (1 - thickening - thinning) + thick * thickening + thin * thinning


# TensorFlow's pooling gives the same numbers, but is made for many channels: on images of one, it
# takes ten times as long without oneDNN, and up to four times as long with it.
def mean_around(images: tf.Tensor) -> tf.Tensor:
    """Mean of each pixel and those of its eight neighbours that are in the image: (n, H, W, C)."""
    # A graph's additions are reordered, and a division by a constant is made a product with its
    # inverse. Either rounds otherwise; this does not.
    first, *others = _neighbours(-images, 1, 1, 0.0)
    total = functools.reduce(tf.subtract, others, -first)
    numbers = np.outer(*(_num_in_line(size) for size in images.shape[1:3]))
    return tf.math.divide_no_nan(total, tf.constant(numbers[:, :, None], images.dtype))


def _num_in_line(size: int) -> np.ndarray:
    """How many of a pixel and those before and after it there are in a line of `size` pixels."""
    number = np.full(size, 3)
    number[0] -= 1
    number[-1] -= 1
    return number


def largest_around(images: tf.Tensor, radius: int) -> tf.Tensor:
    """Maximum over the pixels up to `radius` away on both axes: (n, H, W, C)."""
    of_columns = functools.reduce(tf.maximum, _neighbours(images, radius, 0, images.dtype.min))
    return functools.reduce(tf.maximum, _neighbours(of_columns, 0, radius, images.dtype.min))


def _neighbours(images: tf.Tensor, down: int, across: int, outside: float) -> list[tf.Tensor]:
    """The images moved by up to so many pixels either way, row by row."""
    height, width = images.shape[1:3]
    margins = [[0, 0], [down, down], [across, across], [0, 0]]
    padded = tf.pad(images, margins, constant_values=outside)
    starts = ((row, column) for row in range(2 * down + 1) for column in range(2 * across + 1))
    return [padded[:, row : row + height, column : column + width] for row, column in starts]
