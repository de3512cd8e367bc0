"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.results import Results
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.at_numbers import against_best_at, best_rival_entries, numbers_in
from gan_mnist.study.words import in_brackets

from .study import STUDY

PRIMARY = STUDY.metrics[0]
PREFIX = f"{PRIMARY.name}_at_"
# A class is found more often, too, where the others are lost to it.
BALANCED = next(metric for metric in STUDY.metrics if metric.name == "balanced_accuracy")


def findings(evidence: Evidence) -> dict[str, Any]:
    """Every arm with generated images against all plain rivals.

    An arm is above every rival if it is above the best, see `study.statistics.rivals`.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `above_rivals`: by arm `rival` (the best), `difference` to it, `ci95`, `p_holm` and
        `verdict`, which is "helps" for an arm above every rival; `above_in_balanced_accuracy`: the
        same of balanced accuracy, over seeds alone; p counts twice in both, as either could make
        the finding; and `by_images_left`: by arm and number, where Holm adjusts over all of these.
    """
    generated, rivals = (evidence.of_kind(kind) for kind in ("generated", "rival"))
    recall, accuracy = (_results(evidence, metric) for metric in (PRIMARY, BALANCED))
    measures = 1 + any(accuracy.values.values())
    above = recall.against_rivals(generated, rivals, measures)
    if not above:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    left = _by_images_left(evidence, list(above), rivals)
    balanced = accuracy.against_rivals(list(above), rivals, measures)
    lines = [f"In {words}, {_answer(results, found, rivals, measures)}" for words, results, found in
             (("recall", recall, above),
              ("balanced accuracy, over seeds alone", accuracy, balanced))
             if found]  # fmt: skip
    return {
        "lines": [*lines, *_of_images_left(left, len(rivals))],
        "above_rivals": above,
        "above_in_balanced_accuracy": balanced,
        "by_images_left": left,
    }


def _results(evidence: Evidence, metric: Metric) -> Results:
    arms = evidence.records
    if metric != PRIMARY:
        # Records tell which test images were right in the primary metric alone.
        arms = {
            arm: {seed: {**r, "correct": _of_every_class(r)} for seed, r in of_arm.items()}
            for arm, of_arm in arms.items()
        }
    return Results(metric, arms, evidence.looks)


def _of_every_class(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many test images each class has: under a few of one, a mean over classes says nothing."""
    counts = record.get("dataset", {}).get("counts", {})
    classes = record.get("settings", {}).get("classes") or list(counts)
    sizes = [counts[name]["test"] for name in classes if "test" in counts.get(name, ())]
    return {"classes": list(classes), "sizes": sizes} if 0 < len(sizes) == len(classes) else None


def _by_images_left(
    evidence: Evidence, names: Sequence[str], rivals: Sequence[str]
) -> dict[str, Any]:
    arms, sides = evidence.done, (evidence.overlap, evidence.level)
    found = {
        (name, number): best
        for name in names
        for number in numbers_in(arms[name], PREFIX)
        if (best := against_best_at(arms, name, rivals, PREFIX, number, *sides))
    }
    left: dict[str, Any] = {name: {} for name in names}
    for (name, number), told in best_rival_entries(found, PRIMARY.margin, evidence.looks).items():
        left[name][number] = told
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
            + "".join(f", as `{other}` failed" for other in gain.get("not_compared", ())[:1])
            for count, gain in of_number.items()
        )
        if told:
            lines.append(
                f"`{name}` minus {rivals}, in recall by images left of the class (Holm's "
                f"correction over {tests}): {told}."
            )
    return lines


def _answer(
    results: Results, above: Mapping[str, Any], rivals: Sequence[str], measures: int
) -> str:
    missing = {name: found["not_compared"] for name, found in above.items()
               if found.get("not_compared")}  # fmt: skip
    known = {name: found for name, found in above.items() if name not in missing}
    aside = "".join(
        f" `{name}` cannot be called above all of them: {_listed(others)} could not be compared."
        for name, others in missing.items()
    )
    if not known:
        others = _listed(dict.fromkeys(other for of_arm in missing.values() for other in of_arm))
        return f"nothing can be called above all plain rivals: {others} could not be compared."
    bests, number = dict.fromkeys(found["rival"] for found in known.values()), len(rivals)
    all_rivals = {1: _listed(bests), 2: "both plain rivals"}.get(
        number, f"all {number} plain rivals"
    )
    better = [name for name, found in known.items() if found["verdict"] == "helps"]
    if better:
        told = ", ".join(f"`{name}` ({in_brackets(known[name])})" for name in better)
        best = _listed(dict.fromkeys(known[name]["rival"] for name in better), "or")
        return (
            f"above {all_rivals}, Holm's correction{' over both measures' * (measures > 1)} "
            f"passed: {told}; in brackets, minus {best}.{aside}"
        )
    together = results.among(measures * len(above)).against_rivals(list(known), rivals)
    most = max(found["ci95"][1] for found in together.values())
    nearest = max(known, key=lambda name: known[name]["difference"])
    best = _listed(bests) if len(bests) == 1 else "its best rival"
    return (
        f"no treatment with generated images was shown to be above {all_rivals}; the nearest was "
        f"`{nearest}`, minus `{known[nearest]['rival']}` {in_brackets(together[nearest])}. "
        f"None is above {best} by more than {max(0.0, most):.3f}: 95 % intervals"
        f"{_together(len(known), measures)}.{aside}"
    )


def _together(arms: int, measures: int) -> str:
    """What intervals hold for at once, in words."""
    parts = [f"all {arms}"] * (arms > 1) + ["both measures"] * (measures > 1)
    return f", which hold for {' and '.join(parts)} together" if parts else ""


def _listed(names: Iterable[str], joined: str = "and") -> str:
    *some, last = (f"`{name}`" for name in names)
    return f"{', '.join(some)} {joined} {last}" if some else last
