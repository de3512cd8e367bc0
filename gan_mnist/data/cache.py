"""What was decoded once is kept as a file that every process maps into its memory.

It lies in `~/.cache/gan_mnist`, or where GAN_MNIST_CACHE says, and may be deleted at any time. Its
name is a checksum of the files' names, sizes, times and numbers, so that it never shows images
that have changed; files are renamed when they are whole, so that processes do not disturb each
other. What was not used for a week is removed.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.files import fingerprint, read_json, write_json, write_text

VARIABLE = "GAN_MNIST_CACHE"
KEPT_SECONDS = 7 * 24 * 3600
# A file that changes again within the resolution of a file system's clock looks as it did.
SETTLED_SECONDS = 2.0


def directory() -> Path:
    """Where the cache is."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get(VARIABLE) or Path(home) / "gan_mnist").expanduser()


class Shelf:
    """What is kept of some files in the state they are in; nothing, where nothing can be."""

    def __init__(self, root: Path, names: Sequence[str]):
        """Looks at the files.

        Args:
            root: The folder they lie in.
            names: Theirs, relative to it.
        """
        self._place: Path | None = None
        newest = 0.0
        states: list[list[str | int]] = []
        for name in names:
            try:
                found = os.stat(root / name)
            except OSError:
                states.append([name])
                continue
            newest = max(newest, found.st_ctime, found.st_mtime)
            states.append([name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino])
        if time.time() - newest < SETTLED_SECONDS:
            return
        place = directory() / fingerprint(os.path.realpath(root), states)
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            os.utime(place)
            self._place = place

    def text(self, name: str, make: Callable[[], str]) -> str:
        """The text `name`, which is made if it is not there."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if self._place is not None:
                return (self._place / name).read_text(encoding="utf-8")
        made = make()
        with contextlib.suppress(OSError):
            if self._place is not None:
                write_text(self._place / name, made)
        return made

    def json(self, name: str, *keys: str) -> dict[str, Any] | None:
        """What was kept as `name`; None where nothing was."""
        with contextlib.suppress(OSError):
            if self._place is not None:
                return read_json(self._place / name, *keys)
        return None

    def keep_json(self, name: str, value: Any) -> None:
        """Keeps it, if that is possible."""
        with contextlib.suppress(OSError):
            if self._place is not None:
                write_json(self._place / name, value)

    def array(self, name: str) -> np.ndarray | None:
        """The array `name`, mapped, not read; None where there is none."""
        with contextlib.suppress(OSError, ValueError):
            if self._place is not None:
                return np.load(self._place / name, mmap_mode="r")
        return None

    @contextlib.contextmanager
    def new_array(self, name: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """An array to be filled, uint8 and 0, which is kept as `name` afterwards if possible."""
        temporary = self._reserved(name, shape)
        if temporary is None:
            yield np.zeros(shape, np.uint8)
            return
        try:
            array = np.lib.format.open_memmap(temporary, mode="r+")
            yield array
            array.flush()
            os.replace(temporary, temporary.with_name(name))
        finally:
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
                left = int(np.prod(shape))
                while left > 0:
                    left -= file.write(block[:left])
            return temporary
        except OSError:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            return None


def _tidy(used: Path) -> None:
    """Removes what was not used for a week."""
    oldest = time.time() - KEPT_SECONDS
    for place in used.parent.iterdir():
        with contextlib.suppress(OSError):
            if place != used and place.is_dir() and place.stat().st_mtime < oldest:
                shutil.rmtree(place, ignore_errors=True)
