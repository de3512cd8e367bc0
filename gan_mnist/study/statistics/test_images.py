"""How sure a difference is when the test images, too, could have been others.

Every seed is judged on the same test images: the design is crossed. With d[s, i] the difference of
correctness of two arms, at seed s on image i, the variance of its mean is

    var = var_seeds + var_images - var_residual

each the variance of a mean: of the seeds' means, of the images' means over seeds, and of what
neither explains, which both of them hold. Images are strata by class where the metric is a mean
over classes; t has Satterthwaite's degrees of freedom.

Source: Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1 (2007); Satterthwaite, Biometrics
Bulletin 2 (1946). Differs: the variance is never below that of seeds or of images alone, and each
stratum has two made-up images more, one won and one lost, as in Agresti and Min, Stat. Med. 24
(2005): without them no image that differs means no doubt.

The wider of this interval and of the one over seeds decides. Of intervals at 95 %, in per cent,
those that miss the truth; in brackets those over seeds only (tests/benchmarks/bench_test_images.py,
300 to 3,000 studies a cell, 10 to 3,000 test images):

    effect  seeds  10           30           100          300          3000
    none      3     0.0 ( 1.4)   0.3 ( 3.6)   1.7 ( 4.5)   2.5 ( 4.5)   2.9 ( 2.9)
    none      5     0.0 ( 9.0)   0.7 (11.8)   2.9 (10.0)   4.0 ( 7.2)   4.0 ( 4.3)
    none     10     0.0 (29.9)   0.6 (28.0)   2.5 (20.3)   4.7 (13.5)   3.0 ( 4.7)
    some      3     0.1 ( 5.9)   1.2 ( 7.1)   1.5 ( 6.0)   2.1 ( 4.5)   3.2 ( 3.6)
    some      5     0.2 (21.2)   2.2 (19.4)   3.1 (13.8)   3.6 ( 8.9)   4.3 ( 4.3)
    some     10     0.1 (40.2)   1.4 (36.7)   3.6 (31.2)   3.8 (18.9)   3.7 ( 5.7)

The rows are the world "images" of the benchmark. Errors stay at about 5 % (at most 4.7 % without an
effect). Coverage is 95 to 97 % from 300 images on, 96 to 98 % at 100. On fewer, and up to 300 where
arms differ on few images, it is up to 100 %: the made-up images are careful, effects are missed.

Where each seed draws its own test images nothing of this is needed: they are part of what differs
between seeds, and `small_samples` allows for what seeds have in common.

A metric that is no mean over images, such as an AUC or a PSNR, is judged over seeds alone, and the
answer says so; so are records that do not tell which images were right. `MIN_IMAGES` holds there,
too.

`MIN_IMAGES`: where each image is won or lost by a coin, alike in all seeds, 12 arms without effect
have one called in 32 % of studies at 6 test images, 17 % at 7, 9 % at 8 and 2 % at 10. Under ten
there is no verdict. What does not hold: in that extreme world it is 9 % at 15 and 7 % at 30 images.
Where seeds draw their own it is the floor of each: ten seeds make it 7 % at 4 to 8 images and under
6 % from 10 on, and a mean over fewer comes in steps that say little of its size.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.words import counted

MIN_IMAGES = 10


def pack(correct: Sequence[NDArray[Any]], strata: Sequence[NDArray[Any]]) -> list[list[str]]:
    """Which test images were right, as text: a list for each stratum, a string for each training.

    Args:
        correct: bool (n,) of each training.
        strata: int rows of each stratum.
    """
    return [pack_rows([is_correct[rows] for is_correct in correct]) for rows in strata]


def pack_rows(correct: Sequence[NDArray[Any]]) -> list[str]:
    """Arrays of bool (n,), each as text."""
    return [base64.b64encode(np.packbits(is_correct).tobytes()).decode() for is_correct in correct]


def unpack_rows(texts: Sequence[str], size: int) -> list[NDArray[np.bool_]]:
    """Unpacks texts of `pack_rows` to bool (size,) each."""
    packed = (np.frombuffer(base64.b64decode(text), np.uint8) for text in texts)
    return [np.unpackbits(bits, count=size).astype(bool) for bits in packed]


def shares_right(correct: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    """The share of a trial's trainings that were right about each image; see `Outcome`.

    Returns:
        For each stratum float64 (n,) in [0, 1].
    """
    return [
        np.mean(unpack_rows(texts, size), axis=0)
        for texts, size in zip(correct["bits"], correct["sizes"], strict=True)
    ]


def shares_of_trials(correct_entries: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float64]]:
    """The `shares_right` of several trials on the same images.

    Returns:
        For each stratum float64 (trials, n) in [0, 1].
    """
    return [np.array(shares) for shares in zip(*map(shares_right, correct_entries), strict=True)]


def two_way(
    strata: Sequence[NDArray[Any]], weights: Sequence[float]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Mean difference over seeds and test images, its standard error and degrees of freedom.

    Args:
        strata: Differences in [-1, 1], (..., seeds, images) for each stratum; at least two of both.
        weights: Of the strata's means in the metric.

    Returns:
        Each of shape (...).
    """
    n = strata[0].shape[-2]
    seed_means = sum(w * d.mean(-1) for w, d in zip(weights, strata, strict=True))
    image_variance, residual_variance, squares = (np.zeros(strata[0].shape[:-2]) for _ in range(3))
    for weight, d in zip(weights, strata, strict=True):
        m, means = d.shape[-1], d.mean(-2)
        centred = means - means.mean(-1, keepdims=True)
        residuals = d - d.mean(-1, keepdims=True) - centred[..., None, :]
        # Two made-up images, +1 and -1: two more squares, and m + 2 - 1 degrees of freedom.
        stratum_variance = weight**2 * ((centred**2).sum(-1) + 2) / (m + 1) / m
        image_variance += stratum_variance
        squares += stratum_variance**2 / (m + 1)
        residual_variance += (
            weight**2 * (residuals**2).sum((-1, -2)) / ((n - 1) * (m - 1)) / (n * m)
        )
    seed_variance = np.var(seed_means, axis=-1, ddof=1) / n
    variance = np.maximum(
        seed_variance + image_variance - residual_variance,
        np.maximum(seed_variance, image_variance),
    )
    freedom = variance**2 / (seed_variance**2 / (n - 1) + squares)
    return np.mean(seed_means, axis=-1), np.sqrt(variance), freedom


