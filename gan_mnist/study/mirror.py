"""Keeps a run in a store such as S3, with a mirror on this machine's disk.

The run works in the mirror as in any directory. It fetches what the store has when it begins, and
uploads each result at once. A *unit* is what one trial leaves, or something that trials share, such
as a generator. Some of its files vouch for it, `record.json` or the JSON beside weights: they are
uploaded last, and a unit without them counts as missing.
"""

import contextlib
import errno
import itertools
import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gan_mnist.files import (
    read_json,
    write_bytes,
    write_new_json,
)
from gan_mnist.files.claim import OWNER
from gan_mnist.files.names import RECORD, RECORDS, STUDY, SUMMARY, TRIALS
from gan_mnist.files.remote import AT_ONCE, Remote, RemoteClaim
from gan_mnist.study import records
from gan_mnist.study.display.printing import say
from gan_mnist.study.scratch_trial import files_in, is_for_seed
from gan_mnist.study.seen import write_fetched
from gan_mnist.study.trial import SEEDS_FOLDER, Plan, Trial

# What tells a mirror from others.
MIRROR = ".mirror.json"
# Folders of folders that are neither a trial's nor shared by trials.
_OTHERS = (SEEDS_FOLDER, "tensorboard", "figures")
# Those of the whole run, whose files each command makes anew.
_RENEWED = ("tensorboard/", "figures/")


