"""Fills the parts of READMEs and pages of `docs/` that repeat results, between markers.

A block looks like this, and everything between the markers is ours to write:

    <!-- results: imbalance/mnist table digits=3 -->
    <!-- end -->

The first word is the run, `experiments/imbalance/results/mnist`; the second is the part of it to
show; what follows are options of the part. `<!-- results: all claims -->` covers several runs, and
`<!-- results: all performance -->` the benchmarks.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from gan_mnist.errors import InputError, unknown
from gan_mnist.report import claims, performance
from gan_mnist.report.provenance import option_of, with_options
from gan_mnist.report.published_run import PublishedRun
from gan_mnist.study.answer.reasons import deciding_interval
from gan_mnist.study.statistics.paired import values_of
from gan_mnist.study.words import counted, sided, signed_beside, verdict_in_words

_OPENING = "<!-- results:"
_BLOCK = re.compile(
    rf"(?P<opening>{_OPENING} (?P<run>\w+/\w+|all) (?P<part>\w+)(?P<options>(?: \w+=\S+)*) -->\n)"
    r"(?P<body>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
# Data directory in commands for readers, wherever it was when the run was made.
_USUAL_DATA_DIR = "data/mnist"


def renewed_pages(root: Path) -> dict[Path, str]:
    """The pages of a repository of which a block is stale, as they should be.

    Args:
        root: The repository's directory.

    Returns:
        By page, its text with every block renewed; pages that are up to date are left out.

    Raises:
        InputError: If `root` is no such repository, or a block cannot be filled.
    """
    check_checkout(root)
    pages = {}
    for pattern in ("README.md", "experiments/*/README.md", "docs/*.md"):
        for page in sorted(root.glob(pattern)):
            text = page.read_text(encoding="utf-8")
            if (renewed_text := renew(text, page, root)) != text:
                pages[page] = renewed_text
    return pages


def check_checkout(root: Path) -> None:
    """Raises `InputError` where `root` is no repository of this project."""
    if not (root / "README.md").is_file() or not (root / "experiments").is_dir():
        raise InputError(
            f"readme: {root} is not a checkout of this project; accepted: a directory with "
            "README.md and experiments/"
        )


def renew(text: str, page: Path, root: Path) -> str:
    """The text of a page with every block filled from its run.

    Args:
        text: Markdown.
        page: Where it stands; links are relative to it.
        root: The repository's directory.

    Raises:
        InputError: If a block has no end, its run no files, or its part is unknown.
    """

    def fill(block: re.Match[str]) -> str:
        body = "\n".join(_tell(block, page, root))
        return f"{block['opening']}{body}\n{block['end']}"

    _check_blocks(text, page)
    return _BLOCK.sub(fill, text)


def _check_blocks(text: str, page: Path) -> None:
    """Raises `InputError` for the first block that is not closed or not well formed."""
    starts = {block.start() for block in _BLOCK.finditer(text) if _OPENING not in block["body"]}
    for opening in re.finditer(re.escape(_OPENING), text):
        if opening.start() not in starts:
            line = text.count("\n", 0, opening.start()) + 1
            raise InputError(
                f"readme: line {line} of {page}: a block is not closed or not well formed; "
                f"accepted: '{_OPENING} EXPERIMENT/RUN PART -->', a new line, '<!-- end -->'"
            )


def _tell(block: re.Match[str], page: Path, root: Path) -> list[str]:
    if (block["run"], block["part"]) == ("all", "claims"):
        return claims.table(root, page)
    if (block["run"], block["part"]) == ("all", "performance"):
        return performance.table(root)
    options = dict(option.split("=", 1) for option in block["options"].split())
    run = PublishedRun.named(root, block["run"])
    if block["part"] == "answer":
        carried_by = run.summary["carried_by"]
        lines = [
            f"> **{run.summary['answer']}**",
            *([">", f"> {carried_by}"] if carried_by else []),
        ]
    elif block["part"] == "in_full":
        lines = [f"In full: {run.summary['in_full']}"]
    elif block["part"] == "findings":
        if "findings" not in run.summary:
            raise InputError(f"readme: no findings in {run.directory}; accepted: another part")
        lines = [f"- {line}" for line in run.summary["findings"]["lines"]]
    elif block["part"] == "command":
        lines = _command(run, page)
    elif block["part"] == "table":
        lines = _table(run, int(options.get("digits", 3)), options.get("with", "").split(","))
    else:
        parts = ("answer", "in_full", "findings", "command", "table")
        raise unknown(f"readme: in {page}, the part of a run", block["part"], parts)
    return lines


def _command(run: PublishedRun, page: Path) -> list[str]:
    command = run.study["command_line"]
    data_dir = option_of(command, "data_dir")
    if data_dir is not None:
        is_folder = run.study["settings"]["dataset"] == "folder"
        readers_dir = f"data/{Path(data_dir).name}" if is_folder else _USUAL_DATA_DIR
        command = with_options(command, is_in_place=True, data_dir=readers_dir)
    if option_of(command, "workdir") is None:
        # Else two runs of an experiment would have one directory.
        workdir = f"runs/{run.summary['experiment']}_{run.directory.name}"
        command = with_options(command, is_in_place=True, workdir=workdir)
    run_path = os.path.relpath(run.directory, page.parent)
    files = (("records", "records.jsonl"), ("summary", "summary.json"), ("report", "report.md"))
    links = ", ".join(f"[{name}]({run_path}/{file})" for name, file in files)
    return [
        "",
        f"    {command}",
        "",
        f"{counted(len(run.summary['seeds']), 'seed')}: {links}.",
    ]


def _table(run: PublishedRun, digits: int, extra_metrics: list[str]) -> list[str]:
    """A row an arm that has a result, best first; a line for each arm that does not apply."""
    summary, arms = run.summary, run.arms()
    control, label = summary["control"], summary["metrics"][0]["label"]
    margin = summary["metrics"][0]["margin"]
    columns: dict[str, dict[str, str]] = {
        f"{label} [95 %]": {
            name: f"{arm['mean']:.{digits}f} {interval(arm['ci95'], digits)}".rstrip()
            for name, arm in arms.items()
        },
        f"difference to `{control}` [95 %]": {
            name: f"{signed_beside(arm['difference'], ci95, digits)} {interval(ci95, digits)}"
            for name, arm in arms.items()
            if arm["difference"] is not None
            for ci95 in (deciding_interval(arm),)
        },
        "share of the gap to the oracle": {
            name: f"{arm['oracle_gap_closed']:.0%}".replace("%", " %")
            for name, arm in arms.items()
            if arm["oracle_gap_closed"] is not None
        },
        "verdict": {name: _judged(arm, margin) for name, arm in arms.items()}
        | {control: "control"},
        f"against `{summary['rival']}` [95 %]": {
            name: f"{signed_beside(entry['difference'], entry['ci95'], digits)} "
            f"{interval(entry['ci95'], digits)}, "
            f"{_judged(entry, margin)}"
            for name, arm in arms.items()
            if (entry := arm.get("versus_rival"))
        },
    }
    for spec in filter(None, extra_metrics):
        heading, cells = _metric(run, spec)
        columns[heading] = cells
    columns = {heading: cells for heading, cells in columns.items() if cells}
    lines = ["", f"| arm | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for name in arms:
        row = " | ".join(column.get(name, "") for column in columns.values())
        lines.append(f"| `{name}` | {row} |")
    lines.append("")
    for name, reason in summary["not_applicable"].items():
        lines += [f"`{name}` does not apply: {reason}.", ""]
    return lines


def _judged(entry: Mapping[str, Any], margin: float | None) -> str:
    """The verdict of a comparison, and how much it counts, if there is one."""
    standing = entry.get("standing") if entry["verdict"] else None
    return ", ".join(filter(None, (verdict_in_words(entry["verdict"] or "", margin), standing)))


def _metric(run: PublishedRun, spec: str) -> tuple[str, dict[str, str]]:
    """The heading and the cells of a further metric; `NAME/control` is its ratio, seed by seed."""
    name, _, ratio = spec.partition("/")
    labels = {metric["name"]: metric["label"] for metric in run.summary["metrics"]}
    if name not in labels:
        raise unknown(f"readme: a metric of {run.directory}", name, labels)
    if not ratio:
        return labels[name], {
            arm: _brief(entry["metrics"][name]["mean"]) for arm, entry in run.arms().items()
        }
    values = {
        arm: {seed: value for seed, value in values_of(records, name).items() if value is not None}
        for arm, records in run.records.items()
    }
    control = values[run.summary["control"]]
    return f"{labels[name]}, in multiples of the control's", {
        arm: f"{fmean(scores[seed] / control[seed] for seed in scores if seed in control):.2f}"
        for arm, scores in values.items()
        if scores
    }


def _brief(value: float | None) -> str:
    """A number of any size in a few figures; nothing where there is none."""
    if value is None:
        return ""
    if abs(value) < 10:
        return f"{value:.4f}"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def interval(ends: list[float] | None, digits: int) -> str:
    """An interval in brackets; nothing where there is none."""
    return f"[{sided(ends[0], digits)}, {sided(ends[1], digits)}]" if ends else ""