def interval_and_p(
    strata: Sequence[NDArray[Any]], weights: Sequence[float], level: float = LEVEL
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Ends of the interval, at 95 % unless told otherwise, and the two-sided p of `two_way`.

    Each of shape (...); `level` is the share of intervals that miss the truth.
    """
    mean, error, freedom = two_way(strata, weights)
    half_width = error * stats.t.isf(level / 2, freedom)
    return mean - half_width, mean + half_width, 2 * stats.t.sf(np.abs(mean) / error, freedom)


def compare_images(
    treated: Mapping[int, Mapping[str, Any]],
    control: Mapping[int, Mapping[str, Any]],
    level: float = LEVEL,
) -> tuple[tuple[float, float], float] | None:
    """Interval and p value over seeds and test images, of records' `correct` by seed.

    Returns:
        None for fewer than two seeds, a stratum of fewer than two images, and where test images
        are not the same in all trials, or `bits` do not say which were right.
    """
    seeds = sorted(treated.keys() & control.keys())
    correct_entries = [by_seed[seed] for seed in seeds for by_seed in (treated, control)]
    if len(seeds) < 2 or not have_same_images(correct_entries):
        return None
    treated_strata, control_strata = (
        shares_of_trials([by_seed[seed] for seed in seeds]) for by_seed in (treated, control)
    )
    strata = [
        treated_shares - control_shares
        for treated_shares, control_shares in zip(treated_strata, control_strata, strict=True)
    ]
    low, high, p = interval_and_p(strata, correct_entries[0]["weights"], level)
    return (max(float(low), -1.0), min(float(high), 1.0)), float(p)


def have_same_images(correct_entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each says which images were right, of the same strata, at least two images of each.

    Args:
        correct_entries: `correct` of records.

    Returns:
        False without an entry.
    """
    if not correct_entries or not all(entry.get("bits") for entry in correct_entries):
        return False
    layouts = {
        (str(entry["labels"]), tuple(entry["sizes"]), tuple(entry["weights"]))
        for entry in correct_entries
    }
    return len(layouts) == 1 and min(correct_entries[0]["sizes"]) >= 2


def image_shortage(correct: Mapping[str, Any]) -> str:
    """How many images the smallest stratum has, in words, if fewer than `MIN_IMAGES`; else ""."""
    size, name = min(
        zip(correct["sizes"], correct["classes"], strict=True), key=lambda stratum: stratum[0]
    )
    if size >= MIN_IMAGES:
        return ""
    images = counted(size, "test image")
    return images if name is None else f"{images} of class {name!r}"


def images_of_record(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The `correct` of a record, which may hold `sizes` of `classes` alone.

    For a record without it, the number of test images of its classes in the data set; None if that
    is not recorded either.
    """
    if record.get("correct"):
        correct: Mapping[str, Any] = record["correct"]
        return correct
    counts = record.get("dataset", {}).get("counts", {})
    classes = record.get("settings", {}).get("classes") or counts
    sizes = [counts[name]["test"] for name in classes if "test" in counts.get(name, ())]
    return {"classes": [None], "sizes": [sum(sizes)]} if sizes else None


def over_images(
    found: Comparison,
    treated: Mapping[int, Mapping[str, Any]],
    control: Mapping[int, Mapping[str, Any]],
    level: float = LEVEL,
) -> Comparison:
    """The comparison, over test images too if every common trial says which were right.

    Where each seed has test images of its own, the intervals over seeds are over test images as
    well. Whether there are enough of them is looked at in any case.
    """
    seeds = _done(treated) & _done(control)
    treated_correct, control_correct = (
        {seed: correct for seed in seeds if (correct := images_of_record(arm_records[seed]))}
        for arm_records in (treated, control)
    )
    correct_entries = [*treated_correct.values(), *control_correct.values()]
    if not correct_entries:
        return found
    shortage = image_shortage(min(correct_entries, key=lambda entry: min(entry["sizes"])))
    is_complete = len(correct_entries) == 2 * len(seeds) and found.n == len(seeds)
    image_result = (
        compare_images(treated_correct, control_correct, level)
        if is_complete and not found.overlap
        else None
    )
    interval, p_value = image_result or (None, None)
    is_seeds_only = image_result is None and found.n > 1 and not found.overlap
    return replace(
        found,
        ci95_images=interval,
        p_value_images=p_value,
        image_shortage=shortage,
        over_seeds_alone=is_seeds_only,
    )


def as_entries(found: Comparison) -> dict[str, Any]:
    """What is told of test images; nothing where nothing is known of them."""
    is_known = found.ci95_images is not None or found.over_seeds_alone
    if not is_known and not found.image_shortage and not found.overlap:
        return {}
    interval = None if found.ci95_images is None else list(found.ci95_images)
    entries = {"difference_ci95_images": interval, "p_value_images": found.p_value_images}
    verdict_over = "seeds only" if interval is None else "seeds and test images"
    if found.overlap:
        verdict_over = "seeds, each with test images of its own"
    return entries | {
        "verdict_over": verdict_over,
        "too_few_test_images": found.image_shortage or None,
    }


def _done(records: Mapping[int, Mapping[str, Any]]) -> set[int]:
    return {seed for seed, record in records.items() if record["status"] == "done"}
