"""At which numbers of real images a source helps, against real images and against augmentation."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_mnist.generators.settings import LEAK
from gan_mnist.study.answer.evidence import Evidence, Gains
from gan_mnist.study.statistics.at_numbers import num_compared
from gan_mnist.study.words import counted, in_brackets

PREFIX = "balanced_accuracy_at_"
CONTROL, RIVAL, ORACLE = "real", "classical", "oracle"

Records = Mapping[int, Mapping[str, Any]]


def findings(evidence: Evidence) -> dict[str, Any]:
    """What each arm gains at each number of real images.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `gains`: by reference ("real" and "classical"), arm and number of images,
        `difference`, `ci95`, `p_holm` (over all arms and numbers against that reference) and
        `verdict`; and, where an exported generator leaks, `warnings`, and its arms as `leaks`.
    """
    records, leaking = evidence.finished, _leaking(evidence.finished)
    # All arms of a generator that leaks, those too whose trials count no copies.
    sources = {record["arm"]: _source(record) for record in records}
    leaks = [arm for arm, source in sources.items() if source in leaking]
    # Those of folders that leak are checks, too.
    checks = {*evidence.of_kind("check"), *leaks}
    gains = {
        reference: _gains(evidence, reference, excluded)
        for reference, excluded in (
            (CONTROL, (CONTROL, *checks)),
            (RIVAL, (CONTROL, RIVAL, ORACLE, *checks)),
        )
        if reference in evidence.done
    }
    num_tests = {reference: num_compared(gains_by_arm) for reference, gains_by_arm in gains.items()}
    lines = [
        _told(arm, gains[CONTROL][arm], gains.get(RIVAL, {}).get(arm, {}), num_tests)
        for arm in gains.get(CONTROL, {})
    ]
    result = {"lines": [*evidence.with_doubt(lines), *_copies(records)], "gains": gains}
    return result | ({"warnings": _told_of(leaking.values()), "leaks": leaks} if leaks else {})


def _gains(evidence: Evidence, reference: str, excluded: Sequence[str]) -> Gains:
    arms = [arm for arm in evidence.done if arm not in excluded]
    gains = evidence.gains_at(PREFIX, arms, reference)
    return {arm: gains_by_number for arm, gains_by_number in gains.items() if gains_by_number}


def _told(
    arm: str,
    over_real: Mapping[str, Any],
    over_rival: Mapping[str, Any],
    num_tests: Mapping[str, int],
) -> str:
    text = f"`{arm}` minus `{CONTROL}`, balanced accuracy by real images a class: "
    text += ", ".join(f"{in_brackets(gain)} at {size}" for size, gain in over_real.items())
    text += f"; {_judged(over_real)}."
    holm = f"Holm's correction is over {counted(num_tests[CONTROL], 'comparison')}"
    if over_rival:
        text += f" Against `{RIVAL}` {_judged(over_rival)}."
        holm += f" with `{CONTROL}`, and over {num_tests[RIVAL]} with `{RIVAL}`"
    return f"{text} {holm}."


def _judged(gains: Mapping[str, Any]) -> str:
    sizes_by_verdict = {
        word: [size for size, gain in gains.items() if gain["verdict"] == word]
        for word in ("helps", "hurts")
    }
    phrases = [
        f"it {word} at {', '.join(sizes)}" for word, sizes in sizes_by_verdict.items() if sizes
    ]
    undecided = "no difference can be told" + " at any number" * (len(gains) > 1)
    return " and ".join(phrases) or undecided


def _copies(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences about arms whose images are copies of real ones."""
    lines = []
    for split, meaning in (("train", "learnt by heart"), ("test", "a leak")):
        for arm, share in _many_copies(records, split).items():
            if arm != ORACLE:
                lines.append(
                    f"Of the generated images of `{arm}` {share:.0%} are copies of {split} images: "
                    f"{meaning}."
                )
    return lines


def _many_copies(records: Sequence[Mapping[str, Any]], split: str) -> dict[str, float]:
    """The mean share of copies among an arm's images, for arms where it is above `LEAK`."""
    shares: dict[str, list[float]] = {}
    for record in records:
        share = record["metrics"].get(f"copies_of_{split}")
        if share is not None:
            shares.setdefault(record["arm"], []).append(share)
    means = {arm: sum(arm_shares) / len(arm_shares) for arm, arm_shares in shares.items()}
    return {arm: mean for arm, mean in means.items() if mean > LEAK}


def _source(record: Mapping[str, Any]) -> str:
    """What identifies the exported generator of a record; "" where it has none."""
    settings = record.get("settings", {})
    is_exported = settings.get("generator") == "exported"
    return str(settings.get("given_sha256", record["arm"])) if is_exported else ""


def _leaking(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By exported generator that leaks, its arms and their shares of copies of test images.

    The plan knows the copies in folders. Those of an exported generator only a trial can count.
    """
    source_of = {record["arm"]: _source(record) for record in records}
    sources: dict[str, dict[str, float]] = {}
    for arm, share in _many_copies(records, "test").items():
        if source := source_of[arm]:
            sources.setdefault(source, {})[arm] = share
    return sources


def _told_of(leaking: Iterable[Mapping[str, float]]) -> list[str]:
    """Warnings that the report puts before its answer, a sentence for each generator."""
    return [
        f"{100 * max(shares.values()):.0f} % of the images of "
        f"{' and '.join(f'`{arm}`' for arm in shares)} are copies of test images, which is a leak"
        for shares in leaking
    ]
