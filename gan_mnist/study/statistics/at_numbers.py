"""Arms compared at each number of images, where a trial trains a classifier for each number.

Such metrics are called after the number: "accuracy_at_16". Where a record says which test images
were right at a number, comparisons are over test images too, as `test_images` has it. It says so
by the metric's name, or has a training for each such metric, in the order of the metrics.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_mnist.study.statistics.looks import holm_at_looks
from gan_mnist.study.statistics.paired import Comparison, Name, compare, values_of
from gan_mnist.study.statistics.rivals import BestRival, against_best
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.statistics.test_images import over_images, unpack_rows
from gan_mnist.study.statistics.verdicts import verdict

Record = Mapping[str, Any]
SHARE = (0.0, 1.0)


def numbers_in(records: Mapping[int, Record], prefix: str) -> list[str]:
    """The numbers at which an arm has metrics of that prefix, ascending, words last."""
    numbers = {
        name.removeprefix(prefix)
        for record in records.values()
        for name in record["metrics"]
        if name.startswith(prefix)
    }
    return sorted(numbers, key=lambda number: (not number.isdigit(), len(number), number))


def compare_at(
    treated: Mapping[int, Record],
    control: Mapping[int, Record],
    prefix: str,
    number: str,
    overlap: float = 0.0,
    level: float = LEVEL,
) -> Comparison:
    """Two arms at one number: over seeds, and over test images where it is known which were right.

    Args:
        treated: Records by seed.
        control: Records by seed.
        prefix: Prefix of the metrics, which are shares.
        number: End of the metric's name.
        overlap: As `paired.overlap_of` gives it.
        level: Level of the interval.
    """
    metric = prefix + number
    comparison = compare(
        values_of(treated, metric), values_of(control, metric), SHARE, overlap, level
    )
    if comparison.ci95 is None:
        return comparison
    treated_records, control_records = (
        as_primary(records, prefix, metric) for records in (treated, control)
    )
    return over_images(comparison, treated_records, control_records, level)


def against_best_at(
    arms: Mapping[str, Mapping[int, Record]],
    name: str,
    rivals: Sequence[str],
    prefix: str,
    number: str,
    overlap: float = 0.0,
    level: float = LEVEL,
) -> BestRival | None:
    """The best rival at one number, and an arm against it.

    Args:
        arms: Records by arm and seed.
        name: The arm.
        rivals: Names of arms; those that have other metrics, and not this one, are left out.
        prefix: As for `compare_at`.
        number: As for `compare_at`.
        overlap: As for `compare_at`.
        level: As for `compare_at`.
    """
    metric = prefix + number
    records = {arm: as_primary(arms.get(arm, {}), prefix, metric) for arm in (name, *rivals)}
    values = {arm: values_of(arm_records, metric) for arm, arm_records in records.items()}
    candidates = [rival for rival in rivals if records[rival] or not arms.get(rival)]
    return against_best(name, candidates, values, records, True, SHARE, overlap, level)


def comparison_entries(
    compared: Mapping[Name, Comparison], margin: float | None = None, looks: Sequence[int] = ()
) -> dict[Name, dict[str, Any]]:
    """`difference`, `ci95`, `p_holm` (over all that are given) and `verdict` of each.

    Those without an interval are left out; higher is better.

    Args:
        compared: Each comparison.
        margin: Within which a difference counts as none.
        looks: Announced ones, for which p values count as of `looks`.
    """
    comparisons = {
        key: comparison for key, comparison in compared.items() if comparison.ci95 is not None
    }
    adjusted = holm_at_looks(
        {key: comparison.deciding_p_value for key, comparison in comparisons.items()}, looks
    )
    entries = {}
    for key, comparison in comparisons.items():
        p_holm = adjusted[key]
        entries[key] = {
            "difference": comparison.difference,
            "ci95": list(comparison.deciding_ci95 or ()),
            "p_holm": p_holm,
            "verdict": verdict(comparison, p_holm, higher_is_better=True, margin=margin),
        }
    return entries


def num_compared(gains: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> int:
    """How many comparisons Holm's correction is over.

    Args:
        gains: Entries by arm and number.
    """
    return sum(gain["p_holm"] is not None for by_number in gains.values()
               for gain in by_number.values())  # fmt: skip


def best_rival_entries(
    bests: Mapping[Name, BestRival], margin: float | None = None, looks: Sequence[int] = ()
) -> dict[Name, dict[str, Any]]:
    """As `comparison_entries`, of arms against the best rival, with its name as `rival`.

    Where a rival could not be compared it cannot be told; such are `not_compared`.
    """
    entries = comparison_entries(
        {key: best.comparison for key, best in bests.items()}, margin, looks
    )
    for key, entry in entries.items():
        if missing := bests[key].missing:
            entry |= {"p_holm": None, "verdict": "cannot tell", "not_compared": missing}
    return {key: {"rival": bests[key].rival, **entry} for key, entry in entries.items()}


def as_primary(
    records: Mapping[int, Record], prefix: str, metric: str
) -> dict[int, dict[str, Any]]:
    """Records by seed as if that metric were the primary one, for `over_images`.

    Those that lack it are left out. Where it is not known which test images were right, only how
    many there are is told.
    """
    primary_records: dict[int, dict[str, Any]] = {}
    for seed, record in records.items():
        if record["metrics"].get(metric) is None:
            continue
        correct = record.get("correct")
        if correct:
            correct = {**correct, "bits": _bits(record, prefix, metric)}
        primary_records[seed] = {**record, "status": "done", "correct": correct}
    return primary_records


def _bits(record: Record, prefix: str, metric: str) -> list[list[str]] | None:
    correct = record["correct"]
    if metric in correct.get("at", ()):
        return list(correct["at"][metric])
    index = _trainings(record, prefix).get(metric)
    return None if index is None else [[stratum_bits[index]] for stratum_bits in correct["bits"]]


def _trainings(record: Record, prefix: str) -> dict[str, int]:
    """Index of each metric's training in a record; empty if they do not match."""
    correct = record.get("correct") or {}
    names = [name for name in record["metrics"] if name.startswith(prefix)]
    if not correct.get("bits") or len(correct["bits"][0]) != len(names):
        return {}
    values = [record["metrics"][name] for name in names]
    is_match = np.allclose(_shares(correct), values, rtol=0, atol=1e-6)
    return {name: index for index, name in enumerate(names)} if is_match else {}


def _shares(correct: Mapping[str, Any]) -> NDArray[np.float64]:
    """Which share each training of a record called right, strata weighted as in the metric."""
    strata = zip(correct["bits"], correct["sizes"], strict=True)
    means = [[right.mean() for right in unpack_rows(texts, size)] for texts, size in strata]
    return np.dot(correct["weights"], means)
