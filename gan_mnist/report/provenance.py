"""When, how and where a run was made, what it left, and the commands that go on from it."""

import ast
import os
import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gan_mnist.report.run_files import Run
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
        told["Work"] = f"{duration(worked)}, all {len(run.trials)} trials one after another"
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
    """Links from the page, by their words; those of files that are there."""
    here = {label: name for name, label in _RUN_FILES.items() if (run.workdir / name).exists()}
    told = {"Records": here}
    exports = run.study.get("export_dir")
    models = run.workdir / (exports or ".") / run.study["experiment"]
    if exports and models.is_dir():
        names = [name for name in run.best_first() if (models / name).is_dir()]
        told["Models"] = {name: os.path.relpath(models / name, run.workdir) for name in names}
    return {title: links for title, links in told.items() if links}


def next_steps(run: Run) -> dict[str, str]:
    """Commands, or Python, by what they are for: more seeds, one arm more, images of one's own."""
    study = run.study
    command, name = study["command_line"], study["experiment"]
    command = command if isinstance(command, str) else shlex.join(command)
    more = max(_ENOUGH_SEEDS, 2 * len(study["seeds"]))
    arms = [arm for arm in study["arms"] if arm != run.summary["control"]]
    main = f"python -m gan_mnist.main --experiment={shlex.quote(_experiment(command) or name)}"
    own = f"--dataset=folder --data_dir=photos --workdir=runs/{name}_own"
    counts = " --set counts=all" if "counts" in study["settings"] else ""
    announced = study.get("looks", {}).get("announced")
    more_seeds = f"More seeds, {more}; what is done is kept"
    return {
        # A run with announced looks ends with the last of them.
        **({} if announced else {more_seeds: _with(command, seeds=more)}),
        "The arms and settings that there are": f"{main} --list",
        "One of them more, ARM": _with(command, arms=[*arms, "ARM"]),
        "Images of your own, in photos/, a folder a class": f"{main} {own}{counts}",
    }


def _experiment(command: str) -> str | None:
    found = re.search(r"--experiment[= ](\S+)", command)
    return found[1] if found else None


def _with(command: str, **options: Any) -> str:
    """The command, or the call of `gan_mnist.run`, with other options; as it is if unreadable."""
    try:
        changed = _call_with if command.startswith("gan_mnist.run(") else _command_with
        return changed(command, options)
    except (SyntaxError, ValueError, AttributeError):
        return command


def _call_with(call: str, options: Mapping[str, Any]) -> str:
    tree: Any = ast.parse(call, mode="eval").body
    kept = [keyword for keyword in tree.keywords if keyword.arg not in options]
    tree.keywords = kept + [ast.keyword(k, ast.Constant(v)) for k, v in options.items()]
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
    flags = (f"--{k}={','.join(v) if isinstance(v, list) else v}" for k, v in options.items())
    return shlex.join([*kept, *flags])
