"""When, how and where a run was made, what it left, and the commands that go on from it."""

import ast
import os
import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gan_mnist.report.run_files import Run
from gan_mnist.study.continuation import MAX_SEEDS, MOST_SEEDS
from gan_mnist.study.display.progress import duration
from gan_mnist.study.precision import in_words

_RUN_FILES = {
    "records.jsonl": "all records",
    "summary.json": "summary",
    "study.json": "settings and plan",
    "report.md": "this page as text",
    "figures": "figures",
}
_ENOUGH_SEEDS = 10


def made(run: Run) -> dict[str, str]:
    """Date, duration, revision and machine, as far as the run tells them."""
    study, told = run.study, {}
    if began := study.get("began"):
        start = datetime.fromisoformat(began)
        told["Date"] = f"{start:%Y-%m-%d %H:%M} UTC, the last command"
        end = (run.workdir / "summary.json").stat().st_mtime
        if (seconds := end - start.timestamp()) > 0:
            told["Duration"] = f"{duration(seconds)}, the last command"
    if worked := sum(sum(trial.seconds) for trial in run.trials):
        told["Work"] = f"{duration(worked)}, all {len(run.trials)} trials, counted as under cost"
    if largest := max((trial.record.get("memory_mib") or 0 for trial in run.trials), default=0):
        told["Memory"] = f"{largest:,} MiB, the largest process of a trial"
    if study.get("revision"):
        told["Revision"] = study["revision"]
    if timed := study.get("update_seconds"):
        told["Precision"] = in_words(study["settings"]["precision"], timed)
    if study.get("machine"):
        told["Machine"] = f"{study['machine']}, {study['processors']} processors"
    return told


def files_left(run: Run) -> dict[str, dict[str, str]]:
    """Links of the page, by title and label; only to files that are there."""
    here = {label: name for name, label in _RUN_FILES.items() if (run.workdir / name).exists()}
    told = {"Records": here}
    exports = run.study.get("export_dir")
    models = run.workdir / (exports or ".") / run.study["experiment"]
    if exports and models.is_dir():
        names = [name for name in run.best_first() if (models / name).is_dir()]
        told["Models"] = {name: os.path.relpath(models / name, run.workdir) for name in names}
    return {title: links for title, links in told.items() if links}


def next_steps(run: Run) -> dict[str, str]:
    """Commands, or Python, by purpose: more seeds, a further arm, images of one's own."""
    study = run.study
    command, name = study["command_line"], study["experiment"]
    command = command if isinstance(command, str) else shlex.join(command)
    arms = [arm for arm in study["arms"] if arm != run.summary["control"]]
    main = f"python -m gan_mnist.main --experiment={shlex.quote(_experiment(command) or name)}"
    own = f"--dataset=folder --data_dir=photos --workdir=runs/{name}_own"
    counts = " --set counts=all" if "counts" in study["settings"] else ""
    return {
        **_more_seeds(run, command),
        "The arms and settings that there are": f"{main} --list",
        "One of them more, ARM": _with(command, arms=[*arms, "ARM"]),
        "Images of your own, in photos/, a folder a class": f"{main} {own}{counts}",
    }


def _more_seeds(run: Run, command: str) -> dict[str, str]:
    """Commands for more seeds, with what it means that results have been seen."""
    study, seeds = run.study, len(run.study["seeds"])
    primary = run.summary.get("primary", ())
    if announced := study.get("looks", {}).get("announced"):
        # Such a run ends with the last look, or where all is decided.
        is_decided = all(one["verdict"] != "cannot tell" for one in primary)
        look = f"On to the next announced look, after {seeds} seeds"
        return {} if is_decided or seeds >= announced[-1] else {look: command}
    more = max(_ENOUGH_SEEDS, 2 * seeds)
    told = f"More seeds, {more}; what is done is kept"
    if seeds > 1:
        told += ". Adding them when results have been seen costs error, which the answer tells"
    steps = {told: _with(command, seeds=more)}
    if primary:
        most = min(MOST_SEEDS, max(MAX_SEEDS, more))
        anew = f"runs/{study['experiment']}_decided"
        fresh = max(study["seeds"]) + 1
        options = {"seeds": None, "until": "decided", "max_seeds": most}
        options |= {"first_seed": fresh, "workdir": anew}
        told = f"As many as it takes, from seed {fresh} on, at announced looks, which costs none"
        steps[f"{told}; a run of its own"] = _with(command, **options)
    return steps


def _experiment(command: str) -> str | None:
    """The experiment that a command, or a call of `gan_mnist.run`, names; None if unreadable."""
    try:
        if command.startswith("gan_mnist.run("):
            tree: Any = ast.parse(command, mode="eval").body
            return str(tree.args[0].value)
        words = shlex.split(command)
    except (SyntaxError, ValueError, AttributeError, IndexError):
        return None
    for word, after in zip(words, [*words[1:], ""], strict=True):
        flag, _, value = word.lstrip("-").partition("=")
        if flag == "experiment" and word.startswith("-"):
            return value or after
    return None


def _with(command: str, **options: Any) -> str:
    """The command, or the call of `gan_mnist.run`, with other options; as it is if unreadable.

    One that is None is left out.
    """
    try:
        changed = _call_with if command.startswith("gan_mnist.run(") else _command_with
        return changed(command, options)
    except (SyntaxError, ValueError, AttributeError):
        return command


def _call_with(call: str, options: Mapping[str, Any]) -> str:
    tree: Any = ast.parse(call, mode="eval").body
    kept = [keyword for keyword in tree.keywords if keyword.arg not in options]
    tree.keywords = kept + [
        ast.keyword(k, ast.Constant(v)) for k, v in options.items() if v is not None
    ]
    return ast.unparse(tree)


def _command_with(command: str, options: Mapping[str, Any]) -> str:
    kept: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        flag = re.match(r"--?(\w+)(=?)", word)
        if not flag or flag[1] not in options:
            kept.append(word)
        elif not flag[2]:  # its value is the next word
            next(words, None)
    flags = (
        f"--{k}={','.join(v) if isinstance(v, list) else v}"
        for k, v in options.items()
        if v is not None
    )
    return shlex.join([*kept, *flags])
