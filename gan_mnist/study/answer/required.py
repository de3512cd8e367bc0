"""What a run must find, so that a program can act on it: `--require="cgan > classical"`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gan_mnist.errors import InputError
from gan_mnist.study.comparison import Pair, parse_pair
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted

FLAG = "--require"
_OPPOSITE = {"helps": "hurts", "hurts": "helps"}


class Required(NamedTuple):
    """A verdict that is wanted.

    Attributes:
        pair: The arms that are compared.
        is_equal: Whether they must be the same within the margin; else the first must be better.
    """

    pair: Pair
    is_equal: bool

    def __str__(self) -> str:
        return f"{self.pair.arm} {'=' if self.is_equal else '>'} {self.pair.reference}"


def parse_required(texts: Sequence[str], plan: Plan) -> list[Required]:
    """What "A > B" and "A = B" require of a plan.

    Raises:
        InputError: If a text is of another form, names an arm that does not run, or a comparison
            that the summary will not have.
    """
    return [_parse(text, plan) for text in texts]


def _parse(text: str, plan: Plan) -> Required:
    is_equal = ">" not in text and text.count("=") == 1
    if not is_equal and ("=" in text or text.count(">") != 1):
        raise InputError(f'{FLAG}: {text!r} is not accepted; accepted: "A > B" or "A = B"')
    pair = parse_pair(FLAG, text, [arm.name for arm in plan.arms], "=" if is_equal else ">")
    compared_pairs = _compared(plan)
    if pair not in compared_pairs and pair[::-1] not in compared_pairs:
        rival = plan.study.rival
        phrase = f"of generated images with {rival}, " if rival else ""
        raise InputError(
            f"{FLAG}: {text!r} is none of the comparisons of this run; accepted: those with "
            f"{plan.study.control}, {phrase}of an arm with its ablation, and what --primary names"
        )
    if is_equal and plan.study.metrics[0].margin is None:
        raise InputError(
            f"{FLAG}: {text!r} is not accepted: {plan.study.metrics[0].name} has no margin within "
            'which arms are the same; accepted: "A > B"'
        )
    return Required(pair, is_equal)


def _compared(plan: Plan) -> set[Pair]:
    """The pairs of which a summary of the plan has a verdict."""
    control, rival = plan.study.control, plan.study.rival
    pairs = {*plan.primary, *(Pair(arm.name, control) for arm in plan.arms)}
    pairs |= {Pair(arm.ablates, arm.name) for arm in plan.arms if arm.ablates}
    if rival is not None:
        pairs |= {Pair(name, rival) for name in plan.arms_of_kind("generated")}
    return pairs


def unmet(required: Sequence[Required], summary: Mapping[str, Any]) -> list[str]:
    """What a summary does not show of what is required, a line each.

    Nothing is shown by a run that cannot be trusted: whose controls came out wrong, or whose images
    leak. Nor by one of too few seeds.
    """
    return [
        f"required, and not shown: {requirement}; {reason}"
        for requirement in required
        if (reason := _distrust(summary, requirement.pair) or _otherwise(requirement, summary))
    ]


def _distrust(summary: Mapping[str, Any], pair: Pair) -> str:
    # Takes a second, which a plan need not wait for.
    from gan_mnist.study.statistics.small_samples import MIN_SEEDS

    if summary["controls_ok"] is False:
        return "the controls did not come out right"
    if warnings := summary["dataset"].get("warnings"):
        return f"careful, {warnings[0]}"
    seeds = (
        {seed for seed, value in summary["arms"][arm]["values"].items() if value is not None}
        for arm in pair
    )
    num_seeds = len(set.intersection(*seeds))
    return f"{counted(num_seeds, 'seed')}, too few to rely on" if 0 < num_seeds < MIN_SEEDS else ""


def _otherwise(required: Required, summary: Mapping[str, Any]) -> str:
    pair, required_verdict = required.pair, "the same" if required.is_equal else "helps"
    verdict = _verdict(pair, summary)
    message = f"{pair.arm} against {pair.reference}: {verdict or 'no verdict'}"
    return "" if verdict == required_verdict else message


def _verdict(pair: Pair, summary: Mapping[str, Any]) -> str | None:
    """The verdict on the first of two arms; None where the summary has none."""
    for arm, reference, entry in _comparisons(summary):
        verdict = entry.get("verdict")
        if (arm, reference) == pair:
            return verdict
        if (reference, arm) == pair:
            return _OPPOSITE.get(str(verdict), verdict)
    return None


def _comparisons(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each arm with a reference and what was found, primary comparisons first."""
    for primary_entry in summary.get("primary", ()):
        yield primary_entry["arm"], primary_entry["reference"], primary_entry
    for arm, entry in summary["arms"].items():
        if arm != summary["control"]:
            yield arm, summary["control"], entry
        if ablation := entry.get("versus_ablation"):
            yield arm, ablation["arm"], ablation
        if versus := entry.get("versus_rival"):
            yield arm, summary["rival"], versus
