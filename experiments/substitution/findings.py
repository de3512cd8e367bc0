"""What generated images cost by class, what ways of use save, what choosing by test images adds."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.statistics.paired import Comparison, gap_closed
from gan_mnist.study.words import with_interval

from .study import ARMS, AS_THEY_COME, WAYS

PRIMARY, CLASS_PREFIX = "macro_auc", "auc_"
REAL, GENERATED = "real_only", "generated_only"
ALONE = tuple(
    arm.name for arm in ARMS if arm.kind != "check" and arm.changes.get("trained_on") == "generated"
)
# As `criterion`, `reported` and `best` of `_chosen`; for these metrics see `trial.checkpoints`.
AT_THE_END = "val_accuracy", "accuracy", "accuracy"
AT_THE_BEST = "val_accuracy_at_best", "accuracy_at_best_validation", "habit_accuracy_at_best_test"

Metrics = Mapping[int, Mapping[str, float]]
Arms = Mapping[str, Metrics]


def findings(evidence: Evidence) -> dict[str, Any]:
    """How near generated images come to real ones, and in which class least.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `classes`: by name the mean AUC on `real` and on `generated` images only over
        the seeds that have both, their paired `difference` and its `ci95`, most costly class first;
        `gap_closed`: by arm that shows generated images alone, the `share` of the gap in accuracy
        from `generated_only` to `real_only` that it closes, and its `share_ci95`; and
        `chosen_on_test`, as of `habit`.
    """
    classes, gap_entries = _classes(evidence), _gap_closed(evidence)
    intervals = {record.get("settings", {}).get("intervals", 0) for record in evidence.finished}
    habit_entries = habit(evidence, max(intervals, default=0))
    lines = [
        *_of_auc(evidence, classes),
        *_of_gap(evidence.metrics, gap_entries),
        *_of_habit(habit_entries),
    ]
    return {
        "lines": lines,
        "classes": classes,
        "gap_closed": gap_entries,
        "chosen_on_test": habit_entries,
    }


def habit(evidence: Evidence, checkpoints: int) -> dict[str, Any]:
    """How much accuracy the habit adds of choosing by the test images that it is measured on.

    The difference is to the same candidates chosen from by validation images. Each seed chooses for
    itself, as someone with one run would.

    Args:
        evidence: Arms and records of the run; the `WAYS` among its arms are the candidates.
        checkpoints: Number of checkpoints of each training.

    Returns:
        For `checkpoints` of the images as they come, `ways` of use at the end of training, and
        `both`, the ways at any checkpoint: number of `candidates`, means `on_test` and
        `on_validation`, `difference`, `ci95` and `n`. Only seeds that have all the ways count.
    """
    choices = {
        "checkpoints": (WAYS[:1], AT_THE_BEST, checkpoints),
        "ways": (WAYS, AT_THE_END, len(WAYS)),
        "both": (WAYS, AT_THE_BEST, checkpoints * len(WAYS)),
    }
    entries = {}
    for name, (ways, metric_names, num_candidates) in choices.items():
        on_validation, on_test = _chosen(evidence.metrics, ways, *metric_names)
        comparison = evidence.compare(on_test, on_validation, (0, 1))
        if comparison.ci95 is not None:
            entries[name] = {
                "candidates": num_candidates,
                "on_test": comparison.treated,
                "on_validation": comparison.control,
                "difference": comparison.difference,
                "ci95": list(comparison.ci95),
                "n": comparison.n,
            }
    return entries


def _chosen(
    arms: Arms, ways: Sequence[str], criterion: str, reported: str, best: str
) -> tuple[dict[int, float], dict[int, float]]:
    """By seed: `reported` of the way highest in `criterion`, and the highest `best` of any."""
    metrics_by_way = [
        {
            seed: metrics
            for seed, metrics in arms.get(way, {}).items()
            if {criterion, reported, best} <= set(metrics)
        }
        for way in ways
    ]
    on_validation, on_test = {}, {}
    for seed in sorted(set.intersection(*map(set, metrics_by_way))):
        candidates = [by_seed[seed] for by_seed in metrics_by_way]
        on_validation[seed] = max(candidates, key=lambda metrics: metrics[criterion])[reported]
        on_test[seed] = max(metrics[best] for metrics in candidates)
    return on_validation, on_test


def _classes(evidence: Evidence) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(
        name
        for metrics in evidence.metrics.get(GENERATED, {}).values()
        for name in metrics
        if name.startswith(CLASS_PREFIX)
    )
    classes: dict[str, dict[str, Any]] = {}
    for name in names:
        comparison = _compare(evidence, name)
        if comparison.ci95 is not None:
            classes[name.removeprefix(CLASS_PREFIX)] = {
                "real": comparison.control,
                "generated": comparison.treated,
                "difference": comparison.difference,
                "ci95": list(comparison.ci95),
            }
    return dict(sorted(classes.items(), key=lambda item: item[1]["difference"]))


def _gap_closed(evidence: Evidence) -> dict[str, dict[str, Any]]:
    arms, interval_args = evidence.metrics, (evidence.overlap, evidence.level)
    base, real = (_values(arms, arm, "accuracy") for arm in (GENERATED, REAL))
    entries = {}
    for name in arms:
        if name in ALONE and name != GENERATED:
            closed = gap_closed(_values(arms, name, "accuracy"), base, real, True, *interval_args)
            if closed is not None:
                share, interval = closed
                entries[name] = {"share": share, "share_ci95": list(interval)}
    return entries


def _of_auc(evidence: Evidence, classes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = []
    auc = _compare(evidence, PRIMARY)
    if auc.ci95 is not None:
        low, high = auc.ci95
        lines.append(
            "Trained on generated images alone, macro ROC AUC on real ones is "
            f"{auc.treated:.4f}, trained on real ones {auc.control:.4f} "
            f"({auc.difference:+.4f}, 95 % CI {low:+.4f} to {high:+.4f}, {auc.n} seeds); "
            "arXiv 1812.01547 reports more than 0.95."
        )
    if classes:
        name, worst = next(iter(classes.items()))
        low, high = worst["ci95"]
        lines.append(
            f"The class that generated images serve worst is `{name}`: ROC AUC "
            f"{worst['generated']:.4f} against {worst['real']:.4f} on real ones "
            f"({worst['difference']:+.4f}, 95 % CI {low:+.4f} to {high:+.4f}, which does not allow "
            f"for its being the worst of {len(classes)})."
        )
    return lines


def _of_gap(arms: Arms, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not entries:
        return []
    generated, real = (_values(arms, arm, "accuracy") for arm in (GENERATED, REAL))
    common_seeds = generated.keys() & real.keys()
    low, high = (fmean(values[seed] for seed in common_seeds) for values in (generated, real))
    shares = (
        f"`{name}` {100 * entry['share']:.0f} % ({100 * entry['share_ci95'][0]:.0f} to "
        f"{100 * entry['share_ci95'][1]:.0f})"
        for name, entry in sorted(entries.items(), key=lambda item: -item[1]["share"])
    )
    return [
        f"Of the gap in accuracy from `{GENERATED}` ({low:.4f}) to `{REAL}` ({high:.4f}) images "
        f"alone close, with 95 % intervals: {', '.join(shares)}."
    ]


def _of_habit(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    words = {
        "checkpoints": f"checkpoints of `{AS_THEY_COME}`",
        "ways": "ways of use",
        "both": "checkpoints and ways together",
    }
    phrases = [
        f"of {entry['candidates']} {words[key]} {with_interval(entry['difference'], entry['ci95'])}"
        for key, entry in entries.items()
    ]
    if not phrases:
        return []
    seeds = min(entry["n"] for entry in entries.values())
    return [
        "A habit under study, not a result: accuracy of what was chosen by the test images, minus "
        f"accuracy of what validation images chose: {'; '.join(phrases)} ({seeds} seeds)."
    ]


def _values(arms: Arms, arm: str, name: str) -> dict[int, float]:
    return {seed: metrics[name] for seed, metrics in arms.get(arm, {}).items() if name in metrics}


def _compare(evidence: Evidence, name: str) -> Comparison:
    """A metric after training on generated images against that after training on real ones."""
    generated, real = (_values(evidence.metrics, arm, name) for arm in (GENERATED, REAL))
    return evidence.compare(generated, real, (0, 1))
