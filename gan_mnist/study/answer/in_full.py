"""All of a study's answer in one sentence."""

from collections.abc import Mapping
from typing import Any

from gan_mnist.study.answer.arms_in_question import ArmsInQuestion, choice_in_words
from gan_mnist.study.answer.reasons import PRIMARY
from gan_mnist.study.statistics.small_samples import MIN_SEEDS, unseen_failure_rate
from gan_mnist.study.words import counted, fixed, interval_decimals, with_interval


def in_full(asked: ArmsInQuestion) -> str:
    """A sentence without its full stop."""
    study, label = asked.plan.study, asked.metric.label
    noun = asked.noun
    more = f" with {study.treatment}" if asked.kind == "generated" else ""
    plain = _plain_rival(asked)
    if asked.none_there:
        kept = " that is free of copies of test images" if asked.leaks else ""
        return (
            f"No answer: this run has no {noun}{more}{kept}; the report has its differences{plain}"
        )
    if not asked.compared:
        return (
            "No answer yet: a comparison needs two seeds in which both "
            f"`{study.control}` and a {noun}{more} are done{plain}"
        )
    best, found, number = asked.focus, asked.compared[asked.focus], len(asked.compared)
    raised = asked.way == (1 if asked.metric.higher_is_better else -1)
    verb, other = ("raised", "lowered")[:: 1 if raised else -1]
    extreme = "best" if asked.way > 0 else "worst"
    gain = with_interval(found.difference, asked.focus_interval)
    shown = f"({gain}{asked.allowing}, {found.n} seeds)"
    group = f"of {counted(number, noun)}{more}, "
    if found.too_few:
        return f"Cannot tell: {found.too_few}; the {extreme} was `{best}` {shown}"
    if asked.called:
        did = "helped" if asked.way > 0 else "hurt"
        others = f"{len(asked.called)} {did}, and " if len(asked.called) > 1 else ""
        text = f"{'' if number == 1 else group}{others}{_change(asked, best, asked.among)}"
        text += _beyond_in_full(asked) + _without(asked)
    elif number == 1 and asked.same:
        both = f"`{best}` and `{study.control}` are the same {asked.within}"
        text = f"{both} in {label} {shown}{plain}"
    elif number == 1 and asked.opposite:
        text = _change(asked, best, asked.among) + plain
    elif number == 1:
        text = f"Cannot tell whether `{best}` {verb} {label} {shown}{plain}"
    elif len(asked.opposite) == number:
        text = f"{group}each {other} {label}, the least so `{best}` {shown}{plain}"
    else:
        text = f"{group}none {'' if asked.settled else 'clearly '}{verb} {label}"
        told = [f"{len(asked.opposite)} {other} it"] if asked.opposite else []
        told += [f"{len(asked.same)} left it the same {asked.within}"] if asked.same else []
        text += "".join(f" and {one}" for one in told) + f"; the {extreme} was `{best}` {shown}"
        text = f"{text if asked.settled else f'Cannot tell: {text}'}{plain}"
    text += _what_is_not_known(asked) + _primary_in_full(asked) + _others_in_full(asked)
    return text[0].upper() + text[1:]


def _what_is_not_known(asked: ArmsInQuestion) -> str:
    """What other seeds, and other test images, might say."""
    best, found, text = asked.focus, asked.compared[asked.focus], ""
    if found.n < MIN_SEEDS:
        text = f"; {found.n} seeds are too few to rely on"
    elif found.more_seeds_needed:
        text = "; more seeds are needed to rely on this interval"
    elif best in asked.called or best in asked.opposite:
        text = (
            f"; trainings that fail may not have been seen in {found.n} seeds, "
            f"if they are fewer than {100 * unseen_failure_rate(found.n):.0f} %"
        )
    if found.over_seeds_alone:
        text += "; the verdict is over seeds alone, other test images might say something else"
    return text


def _primary_in_full(asked: ArmsInQuestion) -> str:
    """The primary comparisons that the sentence has not told yet."""
    told = {(asked.focus, asked.plan.study.control)}
    if asked.versus is not None:
        told.add((asked.focus, asked.versus["rival"]))
    parts = [
        f"`{one['arm']}` against `{one['reference']}` {one['verdict']} "
        f"({with_interval(one['difference'], one['ci95'])}{_p_of(asked, one)})"
        for one in asked.primary
        if (one["arm"], one["reference"]) not in told
    ]
    return f"; also primary: {', '.join(parts)}" if parts else ""


