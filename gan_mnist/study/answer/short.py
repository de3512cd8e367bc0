"""The answer of a study: in at most 15 words, the number that carries it, and in full."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.arms_in_question import ArmsInQuestion, Entries
from gan_mnist.study.answer.in_full import in_full
from gan_mnist.study.answer.reasons import CONTROL, PRIMARY, RIVALS
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
    asked = ArmsInQuestion(plan, entries, comparisons, results, primary)
    short, line, full = _short(asked), _line(asked), in_full(asked)
    if asked.is_exploratory and (asked.called or asked.settled):
        short = [f"Exploratory: {short[0][0].lower()}{short[0][1:]}", *short[1:]]
    wrong = [check for check in controls if check["ok"] is False]
    if wrong:
        told = [f"{_not_so(check)} ({_of(check)})" for check in wrong]
        which = _not_so(wrong[0]) if len(wrong) == 1 else f"{len(wrong)} controls came out wrong"
        short = [f"Do not trust this run: {which}"]
        line = f"{told[0]}, where it must be."
        full = (
            "The controls did not come out right, so do not trust this run: "
            f"{', '.join(told)}; its numbers would say: {full}"
        )
    if warnings := plan.dataset.get("warnings"):
        careful = f"Careful, {'; '.join(warnings)}."
        short = [f"Careful, a leak. {short[0]}", *short[1:]]
        line, full = f"{careful} {line}".rstrip(), f"{careful} {full}"
    full += _looked(plan) + _left_out(plan)
    failed, missing = statuses.count("failed"), len(plan.arms) * len(plan.seeds) - len(statuses)
    if failed:
        full += f"; {counted(failed, 'trial')} failed"
    if missing:
        full += f"; {counted(missing, 'trial')} not run yet"
    rests_on = {"arm": asked.focus, "reference": asked.reference} if asked.compared else None
    words = {"answer": _fitted(short), "carried_by": line, "in_full": f"{full}."}
    return {**words, "rests_on": rests_on}


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


def _not_so(check: Mapping[str, Any]) -> str:
    return f"`{check['arm']}` is not {check['relation']} `{check['reference']}`"


def _of(check: Mapping[str, Any]) -> str:
    return with_interval(check["difference"], check["difference_ci95"])


def _short(asked: ArmsInQuestion) -> list[str]:
    """What is said in any case, and what is added if there is room."""
    if asked.none_there:
        leaking, absent = (
            "no source is free of copies of test images",
            "none of the arms in question",
        )
        return [f"No answer: {leaking if asked.leaks else f'this run has {absent}'}"]
    if not asked.compared:
        return ["No answer yet: a comparison needs two seeds"]
    if few := asked.compared[asked.focus].too_few:
        named = f"Cannot tell: only {few}"
        # The name of a class may be of many words.
        fits = len(named.split()) <= MOST_WORDS
        return [named if fits else "Cannot tell: there are too few test images"]
    if asked.compared[asked.focus].n < MIN_SEEDS:
        return [_of_few_seeds(asked)]
    if asked.called:
        return _of_a_gain(asked)
    return _of_no_gain(asked)


def _of_few_seeds(asked: ArmsInQuestion) -> str:
    few = f"{asked.compared[asked.focus].n} seeds are too few to rely on"
    if not (asked.called or asked.settled):
        return f"Cannot tell: {few}"
    if asked.wants_yes:
        return f"Perhaps, but {few}" if asked.called else f"Perhaps not: {few}"
    return f"{_did(asked)}, but {few.removesuffix(' to rely on')}"


def _did(asked: ArmsInQuestion) -> str:
    """What the arm that the answer rests on did, where there is a verdict."""
    if asked.focus in asked.same:
        return f"`{asked.focus}` and `{asked.plan.study.control}` are the same {asked.within}"
    sign = 1 if asked.focus in asked.called else -1
    than = "better" if sign * asked.way > 0 else "worse"
    return f"`{asked.focus}` did {than} than `{asked.plan.study.control}`"


def _of_a_gain(asked: ArmsInQuestion) -> list[str]:
    number, control = len(asked.compared), asked.plan.study.control
    beyond = asked.beyond()
    if beyond is not None:
        is_more, told = beyond
        if is_more:
            return [_answered(asked, "Yes: ", f"`{asked.focus}` {told}")]
        better = "Better" if asked.way > 0 else "Worse"
        return [f"Yes, but {told}" if asked.wants_yes else f"{better} than `{control}`, but {told}"]
    if number == 1:
        return [_answered(asked, "Yes: ", _did(asked))]
    than = "better" if asked.way > 0 else "worse"
    group = f"{len(asked.called)} of {counted(number, asked.noun)} did {than}"
    return [
        _answered(asked, "Yes: ", f"{group} than `{control}`"),
        f", most of all `{asked.focus}`",
    ]


def _of_no_gain(asked: ArmsInQuestion) -> list[str]:
    number, control = len(asked.compared), asked.plan.study.control
    better, worse = ("better", "worse")[:: asked.way]
    verb, opposite = ("help", "hurt")[:: asked.way]
    if asked.settled:
        each = f"not one of {number} did {better} than `{control}`"
        if len(asked.opposite) == number:
            each = f"each of {number} did {worse} than `{control}`"
        elif len(asked.same) == number:
            each = f"each of {number} is the same as `{control}` {asked.within}"
        return [_answered(asked, "No: ", _did(asked) if number == 1 else each)]
    if number == 1:
        return [f"Cannot tell whether `{asked.focus}` {verb}s"]
    parts = [f"Cannot tell: not one of {number} was shown to {verb}"]
    return [*parts, f", and {len(asked.opposite)} {opposite}"] if asked.opposite else parts


def _answered(asked: ArmsInQuestion, opening: str, text: str) -> str:
    """`text` behind its "Yes" or "No", where that is what the question asks for."""
    return opening + text if asked.wants_yes else text[0].upper() + text[1:]


def _line(asked: ArmsInQuestion) -> str:
    """The number that the short answer rests on."""
    if not asked.compared:
        return ""
    found, control = asked.compared[asked.focus], asked.plan.study.control
    versus, label = asked.versus, asked.metric.label
    if versus and versus["ci95"]:
        many = len(versus["rivals"])
        best = f", the best of {many} plain rivals" if many > 1 else ""
        pair = f"minus plain `{versus['rival']}`{best}"
        difference, interval = versus["difference"], versus["ci95"]
        is_unsure = versus.get("more_seeds_needed", False)
    else:
        pair = f"minus `{control}`"
        difference, interval = found.difference, asked.focus_interval
        is_unsure = found.more_seeds_needed
    size, ends = with_interval(difference, interval).split(", ")
    text = f"`{asked.focus}` {pair}: {size} in {label} ({ends}{asked.allowing}, {found.n} seeds)"
    if found.too_few:
        text += f"; only {found.too_few}"
    elif found.n >= MIN_SEEDS and is_unsure:
        text += "; more seeds are needed to rely on this interval"
    kind = CONTROL if asked.reference == control else RIVALS
    kind = PRIMARY if versus and "reference" in versus else kind
    told = asked.reported[kind, asked.focus, asked.reference]
    reason = "" if found.too_few else told.why(asked.metric.margin, interval, tells_p=True)
    return f"{text}. {reason}".rstrip()
