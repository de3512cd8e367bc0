"""Where a run is stored: in a directory, or at a remote address that a directory mirrors.

What remote stores need is imported for an address only.
"""

import contextlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gan_mnist.errors import InputError
from gan_mnist.files import (
    CACHE_VARIABLE,
    MIRRORS,
    absolute,
    as_json,
    cache_directory,
    fingerprint,
)
from gan_mnist.files.names import STUDY
from gan_mnist.study.seen import write_fetched
from gan_mnist.study.trial import Plan, Trial

if TYPE_CHECKING:
    from gan_mnist.files.remote import Remote

# Tells a run from an earlier one at the same address.
RUN = ".run.json"


def resolve_workdir(workdir: str | Path) -> tuple[Path, str]:
    """The directory that a run works in, and the address that it mirrors, or "".

    Raises:
        InputError: If an address is malformed, or its store is missing or refuses access.
    """
    address = str(workdir)
    if "://" not in address:
        if re.match("[a-z][a-z0-9+]+:/", address):
            raise InputError(f"--workdir: {address!r} is not accepted; accepted: NAME:// as text")
        return absolute(workdir), ""
    from gan_mnist.files.claim import OWNER

    with _store_at(address) as remote:
        contents = remote.read([RUN, STUDY])
        if STUDY in contents:
            contents[RUN] = _run_of(remote)
        directory = _directory(remote, contents.get(RUN, b""))
        # It says how the run was begun, which a plan must know.
        if STUDY in contents and not (directory / OWNER).exists():
            write_fetched(directory, contents[STUDY])
    return directory, remote.address


def check_output_paths(
    workdir: Path,
    remote: str,
    settings: Mapping[str, Any],
    image_folders: Mapping[str, Mapping[str, Any]],
) -> None:
    """Refuses to write into a folder of input images: outputs might be read as images.

    Args:
        workdir: The run's directory.
        remote: The address that `workdir` mirrors, or "".
        settings: `dataset`, `data_dir` and `export_dir`, and perhaps `labels`: a table that says
            which images count.
        image_folders: Further folders of images, by flag and name.

    Raises:
        InputError: If an output directory is, or lies in, one of the folders.
    """
    input_folders = {
        f"--{flag}={name}": absolute(folder)
        for flag, folders in image_folders.items()
        for name, folder in folders.items()
    }
    if settings["dataset"] == "folder" and settings["data_dir"] and not settings.get("labels"):
        input_folders = {"--data_dir": absolute(settings["data_dir"]), **input_folders}
    outputs = [("--workdir", workdir), ("--export_dir", settings["export_dir"])]
    if match := re.match("(?:file|local)://(.+)", remote):
        outputs.append(("--workdir", match[1]))
    for flag, output in outputs:
        for label, input_folder in input_folders.items():
            real_input = os.path.realpath(input_folder)
            is_inside = Path(os.path.realpath(output)).is_relative_to(real_input)
            if output and is_inside and input_folder.is_dir():
                raise InputError(
                    f"{flag}: {str(output)!r} lies in the folder of {label}, where what is written "
                    "might be taken for images; accepted: a directory elsewhere"
                )


def with_local_workdir(plan: Plan) -> Plan:
    """The plan with the directory that it works in: the local mirror if the run is remote.

    Raises:
        InputError: If the store refuses access.
    """
    if not plan.remote:
        return plan
    with _store_at(plan.remote) as remote:
        return replace(plan, workdir=_directory(remote, _run_of(remote)))


class RunStore(Protocol):
    """Copies what a run leaves in its directory to a store."""

    def publish(self) -> bool:
        """Uploads `study.json`; False where a task finds a different one in the store.

        That one is then fetched, and the caller must check that both are of one plan.
        """
        ...

    def keep(self, record: Mapping[str, Any]) -> None:
        """Puts into the store what the trial of a record left, as soon as that is possible."""
        ...

    def keep_summary(self) -> None:
        """Puts records, summary and looks into the store, as soon as that is possible."""
        ...


class NoStore:
    """The keeper of a run whose directory is its only place."""

    def publish(self) -> bool:
        return True

    def keep(self, record: Mapping[str, Any]) -> None:
        pass

    def keep_summary(self) -> None:
        pass


def fetch(plan: Plan) -> None:
    """Fetches what a store has of a run that is kept in one.

    Raises:
        OSError: If the store refuses.
    """
    if plan.remote:
        from gan_mnist.study.mirror import Mirror

        Mirror(plan).fill()


@contextlib.contextmanager
def mirrored(plan: Plan, only: Trial | None = None) -> Iterator[RunStore]:
    """A context that keeps the plan's directory and its remote store, if any, in sync.

    Args:
        plan: What runs.
        only: The one trial that runs here, if others may run elsewhere.

    Raises:
        InputError: If another process holds the run.
        OSError: If the store refuses access.
    """
    if not plan.remote:
        yield NoStore()
        return
    from gan_mnist.study.mirror import Mirror

    mirror = Mirror(plan, only)
    mirror.begin()
    try:
        yield mirror
        mirror.finish()
    finally:
        mirror.close()


@contextlib.contextmanager
def _store_at(address: str) -> Iterator["Remote"]:
    from gan_mnist.files.remote import Remote

    try:
        yield Remote(address)
    except OSError as error:
        raise InputError(f"--workdir: {error.filename}: {error.strerror}") from error


def _run_of(remote: "Remote") -> bytes:
    remote.create(RUN, as_json({"run": uuid.uuid4().hex}))
    return remote.read([RUN])[RUN]


def _directory(remote: "Remote", run: bytes) -> Path:
    name = re.sub(r"[^\w.-]+", "-", remote.address)[-60:]
    try:
        cache = cache_directory()
    except RuntimeError as error:
        raise InputError(f"--workdir: {error}; accepted: {CACHE_VARIABLE}=DIR") from error
    return cache / MIRRORS / f"{name}-{fingerprint(remote.address, run.decode())}"
