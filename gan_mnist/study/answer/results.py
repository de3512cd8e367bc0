"""Arms compared on a metric, and what `summary.json` tells of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Expectation, Metric
from gan_mnist.study.statistics import looks as looks_at
from gan_mnist.study.statistics import paired, power
from gan_mnist.study.statistics.paired import Comparison, Name
from gan_mnist.study.statistics.rivals import against_best
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.statistics.test_images import as_entries, over_images
from gan_mnist.study.statistics.verdicts import holds, verdict

Record = Mapping[str, Any]
Records = Mapping[str, Mapping[int, Record]]


class AdjustedComparison(NamedTuple):
    """A comparison, its p value adjusted by Holm, and the number of tests that Holm adjusts over.

    With announced looks the number is more, as the level falls.
    """

    comparison: Comparison
    p_holm: float | None
    tests: float


@dataclass(frozen=True)
class Results:
    """The values of arms in a metric, and how they are compared.

    Attributes:
        metric: The metric.
        records: Records by arm and seed.
        looks: The announced looks; intervals and adjusted p values are those of `looks`.
        further: Whether records are on a further test set, as by `on_further_test`: all seeds
            share its images, even if each splits the data set anew.
        num_chosen_from: Number of comparisons to choose from, which intervals allow for.
    """

    metric: Metric
    records: Records
    looks: Sequence[int] = ()
    further: bool = False
    num_chosen_from: int = 1

    @cached_property
    def values(self) -> dict[str, dict[int, float]]:
        """The finite values, by arm and seed."""
        return {
            arm: finite(arm_records, self.metric.name) for arm, arm_records in self.records.items()
        }

    @cached_property
    def overlap(self) -> float:
        """What seeds have in common, as `paired.overlap_of` has it."""
        return paired.overlap_of(
            record for arm_records in self.records.values() for record in arm_records.values()
        )

    @property
    def level(self) -> float:
        """Share of intervals that miss the truth: 0.05, or less with looks or after a choice."""
        return looks_at.look_level(self.looks) / self.num_chosen_from

    def applicable(self, names: Sequence[str]) -> list[str]:
        """Those of the arms that have results, or would have if their trials had not failed."""
        return [name for name in names if applies(self.records[name])]

    def chosen_from(self, count: int) -> "Results":
        """The same, for a comparison that was chosen from `count`."""
        return replace(self, num_chosen_from=count)

    def compare(self, pairs: Sequence[Pair]) -> dict[Pair, AdjustedComparison]:
        """Each pair's comparison; Holm adjusts over all of them."""
        comparisons = {pair: self._compare(pair, self.level) for pair in pairs}
        adjusted = self._holm(comparisons)
        tests = (
            sum(p is not None for p in adjusted.values()) * LEVEL / looks_at.look_level(self.looks)
        )
        return {
            pair: AdjustedComparison(comparisons[pair], adjusted[pair], tests) for pair in pairs
        }

    def _holm(self, comparisons: Mapping[Name, Comparison]) -> dict[Name, float | None]:
        """Each comparison's p value, adjusted over them all and for the announced looks."""
        p_values = {name: found.deciding_p_value for name, found in comparisons.items()}
        return looks_at.holm_at_looks(p_values, self.looks)

    def _compare(self, pair: Pair, level: float, with_images: bool = True) -> Comparison:
        treated, control = (self.values[arm] for arm in pair)
        comparison = paired.compare(treated, control, self.metric.bounds, self.overlap, level)
        if self.further:
            comparison = replace(comparison, overlap=0.0)
        if not with_images:
            return comparison
        return over_images(comparison, self.records[pair.arm], self.records[pair.reference], level)

    def control_entry(self, tested: AdjustedComparison) -> dict[str, Any]:
        """What an arm's entry tells of its comparison with the control."""
        comparison, p_holm, _ = tested
        if comparison.n == 0:
            return {"more_seeds_needed": True}
        return {
            "difference": comparison.difference,
            "difference_ci95": as_list(comparison.ci95),
            "p_value": comparison.p_value,
            "p_holm": p_holm,
            **self._power(tested),
            "verdict": self.verdict(comparison, p_holm),
            **as_entries(comparison),
        }

    def primary_entry(self, tested: AdjustedComparison) -> dict[str, Any]:
        """What an entry tells of a primary comparison, be there no common seed yet."""
        comparison, p_holm, _ = tested
        return {
            "difference": comparison.difference,
            "ci95": as_list(comparison.deciding_ci95),
            "p_value": comparison.deciding_p_value,
            "p_holm": p_holm,
            **self._power(tested),
            "verdict": self.verdict(comparison, p_holm),
            "too_few_test_images": comparison.image_shortage or None,
        }

    def rival_entry(self, tested: AdjustedComparison) -> dict[str, Any] | None:
        """What an arm's entry tells of its comparison with a rival; None without a common seed."""
        comparison, p_holm, _ = tested
        return None if comparison.n == 0 else self._rival_entry(comparison, p_holm)

    def _rival_entry(self, comparison: Comparison, p_holm: float | None) -> dict[str, Any]:
        return {
            "n": comparison.n,
            "difference": comparison.difference,
            "ci95": as_list(comparison.deciding_ci95),
            "p_holm": p_holm,
            "more_seeds_needed": comparison.more_seeds_needed,
            "verdict": self.verdict(comparison, p_holm),
            "too_few_test_images": comparison.image_shortage or None,
        }

    def _power(self, tested: AdjustedComparison) -> dict[str, Any]:
        effect = power.smallest_detectable_effect(
            tested.comparison, tested.tests, self.metric.bounds
        )
        return {
            "smallest_detectable_effect": effect,
            "more_seeds_needed": tested.comparison.more_seeds_needed,
        }

    def compare_with_best_rival(
        self, names: Sequence[str], rivals: Sequence[str], measures: int = 1
    ) -> dict[str, dict[str, Any]]:
        """Each arm against the best of the rivals, see `rivals`; Holm adjusts over the arms.

        Where this is one of several `measures` in which that is asked, p is multiplied by them.
        An arm is not above all rivals if one has fewer than two seeds in common with it, as its
        trials failed: such rivals are listed as `not_compared`, and there is no p.
        """
        metric = self.metric
        options = (metric.higher_is_better, metric.bounds, self.overlap, self.level)
        compared = {
            name: against_best(name, rivals, self.values, self.records, *options) for name in names
        }
        bests = {name: best for name, best in compared.items() if best is not None}
        adjusted = self._holm({name: best.comparison for name, best in bests.items()})
        entries: dict[str, dict[str, Any]] = {}
        for name, (best_rival, comparison, missing) in bests.items():
            p = adjusted[name]
            p_holm = None if missing or p is None else min(1.0, p * measures)
            entries[name] = {
                "rival": best_rival,
                "rivals": [rival for rival in rivals if rival not in missing],
                **self._rival_entry(comparison, p_holm),
            }
            if missing:
                entries[name] |= {"not_compared": missing, "verdict": "cannot tell"}
        return entries

    def compare_with_ablation(
        self, pair: Pair, tested: AdjustedComparison | None = None
    ) -> dict[str, Any]:
        """The entry of an arm's comparison with its ablation.

        Each is tested by itself, unless it was `tested` among primary comparisons.
        """
        comparison, p_value, _ = tested or self.compare([pair])[pair]
        return {
            "arm": pair.reference,
            "n": comparison.n,
            "difference": comparison.difference,
            "ci95": as_list(comparison.deciding_ci95),
            "p_value": p_value,
            "more_seeds_needed": comparison.more_seeds_needed,
            "verdict": self.verdict(comparison, p_value),
        }

    def check(self, expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
        """One entry an expectation whose two arms were both asked for.

        That two are equal is judged over test images too. Looks count for nothing here.
        """
        checks = []
        for expectation in expectations:
            if expectation.arm in self.values and expectation.reference in self.values:
                is_equal = expectation.relation == "equal to"
                comparison = self._compare(
                    Pair(expectation.arm, expectation.reference), LEVEL, is_equal
                )
                checks.append(
                    {
                        "arm": expectation.arm,
                        "relation": expectation.relation,
                        "reference": expectation.reference,
                        "ok": holds(expectation.relation, comparison, self.metric.margin),
                        "difference": comparison.difference,
                        "difference_ci95": as_list(comparison.deciding_ci95),
                    }
                )
        return checks

    def verdict(self, comparison: Comparison, p_holm: float | None) -> str:
        """What a comparison in this metric is called."""
        return verdict(comparison, p_holm, self.metric.higher_is_better, self.metric.margin)


def done(records: Mapping[int, Record]) -> dict[int, Record]:
    """Those of trials that have ended well."""
    return {seed: record for seed, record in records.items() if record["status"] == "done"}


def applies(records: Mapping[int, Record]) -> bool:
    """Whether an arm has results, or would have some if its trials had not failed."""
    return any(record["status"] != "not_applicable" for record in records.values())


def on_further_test(by_arm: Records, name: str) -> Records:
    """Records with a further test set in place of the data set's, for what is known of its images.

    Older records do not say how many images there are and which were right: the number of files
    read, an upper bound, is used.
    """
    return {
        arm: {seed: _on_further(record, name) for seed, record in arm_records.items()}
        for arm, arm_records in by_arm.items()
    }


def _on_further(record: Record, name: str) -> Record:
    dataset = record.get("dataset", {})
    num_images = dataset.get("further_tests", {}).get(name, {}).get("files", {}).get("read")
    counts = {} if num_images is None else {name: {"test": num_images}}
    correct = record.get("correct_further", {}).get(name)
    changes = {"correct": correct, "settings": {}, "dataset": {**dataset, "counts": counts}}
    return {**record, **changes}


def finite(records: Mapping[int, Record], metric: str) -> dict[int, float]:
    """The finite values of a metric by seed."""
    values = ((seed, record["metrics"].get(metric)) for seed, record in done(records).items())
    return {seed: value for seed, value in values if value is not None and math.isfinite(value)}


def as_list(interval: paired.Interval | None) -> list[float] | None:
    """An interval as JSON has it."""
    return None if interval is None else list(interval)
