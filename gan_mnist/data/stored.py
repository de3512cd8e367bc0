"""Images that stay in a file and are read on access.

Else every process would hold a copy of a large data set in memory. The operating system caches as
much of the file as there is room for, and all processes share that cache.
"""

import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from gan_mnist.errors import InputError

# Smaller arrays are copied into memory, which is faster to read from.
LARGE_BYTES = 25_000_000
_BLOCK = 1024


def in_blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the rows of an array a block at a time, so that memory keeps no second copy of all."""
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]


class _File:
    """A contiguous uint8 array in a file that stays open as long as this object is referenced.

    It is not memory-mapped: a page that is missing because the file was truncated would end the
    process without a message. Nor is it opened twice: another file might be there by then.
    """

    def __init__(self, path: Path):
        """Opens what `np.save` wrote.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it is no such array, or not whole.
        """
        # A pipe would else be waited for.
        self._number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        weakref.finalize(self, os.close, self._number)
        self._path, self._state = path, self._looks()
        if not stat.S_ISREG(os.fstat(self._number).st_mode):
            raise ValueError("it is no file")
        with open(self._number, "rb", closefd=False) as file:
            np.lib.format.read_magic(file)
            self.shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
            self._offset = file.tell()
        if is_fortran or dtype != np.uint8 or len(self.shape) != 4:
            raise ValueError("it holds no images")
        self.image_bytes = int(np.prod(self.shape[1:]))
        if self._state[0] != self._offset + self.shape[0] * self.image_bytes:
            raise ValueError("it is cut off")

    def read(self, rows: list[int], into: memoryview) -> None:
        """Reads images.

        Args:
            rows: Numbers of the images.
            into: Buffer for their bytes.

        Raises:
            InputError: If the file has changed since it was opened.
        """
        size = self.image_bytes
        num_read = sum(
            os.preadv(
                self._number,
                [into[position * size : (position + 1) * size]],
                self._offset + row * size,
            )
            for position, row in enumerate(rows)
        )
        if num_read != len(rows) * size or self._looks() != self._state:
            raise InputError(
                f"--data_dir: {self._path}, where its decoded images are kept, was changed while "
                "they were read; accepted: the same command again, which decodes them anew"
            )

    @property
    def changed(self) -> float:
        """Modification time of the file, in s."""
        return self._state[1] / 10**9

    def _looks(self) -> tuple[int, int]:
        status = os.fstat(self._number)
        return status.st_size, status.st_mtime_ns


class StoredImages:
    """Images in a file with the interface of an array: uint8 (n, H, W, C).

    Whatever takes all of them at once, as `np.concatenate` does, gets a copy. They can be read as
    long as this object lives, even if the file is deleted or replaced meanwhile.

    Attributes:
        shape: (n, H, W, C).
        dtype: uint8.
        changed: Modification time of the file, in s.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, file: _File, rows: np.ndarray):
        """Some images of a file; `load` gives all.

        Args:
            file: With m images.
            rows: int64 (n,) in 0..m-1.
        """
        self.shape = (len(rows), *file.shape[1:])
        self.changed = file.changed
        self._file, self._rows = file, rows

    @classmethod
    def load(cls, path: Path) -> Self:
        """All images in a file that `np.save` wrote.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it holds no images, uint8 (n, H, W, C), or not all of them.
        """
        file = _File(path)
        return cls(file, np.arange(file.shape[0]))

    def take(self, rows: np.ndarray) -> Self:
        """The images at `rows`, int64 (n,), without reading them."""
        return type(self)(self._file, self._rows[rows])

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as a plain array, as the file may not exist for another process."""
        return np.asarray, (np.asarray(self),)

    @property
    def ndim(self) -> int:
        """Four."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * self._file.image_bytes

    def __getitem__(self, key: Any) -> np.ndarray:
        """The images at `key`, which indexes rows as in an array."""
        if isinstance(key, tuple):
            return np.asarray(self)[key]
        rows = self._rows[key]
        images = np.empty((*rows.shape, *self.shape[1:]), self.dtype)
        self._file.read(rows.ravel().tolist(), images.reshape(-1).data)
        return images

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("images in a file cannot be had without a copy")
        return np.asarray(self[:], dtype)
