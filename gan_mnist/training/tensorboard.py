"""What a training shows in TensorBoard: scalars, samples, and hyper-parameters across trials."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.hparams import api as hparams


class TensorBoardScalars(keras.callbacks.Callback):
    """Every metric of an interval, under its own name, against the number of updates.

    Keras' own callback prefixes names with `epoch_` and counts epochs.
    """

    def __init__(
        self,
        directory: Path,
        interval: int,
        samples: Callable[[], Any] | None = None,
        name: str = "",
    ):
        """Writes below `directory`.

        Args:
            directory: Of the event file.
            interval: Updates an epoch of Keras.
            samples: Called after an interval for images (n, H, W, C) in [0, 1] to show as a sheet.
            name: Prefix of the metrics' names, if several trainings share the directory.
        """
        super().__init__()
        self._prefix = f"{name}/" if name else ""
        self._directory = directory
        self._interval = interval
        self._samples = samples

    def on_train_begin(self, logs: Any = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self._directory))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        update = (epoch + 1) * self._interval
        with self._writer.as_default(step=update):
            for name, value in (logs or {}).items():
                tf.summary.scalar(f"{self._prefix}{name}", value)
            if self._samples is not None:
                tf.summary.image("samples", image_sheet(np.asarray(self._samples()))[None])

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()


def image_sheet(images: np.ndarray, columns: int = 10) -> np.ndarray:
    """Images (n, H, W, C) in rows of `columns`, as one image; n is a multiple of `columns`."""
    num_images, height, width, channels = images.shape
    rows = images.reshape(num_images // columns, columns, height, width, channels)
    return rows.transpose(0, 2, 1, 3, 4).reshape(-1, columns * width, channels)


def as_png(sheet: np.ndarray) -> bytes:
    """An image uint8 (H, W, 1 or 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet).save(buffer, "PNG")
    return buffer.getvalue()


def log_trial(
    directory: Path, name: str, settings: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """A trial's settings and final metrics, for TensorBoard's HParams page.

    The metrics get the prefix `held_out/`, as those of the training have the same names.
    """
    scalars = {
        key: setting if isinstance(setting, int | float | str) else str(setting)
        for key, setting in settings.items()
    }
    with tf.summary.create_file_writer(str(directory)).as_default(step=0):
        hparams.hparams(scalars, trial_id=name)
        for metric, value in metrics.items():
            tf.summary.scalar(f"held_out/{metric}", value)
