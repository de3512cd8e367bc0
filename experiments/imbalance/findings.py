"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.at_numbers import as_primary
from gan_mnist.study.statistics.paired import by_arm, holm, overlap_of, values_of
from gan_mnist.study.statistics.rivals import against_best
from gan_mnist.study.statistics.verdicts import verdict
from gan_mnist.study.words import in_brackets

from .study import STUDY

PRIMARY = STUDY.metrics[0]
PREFIX = f"{PRIMARY.name}_at_"
# A class is found more often, too, where the others are lost to it.
BALANCED = next(metric for metric in STUDY.metrics if metric.name == "balanced_accuracy")
KINDS = {arm.name: arm.kind for arm in STUDY.arms}

Arms = Mapping[str, Mapping[int, Mapping[str, Any]]]


def findings(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every arm with generated images against all plain rivals.

    An arm is above every rival if it is above the best, see `study.statistics.rivals`.

    Args:
        records: Of finished trials.

    Returns:
        `lines`; `above_rivals`: by arm `rival` (the best), `difference` to it, `ci95`, `p_holm` and
        `verdict`, which is "helps" for an arm above every rival; `above_in_balanced_accuracy`: the
        same of balanced accuracy, over seeds alone; and `by_images_left`: by arm and number, where
        Holm adjusts over all of these.
    """
    arms = by_arm(records)
    generated = [name for name in arms if _kind(name, arms[name]) == "generated"]
    rivals = [name for name in arms if KINDS.get(name) == "rival"]
    above = _above(arms, generated, rivals)
    if not above:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    left = _by_images_left(arms, list(above), rivals)
    balanced = _above(arms, list(above), rivals, BALANCED)
    lines = [f"In {words}, {_answer(found, len(rivals))}" for words, found in
             (("recall", above), ("balanced accuracy", balanced)) if found]  # fmt: skip
    return {
        "lines": [*lines, *_of_images_left(left, len(rivals))],
        "above_rivals": above,
        "above_in_balanced_accuracy": balanced,
        "by_images_left": left,
    }


def _kind(name: str, records: Mapping[int, Mapping[str, Any]]) -> str:
    """Of the table; arms of sources are "generated", but "check" where their images leak."""
    told = next(iter(records.values())).get("dataset", {}).get("warnings", ())
    leaks = any(f"`{name.removesuffix('_classical')}`" in warning for warning in told)
    return KINDS.get(name, "check" if leaks else "generated")


def _above(
    arms: Arms, names: Sequence[str], rivals: Sequence[str], metric: Metric = PRIMARY
) -> dict[str, Any]:
    pairs = [(name, metric.name) for name in names]
    told = _against_best(arms, pairs, rivals, metric.margin)
    return {name: against for (name, _), against in told.items()}


def _against_best(
    arms: Arms,
    pairs: Sequence[tuple[str, str]],
    rivals: Sequence[str],
    margin: float | None = PRIMARY.margin,
) -> dict[tuple[str, str], dict[str, Any]]:
    """Arms in metrics against the best rival in each; Holm adjusts over all of them."""
    overlap = max((overlap_of(of_arm.values()) for of_arm in arms.values()), default=0.0)
    found = {}
    for name, metric in pairs:
        values = {arm: values_of(of_arm, metric) for arm, of_arm in arms.items()}
        records = arms
        if metric.startswith(PREFIX):
            records = {arm: as_primary(of_arm, PREFIX, metric) for arm, of_arm in arms.items()}
        elif metric != PRIMARY.name:
            records = {arm: _without_images(of_arm) for arm, of_arm in arms.items()}
        sides = (rivals, values, records, PRIMARY.higher_is_better, PRIMARY.bounds, overlap)
        if (pair := against_best(name, *sides)) is not None:
            found[name, metric] = pair
    adjusted = holm({"\n".join(key): one.deciding_p_value for key, (_, one) in found.items()})
    told = {}
    for key, (best, one) in found.items():
        p_holm = adjusted["\n".join(key)]
        told[key] = {
            "rival": best,
            "difference": one.difference,
            "ci95": list(one.deciding_ci95 or ()),
            "p_holm": p_holm,
            "verdict": verdict(one, p_holm, PRIMARY.higher_is_better, margin),
        }
    return told


def _without_images(records: Mapping[int, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Records that do not tell which test images were right: those are of the primary metric."""
    return {seed: {**record, "correct": None} for seed, record in records.items()}


def _by_images_left(arms: Arms, names: Sequence[str], rivals: Sequence[str]) -> dict[str, Any]:
    pairs = [
        (name, metric)
        for name in names
        for metric in next(iter(arms[name].values()))["metrics"]
        if metric.startswith(PREFIX)
    ]
    by_arm: dict[str, Any] = {name: {} for name in names}
    for (name, metric), told in _against_best(arms, pairs, rivals).items():
        by_arm[name][metric.removeprefix(PREFIX)] = told
    return by_arm


def _of_images_left(left: Mapping[str, Mapping[str, Any]], number: int) -> list[str]:
    """A line for each arm that was run with several numbers of images left."""
    tests = sum(map(len, left.values()))
    words = {"helps": "above", "hurts": "below", "the same": f"the same within ±{PRIMARY.margin}"}
    rivals = "the plain rival" if number == 1 else f"the best of {number} plain rivals"
    lines = []
    for name, of_number in left.items():
        told = "; ".join(
            f"{count}: {in_brackets(gain)}, {words.get(gain['verdict'], gain['verdict'])}"
            for count, gain in of_number.items()
        )
        if told:
            lines.append(
                f"`{name}` minus {rivals}, in recall by images left of the class (Holm's "
                f"correction over {tests}): {told}."
            )
    return lines


def _answer(above: Mapping[str, Any], number: int) -> str:
    best = next(iter(above.values()))["rival"]
    rivals = {1: f"`{best}`", 2: "both plain rivals"}.get(number, f"all {number} plain rivals")
    better = [name for name, found in above.items() if found["verdict"] == "helps"]
    if better:
        told = ", ".join(f"`{name}` ({in_brackets(above[name])})" for name in better)
        return f"above {rivals}, Holm's correction passed: {told}; in brackets, minus `{best}`."
    most = max(found["ci95"][1] for found in above.values())
    nearest = max(above, key=lambda name: above[name]["difference"])
    return (
        f"no treatment with generated images was shown to be above {rivals}; the nearest was "
        f"`{nearest}`, minus `{best}` {in_brackets(above[nearest])}. "
        f"None is above `{best}` by more than {max(0.0, most):.3f}, as the 95 % interval of each "
        "says."
    )
