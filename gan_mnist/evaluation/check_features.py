"""Checks of the features that metrics are computed on."""

import numpy as np

from gan_mnist.errors import InputError


def checked_features(**points_by_name: np.ndarray) -> list[np.ndarray]:
    """The arguments, checked, as float64."""
    checked: list[np.ndarray] = []
    for name, values in points_by_name.items():
        points = np.asarray(values, dtype=np.float64)
        if points.ndim != 2 or 0 in points.shape:
            raise InputError(f"{name}: features of shape {points.shape}; accepted: (n, d)")
        if checked and points.shape[1] != checked[0].shape[1]:
            width = checked[0].shape[1]
            raise InputError(f"{name}: {points.shape[1]} features an image; accepted: {width}")
        if not np.isfinite(points).all():
            raise InputError(f"{name}: features that are NaN or infinite; accepted: finite ones")
        checked.append(points)
    return checked
