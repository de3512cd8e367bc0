"""Arms compared on a metric, and what `summary.json` tells of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics import looks as looks_at
from gan_mnist.study.statistics import paired
from gan_mnist.study.statistics.looks import counted
from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.rivals import against_best
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.statistics.test_images import as_told, over_images
from gan_mnist.study.statistics.verdicts import holds, verdict
from gan_mnist.study.trial import Plan

Record = Mapping[str, Any]
Records = Mapping[str, Mapping[int, Record]]
Values = Mapping[str, Mapping[int, float]]
# A comparison, its Holm-adjusted p and the number of tests that Holm adjusts over.
Found = tuple[Comparison, float | None, float]


def pair(interval: paired.Interval | None) -> list[float] | None:
    """An interval as JSON has it."""
    return None if interval is None else list(interval)


def compare_all(
    values: Values,
    reference: str,
    names: Sequence[str],
    primary: Metric,
    overlap: float,
    records: Records | None = None,
    looks: Sequence[int] = (),
) -> dict[str, Found]:
    """Each arm's comparison with `reference`; see `compare_pairs`."""
    pairs = [Pair(name, reference) for name in names]
    found = compare_pairs(pairs, values, primary, overlap, records, looks)
    return {pair.arm: one for pair, one in found.items()}


def compare_pairs(
    pairs: Sequence[Pair],
    values: Values,
    primary: Metric,
    overlap: float,
    records: Records | None = None,
    looks: Sequence[int] = (),
    chosen_among: int = 1,
) -> dict[Pair, Found]:
    """Each pair's comparison, its p value adjusted by Holm over all pairs, the number of tests.

    With `records`, over test images too where they say which were right. With announced looks,
    intervals and adjusted p values are those of `looks`, and the number of tests grows as the level
    falls. Intervals allow for a pair's having been chosen among so many.
    """
    level = looks_at.level(looks) / chosen_among
    found = {
        pair: paired.compare(values[pair[0]], values[pair[1]], primary.bounds, overlap, level)
        for pair in pairs
    }
    if records is not None:
        found = {
            pair: over_images(one, records[pair[0]], records[pair[1]], level)
            for pair, one in found.items()
        }
    p_values = {pair: counted(one.deciding_p_value, looks) for pair, one in found.items()}
    adjusted = paired.holm(p_values)
    tests = sum(p is not None for p in p_values.values()) * LEVEL / looks_at.level(looks)
    return {pair: (found[pair], adjusted[pair], tests) for pair in pairs}


def against_control(found: Found, primary: Metric) -> dict[str, Any]:
    """What an arm's entry tells of its comparison with the control."""
    comparison, p_holm, tests = found
    if comparison.n == 0:
        return {"more_seeds_needed": True}
    return {
        "difference": comparison.difference,
        "difference_ci95": pair(comparison.ci95),
        "p_value": comparison.p_value,
        "p_holm": p_holm,
        "smallest_detectable_effect": paired.smallest_detectable_effect(comparison, tests),
        "more_seeds_needed": comparison.more_seeds_needed,
        "verdict": verdict(comparison, p_holm, primary.higher_is_better, primary.margin),
        **as_told(comparison),
    }


def against_reference(found: Found, primary: Metric) -> dict[str, Any]:
    """What an entry tells of a primary comparison, be there no common seed yet."""
    comparison, p_holm, tests = found
    return {
        "difference": comparison.difference,
        "ci95": pair(comparison.deciding_ci95),
        "p_value": comparison.deciding_p_value,
        "p_holm": p_holm,
        "smallest_detectable_effect": paired.smallest_detectable_effect(comparison, tests),
        "more_seeds_needed": comparison.more_seeds_needed,
        "verdict": verdict(comparison, p_holm, primary.higher_is_better, primary.margin),
    }


def against_rival(found: Found, primary: Metric) -> dict[str, Any] | None:
    """What it tells of its comparison with a rival; None without a common seed."""
    comparison, p_holm, _ = found
    if comparison.n == 0:
        return None
    return {
        "difference": comparison.difference,
        "ci95": pair(comparison.deciding_ci95),
        "p_holm": p_holm,
        "verdict": verdict(comparison, p_holm, primary.higher_is_better, primary.margin),
    }


def against_rivals(
    names: Sequence[str],
    rivals: Sequence[str],
    values: Values,
    records: Records,
    primary: Metric,
    overlap: float,
    looks: Sequence[int] = (),
) -> dict[str, dict[str, Any]]:
    """Each arm against the best of the rivals, see `rivals`; Holm adjusts over the arms.

    It is not above all of them where one has fewer than two seeds in common with it, as its trials
    failed: such are told as `not_compared`, and there is no p.
    """
    sides = (primary.higher_is_better, primary.bounds, overlap, looks_at.level(looks))
    compared = {name: against_best(name, rivals, values, records, *sides) for name in names}
    found = {name: pair for name, pair in compared.items() if pair is not None}
    adjusted = paired.holm(
        {name: counted(one.deciding_p_value, looks) for name, (_, one) in found.items()}
    )
    told = {}
    for name, (best, one) in found.items():
        missing = [rival for rival in rivals if len(values[name].keys() & values[rival].keys()) < 2]
        p_holm = None if missing else adjusted[name]
        of_best = against_rival((one, p_holm, len(found)), primary) or {}
        of_best |= {"rival": best, "rivals": [rival for rival in rivals if rival not in missing]}
        if missing:
            of_best |= {"not_compared": missing, "verdict": "cannot tell"}
        told[name] = of_best
    return told


def against_ablation(
    arms: Pair,
    values: Values,
    records: Records,
    primary: Metric,
    overlap: float,
    looks: Sequence[int] = (),
) -> dict[str, Any]:
    """What an arm's entry tells of its comparison with its ablation; each stands for itself."""
    ((found, p_value, _),) = compare_pairs(
        [arms], values, primary, overlap, records, looks
    ).values()
    return {
        "arm": arms.reference,
        "difference": found.difference,
        "ci95": pair(found.deciding_ci95),
        "p_value": p_value,
        "verdict": verdict(found, p_value, primary.higher_is_better, primary.margin),
    }


def check_expectations(
    plan: Plan, values: Values, records: Records, overlap: float
) -> list[dict[str, Any]]:
    """One entry an expectation whose two arms were both asked for.

    That two are equal is judged over test images too, where records say which were right.
    """
    checks, primary = [], plan.study.metrics[0]
    for expected in plan.study.expectations:
        if expected.arm in values and expected.reference in values:
            both = values[expected.arm], values[expected.reference]
            found = paired.compare(*both, primary.bounds, overlap)
            if equal := expected.relation == "equal to":
                found = over_images(found, records[expected.arm], records[expected.reference])
            checks.append(
                {
                    "arm": expected.arm,
                    "relation": expected.relation,
                    "reference": expected.reference,
                    "ok": holds(expected.relation, found, primary.margin),
                    "difference": found.difference,
                    "difference_ci95": pair(found.deciding_ci95 if equal else found.ci95),
                }
            )
    return checks
