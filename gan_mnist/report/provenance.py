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
from gan_mnist.study.display.printing import duration
from gan_mnist.study.precision import in_words

_RUN_FILES = {
    "records.jsonl": "all records",
    "summary.json": "summary",
    "study.json": "settings and plan",
    "report.md": "this page as text",
    "figures": "figures",
}
_ENOUGH_SEEDS = 10
# How a command line begins that is Python.
_CALL = "gan_mnist.run("
# A word of a shell's command with its quotes.
_WORD_AS_TYPED = re.compile(
    r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])+""",
    re.DOTALL,
)


def run_facts(run: Run) -> dict[str, str]:
    """Date, duration, revision and machine, as far as the run tells them."""
    study, facts = run.study, {}
    if start_text := study.get("began"):
        start = datetime.fromisoformat(start_text)
        facts["Date"] = f"{start:%Y-%m-%d %H:%M} UTC, the last command"
        end = (run.workdir / "summary.json").stat().st_mtime
        if (seconds := end - start.timestamp()) > 0:
            facts["Duration"] = f"{duration(seconds)}, the last command"
    if work_seconds := sum(sum(trial.seconds) for trial in run.trials):
        facts["Work"] = (
            f"{duration(work_seconds)}, all {len(run.trials)} trials, counted as under cost"
        )
    if peak_mib := max((trial.record.get("memory_mib") or 0 for trial in run.trials), default=0):
        facts["Memory"] = f"{peak_mib:,} MiB, the largest process of a trial"
    if study.get("revision"):
        facts["Revision"] = study["revision"]
    if update_seconds := study.get("update_seconds"):
        facts["Precision"] = in_words(study["settings"]["precision"], update_seconds)
    if study.get("machine"):
        facts["Machine"] = f"{study['machine']}, {study['processors']} processors"
    return facts


def file_links(run: Run) -> dict[str, dict[str, str]]:
    """Links of the page, by title and label; only to files that are there."""
    record_files = {
        label: name for name, label in _RUN_FILES.items() if (run.workdir / name).exists()
    }
    links_by_title = {"Records": record_files}
    export_dir = run.study.get("export_dir")
    models_dir = run.workdir / (export_dir or ".") / run.study["experiment"]
    if export_dir and models_dir.is_dir():
        names = [name for name in run.best_first() if (models_dir / name).is_dir()]
        links_by_title["Models"] = {
            name: os.path.relpath(models_dir / name, run.workdir) for name in names
        }
    return {title: links for title, links in links_by_title.items() if links}


def next_steps(run: Run) -> dict[str, str]:
    """Commands, or Python, by purpose: more seeds, a further arm, images of one's own."""
    study = run.study
    command, name = study["command_line"], study["experiment"]
    arms = [arm for arm in study["arms"] if arm != run.summary["control"]]
    experiment = shlex.quote(option_of(command, "experiment") or name)
    program = f"python -m gan_mnist.main --experiment={experiment}"
    folder_flags = f"--dataset=folder --data_dir=photos --workdir=runs/{name}_own"
    counts = " --set counts=all" if "counts" in study["settings"] else ""
    return {
        **_more_seeds(run, command),
        "The arms and settings that there are": f"{program} --list",
        "One of them more, ARM": with_options(command, arms=[*arms, "ARM"]),
        "Images of your own, in photos/, a folder a class": f"{program} {folder_flags}{counts}",
    }


