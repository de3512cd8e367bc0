"""Batches for training, as `tf.data`: every batch is a pure function of (seed, update).

Order and augmentation are drawn statelessly, so a run that resumes at update 700 sees the batches
that it would have seen, and two arms with one seed see them in the same order.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment, mix
from gan_mnist.data.images import as_float as as_float_array
from gan_mnist.seeding import derive_seed

MOST_BYTES_AS_TENSOR = 100_000_000


@dataclass(frozen=True, eq=False)
class Repeated:
    """A view of an array's rows by number, with repetitions and without a copy.

    Attributes:
        array: The array that is viewed.
        rows: Row numbers in `array`, int (n,), in the order of the view.
    """

    array: "Column"
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> np.ndarray:
        return self.array[self.rows[which]]


Column = np.ndarray | Repeated


def training_batches(
    columns: Sequence[Column],
    batch_size: int,
    augmentation: Augmentation | None,
    seed: int,
    first_update: int,
) -> tf.data.Dataset:
    """Endless batches of rows of `columns`, from `first_update` on.

    Every pass over the rows is a new permutation; batches run on across the ends of passes, so all
    have `batch_size` rows.

    Args:
        columns: Arrays of equal length, such as images, labels and loss weights; the first holds
            images (n, H, W, C). uint8 is converted to float32 in [0, 1].
        batch_size: Rows a batch.
        augmentation: Applied to every image of the first column, or None.
        seed: Stream of the order and of the augmentation.
        first_update: Number of the first batch; 0 at the start, more on resume.
    """
    return mixed_batches([(columns, batch_size)], augmentation, seed, first_update)


class Table(NamedTuple):
    """Rows that batches are made of.

    Attributes:
        columns: As for `training_batches`.
        size: How many of these rows a batch holds.
        pools: Number of equal parts of the rows, used one after the other: a batch holds rows of
            one part, and of the last one when all have had their turn.
        every: Updates for which each part is used.
    """

    columns: Sequence[Column]
    size: int
    pools: int = 1
    every: int = 1


def mixed_batches(
    sources: Sequence[tuple[Any, ...]],
    augmentation: Augmentation | None,
    seed: int,
    first_update: int,
) -> tf.data.Dataset:
    """As `training_batches`, with rows of several tables in every batch.

    Args:
        sources: A `Table` each, or a tuple of its first fields: columns, and how many of their rows
            a batch holds. The rows of the first source come first; each source, or part of it, is
            shuffled in passes of its own.
        augmentation: Applied to every image, or None. Where it mixes labels, those of the second
            column come as float32 (batch size, num_classes), shares of the classes.
        seed: Stream of the orders and of the augmentation.
        first_update: Number of the first batch.
    """
    tables = [Table(*source) for source in sources]
    # One table, so that a mixed batch is gathered at once, as a plain one is.
    parts_by_column = zip(*(table.columns for table in tables), strict=True)
    lookups = [row_lookup(_stacked(parts)) for parts in parts_by_column]
    order_seeds = [derive_seed(seed, i) if i else seed for i in range(len(sources))]
    # Without the arrays, for the reason that `row_lookup` tells.
    plans = [
        (len(table.columns[0]) // table.pools, table.size, table.pools, table.every)
        for table in tables
    ]
    augmentation_seed = derive_seed(seed, "augmentation")

    def batch(update: tf.Tensor) -> tuple[tf.Tensor, ...]:
        rows, offset = [], 0
        for (length, size, pools, every), order_seed in zip(plans, order_seeds, strict=True):
            pool = tf.minimum(update // every, pools - 1) if pools > 1 else 0
            rows.append(offset + length * pool + shuffled_rows(length, size, order_seed, update))
            offset += length * pools
        batch_rows = tf.concat(rows, axis=0)
        batch_images, *other_columns = (as_float(lookup(batch_rows)) for lookup in lookups)
        if augmentation is not None:
            batch_images = augment(batch_images, augmentation, (augmentation_seed, update))
            if augmentation.mixes_labels:
                batch_images, other_columns[0] = mix(
                    batch_images, other_columns[0], augmentation, (augmentation_seed, update)
                )
        return batch_images, *other_columns

    return by_update(batch, first_update)


def row_lookup(column: Column) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from numbers of rows, int64 (n,), to these rows of a column."""
    if isinstance(column, Repeated):
        inner_lookup, row_numbers = row_lookup(column.array), tf.constant(column.rows)
        return lambda rows: inner_lookup(tf.gather(row_numbers, rows))
    if column.nbytes < MOST_BYTES_AS_TENSOR:
        tensor = tf.constant(np.asarray(column))
        return lambda rows: tf.gather(tensor, rows)

    # TensorFlow would hold two copies besides the array, and for a moment a third. It never lets go
    # of a function that it was given, so that one must not hold the array.
    column_ref = weakref.ref(column)

    def look_up(rows: np.ndarray) -> np.ndarray:
        array = column_ref()
        assert array is not None
        return array[rows]

    def chosen(rows: tf.Tensor) -> tf.Tensor:
        values = tf.numpy_function(look_up, [rows], column.dtype, stateful=False)
        # What reads `column` here, the data set, keeps it alive.
        return tf.ensure_shape(values, (*rows.shape, *column.shape[1:]))

    return chosen