def _p_of(asked: ArmsInQuestion, one: Mapping[str, Any]) -> str:
    return asked.reported[PRIMARY, one["arm"], one["reference"]].p_beside(asked.metric.margin)


def _others_in_full(asked: ArmsInQuestion) -> str:
    """What is found behind the gate, or beside it."""
    if not asked.primary or not asked.others:
        return ""
    did, verb = ("helps", "helped") if asked.way > 0 else ("hurts", "hurt")
    number = len([name for name in asked.others if asked.entries[name]["verdict"] == did])
    standing = asked.entries[asked.others[0]]["standing"]
    return f"; {standing}: {number} of {counted(len(asked.others), 'other')} {verb}"


def _change(asked: ArmsInQuestion, name: str, among: int) -> str:
    found, interval = asked.comparisons[name], asked.interval(name, among)
    verb = "raised" if (found.difference or 0.0) > 0 else "lowered"
    number = interval_decimals(interval)
    before, after = (fixed(mean or 0.0, number) for mean in (found.control, found.treated))
    size = with_interval(found.difference, interval)
    change = f"{verb} {asked.metric.label} from {before} to {after}"
    return f"`{name}` {change} ({size}{choice_in_words(among)}, {found.n} seeds)"


def _plain_rival(asked: ArmsInQuestion) -> str:
    """What the best plain rival did that helped, where another kind is asked about."""
    if asked.kind != "generated":
        return ""
    sign = 1 if asked.metric.higher_is_better else -1
    rivals = [arm.name for arm in asked.plan.arms if arm.kind == "rival"]
    gains = {
        name: sign * (asked.comparisons[name].difference or 0.0)
        for name in rivals
        if asked.entries[name]["verdict"] == "helps"
    }
    if not gains:
        return ""
    best = max(gains, key=lambda name: gains[name])
    return f"; the plain rival {_change(asked, best, len(rivals))}"


def _beyond_in_full(asked: ArmsInQuestion) -> str:
    """What is left of a gain over the control when the best plain rival is the measure."""
    if asked.versus is None:
        beyond = asked.beyond()
        return f", but {beyond[1]}" if beyond else ""
    many, rival = len(asked.versus["rivals"]), f"`{asked.versus['rival']}`"
    best = f"the best of {many} plain rivals, {rival}," if many > 1 else f"plain {rival} alone"
    size = with_interval(asked.versus["difference"], asked.versus["ci95"]) + _likewise(asked)
    if missing := asked.versus.get("not_compared"):
        return (
            f"; against {best} it is {size}, but plain `{missing[0]}` could not be compared, as "
            "its trials failed"
        ).replace(", it", " it")
    if (better := asked.not_beaten) is not None:
        told = with_interval(better["difference"], better["ci95"])
        other = f"could not be compared with plain `{better['rival']}`, as its trials failed"
        if not better.get("not_compared"):
            other = f"was not shown to do better than plain `{better['rival']}` ({told})"
        return f", and did better than {best} ({size}), but {other}".replace(", (", " (")
    return {
        "helps": f", and did better than {best} ({size})",
        "hurts": f"; it did worse than {best} ({size})",
        "the same": f"; it does the same {asked.within} as {best} ({size})",
        "cannot tell": f"; whether it beats {best} cannot be told ({size})",
    }[asked.versus["verdict"]].replace(", (", " (")


def _likewise(asked: ArmsInQuestion) -> str:
    """What further intervals of the arm allow for, when the first has said it."""
    return ", allowing likewise" if asked.allowing else ""


def _without(asked: ArmsInQuestion) -> str:
    """What the arm gains over the one that leaves something out of it."""
    ablation = asked.ablation
    if not ablation or ablation["ci95"] is None:
        return ""
    told = {
        "helps": "it did better than its ablation",
        "hurts": "it did worse than its ablation",
        "the same": f"it is the same {asked.within} as its ablation",
        "cannot tell": "it was not shown to differ from its ablation",
    }[ablation["verdict"]]
    size = with_interval(ablation["difference"], ablation["ci95"]) + _likewise(asked)
    return f"; {told} `{ablation['arm']}` ({size})"
