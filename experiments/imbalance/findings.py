"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.rivals import against_best
from gan_mnist.study.statistics import Comparison, compare, holm, overlap_of
from gan_mnist.study.test_images import over_images
from gan_mnist.study.verdicts import verdict
from gan_mnist.study.words import in_brackets

from .study import STUDY

PRIMARY = STUDY.metrics[0]
PREFIX = f"{PRIMARY.name}_at_"
KINDS = {arm.name: arm.kind for arm in STUDY.arms}

Arms = Mapping[str, Mapping[int, Mapping[str, Any]]]


def findings(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every arm with generated images against all plain rivals.

    An arm is above every rival if it is above the best, see `study.rivals`.

    Args:
        records: Of finished trials.

    Returns:
        `lines`; `above_rivals`: by arm `rival` (the best), `difference` to it, `ci95`, `p_holm` and
        `verdict`, which is "helps" for an arm above every rival; and `by_images_left`: by arm and
        number, `difference` and `ci95` to that rival.
    """
    arms: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        arms.setdefault(record["arm"], {})[record["seed"]] = record
    generated = [name for name in arms if _kind(name, arms[name]) == "generated"]
    rivals = [name for name in arms if KINDS.get(name) == "rival"]
    above = _above(arms, generated, rivals)
    if not above:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    best = max(rivals, key=lambda rival: _mean(arms[rival], PRIMARY.name))
    left = {name: _by_images_left(arms, name, best) for name in above}
    lines = [_answer(above, best, len(rivals))]
    for name, of_number in left.items():
        if of_number:
            told = ", ".join(
                f"{in_brackets(gain)} at {number}" for number, gain in of_number.items()
            )
            lines.append(f"`{name}` minus `{best}`, recall by images left of the class: {told}.")
    return {"lines": lines, "above_rivals": above, "by_images_left": left}


def _kind(name: str, records: Mapping[int, Mapping[str, Any]]) -> str:
    """Of the table; arms of sources are "generated", but "check" where their images leak."""
    told = next(iter(records.values())).get("dataset", {}).get("warnings", ())
    leaks = any(f"`{name.removesuffix('_classical')}`" in warning for warning in told)
    return KINDS.get(name, "check" if leaks else "generated")


def _compare(arms: Arms, name: str, rival: str, metric: str = PRIMARY.name) -> Comparison:
    """Over seeds, and of the primary metric over test images too."""
    one, other = (_values(arms[arm], metric) for arm in (name, rival))
    overlap = overlap_of(arms[name].values())
    found = compare(one, other, PRIMARY.bounds, overlap)
    return over_images(found, arms[name], arms[rival]) if metric == PRIMARY.name else found


def _values(records: Mapping[int, Mapping[str, Any]], metric: str) -> dict[int, float | None]:
    return {seed: record["metrics"].get(metric) for seed, record in records.items()}


def _mean(records: Mapping[int, Mapping[str, Any]], metric: str) -> float:
    return sum(record["metrics"][metric] for record in records.values()) / len(records)


def _above(arms: Arms, names: Sequence[str], rivals: Sequence[str]) -> dict[str, Any]:
    values = {name: _values(of_arm, PRIMARY.name) for name, of_arm in arms.items()}
    overlap = max((overlap_of(of_arm.values()) for of_arm in arms.values()), default=0.0)
    sides = (rivals, values, arms, PRIMARY.higher_is_better, PRIMARY.bounds, overlap)
    found = {name: pair for name in names if (pair := against_best(name, *sides)) is not None}
    adjusted = holm({name: one.deciding_p_value for name, (_, one) in found.items()})
    return {
        name: {
            "rival": best,
            "difference": one.difference,
            "ci95": list(one.deciding_ci95 or ()),
            "p_holm": adjusted[name],
            "verdict": verdict(one, adjusted[name], PRIMARY.higher_is_better, PRIMARY.margin),
        }
        for name, (best, one) in found.items()
    }


def _by_images_left(arms: Arms, name: str, best: str) -> dict[str, Any]:
    metrics = next(iter(arms[name].values()))["metrics"]
    found = {
        metric.removeprefix(PREFIX): _compare(arms, name, best, metric)
        for metric in metrics
        if metric.startswith(PREFIX)
    }
    return {
        number: {"difference": gain.difference, "ci95": list(gain.ci95)}
        for number, gain in found.items()
        if gain.ci95 is not None
    }


def _answer(above: Mapping[str, Any], best: str, number: int) -> str:
    rivals = {1: f"`{best}`", 2: "both plain rivals"}.get(number, f"all {number} plain rivals")
    better = [name for name, found in above.items() if found["verdict"] == "helps"]
    if better:
        told = ", ".join(f"`{name}` ({in_brackets(above[name])})" for name in better)
        return f"Above {rivals}, Holm's correction passed: {told}; in brackets, minus `{best}`."
    most = max(found["ci95"][1] for found in above.values())
    nearest = max(above, key=lambda name: above[name]["difference"])
    return (
        f"No treatment with generated images was shown to be above {rivals}; the nearest was "
        f"`{nearest}`, minus `{best}` {in_brackets(above[nearest])}. "
        f"None is above `{best}` by more than {max(0.0, most):.3f}, as the 95 % interval of each "
        "says."
    )
