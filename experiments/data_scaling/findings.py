"""How accuracy and error depend on the number of training images, and where the laws break.

Two laws are fitted, seed by seed, by least squares: accuracy = a + b log2 n, and error = c n^-d, a
straight line in the logarithms. Intervals are over seeds.

Whether a line is straight is tested before a bend is looked for: each seed gives the coefficient of
the square of log2 n, and the line is bent where the interval of their mean excludes 0. (A curve
that is bent as much upwards as downwards would escape.) Only then a bend is fitted: of all lines of
two pieces that meet at a size, the one nearest to the mean over seeds. Its slopes have intervals
over seeds for that bend; the bends of single seeds are reported beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.statistics.at_numbers import numbers_in
from gan_mnist.study.statistics.paired import compare
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.words import in_brackets, signed

CONTROL, GENERATED = "alone", "generated"
PREFIX = "accuracy_at_"
# Two pieces have three parameters: with fewer points nothing is left to judge them by.
FEWEST_SIZES = 4

Records = Mapping[int, Mapping[str, Any]]


def findings(evidence: Evidence) -> dict[str, Any]:
    """The fits of every arm, and the gain over `alone` at every size.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `arms`: by name, `accuracy` and `error` as `fit_line` gives them, where there are
        two seeds and two sizes; `gains`: by arm and size, `difference` to `alone`, `ci95` and
        `p_holm`, adjusted over all arms and sizes.
    """
    records_by_arm, interval_args = evidence.done, (evidence.overlap, evidence.level)
    fits_by_arm = {arm: _fits(records, *interval_args) for arm, records in records_by_arm.items()}
    fits_by_arm = {arm: fits for arm, fits in fits_by_arm.items() if fits}
    if evidence.image_shortage:
        for fit in (fit for fits in fits_by_arm.values() for fit in fits.values()):
            fit["bent"] = None
    others = [arm for arm in records_by_arm if arm != CONTROL and CONTROL in records_by_arm]
    gains = evidence.gains_at(PREFIX, others, CONTROL)
    lines = []
    if CONTROL in fits_by_arm:
        lines += _of_control(fits_by_arm[CONTROL], evidence.image_shortage or "too few sizes")
    num_tests = sum(map(len, gains.values()))
    lines += [_of_gains(arm, gains[arm], num_tests) for arm in gains if gains[arm]]
    lines += [_of_other(arm, fits_by_arm[arm]) for arm in fits_by_arm if arm != CONTROL]
    return {"lines": evidence.with_doubt(lines), "arms": fits_by_arm, "gains": gains}


def fit_line(
    x: np.ndarray, values: np.ndarray, overlap: float = 0.0, level: float = LEVEL
) -> dict[str, Any]:
    """A straight line through every seed's points, and where their mean bends.

    Args:
        x: float (sizes,), ascending; log2 of the number of images.
        values: float (seeds, sizes), at least two of each.
        overlap: How much the seeds' splits have in common, as `overlap_of` gives it.
        level: Error level of the intervals: 0.05 for 95 %.

    Returns:
        `intercept` (mean over seeds), `slope`, `curvature` (the coefficient of x squared) and
        `bent` (None for fewer than `FEWEST_SIZES`); where it is bent, `bend_at` (a number of
        images), `bends_of_seeds`, `before` and `after`. `slope`, `curvature`, `before` and `after`
        hold `mean` and `ci95`.
    """
    ones = np.ones_like(x)
    intercepts, slopes = _coefficients((ones, x), values)[0]
    fit = {"intercept": float(intercepts.mean()), "slope": _told(slopes, overlap, level)}
    if len(x) < FEWEST_SIZES:
        return fit | {"curvature": None, "bent": None}
    curvatures = _coefficients((ones, x, (x - x.mean()) ** 2), values)[0][2]
    low, high = (curvature := _told(curvatures, overlap, level))["ci95"]
    fit |= {"curvature": curvature, "bent": bool(low > 0 or high < 0)}
    if fit["bent"]:
        mean_values = values.mean(axis=0, keepdims=True)
        bend = _bends(x, mean_values)[0]
        slopes_before, slopes_after = _coefficients(_two_pieces(x, bend), values)[0][1:]
        fit |= {
            "bend_at": round(2**bend),
            "bends_of_seeds": [round(2**position) for position in _bends(x, values)],
            "before": _told(slopes_before, overlap, level),
            "after": _told(slopes_after, overlap, level),
        }
    return fit


def _coefficients(
    columns: Sequence[np.ndarray], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares: coefficients (columns, seeds) and sums of squared residuals (seeds,)."""
    design = np.stack(columns, axis=1)
    coefficients = np.linalg.lstsq(design, values.T)[0]
    return coefficients, np.sum((values.T - design @ coefficients) ** 2, axis=0)


