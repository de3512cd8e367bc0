"""Two runs of one study, arm by arm: what differs between them, and whether it matters.

An arm is compared seed by seed where both runs have it with equal settings on equal data: its
trials then share images, initial weights and order, see `seeding`. Anything else is compared by
Welch's test, which allows for different spreads and numbers of seeds. Runs on different data have
different test images, too; without a record of which were right there is no verdict on them.

Source: Welch, Biometrika 34 (1947). Differs: where each seed has a split of its own, the variance
of either mean is that of Nadeau and Bengio, as in `small_samples`; and values that are all equal
in both runs have the p value of the permutation test.
"""

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
from gan_mnist.study.statistics.small_samples import LEVEL, MIN_SEEDS
from gan_mnist.study.statistics.test_images import (
    images_of_record,
    over_images,
    too_few,
    two_way,
    unpack,
)
from gan_mnist.study.statistics.verdicts import verdict

Record = Mapping[str, Any]
NOT_TOLD = "and records do not say which test images were right, so there is no verdict"
_WORDS = {"helps": "better", "hurts": "worse"}


@dataclass(frozen=True)
class ArmInTwoRuns:
    """An arm in two runs.

    Attributes:
        comparison: The second run's values minus the first's.
        p_holm: Adjusted over the arms; None without an interval.
        verdict: Whether the second is "better", "worse", "the same" or "cannot tell".
        unpaired: Why it is not compared seed by seed; "" where it is.
    """

    comparison: Comparison
    p_holm: float | None
    verdict: str
    unpaired: str


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
    why = {name: _unpaired(first, second, name, study) for name in arms}
    found = {name: _compared(first, second, name, metric, not why[name]) for name in arms}
    adjusted = paired.holm({name: one.deciding_p_value for name, one in found.items()})
    told = {}
    for name, one in found.items():
        called = verdict(one, adjusted[name], metric.higher_is_better, metric.margin)
        if untold := _untold(first, second, name, one):
            why[name], called = f"{why[name]}, {untold}", "cannot tell"
        told[name] = ArmInTwoRuns(one, adjusted[name], _WORDS.get(called, called), why[name])
    return told


def _untold(first: FinishedRun, second: FinishedRun, arm: str, found: Comparison) -> str:
    """Why there is no verdict, whatever the interval; "" where there may be one."""
    anew = [paired.overlap_of(run.records[arm].values()) > 0 for run in (first, second)]
    if any(anew) != all(anew):
        return "and one run's seeds share their test images, so there is no verdict"
    is_told = found.ci95_images is not None or any(anew)
    return "" if is_told or first.sha256 == second.sha256 else NOT_TOLD


def _compared(
    first: FinishedRun, second: FinishedRun, arm: str, metric: Metric, is_paired: bool
) -> Comparison:
    values = second.values(arm), first.values(arm)
    records = second.records[arm], first.records[arm]
    if is_paired:
        overlap = max(paired.overlap_of(of_run.values()) for of_run in records)
        return over_images(paired.compare(*values, metric.bounds, overlap), *records)
    overlaps = [paired.overlap_of(of_run.values()) for of_run in records]
    found = welch(*values, metric.bounds, *overlaps)
    return found if any(overlaps) else welch_over_images(found, *records)


def _unpaired(first: FinishedRun, second: FinishedRun, arm: str, study: Study | None) -> str:
    if first.sha256 != second.sha256:
        return "the data differ"
    common = sorted(first.values(arm).keys() & second.values(arm).keys())
    if len(common) < 2:
        return f"they have {'one' if common else 'no'} seed in common"
    for seed in common:
        settings = (run.settings(arm, seed, study) for run in (first, second))
        if told := differences(*settings):
            return f"the settings differ ({told})"
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
    samples = [np.array([v for v in of.values() if v is not None]) for of in (treated, control)]
    sizes = [sample.size for sample in samples]
    n = min(sizes)
    if n == 0:
        return Comparison(0, None, None, None, None, None, None, True)
    mean, mean_control = (float(sample.mean()) for sample in samples)
    difference = mean - mean_control
    if n == 1:
        return Comparison(1, mean, mean_control, difference, None, None, None, True)
    # Measured from the first value, equal values have no spread that is only rounding.
    parts = [
        (float(np.var(sample - sample[0], ddof=1)) * (1 / sample.size + extra), sample.size - 1)
        for sample, extra in zip(samples, (overlap, overlap_control), strict=True)
    ]
    is_flat = not any(variance for variance, _ in parts)
    if is_flat:
        freedom = sum(sizes) - 2.0
        error = abs(difference) / float(stats.t.isf(1 / math.comb(sum(sizes), n), freedom))
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
    told: list[list[Record]] = [
        [one for one in map(images_of_record, of.values()) if one] for of in (treated, control)
    ]
    few = next(filter(None, (too_few(one) for of in told for one in of)), "")
    found = replace(found, too_few=few)
    is_whole = [len(told[0]), len(told[1])] == [len(treated), len(control)]
    is_whole = is_whole and all(one.get("bits") for of in told for one in of)
    if found.n < 2 or found.difference is None or not is_whole:
        return found
    kinds = [{(c["labels"], tuple(c["sizes"]), tuple(c["weights"])) for c in of} for of in told]
    if any(len(kind) != 1 for kind in kinds) or min(min(of[0]["sizes"]) for of in told) < 2:
        return found
    parts = []
    for of in told:
        strata = [np.array(rows) for rows in zip(*map(unpack, of), strict=True)]
        _, error, freedom = two_way(strata, of[0]["weights"])
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
    half = error * float(stats.t.isf(LEVEL / 2, freedom))
    span = math.inf if bounds is None else float(bounds[1] - bounds[0])
    p_value = 2 * float(stats.t.sf(abs(difference) / error, freedom)) if error else 1.0
    return (max(difference - half, -span), min(difference + half, span)), p_value


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
    records = [record for of_arm in run.records.values() for record in of_arm.values()]
    return {
        "data set": f"{data.get('name')}, sha256 {run.sha256[:12]}",
        "images": _images(data.get("counts", {})),
        "preset": run.description.get("preset"),
        "seeds": len(run.description["seeds"]),
        **{f"setting {k}": v for k, v in as_declared(run.description["settings"], study).items()},
        "measured": run.measured(study).label,
        "device": _all_of(record.get("device") for record in records),
        **{
            f"version of {name}": _all_of(r.get("versions", {}).get(name) for r in records)
            for name in dict.fromkeys(name for r in records for name in r.get("versions", {}))
        },
    }


def _images(counts: Mapping[str, Mapping[str, int]]) -> str:
    splits = dict.fromkeys(split for of_class in counts.values() for split in of_class)
    sums = {split: sum(of.get(split, 0) for of in counts.values()) for split in splits}
    return ", ".join(f"{number:,} {split}" for split, number in sums.items()) or "not told"


def _in_short(arm: Mapping[str, Any]) -> str:
    changes = arm.get("changes", {})
    return ", ".join(f"{name}={value}" for name, value in changes.items()) or "no changes"


def _all_of(values: Any) -> str:
    return " and ".join(sorted({str(value) for value in values if value})) or "not told"
