"""Takes a plan from an empty, or half finished, directory to its summary."""

import contextlib
import dataclasses
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError, StorageError
from gan_mnist.files import check_writable, write_json, write_text
from gan_mnist.files.claim import OWNER, Claim
from gan_mnist.study import begun, records, runner
from gan_mnist.study.display.live import StudyProgress
from gan_mnist.study.display.progress import describe, say
from gan_mnist.study.spec import Arm
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted
from gan_mnist.study.workers import import_whole

WORKERS_LOG = "workers.log"
KEPT = "what is finished is kept, and the same command goes on"

OnRecord = Callable[[Mapping[str, Any]], None]


def run_study(
    plan: Plan,
    jobs: int,
    engine: str,
    command_line: str,
    write_report: Callable[[Path], None] = lambda workdir: None,
    about: str | None = None,
    on_record: OnRecord = lambda record: None,
) -> Mapping[str, Any]:
    """Runs the trials that are missing, then writes `records.jsonl` and `summary.json`.

    Args:
        plan: What to run, and where.
        jobs: Trials at a time.
        engine: A key of `workers.ENGINES`.
        command_line: How it was asked for, for `study.json`.
        write_report: Called with the directory once the summary is there, while it is still ours.
        about: The plan in words; as `describe` tells it if None.
        on_record: Called with every new record.

    Returns:
        The summary.

    Raises:
        InputError: When the directory cannot be used: not writable, full, taken by another run, or
            holding results of other settings.
    """
    with _ours(plan, command_line) as begun_plan:
        say(describe(begun_plan) if about is None else about)
        told = _run_until_decided(begun_plan, jobs, engine, on_record)
        write_report(plan.workdir)
        return told


def summarise_study(
    plan: Plan, command_line: str, write_report: Callable[[Path], None] = lambda workdir: None
) -> Mapping[str, Any]:
    """Writes what `run_study` writes at its end, of the trials that are finished, and runs none.

    Args:
        plan: As for `run_study`.
        command_line: As for `run_study`.
        write_report: As for `run_study`.

    Returns:
        The summary.

    Raises:
        InputError: When no trial is finished, and as `run_study`.
    """
    if not any(map(records.finished, records.records_of(plan))):
        raise InputError(
            f"--workdir: {plan.workdir} has no finished trial of this plan; accepted: the "
            "directory that trials ran in, with the same flags"
        )
    with _ours(plan, command_line) as begun_plan:
        told = _summarize(begun_plan)
        write_report(plan.workdir)
        return told


def run_one(plan: Plan, index: int, command_line: str) -> Mapping[str, Any]:
    """Runs one trial of a plan, while others of it may run elsewhere: a task of a job array.

    Args:
        plan: What the trial is of.
        index: Its place in `plan.trials()`.
        command_line: As for `run_study`; the first trial writes `study.json`.

    Returns:
        Its record.

    Raises:
        InputError: When there is no such trial, it is run by somebody else, or the directory
            cannot be used.
    """
    trials = plan.trials()
    if index >= len(trials):
        raise InputError(
            f"--index: {index} is beyond the plan; accepted: 0 to {len(trials) - 1}, for "
            f"{counted(len(plan.arms), 'arm')} x {counted(len(plan.seeds), 'seed')}"
        )
    if plan.update_seconds and begun.description_in(plan.workdir) is None:
        raise InputError(
            "--precision: auto is decided once, by who begins a run, and tasks of an array begin "
            f"together; accepted: {plan.settings.precision}, which is faster here"
        )
    trial = trials[index]
    with told_in_a_line(plan.workdir):
        _check_writable(plan)
        told = [records.join_workdir(plan, trial, _description(plan, command_line))]
        trial.directory.mkdir(parents=True, exist_ok=True)
        claim = Claim(trial.directory)
        claim.take()
        try:
            # Whoever comes claims first and looks then: of a command for all and one for a trial
            # at least one sees the other.
            Claim(plan.workdir).check()
            told.append(records.set_damaged_aside(trial))
            for line in filter(None, told):
                say(line)
            log = _log_of(plan)
            runner.run_trials([trial], 1, "local", log, lambda record: None)
            record = records.record_of(trial)
        finally:
            claim.release()
    assert record is not None
    return record


@contextlib.contextmanager
def told_in_a_line(workdir: Path) -> Iterator[None]:
    """What cannot be written becomes an `InputError`."""
    try:
        yield
    except StorageError as error:
        raise InputError(f"--workdir: {error}; {KEPT}") from error
    except BrokenPipeError:  # nobody reads stderr any more
        raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"--workdir: cannot write {error.filename or workdir}: {reason}; {KEPT}"
        ) from error


