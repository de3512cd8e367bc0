"""Whether the source's findings hold, arm by arm, and what the adversary's weight does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.statistics.verdicts import is_same, verdict
from gan_mnist.study.words import counted

ByArm = dict[str, dict[int, Mapping[str, float]]]
PSNR, LEAK = "psnr_db", "ref_leak"
INPUT_PSNR = "input_psnr_db"
PREFIX = "resConvNet_"
# Arms whose means differ by less are alike: nobody sees such a difference.
ALIKE_DB = 0.5
LEAK_THRESHOLD = 0.5
# Arms from plain L1 to an adversary of the same weight, by the adversary's weight.
SWEEPS = {
    "vanilla": {
        "0": "v1_dcnn", "0.001": "v4_dcgans", "0.01": "vanilla_hundredth", "0.1": "vanilla_tenth",
        "1": "v6_dcgans",
    },
    "conditional": {
        "0": "v1_dcnn", "0.001": "v2_conditional_dcgans", "0.01": "conditional_hundredth",
        "0.1": "conditional_tenth", "1": "v1_conditional_dcgans",
    },
}  # fmt: skip

# The source suspects the last skip: a measure of the ref's part in the outputs, and an arm with the
# skip and one without.
SKIP = {
    "before any training": ("untrained_ref_leak", "v1_dcnn", "no_input_skip"),
    "after training against a vanilla adversary": (
        LEAK, "v6_dcgans", "no_input_skip_vanilla",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """What the source reports of an arm, and how that is read as a claim about PSNR.

    Source: docs/sources.md#denoising. The source looked at pictures: blur, say, is not PSNR.

    Attributes:
        arm: Name of the arm, without `PREFIX`.
        relation: PSNR is "below", "above", "like" or "not above" that of `reference`, the last two
            to within `ALIKE_DB`; or "leaks": most outputs are more like the ref than the truth.
        reference: The arm that it is compared with; empty for "leaks".
        reported: In the words of docs/sources.md.
    """

    arm: str
    relation: str
    reference: str
    reported: str


_QUESTIONS = {
    "below": "is PSNR below that of {}",
    "above": "is PSNR above that of {}",
    "like": f"is PSNR within {ALIKE_DB:g} dB of that of {{}}",
    "not above": f"is PSNR less than {ALIKE_DB:g} dB above that of {{}}",
    "leaks": "are most outputs more like the ref than like the truth",
}
CLAIMS = (
    Claim("v2_dcnn", "like", "v1_dcnn", "good, as v1"),
    Claim("v3_dcnn", "below", "v2_dcnn", "worse than v2"),
    Claim("v5_dcnn", "below", "v1_dcnn", 'slightly worse, "not bad"'),
    Claim("v1_dcgans", "below", "v1_dcnn", "blurs, partly wrong digits"),
    Claim("v2_dcgans", "leaks", "", "outputs the ref"),
    Claim("v3_dcgans", "leaks", "", "outputs the ref"),
    Claim("v4_dcgans", "below", "v1_dcnn", "usable, some wrong"),
    Claim("v5_dcgans", "leaks", "", "outputs the ref"),
    Claim("v6_dcgans", "leaks", "", "outputs the ref"),
    Claim("v7_dcgans", "not above", "v1_dcnn", "no better than the pre-trained net"),
    Claim("v1_conditional_dcgans", "below", "v1_dcnn", "distorted"),
    Claim("v2_conditional_dcgans", "below", "v1_dcnn", "distorted"),
    Claim("v3_conditional_dcgans", "above", "v1_conditional_dcgans", "better than with L1"),
    Claim("v4_conditional_dcgans", "below", "v3_conditional_dcgans", "readable, wrong brightness"),
    Claim("v5_conditional_dcgans", "below", "v1_dcnn", "fair"),
)


def findings(evidence: Evidence) -> dict[str, Any]:
    """Whether each of the source's findings holds, and PSNR by the weight of the adversary.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `claims`: by arm `reported`, `n`, `holds` (True, False, or None if undecided), and
        `difference` in dB of PSNR, `ci95`, `p_holm` (adjusted over such claims), or, for a leak,
        the `shares` of the seeds; `psnr_by_weight`: by adversary and weight, the mean;
        `leak_by_skip`: the mean shares of outputs that are more like the ref, with the last skip
        and without it. These means are over the seeds in which all arms of the row are done.
    """
    metrics_by_arm = {
        name.removeprefix(PREFIX): by_seed for name, by_seed in evidence.metrics.items()
    }
    # The source speaks of mixtures. Pairs that are given have no ref, but measured inputs.
    has_pairs = any(
        INPUT_PSNR in metrics for by_seed in metrics_by_arm.values() for metrics in by_seed.values()
    )
    claims = () if has_pairs else CLAIMS
    comparisons = {
        claim.arm: evidence.compare(
            _psnr(metrics_by_arm, claim.arm), _psnr(metrics_by_arm, claim.reference)
        )
        for claim in claims
        if claim.reference
    }
    adjusted_p = evidence.holm({arm: comparison.p_value for arm, comparison in comparisons.items()})
    entries, lines = {}, []
    for claim in claims:
        comparison = comparisons.get(claim.arm)
        if comparison is None and claim.arm in metrics_by_arm:
            shares = [metrics[LEAK] for metrics in metrics_by_arm[claim.arm].values()]
            entries[claim.arm], line = _leaks(claim, shares, evidence.image_shortage)
            lines.append(line)
        elif comparison is not None and comparison.difference is not None:
            held = _holds(claim.relation, comparison, adjusted_p[claim.arm])
            entries[claim.arm] = {
                "reported": claim.reported,
                "n": comparison.n,
                "difference": comparison.difference,
                "ci95": list(comparison.ci95) if comparison.ci95 else None,
                "p_holm": adjusted_p[claim.arm],
                "holds": held,
            }
            lines.append(_sentence(claim, comparison, held))
    by_weight = {
        adversary: dict(zip(arms, means, strict=True))
        for adversary, arms in SWEEPS.items()
        if (means := _means(list(arms.values()), PSNR, metrics_by_arm))
    }
    lines += [
        f"PSNR by the weight of the {adversary} adversary: {_listed(means)}."
        for adversary, means in by_weight.items()
    ]
    by_skip = {
        when: shares
        for when, (metric, *arms) in SKIP.items()
        if (shares := _means(arms, metric, metrics_by_arm))
    }
    lines += [
        f"The last skip, which the source suspects: {when}, {shares[0]:.0%} of the outputs are "
        f"more like the ref with it and {shares[1]:.0%} without it, in the mean."
        for when, shares in by_skip.items()
    ]
    return {
        "lines": lines,
        "claims": entries,
        "psnr_by_weight": by_weight,
        "leak_by_skip": by_skip,
    }


def _means(arms: Sequence[str], metric: str, metrics_by_arm: ByArm) -> list[float]:
    """Means of a metric over the seeds in which all of `arms` have it; none without such seeds."""
    values = [
        {
            seed: metrics[metric]
            for seed, metrics in metrics_by_arm.get(arm, {}).items()
            if metric in metrics
        }
        for arm in arms
    ]
    seeds = set.intersection(*map(set, values))
    return [fmean(by_seed[seed] for seed in seeds) for by_seed in values] if seeds else []


def _psnr(metrics_by_arm: ByArm, arm: str) -> dict[int, float]:
    return {seed: metrics[PSNR] for seed, metrics in metrics_by_arm.get(arm, {}).items()}


def _holds(relation: str, comparison: Comparison, p_holm: float | None) -> bool | None:
    word = verdict(comparison, p_holm, higher_is_better=True)
    is_higher = {"helps": True, "hurts": False}.get(word)
    if relation == "above":
        return is_higher
    if relation == "below":
        return None if is_higher is None else not is_higher
    if (
        comparison.ci95 is None
        or comparison.image_shortage
        or comparison.n < MIN_SEEDS
        or comparison.more_seeds_needed
    ):
        return None
    low, high = comparison.ci95
    if relation == "not above":
        return True if high < ALIKE_DB else False if low > ALIKE_DB else None
    if is_same(comparison, ALIKE_DB):
        return True
    return False if low > ALIKE_DB or high < -ALIKE_DB else None


def _sentence(claim: Claim, comparison: Comparison, held: bool | None) -> str:
    text = f"{_reported(claim, held)} {comparison.difference:+.2f} dB"
    if comparison.ci95:
        low, high = comparison.ci95
        text += f" (95 % CI {low:.2f} to {high:.2f} dB, {comparison.n} seeds)"
    return text + _end(comparison.n)


def _reported(claim: Claim, held: bool | None) -> str:
    question = _QUESTIONS[claim.relation].format(f"`{PREFIX}{claim.reference}`")
    word = {True: "Holds", False: "Does not hold", None: "Cannot be told"}[held]
    return f"`{PREFIX}{claim.arm}`, reported: {claim.reported}; asked: {question}? {word}:"


def _leaks(claim: Claim, shares: Sequence[float], shortage: str) -> tuple[dict[str, Any], str]:
    """Whether most outputs leak, decided if all seeds agree: shares of 0 or 1 have no spread."""
    majorities = {share > LEAK_THRESHOLD for share in shares}
    held = majorities.pop() if len(majorities) == 1 and len(shares) > 1 and not shortage else None
    entry = {"reported": claim.reported, "n": len(shares), "shares": list(shares), "holds": held}
    text = f"{_reported(claim, held)} {fmean(shares):.1%} of them (lowest seed {min(shares):.1%}, "
    return (
        entry,
        f"{text}highest {max(shares):.1%}, {counted(len(shares), 'seed')}){_end(len(shares))}",
    )


def _end(num_seeds: int) -> str:
    return "; too few seeds to rely on." if num_seeds < MIN_SEEDS else "."


def _listed(means: Mapping[str, float]) -> str:
    return ", ".join(f"{weight}: {mean:.2f} dB" for weight, mean in means.items())