def _stacked(parts: Sequence[Column]) -> Column:
    """One column of several tables; images of which some are uint8 and some floats as floats."""
    if len(parts) == 1:
        return parts[0]
    arrays = [part[:] for part in parts]
    if len({array.dtype for array in arrays}) > 1:
        arrays = [as_float_array(array) for array in arrays]
    return np.concatenate(arrays)


def latent_batches(
    columns: Sequence[Column],
    num_real: int,
    num_generated: int,
    num_classes: int,
    draw: Callable[[int, tf.Tensor], tf.Tensor],
    augmentation: Augmentation | None,
    seed: int,
    first_update: int,
) -> tf.data.Dataset:
    """Real images, with the latents and labels that the rest of each batch is generated from.

    Args:
        columns: Images and labels of the real rows.
        num_real: Real rows a batch, in the order of `training_batches`.
        num_generated: Images to be generated a batch.
        num_classes: Labels of generated images are uniform in 0..num_classes-1.
        draw: Maps (number, int64 (2,) seed) to latents (number, d).
        augmentation: Applied to the real images, or None.
        seed: Stream of everything.
        first_update: Number of the first batch.

    Returns:
        Endless ((images, latents, key), (labels, generated_labels)), as `GeneratingClassifier`
        takes them; `key` is int64 (2,), a seed of the batch's own.
    """
    real = training_batches(columns, num_real, augmentation, seed, first_update)
    key_seeds = [
        derive_seed(seed, name) for name in ("latents", "labels", "generated_augmentation")
    ]

    def ingredients(update: tf.Tensor) -> tuple[tf.Tensor, ...]:
        latents_key, labels_key, key = (tf.stack([key_seed, update]) for key_seed in key_seeds)
        labels = tf.random.stateless_uniform((num_generated,), labels_key, 0, num_classes, tf.int32)
        return draw(num_generated, latents_key), key, labels

    def arrange(real: tuple[tf.Tensor, ...], generated: tuple[tf.Tensor, ...]) -> Any:
        (images, labels), (latents, key, generated_labels) = real, generated
        return (images, latents, key), (labels, generated_labels)

    return tf.data.Dataset.zip(real, by_update(ingredients, first_update)).map(arrange)


def two_view_batches(
    labelled: Sequence[Column],
    unlabelled: np.ndarray,
    rows: tuple[int, int],
    weak: Augmentation | None,
    strong: Augmentation | None,
    seed: int,
    first_update: int,
) -> tf.data.Dataset:
    """Labelled images, and unlabelled ones in two views, as the loss `FixMatch` takes them.

    Args:
        labelled: Images and labels.
        unlabelled: Images.
        rows: Labelled and unlabelled images a batch.
        weak: Applied to labelled images, and to the unlabelled ones of the first view.
        strong: Applied to those of the second view, with draws of its own.
        seed: Stream of everything.
        first_update: Number of the first batch.

    Returns:
        Endless (images, labels, loss weights) of `rows[0]` labelled rows, in the order of
        `training_batches`, and 2 * `rows[1]` unlabelled ones, of label -1 and weight 0.
    """
    labelled_batches = training_batches(labelled, rows[0], weak, seed, first_update)
    lookup, order_seed = row_lookup(unlabelled), derive_seed(seed, "unlabelled")
    views = [
        (transform, derive_seed(seed, name))
        for transform, name in ((weak, "weak"), (strong, "strong"))
    ]

    def both(update: tf.Tensor) -> tf.Tensor:
        batch_images = as_float(lookup(shuffled_rows(len(unlabelled), rows[1], order_seed, update)))
        augmented = [
            batch_images if transform is None else augment(batch_images, transform, (key, update))
            for transform, key in views
        ]
        return tf.concat(augmented, axis=0)

    def arrange(
        labelled_batch: tuple[tf.Tensor, ...], view_images: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        images, labels = labelled_batch
        labels = tf.concat([labels, tf.fill([2 * rows[1]], tf.cast(-1, labels.dtype))], axis=0)
        return tf.concat([images, view_images], axis=0), labels, tf.cast(labels >= 0, tf.float32)

    return tf.data.Dataset.zip(labelled_batches, by_update(both, first_update)).map(arrange)


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


def as_float(images: tf.Tensor) -> tf.Tensor:
    """Images as networks take them: float32 in [0, 1], from uint8; anything else as it is."""
    return tf.cast(images, tf.float32) / 255 if images.dtype == tf.uint8 else images


def shuffled_rows(num_rows: int, batch_size: int, seed: int, update: tf.Tensor) -> tf.Tensor:
    """Rows of batch number `update` when passes over `num_rows` are shuffled one by one.

    Returns:
        int64 (batch_size,) in [0, num_rows).
    """
    position = update * batch_size + tf.range(batch_size, dtype=tf.int64)
    passes, offsets = position // num_rows, position % num_rows
    # The op below reads the low bits of its three seeds only: each pass gets well-mixed ones.
    first_pass, num_passes = passes[0], 1 + -(-batch_size // num_rows)
    pass_keys = [
        tf.random.stateless_uniform((3,), (seed, first_pass + i), 0, tf.int64.max, tf.int64)
        for i in range(num_passes)
    ]
    # A permutation evaluated at single points: nothing to store however long the run, and any
    # batch can be had without those before it.
    return tf.raw_ops.RandomIndexShuffle(
        index=offsets,
        seed=tf.gather(tf.stack(pass_keys), passes - first_pass),
        max_index=np.int64(num_rows - 1),
        rounds=8,
    )
