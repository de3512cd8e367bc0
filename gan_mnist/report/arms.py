"""What the page tells of each arm when it is opened: its seeds, its curves, its images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gan_mnist.report.charts import Limits, lines, padded_limits
from gan_mnist.report.learning import MOST_TIMES_LONGER, over_seeds
from gan_mnist.report.run_files import Run
from gan_mnist.report.strips import strip
from gan_mnist.study.answer.reasons import PRIMARY, summary_comparisons

# Files of a trial that the page links to, with their labels.
_FILES = {"record.json": "record", "predictions.csv": "predictions", "curves.csv": "curves"}


def arm_details(
    run: Run, order: Sequence[str], galleries: Mapping[str, np.ndarray], curves: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """By name, in the order of `order`.

    Args:
        run: The run.
        order: Names of arms.
        galleries: Images by arm, as the network was shown them.
        curves: As by `Run.curves`.

    Returns:
        `id` of its place in the page; `compared`, its comparisons, each with `why` its verdict is
        not what its interval looks like, or ""; `seeds`, a row each; `images` as by `strip`, or
        None; `mean_curve` with that of the control, and `seed_curves`, charts as by
        `charts.lines`, or None.
    """
    control, means = run.summary["control"], over_seeds(curves)
    comparisons = _comparisons_by_arm(run)
    details: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(order):
        details[name] = {
            "id": f"arm-{number}",
            "compared": comparisons.get(name, []),
            "seeds": _seeds(run, name),
            "images": strip(galleries[name]) if name in galleries else None,
            "mean_curve": None,
            "seed_curves": None,
        }
        if name in means:
            seed_groups = curves[curves["arm"] == name].groupby("seed")
            mean_curves = {arm: means[arm].reset_index() for arm in (control, name) if arm in means}
            options = _common(curves, means)
            details[name]["mean_curve"] = lines(mean_curves, **options)
            details[name]["seed_curves"] = lines(
                {f"seed {seed}": curve for seed, curve in seed_groups}, **options
            )
    return details


def curves_against_seconds(curves: pd.DataFrame) -> dict[str, Any] | None:
    """The mean curves of all arms against seconds of training, as by `charts.lines`."""
    means = over_seeds(curves[curves["seconds"] > 0])
    if not means:
        return None
    end_seconds = [seconds for mean in means.values() for seconds in mean["seconds"].iloc[[0, -1]]]
    limits = (0.9 * min(end_seconds), 1.1 * max(end_seconds))
    series = {name: mean[["seconds", "value"]] for name, mean in means.items()}
    return lines(series, "seconds", is_log=True, x_limits=limits)


def _common(curves: pd.DataFrame, means: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The axes that all panels share; logarithmic where the shortest curve would else be lost."""
    updates = curves["update"]
    last_updates = [mean.index[-1] for mean in means.values()]
    is_log = max(last_updates) > MOST_TIMES_LONGER * min(last_updates)
    first_update = updates[updates > 0].min() if is_log else updates.min()
    limits: Limits = (float(first_update), float(max(updates.max(), first_update + 1)))
    return {"is_log": is_log, "x_limits": limits, "y_limits": padded_limits([curves["value"]])}


def _seeds(run: Run, name: str) -> list[dict[str, Any]]:
    """A row a seed: value, difference to the control, seconds, and links to the trial's files."""
    values = run.summary["arms"][name]["values"]
    control_values = run.summary["arms"][run.summary["control"]]["values"]
    trials = {trial.seed: trial for trial in run.trials_of(name)}
    errors = {
        (failure["arm"], failure["seed"]): failure["error"] for failure in run.summary["failed"]
    }
    rows = []
    for seed in run.summary["seeds"]:
        value, trial = values.get(str(seed)), trials.get(seed)
        is_paired = value is not None and str(seed) in control_values
        rows.append(
            {
                "seed": seed,
                "value": value,
                "difference": value - control_values[str(seed)] if is_paired else None,
                "seconds": sum(trial.seconds) if trial else None,
                "failed": errors.get((name, seed)),
                "files": {
                    label: (trial.directory / file).relative_to(run.workdir).as_posix()
                    for file, label in _FILES.items()
                    if trial and (trial.directory / file).is_file()
                },
            }
        )
    return rows


def _comparisons_by_arm(run: Run) -> dict[str, list[dict[str, Any]]]:
    """By arm, its comparisons: with the control, and with what else it is measured by."""
    margin = run.summary["metrics"][0].get("margin")
    rows_by_arm: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for kind, comparison in summary_comparisons(run.summary):
        # The control's entry tells more than the primary comparison that it is, too.
        if kind == PRIMARY and comparison.reference == run.summary["control"]:
            continue
        if comparison.entry.get("difference") is None:
            continue
        is_best_of_several = len(comparison.entry.get("rivals", ())) > 1
        qualifier = "the best of the rivals, " if is_best_of_several else ""
        # A comparison with the control may have it beside the interval that decides.
        over_seeds_alone = comparison.entry.get("difference_ci95")
        row = {
            "best": qualifier,
            "reference": comparison.reference,
            "entry": comparison.entry,
            "why": comparison.why(margin),
            "seeds_only": None if over_seeds_alone == comparison.interval else over_seeds_alone,
        }
        # Of two comparisons of the same arms the primary one, which comes first.
        rows_by_arm.setdefault(comparison.arm, {}).setdefault(
            (qualifier, comparison.reference), row
        )

    def is_of_rival(row: Mapping[str, Any]) -> bool:
        return bool(row["reference"] != run.summary["control"])

    return {name: sorted(rows.values(), key=is_of_rival) for name, rows in rows_by_arm.items()}
