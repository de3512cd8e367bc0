"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.results import Results
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.at_numbers import against_best_at, numbers_in, told_at
from gan_mnist.study.statistics.paired import by_arm
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
    recall, accuracy = (_results(arms, metric) for metric in (PRIMARY, BALANCED))
    above = recall.against_rivals(generated, rivals)
    if not above:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    left = _by_images_left(recall, list(above), rivals)
    balanced = accuracy.against_rivals(list(above), rivals)
    lines = [f"In {words}, {_answer(results, found, rivals)}" for words, results, found in
             (("recall", recall, above), ("balanced accuracy", accuracy, balanced))
             if found]  # fmt: skip
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


def _results(arms: Arms, metric: Metric) -> Results:
    if metric != PRIMARY:
        # Records tell which test images were right in the primary metric alone.
        arms = {
            arm: {seed: {**record, "correct": None} for seed, record in of_arm.items()}
            for arm, of_arm in arms.items()
        }
    return Results(metric, arms)


def _by_images_left(
    results: Results, names: Sequence[str], rivals: Sequence[str]
) -> dict[str, Any]:
    arms = results.records
    found = {
        (name, number): best
        for name in names
        for number in numbers_in(arms[name], PREFIX)
        if (best := against_best_at(arms, name, rivals, PREFIX, number, results.overlap))
    }
    compared = {key: one for key, (_, one) in found.items()}
    left: dict[str, Any] = {name: {} for name in names}
    for (name, number), told in told_at(compared, PRIMARY.margin).items():
        left[name][number] = {"rival": found[name, number][0], **told}
    return left


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


def _answer(results: Results, above: Mapping[str, Any], rivals: Sequence[str]) -> str:
    best, number = next(iter(above.values()))["rival"], len(rivals)
    all_rivals = {1: f"`{best}`", 2: "both plain rivals"}.get(number, f"all {number} plain rivals")
    better = [name for name, found in above.items() if found["verdict"] == "helps"]
    if better:
        told = ", ".join(f"`{name}` ({in_brackets(above[name])})" for name in better)
        return f"above {all_rivals}, Holm's correction passed: {told}; in brackets, minus `{best}`."
    together = results.among(len(above)).against_rivals(list(above), rivals)
    most = max(found["ci95"][1] for found in together.values())
    nearest = max(above, key=lambda name: above[name]["difference"])
    return (
        f"no treatment with generated images was shown to be above {all_rivals}; the nearest was "
        f"`{nearest}`, minus `{best}` {in_brackets(together[nearest])}. "
        f"None is above `{best}` by more than {max(0.0, most):.3f}: 95 % intervals, which hold for "
        f"all {len(above)} together."
    )
