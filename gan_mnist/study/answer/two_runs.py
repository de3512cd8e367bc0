"""Two runs of one study, arm by arm: what differs between them, and whether it matters.

An arm is compared seed by seed where both runs have it with equal settings on equal data: its
trials then share images, initial weights and order, see `seeding`. Anything else is compared by
Welch's test, which allows for different spreads and numbers of seeds. Runs on different data have
different test images, too; without a record of which were right there is no verdict on them.

Source: Welch, Biometrika 34 (1947). Differs: where each seed has a split of its own, the variance
of either mean is that of Nadeau and Bengio, as in `small_samples`; and values that are all equal
in both runs, but for rounding, have the p value of the permutation test where no split overlaps.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from gan_mnist.study.finished import FinishedRun
from gan_mnist.study.records import as_declared, differences
from gan_mnist.study.spec import Metric, Study
from gan_mnist.study.statistics import paired
from gan_mnist.study.statistics.paired import Comparison, Values
from gan_mnist.study.statistics.small_samples import LEVEL, MIN_SEEDS, tied
from gan_mnist.study.statistics.test_images import (
    have_same_images,
    image_shortage,
    images_of_record,
    over_images,
    shares_of_trials,
    two_way,
)
from gan_mnist.study.statistics.verdicts import verdict
from gan_mnist.study.words import first_told

Record = Mapping[str, Any]
NOT_TOLD = "records do not say which test images were right, so there is no verdict"
_WORDS = {"helps": "better", "hurts": "worse"}


@dataclass(frozen=True)
class ArmInTwoRuns:
    """An arm in two runs.

    Attributes:
        comparison: The second run's values minus the first's.
        p_holm: Adjusted over the arms; None without an interval.
        verdict: Whether the second is "better", "worse", "the same" or "cannot tell".
        unpaired: Why it is not compared seed by seed; "" where it is.
        no_verdict: Why there is no verdict, whatever the interval; "" where there may be one.
    """

    comparison: Comparison
    p_holm: float | None
    verdict: str
    unpaired: str
    no_verdict: str


def compare_two_runs(
    first: FinishedRun, second: FinishedRun, arms: list[str], metric: Metric, study: Study | None
) -> dict[str, ArmInTwoRuns]:
    """Each arm of `second` against the same one of `first`; Holm adjusts over them.

    Args:
        first: The run that the other is compared with.
        second: A run of the same experiment.
        arms: Names of arms that both have.
        metric: The primary metric.
        study: The experiment, if available; fills in settings that were not recorded.
    """
    reasons = {name: _unpaired(first, second, name, study) for name in arms}
    comparisons = {name: _compared(first, second, name, metric, not reasons[name]) for name in arms}
    adjusted = paired.holm(
        {name: comparison.deciding_p_value for name, comparison in comparisons.items()}
    )
    results = {}
    for name, comparison in comparisons.items():
        label = verdict(comparison, adjusted[name], metric.higher_is_better, metric.margin)
        if no_verdict := _no_verdict(first, second, name, comparison):
            label = "cannot tell"
        results[name] = ArmInTwoRuns(
            comparison, adjusted[name], _WORDS.get(label, label), reasons[name], no_verdict
        )
    return results


def _no_verdict(first: FinishedRun, second: FinishedRun, arm: str, comparison: Comparison) -> str:
    """Why there is no verdict, whatever the interval; "" where there may be one."""
    own_splits = [paired.overlap_of(run.records[arm].values()) > 0 for run in (first, second)]
    if any(own_splits) != all(own_splits):
        return "one run's seeds share their test images, so there is no verdict"
    is_known = comparison.ci95_images is not None or any(own_splits)
    return "" if is_known or first.sha256 == second.sha256 else NOT_TOLD


def _compared(
    first: FinishedRun, second: FinishedRun, arm: str, metric: Metric, is_paired: bool
) -> Comparison:
    values = second.values(arm), first.values(arm)
    records = second.records[arm], first.records[arm]
    if is_paired:
        overlap = max(paired.overlap_of(run_records.values()) for run_records in records)
        return over_images(paired.compare(*values, metric.bounds, overlap), *records)
    overlaps = [paired.overlap_of(run_records.values()) for run_records in records]
    comparison = welch(*values, metric.bounds, *overlaps)
    return comparison if any(overlaps) else welch_over_images(comparison, *records)


def _unpaired(first: FinishedRun, second: FinishedRun, arm: str, study: Study | None) -> str:
    if first.sha256 != second.sha256:
        return "the data differ"
    common = sorted(first.values(arm).keys() & second.values(arm).keys())
    if len(common) < 2:
        return f"they have {'one' if common else 'no'} seed in common"
    for seed in common:
        settings = (run.settings(arm, seed, study) for run in (first, second))
        if details := differences(*settings):
            return f"the settings differ ({details})"
    return ""


def welch(
    treated: Values,
    control: Values,
    bounds: paired.Bounds = None,
    overlap: float = 0.0,
    overlap_control: float = 0.0,
) -> Comparison:
    """Treated minus control, for independent samples.

    Args:
        treated: Values by seed.
        control: Values by seed.
        bounds: Lowest and highest that a value can be, or None.
        overlap: That of `treated`, as `paired.overlap_of` gives it.
        overlap_control: That of `control`.

    Returns:
        `n` is that of the smaller sample; there is no interval if it is below 2.
    """
    samples = [
        np.array([value for value in values.values() if value is not None])
        for values in (treated, control)
    ]
    sizes = [sample.size for sample in samples]
    n = min(sizes)
    if n == 0:
        return Comparison(0)
    mean, mean_control = (float(sample.mean()) for sample in samples)
    # What is only rounding is no difference, and no spread.
    difference = 0.0 if tied(np.concatenate(samples)) else mean - mean_control
    if n == 1:
        return Comparison(1, mean, mean_control, difference)
    shares = [
        1 / size + extra for size, extra in zip(sizes, (overlap, overlap_control), strict=True)
    ]
    parts = [
        (0.0 if tied(sample) else float(np.var(sample, ddof=1)) * share, sample.size - 1)
        for sample, share in zip(samples, shares, strict=True)
    ]
    is_flat = all(map(tied, samples))
    if is_flat:
        freedom = sum(sizes) - 2.0
        error = abs(difference) / float(stats.t.isf(1 / math.comb(sum(sizes), n), freedom))
        # As much wider as an overlap makes the error of values that differ.
        error *= math.sqrt(sum(shares) / sum(1 / size for size in sizes))
    else:
        error, freedom = _satterthwaite(parts)
    interval, p_value = _judged(difference, error, freedom, bounds)
    return Comparison(
        n,
        mean,
        mean_control,
        difference,
        interval,
        p_value,
        error,
        more_seeds_needed=n < MIN_SEEDS or is_flat,
        overlap=max(overlap, overlap_control),
    )


def welch_over_images(
    found: Comparison, treated: Mapping[int, Record], control: Mapping[int, Record]
) -> Comparison:
    """The comparison over test images too, where all records say which were right.

    The images of one run are taken for others than those of the other; where they are the same
    ones, this errs on the careful side.
    """
    correct_by_run: list[list[Record]] = [
        [entry for entry in map(images_of_record, records.values()) if entry]
        for records in (treated, control)
    ]
    shortage = first_told(image_shortage(entry) for entries in correct_by_run for entry in entries)
    found = replace(found, image_shortage=shortage)
    is_complete = [len(correct_by_run[0]), len(correct_by_run[1])] == [len(treated), len(control)]
    if found.n < 2 or found.difference is None or not is_complete:
        return found
    if not all(map(have_same_images, correct_by_run)):
        return found
    parts = []
    for entries in correct_by_run:
        _, error, freedom = two_way(shares_of_trials(entries), entries[0]["weights"])
        parts.append((float(error) ** 2, float(freedom)))
    interval, p_value = _judged(found.difference, *_satterthwaite(parts), (0, 1))
    return replace(found, ci95_images=interval, p_value_images=p_value)


def _satterthwaite(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a difference, from variances of means with theirs.

    Source: Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    variance = sum(part for part, _ in parts)
    return math.sqrt(variance), variance**2 / sum(part**2 / freedom for part, freedom in parts)


def _judged(
    difference: float, error: float, freedom: float, bounds: paired.Bounds
) -> tuple[paired.Interval, float]:
    """The 95 % interval and the two-sided p value of a t test."""
    half_width = error * float(stats.t.isf(LEVEL / 2, freedom))
    span = math.inf if bounds is None else float(bounds[1] - bounds[0])
    p_value = 2 * float(stats.t.sf(abs(difference) / error, freedom)) if error else 1.0
    return (max(difference - half_width, -span), min(difference + half_width, span)), p_value


def run_differences(first: FinishedRun, second: FinishedRun, study: Study | None) -> list[str]:
    """What the runs were made with and do not share, a line each; none where all is equal."""
    sides = [_made_with(run, study) for run in (first, second)]
    shared = first.description["arms"].keys() & second.description["arms"].keys()
    for side, run in zip(sides, (first, second), strict=True):
        side |= {f"arm {name}": _in_short(run.description["arms"][name]) for name in sorted(shared)}
    return [
        line
        for name in {**sides[0], **sides[1]}
        if (line := differences(*({name: side.get(name, "absent")} for side in sides)))
    ]


def _made_with(run: FinishedRun, study: Study | None) -> dict[str, Any]:
    data = run.description["dataset"]
    records = [record for arm_records in run.records.values() for record in arm_records.values()]
    versions = [record.get("versions", {}) for record in records]
    packages = dict.fromkeys(itertools.chain(*versions))
    return {
        "data set": f"{data.get('name')}, sha256 {run.sha256[:12]}",
        "images": _images(data.get("counts", {})),
        "preset": run.description.get("preset"),
        "seeds": len(run.description["seeds"]),
        **{
            f"setting {name}": value
            for name, value in as_declared(run.description["settings"], study).items()
        },
        "measured": run.measured(study).label,
        "device": _all_of(record.get("device") for record in records),
        **{
            f"version of {name}": _all_of(of_record.get(name) for of_record in versions)
            for name in packages
        },
    }


def _images(counts: Mapping[str, Mapping[str, int]]) -> str:
    splits = dict.fromkeys(split for split_counts in counts.values() for split in split_counts)
    totals = {
        split: sum(split_counts.get(split, 0) for split_counts in counts.values())
        for split in splits
    }
    return ", ".join(f"{number:,} {split}" for split, number in totals.items()) or "not told"


def _in_short(arm: Mapping[str, Any]) -> str:
    changes = arm.get("changes", {})
    return ", ".join(f"{name}={value}" for name, value in changes.items()) or "no changes"


def _all_of(values: Any) -> str:
    return " and ".join(sorted({str(value) for value in values if value})) or "not told"