@contextlib.contextmanager
def _ours(plan: Plan, command_line: str) -> Iterator[Plan]:
    """The plan as it is gone on with, once it is sure that its results can be kept, as it is ours.

    Raises:
        InputError: When its directory cannot be used.
    """
    claim = Claim(plan.workdir)
    with told_in_a_line(plan.workdir):
        try:
            _check_writable(plan)
            plan.workdir.mkdir(parents=True, exist_ok=True)
            claim.take()
            for path in (plan.workdir / "trials").glob(f"*/*/{OWNER}"):
                Claim(path.parent).check()
            _log_of(plan)
            described, told = records.open_workdir(plan, _description(plan, command_line))
            for line in told:
                say(line)
            yield dataclasses.replace(plan, looked=begun.looked_in(described))
        finally:
            claim.release()


def _log_of(plan: Plan) -> Path:
    """Where workers write what they print on stderr; a worker that cannot would end.

    Raises:
        OSError: If it cannot be written, or is a pipe that nobody reads.
    """
    path = plan.workdir / WORKERS_LOG
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666))
    return path


def _check_writable(plan: Plan) -> None:
    check_writable("--workdir", plan.workdir)
    if plan.settings.export_dir:
        check_writable("--export_dir", Path(plan.settings.export_dir))


def _run_until_decided(
    plan: Plan, jobs: int, engine: str, on_record: OnRecord
) -> Mapping[str, Any]:
    """Runs to the last seed, or to the first announced look at which all is decided."""
    for step in plan.steps():
        _run_missing(step, jobs, engine, on_record)
        told = _summarize(step)
        if not plan.looks:
            break
        is_decided = all(one["verdict"] != "cannot tell" for one in told["primary"])
        say(f"look at {len(step.seeds)} seeds: {'decided' if is_decided else 'not decided yet'}")
        if is_decided:
            break
    return told


def _run_missing(plan: Plan, jobs: int, engine: str, on_record: OnRecord) -> None:
    trials = plan.trials()
    missing = [trial for trial in trials if not records.finished(records.record_of(trial))]
    if len(missing) < len(trials):
        done = counted(len(trials) - len(missing), "trial is", "trials are")
        say(f"{done} done already")
    with StudyProgress(plan, missing, jobs) as progress:
        log = _log_of(plan)

        def tell(record: Mapping[str, Any]) -> None:
            progress.add(record)
            on_record(record)

        runner.run_trials(missing, jobs, engine, log, tell, progress.begin, progress.refresh)


def _summarize(plan: Plan) -> Mapping[str, Any]:
    # Statistics take seconds to import, which a refused command need not wait for.
    needed = "answer.summary", "statistics.looks"
    summary, looks = (import_whole(f"gan_mnist.study.{name}") for name in needed)

    all_records = list(records.records_of(plan))
    lines = "".join(f"{records.as_line(record)}\n" for record in all_records)
    write_text(plan.workdir / "records.jsonl", lines)
    told: Mapping[str, Any] = summary.summarize(plan, all_records)
    write_json(plan.workdir / "summary.json", told)
    seeds = len(plan.seeds)
    begun.keep_look(plan.workdir, seeds, looks.spent(plan.looks, seeds) if plan.looks else None)
    return told


def _described(plan: Plan, arm: Arm) -> dict[str, Any]:
    changes = plan.settings.without_locations(arm.changes)
    return dataclasses.asdict(arm) | {"changes": changes}


def _description(plan: Plan, command_line: str) -> dict[str, Any]:
    """The content of `study.json`."""
    exports = plan.settings.export_dir
    return {
        "experiment": plan.study.name,
        "question": plan.study.question,
        "preset": plan.preset,
        "settings": plan.settings.identity(),
        "arms": {arm.name: _described(plan, arm) for arm in plan.arms},
        "seeds": list(plan.steps()[0].seeds),
        "looks": {"announced": list(plan.looks), "taken": []},
        "primary": [pair._asdict() for pair in plan.study.primary],
        "update_seconds": dict(plan.update_seconds),
        "dataset": dict(plan.dataset),
        "published": list(plan.study.published),
        "gallery_caption": plan.study.gallery_caption,
        "curve": dataclasses.asdict(plan.study.curve) if plan.study.curve else None,
        "treatment": plan.study.treatment,
        "examples": plan.study.examples,
        "versions": records.versions(),
        "command_line": command_line,
        "processors": os.cpu_count(),
        "machine": _machine(),
        "revision": _revision(),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        # From here: where a machine keeps its runs is nobody's business.
        "export_dir": exports and os.path.relpath(exports, plan.workdir),
    }


def _machine() -> str:
    """System and processor, as far as they tell their names."""
    names = [f"{platform.system()} {platform.release()}", platform.machine()]
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        names += [found[1]] if found else []
    return ", ".join(names)


def _revision() -> str | None:
    """The commit of the checkout that this package lies in, or None where it lies in none."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
