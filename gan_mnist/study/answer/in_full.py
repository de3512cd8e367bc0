"""All of a study's answer in one sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.answer.arms_in_question import ArmsInQuestion
from gan_mnist.study.answer.gain import check_gain, not_beaten
from gan_mnist.study.answer.reasons import PRIMARY, is_interval_unsure
from gan_mnist.study.statistics.small_samples import MIN_SEEDS, unseen_failure_rate
from gan_mnist.study.words import (
    choice_in_words,
    counted,
    fixed,
    interval_decimals,
    with_interval,
)


def in_full(arms: ArmsInQuestion) -> str:
    """A sentence without its full stop."""
    study, noun = arms.plan.study, arms.noun
    more = f" with {study.treatment}" if arms.kind == "generated" else ""
    rival = _plain_rival(arms)
    if arms.has_no_arms:
        limit = " that is free of copies of test images" if arms.leaks else ""
        return (
            f"No answer: this run has no {noun}{more}{limit}; the report has its differences{rival}"
        )
    if not arms.compared:
        lacking = (
            f"the control `{study.control}` has no finished trial"
            if arms.is_control_missing
            else "a comparison needs two seeds in which both "
            f"`{study.control}` and a {noun}{more} are done"
        )
        return f"No answer yet: {lacking}{rival}{_primary_in_full(arms)}"
    best, comparison, num_arms = arms.focus, arms.compared[arms.focus], len(arms.compared)
    gain = with_interval(comparison.difference, arms.focus_interval)
    details = f"({gain}{arms.choice_note}, {comparison.n} seeds{_standing(arms, best)})"
    group = f"of {counted(num_arms, noun)}{more}, "
    if comparison.image_shortage:
        told = f"`{best}`" if num_arms == 1 else f"{group}{_extreme(arms)}"
        return f"Cannot tell: {comparison.image_shortage}; {told} {details}"
    if arms.arms_as_asked:
        prefix = "" if num_arms == 1 else group
        if len(arms.arms_as_asked) > 1:
            prefix += f"{_done_by(arms, arms.arms_as_asked, arms.asked.past)}, and "
        text = f"{prefix}{_change(arms, best, arms.num_chosen_from)}"
        text += _beyond_in_full(arms) + _without(arms)
    elif num_arms == 1:
        text = _without_gain_of_one(arms, details) + rival
    else:
        text = _without_gain(arms, group, details) + rival
    text += _what_is_not_known(arms) + _primary_in_full(arms) + _others_in_full(arms)
    return text[0].upper() + text[1:]


def _extreme(arms: ArmsInQuestion) -> str:
    """Which arm came out best or, where the question asks for worse, worst."""
    return f"the {arms.asked.superlative} was `{arms.focus}`"


def _verbs(arms: ArmsInQuestion) -> tuple[str, str]:
    """What the question asks whether arms did to the metric, and its opposite."""
    is_raised = arms.direction_sign == arms.metric.sign
    return ("raised", "lowered") if is_raised else ("lowered", "raised")


def _without_gain_of_one(arms: ArmsInQuestion, details: str) -> str:
    """What the only arm did, where that is not what the question asks for."""
    best, label = arms.focus, arms.metric.label
    if arms.arms_same:
        pair = f"`{best}` and `{arms.plan.study.control}` are the same {arms.within_margin}"
        return f"{pair} in {label} {details}"
    if arms.arms_opposite:
        return _change(arms, best, arms.num_chosen_from)
    return f"Cannot tell whether `{best}` {_verbs(arms)[0]} {label} {details}"


def _without_gain(arms: ArmsInQuestion, group: str, details: str) -> str:
    """What several arms did, where no one did what the question asks for."""
    (verb, opposite_verb), label = _verbs(arms), arms.metric.label
    if len(arms.arms_opposite) == len(arms.compared):
        each = f"each {opposite_verb} {label}{_exploratory_among(arms, arms.arms_opposite)}"
        return f"{group}{each}, the least so `{arms.focus}` {details}"
    clauses = [f"{group}none {'' if arms.all_ruled_out else 'clearly '}{verb} {label}"]
    done_to_it = {
        f"{opposite_verb} it": arms.arms_opposite,
        f"left it the same {arms.within_margin}": arms.arms_same,
    }
    clauses += [_done_by(arms, names, done) for done, names in done_to_it.items() if names]
    text = f"{' and '.join(clauses)}; {_extreme(arms)} {details}"
    return text if arms.all_ruled_out else f"Cannot tell: {text}"


def _done_by(arms: ArmsInQuestion, names: Sequence[str], done: str) -> str:
    """How many arms did something."""
    return f"{len(names)} {done}{_exploratory_among(arms, names)}"


def _exploratory_among(arms: ArmsInQuestion, names: Sequence[str]) -> str:
    """How many of several verdicts are exploratory; "" where none is."""
    num_exploratory = len(arms.exploratory(names))
    return f" ({num_exploratory} of them exploratory)" if num_exploratory else ""


def _standing(arms: ArmsInQuestion, name: str) -> str:
    """That the verdict on an arm is exploratory; "" where it is not, or cannot be told."""
    is_told = arms.entries[name]["verdict"] != "cannot tell" and arms.exploratory([name])
    return ", exploratory" if is_told else ""


def _what_is_not_known(arms: ArmsInQuestion) -> str:
    """What other seeds, and other test images, might say."""
    best, comparison, text = arms.focus, arms.compared[arms.focus], ""
    if comparison.n < MIN_SEEDS:
        text = f"; {comparison.n} seeds are too few to rely on"
    elif is_interval_unsure(arms.entries[best]):
        text = "; more seeds are needed to rely on this interval"
    elif failed := failed_of_focus(arms):
        text = f"; {failed}, and the verdict leaves them out"
    elif best in arms.arms_as_asked or best in arms.arms_opposite:
        text = (
            f"; trainings that fail may not have been seen in {comparison.n} seeds, "
            f"if they are fewer than {100 * unseen_failure_rate(comparison.n):.0f} %"
        )
    if few := [f"`{name}` ({arms.compared[name].n})" for name in arms.of_few_seeds if name != best]:
        text += f"; too few seeds to rely on: {', '.join(few)}"
    if comparison.over_seeds_alone:
        text += "; the verdict is over seeds alone, other test images might say something else"
    return text


def failed_of_focus(arms: ArmsInQuestion) -> str:
    """How many trials failed of an arm that is called better or worse, in words; "" for none."""
    if arms.focus not in (*arms.arms_as_asked, *arms.arms_opposite):
        return ""
    statuses = [record["status"] for record in arms.results.records[arms.focus].values()]
    num_failed, trials = statuses.count("failed"), counted(len(statuses), "trial")
    return f"{num_failed} of {trials} of `{arms.focus}` failed" if num_failed else ""


def _primary_in_full(arms: ArmsInQuestion) -> str:
    """The primary comparisons that the sentence has not told yet."""
    reported_pairs = set()
    if arms.compared:
        reported_pairs.add((arms.focus, arms.plan.study.control))
        if arms.versus is not None:
            reported_pairs.add((arms.focus, arms.versus["rival"]))
    parts = [
        f"`{entry['arm']}` against `{entry['reference']}` {entry['verdict']} "
        f"({_size_of(arms, entry, _p_of(arms, entry))})"
        for entry in arms.primary
        if (entry["arm"], entry["reference"]) not in reported_pairs
        and (arms.compared or entry["ci95"])
    ]
    also = "also primary" if arms.compared else "primary"
    return f"; {also}: {', '.join(parts)}" if parts else ""


def _size_of(arms: ArmsInQuestion, entry: Mapping[str, Any], note: str = "") -> str:
    """The size of another difference than that of the arm to the control.

    Seeds are told where they are others, and what keeps one from relying on the interval.

    Args:
        arms: The arms that the study asks about.
        entry: Of the comparison.
        note: What is added behind the interval.
    """
    n, n_told = entry["n"], arms.compared[arms.focus].n if arms.compared else None
    seeds = "" if n == n_told else f", {counted(n, 'seed')}"
    is_told = n_told is not None and n_told < MIN_SEEDS
    doubt = ", too few to rely on" if n < MIN_SEEDS and not is_told else ""
    if n >= MIN_SEEDS and is_interval_unsure(entry):
        doubt = ", more seeds are needed to rely on it"
    return f"{with_interval(entry['difference'], entry['ci95'])}{note}{seeds}{doubt}"


def _p_of(arms: ArmsInQuestion, entry: Mapping[str, Any]) -> str:
    return arms.reported[PRIMARY, entry["arm"], entry["reference"]].p_beside(arms.metric.margin)


def _others_in_full(arms: ArmsInQuestion) -> str:
    """What is found behind the gate, or beside it."""
    if not arms.primary or not arms.other_arms:
        return ""
    verdicts = [arms.entries[name]["verdict"] for name in arms.other_arms]
    num_called = verdicts.count(arms.asked.verdict)
    standing = arms.entries[arms.other_arms[0]]["standing"]
    return f"; {standing}: {num_called} of {counted(len(verdicts), 'other')} {arms.asked.past}"


def _change(arms: ArmsInQuestion, name: str, num_chosen_from: int) -> str:
    comparison, interval = arms.comparisons[name], arms.interval(name, num_chosen_from)
    verb = "raised" if (comparison.difference or 0.0) > 0 else "lowered"
    decimals = interval_decimals(interval)
    control_mean, treated_mean = (
        fixed(mean or 0.0, decimals) for mean in (comparison.control, comparison.treated)
    )
    size = with_interval(comparison.difference, interval)
    change = f"{verb} {arms.metric.label} from {control_mean} to {treated_mean}"
    seeds = f"{comparison.n} seeds{_standing(arms, name)}"
    return f"`{name}` {change} ({size}{choice_in_words(num_chosen_from)}, {seeds})"


def _plain_rival(arms: ArmsInQuestion) -> str:
    """What the best plain rival did that helped, where another kind is asked about."""
    if arms.kind != "generated":
        return ""
    rivals = arms.plan.arms_of_kind("rival")
    helping = {
        name: arms.comparisons[name] for name in rivals if arms.entries[name]["verdict"] == "helps"
    }
    if not helping:
        return ""

    def rank(name: str) -> tuple[bool, float]:
        # As `ArmsInQuestion.focus`: one of enough seeds first.
        found = helping[name]
        return found.n >= MIN_SEEDS, arms.metric.sign * (found.difference or 0.0)

    best = max(helping, key=rank)
    return f"; the plain rival {_change(arms, best, len(rivals))}"


def _beyond_in_full(arms: ArmsInQuestion) -> str:
    """What is left of a gain over the control when the best plain rival is the measure."""
    if arms.versus is None:
        check = check_gain(arms)
        return f", {check.words}" if check else ""
    num_rivals, rival = len(arms.versus["rivals"]), f"`{arms.versus['rival']}`"
    best, comma = f"plain {rival} alone", ""
    if num_rivals > 1:
        best, comma = f"the best of {num_rivals} plain rivals, {rival}", ","
    size = _size_of(arms, arms.versus, _likewise(arms))
    if missing := arms.versus.get("not_compared"):
        return (
            f"; against {best} it is {size}, but plain `{missing[0]}` could not be compared, as "
            "its trials failed"
        )
    if (better := not_beaten(arms)) is not None:
        reason = f"could not be compared with plain `{better['rival']}`, as its trials failed"
        if not better.get("not_compared"):
            size_of_better = _size_of(arms, better)
            reason = f"was not shown to do better than plain `{better['rival']}` ({size_of_better})"
        return f", and did better than {best} ({size}), but {reason}"
    return {
        "helps": f", and did better than {best} ({size})",
        "hurts": f"; it did worse than {best} ({size})",
        "the same": f"; it does the same {arms.within_margin} as {best} ({size})",
        "cannot tell": f"; whether it beats {best}{comma} cannot be told ({size})",
    }[arms.versus["verdict"]]


def _likewise(arms: ArmsInQuestion) -> str:
    """What further intervals of the arm allow for, when the first has said it."""
    return ", allowing likewise" if arms.choice_note else ""


def _without(arms: ArmsInQuestion) -> str:
    """What the arm gains over the one that leaves something out of it."""
    ablation = arms.ablation
    if not ablation or ablation["ci95"] is None:
        return ""
    outcome = {
        "helps": "it did better than its ablation",
        "hurts": "it did worse than its ablation",
        "the same": f"it is the same {arms.within_margin} as its ablation",
        "cannot tell": "it was not shown to differ from its ablation",
    }[ablation["verdict"]]
    return f"; {outcome} `{ablation['arm']}` ({_size_of(arms, ablation, _likewise(arms))})"
