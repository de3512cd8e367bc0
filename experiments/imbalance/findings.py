"""Whether an arm with generated images is above every plain rival, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.statistics import Comparison, compare, holm, overlap_of, verdict
from gan_mnist.study.test_images import over_images

from .study import STUDY

PRIMARY = STUDY.metrics[0]
PREFIX = f"{PRIMARY.name}_at_"
KINDS = {arm.name: arm.kind for arm in STUDY.arms}

Arms = Mapping[str, Mapping[int, Mapping[str, Any]]]


def findings(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every arm with generated images against all plain rivals.

    An arm is above every rival if it is above each of them; so the largest of its p values counts,
    which Holm adjusts over such arms (intersection-union test: Berger, Technometrics 24, 1982).

    Args:
        records: Of finished trials.

    Returns:
        `lines`; `above_rivals`: by arm `rival` (that with the highest mean), `difference` to it,
        `ci95`, `p_holm` and `verdict`, which is "helps" for an arm above every rival; and
        `by_images_left`: by arm and number, `difference` and `ci95` to that rival.
    """
    arms: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        arms.setdefault(record["arm"], {})[record["seed"]] = record
    generated = [name for name in arms if _kind(name, arms[name]) == "generated"]
    rivals = [name for name in arms if KINDS.get(name) == "rival"]
    compared = {
        name: {rival: _compare(arms, name, rival) for rival in rivals} for name in generated
    }
    compared = {
        name: of_rivals
        for name, of_rivals in compared.items()
        if of_rivals and all(found.deciding_ci95 for found in of_rivals.values())
    }
    if not compared:
        return {"lines": [], "above_rivals": {}, "by_images_left": {}}
    best = max(rivals, key=lambda rival: _mean(arms[rival], PRIMARY.name))
    above = _above(compared, best)
    left = {name: _by_images_left(arms, name, best) for name in compared}
    lines = [_answer(above, best, len(rivals))]
    for name, of_number in left.items():
        if of_number:
            told = ", ".join(f"{_signed(gain)} at {number}" for number, gain in of_number.items())
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


def _above(compared: Mapping[str, Mapping[str, Comparison]], best: str) -> dict[str, Any]:
    largest = {
        name: max(found.deciding_p_value or 0.0 for found in of_rivals.values())
        for name, of_rivals in compared.items()
    }
    adjusted = holm(largest)
    above = {}
    for name, of_rivals in compared.items():
        verdicts = {verdict(found, adjusted[name], True) for found in of_rivals.values()}
        above[name] = {
            "rival": best,
            "difference": of_rivals[best].difference,
            "ci95": list(of_rivals[best].deciding_ci95 or ()),
            "p_holm": adjusted[name],
            "verdict": verdicts.pop() if len(verdicts) == 1 else "cannot tell",
        }
    return above


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
        told = ", ".join(f"`{name}` ({_signed(above[name])})" for name in better)
        return f"Above {rivals}, Holm's correction passed: {told}; in brackets, minus `{best}`."
    most = max(found["ci95"][1] for found in above.values())
    nearest = max(above, key=lambda name: above[name]["difference"])
    return (
        f"No treatment with generated images was shown to be above {rivals}; the nearest was "
        f"`{nearest}`, minus `{best}` {_signed(above[nearest])}. None is above `{best}` by more "
        f"than {max(0.0, most):.3f}, as the 95 % interval of each says."
    )


def _signed(gain: Mapping[str, Any]) -> str:
    low, high = gain["ci95"]
    return f"{gain['difference']:+.3f} ({low:+.3f} to {high:+.3f})"
