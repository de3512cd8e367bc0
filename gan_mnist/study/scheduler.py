"""Runs the trials of a plan: in parallel, resumable, and past any that fails."""

import contextlib
import math
import os
import shutil
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from pathlib import Path
from typing import Any

from gan_mnist.errors import (
    FULL_ERRNOS,
    STORAGE_ERRNOS,
    InputError,
    NotApplicable,
    StorageError,
    path_of_error,
)
from gan_mnist.files import Damaged, read_form, write_json, write_text
from gan_mnist.study import records
from gan_mnist.study.description import versions
from gan_mnist.study.forms import Begun
from gan_mnist.study.trial import Outcome, Trial, check_finite
from gan_mnist.study.workers import ENGINES, Worker, deferred_interrupt, peak_memory_mib

Task = Sequence[Trial]
TRACEBACK = "traceback.txt"
# Tells which settings the files in a trial's directory are of.
BEGUN = "begun.json"
NOTHING = Outcome({})


def run_trials(
    trials: Iterable[Trial],
    jobs: int,
    engine: str,
    log: Path,
    on_record: Callable[[Mapping[str, Any]], None],
    on_start: Callable[[Trial, int], None] = lambda trial, process: None,
    on_wait: Callable[[], None] = lambda: None,
) -> None:
    """Runs what is not finished; returns when every trial has a record.

    Args:
        trials: Seed by seed, the order in which seeds are begun.
        jobs: How many run at a time.
        engine: A key of `ENGINES`.
        log: File that receives what workers print on stderr.
        on_record: Called in this process with every new record.
        on_start: Called with every trial that begins, and a number of the process that runs it.
        on_wait: Called about once a second.

    Raises:
        StorageError: When a record could not be written.
    """
    # loky says so when it replaces a worker that has grown, between two trials; nothing is lost.
    warnings.filterwarnings("ignore", "A worker was restarted", UserWarning)
    missing = [trial for trial in trials if records.finished_record_of(trial) is None]
    pending = tasks_of(missing)
    workers = [ENGINES[engine](log) for _ in range(min(jobs, len(missing)))]
    idle = list(workers)
    work_by_worker: dict[Worker, set[str]] = defaultdict(set)
    running: dict[Future, tuple[Worker, Task]] = {}
    last_wait = -math.inf

    def start(worker: Worker, task: Task) -> None:
        try:
            future = worker.submit(complete, task[0])
        except BrokenProcessPool:  # it was killed while it had nothing to do
            worker = renewed(worker)
            future = worker.submit(complete, task[0])
        work_by_worker[worker].add(task[0].work)
        on_start(task[0], id(worker))
        running[future] = worker, task

    def renewed(worker: Worker) -> Worker:
        worker.stop()
        workers.remove(worker)
        workers.append(ENGINES[engine](log))
        return workers[-1]

    try:
        while pending or running:
            while idle and (pending or _divide(running, pending)):
                worker = idle.pop()
                start(worker, next_task(pending, work_by_worker[worker]))
            if time.monotonic() >= last_wait + 1.0:
                on_wait()
                last_wait = time.monotonic()
            # A time limit lets Python see a signal while it waits.
            finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                worker, task = running.pop(future)
                try:
                    record = future.result()
                except StorageError as error:
                    # Ray wraps an error of a task in one that is of its class too.
                    raise getattr(error, "cause", error) from error
                except Exception as error:
                    record = _died(task[0], error)
                    worker = renewed(worker)
                on_record(record)
                if len(task) > 1:
                    start(worker, task[1:])
                else:
                    idle.append(worker)
    finally:
        with deferred_interrupt():
            for worker in workers:
                worker.stop()


def tasks_of(trials: Iterable[Trial]) -> list[Task]:
    """Trials that share work, such as a generator, follow each other in one process.

    Only at the end of a run, when other processes have nothing to do, are they divided.
    """
    tasks: dict[Any, list[Trial]] = {}
    for trial in trials:
        tasks.setdefault((trial.seed, trial.work), []).append(trial)
    # Within a seed the long tasks come first, which keeps all workers busy to the end.
    tasks_by_seed = groupby(tasks.values(), key=lambda task: task[0].seed)
    return [task for _, group in tasks_by_seed for task in sorted(group, key=len, reverse=True)]


def next_task(pending: list[Task], done_work: Container[str]) -> Task:
    """Pops a task of the first seed, preferably one whose work is among `done_work`.

    What a process built and traced for that work, with another seed, is used again.
    """
    seed = pending[0][0].seed
    positions = (
        position
        for position, (trial, *_) in enumerate(pending)
        if trial.seed == seed and trial.work in done_work
    )
    return pending.pop(next(positions, 0))


def _divide(running: dict[Future, tuple[Worker, Task]], pending: list[Task]) -> bool:
    """Moves half of what the longest task has yet to begin to `pending`, if it is worth it.

    A single trial is not: another process would have to load and trace what this one has at hand.
    """
    longest = max(running, key=lambda future: len(running[future][1]), default=None)
    if longest is None or len(running[longest][1]) < 3:
        return False
    worker, task = running[longest]
    num_kept = 1 + len(task) // 2
    running[longest] = worker, task[:num_kept]
    pending.append(task[num_kept:])
    return True


