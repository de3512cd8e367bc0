"""Sheets of test images above samples of the same labels, and the lines a training prints."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Subset
from gan_mnist.training.tensorboard import image_sheet

COLUMNS = 10
# After the first epoch, and then after each tenth. Source: specification, section 3.
EPOCHS_A_SHEET = 10


def shown_rows(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Rows of `COLUMNS` images, the classes 0..`num_classes` - 1 in turn, each image of one once.

    Those of a class that has fewer come again. `labels` are int (n,), and every class occurs.
    """
    turns = np.arange(COLUMNS)
    by_class = [np.flatnonzero(labels == label) for label in range(min(num_classes, COLUMNS))]
    chosen = [by_class[turn % len(by_class)] for turn in turns]
    return np.array(
        [rows[turn // len(by_class) % len(rows)] for turn, rows in zip(turns, chosen, strict=True)]
    )


class Epochs(keras.callbacks.Callback):
    """Prints the losses of every epoch; makes sheets, as PNG files and for TensorBoard.

    Nothing depends on what came before: a training that goes on after an interruption leaves what
    an undisturbed one would have.
    """

    def __init__(
        self,
        name: str,
        epochs: int,
        epoch_updates: int,
        test: Subset,
        seed: int,
        directory: Path,
        log_directory: Path,
    ):
        """Describes the sheets.

        Args:
            name: Of the training, in the lines.
            epochs: Of the whole training.
            epoch_updates: Updates an epoch.
            test: Images for the upper row; they are shown and nothing else.
            seed: Of the latents, the same on all sheets.
            directory: Receives `sheets/epoch-001.png` and so on.
            log_directory: The trial's for TensorBoard; `sheets` in it receives the image `sheet`.
        """
        super().__init__()
        self._name, self._epochs, self._epoch_updates = name, epochs, epoch_updates
        rows = shown_rows(test.labels, len(test.class_names))
        self._images, self._labels = test.images[rows], test.labels[rows]
        self._seed = seed
        self._directory, self._log_directory = directory / "sheets", log_directory / "sheets"

    def on_train_begin(self, logs: Any = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self._log_directory))

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        number = epoch + 1
        losses = ", ".join(f"{name} {(logs or {})[name]:.3f}" for name in ("d_loss", "g_loss"))
        # Nobody may be reading any more; that is no reason for the training to fail.
        with contextlib.suppress(BrokenPipeError):
            print(f"{self._name} epoch {number}/{self._epochs}: {losses}", flush=True)
        if number == 1 or number % EPOCHS_A_SHEET == 0:
            self._sheet(number)

    def _sheet(self, number: int) -> None:
        samples = self.model.sample(
            tf.constant(self._labels, tf.int32), tf.constant([self._seed, 0], tf.int32)
        )
        sheet = image_sheet(np.concatenate([self._images, as_uint8(samples.numpy())]), COLUMNS)
        self._directory.mkdir(exist_ok=True)
        picture = Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)
        picture.save(self._directory / f"epoch-{number:03d}.png")
        with self._writer.as_default(step=number * self._epoch_updates):
            tf.summary.image("sheet", sheet[None])
