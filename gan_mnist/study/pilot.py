"""What a plan can find, before it runs; in the metric's unit where a pilot shows the spread."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.errors import InputError, parse_number
from gan_mnist.files import Damaged, absolute, read_file
from gan_mnist.files.names import EVERY_RECORD, RECORDS
from gan_mnist.study.comparison import Pair
from gan_mnist.study.records import DONE, parse_record
from gan_mnist.study.statistics import power
from gan_mnist.study.statistics.looks import look_level
from gan_mnist.study.statistics.paired import overlap_of, spread_of
from gan_mnist.study.statistics.small_samples import LEVEL
from gan_mnist.study.statistics.test_images import MIN_IMAGES
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import by_name, rough

# In sd of the paired difference. More than a third of the published differences to a control are
# smaller, and would be missed.
MUCH = 3.0
MOST_NAMED = 5

Values = dict[str, dict[int, float]]


def power_in_words(plan: Plan, pilot: str | None = None, effect: str | None = None) -> list[str]:
    """Describes the effects that the plan's seeds can find, as lines of text.

    Args:
        plan: The plan; covered are its primary comparisons and all others with the control.
        pilot: The directory of a run of the same experiment; None for the plan's own.
        effect: A difference in the metric's unit; the seeds that it takes are reported.

    Raises:
        InputError: If the pilot or the effect cannot be used.
    """
    effect_size = _size(effect)
    values, run = _pilot(plan, pilot)
    families = _families(plan)
    # Looks make the level lower, as further tests do.
    look_factor = LEVEL / look_level(plan.looks)
    overlap, n = overlap_of([{"dataset": plan.dataset}]), len(plan.seeds)
    lines = [_general(n, families, overlap, look_factor)]
    has_spread = False
    for name, pairs in families.items():
        spreads = {
            pair: estimate
            for pair in pairs
            if (estimate := spread_of(*(values.get(arm, {}) for arm in pair))) is not None
        }
        for label, sd, seeds in _labelled_spreads(name, spreads):
            has_spread = True
            tests = len(pairs) * look_factor
            # One seed finds nothing, as the first line says.
            told = []
            if n > 1:
                told.append(f"from {rough(power.detectable_effect(n, tests, overlap) * sd)} on")
            if effect_size is not None:
                told.append(_needed(effect_size, sd, seeds, tests, overlap))
            if told:
                told[0] += f" (sd {rough(sd)}, {seeds} seeds of {run})"
                lines.append(f"{label}: {'; '.join(told)}")
    if effect_size is not None and not has_spread:
        raise InputError(
            f"--effect: {effect} wants the spread of two seeds or more; accepted: with --pilot=RUN "
            "of this experiment, or a --workdir that holds some"
        )
    return lines + _scarce_classes(plan)


def _scarce_classes(plan: Plan) -> list[str]:
    """Which classes have too few test images for a verdict on them, in a line; none if all do."""
    # The data may have more classes than the study, whose settings name its own.
    classes = getattr(plan.settings, "classes", ()) or plan.dataset["counts"]
    sizes = {
        name: counts.get("test")
        for name, counts in plan.dataset["counts"].items()
        if name in classes
    }
    few = {name: size for name, size in sizes.items() if size and size < MIN_IMAGES}
    if not few:
        return []
    shown = dict(sorted(few.items(), key=lambda item: item[1])[:MOST_NAMED])
    others = f" and {len(few) - len(shown)} more" if len(few) > len(shown) else ""
    return [
        f"careful, test images are few of {by_name(shown)}{others}: a metric of such a class, or a "
        f"mean over classes with one, gets no verdict below {MIN_IMAGES}"
    ]


def _size(effect: str | None) -> float | None:
    if effect is None:
        return None
    try:
        size = float(parse_number(float, effect))
    except ValueError:
        size = 0.0
    if not (size > 0 and math.isfinite(size)):
        raise InputError(f"--effect: {effect!r} is not accepted; accepted: a number above 0")
    return size


def _families(plan: Plan) -> dict[str, Sequence[Pair]]:
    """The comparisons that Holm adjusts over together, by what they are called."""
    control, primary = plan.study.control, plan.primary
    names = [arm.name for arm in plan.arms if arm.name != control]
    other_pairs = [pair for name in names if (pair := Pair(name, control)) not in primary]
    if not primary:
        return {"": other_pairs} if other_pairs else {}
    return {"primary": primary} | ({"other": other_pairs} if other_pairs else {})


def _general(
    n: int, families: Mapping[str, Sequence[Pair]], overlap: float, look_factor: float
) -> str:
    """In standard deviations, which needs no pilot."""
    if not families or n < 2:
        return "none: a comparison needs two arms and two seeds"
    effects = {
        name: power.detectable_effect(n, len(pairs) * look_factor, overlap)
        for name, pairs in families.items()
    }
    text = ", ".join(
        f"{name} differences from {rough(sd)} sd on".strip() for name, sd in effects.items()
    )
    line = f"{n} seeds find, in 4 of 5 runs, {text} (sd: of paired differences)"
    name, effect = next(iter(effects.items()))
    if effect > MUCH:
        num_seeds = power.seeds_needed(MUCH, len(families[name]) * look_factor, overlap)
        line += "; careful, many treatments do less"
        line += f": {num_seeds} seeds would find {MUCH:g} sd" if num_seeds else ""
    return line


def _labelled_spreads(
    name: str, spreads: Mapping[Pair, tuple[float, int]]
) -> Iterator[tuple[str, float, int]]:
    """Yields label, sd and seeds of each primary comparison; of others, the median and fewest."""
    if name == "primary":
        yield from ((f"{pair}", sd, n) for pair, (sd, n) in spreads.items())
    elif spreads:
        sds = [sd for sd, _ in spreads.values()]
        fewest = min(n for _, n in spreads.values())
        yield f"{name} differences, in the median".strip(), float(np.median(sds)), fewest


def _needed(effect: float, spread: float, n: int, tests: float, overlap: float) -> str:
    num_seeds, max_seeds = (
        power.seeds_needed(effect / sd, tests, overlap)
        for sd in (spread, power.largest_spread(spread, n))
    )
    if num_seeds is None:
        return f"{effect:g} takes more than {power.MOST_SEEDS} seeds"
    limit = f"{max_seeds}" if max_seeds else f"more than {power.MOST_SEEDS}"
    return f"{effect:g} takes {num_seeds} seeds, or {limit} should the sd be as large as it may be"


def _pilot(plan: Plan, pilot: str | None) -> tuple[Values, str]:
    """The primary metric by arm and seed, and where it lies."""
    directory = plan.workdir if pilot is None else absolute(pilot)
    records = [record for record in _records(directory) if record["status"] == DONE]
    if pilot is not None:
        if not records:
            raise InputError(
                f"--pilot: {pilot!r} has no finished trial; accepted: a run's directory"
            )
        if {record.get("experiment") for record in records} != {plan.study.name}:
            raise InputError(
                f"--pilot: {pilot} is of another experiment; accepted: a run of {plan.study.name}"
            )
    values: Values = {}
    metric = plan.study.metrics[0].name
    for record in records:
        if metric in record["metrics"]:
            values.setdefault(record["arm"], {})[record["seed"]] = record["metrics"][metric]
    return values, directory.name


def _records(directory: Path) -> Iterator[Mapping[str, Any]]:
    """The records of a run, or of one that is published; without damaged ones."""
    try:
        paths = sorted(directory.glob(EVERY_RECORD))
        texts = [read_file(path) for path in paths]
        texts = texts or read_file(directory / RECORDS).splitlines()
    except OSError:
        return
    for text in texts:
        with contextlib.suppress(Damaged):
            yield parse_record(text)