def _more_seeds(run: Run, command: str) -> dict[str, str]:
    """Commands for more seeds, with what it means that results have been seen."""
    study, num_seeds = run.study, len(run.study["seeds"])
    primary = run.summary.get("primary", ())
    if announced := study.get("looks", {}).get("announced"):
        # Such a run ends with the last look, or where all is decided.
        is_decided = all(entry["verdict"] != "cannot tell" for entry in primary)
        look_title = f"On to the next announced look, after {num_seeds} seeds"
        return {} if is_decided or num_seeds >= announced[-1] else {look_title: command}
    target_seeds = max(_ENOUGH_SEEDS, 2 * num_seeds)
    title = f"More seeds, {target_seeds}; what is done is kept"
    if num_seeds > 1:
        title += ". Adding them when results have been seen costs error, which the answer tells"
    commands = {title: with_options(command, seeds=target_seeds)}
    if primary:
        max_seeds = min(MOST_SEEDS, max(MAX_SEEDS, target_seeds))
        workdir = f"runs/{study['experiment']}_decided"
        first_seed = max(study["seeds"]) + 1
        options: dict[str, Any] = {"seeds": None, "until": "decided", "max_seeds": max_seeds}
        options |= {"first_seed": first_seed, "workdir": workdir}
        title = (
            f"As many as it takes, from seed {first_seed} on, at announced looks, which costs none"
        )
        commands[f"{title}; a run of its own"] = with_options(command, **options)
    return commands


def option_of(command: str, name: str) -> str | None:
    """The value that a command, or a call of `gan_mnist.run`, gives to an option.

    Args:
        command: As in `study.json`.
        name: Without dashes, such as "data_dir".

    Returns:
        The value as text; None where the option is not given, or the command unreadable.
    """
    try:
        if command.startswith(_CALL):
            tree: Any = ast.parse(command, mode="eval").body
            keywords = {keyword.arg: keyword.value for keyword in tree.keywords}
            node: Any = tree.args[0] if name == "experiment" else keywords.get(name)
            if isinstance(node, ast.Call):  # PosixPath('...')
                node = node.args[0]
            return None if node is None else str(node.value)
        words = shlex.split(command)
    except (SyntaxError, ValueError, AttributeError, IndexError):
        return None
    for word, next_word in zip(words, [*words[1:], ""], strict=True):
        flag, sign, value = word.lstrip("-").partition("=")
        if flag == name and word.startswith("-"):
            return value if sign else next_word
    return None


def with_options(command: str, *, is_in_place: bool = False, **options: Any) -> str:
    """The command, or the call of `gan_mnist.run`, with other options.

    Args:
        command: As in `study.json`.
        is_in_place: Whether an option stands where it stood, and all other words stay as they were
            typed. Else options stand at the end, and all words are quoted anew.
        options: New values by option; one that is None is left out.

    Returns:
        The new command; the same one if it is unreadable.
    """
    try:
        rewrite = _call_with if command.startswith(_CALL) else _command_with
        return rewrite(command, options, is_in_place)
    except (SyntaxError, ValueError, AttributeError):
        return command


def _call_with(call: str, options: Mapping[str, Any], is_in_place: bool) -> str:
    tree: Any = ast.parse(call, mode="eval").body
    new_keywords = {
        name: ast.keyword(name, ast.Constant(value))
        for name, value in options.items()
        if value is not None
    }
    keywords = []
    for keyword in tree.keywords:
        if keyword.arg not in options:
            keywords.append(keyword)
        elif is_in_place and keyword.arg in new_keywords:
            keywords.append(new_keywords.pop(keyword.arg))
    tree.keywords = [*keywords, *new_keywords.values()]
    return ast.unparse(tree)


def _command_with(command: str, options: Mapping[str, Any], is_in_place: bool) -> str:
    new_flags = {
        name: shlex.quote(f"--{name}={','.join(value) if isinstance(value, list) else value}")
        for name, value in options.items()
        if value is not None
    }
    words = shlex.split(command)
    typed_words = _WORD_AS_TYPED.findall(command) if is_in_place else map(shlex.quote, words)
    pairs = zip(words, typed_words, strict=True)
    new_words: list[str] = []
    for word, typed_word in pairs:
        match = re.match(r"--?(\w+)(=?)", word)
        if not match or match[1] not in options:
            new_words.append(typed_word)
            continue
        if not match[2]:  # its value is the next word
            next(pairs, None)
        if is_in_place and match[1] in new_flags:
            new_words.append(new_flags.pop(match[1]))
    return " ".join([*new_words, *new_flags.values()])
