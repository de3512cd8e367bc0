"""At which numbers of labels generated images do more than each plain rival."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.evidence import Evidence, Gains
from gan_mnist.study.statistics.at_numbers import num_compared
from gan_mnist.study.statistics.paired import values_of
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.words import in_brackets

from .settings import FIXMATCH, LEFT_OUT, PSEUDO
from .study import STUDY

PREFIX = "accuracy_at_"
AUGMENTATION, PSEUDO_LABELS = "augmentation", "pseudo_labels"
# Kinds of rival, by what they do with unlabelled images: of each the best arm counts, at each
# number of labels.
RIVALS = {
    rival: tuple(
        arm.name
        for arm in STUDY.arms
        if arm.kind == "rival" and arm.changes.get("unlabelled", LEFT_OUT) == does
    )
    for rival, does in ((AUGMENTATION, LEFT_OUT), (PSEUDO_LABELS, PSEUDO), ("fixmatch", FIXMATCH))
}

Records = Mapping[int, Mapping[str, Any]]


def findings(evidence: Evidence) -> dict[str, Any]:
    """Every arm with generated images against the best augmentation, pseudo-labels, and FixMatch.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `gains`: by rival, arm and number of labels `rival` (the arm that it is),
        `difference`, `ci95` (which allows for the choice of the best arm and of the best rival),
        `p_holm` (over all arms and numbers against that rival) and `verdict`; and `not_compared`
        where a rival failed.
    """
    gains = {rival: _gains(evidence, rival_arms) for rival, rival_arms in RIVALS.items()}
    gains = {rival: gains_by_arm for rival, gains_by_arm in gains.items() if gains_by_arm}
    lines = [_told(evidence.done, rival, gains_by_arm) for rival, gains_by_arm in gains.items()]
    return {"lines": evidence.with_doubt(lines), "gains": gains}


def _gains(evidence: Evidence, names: Sequence[str]) -> Gains:
    applicable = evidence.of_kind("rival")
    rivals = [name for name in names if name in applicable]
    generated = [arm for arm in evidence.of_kind("generated") if arm in evidence.done]
    gains = evidence.gains_over_best_at(PREFIX, generated, rivals, is_best=True)
    return {arm: gains_by_number for arm, gains_by_number in gains.items() if gains_by_number}


def _told(arms: Mapping[str, Records], rival: str, gains: Gains) -> str:
    """The best generated arm at each number against the rival, and what can be told."""
    present = [f"`{name}`" for name in RIVALS[rival] if name in arms]
    group_names = {AUGMENTATION: "the best augmentation", PSEUDO_LABELS: "the best pseudo-labels"}
    label = present[0] if len(present) == 1 else group_names[rival]
    best_arms = {
        number: max((arm for arm in gains if number in gains[arm]),
                    key=lambda arm: _rank(arms[arm], gains[arm][number], number))
        for number in sorted({n for arm_gains in gains.values() for n in arm_gains}, key=int)
    }  # fmt: skip
    differences = ", ".join(
        f"{in_brackets(gains[arm][number])} at {number} (`{arm}`)"
        for number, arm in best_arms.items()
    )
    numbers_by_verdict = {
        word: [n for n, arm in best_arms.items() if gains[arm][n]["verdict"] == word]
        for word in ("helps", "hurts")
    }
    phrases = {"helps": "are worth more than it", "hurts": "are worth less than it"}
    conclusions = [
        f"{phrases[word]} at {', '.join(numbers)}"
        for word, numbers in numbers_by_verdict.items()
        if numbers
    ]
    conclusions = conclusions or ["cannot be told from it at any number"]
    missing = {name for arm_gains in gains.values() for gain in arm_gains.values()
               for name in gain.get("not_compared", ())}  # fmt: skip
    if missing:
        names = ", ".join(f"`{name}`" for name in sorted(missing))
        conclusions = [f"cannot be called worth more than what could not be compared, {names}"]
    num_tests = num_compared(gains)
    holm = f", Holm's correction over {num_tests} comparisons" if num_tests > 1 else ""
    return (
        f"The best generated images minus {label}, accuracy by labels a class, intervals allowing "
        f"for the choice{holm}: {differences}; they {' and '.join(conclusions)}."
    )


def _rank(records: Records, gain: Mapping[str, Any], number: str) -> tuple[bool, float]:
    """One of enough seeds first, then by paired difference: failing on hard seeds is no gain."""
    values = values_of(records, PREFIX + number).values()
    num_seeds = sum(value is not None for value in values)
    return num_seeds >= MIN_SEEDS, gain["difference"]
