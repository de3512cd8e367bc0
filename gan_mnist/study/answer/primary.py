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

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_mnist.study.answer.results import AdjustedComparison, Results
from gan_mnist.study.comparison import Pair

PRIMARY, SECONDARY, EXPLORATORY = "primary", "secondary", "exploratory"


@dataclass(frozen=True)
class Gate:
    """The primary comparisons of a run, and the gate that they form for the others.

    Attributes:
        results: Results in the primary metric.
        comparisons: Of each pair; empty where the run has none, and all others are alike.
    """

    results: Results
    comparisons: Mapping[Pair, AdjustedComparison]

    @classmethod
    def of(cls, pairs: Sequence[Pair], results: Results) -> "Gate":
        """Tests the primary comparisons."""
        return cls(results, results.compare(pairs))

    @functools.cached_property
    def entries(self) -> list[dict[str, Any]]:
        """An entry each, as `primary` of the summary has them."""
        return [
            {"arm": pair.arm, "reference": pair.reference, "n": tested.comparison.n}
            | self.results.primary_entry(tested)
            for pair, tested in self.comparisons.items()
        ]

    @functools.cached_property
    def is_open(self) -> bool:
        """Whether each primary comparison has found a difference."""
        return all(entry["verdict"] in ("helps", "hurts") for entry in self.entries)

    def compare_others(self, reference: str, names: Sequence[str]) -> dict[str, AdjustedComparison]:
        """Each arm against `reference`: the primary ones as found, the others among themselves."""
        pairs = [Pair(name, reference) for name in names]
        others = self.results.compare([pair for pair in pairs if pair not in self.comparisons])
        return {pair.arm: others.get(pair) or self.comparisons[pair] for pair in pairs}

    def standing(self, arm: str, reference: str, behind: bool = False) -> dict[str, str]:
        """How much a comparison's verdict counts, under the key `standing`.

        Args:
            arm: The arm that is compared.
            reference: The arm that it is compared with.
            behind: Whether the comparison is one behind the gate.

        Returns:
            Empty where the run has no primary comparison.
        """
        if not self.comparisons:
            return {}
        is_secondary = behind and self.is_open
        standing = SECONDARY if is_secondary else EXPLORATORY
        return {"standing": PRIMARY if Pair(arm, reference) in self.comparisons else standing}
