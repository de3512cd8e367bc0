"""The answer of a study: in at most 15 words, the number that carries it, and in full."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.arms_in_question import ArmsInQuestion, Entries
from gan_mnist.study.answer.gain import check_gain, measuring_rival
from gan_mnist.study.answer.in_full import failed_of_focus, in_full
from gan_mnist.study.answer.reasons import CONTROL, PRIMARY, RIVALS, is_interval_unsure
from gan_mnist.study.answer.results import Results
from gan_mnist.study.statistics import looks
from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.small_samples import LEVEL, MIN_SEEDS
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted, with_interval

MOST_WORDS = 15


def answer(
    plan: Plan,
    statuses: Sequence[str],
    entries: Entries,
    comparisons: Mapping[str, Comparison],
    results: Results,
    controls: Sequence[Mapping[str, Any]],
    primary: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What the arms that were asked about did, behind a warning where there is one.

    Args:
        plan: As of `ArmsInQuestion`.
        statuses: Of all records of the plan's trials.
        entries: `arms` of the summary.
        comparisons: Each arm against the control.
        results: As of `ArmsInQuestion`.
        controls: `controls` of the summary.
        primary: `primary` of the summary.

    Returns:
        `answer`, of at most 15 words; `carried_by`, the number that it rests on, in one line, or
        ""; `in_full`, all of it; `rests_on`, the `arm` and the `reference` of that number, or None.
    """
    arms = ArmsInQuestion(plan, entries, comparisons, results, primary)
    warnings = plan.dataset.get("warnings")
    leak = "Careful, a leak. " if warnings else ""
    is_exploratory = arms.is_exploratory and (arms.arms_as_asked or arms.all_ruled_out)
    standing = "Exploratory: " if is_exploratory else ""
    short = _short(arms, MOST_WORDS - len(f"{leak}{standing}".split()))
    if standing:
        short = [f"{standing}{short[0][0].lower()}{short[0][1:]}", *short[1:]]
    line, full = _line(arms), in_full(arms)
    wrong_checks = [check for check in controls if check["ok"] is False]
    if wrong_checks:
        descriptions = [
            f"{_not_so(check)} ({with_interval(check['difference'], check['difference_ci95'])})"
            for check in wrong_checks
        ]
        problem = (
            _not_so(wrong_checks[0])
            if len(wrong_checks) == 1
            else f"{len(wrong_checks)} controls came out wrong"
        )
        short = [f"Do not trust this run: {problem}"]
        line = f"{descriptions[0]}, where it must be."
        full = (
            "The controls did not come out right, so do not trust this run: "
            f"{', '.join(descriptions)}; its numbers would say: {full}"
        )
    if warnings:
        warning = f"Careful, {'; '.join(warnings)}."
        line, full = f"{warning} {line}".rstrip(), f"{warning} {full}"
    full += _looked(plan) + _left_out(plan)
    if num_failed := statuses.count("failed"):
        full += f"; {counted(num_failed, 'trial')} failed"
    if num_missing := len(plan.arms) * len(plan.seeds) - len(statuses):
        full += f"; {counted(num_missing, 'trial')} not run yet"
    texts = {
        "answer": _fitted([f"{leak}{short[0]}", *short[1:]]),
        "carried_by": line,
        "in_full": f"{full}.",
    }
    return {**texts, "rests_on": _rests_on(arms)}


def _looked(plan: Plan) -> str:
    """What it means that seeds were added when results had been seen."""
    if plan.looks or len(plan.looked) < 2:
        return ""
    seeds = ", ".join(map(str, plan.looked))
    share = 100 * (looks.adjusted_p(LEVEL, plan.looked) or 0.0)
    return (
        f"; it was looked at with {seeds} seeds, which had not been announced: so {share:.0f} % "
        "of comparisons without an effect are called, each for itself, in place of 5 %"
    )


def _left_out(plan: Plan) -> str:
    """What it means that results of other arms were seen, too."""
    if not plan.left_out:
        return ""
    names = ", ".join(f"`{name}`" for name in plan.left_out)
    return f"; judged before, and left out now: {names}, which p values are not corrected for"


def _fitted(parts: Sequence[str]) -> str:
    """The first part, and as many of the others as `MOST_WORDS` has room for."""
    text = parts[0]
    for part in parts[1:]:
        if len(f"{text}{part}".split()) > MOST_WORDS:
            break
        text += part
    return f"{text}."


def _first_fitting(texts: Sequence[str], room: int) -> str:
    """The first of texts that has at most so many words; the last if none has."""
    return next((text for text in texts if len(text.split()) <= room), texts[-1])


def _not_so(check: Mapping[str, Any]) -> str:
    return f"`{check['arm']}` is not {check['relation']} `{check['reference']}`"


def _short(arms: ArmsInQuestion, room: int) -> list[str]:
    """What is said in any case, in so many words, and what is added if there is room."""
    if arms.has_no_arms:
        reason = "this run has none of the arms in question"
        if arms.leaks:
            reason = "no source is free of copies of test images"
        return [f"No answer: {reason}"]
    if not arms.compared:
        control = f"the control `{arms.plan.study.control}` has no finished trial"
        lacking = control if arms.is_control_missing else "a comparison needs two seeds"
        return [f"No answer yet: {lacking}"]
    if shortage := arms.compared[arms.focus].image_shortage:
        text = f"Cannot tell: only {shortage}"
        # The name of a class may be of many words.
        return [_first_fitting([text, "Cannot tell: there are too few test images"], room)]
    if arms.compared[arms.focus].n < MIN_SEEDS:
        return [_of_few_seeds(arms)]
    if arms.arms_as_asked:
        failed = failed_of_focus(arms)
        return [*_of_a_gain(arms, room), *([f"; {failed}"] if failed else [])]
    return _of_no_gain(arms)


