"""What the page tells of each arm when it is opened: its seeds, its curves, its images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gan_mnist.report.charts import Limits, lines, spread
from gan_mnist.report.learning import MOST_TIMES_LONGER, over_seeds
from gan_mnist.report.run_files import Run
from gan_mnist.report.strips import strip
from gan_mnist.study.statistics.small_samples import LEVEL

# What a trial leaves that a reader may want, and what it is called.
_FILES = {"record.json": "record", "predictions.csv": "predictions", "curves.csv": "curves"}


def told_of_arms(
    run: Run, order: Sequence[str], galleries: Mapping[str, np.ndarray], curves: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """By name, in the order of `order`.

    Args:
        run: The run.
        order: Names of arms.
        galleries: Images by arm, as the network was shown them.
        curves: As by `Run.curves`.

    Returns:
        `id` of its place in the page; `why` its verdict is not what its interval looks like, or "";
        `seeds`, a row each; `images` as by `strip`, or None; `mean_curve` with that of the control,
        and `seed_curves`, charts as by `charts.lines`, or None.
    """
    control, means, reasons = run.summary["control"], over_seeds(curves), reasons_of(run.summary)
    told = {}
    for number, name in enumerate(order):
        told[name] = {
            "id": f"arm-{number}",
            "why": reasons[name],
            "seeds": _seeds(run, name),
            "images": strip(galleries[name]) if name in galleries else None,
            "mean_curve": None,
            "seed_curves": None,
        }
        if name in means:
            by_seed = curves[curves["arm"] == name].groupby("seed")
            shown = {arm: means[arm].reset_index() for arm in (control, name) if arm in means}
            options = _common(curves, means)
            told[name]["mean_curve"] = lines(shown, **options)
            told[name]["seed_curves"] = lines({f"seed {s}": one for s, one in by_seed}, **options)
    return told


def curves_against_seconds(curves: pd.DataFrame) -> dict[str, Any] | None:
    """The mean curves of all arms against seconds of training, as by `charts.lines`."""
    means = over_seeds(curves[curves["seconds"] > 0])
    if not means:
        return None
    ends = [seconds for mean in means.values() for seconds in mean["seconds"].iloc[[0, -1]]]
    limits = (0.9 * min(ends), 1.1 * max(ends))
    plain = {name: mean[["seconds", "value"]] for name, mean in means.items()}
    return lines(plain, "seconds", is_log=True, x_limits=limits)


def _common(curves: pd.DataFrame, means: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The axes that all panels share; logarithmic where the shortest curve would else be lost."""
    updates = curves["update"]
    ends = [mean.index[-1] for mean in means.values()]
    is_log = max(ends) > MOST_TIMES_LONGER * min(ends)
    first = updates[updates > 0].min() if is_log else updates.min()
    limits: Limits = (float(first), float(max(updates.max(), first + 1)))
    return {"is_log": is_log, "x_limits": limits, "y_limits": spread([curves["value"]])}


def _seeds(run: Run, name: str) -> list[dict[str, Any]]:
    """A row a seed: value, difference to the control, seconds, and links to the trial's files."""
    values = run.summary["arms"][name]["values"]
    before = run.summary["arms"][run.summary["control"]]["values"]
    trials = {trial.seed: trial for trial in run.of(name)}
    failed = {(trial["arm"], trial["seed"]): trial["error"] for trial in run.summary["failed"]}
    rows = []
    for seed in run.summary["seeds"]:
        value, trial = values.get(str(seed)), trials.get(seed)
        both = value is not None and str(seed) in before
        rows.append(
            {
                "seed": seed,
                "value": value,
                "difference": value - before[str(seed)] if both else None,
                "seconds": sum(trial.seconds) if trial else None,
                "failed": failed.get((name, seed)),
                "files": {
                    label: (trial.directory / file).relative_to(run.workdir).as_posix()
                    for file, label in _FILES.items()
                    if trial and (trial.directory / file).is_file()
                },
            }
        )
    return rows


def reasons_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """By arm, as by `why`."""
    entries, margin = summary["arms"], summary["metrics"][0].get("margin")
    # Holm adjusts over primary comparisons and over the others apart.
    primary = {name for name, arm in entries.items() if arm.get("standing") == "primary"}
    others = sum(arm["p_holm"] is not None for arm in entries.values()) - len(primary)
    tests = {name: len(summary["primary"]) if name in primary else others for name in entries}
    return {name: why(arm, margin, tests[name]) for name, arm in entries.items()}


def why(arm: Mapping[str, Any], margin: float | None, tests: int) -> str:
    """Why the verdict is another than the interval, or p, seems to say; "" where they agree.

    Args:
        arm: An entry of the summary's `arms`.
        margin: Of the primary metric.
        tests: How many comparisons Holm adjusts over.
    """
    interval, p_holm, wider = (
        arm.get(name) for name in ("difference_ci95", "p_holm", "difference_ci95_images")
    )
    if interval is None or p_holm is None:
        return ""
    seen, is_open = _excludes_zero(interval), arm["verdict"] == "cannot tell"
    told = ""
    if arm["verdict"] == "the same" and seen:
        told = f"The interval leaves out 0, but lies within ±{margin:g}: too little to matter."
    elif is_open and (few := arm.get("too_few_test_images")):
        told = f"No verdict, whatever the interval: there are only {few}."
    elif is_open and not seen and p_holm < LEVEL:
        told = "p alone would call it; but the interval, which allows for skewness, holds 0."
    elif is_open and seen and wider is not None and not _excludes_zero(wider):
        told = (
            "The interval over seeds leaves out 0; the one over seeds and test images, "
            f"{wider[0]:.4f} to {wider[1]:.4f}, holds it, and the wider one decides."
        )
    elif is_open and seen:
        told = (
            f"The interval leaves out 0, but it is of one arm alone. Among {tests} comparisons one "
            f"such interval may well be chance; p allows for that, and is not below {LEVEL:g}."
        )
    return told


def _excludes_zero(interval: Sequence[float]) -> bool:
    return interval[0] > 0 or interval[1] < 0
