"""What was seen of a run's results: its looks, and arms that were judged, or found to leak.

`study.json` records it; whatever writes that file anew keeps it.
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_mnist.files import Damaged, as_json, parse_form, read_json, write_bytes, write_json
from gan_mnist.files.names import STUDY
from gan_mnist.study.continuation import description_in, seeds_looked_at
from gan_mnist.study.forms import Description


def carried_over(earlier: Mapping[str, Any], description: Mapping[str, Any]) -> dict[str, Any]:
    """The next `study.json` of a run, with what the earlier one has seen."""
    looks = {"looks": earlier["looks"]} if "looks" in earlier else {}
    return with_seen({**description, **looks}, earlier)


def with_seen(description: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A `study.json` with what another one of the same run has seen besides."""
    taken = description.get("looks", {}).get("taken", [])
    seeds = {look["seeds"] for look in taken}
    looks = other.get("looks", {}).get("taken", ())
    further_looks = [look for look in looks if look["seeds"] not in seeds]
    leaking = {name for name, arm in other["arms"].items() if arm.get("leaks")}
    arms = {
        name: arm | ({"leaks": True} if name in leaking else {})
        for name, arm in description["arms"].items()
    }
    merged = {**description, "arms": arms}
    if further_looks:
        announced = description.get("looks", {}).get("announced", [])
        all_taken = sorted([*taken, *further_looks], key=lambda look: str(look["when"]))
        merged["looks"] = {"announced": announced, "taken": all_taken}
    if "judged" in other:
        merged["judged"] = list(dict.fromkeys([*description.get("judged", ()), *other["judged"]]))
    return merged


def write_fetched(workdir: Path, content: bytes) -> None:
    """Writes a `study.json` from a store; what was seen here, and not told there, is kept.

    Raises:
        OSError: If it cannot be written.
    """
    local = description_in(workdir)
    try:
        description = parse_form(content, Description)
    except Damaged:  # whoever opens the run renames it
        local = None
    if local is not None and (merged := with_seen(description, local)) != description:
        content = as_json(merged)
    write_bytes(workdir / STUDY, content)


def record_look(
    workdir: Path,
    seeds: int,
    planned: Sequence[int],
    alpha_spent: float | None,
    leaks: Sequence[str] = (),
) -> None:
    """Records in `study.json` that the results of `seeds` seeds were seen, and when first.

    Args:
        workdir: The run's directory.
        seeds: Number of seeds that have results.
        planned: The seeds of the run from now on.
        alpha_spent: The share of studies without an effect that have a verdict by now, if known.
        leaks: Names of arms that trials found to leak.
    """
    path = workdir / STUDY
    description = read_json(path) or {}
    looks = description.setdefault("looks", {"announced": [], "taken": []})
    description["seeds"] = list(planned)
    arms: dict[str, Any] = description.get("arms", {})
    for name in arms.keys() & set(leaks):
        arms[name]["leaks"] = True
    if seeds > 1:
        description["judged"] = list(dict.fromkeys([*description.get("judged", ()), *arms]))
    if seeds > 1 and seeds not in seeds_looked_at(description):
        timestamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        looks["taken"].append({"seeds": seeds, "when": timestamp, "alpha_spent": alpha_spent})
    write_json(path, description)
