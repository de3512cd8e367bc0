"""Takes a plan from an empty, or half finished, directory to its summary."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import check_writable, write_json, write_text
from gan_mnist.study import records, runner
from gan_mnist.study.claim import Claim
from gan_mnist.study.progress import StudyProgress, describe, say
from gan_mnist.study.spec import Arm
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted

WORKERS_LOG = "workers.log"
KEPT = "what is finished is kept, and the same command goes on"


def run_study(
    plan: Plan,
    jobs: int,
    engine: str,
    command_line: str,
    write_report: Callable[[Path], None] = lambda workdir: None,
) -> Mapping[str, Any]:
    """Runs the trials that are missing, then writes `records.jsonl` and `summary.json`.

    Args:
        plan: What to run, and where.
        jobs: Trials at a time.
        engine: A key of `workers.ENGINES`.
        command_line: How it was asked for, for `study.json`.
        write_report: Called with the directory once the summary is there, while it is still ours.

    Returns:
        The summary.

    Raises:
        InputError: When the directory cannot be used: not writable, full, taken by another run, or
            holding results of other settings.
    """
    claim = Claim(plan.workdir)
    try:
        _claim(plan, claim, command_line)
        say(describe(plan))
        _run_missing(plan, jobs, engine)
        told = _summarize(plan)
        write_report(plan.workdir)
        return told
    except runner.StorageError as error:
        raise InputError(f"--workdir: {error}; {KEPT}") from error
    except BrokenPipeError:  # nobody reads stderr any more
        raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"--workdir: cannot write {error.filename or plan.workdir}: {reason}; {KEPT}"
        ) from error
    finally:
        claim.release()


def _claim(plan: Plan, claim: Claim, command_line: str) -> None:
    """Makes sure, before any work, that its results can be kept."""
    check_writable("--workdir", plan.workdir)
    if plan.settings.export_dir:
        check_writable("--export_dir", Path(plan.settings.export_dir))
    plan.workdir.mkdir(parents=True, exist_ok=True)
    claim.take()
    (plan.workdir / WORKERS_LOG).open("a").close()
    for line in records.open_workdir(plan, _description(plan, command_line)):
        say(line)


def _run_missing(plan: Plan, jobs: int, engine: str) -> None:
    trials = plan.trials()
    missing = [trial for trial in trials if not records.finished(records.record_of(trial))]
    if len(missing) < len(trials):
        done = counted(len(trials) - len(missing), "trial is", "trials are")
        say(f"{done} done already")
    with StudyProgress(len(missing), plan.study.metrics[0].name) as progress:
        runner.run_trials(missing, jobs, engine, plan.workdir / WORKERS_LOG, progress.add)


def _summarize(plan: Plan) -> Mapping[str, Any]:
    # Statistics take seconds to import, which a refused command need not wait for.
    from gan_mnist.study import summary

    all_records = list(records.records_of(plan))
    lines = "".join(f"{records.as_line(record)}\n" for record in all_records)
    write_text(plan.workdir / "records.jsonl", lines)
    told = summary.summarize(plan, all_records)
    write_json(plan.workdir / "summary.json", told)
    return told


def _described(plan: Plan, arm: Arm) -> dict[str, Any]:
    changes = plan.settings.without_locations(arm.changes)
    return dataclasses.asdict(arm) | {"changes": changes}


def _description(plan: Plan, command_line: str) -> dict[str, Any]:
    """The content of `study.json`."""
    return {
        "experiment": plan.study.name,
        "question": plan.study.question,
        "preset": plan.preset,
        "settings": plan.settings.identity(),
        "arms": {arm.name: _described(plan, arm) for arm in plan.arms},
        "seeds": list(plan.seeds),
        "dataset": dict(plan.dataset),
        "published": list(plan.study.published),
        "gallery_caption": plan.study.gallery_caption,
        "curve": dataclasses.asdict(plan.study.curve) if plan.study.curve else None,
        "treatment": plan.study.treatment,
        "examples": plan.study.examples,
        "versions": records.versions(),
        "command_line": command_line,
        "processors": os.cpu_count(),
    }