def _two_pieces(x: np.ndarray, bend: float) -> tuple[np.ndarray, ...]:
    """Columns whose coefficients are the height at `bend` and the slopes before and after it."""
    return np.ones_like(x), np.minimum(x - bend, 0), np.maximum(x - bend, 0)


def _bends(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of the inner points of `x`, the best place to bend the line of each row of `values`."""
    squares = [_coefficients(_two_pieces(x, bend), values)[1] for bend in x[1:-1]]
    return x[1:-1][np.argmin(squares, axis=0)]


def _told(values: np.ndarray, overlap: float, level: float) -> dict[str, Any]:
    # Against 0, as equal values of few seeds are no certainty there.
    zeros = dict.fromkeys(range(len(values)), 0.0)
    comparison = compare(dict(enumerate(values)), zeros, overlap=overlap, level=level)
    return {"mean": comparison.difference, "ci95": list(comparison.ci95 or ())}


def _fits(records: Records, overlap: float, level: float) -> dict[str, Any]:
    """Both laws of one arm; empty where there are too few points for intervals."""
    size_names = numbers_in(records, PREFIX)
    if len(records) < 2 or len(size_names) < 2:
        return {}
    sizes = np.array(size_names, float)
    metrics = [record["metrics"] for record in records.values()]
    accuracies = np.array(
        [[seed_metrics[PREFIX + size] for size in size_names] for seed_metrics in metrics]
    )
    fits = {"accuracy": fit_line(np.log2(sizes), accuracies, overlap, level)}
    # A size at which a seed makes no error has no logarithm of it.
    has_errors = (accuracies < 1).all(axis=0)
    if has_errors.sum() > 1:
        errors = np.log2(1 - accuracies[:, has_errors])
        fits["error"] = fit_line(np.log2(sizes[has_errors]), errors, overlap, level)
    return fits


def _of_control(fits: Mapping[str, Any], shortage: str) -> list[str]:
    """The answer to the source's question, and the law of the error."""
    fit = fits["accuracy"]
    change = f"accuracy of `{CONTROL}` changes by {_number(fit['slope'])} with each doubling"
    if fit["bent"] is None:
        answer = (
            f"On average {change}; from {shortage} nobody can tell whether that holds throughout."
        )
    elif not fit["bent"]:
        answer = (
            "Nothing here speaks against accuracy going with the logarithm of the number of "
            f"training images: {change}, and no bend can be told."
        )
    else:
        answer = (
            "No, accuracy does not go with the logarithm of the number of training images "
            f"throughout: {change} on average, but {_pieces(fit)}."
        )
    lines = [answer]
    if "error" in fits:
        lines.append(_law(CONTROL, fits["error"]))
    return lines


def _of_other(arm: str, fits: Mapping[str, Any]) -> str:
    text = f"Accuracy of `{arm}` changes by {_number(fits['accuracy']['slope'])} with each doubling"
    return f"{text}. {_law(arm, fits['error'])}" if "error" in fits else f"{text}."


def _law(arm: str, fit: Mapping[str, Any]) -> str:
    text = f"The error of `{arm}` goes like n to the power {_number(fit['slope'])}"
    if fit["bent"]:
        return f"{text} on average, but not throughout: the power is {_pieces(fit)}."
    return f"{text}." if fit["bent"] is None else f"{text}, and no bend can be told."


def _pieces(fit: Mapping[str, Any]) -> str:
    bends = sorted(set(fit["bends_of_seeds"]))
    bend_range = f"{bends[0]:,}" if len(bends) == 1 else f"{bends[0]:,} to {bends[-1]:,}"
    return (
        f"{_number(fit['before'])} up to about {fit['bend_at']:,} images and "
        f"{_number(fit['after'])} beyond (seeds place the bend at {bend_range})"
    )


def _of_gains(arm: str, gains: Mapping[str, Mapping[str, Any]], num_tests: int) -> str:
    differences = [f"{in_brackets(gain)} at {int(size):,}" for size, gain in gains.items()]
    sizes_by_verdict = {
        word: [f"{int(size):,}" for size, gain in gains.items() if gain["verdict"] == word]
        for word in ("helps", "hurts")
    }
    verdicts = "; ".join(
        f"it {word} at {', '.join(sizes)} images"
        for word, sizes in sizes_by_verdict.items()
        if sizes
    )
    return (
        f"`{arm}` minus `{CONTROL}`, accuracy by training images: {', '.join(differences)}; "
        f"{verdicts or 'at no size can a difference be told'} (Holm over {num_tests} comparisons)."
    )


def _number(estimate: Mapping[str, Any]) -> str:
    low, high = (signed(bound, 3) for bound in estimate["ci95"])
    return f"{signed(estimate['mean'], 3)} (95 % CI {low} to {high})"
