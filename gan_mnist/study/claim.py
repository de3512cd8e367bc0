"""A run's directory belongs to one command at a time, on one machine or on several.

A lock of the operating system, which a killed command loses at once, keeps other commands of this
machine out. A shared disk may not carry such locks from machine to machine. So a file tells whose
the directory is, and its time of change, which the disk's server sets, that somebody is at work.
"""

import contextlib
import os
import socket
import threading
import uuid
from pathlib import Path
from typing import TypedDict

from filelock import FileLock, Timeout

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, fingerprint, read_form, write_json

LOCK, OWNER = ".lock", ".running"
# How often a command shows that it is at work, and after which silence of one on another machine
# it is held for dead.
BEAT_SECONDS, SILENCE_SECONDS = 20.0, 120.0


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
        self._lock = FileLock(workdir / LOCK)
        self._host, self._token = socket.gethostname(), uuid.uuid4().hex
        self._ended = threading.Event()

    def take(self) -> None:
        """Makes the directory ours.

        Raises:
            InputError: If it is another command's.
            OSError: If it cannot be written.
        """
        is_locked = True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise self._in_use(self._owner()) from None
        except NotImplementedError:  # no such locks on this disk: the file alone tells
            is_locked = False
        owner = self._owner()
        ours = self._workdir / f"{OWNER}.{self._token}"
        write_json(ours, Owner(host=self._host, pid=os.getpid(), token=self._token))
        try:
            if owner is None:
                _put(ours, self._path)
            else:
                # One of this machine that had not died would have the lock.
                dead = owner == NOBODY or (is_locked and owner["host"] == self._host)
                if not dead and ours.stat().st_mtime - self._beaten() < SILENCE_SECONDS:
                    raise self._in_use(owner)
                self._take_over(owner, ours)
        except (FileExistsError, FileNotFoundError):  # another came first
            raise self._in_use(self._owner()) from None
        finally:
            ours.unlink(missing_ok=True)
        threading.Thread(target=self._beat, daemon=True).start()

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
                os.utime(self._path)

    def _owner(self) -> Owner | None:
        """Whose it is, as told; None where nothing is."""
        try:
            found = read_form(self._path, Owner)
        except Damaged:
            return NOBODY
        if found is None:
            return None
        return Owner(host=found["host"], pid=found["pid"], token=found["token"])

    def _beaten(self) -> float:
        """When the owner was last at work, by the clock of the disk's server."""
        return self._path.stat().st_mtime

    def _take_over(self, dead: Owner, ours: Path) -> None:
        """Puts our file in the place of a dead owner's; of many that want to, one may.

        Raises:
            FileExistsError: If that is another.
        """
        heir = self._workdir / f"{OWNER}.after-{fingerprint(dead['token'])}"
        try:
            heir.touch(exist_ok=False)
        except FileExistsError:
            if ours.stat().st_mtime - heir.stat().st_mtime > SILENCE_SECONDS:
                heir.unlink()  # it died, too: the next one may
            raise
        if self._owner() != dead:
            heir.unlink()
            raise FileExistsError
        os.replace(ours, self._path)
        for path in self._workdir.glob(f"{OWNER}.after-*"):
            path.unlink(missing_ok=True)

    def _in_use(self, owner: Owner | None) -> InputError:
        who = ""
        if owner is not None and owner != NOBODY:
            who = f" (process {owner['pid']} on {owner['host']})"
            if owner["host"] != self._host:
                who += f"; if that was killed, wait {SILENCE_SECONDS:.0f} seconds"
        return InputError(f"--workdir: {self._workdir} is in use by another run{who}")


def _put(source: Path, target: Path) -> None:
    """Gives a whole file another name, under which there is none: of two, one succeeds.

    Raises:
        FileExistsError: If there is one.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links, which is no shared one
        os.replace(source, target)
