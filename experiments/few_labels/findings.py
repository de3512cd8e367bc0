"""At which numbers of labels generated images do more than each plain rival."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gan_mnist.study.statistics.paired import Values, compare, holm, overlap_of
from gan_mnist.study.statistics.test_images import few_in
from gan_mnist.study.statistics.verdicts import verdict
from gan_mnist.study.words import in_brackets

from .study import STUDY

PREFIX = "accuracy_at_"
AUGMENTATION = "augmentation"
# By rival: the arms of which the best one counts, at each number of labels.
RIVALS = {
    AUGMENTATION: ("classical", "elastic"),
    "pseudo_labels": ("pseudo_labels",),
    "fixmatch": ("fixmatch",),
}
KINDS = {arm.name: arm.kind for arm in STUDY.arms}
BOUNDS = (0, 1)

Arms = Mapping[str, Mapping[int, Values]]
Gain = dict[str, Any]


def findings(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every arm with generated images against the best augmentation, pseudo-labels and FixMatch.

    Args:
        records: Of finished trials.

    Returns:
        `lines`; `gains`: by rival, arm and number of labels `rival` (the arm that it is),
        `difference`, `ci95`, `p_holm` (over all arms and numbers against that rival) and `verdict`.
    """
    arms = _accuracies(records)
    generated = [name for name in arms if KINDS.get(name, "generated") == "generated"]
    overlap = overlap_of(records)
    gains = {
        rival: _gains(arms, generated, own, overlap, few_in(records))
        for rival, own in RIVALS.items()
    }
    gains = {rival: found for rival, found in gains.items() if found}
    as_json = {
        rival: {arm: {str(n): gain for n, gain in of_arm.items()} for arm, of_arm in found.items()}
        for rival, found in gains.items()
    }
    lines = [_told(arms, rival, found) for rival, found in gains.items()]
    return {"lines": lines, "gains": as_json}


def _accuracies(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, dict[int, float]]]:
    """Accuracy by arm, number of labels and seed."""
    arms: dict[str, dict[int, dict[int, float]]] = {}
    for record in records:
        for name, value in record["metrics"].items():
            if name.startswith(PREFIX):
                of_arm = arms.setdefault(record["arm"], {})
                of_arm.setdefault(int(name.removeprefix(PREFIX)), {})[record["seed"]] = value
    return arms


def _gains(
    arms: Arms, generated: Sequence[str], rivals: Sequence[str], overlap: float, few: str
) -> dict[str, dict[int, Gain]]:
    compared = {}
    for arm in generated:
        for number, values in arms[arm].items():
            there = [rival for rival in rivals if number in arms.get(rival, {})]
            if there:
                best = max(there, key=lambda rival: _mean(arms[rival][number]))
                found = compare(values, arms[best][number], BOUNDS, overlap)
                if found.ci95 is not None:
                    compared[arm, number] = best, replace(found, too_few=few)
    adjusted = holm({f"{a} {n}": found.p_value for (a, n), (_, found) in compared.items()})
    gains: dict[str, dict[int, Gain]] = {}
    for (arm, number), (best, found) in compared.items():
        p_holm = adjusted[f"{arm} {number}"]
        gains.setdefault(arm, {})[number] = {
            "rival": best,
            "difference": found.difference,
            "ci95": list(found.ci95 or ()),
            "p_holm": p_holm,
            "verdict": verdict(found, p_holm, higher_is_better=True),
        }
    return gains


def _told(arms: Arms, rival: str, gains: Mapping[str, Mapping[int, Gain]]) -> str:
    """The best generated arm at each number against the rival, and what can be told."""
    name = "the best augmentation" if rival == AUGMENTATION else f"`{rival}`"
    best = {
        number: max((arm for arm in gains if number in gains[arm]),
                    key=lambda arm: _mean(arms[arm][number]))
        for number in sorted({number for of_arm in gains.values() for number in of_arm})
    }  # fmt: skip
    told = ", ".join(
        f"{in_brackets(gains[arm][number])} at {number} (`{arm}`)" for number, arm in best.items()
    )
    judged = {
        word: [str(n) for n, arm in best.items() if gains[arm][n]["verdict"] == word]
        for word in ("helps", "hurts")
    }
    meaning = {"helps": "are worth more than it", "hurts": "are worth less than it"}
    clear = [f"{meaning[word]} at {', '.join(at)}" for word, at in judged.items() if at]
    clear = clear or ["cannot be told from it at any number"]
    return (
        f"The best generated images minus {name}, accuracy by labels a class: {told}; they "
        f"{' and '.join(clear)}."
    )


def _mean(values: Values) -> float:
    present = [value for value in values.values() if value is not None]
    return sum(present) / len(present)