def _of_few_seeds(arms: ArmsInQuestion) -> str:
    caveat = f"{arms.compared[arms.focus].n} seeds are too few to rely on"
    if not (arms.arms_as_asked or arms.all_ruled_out):
        return f"Cannot tell: {caveat}"
    if arms.wants_yes:
        return f"Perhaps, but {caveat}" if arms.arms_as_asked else f"Perhaps not: {caveat}"
    return f"{_did(arms)}, but {caveat.removesuffix(' to rely on')}"


def _did(arms: ArmsInQuestion) -> str:
    """What the arm that the answer rests on did, where there is a verdict."""
    if arms.focus in arms.arms_same:
        return f"`{arms.focus}` and `{arms.plan.study.control}` are the same {arms.within_margin}"
    wording = arms.asked if arms.focus in arms.arms_as_asked else arms.opposite
    return f"`{arms.focus}` did {wording.comparative} than `{arms.plan.study.control}`"


def _of_a_gain(arms: ArmsInQuestion, room: int) -> list[str]:
    num_arms, control = len(arms.compared), arms.plan.study.control
    better = arms.asked.comparative
    check = check_gain(arms)
    if check is not None:
        if check.is_enough:
            return [_answered(arms, "Yes: ", f"`{arms.focus}` {check.words}")]
        opening = "Yes" if arms.wants_yes else f"{better.capitalize()} than `{control}`"
        reasons = filter(None, [check.words, check.fewer_words])
        return [_first_fitting([f"{opening}, {reason}" for reason in reasons], room)]
    if num_arms == 1:
        return [_answered(arms, "Yes: ", _did(arms))]
    group = f"{len(arms.arms_as_asked)} of {counted(num_arms, arms.noun)} did {better}"
    parts = [_answered(arms, "Yes: ", f"{group} than `{control}`")]
    # All of them where the answer says so itself.
    if not arms.is_exploratory and (exploratory := arms.exploratory(arms.arms_as_asked)):
        parts.append(f", {len(exploratory)} exploratory")
    return [*parts, f", most of all `{arms.focus}`"]


def _of_no_gain(arms: ArmsInQuestion) -> list[str]:
    num_arms, control = len(arms.compared), arms.plan.study.control
    asked, opposite = arms.asked, arms.opposite
    if arms.all_ruled_out:
        text = f"not one of {num_arms} did {asked.comparative} than `{control}`"
        if len(arms.arms_opposite) == num_arms:
            text = f"each of {num_arms} did {opposite.comparative} than `{control}`"
        elif len(arms.arms_same) == num_arms:
            text = f"each of {num_arms} is the same as `{control}` {arms.within_margin}"
        return [_answered(arms, "No: ", _did(arms) if num_arms == 1 else text)]
    if num_arms == 1:
        return [f"Cannot tell whether `{arms.focus}` {asked.verdict}"]
    parts = [f"Cannot tell: not one of {num_arms} was shown to {asked.verb}"]
    num_opposite = len(arms.arms_opposite) - len(arms.exploratory(arms.arms_opposite))
    return [*parts, f", and {num_opposite} {opposite.verb}"] if num_opposite else parts


def _answered(arms: ArmsInQuestion, opening: str, text: str) -> str:
    """`text` behind its "Yes" or "No", where that is what the question asks for."""
    return opening + text if arms.wants_yes else text[0].upper() + text[1:]


def _rests_on(arms: ArmsInQuestion) -> dict[str, str] | None:
    """The arm that the short answer rests on, and what it is measured by."""
    if not arms.compared:
        return None
    versus = measuring_rival(arms)
    return {
        "arm": arms.focus,
        "reference": versus["rival"] if versus else arms.plan.study.control,
    }


def _line(arms: ArmsInQuestion) -> str:
    """The number that the short answer rests on."""
    if not arms.compared:
        return ""
    comparison, reference = arms.compared[arms.focus], arms.plan.study.control
    label, entry, kind = arms.metric.label, arms.entries[arms.focus], CONTROL
    if versus := measuring_rival(arms):
        num_rivals = len(versus["rivals"])
        best = f", the best of {num_rivals} plain rivals" if num_rivals > 1 else ""
        pair = f"minus plain `{versus['rival']}`{best}"
        entry, reference = versus, versus["rival"]
        kind = PRIMARY if "reference" in versus else RIVALS
        n, difference, interval = versus["n"], versus["difference"], versus["ci95"]
    else:
        pair = f"minus `{reference}`"
        n, difference, interval = comparison.n, comparison.difference, arms.focus_interval
    size, ci95 = with_interval(difference, interval).split(", ")
    text = f"`{arms.focus}` {pair}: {size} in {label} ({ci95}{arms.choice_note}, {n} seeds)"
    if comparison.image_shortage:
        text += f"; only {comparison.image_shortage}"
    elif n >= MIN_SEEDS and is_interval_unsure(entry):
        text += "; more seeds are needed to rely on this interval"
    reported = arms.reported[kind, arms.focus, reference]
    if comparison.image_shortage:
        return f"{text}."
    reason = reported.why(arms.metric.margin, interval, tells_p=True)
    return f"{text}. {reason}".rstrip()
