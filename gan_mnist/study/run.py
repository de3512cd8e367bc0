"""Takes a plan from an empty, or half finished, directory to its summary."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import write_json, write_text
from gan_mnist.files.claim import OWNER, Claim
from gan_mnist.files.names import RECORDS, SUMMARY, TRIALS
from gan_mnist.study import continuation, records, scheduler
from gan_mnist.study.description import study_description
from gan_mnist.study.display.live import StudyProgress
from gan_mnist.study.display.plan_in_words import describe
from gan_mnist.study.display.printing import say
from gan_mnist.study.location import RunStore, fetch, mirrored, with_local_workdir
from gan_mnist.study.places import as_input_errors, check_places
from gan_mnist.study.seen import record_look
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted
from gan_mnist.study.workers import deferred_interrupt

WORKERS_LOG = "workers.log"

OnRecord = Callable[[Mapping[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class _Run:
    """A run whose directory is ours: its plan as resumed, and the store of its results."""

    plan: Plan
    store: RunStore
    claim: Claim


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
        jobs: Number of trials at a time.
        engine: A key of `workers.ENGINES`.
        command_line: The command that started the run, for `study.json`.
        write_report: Called with the directory once the summary is there, while we still hold it.
        about: The plan in words; the text of `describe` if None.
        on_record: Called with every new record.

    Returns:
        The summary.

    Raises:
        InputError: When the directory cannot be used: not writable, full, taken by another run, or
            holding results of other settings.
    """
    with _claimed_run(plan, command_line) as run:
        say(describe(run.plan) if about is None else about)
        summary = _run_until_decided(run, jobs, engine, on_record)
        run.claim.check_held()
        write_report(plan.workdir)
        return summary


def finish_study(
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
    with as_input_errors(plan.workdir):
        fetch(plan)
    if not any(map(records.is_finished, records.records_of(plan))):
        raise InputError(
            f"--workdir: {plan.location} has no finished trial of this plan; accepted: the "
            "directory that trials ran in, with the same flags"
        )
    with _claimed_run(plan, command_line) as run:
        summary = _write_summary(run.plan)
        write_report(plan.workdir)
        return summary


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
    if plan.update_seconds and continuation.description_in(plan.workdir) is None:
        raise InputError(
            "--precision: auto is decided once, by who begins a run, and tasks of an array begin "
            f"together; accepted: {plan.settings.precision}, which is faster here"
        )
    plan = with_local_workdir(plan)
    trial = plan.trials()[index]
    with as_input_errors(plan.workdir):
        check_places(plan)
        description = study_description(plan, command_line)
        messages = [records.join_workdir(plan, trial, description)]
        trial.directory.mkdir(parents=True, exist_ok=True)
        claim = Claim(trial.directory)
        claim.take()
        try:
            # Whoever comes claims first and looks then: of a command for all and one for a trial
            # at least one sees the other.
            Claim(plan.workdir).check()
            with mirrored(plan, trial) as mirror:
                if not mirror.publish():
                    records.join_workdir(plan, trial, description)
                messages.append(records.set_damaged_aside(trial))
                for message in filter(None, messages):
                    say(message)
                log = _log_of(plan)
                scheduler.run_trials(
                    [trial], 1, "local", log, lambda record: None, on_wait=claim.check_held
                )
                claim.check_held()
                record = records.record_of(trial)
                assert record is not None
                mirror.keep(record)
        finally:
            claim.release()
    return record


@contextlib.contextmanager
def _claimed_run(plan: Plan, command_line: str) -> Iterator[_Run]:
    """Claims the directory, and checks that it can hold results.

    Raises:
        InputError: When its directory cannot be used.
    """
    claim = Claim(plan.workdir)
    with as_input_errors(plan.workdir):
        try:
            check_places(plan)
            plan.workdir.mkdir(parents=True, exist_ok=True)
            claim.take()
            for path in (plan.workdir / TRIALS).glob(f"*/*/{OWNER}"):
                Claim(path.parent).check()
            _log_of(plan)
            with mirrored(plan) as store:
                description, messages = records.open_workdir(
                    plan, study_description(plan, command_line)
                )
                for message in messages:
                    say(message)
                store.publish()
                yield _Run(continuation.resumed_plan(plan, description), store, claim)
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


def _run_until_decided(run: _Run, jobs: int, engine: str, on_record: OnRecord) -> Mapping[str, Any]:
    """Runs to the last seed, or to the first announced look at which all is decided."""
    ended: set[tuple[str, int]] = set()
    for step in run.plan.steps():
        _run_missing(dataclasses.replace(run, plan=step), jobs, engine, on_record, ended)
        run.claim.check_held()
        summary = _write_summary(step)
        run.store.keep_summary()
        if not step.looks:
            break
        is_decided = _is_decided(summary)
        say(f"look at {len(step.seeds)} seeds: {'decided' if is_decided else 'not decided yet'}")
        if is_decided:
            break
    return summary


def _is_decided(summary: Mapping[str, Any]) -> bool:
    """Whether no primary comparison is open; there may be none, as where all their arms leak.

    Seeds decide nothing about an arm that is not applicable.
    """
    absent = {*summary["not_applicable"]}
    return not any(
        comparison["verdict"] == "cannot tell"
        and not absent & {comparison["arm"], comparison["reference"]}
        for comparison in summary.get("primary", ())
    )


def _run_missing(
    run: _Run, jobs: int, engine: str, on_record: OnRecord, ended: set[tuple[str, int]]
) -> None:
    """Runs what is not finished, and has not `ended` in this command: it would fail once more."""
    finished, missing = [], []
    for trial in run.plan.trials():
        if (record := records.finished_record_of(trial)) is not None:
            finished.append(record)
        elif (trial.arm, trial.seed) not in ended:
            missing.append(trial)
    if finished:
        say(f"{counted(len(finished), 'trial is', 'trials are')} done already")
    with StudyProgress(run.plan, missing, jobs, finished) as progress:
        log = _log_of(run.plan)

        def tell(record: Mapping[str, Any]) -> None:
            run.claim.check_held()
            ended.add((record["arm"], record["seed"]))
            run.store.keep(record)
            progress.add(record)
            on_record(record)

        def wait() -> None:
            run.claim.check_held()
            progress.refresh()

        scheduler.run_trials(missing, jobs, engine, log, tell, progress.begin, wait)


def _write_summary(plan: Plan) -> Mapping[str, Any]:
    """Writes `records.jsonl` and `summary.json`, and records the look in `study.json`."""
    # Statistics take seconds to import, which a refused command need not wait for; see
    # `import_uninterrupted`.
    with deferred_interrupt():
        from gan_mnist.study.answer.summary import summarize
        from gan_mnist.study.statistics.looks import spent_level

    all_records = list(records.records_of(plan))
    lines = "".join(f"{records.as_line(record)}\n" for record in all_records)
    write_text(plan.workdir / RECORDS, lines)
    # Of an array of trials, some may be summarised while others run.
    num_seeds = len({record["seed"] for record in all_records})
    plan = dataclasses.replace(plan, looked=tuple(sorted({*plan.looked, num_seeds} - {1})))
    summary: Mapping[str, Any] = summarize(plan, all_records)
    write_json(plan.workdir / SUMMARY, summary)
    alpha_spent = spent_level(plan.looks, num_seeds) if plan.looks else None
    leaks = summary.get("findings", {}).get("leaks", ())
    record_look(plan.workdir, num_seeds, plan.seeds, alpha_spent, leaks)
    return summary
