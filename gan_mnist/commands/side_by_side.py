"""What `python -m gan_mnist.compare` reports: what differs, arm by arm, and ranks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.commands.output import writing
from gan_mnist.files import write_rows, write_text
from gan_mnist.report.sections import Section, markdown, plain
from gan_mnist.study.answer.reasons import deciding_interval
from gan_mnist.study.answer.two_runs import ArmInTwoRuns, compare_two_runs, run_differences
from gan_mnist.study.finished import FinishedRun
from gan_mnist.study.spec import Metric, Study
from gan_mnist.study.statistics import ranks
from gan_mnist.study.words import (
    counted,
    fixed,
    interval_decimals,
    sided,
    signed,
    signed_beside,
    verdict_in_words,
)


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
    ranking: ranks.Ranking | None
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
    runs_by_label = dict(zip(labels, runs, strict=True))
    sections = [
        Section(
            f"{runs[0].description['experiment']}: {metric.label}"
            f"{'' if metric.higher_is_better else ' (lower is better)'}",
            [f"{label}: {run.directory}" for label, run in runs_by_label.items()],
        )
    ]
    sections += _differences(runs_by_label, study)
    why_no_ranks = _why_no_ranks(runs, arms)
    ranking = None
    rows: list[dict[str, Any]]
    if not why_no_ranks:
        means_by_run = [_means(run, arms) for run in runs]
        means = {arm: [run_means[arm] for run_means in means_by_run] for arm in arms}
        ranking = ranks.rank(means, metric.higher_is_better)
        sections.append(_ranks(ranking, labels, means))
        rows = [
            dict(zip((*COLUMNS, *labels), (arm, ranking.mean[arm], *arm_means), strict=True))
            for arm, arm_means in means.items()
        ]
    else:
        rows = []
        first, *others = runs_by_label.items()
        for label, run in others:
            results = compare_two_runs(first[1], run, arms, metric, study)
            sections.append(_side_by_side(first[0], label, first[1], run, results, metric))
            rows += [_row(first[1], label, run, arm, result) for arm, result in results.items()]
    if len(effects := _effects(runs_by_label, arms)) > 1:
        control = runs[0].summary.get("control")
        sections.append(Section(f"difference to {control} in each run", (), effects))
    if left_out := _left_out(runs_by_label, arms):
        sections.append(Section("not compared", left_out))
    return RunComparison(sections, rows, ranking, why_no_ranks)


def labels_of(directories: Sequence[Path]) -> list[str]:
    """A name for each: as many of the last parts of its path as make all names different."""
    deepest = max(len(path.parts) for path in directories)
    for number in range(1, deepest + 1):
        labels = ["/".join(path.parts[-number:]) for path in directories]
        if len({*labels, *COLUMNS}) == len(labels) + len(COLUMNS):
            return labels
    return [str(path) for path in directories]


def _why_no_ranks(runs: Sequence[FinishedRun], arms: Sequence[str]) -> str:
    num_datasets = len({run.sha256 for run in runs})
    if num_datasets < ranks.LEAST:
        return f"these runs are of {counted(num_datasets, 'data set')}, ranks need three or more"
    if num_datasets < len(runs):
        return "two of these runs are of one data set, ranks need a run of each"
    if len(arms) < ranks.LEAST:
        return f"these runs share {counted(len(arms), 'arm')}, ranks need three or more"
    for run in runs:
        if not _common_seeds(run, arms):
            return f"in {run.directory} no seed has all arms, ranks need one that has"
    return ""


def _common_seeds(run: FinishedRun, arms: Sequence[str]) -> set[int]:
    """The seeds of all arms: one whose trials failed on hard seeds gains no rank by it."""
    return set.intersection(*({*run.values(arm)} for arm in arms))


def _means(run: FinishedRun, arms: Sequence[str]) -> dict[str, float]:
    """The mean of each arm over the seeds of all."""
    seeds = _common_seeds(run, arms)
    return {
        arm: float(np.mean([value for seed, value in run.values(arm).items() if seed in seeds]))
        for arm in arms
    }


def _differences(runs_by_label: Mapping[str, FinishedRun], study: Study | None) -> list[Section]:
    (first_label, first_run), *others = runs_by_label.items()
    return [
        Section(
            f"what differs, {first_label} -> {label}",
            run_differences(first_run, run, study)
            or ["nothing: settings, data and versions are equal"],
        )
        for label, run in others
    ]


def _side_by_side(
    first_label: str,
    second_label: str,
    first_run: FinishedRun,
    second_run: FinishedRun,
    results: Mapping[str, ArmInTwoRuns],
    metric: Metric,
) -> Section:
    rows = [
        ("arm", first_label, second_label, "difference [95 %]", "p (Holm)", "verdict", "by seed")
    ]
    for arm, result in results.items():
        rows.append(
            (
                arm,
                _mean(first_run.values(arm)),
                _mean(second_run.values(arm)),
                _with_interval(result.comparison.difference, result.comparison.deciding_ci95),
                "" if result.p_holm is None else f"{result.p_holm:.3g}",
                verdict_in_words(result.verdict, metric.margin),
                "unpaired" if result.unpaired else f"paired, {result.comparison.n}",
            )
        )
    reasons: dict[str, list[str]] = {}
    for arm, result in results.items():
        if result.unpaired:
            reason = f"is compared without pairs (Welch): {_reason(result)}"
            reasons.setdefault(reason, []).append(arm)
        if shortage := result.comparison.image_shortage:
            reason = f"gets no verdict, whatever the interval, from only {shortage}"
            reasons.setdefault(reason, []).append(arm)
    lines = [
        f"{', '.join(arms) if len(arms) < len(results) else 'Every arm'} {reason}."
        for reason, arms in reasons.items()
    ]
    return Section(f"{second_label} against {first_label}", lines, rows)


def _ranks(
    ranking: ranks.Ranking, labels: Sequence[str], means: Mapping[str, Sequence[float]]
) -> Section:
    rows = [("arm", "mean rank", *labels)]
    rows += [
        (arm, f"{mean:.2f}", *(fixed(value, _decimals(means)) for value in means[arm]))
        for arm, mean in ranking.mean.items()
    ]
    return Section("ranks, 1 is the best", ranks.in_words(ranking), rows)


def _effects(runs_by_label: Mapping[str, FinishedRun], arms: Iterable[str]) -> list[Sequence[str]]:
    """What each run found on its own: every arm against the control, below a row of headings."""
    control = next(iter(runs_by_label.values())).summary.get("control")
    rows: list[Sequence[str]] = [("arm", *runs_by_label)]
    for arm in arms:
        if arm != control:
            entries = (run.summary["arms"][arm] for run in runs_by_label.values())
            rows.append((arm, *map(_effect, entries)))
    return rows


def _effect(entry: Mapping[str, Any]) -> str:
    difference = _with_interval(entry.get("difference"), deciding_interval(entry))
    return f"{difference} {entry.get('verdict') or ''}".strip()


def _left_out(runs_by_label: Mapping[str, FinishedRun], arms: Sequence[str]) -> list[str]:
    """Arms that only some runs have, a run a line."""
    return [
        f"{label}: {', '.join(extra_arms)}"
        for label, run in runs_by_label.items()
        if (extra_arms := [arm for arm in run.records if arm not in arms])
    ]


def _row(
    first_run: FinishedRun, label: str, run: FinishedRun, arm: str, result: ArmInTwoRuns
) -> dict[str, Any]:
    comparison = result.comparison
    low, high = comparison.deciding_ci95 or (None, None)
    return {
        "run": label,
        "arm": arm,
        "seeds_first": len(first_run.values(arm)),
        "seeds": len(run.values(arm)),
        "mean_first": comparison.control,
        "mean": comparison.treated,
        "difference": comparison.difference,
        "ci95_low": low,
        "ci95_high": high,
        "p_value": comparison.deciding_p_value,
        "p_holm": result.p_holm,
        "verdict": result.verdict,
        "unpaired": _reason(result) if result.unpaired else "",
    }


def _reason(result: ArmInTwoRuns) -> str:
    """Why an arm is not compared by seed, and why there is no verdict, where there is none."""
    return ", and ".join(filter(None, (result.unpaired, result.no_verdict)))


def _mean(values: Mapping[int, float]) -> str:
    return f"{np.mean(list(values.values())):.4g} (n={len(values)})"


def _with_interval(difference: float | None, ci95: Sequence[float] | None) -> str:
    if difference is None:
        return ""
    if ci95 is None:
        return signed(difference, 4)
    decimals = interval_decimals(ci95)
    low, high = (sided(end, decimals) for end in ci95)
    return f"{signed_beside(difference, ci95, decimals)} [{low}, {high}]"


def _decimals(means: Mapping[str, Sequence[float]]) -> int:
    largest = max(abs(mean) for arm_means in means.values() for mean in arm_means)
    return 3 if largest < 10 else 2


def as_text(found: RunComparison) -> str:
    """The report as plain text, for a terminal."""
    return plain(found.sections)


def write(found: RunComparison, output: Path, figure: Path | None) -> None:
    """Writes a page (.md), which shows the figure if there is one, or the table (.csv).

    Raises:
        InputError: If `output` cannot be written.
    """
    if output.suffix == ".csv":
        with writing("--output", output):
            write_rows(output, found.rows)
        return
    text = markdown(found.sections)
    if figure is not None:
        link = figure.name if figure.parent == output.parent else str(figure)
        text += f"\n![Mean ranks, with the critical difference](<{link}>)\n"
    with writing("--output", output):
        write_text(output, text)
