"""Runs a trial on a machine that does not share this one's disk.

Its inputs are sent as bytes, and its outputs come back as bytes; in between it has a temporary
directory on that machine.
"""

import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_mnist.files import read_json, write_bytes
from gan_mnist.study.trial import Trial

# The roots of paths that travel.
RUN, EXPORTS = "run", "exports"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class TrialOutput:
    """What a trial left on its machine.

    Attributes:
        record: Its record.
        written: Files that are new, or not as they were sent, by path from `RUN` or `EXPORTS`.
        removed: Paths of files that were sent, and that it removed.
    """

    record: Mapping[str, Any]
    written: Files
    removed: tuple[str, ...]


def files_to_send(trial: Trial) -> Files:
    """The files to send: what the trial left when it was stopped, and what is kept for its seed.

    Raises:
        OSError: If a file cannot be read.
    """
    shared_folders = (
        folder
        for folder in trial.workdir.glob("*/*")
        if folder.is_dir()
        and is_for_seed(_json_contents(folder, folder.stat().st_mtime_ns), trial.seed)
    )
    return {
        f"{RUN}/{path.relative_to(trial.workdir).as_posix()}": path.read_bytes()
        for folder in (trial.directory, *shared_folders)
        for path in files_in(folder)
    }


@functools.lru_cache(maxsize=10_000)
def _json_contents(folder: Path, mtime_ns: int) -> Sequence[Mapping[str, Any]]:
    """What the JSON files in a folder hold, {} of a damaged one.

    Read once: every trial asks for all folders.

    Args:
        folder: Where something may be kept.
        mtime_ns: Its modification time in ns, which every file that is written there renews.

    Raises:
        OSError: If a file cannot be read.
    """
    return [read_json(path) or {} for path in folder.glob("*.json")]


def run_in_scratch(
    complete: Callable[[Trial], Mapping[str, Any]], trial: Trial, dataset: Any, sent: Files
) -> TrialOutput:
    """Runs a trial on this machine, in a directory of its own.

    Args:
        complete: Function that runs a trial and writes its record.
        trial: As planned on the other machine.
        dataset: What its settings' `load` returned there, already checked.
        sent: Files as by `files_to_send`.
    """
    with tempfile.TemporaryDirectory(prefix="gan_mnist-", ignore_cleanup_errors=True) as scratch:
        base = Path(scratch)
        export_dir = trial.settings.export_dir and str(base / EXPORTS)
        settings = replace(trial.settings, export_dir=export_dir)
        local_trial = replace(trial, workdir=base / RUN, settings=settings)
        vars(local_trial)["dataset"] = dataset.of_seed(trial.seed)
        for name, content in sent.items():
            write_bytes(base / name, content)
        record = complete(local_trial)
        contents = {
            path.relative_to(base).as_posix(): path.read_bytes()
            for root in (RUN, EXPORTS)
            for path in files_in(base / root)
        }
    written = {name: content for name, content in contents.items() if sent.get(name) != content}
    return TrialOutput(record, written, tuple(sent.keys() - contents.keys()))


def write_output(trial: Trial, sent: Files, output: TrialOutput) -> Mapping[str, Any]:
    """Writes the output of a trial to its places, its record last; returns the record.

    Args:
        trial: As planned on this machine.
        sent: The files that were sent.
        output: The output that came back.

    Raises:
        OSError: If a file cannot be written.
    """
    roots = {RUN: trial.workdir, EXPORTS: Path(trial.settings.export_dir)}
    paths = {name: _place(roots, name) for name in (*output.written, *output.removed)}
    record_path = trial.record_path
    # What describes files goes after them: it is what vouches for them.
    for name in sorted(
        output.written, key=lambda name: (paths[name] == record_path, ".json" in name)
    ):
        path = paths[name]
        is_own = name.startswith(EXPORTS) or trial.directory in path.parents
        # Two trials that began at once may both have trained a generator. The first one's stays:
        # of each the files and their checksum belong together.
        if is_own or not path.is_file() or path.read_bytes() == sent.get(name):
            write_bytes(path, output.written[name])
    for name in output.removed:
        paths[name].unlink(missing_ok=True)
    return output.record


def _place(roots: Mapping[str, Path], name: str) -> Path:
    root, _, relative_path = name.partition("/")
    return roots[root] / relative_path


def files_in(folder: Path) -> Iterator[Path]:
    """All files in a folder but hidden ones, which are locks, or not whole yet.

    Unlike `Path.rglob`, what it walks with passes by folders that vanish meanwhile.
    """
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and os.path.isfile(path := os.path.join(directory, name)):
                yield Path(path)


def is_for_seed(contents: Sequence[Mapping[str, Any]], seed: int) -> bool:
    """Whether trials of a seed may use a folder that `train_or_load_weights` wrote.

    What names no seed, or is damaged, goes to all: a trial checks it.

    Args:
        contents: Contents of the folder's JSON files; {} for a damaged one.
        seed: The seed of the trials.
    """
    candidates = [content.get("seed") for content in contents]
    for content in contents:
        stream = content.get("stream")
        candidates += stream if isinstance(stream, list) else []
    seeds = [value for value in candidates if isinstance(value, int)]
    return bool(contents) and (not seeds or seed in seeds)
