"""Training for a number of updates: reusable compiled models, curves, checkpoints, exact resume."""

import functools
import gc
import math
import random
import shutil
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.images import rows_at_once
from gan_mnist.data.pipelines import as_float, row_lookup
from gan_mnist.files import read_rows, write_json, write_rows
from gan_mnist.files.names import PROGRESS
from gan_mnist.seeding import derive_seed
from gan_mnist.training import mirrored
from gan_mnist.training.memory import (
    assign,
    broadcast_if_constant,
    check_memory,
    optimizers_of,
    release,
)

CHECKPOINT_EVERY_SECONDS = 60
TOLD_EVERY_SECONDS = 2
# Larger models' initial weights are drawn anew for each training, and not cached.
MOST_KEPT = 10_000_000
# What Keras calls the state of a generator that a layer draws from.
SEED_STATE = "seed_generator_state"


class TrainingDiverged(RuntimeError):
    """A loss or metric became NaN or infinite."""


class ReusableModel:
    """A model that is built, compiled and traced once a process, and trained many times.

    Tracing costs as much as a short training. `fresh` restores the state of a newly built model,
    so a reused model cannot be told from a new one.
    """

    def __init__(self, build: Callable[[], keras.Model], compile: Callable[[keras.Model], None]):
        """Builds and compiles.

        Args:
            build: Returns a model with all its variables; called again for every fresh start.
            compile: Gives the model its optimizers.
        """
        self._build = build
        self.model = build()
        compile(self.model)
        self._optimizers = optimizers_of(self.model)
        if self.model.optimizer is not None:
            self.model.optimizer.build(self.model.trainable_variables)
        self._start = [
            [broadcast_if_constant(variable.numpy()) for variable in optimizer.variables]
            for optimizer in self._optimizers
        ]
        # Arms of a seed start from the same weights.
        self._initial_weights = functools.lru_cache(2)(lambda seed: self._draw(seed).get_weights())
        mirrored.register_builder(self.model, build, compile)

    def fresh(self, seed: int) -> keras.Model:
        """The model with initial weights drawn by `seed`, and with its optimizers reset."""
        if not self._is_large:
            self.model.set_weights(self._initial_weights(seed))
        else:
            # All of it is assigned below: old and new numbers need not be there at once.
            self.release_memory()
            release(self.model.weights)
            new_model = self._draw(seed)
            for variable, value in zip(self.model.weights, new_model.weights, strict=True):
                assign(variable, value.value)
            del new_model
            gc.collect()  # it refers to itself
        for optimizer, initial_values in zip(self._optimizers, self._start, strict=True):
            for variable, value in zip(optimizer.variables, initial_values, strict=True):
                assign(variable, value)
        return self.model

    def release_memory(self) -> None:
        """Releases the memory of a large network's optimizers, until the next `fresh`."""
        if self._is_large:
            release(v for optimizer in self._optimizers for v in optimizer.variables if v.shape)

    @property
    def _is_large(self) -> bool:
        return sum(math.prod(variable.shape) for variable in self.model.weights) > MOST_KEPT

    def _draw(self, seed: int) -> keras.Model:
        # Keras draws the seeds of initial weights from Python's `random`. Its `set_random_seed`
        # seeds TensorFlow too, which drops its caches: every function would be prepared anew.
        random.seed(seed)
        return self._build()


def updates_per_call(updates: int, intervals: int = 10) -> int:
    """Updates in one call into TensorFlow: the largest divisor of an interval up to 50."""
    interval = updates // intervals
    return max(size for size in range(1, 51) if interval % size == 0)


def validation_dataset(images: np.ndarray, labels: np.ndarray) -> tf.data.Dataset:
    """Batches of both in their order; images come as float32 in [0, 1], from uint8 or floats."""
    # Keras would make a data set of arrays too, but traces several functions for it every time.
    size = rows_at_once(images.shape[1:])
    if images.dtype != np.uint8:
        return tf.data.Dataset.from_tensor_slices((images, labels)).batch(size)
    take_rows, row_batches = row_lookup(images), tf.data.Dataset.range(len(images)).batch(size)
    return row_batches.map(lambda rows: (as_float(take_rows(rows)), tf.gather(labels, rows)))


def fit(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    updates: int,
    directory: Path,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    validation: Any = None,
    intervals: int = 10,
    rows: Sequence[int] | None = None,
) -> float:
    """Trains for a number of updates and leaves `curves.csv`.

    A training longer than a minute leaves checkpoints, and the same call goes on from the last.

    Args:
        model: Compiled model, fresh.
        batches: The data set from a given update on; batch t must depend on t alone.
        updates: Number of updates, a multiple of `intervals`.
        directory: Receives `curves.csv` and checkpoints.
        seed: Keys the draws of layers such as dropout.
        callbacks: More Keras callbacks.
        validation: Arrays (images, labels) for `val_*` metrics, or None. Images are uint8, or
            float32 in [0, 1].
        intervals: Equal parts of the training; one is an epoch to Keras and its callbacks.
        rows: Intervals, counted from 1 and the last among them, after which validation runs and the
            curves get a row; None for all.

    Returns:
        Seconds of training, those before an interruption included.

    Raises:
        TrainingDiverged: When a metric is not finite.
        InputError: When there is surely too little memory.
    """
    interval, remainder = divmod(updates, intervals)
    if remainder or not interval:
        raise ValueError(f"{updates} updates are not a multiple of {intervals} intervals")
    rows = range(1, intervals + 1) if rows is None else rows
    curves = Curves(directory, interval, seed, rows, intervals)
    first_update = curves.resume(model)
    if first_update < updates:
        strategy = mirrored.chosen_strategy()
        train = model.fit if strategy is None else functools.partial(mirrored.fit, model, strategy)
        train(
            check_memory(model, batches(first_update)),
            initial_epoch=first_update // interval,
            epochs=intervals,
            steps_per_epoch=interval,
            validation_data=None if validation is None else validation_dataset(*validation),
            validation_freq=list(rows),
            shuffle=False,
            verbose=0,
            # The curves come last: other callbacks may add to the metrics of an interval.
            callbacks=[*callbacks, curves],
        )
    curves.close()
    return curves.seconds


