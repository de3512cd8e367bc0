"""The answer of a study in one plain sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study import statistics
from gan_mnist.study.spec import Metric, Plan
from gan_mnist.study.statistics import Comparison

Entries = Mapping[str, Mapping[str, Any]]


def answer(
    plan: Plan,
    statuses: Sequence[str],
    entries: Entries,
    comparisons: Mapping[str, Comparison],
    controls: Sequence[Mapping[str, Any]],
) -> str:
    """What the arms that were asked about did, behind a warning where the controls failed.

    Args:
        plan: The study; its "generated" arms are asked about, or its rivals where it has none.
        statuses: Of all records of the plan's trials.
        entries: `arms` of the summary.
        comparisons: Each arm against the control.
        controls: `controls` of the summary.
    """
    finding = _finding(plan, entries, comparisons)
    wrong = [
        f"`{check['arm']}` is not {check['relation']} `{check['reference']}` "
        f"({_interval(check['difference'], check['difference_ci95'])})"
        for check in controls
        if check["ok"] is False
    ]
    if wrong:
        finding = (
            "The controls did not come out right, so do not trust this run: "
            f"{', '.join(wrong)}; its numbers would say: {finding}"
        )
    failed, missing = statuses.count("failed"), len(plan.arms) * len(plan.seeds) - len(statuses)
    if failed:
        finding += f"; {_count(failed, 'trial')} failed"
    if missing:
        finding += f"; {_count(missing, 'trial')} not run yet"
    return f"{finding}."


def _finding(plan: Plan, entries: Entries, comparisons: Mapping[str, Comparison]) -> str:
    metric, rival = plan.study.metrics[0], plan.study.rival
    sign = 1 if metric.higher_is_better else -1
    kind = "generated" if any(arm.kind == "generated" for arm in plan.arms) else "rival"
    asked = {
        arm.name: comparisons[arm.name]
        for arm in plan.arms
        if arm.kind == kind and arm.name in comparisons and arm.name != plan.study.oracle
    }
    found = {name: comparison for name, comparison in asked.items() if comparison.n > 1}
    if not found:
        return (
            "No answer yet: a comparison needs two seeds in which both "
            f"`{plan.study.control}` and a treatment are done"
        )
    beyond = {name: (entries[name].get("versus_rival") or {}).get("verdict") for name in found}
    verdicts = {name: entries[name]["verdict"] for name in found}
    helped = [name for name in found if verdicts[name] == "helps"]
    hurt = [name for name in found if verdicts[name] == "hurts"]

    def rank(name: str) -> tuple[bool, float]:
        return beyond[name] == "helps", sign * (found[name].difference or 0.0)

    best = max(helped or found, key=rank)
    group = _count(len(found), "treatment") + (" with generated images" if kind != "rival" else "")
    if helped:
        others = "" if len(helped) == 1 else f"{len(helped)} helped, and "
        text = f"{_opening(rival, beyond[best])}: of {group}, {others}"
        text += _change(best, found[best], metric)
        text += _beyond_rival(rival, entries, best) + _without(entries[best])
    else:
        if len(hurt) == len(found):
            text = f"No: of {group}, each did harm, the least "
        else:
            text = f"Cannot tell: of {group}, none clearly helped"
            text += f" and {len(hurt)} did harm" if hurt else ""
            text += "; the best was "
        text += f"`{best}` ({_interval(found[best].difference, found[best].ci95)}, "
        text += f"{found[best].n} seeds)"
        if rival is not None and rival in comparisons and entries[rival]["verdict"] == "helps":
            text += f"; the plain rival {_change(rival, comparisons[rival], metric)}"
    if found[best].n < statistics.MIN_SEEDS:
        text += f"; {found[best].n} seeds are too few to rely on"
    elif found[best].more_seeds_needed:
        text += "; more seeds are needed to rely on this interval"
    return text


def _opening(rival: str | None, verdict: str | None) -> str:
    return {
        "cannot tell": f"Yes, but not shown to beat plain `{rival}`",
        "hurts": f"Yes, but less than plain `{rival}`",
    }.get(verdict or "", "Yes")


def _beyond_rival(rival: str | None, entries: Entries, best: str) -> str:
    """What is left of a gain over the control when the plain rival is the measure."""
    versus = entries[best].get("versus_rival")
    if rival is None or not versus:
        return ""
    interval = _interval(versus["difference"], versus["ci95"])
    return {
        "helps": f", and did better than `{rival}` alone ({interval})",
        "hurts": f"; it did worse than `{rival}` alone ({interval})",
        "cannot tell": f"; whether it beats `{rival}` alone cannot be told ({interval})",
    }[versus["verdict"]]


def _without(entry: Mapping[str, Any]) -> str:
    """What the arm gains over the one that leaves something out of it."""
    ablation = entry.get("versus_ablation")
    if not ablation or ablation["ci95"] is None:
        return ""
    low, high = ablation["ci95"]
    told = "the same within the noise" if low <= 0 <= high else "not the same"
    interval = _interval(ablation["difference"], ablation["ci95"])
    return f"; against its ablation `{ablation['arm']}` it is {told} ({interval})"


def _change(name: str, found: Comparison, metric: Metric) -> str:
    verb = "raised" if (found.difference or 0.0) > 0 else "lowered"
    digits = _digits(found.ci95)
    return (
        f"`{name}` {verb} {metric.label} from {found.control:.{digits}f} to "
        f"{found.treated:.{digits}f} ({_interval(found.difference, found.ci95)}, {found.n} seeds)"
    )


def _interval(difference: float | None, ci95: Sequence[float] | None) -> str:
    if difference is None or ci95 is None:
        return "no interval"
    digits = _digits(ci95)
    return f"{difference:+.{digits}f}, 95 % CI {ci95[0]:.{digits}f} to {ci95[1]:.{digits}f}"


def _digits(ci95: Sequence[float] | None) -> int:
    """Decimals at which the interval's half-width shows: 2 to 4."""
    half = (ci95[1] - ci95[0]) / 2 if ci95 else 0.0
    return min(max(math.ceil(-math.log10(half)), 2), 4) if half > 0 else 2


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
