"""A directory in an object store, such as `s3://bucket/run`, and its ownership.

fsspec has a package for each kind of store; it is imported when there is an address. An object is
whole or absent, and all see it as soon as it is written.
"""

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, as_json, parse_form, write_bytes, write_new_bytes
from gan_mnist.files.claim import BEAT_SECONDS, NOBODY, OWNER, SILENCE_SECONDS, Owner, in_words

# A store answers in tens of milliseconds, however small an object is.
AT_ONCE = 16
# By then another heir of a dead command has written, too.
SETTLED_SECONDS = 1.0


class Remote:
    """A directory in an object store.

    All methods raise an OSError that names the address if the store refuses.
    """

    def __init__(self, address: str):
        """Finds the package for `address`; says nothing to the store yet.

        Raises:
            InputError: If there is no such package, or the address names no place in a store.
        """
        accepted = "accepted: NAME://PLACE, such as s3://BUCKET/RUN"
        # As where a variable of the shell is not set; fsspec would take it for a local folder.
        if not address.rpartition("://")[2].strip("/ "):
            raise InputError(f"--workdir: {address!r} has nothing after ://; {accepted}")
        self.address = address.rstrip("/")
        try:
            from fsspec.core import url_to_fs

            self._store, self._root = url_to_fs(self.address, use_listings_cache=False)
        # Some reach out here already, and raise whatever they know.
        except Exception as error:
            extra = "; pip install 'gan_mnist[s3]'" if address.startswith("s3:") else ""
            raise InputError(f"--workdir: {address}: {_in_a_line(error)}{extra}") from error
        self._is_disk = "file" in self._store.protocol
        if self._is_disk and not self.address.startswith(("file://", "local://")):
            raise InputError(f"--workdir: {address!r} is an address of no store; {accepted}")

    def names(self) -> list[str]:
        """Names of all objects, relative to the directory."""
        with self._as_os_error():
            paths = self._store.find(self._root)
        return sorted(path[len(self._root) :].lstrip("/") for path in paths)

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """The content of those of these objects that exist, by name."""
        requested = list(names)
        contents = zip(requested, self._each(self._content, requested), strict=True)
        return {name: content for name, content in contents if content is not None}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Writes objects, in any order."""
        self._each(lambda file: self._put(*file), files.items())

    def create(self, name: str, content: bytes) -> bool:
        """Writes an object unless there is one of this name; returns whether it was written."""
        with self._as_os_error():
            try:
                if self._is_disk:
                    write_new_bytes(Path(self._path(name)), content)
                else:
                    self._store.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
        return True

    def remove(self, names: Iterable[str]) -> None:
        """Removes objects that are there."""
        self._each(self._remove, names)

    def modified(self, name: str) -> float:
        """When an object was written, in seconds by the store's clock."""
        with self._as_os_error():
            return float(self._store.modified(self._path(name)).timestamp())

    def _content(self, name: str) -> bytes | None:
        try:
            return bytes(self._store.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._store.rm_file(self._path(name))

    def _put(self, name: str, content: bytes) -> None:
        if self._is_disk:
            write_bytes(Path(self._path(name)), content)
        else:
            self._store.pipe_file(self._path(name), content)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _each(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        with self._as_os_error(), ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(function, arguments))

    @contextlib.contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each package has errors of its own
            raise OSError(errno.EIO, _in_a_line(error), self.address) from error


class RemoteClaim:
    """Ownership of a directory of a store, or of a part of it, from `take` to `release`.

    As `claim.Claim` for a disk; but a store has no locks, and no atomic way to take over a dead
    command's claim. Of two commands that do, the later one wins, and both look again.

    Attributes:
        is_lost: Whether another command took it over, as it presumed us dead.
    """

    def __init__(self, remote: Remote, folder: str, token: str):
        """Prepares a claim to `folder` in `remote`.

        Args:
            remote: The directory in the store.
            folder: A part of it; "" for the whole.
            token: That of our mirror, which we own alone: no other command with this token is
                alive.
        """
        self._remote, self._name = remote, f"{folder}/{OWNER}".lstrip("/")
        self._ours = Owner(host=socket.gethostname(), pid=os.getpid(), token=token)
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self.is_lost = False

    def take(self) -> None:
        """Takes ownership of the folder.

        Raises:
            InputError: If another command owns it.
            OSError: If the store refuses.
        """
        if not self._remote.create(self._name, as_json(self._ours)):
            self.check()
            self._remote.write({self._name: as_json(self._ours)})
            time.sleep(SETTLED_SECONDS)
            if (owner := self._owner()) != self._ours:
                raise self._in_use(owner)
        self._heart.start()

    def check(self) -> None:
        """Checks that no other command owns the folder, without taking it.

        Raises:
            InputError: If another one does.
            OSError: If the store refuses.
        """
        owner = self._owner()
        if owner is not None and owner["token"] != self._ours["token"] and not self._is_silent():
            raise self._in_use(owner)

    def release(self) -> None:
        """Gives up ownership, if we have it."""
        self._ended.set()
        if self._heart.is_alive():
            self._heart.join()
        with contextlib.suppress(OSError):
            if self._owner() == self._ours:
                self._remote.remove([self._name])

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS) and not self.is_lost:
            with contextlib.suppress(OSError):
                self.is_lost = self._owner() != self._ours
                if not self.is_lost:
                    self._remote.write({self._name: as_json(self._ours)})

    def _is_silent(self) -> bool:
        probe = f"{self._name}.{self._ours['token']}"
        self._remote.write({probe: b""})
        current_time = self._remote.modified(probe)
        self._remote.remove([probe])
        return abs(current_time - self._remote.modified(self._name)) > SILENCE_SECONDS

    def _owner(self) -> Owner | None:
        """The owner that the object names; None if there is no object."""
        contents = self._remote.read([self._name])
        if not contents:
            return None
        try:
            content = parse_form(contents[self._name], Owner)
        except Damaged:
            return NOBODY
        return Owner(host=content["host"], pid=content["pid"], token=content["token"])

    def _in_use(self, owner: Owner | None) -> InputError:
        return InputError(
            f"--workdir: {self._remote.address} is in use by another run{in_words(owner)}; if that "
            f"was killed, wait {SILENCE_SECONDS:.0f} seconds"
        )


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
