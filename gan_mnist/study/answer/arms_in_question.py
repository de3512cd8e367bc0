"""Which arms a study asks about, which way it asks, and what was found of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gan_mnist.study.answer.question import BETTER, WORSE, Wording, direction, is_open
from gan_mnist.study.answer.reasons import ReportedComparison, reported_comparisons
from gan_mnist.study.answer.results import Results
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm, Metric
from gan_mnist.study.statistics.paired import Comparison, Interval
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import choice_in_words

Entries = Mapping[str, Mapping[str, Any]]

# Nouns for the kinds of arms; a study asks about the first kind here that it has.
NOUNS = {"generated": "treatment", "rival": "treatment", "ablation": "ablation"}


@dataclass(frozen=True)
class ArmsInQuestion:
    """The arms that a study asks about, and their results.

    Attributes:
        plan: The plan. `Arm.kind` says which of its arms the study asks about; if there are primary
            comparisons, it asks about their arms only.
        entries: `arms` of the summary.
        comparisons: Each arm against the control.
        results: The results that were compared.
        primary: `primary` of the summary.
    """

    plan: Plan
    entries: Entries
    comparisons: Mapping[str, Comparison]
    results: Results
    primary: Sequence[Mapping[str, Any]] = ()

    @cached_property
    def kind(self) -> str:
        """Kind of the arms; leaking ones are no answer, but count as "generated" here."""
        study, primary_arms = self.plan.study, self._primary_arms
        arms = [arm for arm in study.arms if not primary_arms or arm.name in primary_arms]
        kinds = {"generated" if arm.leaks else arm.kind for arm in arms}
        if study.of_source and not primary_arms:
            kinds.add("generated")
        return next((kind for kind in NOUNS if kind in kinds), "rival")

    @property
    def noun(self) -> str:
        """The noun for the arms."""
        return f"primary {NOUNS[self.kind]}" if self.primary else NOUNS[self.kind]

    @cached_property
    def compared(self) -> dict[str, Comparison]:
        """Comparisons of arms with two seeds or more."""
        preferred = self._preferred_arms
        return {
            name: comparison
            for name, comparison in self._candidates.items()
            if name in preferred or not preferred
        }

    @property
    def other_arms(self) -> list[str]:
        """Arms of two seeds or more that are asked about, too, but not in `compared`."""
        return [name for name in self._candidates if name not in self.compared]

    @cached_property
    def _preferred_arms(self) -> set[str]:
        """Names of the arms that the answer may rest on; empty without primary comparisons.

        They are in a primary comparison with the control or, where the study asks about generated
        images, with a plain rival, which a gain must exceed. How an arm differs from another
        treatment says nothing of how it differs from the control: such arms are among these only
        where no primary comparison is of the first sort.
        """
        rivals = self.plan.arms_of_kind("rival") if self.kind == "generated" else ()
        references = {self.plan.study.control, *rivals}
        arms = {entry["arm"] for entry in self.primary if entry["reference"] in references}
        return arms or self._primary_arms

    @cached_property
    def _primary_arms(self) -> set[str]:
        """Names of the arms in primary comparisons, without the references."""
        return {entry["arm"] for entry in self.primary}

    @cached_property
    def _candidates(self) -> dict[str, Comparison]:
        """Comparisons of two seeds or more of all arms that may be asked about."""
        return {
            arm.name: self.comparisons[arm.name]
            for arm in self.plan.arms
            if self._may_be_asked_about(arm)
            and arm.name in self.comparisons
            and self.comparisons[arm.name].n > 1
        }

    def _may_be_asked_about(self, arm: Arm) -> bool:
        """Whether it is in a primary comparison, or of `kind` and not the oracle."""
        is_of_kind = arm.kind == self.kind and arm.name != self.plan.study.oracle
        return is_of_kind or arm.name in self._primary_arms

    @property
    def metric(self) -> Metric:
        return self.plan.study.metrics[0]

    @cached_property
    def direction_sign(self) -> int:
        """1 where the question asks for better, or is not clear; -1 where it asks for worse."""
        return direction(self.plan.study.question, self.metric) or 1

    @property
    def asked(self) -> Wording:
        """The words for an arm that did what the question asks for."""
        return BETTER if self.direction_sign > 0 else WORSE

    @property
    def opposite(self) -> Wording:
        """The words for an arm that did the opposite."""
        return WORSE if self.direction_sign > 0 else BETTER

    @cached_property
    def wants_yes(self) -> bool:
        """Whether the question asks for a yes or a no, and is sure to be asked which way."""
        question = self.plan.study.question
        return not is_open(question) and direction(question, self.metric) != 0

    def gain(self, name: str) -> float:
        """How far an arm differs from the control in the way that is asked for."""
        return self.direction_sign * self.metric.sign * (self.compared[name].difference or 0.0)

    @cached_property
    def of_few_seeds(self) -> list[str]:
        """Arms of too few seeds to rely on, beside others of enough; none where all have few."""
        few = [name for name, comparison in self.compared.items() if comparison.n < MIN_SEEDS]
        return few if len(few) < len(self.compared) else []

    def with_verdict(self, verdict: str) -> list[str]:
        """Names of the arms that have this verdict, without those `of_few_seeds`."""
        sure = (name for name in self.compared if name not in self.of_few_seeds)
        return [name for name in sure if self.entries[name]["verdict"] == verdict]

    @cached_property
    def arms_as_asked(self) -> list[str]:
        """Arms with a verdict in the direction of the question; of few seeds if no others have."""
        verdict, few = self.asked.verdict, self.of_few_seeds
        few_as_asked = [name for name in few if self.entries[name]["verdict"] == verdict]
        return self.with_verdict(verdict) or few_as_asked

    @cached_property
    def arms_opposite(self) -> list[str]:
        """Arms with a verdict against the direction of the question."""
        return self.with_verdict(self.opposite.verdict)

    @cached_property
    def arms_same(self) -> list[str]:
        """Arms that are shown to differ from the control by less than the metric's margin."""
        return self.with_verdict("the same")

    @cached_property
    def focus(self) -> str:
        """The arm that the answer rests on."""

        def rank(name: str) -> tuple[bool, bool, float]:
            # One of enough seeds before one of few: that an arm failed on hard seeds is no gain.
            # One that is beyond all rivals before one that is further from the control.
            versus = self._versus(name) or {}
            is_beyond = self.direction_sign > 0 and versus.get("verdict") == "helps"
            return name not in self.of_few_seeds, is_beyond, self.gain(name)

        return max(self.arms_as_asked or self.compared, key=rank)

    @cached_property
    def num_chosen_from(self) -> int:
        """Number of arms from which `focus` was chosen as the best, so that it looks too good.

        1 for arms that were named before the run, once one is called, or all are ruled out.
        """
        is_named = self.primary and (self.arms_as_asked or self.all_ruled_out)
        return 1 if is_named else len(self.compared)

    @property
    def choice_note(self) -> str:
        """What intervals of `focus` allow for, to add behind them; "" where it is no choice."""
        return choice_in_words(self.num_chosen_from)

    @cached_property
    def focus_interval(self) -> Interval | None:
        """The interval of `focus` against the control."""
        return self.interval(self.focus, self.num_chosen_from)

    def interval(self, name: str, num_chosen_from: int) -> Interval | None:
        """Interval of an arm against the control, allowing for its choice from so many."""
        pair = Pair(name, self.plan.study.control)
        compared = self.results.chosen_from(num_chosen_from).compare([pair])
        return compared[pair].comparison.deciding_ci95

    @cached_property
    def versus(self) -> Mapping[str, Any] | None:
        """`focus` against a plain rival, if its gain must exceed the rival's.

        Its interval allows for the choice of the arm, too.
        """
        if self.direction_sign < 0 or not self.arms_as_asked:
            return None
        versus = self._versus(self.focus)
        if versus is None or self.num_chosen_from == 1:
            return versus
        rivals = [*versus["rivals"], *versus.get("not_compared", ())]
        entries = self.results.chosen_from(self.num_chosen_from).compare_with_best_rival(
            [self.focus], rivals
        )
        return {**versus, "ci95": entries[self.focus]["ci95"]}

    @cached_property
    def ablation(self) -> Mapping[str, Any] | None:
        """The arm against the one that leaves something out of it, likewise."""
        ablation: Mapping[str, Any] | None = self.entries[self.focus].get("versus_ablation")
        if ablation is None or self.num_chosen_from == 1:
            return ablation
        pair = Pair(self.focus, ablation["arm"])
        entry = self.results.chosen_from(self.num_chosen_from).compare_with_ablation(pair)
        return {**ablation, "ci95": entry["ci95"]}

    def _versus(self, name: str) -> Mapping[str, Any] | None:
        """Against the best rival that was named beforehand, or else whichever was the best."""
        rivals = self.plan.arms_of_kind("rival")
        primary_entries = [
            entry
            for entry in (self.primary if self.kind == "generated" else ())
            if entry["arm"] == name and entry["reference"] in rivals and entry["ci95"]
        ]
        if not primary_entries:
            return self.entries[name].get("versus_rivals")
        best = min(primary_entries, key=lambda entry: self.metric.sign * entry["difference"])
        return {**best, "rival": best["reference"], "rivals": [best["reference"]]}

    @cached_property
    def reported(self) -> dict[tuple[str, str, str], ReportedComparison]:
        """What `reported_comparisons` yields, by kind, arm and reference."""
        comparisons = reported_comparisons(self.entries, self.plan.study.control, self.primary)
        return {
            (kind, reported.arm, reported.reference): reported for kind, reported in comparisons
        }

    @property
    def is_exploratory(self) -> bool:
        """Whether what the answer rests on was not named beforehand, nor may be tested after it."""
        if not self.compared or (self.versus or {}).get("verdict") == "helps":
            return False
        target = self.plan.study.control, self.asked.verdict
        if any((entry["reference"], entry["verdict"]) == target for entry in self.primary):
            return False
        return bool(self.exploratory([self.focus] if self.arms_as_asked else self.compared))

    def exploratory(self, names: Iterable[str]) -> list[str]:
        """Arms of which the same holds; no gain that follows from a primary one over a rival."""

        def is_beyond_rival(name: str) -> bool:
            versus = self._versus(name) or {} if self.direction_sign > 0 else {}
            return "reference" in versus and versus["verdict"] == "helps"

        arms = (name for name in names if self.entries[name].get("standing") == "exploratory")
        return [name for name in arms if not is_beyond_rival(name)]

    @property
    def has_no_arms(self) -> bool:
        """Whether the run has none of the arms, or none that could be an answer."""
        arms = self._primary_arms or {*self.plan.arms_of_kind(self.kind)}
        return arms.isdisjoint(arm.name for arm in self.plan.arms)

    @property
    def is_control_missing(self) -> bool:
        """Whether the control, which arms are compared with, lacks the results that others have."""
        values = self.results.values
        return not values[self.plan.study.control] and any(values.values())

    @property
    def leaks(self) -> bool:
        """Whether the run has arms that show copies of test images."""
        return any(arm.leaks for arm in self.plan.arms)

    @cached_property
    def all_ruled_out(self) -> bool:
        """Whether every arm is shown not to do what the question asks."""
        num_ruled_out = len(self.arms_opposite) + len(self.arms_same)
        return bool(self.compared) and num_ruled_out == len(self.compared)

    @property
    def within_margin(self) -> str:
        """The margin in words."""
        return f"within ±{self.metric.margin or 0:g}"
