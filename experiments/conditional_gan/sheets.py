"""Sheets of test images above samples of the same labels, and the lines a training prints."""

import contextlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Subset
from gan_mnist.files import write_bytes
from gan_mnist.study.trial import Trial
from gan_mnist.training.tensorboard import as_png, image_sheet

from .study import ConditionalGANSettings

COLUMNS = 10
# After the first epoch, and then after each tenth. Source: docs/sources.md#conditional_gan.
EPOCHS_A_SHEET = 10


def shown_rows(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Rows of `COLUMNS` images, the classes 0..`num_classes` - 1 in turn, each image once.

    A class that has too few repeats its own. `labels` are int (n,), and every class occurs.
    """
    rows_by_class = [np.flatnonzero(labels == label) for label in range(min(num_classes, COLUMNS))]
    shown = []
    for position in range(COLUMNS):
        turn, label = divmod(position, len(rows_by_class))
        rows = rows_by_class[label]
        shown.append(rows[turn % len(rows)])
    return np.array(shown)


class Epochs(keras.callbacks.Callback):
    """Prints the losses of every epoch; makes sheets, as PNG files and for TensorBoard.

    No state is kept between epochs: a training that is resumed leaves the same files as one that
    was not interrupted.
    """

    def __init__(self, trial: Trial[ConditionalGANSettings], test: Subset):
        """Chooses the test images and the latents of the sheets.

        Args:
            trial: The one that trains. `sheets/epoch-001.png` and so on go to its directory, and
                the image `sheet` to its logs for TensorBoard.
            test: Images for the upper row; nothing but display uses them.
        """
        super().__init__()
        self._name = f"{trial.arm} seed {trial.seed}"
        rows = shown_rows(test.labels, len(test.class_names))
        self._images, self._labels = test.images[rows], test.labels[rows]
        # Of the latents, which are the same on all sheets.
        self._seed = trial.stream("sheet")
        self._directory, self._log_directory = trial.directory / "sheets", trial.log_directory

    def on_train_begin(self, logs: Any = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self._log_directory))

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        number = epoch + 1
        loss_values = {
            name: value for name, value in (logs or {}).items() if name.endswith("_loss")
        }
        losses = ", ".join(f"{name} {value:.3f}" for name, value in loss_values.items())
        # Nobody may be reading any more; that is no reason for the training to fail.
        with contextlib.suppress(BrokenPipeError):
            print(f"{self._name} epoch {number}/{self.params['epochs']}: {losses}", flush=True)
        if number == 1 or number % EPOCHS_A_SHEET == 0:
            self._sheet(number)

    def _sheet(self, number: int) -> None:
        samples = self.model.sample(
            tf.constant(self._labels, tf.int32), tf.constant([self._seed, 0], tf.int32)
        )
        sheet = image_sheet(np.concatenate([self._images, as_uint8(samples.numpy())]), COLUMNS)
        write_bytes(self._directory / f"epoch-{number:03d}.png", as_png(sheet))
        with self._writer.as_default(step=number * self.params["steps"]):
            tf.summary.image("sheet", sheet[None])
