"""Explains verdicts that seem to contradict their interval or p, wherever these are shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_mnist.study.statistics.small_samples import LEVEL

Entries = Mapping[str, Mapping[str, Any]]
# Kinds of comparisons: where the summary has them.
CONTROL, PRIMARY, RIVAL, RIVALS = "control", "primary", "versus_rival", "versus_rivals"


@dataclass(frozen=True)
class ReportedComparison:
    """A comparison of two arms as the summary tells it.

    Attributes:
        arm: Its name.
        reference: That of the other; of `RIVALS` the best of them.
        entry: With `difference`, `p_holm` and `verdict`.
        tests: How many comparisons Holm adjusts over.
        image_shortage: Which test images are too few for a verdict, in words, or None.
    """

    arm: str
    reference: str
    entry: Mapping[str, Any]
    tests: int
    image_shortage: str | None = None

    @property
    def interval(self) -> Sequence[float] | None:
        """The interval on which the verdict rests; None where there is none."""
        return deciding_interval(self.entry)

    def why(
        self,
        margin: float | None,
        shown_interval: Sequence[float] | None = None,
        tells_p: bool = False,
    ) -> str:
        """Why the verdict is not what it seems, in sentences; "" where nothing needs a reason.

        Args:
            margin: Of the metric.
            shown_interval: The interval that stands beside it; by default the one that decides.
            tells_p: Whether p is told, because it does not stand beside it.
        """
        if missing := self.entry.get("not_compared"):
            return f"{missing[0]} could not be compared, and may be the better rival."
        interval, p_holm = shown_interval or self.interval, self.entry.get("p_holm")
        if interval is None or p_holm is None:
            return ""
        if self.entry["verdict"] != "cannot tell":
            return self._why_called(margin, interval)
        if self.image_shortage:
            return f"No verdict, whatever the interval, from only {self.image_shortage}."
        p = f"{p_holm:.3f}, not below {LEVEL:g}" if tells_p else f"not below {LEVEL:g}"
        if _leaves_out_0(interval):
            return f"The interval leaves out 0, but {self._why_seen(p, interval)}."
        reason = "p alone would call it; but the interval, which allows for skewness, holds 0."
        return reason if p_holm < LEVEL else ""

    def _why_called(self, margin: float | None, interval: Sequence[float]) -> str:
        """An interval that allows for the choice of the arm is wider than the one that decides."""
        excludes_zero = _leaves_out_0(interval)
        if self.entry["verdict"] != "the same":
            p = f"{self.entry['p_holm']:.3f} after Holm's correction"
            reason = (
                f"The verdict rests on p, {p}; the interval, which allows for the choice, holds 0."
            )
            return "" if excludes_zero else reason
        if margin is not None and max(map(abs, interval)) >= margin:
            return f"Without the choice that it allows for, the interval lies within ±{margin:g}."
        limit = "the margin" if margin is None else f"±{margin:g}"
        reason = f"The interval leaves out 0, but lies within {limit}: too little to matter."
        return reason if excludes_zero else ""

    def _why_seen(self, p: str, interval: Sequence[float]) -> str:
        if self.tests == 1:
            return f"p is {p}"
        if list(interval) != list(self.interval or ()):
            return f"p allows for {self.tests} comparisons: it is {p}"
        return (
            f"it is of one comparison alone. Among {self.tests} comparisons one such interval may "
            f"well be chance; p allows for that, and is {p}"
        )

    def p_beside(self, margin: float | None) -> str:
        """What to add behind the interval if the verdict needs a reason, mostly p; else ""."""
        p_holm = self.entry.get("p_holm")
        if p_holm is None or not self.why(margin):
            return ""
        if self.entry["verdict"] == "cannot tell" and self.image_shortage:
            return f", only {self.image_shortage}"
        return f", p (Holm) {p_holm:.3f}"


def _leaves_out_0(interval: Sequence[float]) -> bool:
    return interval[0] > 0 or interval[1] < 0


def deciding_interval(entry: Mapping[str, Any]) -> list[float] | None:
    """The interval on which the verdict of an entry rests.

    Args:
        entry: Of an arm against the control, with an interval over seeds and perhaps another
            over seeds and test images: their hull decides. Or of another comparison, which has
            the deciding interval.
    """
    if "difference_ci95" not in entry:
        interval: list[float] | None = entry.get("ci95")
        return interval
    intervals = [entry["difference_ci95"], entry.get("difference_ci95_images")]
    bounds = list(zip(*filter(None, intervals), strict=True))
    return [min(bounds[0]), max(bounds[1])] if bounds else None


def is_interval_unsure(entry: Mapping[str, Any]) -> bool:
    """Whether more seeds are needed to rely on the interval of an entry.

    Not where the verdict is "the same": it relies on the interval, so that equal values suffice.
    """
    return bool(entry.get("more_seeds_needed")) and entry["verdict"] != "the same"


def reported_comparisons(
    entries: Entries,
    control: str,
    primary: Sequence[Mapping[str, Any]] = (),
    rival: str | None = None,
) -> Iterator[tuple[str, ReportedComparison]]:
    """Every comparison of a summary with its kind, except those of arms with their ablations.

    Args:
        entries: `arms` of the summary.
        control: Name of the control.
        primary: `primary` of the summary.
        rival: Name of the arm for `RIVAL`.
    """

    def shortage(arm: str, entry: Mapping[str, Any]) -> str | None:
        # Summaries of before have it only where the arm is compared with the control.
        told: str | None = {**entries.get(arm, {}), **entry}.get("too_few_test_images")
        return told

    num_primary = _tested(primary)
    for primary_entry in primary:
        yield (
            PRIMARY,
            ReportedComparison(
                primary_entry["arm"],
                primary_entry["reference"],
                primary_entry,
                num_primary,
                shortage(primary_entry["arm"], primary_entry),
            ),
        )
    entries_by_kind: dict[str, Entries] = {
        CONTROL: {name: entry for name, entry in entries.items() if name != control}
    }
    for kind in (RIVAL, RIVALS):
        entries_by_kind[kind] = {
            name: entry[kind] for name, entry in entries.items() if entry.get(kind)
        }
    for kind, kind_entries in entries_by_kind.items():
        # Holm adjusts over primary comparisons and over the others apart.
        num_others = _tested(
            [entry for entry in kind_entries.values() if entry.get("standing") != PRIMARY]
        )
        for name, entry in kind_entries.items():
            tests = num_primary if entry.get("standing") == PRIMARY else num_others
            reference = control if kind == CONTROL else entry.get("rival") or rival or "the rival"
            yield kind, ReportedComparison(name, reference, entry, tests, shortage(name, entry))


def reasons_of(summary: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By kind of comparison and name, what needs a reason.

    The name is that of the arm, of a primary comparison "ARM > REFERENCE". A further test set is
    the kind "further NAME".
    """
    margins = {metric["name"]: metric.get("margin") for metric in summary["metrics"]}
    primary_margin = summary["metrics"][0].get("margin")
    comparisons = [
        (kind, comparison, primary_margin) for kind, comparison in summary_comparisons(summary)
    ]
    for name, test in summary.get("further_tests", {}).items():
        margin = margins.get(test["metric"])
        comparisons += [
            (f"further {name}", comparison, margin)
            for _, comparison in reported_comparisons(test["arms"], summary["control"])
        ]
    reasons: dict[str, dict[str, str]] = {}
    for kind, comparison, margin in comparisons:
        name = f"{comparison.arm} > {comparison.reference}" if kind == PRIMARY else comparison.arm
        if reason := comparison.why(margin):
            reasons.setdefault(kind, {})[name] = reason
    return reasons


def summary_comparisons(summary: Mapping[str, Any]) -> Iterator[tuple[str, ReportedComparison]]:
    """As `reported_comparisons`, of a summary."""
    primary, rival = summary.get("primary", ()), summary.get("rival")
    return reported_comparisons(summary["arms"], summary["control"], primary, rival)


def _tested(entries: Sequence[Mapping[str, Any]]) -> int:
    return sum(entry.get("p_holm") is not None for entry in entries)
