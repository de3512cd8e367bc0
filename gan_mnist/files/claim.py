"""A directory belongs to one process at a time, on one machine or on several.

So a run's belongs to one command, a trial's to one task of a job array, and a generator's to the
process that trains it, for which others wait.

A lock of the operating system, which a killed command loses at once, keeps other commands of this
machine out. A shared disk may not carry such locks from machine to machine. So a file names the
owner, and its modification time, which the disk's server sets, shows that the owner is at work.
"""

import contextlib
import errno
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from filelock import FileLock, Timeout

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, fingerprint, read_form, rename_new, write_json

LOCK, OWNER = ".lock", ".running"
# How often a command shows that it is at work, and after what silence a command on another
# machine is presumed dead.
BEAT_SECONDS, SILENCE_SECONDS = 20.0, 120.0
# How often a waiting process tries again, and how long a check waits for the lock.
ASK_SECONDS, SURE_SECONDS = 0.2, 5.0
# The errors of a disk that has no such locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Owner(TypedDict):
    """The process that owns a directory, as its file names it."""

    host: str
    pid: int
    token: str


# The owner where the file is damaged.
NOBODY = Owner(host="", pid=0, token="nobody")


class Claim:
    """Exclusive ownership of a directory, from `take` to `release`.

    Attributes:
        is_lost: Whether another process took it over, as it presumed us dead.
    """

    def __init__(self, workdir: Path):
        """Prepares a claim to `workdir`, which may not exist yet."""
        self._workdir, self._path = workdir, workdir / OWNER
        # A marker in the place of a lock would outlive whoever is killed.
        self._lock = FileLock(workdir / LOCK, fallback_to_soft=False)
        self._host, self._token = socket.gethostname(), uuid.uuid4().hex
        self._ended = threading.Event()
        self.is_lost = False

    def take(self) -> None:
        """Takes ownership of the directory.

        Raises:
            InputError: If another process owns it.
            OSError: If it cannot be written.
        """
        is_locked = self._acquire(0)
        try:
            with self._file_of_ours() as our_file:
                if (owner := self._owner()) is None:
                    rename_new(our_file, self._path)
                elif self._lives(owner, is_locked, our_file):
                    raise self._in_use(owner)
                else:
                    self._take_over(owner, our_file)
        except (FileExistsError, FileNotFoundError):  # another came first
            self._lock.release()
            raise self._in_use(self._owner()) from None
        except BaseException:
            self._lock.release()
            raise
        threading.Thread(target=self._beat, daemon=True).start()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """A context that owns the directory; waits until no other process does.

        Raises:
            OSError: If it cannot be written.
        """
        while True:
            try:
                self.take()
                break
            except InputError:
                time.sleep(ASK_SECONDS)
        try:
            yield
        finally:
            self.release()

    def check(self) -> None:
        """Checks that no other process owns the directory, without taking it.

        Raises:
            InputError: If another one does.
            OSError: If nothing can be written there.
        """
        if (owner := self._owner()) is None:
            return
        # Others that only ask have the lock for a moment, too.
        is_locked = self._acquire(SURE_SECONDS)
        try:
            with self._file_of_ours() as our_file, contextlib.suppress(FileNotFoundError):
                if self._lives(owner, is_locked, our_file):
                    raise self._in_use(owner)
        finally:
            self._lock.release()

    def check_held(self) -> None:
        """Checks that we have it still: whoever was suspended for long may have lost it.

        Raises:
            InputError: If not.
        """
        owner = None
        with contextlib.suppress(OSError):
            owner = self._owner()
            self.is_lost = self.is_lost or self._is_anothers(owner)
        if self.is_lost:
            raise InputError(
                f"--workdir: {self._workdir} was taken over by another run{in_words(owner)}, as "
                "this one seemed dead; accepted: the same command, once that has ended"
            )

    def release(self) -> None:
        """Gives up ownership, if we have it."""
        self._ended.set()
        with contextlib.suppress(OSError):
            if (owner := self._owner()) is not None and owner["token"] == self._token:
                self._path.unlink()
        self._lock.release()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS) and not self.is_lost:
            with contextlib.suppress(OSError):
                # Of one that was silent for too long, as it was suspended, another has taken over.
                self.is_lost = self._is_anothers(self._owner())
                if not self.is_lost:
                    os.utime(self._path)

    def _is_anothers(self, owner: Owner | None) -> bool:
        """Whether another process is the owner, or was since: it then removed the file."""
        return owner is None or (owner != NOBODY and owner["token"] != self._token)

    def _acquire(self, seconds: float) -> bool:
        """Takes the lock; returns False if the disk has no locks, so that only the file counts.

        Raises:
            InputError: If another process holds it for so many seconds.
        """
        try:
            self._lock.acquire(timeout=seconds)
        except Timeout:
            raise self._in_use(self._owner()) from None
        except NotImplementedError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _file_of_ours(self) -> Iterator[Path]:
        """A file that says it is ours, new by the clock of the disk's server."""
        our_file = self._workdir / f"{OWNER}.{self._token}"
        write_json(our_file, Owner(host=self._host, pid=os.getpid(), token=self._token))
        try:
            yield our_file
        finally:
            our_file.unlink(missing_ok=True)

    def _lives(self, owner: Owner, is_locked: bool, our_file: Path) -> bool:
        """Whether an owner is at work, as far as can be told by one that has the lock, if any."""
        # A living owner on this machine would hold the lock.
        if owner == NOBODY or (is_locked and owner["host"] == self._host):
            return False
        return not _is_silent(self._path, our_file)

    def _owner(self) -> Owner | None:
        """The owner that the file names; None if there is no file."""
        try:
            content = read_form(self._path, Owner)
        except Damaged:
            return NOBODY
        if content is None:
            return None
        return Owner(host=content["host"], pid=content["pid"], token=content["token"])

    def _take_over(self, dead: Owner, our_file: Path) -> None:
        """Replaces a dead owner's file by ours; of several processes that try, one succeeds.

        Raises:
            FileExistsError: If another one does.
        """
        heir = self._workdir / f"{OWNER}.after-{fingerprint(dead['token'])}"
        try:
            heir.touch(exist_ok=False)
        except FileExistsError:
            if _is_silent(heir, our_file):
                heir.unlink()  # it died, too: the next one may
            raise
        try:
            if self._owner() != dead:
                raise FileExistsError
            os.replace(our_file, self._path)
        except BaseException:
            heir.unlink(missing_ok=True)
            raise
        for path in self._workdir.glob(f"{OWNER}.after-*"):
            path.unlink(missing_ok=True)

    def _in_use(self, owner: Owner | None) -> InputError:
        who = in_words(owner)
        if who and owner is not None and owner["host"] != self._host:
            who += f"; if that was killed, wait {SILENCE_SECONDS:.0f} seconds"
        return InputError(f"--workdir: {self._workdir} is in use by another run{who}")


def in_words(owner: Owner | None) -> str:
    """Who an owner is, for a message; "" where that is not known."""
    if owner is None or owner == NOBODY:
        return ""
    return f" (process {owner['pid']} on {owner['host']})"


def _is_silent(path: Path, probe: Path) -> bool:
    """Whether `path` was not touched lately, by the disk server's clock; `probe` has just been.

    A time in the future has not been set by a command at work, but by a clock that was wrong.
    """
    return abs(probe.stat().st_mtime - path.stat().st_mtime) > SILENCE_SECONDS
