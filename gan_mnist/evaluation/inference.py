"""Predictions of a network for many images."""

from typing import Any

import keras
import numpy as np

from gan_mnist.data.images import as_float, rows_at_once


def predict_in_chunks(network: keras.Model, *columns: np.ndarray) -> Any:
    """The network's predictions for n rows, computed some at a time.

    Args:
        network: Takes as many inputs as there are columns.
        columns: Images (n, H, W, C), uint8 or float32 in [0, 1].

    Returns:
        float32 (n, ...), or a list of such arrays where the network has several outputs.
    """
    # `predict` takes longer to set up than a small network does for some thousand images, and would
    # hold all of them as floats.
    parts, size = [], rows_at_once(columns[0].shape[1:])
    for start in range(0, len(columns[0]), size):
        batch = [as_float(column[start : start + size]) for column in columns]
        parts.append(network.predict_on_batch(batch if len(batch) > 1 else batch[0]))
    # A network that computes in bfloat16 returns it, and a mean of hundreds in it stalls.
    return keras.tree.map_structure(
        lambda *pieces: np.concatenate(pieces).astype(np.float32, copy=False), *parts
    )
