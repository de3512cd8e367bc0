"""Whether a gain over the control is one over plain rivals, too."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gan_mnist.study.answer.arms_in_question import ArmsInQuestion
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.statistics.verdicts import is_within


class GainCheck(NamedTuple):
    """Whether a gain over the control answers the question without a "but".

    Attributes:
        is_enough: Whether it does: it is more than any plain rival's.
        words: What the arm did more, or what follows "Yes" and a comma.
        fewer_words: The same where there is no room for it; "" where it is short.
    """

    is_enough: bool
    words: str
    fewer_words: str = ""


def measuring_rival(arms: ArmsInQuestion) -> Mapping[str, Any] | None:
    """`arms.versus` where the short answer rests on it, and not on the gain over the control.

    Of few seeds, or of a gain within the margin, it tells of the control alone.
    """
    is_of_control = arms.compared[arms.focus].n < MIN_SEEDS or _is_within_margin(arms)
    return None if is_of_control else arms.versus


def check_gain(arms: ArmsInQuestion) -> GainCheck | None:
    """Measures the gain of `arms.focus` over the control by the margin, then by the plain rivals.

    Returns:
        None where the gain may exceed the margin and no plain rival is its measure: for arms
        without generated images, a question that asks for worse, a study without plain rivals.
    """
    if _is_within_margin(arms):
        return GainCheck(False, f"but by less than {arms.metric.margin:g}")
    is_rival = arms.focus in arms.plan.arms_of_kind("rival")
    if arms.kind != "generated" or arms.direction_sign < 0 or is_rival:
        return None
    if reason := _not_comparable(arms):
        return GainCheck(False, f"but {reason}")
    if arms.versus is None:
        return None
    rival, is_many = f"plain `{arms.versus['rival']}`", len(arms.versus["rivals"]) > 1
    note = ", exploratory" if arms.versus.get("standing") == "exploratory" else ""
    if (better := not_beaten(arms)) is not None:
        words = f"but not shown to beat plain `{better['rival']}`"
        return GainCheck(False, f"more than {rival}, {words}", words)
    beaten = "every plain rival" if is_many else rival
    words_by_verdict = {
        "helps": f"did more than {beaten}{note}",
        "hurts": f"but less than {rival} does",
        "the same": f"but no more than {rival} does",
        "cannot tell": f"but not shown to beat {rival}",
    }
    verdict = arms.versus["verdict"]
    return GainCheck(verdict == "helps", words_by_verdict[verdict])


def not_beaten(arms: ArmsInQuestion) -> Mapping[str, Any] | None:
    """`arms.focus` against the best plain rival, if it beats one that was named and not this one.

    `rival` is one that could not be compared, if there is one.
    """
    best, versus = arms.entries[arms.focus].get("versus_rivals"), arms.versus
    if best is None or versus is None:
        return None
    if best["verdict"] == "helps" or versus["verdict"] != "helps":
        return None
    if missing := best.get("not_compared"):
        return {**best, "rival": missing[0]}
    return None if best["rival"] == versus["rival"] else best


def _is_within_margin(arms: ArmsInQuestion) -> bool:
    """Whether there is a gain over the control, and one that is too small to matter."""
    return bool(arms.arms_as_asked) and is_within(arms.focus_interval, arms.metric.margin)


def _not_comparable(arms: ArmsInQuestion) -> str:
    """What keeps plain rivals from being the measure of a gain; "" where nothing does."""
    versus = arms.versus
    if versus is None:
        if rivals_of_run := arms.results.applicable(arms.plan.arms_of_kind("rival")):
            return f"plain `{rivals_of_run[0]}` could not be compared"
        has_rivals = any(arm.kind == "rival" for arm in arms.plan.study.arms)
        return "no plain rival was run beside it" if has_rivals else ""
    if missing := versus.get("not_compared"):
        return f"plain `{missing[0]}` could not be compared"
    if versus["n"] < MIN_SEEDS:
        rivals = "plain rivals" if len(versus["rivals"]) > 1 else f"plain `{versus['rival']}`"
        return f"shares too few seeds with {rivals}"
    return ""
