"""Primary comparisons: named before a run, tested first; the others only behind a gate.

Holm adjusts over the primary comparisons. Only where each of them has found a difference the others
are tested, and Holm adjusts over these, again at 0.05. So over both together at most 5 % of studies
call an effect where there is none: if a primary comparison has none, the gate opens only by an
error, which Holm bounds by 5 %; if each has one, an error can be among the others only, and Holm
bounds it there.

Behind the gate are the comparisons with the control: "secondary". Where it is closed, they are
"exploratory", and so are those with rivals and ablations in any case: worth a study of their own,
but no finding of this one. "The same" opens no gate, as it rejects no hypothesis.

Source: Maurer, Hothorn and Lehmacher in Vollmar, Biometrie in der chemisch-pharmazeutischen
Industrie 6 (1995), 3-18; Westfall and Krishen, J. Stat. Plan. Inference 99 (2001), 25-40: serial
gatekeeping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_mnist.study.answer.compared import (
    Found,
    Records,
    Values,
    against_reference,
    compare_all,
    compare_pairs,
)
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Metric
from gan_mnist.study.trial import Plan

PRIMARY, SECONDARY, EXPLORATORY = "primary", "secondary", "exploratory"


@dataclass(frozen=True)
class Gate:
    """The primary comparisons of a run, and what they leave to the others.

    Attributes:
        metric: That decides.
        looks: Announced ones.
        found: What was found of each; empty where the run has none, and all others are alike.
    """

    metric: Metric
    looks: Sequence[int]
    found: Mapping[Pair, Found]

    @classmethod
    def of(cls, plan: Plan, values: Values, overlap: float, records: Records) -> "Gate":
        """Tests the primary comparisons of a plan; arguments as of `compare_all`."""
        metric, looks = plan.study.metrics[0], plan.looks
        found = compare_pairs(plan.primary, values, metric, overlap, records, looks)
        return cls(metric, looks, found)

    @property
    def told(self) -> list[dict[str, Any]]:
        """An entry each, as `primary` of the summary has them."""
        return [
            {"arm": pair.arm, "reference": pair.reference, "n": found[0].n}
            | against_reference(found, self.metric)
            for pair, found in self.found.items()
        ]

    @property
    def is_open(self) -> bool:
        """Whether each primary comparison has found a difference."""
        return all(entry["verdict"] in ("helps", "hurts") for entry in self.told)

    def compare_others(
        self,
        values: Values,
        reference: str,
        names: Sequence[str],
        overlap: float,
        records: Records,
    ) -> dict[str, Found]:
        """Each arm against `reference`: the primary ones as found, the others among themselves."""
        rest = [name for name in names if Pair(name, reference) not in self.found]
        others = compare_all(values, reference, rest, self.metric, overlap, records, self.looks)
        first = {pair.arm: found for pair, found in self.found.items() if pair[1] == reference}
        return {name: others.get(name) or first[name] for name in names}

    def standing(self, arm: str, reference: str, behind: bool = False) -> dict[str, str]:
        """How much a comparison's verdict counts, under the key `standing`.

        Args:
            arm: Of the comparison.
            reference: Likewise.
            behind: Whether it is one of those behind the gate.

        Returns:
            Nothing where the run has no primary comparison.
        """
        if not self.found:
            return {}
        is_secondary = behind and self.is_open
        standing = SECONDARY if is_secondary else EXPLORATORY
        return {"standing": PRIMARY if Pair(arm, reference) in self.found else standing}