class Curves(keras.callbacks.Callback):
    """Writes `curves.csv` and checkpoints, and stops at the first metric that is not finite.

    A row holds `update`, `seconds` (of training so far, without validation) and the metrics of the
    interval.
    """

    def __init__(
        self, directory: Path, interval: int, seed: int, kept: Collection[int], intervals: int
    ):
        super().__init__()
        self.seconds = 0.0
        # For whoever wants to know how long it will take.
        self._under_way = directory / PROGRESS
        self._intervals = intervals
        self._path = directory / "curves.csv"
        self._checkpoints = directory / "checkpoint"
        self._interval = interval
        self._kept = kept
        self._seed = seed
        self._rows: list[dict[str, float]] = []
        self._update = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    def resume(self, model: keras.Model) -> int:
        """Restores the last checkpoint, if there is an intact one; returns its number of updates.

        One that is damaged, or whose curves are, is dropped, which is reported on stderr.
        """
        checkpoint = tf.train.Checkpoint(model=model, update=self._update, seconds=self._seconds)
        try:
            self._manager = tf.train.CheckpointManager(checkpoint, str(self._checkpoints), 1)
            if latest := self._manager.latest_checkpoint:
                _check(latest)
                self._rows = self._read_rows()
        # TensorFlow has an exception of its own for each kind of damage.
        except (tf.errors.OpError, ValueError, TypeError, KeyError, IndexError) as error:
            reason = " ".join(str(error).split())
            print(f"{self._checkpoints}: {reason}; the training begins anew", file=sys.stderr)
            self._drop_checkpoints()
            self._manager = tf.train.CheckpointManager(checkpoint, str(self._checkpoints), 1)
            latest = None
        if latest:
            checkpoint.restore(latest).assert_existing_objects_matched()
            last_update = int(self._update.numpy())
            self._rows = [row for row in self._rows if row["update"] <= last_update]
            self.seconds = float(self._seconds.numpy())
        return int(self._update.numpy())

    def _read_rows(self) -> list[dict[str, float]]:
        text_rows = read_rows(self._path) if self._path.exists() else []
        rows = [{name: float(value) for name, value in row.items()} for row in text_rows]
        return [row | {"update": int(row["update"])} for row in rows]

    def on_train_begin(self, logs: Any = None) -> None:
        self._saved = self._last_report = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.monotonic()
        # Dropout draws from a generator whose state no checkpoint holds; a state that follows from
        # the update makes a resumed run draw as an undisturbed one. An input draws nothing.
        layers = (a for a in self.model.layers if not isinstance(a, keras.layers.InputLayer))
        for index, layer in enumerate(layers):
            states = [variable for variable in layer.variables if variable.name == SEED_STATE]
            for position, state in enumerate(states):
                # Of a model within the model there may be several.
                suffix = (position,) if position else ()
                state.assign([derive_seed(self._seed, index, epoch, *suffix), 0])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._trained = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.seconds += self._trained - self._began
        update = (epoch + 1) * self._interval
        row = {"update": update, "seconds": round(self.seconds, 3), **(logs or {})}
        nonfinite = [name for name, value in row.items() if not math.isfinite(value)]
        if nonfinite:
            raise TrainingDiverged(f"{', '.join(nonfinite)} not finite by update {update}")
        if epoch + 1 in self._kept:
            self._rows.append(row)
        if time.monotonic() - self._last_report > TOLD_EVERY_SECONDS:
            share = (epoch + 1) / self._intervals
            write_json(self._under_way, {"share": share, "seconds": self.seconds})
            self._last_report = time.monotonic()
        if time.monotonic() - self._saved > CHECKPOINT_EVERY_SECONDS:
            # The rows go first: more of them than the checkpoint knows of are dropped on resume.
            if self._rows:
                write_rows(self._path, self._rows)
            self._update.assign(update)
            self._seconds.assign(self.seconds)
            self._manager.save()
            self._saved = time.monotonic()

    def close(self) -> None:
        """Writes the curves and drops the checkpoints."""
        write_rows(self._path, self._rows)
        self._under_way.unlink(missing_ok=True)
        self._drop_checkpoints()

    def _drop_checkpoints(self) -> None:
        # First goes "checkpoint", which names the others. A folder is of one that was cut short.
        for path in sorted(self._checkpoints.glob("*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _check(checkpoint: str) -> None:
    """Reads a whole checkpoint, so that TensorFlow verifies the checksums in it.

    Raises:
        tf.errors.OpError, IndexError: If one is wrong.
    """
    reader = tf.train.load_checkpoint(checkpoint)
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
