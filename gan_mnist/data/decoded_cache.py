"""A cache of decoded images, in files that every process reads.

It lies in `~/.cache/gan_mnist`, or where GAN_MNIST_CACHE says, and may be deleted at any time. An
entry's name is a checksum of the files' names, sizes, times and inodes, and of the decoder, so that
it never returns images that have changed, or that another decoder made. Files are renamed when they
are complete, so that processes do not disturb each other. Damaged entries are detected and made
anew: texts have checksums; images, whose checksum would take seconds, have a modification time that
any writing would have replaced. Entries that were not used for a week are removed.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import hexdigits
from typing import Any, cast

import numpy as np
import PIL

from gan_mnist.data.stored import StoredImages
from gan_mnist.files import cache_directory, fingerprint, read_file, write_text

# Maps (name, make) to a text about the images: the cached one, or `make()`, which is then cached.
Remember = Callable[[str, Callable[[], str]], str]
DECODED = "decoded"
# To be raised with every change of how the same files are decoded.
DECODER = 2
KEPT_SECONDS = 7 * 24 * 3600
# A file that changes again within the resolution of a file system's clock looks as it did.
SETTLED_SECONDS = 2.0


class DecodedCache:
    """The cache entry of some files in their present state; does nothing where none can be kept."""

    def __init__(self, root: Path, names: Sequence[str]):
        """Finds or makes the entry, whose name follows from the state of the files.

        Args:
            root: The folder they lie in.
            names: Names of the files, relative to it.
        """
        self._place: Path | None = None
        newest_change = 0.0
        states: list[list[str | int]] = []
        for name in names:
            try:
                status = os.stat(root / name)
            except OSError:
                states.append([name])
                continue
            # Not the time of modification, which may be of another clock, and in the future.
            newest_change = max(newest_change, status.st_ctime)
            states.append(
                [name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            )
        if time.time() - newest_change < SETTLED_SECONDS:
            return
        with _where_possible():
            state_key = (DECODER, PIL.__version__, os.path.realpath(root), states)
            directory = cache_directory() / DECODED / fingerprint(*state_key)
            directory.mkdir(parents=True, exist_ok=True)
            os.utime(directory)
            self._place = directory

    def text(self, name: str, make: Callable[[], str]) -> str:
        """The cached text `name`; made by `make` and cached if it is missing."""
        if (cached := self._text(name)) is not None:
            return cached
        new_text = make()
        self._keep_text(name, new_text)
        return new_text

    def json(self, name: str, *keys: str) -> dict[str, Any] | None:
        """The cached JSON object `name` if it has these keys, else None."""
        cached = self._text(name)
        value = None if cached is None else json.loads(cached)
        return value if isinstance(value, dict) and value.keys() >= set(keys) else None

    def keep_json(self, name: str, value: Any) -> None:
        """Caches a value as JSON under `name`, if that is possible."""
        self._keep_text(name, json.dumps(value))

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """The cached array `name`, read on access; None if there is none of this shape."""
        with _where_possible():
            if self._place is not None:
                images = StoredImages.load(self._place / name)
                if images.shape == shape and images.changed == _mark(self._place / name):
                    # They support all operations that are used on arrays of images here.
                    return cast(np.ndarray, images)
        return None

    def _text(self, name: str) -> str | None:
        with _where_possible():
            if self._place is not None:
                checksum, _, text = read_file(self._place / name).decode().partition("\n")
                return text if checksum == fingerprint(text) else None
        return None

    def _keep_text(self, name: str, text: str) -> None:
        with _where_possible():
            if self._place is not None:
                write_text(self._place / name, f"{fingerprint(text)}\n{text}")

    @contextlib.contextmanager
    def new_array(self, name: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """Yields a uint8 array of zeros to fill, which is then cached as `name` if possible."""
        temporary = self._reserved(name, shape)
        if temporary is None:
            yield np.zeros(shape, np.uint8)
            return
        try:
            array = np.lib.format.open_memmap(temporary, mode="r+")
            yield array
            with _where_possible():  # the place may have been deleted meanwhile
                array.flush()
                path = temporary.with_name(name)
                os.utime(temporary, (time.time(), _mark(path)))
                os.replace(temporary, path)
        finally:
            with _where_possible():
                temporary.unlink(missing_ok=True)
        _tidy(temporary.parent)

    def _reserved(self, name: str, shape: tuple[int, ...]) -> Path | None:
        """A file with room for the array; writing to a mapped one on a full disk is fatal."""
        if self._place is None:
            return None
        temporary = None
        try:
            handle, path = tempfile.mkstemp(prefix=f".{name}.", dir=self._place)
            temporary = Path(path)
            with os.fdopen(handle, "wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                block = bytes(1 << 20)
                remaining = int(np.prod(shape))
                while remaining > 0:
                    remaining -= file.write(block[:remaining])
            return temporary
        except OSError:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            return None


def _where_possible() -> contextlib.AbstractContextManager:
    """Ignores errors of caching, where it is impossible: for a user without a home folder, say."""
    return contextlib.suppress(OSError, ValueError, RuntimeError)


def _mark(path: Path) -> int:
    """The modification time, in s, that marks a cached array as whole: long ago, and its own.

    It follows from the path, as any process may have been the last to put its array there.
    """
    return int(fingerprint(path.parent.name, path.name)[:7], 16)


def _tidy(current: Path) -> None:
    """Removes what was not used for a week; what others have put there stays."""
    oldest = time.time() - KEPT_SECONDS
    with _where_possible():
        for path in current.parent.iterdir():
            with _where_possible():
                is_entry = len(path.name) == len(current.name) and set(path.name) <= set(hexdigits)
                if is_entry and path != current and path.stat().st_mtime < oldest:
                    shutil.rmtree(path, ignore_errors=True)
