"""What a run fixes when it begins: its primary comparisons, and its looks before the last seed.

Both would be worth nothing if they were chosen after seeing results. Nothing here imports
statistics, so that bad flags are refused at once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError, unknown
from gan_mnist.files import Damaged, read_form
from gan_mnist.files.names import EVERY_RECORD, STUDY
from gan_mnist.study.comparison import Pair, in_words
from gan_mnist.study.forms import Description
from gan_mnist.study.spec import Study
from gan_mnist.study.trial import Plan

UNTIL = ("decided",)
# The first looks, and how many seeds lie between later ones.
FIRST, STEP = (5, 7, 10), 5
MAX_SEEDS, MOST_SEEDS = 20, 100
# Upper bound of the seeds, and of the numbers of seeds at looks, in a `study.json`.
MOST_OF_ALL = 10_000


def with_primary(workdir: Path, study: Study, is_requested: bool, arms: Collection[str]) -> Study:
    """The study with the primary comparisons that a run recorded; its own if the run is new.

    A comparison that is named after results were seen is not primary. A run that an earlier version
    began without recording comparisons has none.

    Args:
        workdir: The run's directory.
        study: With the comparisons that the command names, or else its declaration.
        is_requested: Whether the command names them; else recorded ones replace them silently.
        arms: Names of the arms that are to run.

    Raises:
        InputError: If the command names comparisons other than those recorded, or any although
            there are results without a `study.json`; or if it leaves out an arm of a recorded
            comparison, unless an arm of that comparison leaks.
    """
    description = description_in(workdir)
    if description is None:
        if is_requested and _has_results(workdir):
            raise InputError(
                f"--primary: {workdir} has results, and no study.json that says what was primary "
                "when it was begun; accepted: a new --workdir, or no --primary"
            )
        return study
    recorded = primary_in(description)
    leak_free = {name for name, entry in description["arms"].items() if not entry.get("leaks")}
    for pair in recorded:
        if {*pair} <= leak_free and (missing := sorted({*pair} - {*arms})):
            raise InputError(
                f"--arms: {missing[0]} is left out, and {workdir} was begun with the primary "
                f"comparison {pair}; accepted: both among the arms, or a new --workdir"
            )
    if is_requested and set(recorded) != set(study.primary):
        raise InputError(
            f"--primary: {workdir} was begun with {in_words(recorded)}, and what is named later is "
            "not primary; accepted: the same, or a new --workdir"
        )
    return replace(study, primary=recorded)


def _has_results(workdir: Path) -> bool:
    try:
        return any(workdir.glob(EVERY_RECORD))
    except OSError:  # reported by whoever writes there
        return False


def check_primary(plan: Plan, is_requested: bool) -> None:
    """Refuses a named primary comparison of an arm that leaks, and looks without a primary one.

    Args:
        plan: The plan, with all of its arms.
        is_requested: Whether the command names the comparisons.

    Raises:
        InputError: In either case.
    """
    leaking = [arm.name for arm in plan.arms if arm.leaks]
    excluded = [pair for pair in plan.study.primary if {*pair} & {*leaking}]
    if is_requested and excluded:
        raise InputError(
            f'--primary: "{excluded[0]}" is not accepted, as images of '
            f"{next(name for name in excluded[0] if name in leaking)} are copies of test images; "
            "accepted: arms that show none"
        )
    if plan.looks and not plan.primary:
        reason = f", as images of {leaking[0]} are copies of test images" if excluded else ""
        raise InputError(
            f"--until: nothing is to be decided{reason}; accepted: with a --primary comparison"
        )


def arm_names(
    workdir: Path,
    study: Study,
    preset: str,
    requested: Sequence[str] | None,
    of_sources: Sequence[str],
) -> list[str]:
    """Names of the arms that run, in the order of the table, the control among them.

    Args:
        workdir: The run's directory.
        study: With the arms of sources.
        preset: A preset that names arms adds those of sources, and those that the run has had.
        requested: As the command names them; None for those of the preset.
        of_sources: Names of the arms that show images of sources.

    Raises:
        InputError: If `requested` names an arm that there is not, or one twice.
    """
    names = None if requested is None else list(requested)
    if names is None and (of_preset := study.presets[preset].arms):
        description = description_in(workdir) or {"arms": ()}
        wanted = {*of_preset, *of_sources, *description["arms"]}
        names = [arm.name for arm in study.arms if arm.name in wanted]
    return [arm.name for arm in study.select(names)]


def seeds_from(workdir: Path, first_seed: int | None, num_seeds: int) -> range:
    """The seeds of a run, from its recorded first seed; from `first_seed`, or 0, if it is new.

    Raises:
        InputError: If `first_seed` is not the recorded one: seeds that nobody has looked at are
            fresh only in a run of their own.
    """
    description = description_in(workdir)
    if description is None:
        recorded = first_seed or 0
    else:
        recorded = min(description.get("seeds", ()), default=0)
    if first_seed not in (None, recorded):
        raise InputError(
            f"--first_seed: {workdir} was begun with seed {recorded}; "
            f"accepted: {recorded}, or a new --workdir"
        )
    return range(recorded, recorded + num_seeds)


def description_in(workdir: Path) -> dict[str, Any] | None:
    """The `study.json` of a run, or None for a new one."""
    try:
        return read_description(workdir / STUDY)
    except (Damaged, OSError):  # reported when a run begins there
        return None


def read_description(path: Path) -> dict[str, Any] | None:
    """The content of the `study.json` at `path`, or None if there is no file.

    Raises:
        Damaged: If it is not a valid one.
        OSError: If it cannot be read.
    """
    description = read_form(path, Description)
    if description is not None:
        looks = description.get("looks", {"announced": [], "taken": []})
        numbers = [*description.get("seeds", ()), *looks["announced"]]
        numbers += [look["seeds"] for look in looks["taken"]]
        if not all(0 <= number <= MOST_OF_ALL for number in numbers):
            raise Damaged(f"seeds are not between 0 and {MOST_OF_ALL}")
    return description


def primary_in(description: Mapping[str, Any]) -> tuple[Pair, ...]:
    """The primary comparisons that a `study.json` holds."""
    return tuple(Pair(row["arm"], row["reference"]) for row in description.get("primary", ()))


def announced_looks(
    workdir: Path, until: str | None, max_seeds: int | None, seeds: int | None
) -> tuple[int, ...]:
    """The announced looks of a run, as numbers of seeds; none if it has a fixed number of seeds.

    Args:
        workdir: The run's directory.
        until: "decided", or None.
        max_seeds: Number at which the run ends in any case; `MAX_SEEDS` if None.
        seeds: The fixed number, if one is given.

    Raises:
        InputError: If the flags are not accepted, or the run was begun with other looks.
    """
    looks = _schedule(until, max_seeds, seeds)
    description = description_in(workdir)
    if description is None and looks and _has_results(workdir):
        raise InputError(
            f"--until: {workdir} has results, and no study.json that says how often it was looked "
            "at; accepted: a new --workdir, or --seeds"
        )
    recorded = looks if description is None else looks_in(description)
    if recorded == looks:
        return looks
    if not recorded:
        raise InputError(
            f"--until: {workdir} was begun without announced looks; accepted: a new --workdir"
        )
    raise InputError(
        f"--workdir: {workdir} was begun with looks at {', '.join(map(str, recorded))} seeds; "
        f"accepted: gan_mnist.main with --until=decided --max_seeds={recorded[-1]}, or a new "
        "--workdir"
    )


def _schedule(until: str | None, max_seeds: int | None, seeds: int | None) -> tuple[int, ...]:
    if until is None:
        if max_seeds is not None:
            raise InputError(f"--max_seeds: {max_seeds} goes with --until=decided; accepted: both")
        return ()
    if until not in UNTIL:
        raise unknown("--until", until, UNTIL)
    if seeds is not None:
        raise InputError("--seeds: it does not go with --until=decided; accepted: --max_seeds")
    last = MAX_SEEDS if max_seeds is None else int(max_seeds)
    if not FIRST[0] < last <= MOST_SEEDS:
        raise InputError(
            f"--max_seeds: {last} is not accepted; accepted: from {FIRST[0] + 1} to {MOST_SEEDS}"
        )
    candidates = (*FIRST, *range(FIRST[-1] + STEP, last, STEP))
    return (*(look for look in candidates if look < last), last)


def looks_in(description: Mapping[str, Any]) -> tuple[int, ...]:
    """The announced looks that a `study.json` holds."""
    return tuple(description.get("looks", {}).get("announced", ()))


def seeds_looked_at(description: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of seeds at which results were seen, ascending; one seed shows no difference."""
    looks = description.get("looks", {}).get("taken", ())
    return tuple(sorted({look["seeds"] for look in looks if look["seeds"] > 1}))


def resumed_plan(plan: Plan, description: Mapping[str, Any]) -> Plan:
    """The plan with the looks that `study.json` records, and judged arms that it leaves out."""
    judged_arms = description.get("judged", ())
    left_out = tuple(name for name in judged_arms if name not in description["arms"])
    return replace(plan, looked=seeds_looked_at(description), left_out=left_out)
