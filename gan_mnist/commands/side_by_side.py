"""What `python -m gan_mnist.compare` reports: what differs, arm by arm, and ranks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.errors import InputError
from gan_mnist.files import write_rows, write_text
from gan_mnist.report.sections import Section, markdown, plain
from gan_mnist.study.answer.reasons import deciding_interval
from gan_mnist.study.answer.two_runs import ArmInTwoRuns, compare_two_runs, run_differences
from gan_mnist.study.finished import FinishedRun
from gan_mnist.study.spec import Metric, Study
from gan_mnist.study.statistics import ranks
from gan_mnist.study.words import counted, fixed, interval_decimals, signed, verdict_in_words

Ranking = ranks.Ranking


@dataclass(frozen=True)
class RunComparison:
    """The comparison of several runs.

    Attributes:
        sections: The report, section by section.
        rows: The table of all numbers.
        ranking: Ranks of the arms over data sets; None where there is none.
        why_no_ranks: Why there is no ranking; empty where there is one.
    """

    sections: Sequence[Section]
    rows: Sequence[Mapping[str, Any]]
    ranking: Ranking | None
    why_no_ranks: str


# Of the table of ranks, which has a column for each run as well.
COLUMNS = ("arm", "mean_rank")


def compare_runs(
    runs: Sequence[FinishedRun], arms: list[str], metric: Metric, study: Study | None
) -> RunComparison:
    """Ranks arms if runs are of three or more data sets, one each; else compares with the first.

    Args:
        runs: Two or more runs of one experiment.
        arms: Names of arms that have a value in every run.
        metric: The primary metric.
        study: The experiment's declaration, if it is available.
    """
    labels = labels_of([run.directory for run in runs])
    named = dict(zip(labels, runs, strict=True))
    sections = [
        Section(
            f"{runs[0].description['experiment']}: {metric.label}"
            f"{'' if metric.higher_is_better else ' (lower is better)'}",
            [f"{label}: {run.directory}" for label, run in named.items()],
        )
    ]
    sections += _differences(named, study)
    why = _why_no_ranks(runs, arms)
    ranking = None
    rows: list[dict[str, Any]]
    if not why:
        values = {a: [float(np.mean(list(run.values(a).values()))) for run in runs] for a in arms}
        ranking = ranks.rank(values, metric.higher_is_better)
        sections.append(_ranks(ranking, labels, values))
        rows = [
            dict(zip((*COLUMNS, *labels), (arm, ranking.mean[arm], *of_arm), strict=True))
            for arm, of_arm in values.items()
        ]
    else:
        rows = []
        first, *others = named.items()
        for label, run in others:
            found = compare_two_runs(first[1], run, arms, metric, study)
            sections.append(_side_by_side(first[0], label, first[1], run, found, metric))
            rows += [_row(first[1], label, run, arm, one) for arm, one in found.items()]
    if len(effects := _effects(named, arms)) > 1:
        control = runs[0].summary.get("control")
        sections.append(Section(f"difference to {control} in each run", (), effects))
    if left_out := _left_out(named, arms):
        sections.append(Section("not compared", left_out))
    return RunComparison(sections, rows, ranking, why)


def labels_of(directories: Sequence[Path]) -> list[str]:
    """A name for each: as many of the last parts of its path as make all names different."""
    deepest = max(len(path.parts) for path in directories)
    for number in range(1, deepest + 1):
        labels = ["/".join(path.parts[-number:]) for path in directories]
        if len({*labels, *COLUMNS}) == len(labels) + len(COLUMNS):
            return labels
    return [str(path) for path in directories]


def _why_no_ranks(runs: Sequence[FinishedRun], arms: Sequence[str]) -> str:
    different = len({run.sha256 for run in runs})
    if different < ranks.LEAST:
        return f"these runs are of {counted(different, 'data set')}, ranks need three or more"
    if different < len(runs):
        return "two of these runs are of one data set, ranks need a run of each"
    if len(arms) < ranks.LEAST:
        return f"these runs share {counted(len(arms), 'arm')}, ranks need three or more"
    return ""


def _differences(named: Mapping[str, FinishedRun], study: Study | None) -> list[Section]:
    (first, run), *others = named.items()
    return [
        Section(
            f"what differs, {first} -> {label}",
            run_differences(run, other, study)
            or ["nothing: settings, data and versions are equal"],
        )
        for label, other in others
    ]


def _side_by_side(
    first: str,
    second: str,
    one: FinishedRun,
    other: FinishedRun,
    found: Mapping[str, ArmInTwoRuns],
    metric: Metric,
) -> Section:
    rows = [("arm", first, second, "difference [95 %]", "p (Holm)", "verdict", "by seed")]
    for arm, told in found.items():
        rows.append(
            (
                arm,
                _mean(one.values(arm)),
                _mean(other.values(arm)),
                _with_interval(told.comparison.difference, told.comparison.deciding_ci95),
                "" if told.p_holm is None else f"{told.p_holm:.3g}",
                verdict_in_words(told.verdict, metric.margin),
                "unpaired" if told.unpaired else f"paired, {told.comparison.n}",
            )
        )
    reasons: dict[str, list[str]] = {}
    for arm, told in found.items():
        if told.unpaired:
            reasons.setdefault(told.unpaired, []).append(arm)
    lines = [
        f"{', '.join(arms) if len(arms) < len(found) else 'Every arm'} is compared without "
        f"pairs (Welch): {why}."
        for why, arms in reasons.items()
    ]
    return Section(f"{second} against {first}", lines, rows)


def _ranks(
    ranking: Ranking, labels: Sequence[str], values: Mapping[str, Sequence[float]]
) -> Section:
    rows = [("arm", "mean rank", *labels)]
    rows += [
        (arm, f"{mean:.2f}", *(fixed(value, _decimals(values)) for value in values[arm]))
        for arm, mean in ranking.mean.items()
    ]
    return Section("ranks, 1 is the best", ranks.in_words(ranking), rows)


def _effects(named: Mapping[str, FinishedRun], arms: Iterable[str]) -> list[Sequence[str]]:
    """What each run found on its own: every arm against the control, below a row of headings."""
    control = next(iter(named.values())).summary.get("control")
    rows: list[Sequence[str]] = [("arm", *named)]
    for arm in arms:
        if arm != control:
            entries = (run.summary["arms"][arm] for run in named.values())
            rows.append((arm, *map(_effect, entries)))
    return rows


def _effect(entry: Mapping[str, Any]) -> str:
    told = _with_interval(entry.get("difference"), deciding_interval(entry))
    return f"{told} {entry.get('verdict') or ''}".strip()


def _left_out(named: Mapping[str, FinishedRun], arms: Sequence[str]) -> list[str]:
    """Arms that only some runs have, a run a line."""
    return [
        f"{label}: {', '.join(others)}"
        for label, run in named.items()
        if (others := [arm for arm in run.records if arm not in arms])
    ]


def _row(
    first: FinishedRun, label: str, run: FinishedRun, arm: str, told: ArmInTwoRuns
) -> dict[str, Any]:
    found = told.comparison
    low, high = found.deciding_ci95 or (None, None)
    return {
        "run": label,
        "arm": arm,
        "seeds_first": len(first.values(arm)),
        "seeds": len(run.values(arm)),
        "mean_first": found.control,
        "mean": found.treated,
        "difference": found.difference,
        "ci95_low": low,
        "ci95_high": high,
        "p_value": found.deciding_p_value,
        "p_holm": told.p_holm,
        "verdict": told.verdict,
        "unpaired": told.unpaired,
    }


def _mean(values: Mapping[int, float]) -> str:
    return f"{np.mean(list(values.values())):.4g} (n={len(values)})"


def _with_interval(difference: float | None, ci95: Sequence[float] | None) -> str:
    if difference is None:
        return ""
    number = interval_decimals(ci95)
    if ci95 is None:
        return f"{signed(difference, 4)}"
    low, high = (fixed(end, number) for end in ci95)
    return f"{signed(difference, number)} [{low}, {high}]"


def _decimals(values: Mapping[str, Sequence[float]]) -> int:
    largest = max(abs(value) for of_arm in values.values() for value in of_arm)
    return 3 if largest < 10 else 2


def as_text(found: RunComparison) -> str:
    """The report as plain text, for a terminal."""
    return plain(found.sections)


def write(found: RunComparison, output: Path, figure: Path | None) -> None:
    """Writes a page (.md), which shows the figure if there is one, or the table (.csv).

    Raises:
        InputError: If `output` cannot be written.
    """
    try:
        if output.suffix == ".csv":
            write_rows(output, found.rows)
            return
        text = markdown(found.sections)
        if figure is not None:
            shown = figure.name if figure.parent == output.parent else str(figure)
            text += f"\n![Mean ranks, with the critical difference](<{shown}>)\n"
        write_text(output, text)
    except OSError as error:
        raise InputError(f"--output: cannot write {output}: {error.strerror or error}") from error
