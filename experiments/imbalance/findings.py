"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.results import Results
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
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
    recall_gains = recall.compare_with_best_rival(generated, rivals, measures)
    if not recall_gains:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    gains_by_arm = evidence.gains_over_best_at(PREFIX, [*recall_gains], rivals, PRIMARY.margin)
    accuracy_gains = accuracy.compare_with_best_rival(list(recall_gains), rivals, measures)
    lines = [f"In {name}, {_answer(results, gains, rivals, measures)}" for name, results, gains in
             (("recall", recall, recall_gains),
              ("balanced accuracy, over seeds alone", accuracy, accuracy_gains))
             if gains]  # fmt: skip
    lines += _of_images_left(gains_by_arm, len(rivals))
    return {
        "lines": evidence.with_doubt(lines),
        "above_rivals": recall_gains,
        "above_in_balanced_accuracy": accuracy_gains,
        "by_images_left": gains_by_arm,
    }


def _results(evidence: Evidence, metric: Metric) -> Results:
    records = evidence.records
    if metric != PRIMARY:
        # Records tell which test images were right in the primary metric alone.
        records = {
            arm: {
                seed: {**record, "correct": _of_every_class(record)}
                for seed, record in by_seed.items()
            }
            for arm, by_seed in records.items()
        }
    return Results(metric, records, evidence.looks)


def _of_every_class(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """How many test images each class has: under a few of one, a mean over classes says nothing."""
    counts = record.get("dataset", {}).get("counts", {})
    classes = record.get("settings", {}).get("classes") or list(counts)
    sizes = [counts[name]["test"] for name in classes if "test" in counts.get(name, ())]
    return {"classes": list(classes), "sizes": sizes} if 0 < len(sizes) == len(classes) else None


def _of_images_left(gains_by_arm: Mapping[str, Mapping[str, Any]], num_rivals: int) -> list[str]:
    """A line for each arm that was run with several numbers of images left."""
    num_tests = sum(map(len, gains_by_arm.values()))
    words = {"helps": "above", "hurts": "below", "the same": f"the same within ±{PRIMARY.margin}"}
    rivals = "the plain rival" if num_rivals == 1 else f"the best of {num_rivals} plain rivals"
    lines = []
    for name, gains in gains_by_arm.items():
        differences = "; ".join(
            f"{count}: {in_brackets(gain)}, {words.get(gain['verdict'], gain['verdict'])}"
            + "".join(f", as `{rival}` failed" for rival in gain.get("not_compared", ())[:1])
            for count, gain in gains.items()
        )
        if differences:
            lines.append(
                f"`{name}` minus {rivals}, in recall by images left of the class (Holm's "
                f"correction over {num_tests}): {differences}."
            )
    return lines


def _answer(
    results: Results, gains: Mapping[str, Any], rivals: Sequence[str], measures: int
) -> str:
    missing = {name: gain["not_compared"] for name, gain in gains.items()
               if gain.get("not_compared")}  # fmt: skip
    compared = {name: gain for name, gain in gains.items() if name not in missing}
    caveat = "".join(
        f" `{name}` cannot be called above all of them: {_listed(names)} could not be compared."
        for name, names in missing.items()
    )
    if not compared:
        missing_text = _listed(
            dict.fromkeys(rival for names in missing.values() for rival in names)
        )
        return (
            f"nothing can be called above all plain rivals: {missing_text} could not be compared."
        )
    bests, num_rivals = dict.fromkeys(gain["rival"] for gain in compared.values()), len(rivals)
    all_rivals = {1: _listed(bests), 2: "both plain rivals"}.get(
        num_rivals, f"all {num_rivals} plain rivals"
    )
    winners = [name for name, gain in compared.items() if gain["verdict"] == "helps"]
    if winners:
        clear_gains = ", ".join(f"`{name}` ({in_brackets(compared[name])})" for name in winners)
        best_text = _listed(dict.fromkeys(compared[name]["rival"] for name in winners), "or")
        return (
            f"above {all_rivals}, Holm's correction{' over both measures' * (measures > 1)} "
            f"passed: {clear_gains}; in brackets, minus {best_text}.{caveat}"
        )
    joint_gains = results.chosen_from(measures * len(gains)).compare_with_best_rival(
        list(compared), rivals
    )
    upper_bound = max(gain["ci95"][1] for gain in joint_gains.values())
    # One of few seeds looks near by chance.
    nearest = max(
        compared, key=lambda name: (compared[name]["n"] >= MIN_SEEDS, compared[name]["difference"])
    )
    best_text = _listed(bests) if len(bests) == 1 else "its best rival"
    return (
        f"no treatment with generated images was shown to be above {all_rivals}; the nearest was "
        f"`{nearest}`, minus `{compared[nearest]['rival']}` {in_brackets(joint_gains[nearest])}. "
        f"None is above {best_text} by more than {max(0.0, upper_bound):.3f}: 95 % intervals"
        f"{_together(len(compared), measures)}.{caveat}"
    )


def _together(num_arms: int, num_measures: int) -> str:
    """What intervals hold for at once, in words."""
    parts = [f"all {num_arms}"] * (num_arms > 1) + ["both measures"] * (num_measures > 1)
    return f", which hold for {' and '.join(parts)} together" if parts else ""


def _listed(names: Iterable[str], conjunction: str = "and") -> str:
    *rest, last = (f"`{name}`" for name in names)
    return f"{', '.join(rest)} {conjunction} {last}" if rest else last
