"""IDX, the file format that MNIST and its relatives are published in."""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_mnist.errors import InputError

_IMAGES = ("images", 3)
_LABELS = ("labels", 1)
# Of an array, three times those of EMNIST, the largest of its kind.
MOST_BYTES = 2**31


def has_files(directory: Path, stems: tuple[str, ...]) -> bool:
    """Whether `directory` holds any IDX file of the splits called `stems`."""
    return any(_find(directory, stem, *kind) for stem in stems for kind in (_IMAGES, _LABELS))


def read_split(directory: Path, stem: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one split.

    Args:
        directory: Where the files lie.
        stem: How their names begin: "train" for `train-images-idx3-ubyte` and
            `train-labels-idx1-ubyte`, each plain or .gz, also spelt `train-images.idx3-ubyte`.

    Returns:
        uint8 (n, H, W, 1) and int64 (n,).

    Raises:
        InputError: For a missing, truncated or foreign file, or unequal numbers.
    """
    images_path, labels_path = (_require(directory, stem, *kind) for kind in (_IMAGES, _LABELS))
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise InputError(
            f"--data_dir: {labels_path} holds {len(labels)} labels "
            f"for the {len(images)} images of {images_path.name}"
        )
    return images[..., np.newaxis], labels.astype(np.int64)


def read_idx(path: Path, num_dimensions: int) -> np.ndarray:
    """The array of an IDX file of unsigned bytes.

    Args:
        path: The file, gzip-compressed if it ends in `.gz`.
        num_dimensions: Dimensions that its header must state: 3 for images, 1 for labels.

    Returns:
        uint8, of the header's shape.

    Raises:
        InputError: If the file is unreadable, truncated, too long, empty, too large or of another
            kind.
    """
    header_size = 4 + 4 * num_dimensions
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            header = file.read(header_size)
            shape = _shape(path, header, num_dimensions)
            # A small compressed file may hold any number of bytes; no more are read than needed.
            num_values = math.prod(shape)
            content = file.read(num_values + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"--data_dir: {path} cannot be read: {error}") from error
    if len(content) != num_values or num_values == 0:
        actual = "more values" if len(content) > num_values else f"{len(content)} values"
        raise InputError(
            f"--data_dir: {path} is truncated or damaged: {actual} "
            f"where its header promises {_in_words(shape)}"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, header: bytes, num_dimensions: int) -> tuple[int, ...]:
    """The shape that a header promises; errors as in `read_idx`."""
    if len(header) < 4 + 4 * num_dimensions:
        raise InputError(
            f"--data_dir: {path} ends within its header of {4 + 4 * num_dimensions} bytes"
        )
    magic, *shape = struct.unpack(f">{1 + num_dimensions}I", header)
    # Two zero bytes, the code of unsigned bytes (8), the number of dimensions.
    expected = 0x0800 | num_dimensions
    if magic != expected:
        raise InputError(
            f"--data_dir: {path} is not the IDX file its name says: "
            f"magic number 0x{magic:08x}, expected 0x{expected:08x}"
        )
    if math.prod(shape) > MOST_BYTES:
        raise InputError(
            f"--data_dir: {path} is too large or damaged: its header promises {_in_words(shape)} "
            f"values; accepted: up to {MOST_BYTES:,}"
        )
    return tuple(shape)


def _in_words(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _find(directory: Path, stem: str, kind: str, num_dimensions: int) -> Path | None:
    for separator in "-.":
        for suffix in ("", ".gz"):
            path = directory / f"{stem}-{kind}{separator}idx{num_dimensions}-ubyte{suffix}"
            if os.path.isfile(path):
                return path
    return None


def _require(directory: Path, stem: str, kind: str, num_dimensions: int) -> Path:
    path = _find(directory, stem, kind, num_dimensions)
    if path is None:
        name = f"{stem}-{kind}-idx{num_dimensions}-ubyte"
        raise InputError(f"--data_dir: {directory} lacks {name} (plain or .gz) beside its others")
    return path