class Mirror:
    """Keeps a store and its mirror in sync, from `begin` to `finish` and `close`.

    A `location.RunStore`, which documents the methods that have no docstring here.
    """

    def __init__(self, plan: Plan, only: Trial | None = None):
        """Mirrors a plan or, given `only`, one of its trials while others run elsewhere."""
        self._only, self._root = only, plan.workdir
        self._folder = self._name(only.directory) if only else ""
        self._trials = {(trial.arm, trial.seed): trial for trial in plan.trials()}
        self._remote = Remote(plan.remote)
        # Names in the store; and for each unit that is in sync, the files that vouch for it.
        self._stored_names: set[str] = set()
        self._synced: dict[str, dict[str, bytes]] = {}
        self._pending: dict[tuple[str, int], Trial] = {}
        self._is_told = False

    def begin(self) -> None:
        """Claims the run, or the one trial, and fetches what the store has.

        Raises:
            InputError: If it is another's.
            OSError: If the store refuses.
        """
        with contextlib.suppress(FileExistsError):
            write_new_json(self._root / MIRROR, {"token": uuid.uuid4().hex})
        token = (read_json(self._root / MIRROR, "token") or {"token": ""})["token"]
        self._claim = RemoteClaim(self._remote, self._folder, token)
        self._claim.take()
        try:
            # Who comes claims first and looks then, as on a disk.
            folders = [""] if self._only else self._claimed_trials()
            for folder in folders:
                RemoteClaim(self._remote, folder, token).check()
            self.fill()
        except BaseException:
            self._claim.release()
            raise

    def fill(self) -> None:
        """Fetches what the store has: all, or what the one trial needs.

        Raises:
            OSError: If the store refuses, or the disk.
        """
        self._stored_names = {name for name in self._remote.names() if not _is_hidden(name)}
        units: dict[str, set[str]] = defaultdict(set)
        for name in self._stored_names:
            if (unit := _unit_of(name)) and self._may_want(unit):
                units[unit].add(name)
        contents = self._remote.read(filter(_vouches, itertools.chain(*units.values())))

        def fetch(unit: str) -> None:
            vouchers = {name: contents[name] for name in units[unit] if name in contents}
            if vouchers and (unit.startswith(TRIALS) or self._serves(vouchers)):
                self._fetch(unit, units[unit], vouchers)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(fetch, units))
        if self._only is None:
            for content in self._remote.read([STUDY]).values():
                write_fetched(self._root, content)

    def publish(self) -> bool:
        content = (self._root / STUDY).read_bytes()
        if self._only is not None:
            if self._remote.create(STUDY, content):
                return True
            stored = self._remote.read([STUDY])[STUDY]
            write_fetched(self._root, stored)
            return stored == content
        self._upload({STUDY: content})
        # Earlier results that could not be uploaded.
        self._pending |= {
            key: trial for key, trial in self._trials.items() if trial.record_path.is_file()
        }
        self._upload_if_possible()
        return True

    def keep(self, record: Mapping[str, Any]) -> None:
        key = record["arm"], record["seed"]
        self._pending[key] = self._trials[key]
        self._upload_if_possible()

    def keep_summary(self) -> None:
        self._upload_if_possible(STUDY, RECORDS, SUMMARY)

    def finish(self) -> None:
        """Puts into the store what is not there yet.

        Raises:
            OSError: If the store refuses.
        """
        self._upload_pending()
        names = {self._name(path) for path in files_in(self._root)}
        logs = f"{SEEDS_FOLDER}/generators/"
        self._upload(
            self._contents(
                name
                for name in names
                if (name.startswith(logs) if self._only else self._is_of_no_unit(name))
            )
        )
        if not self._only:
            # Files that are made anew under other names, in folders that are here, too.
            renewed = {name.rpartition("/")[0] for name in names if name.startswith(_RENEWED)}
            stored = {name for name in self._stored_names if name.rpartition("/")[0] in renewed}
            self._remove(stored - names)

    def close(self) -> None:
        """Ends it, also where something went wrong."""
        with contextlib.suppress(OSError):
            self._upload_pending()
        self._claim.release()

    def _claimed_trials(self) -> list[str]:
        pattern = re.compile(rf"({TRIALS}/[^/]+/[^/]+)/{re.escape(OWNER)}")
        return [match[1] for name in self._remote.names() if (match := pattern.fullmatch(name))]

    def _may_want(self, unit: str) -> bool:
        is_all = self._only is None or not unit.startswith(TRIALS)
        return is_all or unit == self._folder

    def _serves(self, vouchers: Mapping[str, bytes]) -> bool:
        objects = [_object(content) for content in vouchers.values()]
        return self._only is None or is_for_seed(objects, self._only.seed)

    def _fetch(self, unit: str, names: set[str], vouchers: dict[str, bytes]) -> None:
        local = self._contents(name for name in vouchers if (self._root / name).is_file())
        self._synced[unit] = vouchers
        if local == vouchers:
            # What tidies a cache removes old files, whatever they belong to.
            if unit.startswith(TRIALS) or not (self._root / unit / OWNER).exists():
                lost = (name for name in names if not (self._root / name).is_file())
                self._save_locally(self._remote.read(lost))
            return
        if unit.startswith(TRIALS):
            # A trial that ended well here, but could not be uploaded, beats a failed one in the
            # store.
            if any(map(_is_done, local.values())) and not _is_done(*vouchers.values()):
                return
            for path in list(files_in(self._root / unit)):
                path.unlink()
        elif local or (self._root / unit / OWNER).exists():
            self._synced[unit] = local
            return
        self._save_locally(self._remote.read(names - vouchers.keys()))
        self._save_locally(vouchers)

    def _save_locally(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            write_bytes(self._root / name, content)

    def _upload_if_possible(self, *names: str) -> None:
        try:
            self._upload_pending()
            self._upload(self._contents(names))
        except OSError as error:
            if self._claim.is_lost:
                raise
            if not self._is_told:
                note = f"what ends meanwhile is kept in {self._root}"
                say(f"cannot write {error.filename}: {error.strerror}; {note}")
            self._is_told = True

    def _upload_pending(self) -> None:
        """Uploads what trials left that are not in the store yet, after what they share."""
        if self._pending:
            self._upload_shared_units()
        for key, trial in list(self._pending.items()):
            self._upload_unit(trial.directory, trial.log_directory)
            del self._pending[key]

    def _upload_shared_units(self) -> None:
        """Uploads what trials share, such as generators, unless it is being made."""
        for folder in self._root.glob("*/*"):
            kind = folder.parent.name
            if kind not in (TRIALS, *_OTHERS) and not (folder / OWNER).exists():
                self._upload_unit(folder)

    def _upload_unit(self, folder: Path, *logs: Path) -> None:
        """Uploads a unit that is not in sync, the files that vouch for it last."""
        unit, names = self._name(folder), {self._name(path) for path in files_in(folder)}
        vouchers = self._contents(filter(_vouches, names))
        synced = self._synced.get(unit, {})
        if vouchers == synced and (not vouchers or names <= self._stored_names):
            return
        # Of two that trained a generator at once the first one's stays: its files belong together.
        if unit.startswith(TRIALS) or self._remote.read(vouchers) in ({}, synced):
            log_names = {self._name(path) for log_folder in logs for path in files_in(log_folder)}
            self._upload(self._contents((names | log_names) - vouchers.keys()))
            self._remove({name for name in self._stored_names if _unit_of(name) == unit} - names)
            self._upload(vouchers)
        self._synced[unit] = vouchers

    def _upload(self, files: Mapping[str, bytes]) -> None:
        if self._claim.is_lost:
            raise OSError(errno.EBUSY, "another run has taken it over", self._remote.address)
        self._remote.write(files)
        self._stored_names |= files.keys()

    def _remove(self, names: set[str]) -> None:
        self._remote.remove(names)
        self._stored_names -= names

    def _is_of_no_unit(self, name: str) -> bool:
        unit = _unit_of(name)
        return unit not in self._synced and not unit.startswith(TRIALS)

    def _contents(self, names: Iterable[str]) -> dict[str, bytes]:
        return {name: (self._root / name).read_bytes() for name in names}

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _unit_of(name: str) -> str:
    """The folder of the unit that a file belongs to, or ""."""
    parts = name.split("/")
    depth = 3 if parts[0] == TRIALS else 2
    return "/".join(parts[:depth]) if len(parts) > depth and parts[0] not in _OTHERS else ""


def _vouches(name: str) -> bool:
    unit, _, file = name.rpartition("/")
    if not unit or unit != _unit_of(name):
        return False
    return file == RECORD if unit.startswith(TRIALS) else file.endswith(".json")


def _is_hidden(name: str) -> bool:
    """Whether it is none of a run's files: a claim, or one that would lie elsewhere (..)."""
    return any(part.startswith(".") for part in name.split("/"))


def _object(content: bytes) -> dict[str, Any]:
    """The object that is JSON, or {} where it is damaged."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(content)
        return value if isinstance(value, dict) else {}
    return {}


def _is_done(record: bytes) -> bool:
    return _object(record).get("status") in (records.DONE, records.NOT_APPLICABLE)
