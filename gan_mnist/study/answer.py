"""The answer of a study in one plain sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.small_samples import MIN_SEEDS
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics import Comparison
from gan_mnist.study.trial import Plan

Entries = Mapping[str, Mapping[str, Any]]

# The kinds of arms that a study may ask about, the first that it has; and what they are called.
_ASKED = {"generated": "treatment", "rival": "treatment", "ablation": "ablation"}
_OPEN_QUESTIONS = ("How", "What", "When", "Where", "Which", "Who", "Why")


def answer(
    plan: Plan,
    statuses: Sequence[str],
    entries: Entries,
    comparisons: Mapping[str, Comparison],
    controls: Sequence[Mapping[str, Any]],
) -> str:
    """What the arms that were asked about did, behind a warning where the controls failed.

    Args:
        plan: The study; which of its arms are asked about, says `Arm.kind`.
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
    if warnings := plan.dataset.get("warnings"):
        finding = f"Careful, {'; '.join(warnings)}. {finding}"
    failed, missing = statuses.count("failed"), len(plan.arms) * len(plan.seeds) - len(statuses)
    if failed:
        finding += f"; {_count(failed, 'trial')} failed"
    if missing:
        finding += f"; {_count(missing, 'trial')} not run yet"
    return f"{finding}."


def _finding(plan: Plan, entries: Entries, comparisons: Mapping[str, Comparison]) -> str:
    study, metric = plan.study, plan.study.metrics[0]
    sign = 1 if metric.higher_is_better else -1
    better, worse = ("raised", "lowered")[::sign]
    kinds = {arm.kind for arm in study.arms}
    kind = next((kind for kind in _ASKED if kind in kinds), "rival")
    noun, more = _ASKED[kind], f" with {study.treatment}" if kind == "generated" else ""
    asked = {
        arm.name: comparisons[arm.name]
        for arm in plan.arms
        if arm.kind == kind and arm.name in comparisons and arm.name != study.oracle
    }
    found = {name: comparison for name, comparison in asked.items() if comparison.n > 1}
    plain = _plain_rival(study.rival, entries, comparisons, metric)
    if all(arm.kind != kind for arm in plan.arms):
        return f"No answer: this run has no {noun}{more}; the report has its differences{plain}"
    if not found:
        return (
            "No answer yet: a comparison needs two seeds in which both "
            f"`{study.control}` and a {noun}{more} are done{plain}"
        )
    beyond = {name: (entries[name].get("versus_rival") or {}).get("verdict") for name in found}
    verdicts = {name: entries[name]["verdict"] for name in found}
    helped = [name for name in found if verdicts[name] == "helps"]
    hurt = [name for name in found if verdicts[name] == "hurts"]

    def rank(name: str) -> tuple[bool, float]:
        return beyond[name] == "helps", sign * (found[name].difference or 0.0)

    best = max(helped or found, key=rank)
    few = found[best].too_few
    size = (
        f"`{best}` ({_interval(found[best].difference, found[best].deciding_ci95)}, "
        f"{found[best].n} seeds)"
    )
    alone = len(found) == 1
    group = "" if alone else f"of {_count(len(found), noun)}{more}, "
    if few:
        return f"Cannot tell: {few}; the best was {size}"
    if helped:
        others = "" if len(helped) == 1 else f"{len(helped)} helped, and "
        text = f"{group}{others}{_change(best, found[best], metric)}"
        text += _beyond_rival(study.rival, entries, best) + _without(entries[best])
        text = _answered(study.question, _opening(study.rival, beyond[best]), text)
    elif len(hurt) == len(found):
        each = f"{group}each {worse} {metric.label}, the least so {size}"
        text = _change(best, found[best], metric) if alone else each
        text = _answered(study.question, "No", text) + plain
    elif alone:
        shown = size.removeprefix(f"`{best}`")
        text = f"Cannot tell whether `{best}` {better} {metric.label}{shown}{plain}"
    else:
        text = f"Cannot tell: {group}none clearly {better} {metric.label}"
        text += f" and {len(hurt)} {worse} it" if hurt else ""
        text += f"; the best was {size}{plain}"
    if found[best].n < MIN_SEEDS:
        text += f"; {found[best].n} seeds are too few to rely on"
    elif found[best].more_seeds_needed:
        text += "; more seeds are needed to rely on this interval"
    return text


def _answered(question: str, opening: str, text: str) -> str:
    """`text` behind its "Yes" or "No", where that is what the question asks for."""
    if question.split(maxsplit=1)[0] in _OPEN_QUESTIONS:
        return text[0].upper() + text[1:]
    return f"{opening}: {text}"


def _plain_rival(
    rival: str | None, entries: Entries, comparisons: Mapping[str, Comparison], metric: Metric
) -> str:
    """What the plain rival did, if it helped."""
    if rival is None or rival not in comparisons or entries[rival]["verdict"] != "helps":
        return ""
    return f"; the plain rival {_change(rival, comparisons[rival], metric)}"


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
    digits = _digits(found.deciding_ci95)
    return (
        f"`{name}` {verb} {metric.label} from {found.control:.{digits}f} to "
        f"{found.treated:.{digits}f} ({_interval(found.difference, found.deciding_ci95)}, "
        f"{found.n} seeds)"
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