def complete(trial: Trial) -> Mapping[str, Any]:
    """Runs one trial and writes its record: the unit that every engine, or a job array, calls.

    Idempotent: a finished trial is only read. Whatever goes wrong inside the trial becomes a
    record that says so.

    Raises:
        StorageError: When the record cannot be written.
    """
    if (finished := records.finished_record_of(trial)) is not None:
        return finished
    try:
        records.set_damaged_aside(trial)
        _begin(trial)
        outcome = _experiment(trial).run_trial(trial)
        check_finite(outcome.metrics)
        record = _record(trial, records.DONE, None, outcome)
        try:
            records.check_record(record, trial.study)
        except Damaged as reason:  # the next command would set such a record aside
            raise ValueError(str(reason)) from None
    except NotApplicable as reason:
        record = _record(trial, records.NOT_APPLICABLE, str(reason))
    except InputError as error:
        record = _record(trial, records.FAILED, str(error))
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and _is_storage(error, trial):
            raise StorageError.of(error, trial.directory) from error
        # TensorFlow's errors have no errno, but contain its text.
        if messages := [
            message for message in map(os.strerror, FULL_ERRNOS) if message in str(error)
        ]:
            raise StorageError(
                f"cannot write to {trial.directory}, or where models go: {messages[0]}"
            ) from error
        with contextlib.suppress(OSError):  # the record, which says the error too, will tell
            write_text(trial.directory / TRACEBACK, traceback.format_exc())
        record = _record(trial, records.FAILED, f"{type(error).__name__}: {error}".split("\n")[0])
    # Of the process, which may have run other trials before.
    return _write(trial, record | {"memory_mib": int(peak_memory_mib())})


def _begin(trial: Trial) -> None:
    """Makes the trial's directory; one that was begun with other settings is emptied first.

    A checkpoint does not tell what it is of. Records stay, as do hidden files: who runs the trial.
    """
    path = trial.directory / BEGUN
    trial.directory.mkdir(parents=True, exist_ok=True)
    try:
        # Without this file an earlier version began it, which refused other settings, too.
        begun = read_form(path, Begun)
        is_foreign = begun is not None and bool(records.mismatch(begun, trial))
    except Damaged:
        is_foreign = True
    if is_foreign:
        kept_prefixes = (".", BEGUN, trial.record_path.name)
        for leftover in trial.directory.iterdir():
            if not leftover.name.startswith(kept_prefixes):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    # Of an earlier failure; whatever befalls the trial now, it is not why.
    (trial.directory / TRACEBACK).unlink(missing_ok=True)
    # Last, so that what is emptied by half is emptied again.
    write_json(path, {"fingerprint": trial.fingerprint, "settings": trial.settings.identity()})


def _is_storage(error: OSError, trial: Trial) -> bool:
    """Whether the error stops a run from storing results; any other is its trial's failure."""
    if error.errno in FULL_ERRNOS:
        return True
    if error.errno not in STORAGE_ERRNOS:
        return False
    path = Path(path_of_error(error) or trial.directory)
    roots = trial.workdir, Path(trial.settings.export_dir or trial.workdir)
    return any(path.absolute().is_relative_to(root.absolute()) for root in roots)


def _experiment(trial: Trial) -> Any:
    """The module with the experiment's `run_trial`; see `gan_mnist.study.trial`."""
    module = trial.study.part("trial")
    if not hasattr(module, "run_trial"):
        raise InputError(f"experiment {trial.experiment}: no trial.py with run_trial(trial)")
    return module


def _record(
    trial: Trial, status: str, error: str | None, outcome: Outcome = NOTHING
) -> dict[str, Any]:
    record = {
        "experiment": trial.experiment,
        "arm": trial.arm,
        "seed": trial.seed,
        "status": status,
        "error": error,
        "metrics": dict(outcome.metrics),
        "settings": trial.settings.identity(),
        "dataset": dict(trial.provenance),
        "fingerprint": trial.fingerprint,
        "seconds": {"generator": 0.0, "training": 0.0, "evaluation": 0.0} | dict(outcome.seconds),
        "updates": outcome.updates,
        "versions": versions(),
        "device": outcome.device,
        "generators": list(outcome.generators),
    }
    if outcome.correct is not None:
        record["correct"] = dict(outcome.correct)
    if outcome.correct_further:
        record["correct_further"] = {
            name: dict(correct) for name, correct in outcome.correct_further.items()
        }
    return record


def _died(trial: Trial, error: Exception) -> Mapping[str, Any]:
    """The record of a trial whose process died: its own if it had ended by then, or a new one."""
    if (finished := records.finished_record_of(trial)) is not None:
        return finished
    was_killed = isinstance(error, BrokenProcessPool) or "Crashed" in type(error).__name__
    reason = "the worker process was killed" if was_killed else f"{type(error).__name__}: {error}"
    return _write(trial, _record(trial, records.FAILED, reason.split("\n", maxsplit=1)[0]))


def _write(trial: Trial, record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        write_json(trial.record_path, record)
    except OSError as error:
        raise StorageError.of(error, trial.directory) from error
    return record
