"""Images that stay in the file in which they are kept, and are read where they are asked for.

A large data set would else be in the memory of every process once more. Of the file the system
keeps in memory what there is room for, and all processes share that.
"""

import os
import weakref
from typing import Any

import numpy as np

# Of fewer a copy is made, which is faster to read from.
LARGE_BYTES = 25_000_000


class StoredImages:
    """Some rows of an array in a file, to be used as an array: uint8 (n, H, W, C).

    What takes all of them at once, as `np.concatenate` does, gets a copy of them. They can be read
    as long as this lives, even if the file is deleted meanwhile.

    Attributes:
        shape: (n, H, W, C).
        dtype: Theirs.
    """

    def __init__(self, source: np.memmap, rows: np.ndarray):
        """Opens the file.

        Args:
            source: uint8 (m, H, W, C), contiguous.
            rows: int64 (n,) in 0..m-1.
        """
        self.shape = (len(rows), *source.shape[1:])
        self.dtype = source.dtype
        self._rows, self._offset = rows, source.offset
        # Pages of a file that is mapped count as this process's, and to give them back and fetch
        # them again takes three times as long as to read them.
        self._file = os.open(str(source.filename), os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process gets is an array: the file may not be there."""
        return np.asarray, (np.asarray(self),)

    @property
    def ndim(self) -> int:
        """Four."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * self._image_bytes

    @property
    def _image_bytes(self) -> int:
        return int(np.prod(self.shape[1:])) * self.dtype.itemsize

    def __getitem__(self, key: Any) -> np.ndarray:
        """The images at `key`, which numbers rows as that of an array would."""
        if isinstance(key, tuple):
            return np.asarray(self)[key]
        rows = self._rows[key]
        images = np.empty((*rows.shape, *self.shape[1:]), self.dtype)
        into, size = images.reshape(-1).data, self._image_bytes
        for place, row in enumerate(rows.ravel().tolist()):
            part = into[place * size : (place + 1) * size]
            if os.preadv(self._file, [part], self._offset + row * size) != size:
                raise OSError("the file of decoded images was cut off while it was read")
        return images

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("images in a file cannot be had without a copy")
        return np.asarray(self[:], dtype)
