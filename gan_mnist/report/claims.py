"""What the sources claimed, beside what published runs say: the table of `docs/claims.md`.

A claim is a row of `CLAIMS`; its verdict is computed from the records of a run.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_mnist.errors import unknown
from gan_mnist.report.published_run import PublishedRun
from gan_mnist.study.statistics.paired import Comparison, compare, overlap_of, values_of
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.statistics.test_images import over_images
from gan_mnist.study.words import sided, signed_beside

UP, DOWN = 1, -1


@dataclass(frozen=True)
class Claim:
    """That one arm is above or below another, or a level, in a metric.

    Attributes:
        text: The claim in our words.
        source: A section of `docs/sources.md`.
        run: The published run that judges it, `EXPERIMENT/NAME`.
        metric: A metric of that run.
        arm: The arm that the claim is about.
        side: `UP` or `DOWN`, as claimed.
        versus: The arm that it is compared with, or a level of a share or an AUC.
        reported: The reported difference in those units, with the sign of `side`; None if none was.
    """

    text: str
    source: str
    run: str
    metric: str
    arm: str
    side: int
    versus: str | float
    reported: float | None = None


_L1, _DCGANS = "resConvNet_v1_dcnn", "resConvNet_{}_dcgans"
_MIXED = "cnn_add_generated_data_{}"

CLAIMS = (
    Claim("A GAN's images raise the recall of a digit with one real image.",
          "imbalance", "imbalance/mnist", "minority_recall", "cgan", UP, "none", 0.3),
    Claim("They raise the accuracy over all three digits, too.",
          "imbalance", "imbalance/mnist", "balanced_accuracy", "cgan", UP, "none", 0.1),
    Claim("Half of each batch made by a conditional GAN raises test accuracy.",
          "mixing", "mixing/mnist", "accuracy_last_tenth",
          _MIXED.format("v1"), UP, "normal_cnn_v1", 0.0045),
    Claim("It makes accuracy less stable.",
          "mixing", "mixing/mnist", "accuracy_swing", _MIXED.format("v1"), UP, "normal_cnn_v1"),
    Claim("Fewer possible inputs, less accuracy: 5 numbers of the latent are worse than all 100.",
          "mixing", "mixing/mnist", "accuracy_last_tenth",
          _MIXED.format("v4"), DOWN, _MIXED.format("v1"), -0.004),
    Claim("10 numbers of the latent are better than 5.",
          "mixing", "mixing/mnist", "accuracy_last_tenth",
          _MIXED.format("v5"), UP, _MIXED.format("v4"), 0.0027),
    Claim("With real images learnt by heart, generating half of each batch raises test accuracy.",
          "mixing", "mixing/mnist_by_heart", "accuracy_last_tenth",
          _MIXED.format("v1"), UP, "normal_cnn_v1", 0.0045),
    Claim("There it makes accuracy less stable.",
          "mixing", "mixing/mnist_by_heart", "accuracy_swing",
          _MIXED.format("v1"), UP, "normal_cnn_v1"),
    Claim("There 5 numbers of the latent are worse than all 100.",
          "mixing", "mixing/mnist_by_heart", "accuracy_last_tenth",
          _MIXED.format("v4"), DOWN, _MIXED.format("v1"), -0.004),
    Claim("There 10 numbers of the latent are better than 5.",
          "mixing", "mixing/mnist_by_heart", "accuracy_last_tenth",
          _MIXED.format("v5"), UP, _MIXED.format("v4"), 0.0027),
    Claim("Training on generated images only gives an AUC above 0.95.",
          "substitution", "substitution/mnist", "macro_auc", "generated_only", UP, 0.95),
    Claim("With 1,000 training images a denoiser is slightly worse.",
          "denoising", "denoising/mnist_source_arms", "psnr_db", "resConvNet_v5_dcnn", DOWN, _L1),
    Claim("A weak adversary (0.001, another batch) makes the denoiser worse.",
          "denoising", "denoising/mnist_ten_seeds", "psnr_db", _DCGANS.format("v1"), DOWN, _L1),
    Claim("A weak adversary on one batch for both networks makes it worse, too.",
          "denoising", "denoising/mnist_ten_seeds", "psnr_db", _DCGANS.format("v4"), DOWN, _L1),
    Claim("With an adversary of weight 0.1, most outputs show the ref.",
          "denoising", "denoising/mnist_large_adversary", "ref_leak",
          _DCGANS.format("v2"), UP, 0.5),
    Claim("With a full adversary most outputs show the ref.",
          "denoising", "denoising/mnist_source_arms", "ref_leak", _DCGANS.format("v3"), UP, 0.5),
    Claim("With a full adversary and one batch for both networks, they do so, too.",
          "denoising", "denoising/mnist_source_arms", "ref_leak", _DCGANS.format("v6"), UP, 0.5),
    Claim("A conditional adversary alone does better than with L1 on top.",
          "denoising", "denoising/mnist_source_arms", "psnr_db",
          "resConvNet_v3_conditional_dcgans", UP, "resConvNet_v1_conditional_dcgans"),
    Claim("An adversary costs PSNR, here one of weight 0.001, in SRGAN's work 2.4 to 2.7 dB.",
          "published-figures", "denoising/mnist_ten_seeds", "psnr_db",
          _DCGANS.format("v4"), DOWN, _L1, -2.55),
    Claim("With 97.5 % of a class dropped, a BAGAN's images raise accuracy.",
          "published-figures", "imbalance/mnist_drop_rates", "accuracy",
          "bagan", UP, "none", 0.0019),
    Claim("With 60 % dropped, where the paper's gain is largest, too.",
          "published-figures", "imbalance/mnist_drop_60", "accuracy",
          "bagan", UP, "none", 0.0023),
    Claim("Deformations learnt from images of a class beat augmentation specified by hand.",
          "published-figures", "imbalance/mnist_in_turn", "minority_recall",
          "deformations_near", UP, "elastic_thickness"),
    Claim("The same, against the strongest augmentation by hand here, which mixes images, too.",
          "published-figures", "imbalance/mnist_fresh", "minority_recall",
          "deformations_near", UP, "elastic_thickness_cutmix"),
    Claim("So do deformations of any image by any pair, as they were made there.",
          "published-figures", "imbalance/mnist_in_turn", "minority_recall",
          "deformations_alone", UP, "elastic_thickness"),
    Claim("No generator's images replace real ones wholly: a GAN's do not.",
          "published-figures", "substitution/mnist", "accuracy",
          "generated_only", DOWN, "real_only"),
    Claim("Nor do a VAE's, here with a flow.",
          "published-figures", "substitution/mnist", "accuracy",
          "vae_flow_only", DOWN, "real_only"),
    Claim("With few real images a GAN's images are far superior to standard augmentation.",
          "published-figures", "data_scaling/mnist", "accuracy_at_128",
          "generated", UP, "classical"),
    Claim("With few labels a generator that learns from pseudo-labels beats what gave them.",
          "few_labels", "few_labels/mnist_sample", "accuracy",
          "generated_vae_flow_elastic", UP, "pseudo_labels"),
)  # fmt: skip


def table(root: Path, page: Path, claims: Sequence[Claim] = CLAIMS) -> list[str]:
    """Lines of Markdown: a row a claim, with its verdict.

    Args:
        root: The repository's directory.
        page: Where the table stands; links are relative to it.
        claims: The rows.

    Raises:
        InputError: If a run, a metric or an arm is not there.
    """
    lines = ["", "| claim | reported | here [95 %] | seeds | verdict |", "|---|--:|--:|--:|---|"]
    for claim in claims:
        comparison = measure_claim(claim, root)
        link = os.path.relpath(_run(claim, root).directory / "records.jsonl", page.parent)
        cells = (
            f"[{claim.text}](sources.md#{claim.source})",
            "" if claim.reported is None else f"{claim.reported:+.3g}",
            f"[{_result_text(claim, comparison)}]({link})",
            f"{comparison.n}",
            verdict(claim, comparison),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def measure_claim(claim: Claim, root: Path) -> Comparison:
    """The difference that the claim is about, over the seeds of its run, as of `compare`.

    Args:
        claim: What is measured.
        root: The repository's directory.

    Returns:
        The arm minus what it is compared with; an interval is over test images, too, where the
        metric is the run's first one and that is an arm.

    Raises:
        InputError: If the run, the metric or an arm is not there.
    """
    run = _run(claim, root)
    _check_names(claim, run)
    treated_records = run.records[claim.arm]
    if not isinstance(claim.versus, str):
        return _compare_with_level(treated_records, claim.metric, claim.versus)
    control_records = run.records[claim.versus]
    comparison = compare(
        values_of(treated_records, claim.metric),
        values_of(control_records, claim.metric),
        overlap=overlap_of(treated_records.values()),
    )
    is_primary = claim.metric == run.summary["metrics"][0]["name"]
    return over_images(comparison, treated_records, control_records) if is_primary else comparison


def _check_names(claim: Claim, run: PublishedRun) -> None:
    """Raises `InputError` for a metric or an arm that the run of the claim lacks."""
    where = f"claims: {claim.text!r}, {claim.run}"
    metrics = [metric["name"] for metric in run.summary["metrics"]]
    if claim.metric not in metrics:
        raise unknown(f"{where}: the metric", claim.metric, metrics)
    for arm in (claim.arm, claim.versus):
        if isinstance(arm, str) and arm not in run.records:
            raise unknown(f"{where}: the arm", arm, run.records)


def _compare_with_level(
    records: Mapping[int, Mapping[str, Any]], metric: str, level: float
) -> Comparison:
    """The values of an arm minus a level: of a share, or of an AUC, which end at 0 and 1."""
    values = values_of(records, metric)
    overlap = overlap_of(records.values())
    comparison = compare(values, dict.fromkeys(values, level), overlap=overlap)
    if comparison.ci95 is None:
        return comparison
    low, high = (min(max(bound, -level), 1 - level) for bound in comparison.ci95)
    return replace(comparison, ci95=(low, high))


def verdict(claim: Claim, comparison: Comparison) -> str:
    """Whether a claim holds, by the 95 % interval of the difference.

    It holds if the interval lies on the side that was claimed. It does not if the interval lies on
    the other, or reaches zero and leaves out the difference that was reported. Else nothing can be
    told but that the difference lies within the interval.
    """
    if comparison.deciding_ci95 is None or comparison.image_shortage:
        return f"cannot be told: {comparison.image_shortage or 'too few seeds'}"
    low, high = sorted(claim.side * bound for bound in comparison.deciding_ci95)
    reported = None if claim.reported is None else claim.side * claim.reported
    seeds_note = "; few seeds" if comparison.n < MIN_SEEDS else ""
    if low > 0:
        size = ""
        if reported is not None and high < reported:
            size = ", but by less"
        elif reported is not None and low > reported:
            size = ", by more"
        return f"**holds**{size}{seeds_note}"
    if high < 0 or (reported is not None and high < reported):
        return f"**does not hold**{seeds_note}"
    limit = ""
    if isinstance(claim.versus, str):  # a share is always within one half of one half
        limit = f", within ±{max(map(abs, comparison.deciding_ci95)):.2g}"
    return f"cannot be told{limit}{seeds_note}"


def _run(claim: Claim, root: Path) -> PublishedRun:
    return PublishedRun.named(root, claim.run, f"claims: {claim.text!r}")


def _result_text(claim: Claim, comparison: Comparison) -> str:
    """The difference, or what is compared with a level, with its interval."""
    interval = comparison.deciding_ci95
    if isinstance(claim.versus, str):
        text, bounds = signed_beside(comparison.difference or 0.0, interval, 3), interval
    else:
        text = f"{comparison.treated:.3f}"
        bounds = interval and (interval[0] + claim.versus, interval[1] + claim.versus)
    return f"{text} ({sided(bounds[0], 3)} to {sided(bounds[1], 3)})" if bounds else text
