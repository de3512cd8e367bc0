"""The arms and records of a run, as the `findings.py` of an experiment receives them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gan_mnist.study.answer.results import Record, Records, applies, done
from gan_mnist.study.spec import Arm
from gan_mnist.study.statistics import looks as looks_at
from gan_mnist.study.statistics import paired
from gan_mnist.study.statistics.at_numbers import (
    against_best_at,
    best_rival_entries,
    compare_at,
    comparison_entries,
    numbers_in,
)
from gan_mnist.study.statistics.paired import Bounds, Comparison, Name, Values
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.statistics.test_images import image_shortage, images_of_record, over_images
from gan_mnist.study.words import first_told

# Entries of comparisons by arm and number of images.
Gains = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Evidence:
    """The arms and records of a run; its comparisons allow for announced looks.

    Attributes:
        arms: Arms of the run; one whose source leaks is a "check".
        records: By arm and seed, of all trials that have ended, failed ones included.
        looks: The announced looks.
    """

    arms: Sequence[Arm]
    records: Records
    looks: Sequence[int] = ()

    @cached_property
    def done(self) -> dict[str, dict[int, Record]]:
        """The records of trials that have ended well, by arm and seed; no arm without one."""
        ended = {name: done(arm_records) for name, arm_records in self.records.items()}
        return {name: arm_records for name, arm_records in ended.items() if arm_records}

    @cached_property
    def finished(self) -> list[Record]:
        """The same in a row, in the order of the plan."""
        return [record for arm_records in self.done.values() for record in arm_records.values()]

    @property
    def metrics(self) -> dict[str, dict[int, Mapping[str, float]]]:
        """Their metrics, by arm and seed."""
        return {
            name: {seed: record["metrics"] for seed, record in arm_records.items()}
            for name, arm_records in self.done.items()
        }

    @cached_property
    def overlap(self) -> float:
        """What seeds have in common, as `paired.overlap_of` has it."""
        return paired.overlap_of(self.finished)

    @cached_property
    def level(self) -> float:
        """Share of intervals that miss the truth: 0.05, or less with announced looks."""
        return looks_at.look_level(self.looks)

    def of_kind(self, kind: str) -> list[str]:
        """Names of the arms of a kind, except those that do not apply here.

        Failed rivals count, too: nothing is above what could not be compared.
        """
        records_by_arm = {
            arm.name: self.records.get(arm.name, {}) for arm in self.arms if arm.kind == kind
        }
        return [name for name, arm_records in records_by_arm.items() if applies(arm_records)]

    def compare(
        self, treated: Values, control: Values, bounds: Bounds = None, among: int = 1
    ) -> Comparison:
        """As `paired.compare`, allowing for a choice among `among`, and with `image_shortage`."""
        comparison = paired.compare(treated, control, bounds, self.overlap, self.level / among)
        return replace(comparison, image_shortage=self.image_shortage)

    def compare_arms(
        self, arm: str, reference: str, metric: str, bounds: Bounds = None, among: int = 1
    ) -> Comparison:
        """Two arms in the primary metric, over test images, too, if records say which were right.

        Args:
            arm: Name of the arm.
            reference: Name of the other.
            metric: The primary metric.
            bounds: Its bounds.
            among: As for `compare`.
        """
        arm_records, reference_records = (self.done.get(name, {}) for name in (arm, reference))
        arm_values, reference_values = (
            paired.values_of(records, metric) for records in (arm_records, reference_records)
        )
        comparison = self.compare(arm_values, reference_values, bounds, among)
        return over_images(comparison, arm_records, reference_records, self.level / among)

    def gains_at(self, prefix: str, arms: Sequence[str], reference: str) -> Gains:
        """Arms against another at each number of images; Holm adjusts over all of them.

        Args:
            prefix: Of the metrics, as for `at_numbers.compare_at`.
            arms: Names of arms with finished trials.
            reference: Name of the other, which has some, too.

        Returns:
            By arm, and number where there is an interval, what `comparison_entries` gives.
        """
        done, overlap, level = self.done, self.overlap, self.level
        comparisons = {
            (arm, number): compare_at(done[arm], done[reference], prefix, number, overlap, level)
            for arm, number in self._numbers(prefix, arms)
        }
        return _by_arm(arms, comparison_entries(comparisons, looks=self.looks))

    def gains_over_best_at(
        self,
        prefix: str,
        arms: Sequence[str],
        rivals: Sequence[str],
        margin: float | None = None,
        is_best: bool = False,
    ) -> Gains:
        """As `gains_at`, against the best of the rivals.

        Args:
            prefix: As for `gains_at`.
            arms: As for `gains_at`.
            rivals: Names of arms, with finished trials or without.
            margin: As for `best_rival_entries`, which gives the entries.
            is_best: Whether intervals allow for a choice among the arms at each number.
        """
        pairs = self._numbers(prefix, arms)
        num_arms = Counter(number for _, number in pairs)
        bests = {}
        for arm, number in pairs:
            level = self.level / num_arms[number] if is_best else self.level
            best = against_best_at(self.done, arm, rivals, prefix, number, self.overlap, level)
            if best is not None:
                bests[arm, number] = best
        return _by_arm(arms, best_rival_entries(bests, margin, self.looks))

    def _numbers(self, prefix: str, arms: Iterable[str]) -> list[tuple[str, str]]:
        return [(arm, number) for arm in arms for number in numbers_in(self.done[arm], prefix)]

    @cached_property
    def image_shortage(self) -> str:
        """Which test images are fewer than a verdict wants, in words; "" for none."""
        correct_entries = [
            correct for record in self.finished if (correct := images_of_record(record))
        ]
        return first_told(map(image_shortage, correct_entries))

    def with_doubt(self, lines: Sequence[str]) -> list[str]:
        """Lines, and a sentence on arms with too few seeds to rely on, where there are some."""
        few = {name: len(own) for name, own in self.done.items() if len(own) < MIN_SEEDS}
        if not lines or not few:
            return list(lines)
        names = [f"`{name}` ({number})" for name, number in few.items()]
        if len(few) == len(self.done) and len(set(few.values())) == 1:
            names = [f"every arm ({min(few.values())})"]
        return [*lines, f"Too few seeds to rely on: {', '.join(names)}."]

    def holm(self, p_values: Mapping[Name, float | None]) -> dict[Name, float | None]:
        """As `paired.holm`; p values are adjusted for the announced looks first."""
        return looks_at.holm_at_looks(p_values, self.looks)


def _by_arm(arms: Iterable[str], entries: Mapping[tuple[str, str], dict[str, Any]]) -> Gains:
    gains: Gains = {arm: {} for arm in arms}
    for (arm, number), entry in entries.items():
        gains[arm][number] = entry
    return gains
