"""A directory belongs to one process at a time, on one machine or on several.

So a run's belongs to one command, a trial's to one task of a job array, and a generator's to the
process that trains it, for which others wait.

A lock of the operating system, which a killed command loses at once, keeps other commands of this
machine out. A shared disk may not carry such locks from machine to machine. So a file tells whose
the directory is, and its time of change, which the disk's server sets, that somebody is at work.
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
# How often a command shows that it is at work, and after which silence of one on another machine
# it is held for dead.
BEAT_SECONDS, SILENCE_SECONDS = 20.0, 120.0
# How often one that waits asks again, and how long it is asked whether a lock is held.
ASK_SECONDS, SURE_SECONDS = 0.2, 5.0
# What a disk says that has no such locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Owner(TypedDict):
    """Whose a directory is."""

    host: str
    pid: int
    token: str


# Of a file that tells nothing.
NOBODY = Owner(host="", pid=0, token="nobody")


class Claim:
    """That a directory is ours, from `take` to `release`."""

    def __init__(self, workdir: Path):
        """Of `workdir`, which may not be there yet."""
        self._workdir, self._path = workdir, workdir / OWNER
        # A marker in the place of a lock would outlive whoever is killed.
        self._lock = FileLock(workdir / LOCK, fallback_to_soft=False)
        self._host, self._token = socket.gethostname(), uuid.uuid4().hex
        self._ended = threading.Event()

    def take(self) -> None:
        """Makes the directory ours.

        Raises:
            InputError: If it is another's.
            OSError: If it cannot be written.
        """
        is_locked = self._acquire(0)
        try:
            with self._file_of_ours() as ours:
                if (owner := self._owner()) is None:
                    rename_new(ours, self._path)
                elif self._lives(owner, is_locked, ours):
                    raise self._in_use(owner)
                else:
                    self._take_over(owner, ours)
        except (FileExistsError, FileNotFoundError):  # another came first
            self._lock.release()
            raise self._in_use(self._owner()) from None
        except BaseException:
            self._lock.release()
            raise
        threading.Thread(target=self._beat, daemon=True).start()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """A context in which it is ours, as soon as it is nobody else's.

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
        """Asks whether it is another's, and takes nothing.

        Raises:
            InputError: If it is.
            OSError: If nothing can be written there.
        """
        if (owner := self._owner()) is None:
            return
        # Others that only ask have the lock for a moment, too.
        is_locked = self._acquire(SURE_SECONDS)
        try:
            with self._file_of_ours() as ours, contextlib.suppress(FileNotFoundError):
                if self._lives(owner, is_locked, ours):
                    raise self._in_use(owner)
        finally:
            self._lock.release()

    def release(self) -> None:
        """Makes it nobody's, if it was ours."""
        self._ended.set()
        with contextlib.suppress(OSError):
            if (owner := self._owner()) is not None and owner["token"] == self._token:
                self._path.unlink()
        self._lock.release()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):
                owner = self._owner()
                # Of one that was silent for too long, as it was suspended, another has taken over.
                if owner is not None and owner["token"] != self._token:
                    return
                os.utime(self._path)

    def _acquire(self, seconds: float) -> bool:
        """Takes the lock; whether there are such locks on this disk, or else the file alone tells.

        Raises:
            InputError: If another has it for so many seconds.
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
        ours = self._workdir / f"{OWNER}.{self._token}"
        write_json(ours, Owner(host=self._host, pid=os.getpid(), token=self._token))
        try:
            yield ours
        finally:
            ours.unlink(missing_ok=True)

    def _lives(self, owner: Owner, is_locked: bool, ours: Path) -> bool:
        """Whether an owner is at work, as far as can be told by one that has the lock, if any."""
        # One of this machine that had not died would have the lock.
        if owner == NOBODY or (is_locked and owner["host"] == self._host):
            return False
        return not _is_silent(self._path, ours)

    def _owner(self) -> Owner | None:
        """Whose it is, as told; None where nothing is."""
        try:
            found = read_form(self._path, Owner)
        except Damaged:
            return NOBODY
        if found is None:
            return None
        return Owner(host=found["host"], pid=found["pid"], token=found["token"])

    def _take_over(self, dead: Owner, ours: Path) -> None:
        """Puts our file in the place of a dead owner's; of many that want to, one may.

        Raises:
            FileExistsError: If that is another.
        """
        heir = self._workdir / f"{OWNER}.after-{fingerprint(dead['token'])}"
        try:
            heir.touch(exist_ok=False)
        except FileExistsError:
            if _is_silent(heir, ours):
                heir.unlink()  # it died, too: the next one may
            raise
        try:
            if self._owner() != dead:
                raise FileExistsError
            os.replace(ours, self._path)
        except BaseException:
            heir.unlink(missing_ok=True)
            raise
        for path in self._workdir.glob(f"{OWNER}.after-*"):
            path.unlink(missing_ok=True)

    def _in_use(self, owner: Owner | None) -> InputError:
        who = ""
        if owner is not None and owner != NOBODY:
            who = f" (process {owner['pid']} on {owner['host']})"
            if owner["host"] != self._host:
                who += f"; if that was killed, wait {SILENCE_SECONDS:.0f} seconds"
        return InputError(f"--workdir: {self._workdir} is in use by another run{who}")


def _is_silent(path: Path, new: Path) -> bool:
    """Whether a file was not touched of late, by the clock of the disk's server; `new` was.

    A time to come has not been set by a command that is at work, but by a clock that was wrong.
    """
    return abs(new.stat().st_mtime - path.stat().st_mtime) > SILENCE_SECONDS
