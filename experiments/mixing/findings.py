"""Whether the source's claim holds: more possible inputs, higher but less stable accuracy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import linregress

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.results import applies
from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.statistics.verdicts import verdict
from gan_mnist.study.words import with_interval

PRIMARY, SWING = "accuracy_last_tenth", "accuracy_swing"
# Arms that round latents to 1 decimal, and differ in how many they draw.
ROUNDED = tuple(f"cnn_add_generated_data_v{i}" for i in (4, 5, 6, 7, 8, 3))
POOLS = ("pool_1k", "pool_10k", "pool_60k")
UNLIMITED = "cnn_add_generated_data_v1"
# In words, by whether a slope rises.
CHANGES = {True: "rises", False: "falls", None: "cannot be told to change"}


def findings(evidence: Evidence) -> dict[str, Any]:
    """Slopes of accuracy, and of its swing, against possible and against seen images.

    Each seed gives a slope by least squares over its arms: against the logarithm to base 2 of the
    number of latents drawn, or to base 10 of the number of different generated images seen. The
    mean slope is compared with 0 over seeds, adjusted by Holm over all slopes. A seed counts only
    if all arms of the row are done.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`, and `slopes`: by name, `n`, `mean`, `ci95`, `p_holm` and `rises` (True, False, or
        None if undecided).
    """
    # One that failed is of its row, too, so that its seeds do not count.
    records_by_arm = {
        name: records for name, records in evidence.records.items() if applies(records)
    }
    rows = {
        "possible": {
            arm: np.log2(latents) for arm, latents in latents_drawn(records_by_arm).items()
        },
        "seen": {arm: np.log10(images) for arm, images in images_seen(records_by_arm).items()},
    }
    comparisons = {
        f"{metric}_by_{name}": _slope(evidence, row, metric)
        for name, row in rows.items()
        for metric in (PRIMARY, SWING)
    }
    adjusted_p = evidence.holm(
        {name: comparison.p_value for name, comparison in comparisons.items()}
    )
    num_tests = sum(comparison.p_value is not None for comparison in comparisons.values())
    slopes = {name: _told(comparison, adjusted_p[name]) for name, comparison in comparisons.items()}
    lines = [
        _sentence(slopes[f"{metric}_by_{name}"], words, step, num_tests)
        for name, step in (
            ("possible", "each doubling of the number of latents that are drawn"),
            ("seen", "ten times as many different generated images seen"),
        )
        for metric, words in ((PRIMARY, "test accuracy"), (SWING, "its swing"))
        if slopes[f"{metric}_by_{name}"]["ci95"]
    ]
    return {"lines": [*lines, *_verdict(slopes)], "slopes": slopes}


def latents_drawn(arms: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> dict[str, int]:
    """Latents that an arm draws: up to a factor, the logarithm of its number of possible images."""
    return {
        arm: record["settings"]["active"] or record["settings"]["gan_latent_dim"]
        for arm in ROUNDED
        for record in list(arms.get(arm, {}).values())[:1]
    }


def images_seen(arms: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> dict[str, int]:
    """Different generated images that an arm sees: its pool, or as many as it is shown if fewer."""
    num_seen = {}
    for arm in (*POOLS, UNLIMITED):
        for record in list(arms.get(arm, {}).values())[:1]:
            settings = record["settings"]
            num_shown = settings["updates"] * round(settings["share"] * settings["batch_size"])
            limit = settings.get("pool_limit", num_shown)  # Older records were made without one.
            pool_size = min(settings["pool_images"], limit)
            num_seen[arm] = num_shown if arm == UNLIMITED else min(pool_size, num_shown)
    return num_seen


def _slope(evidence: Evidence, row: Mapping[str, float], metric: str) -> Comparison:
    """The slope over the arms of `row`, against 0."""
    metrics_by_arm = evidence.metrics
    # A short training may see as many images of every pool: there is nothing to fit a line to.
    common_seeds: set[int] = set()
    if len(row) > 2 and len(set(row.values())) > 1:
        common_seeds = set.intersection(*(set(metrics_by_arm.get(arm, {})) for arm in row))
    slopes = {
        seed: linregress(
            list(row.values()), [metrics_by_arm[arm][seed][metric] for arm in row]
        ).slope
        for seed in sorted(common_seeds)
    }
    return evidence.compare(slopes, dict.fromkeys(slopes, 0.0))


def _told(comparison: Comparison, p_holm: float | None) -> dict[str, Any]:
    word = verdict(comparison, p_holm, higher_is_better=True)
    return {
        "n": comparison.n,
        "mean": comparison.difference,
        "ci95": list(comparison.ci95) if comparison.ci95 else None,
        "p_holm": p_holm,
        "rises": {"helps": True, "hurts": False}.get(word),
    }


def _sentence(slope: Mapping[str, Any], words: str, step: str, tests: int) -> str:
    change = CHANGES[slope["rises"]]
    text = (
        f"With {step}, {words} {change}: {with_interval(slope['mean'], slope['ci95'])} "
        f"({slope['n']} seeds, Holm over {tests} slopes)"
    )
    return f"{text}; too few seeds to rely on." if slope["n"] < MIN_SEEDS else f"{text}."


def _verdict(slopes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whether accuracy, and its swing, go up with the number of images, possible or seen."""
    if any(slope["ci95"] is None for slope in slopes.values()):
        return []
    by_possible, by_seen, swing_by_possible, swing_by_seen = (
        CHANGES[slopes[f"{metric}_by_{name}"]["rises"]]
        for metric in (PRIMARY, SWING)
        for name in ("possible", "seen")
    )
    return [
        "The source claims that accuracy rises, and grows less stable, with the number of "
        f"possible generated inputs. Here accuracy {by_possible} with the possible and {by_seen} "
        f"with the seen images; its swing {swing_by_possible} with the possible and "
        f"{swing_by_seen} with the seen ones."
    ]
