"""The records of a run: reading and checking them, and whether the run may be resumed."""

import base64
import fnmatch
import json
import math
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import Damaged, parse_form, read_form, set_aside, write_json, write_new_json
from gan_mnist.files.names import STUDY
from gan_mnist.study.continuation import read_description
from gan_mnist.study.forms import Record
from gan_mnist.study.seen import carried_over
from gan_mnist.study.spec import Study
from gan_mnist.study.trial import Plan, Trial

DONE, FAILED, NOT_APPLICABLE = "done", "failed", "not_applicable"
# Float32 rounding allowed beyond the bounds of a metric.
ROUNDING = 1e-6
# Seconds, or updates, of a training.
MOST = 1e12


def as_line(record: Mapping[str, Any]) -> str:
    """A record as one line of `records.jsonl`."""
    return json.dumps(record, allow_nan=False)


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in `path`, or None where there is none.

    Raises:
        Damaged: If it is no whole record.
        OSError: If it cannot be read.
    """
    record = read_form(path, Record)
    return None if record is None else _checked_record(record)


def parse_record(text: bytes) -> dict[str, Any]:
    """The record that `text` is, as JSON.

    Raises:
        Damaged: If it is no whole record.
    """
    return _checked_record(parse_form(text, Record))


def check_record(record: Mapping[str, Any], study: Study) -> None:
    """Raises `Damaged` if a trial of `study` cannot have produced `record`."""
    _checked_record(dict(record))
    primary = study.metrics[0].name
    if record["status"] == DONE and primary not in record["metrics"]:
        raise Damaged(f"it has no {primary!r}, the primary metric")
    for name, value in record["metrics"].items():
        low, high = _bounds(name, study)
        if not low - ROUNDING <= value <= high + ROUNDING:
            raise Damaged(f"{name} is {value:g}, which is not between {low:g} and {high:g}")


def _checked_record(record: dict[str, Any]) -> dict[str, Any]:
    if (record["status"] == DONE) != (record["error"] is None):
        raise Damaged(f"it is {record['status']} with error {record['error']!r}")
    if not all(0 <= x <= MOST for x in (*record["seconds"].values(), record.get("updates") or 0)):
        raise Damaged(f"seconds or updates are not between 0 and {MOST:g}")
    counts = record.get("dataset", {}).get("each_seed", {"n_test": 1, "n_train": 1})
    if min(counts["n_test"], counts["n_train"]) < 1:
        raise Damaged("seeds have no images of their own")
    entries = [record.get("correct"), *record.get("correct_further", {}).values()]
    if not all(_is_packed(correct) for correct in entries if correct is not None):
        raise Damaged("`correct` does not hold what its sizes say")
    return record


def _is_packed(correct: Mapping[str, Any]) -> bool:
    """Whether it is what `test_images`, which takes a second to import, unpacks and weighs."""
    try:
        columns = [correct[name] for name in ("classes", "sizes", "weights")]
        sizes = [size for _, size, _ in zip(*columns, strict=True)]
        packed = [correct["bits"]] if "bits" in correct else []
        strata = [
            {len(base64.b64decode(text, validate=True)) for text in texts} == {-(-size // 8)}
            for bits in (*packed, *correct.get("at", {}).values())
            for size, texts in zip(sizes, bits, strict=True)
        ]
    except ValueError:
        return False
    return bool(sizes) and min(sizes) >= 0 and all(strata)


def _whole_record_of(trial: Trial) -> dict[str, Any] | None:
    """The record of `trial` by an earlier run, or None; it may be of other settings.

    Raises:
        Damaged: If it is no whole record, or not of this trial.
        InputError: If it cannot be read.
    """
    record = _readable(read_record, trial.record_path)
    if record is None:
        return None
    if (record["arm"], record["seed"]) != (trial.arm, trial.seed):
        raise Damaged(f"it is of arm {record['arm']!r} and seed {record['seed']}")
    changes = differences(record["settings"], trial.settings.identity())
    if changes and record["fingerprint"] == trial.fingerprint:
        raise Damaged(f"its settings are not those of its fingerprint ({changes})")
    check_record(record, trial.study)
    return record


def _readable(read: Callable[[Path], dict[str, Any] | None], path: Path) -> dict[str, Any] | None:
    """What `read` gets of `path`; a file that is there and cannot be read is refused."""
    try:
        return read(path)
    except OSError as error:
        raise InputError(f"--workdir: cannot read {path}: {error.strerror}") from error


def _bounds(metric: str, study: Study) -> tuple[float, float]:
    """The bounds of a metric; a row of its own takes precedence over that of its family."""
    rows = sorted(study.metrics, key=lambda row: row.name != metric)
    bounds = (row.bounds for row in rows if fnmatch.fnmatchcase(metric, row.name))
    return next(bounds, None) or (-math.inf, math.inf)


def record_of(trial: Trial) -> Mapping[str, Any] | None:
    """What an earlier run left of `trial`, or None; what is damaged counts as none.

    Raises:
        InputError: When it was made with other settings or other data, or cannot be read.
    """
    try:
        record = _whole_record_of(trial)
    except Damaged:
        return None
    if record is not None and (diff := mismatch(record, trial)):
        raise InputError(
            f"--workdir: {trial.directory} holds a result of other settings ({diff}); give the old "
            "settings or a new --workdir"
        )
    return record


def mismatch(record: Mapping[str, Any], trial: Trial) -> str:
    """How the settings or data in `record` differ from the trial's; "" if they do not."""
    before, after = as_declared(record["settings"], trial.study), trial.settings.identity()
    expected = trial.fingerprint_of(record["settings"])
    return differences(before, after) or ("" if record["fingerprint"] == expected else "other data")


def set_damaged_aside(trial: Trial) -> str:
    """Renames a damaged record of `trial` and returns a message; "" if there is none.

    Raises:
        InputError: When it cannot be read.
    """
    try:
        _whole_record_of(trial)
    except Damaged as reason:
        path = set_aside(trial.record_path)
        return (
            f"{trial.record_path} is damaged: {reason}; kept as {path.name}, the trial is run again"
        )
    return ""


def as_declared(settings: Mapping[str, Any], study: Study | None) -> dict[str, Any]:
    """Settings of an earlier run; those declared since have the value that was in effect then."""
    return (study.settings.before() if study else {}) | dict(settings)


def is_finished(record: Mapping[str, Any] | None) -> bool:
    """Whether there is nothing left to do; a failed trial is tried again."""
    return record is not None and record["status"] != FAILED


def finished_record_of(trial: Trial) -> Mapping[str, Any] | None:
    """As `record_of`, but None also where the trial is to be run again."""
    record = record_of(trial)
    return record if is_finished(record) else None


def records_of(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """The records of the plan's trials, in its order, as far as they exist."""
    for trial in plan.trials():
        record = record_of(trial)
        if record is not None:
            yield record


def check_records(plan: Plan) -> None:
    """Checks what earlier runs left of the plan's trials; what is damaged counts as none.

    Raises:
        InputError: When a record was made with other settings or other data, or cannot be read.
    """
    for trial in plan.trials():
        record_of(trial)


def open_workdir(plan: Plan, description: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Prepares the run's directory for `plan`, once it is claimed.

    Checks `study.json` and the records that are there, renames those that are damaged, and then
    writes `study.json`. More seeds and other arms extend a run; changed settings or data do not.

    Args:
        plan: What is about to run.
        description: The content of `study.json`, as it is read again.

    Returns:
        The description with what it keeps of earlier ones, and a line for each damaged file,
        which is renamed.

    Raises:
        InputError: When the directory belongs to a different study, or a file cannot be read.
    """
    earlier, damage = earlier_description(plan, description)
    description = carried_over(earlier, description) if earlier else description
    check_records(plan)
    # Nothing is touched before all is checked.
    messages = [*filter(None, map(set_damaged_aside, plan.trials()))]
    path = plan.workdir / STUDY
    if damage is not None:
        backup = set_aside(path).name
        messages.append(f"{path} is damaged: {damage}; kept as {backup}, and written anew")
    write_json(path, description)
    return description, messages


def join_workdir(plan: Plan, trial: Trial, description: Mapping[str, Any]) -> str:
    """As `open_workdir`, for one trial of the plan while others run.

    Returns:
        What is told of a `study.json` that was found damaged; "" where it was not.

    Raises:
        InputError: When the directory belongs to a different study, or a file cannot be read.
    """
    earlier, damage = earlier_description(plan, description)
    record_of(trial)
    if earlier is None and damage is None:
        try:
            write_new_json(plan.workdir / STUDY, description)
        except FileExistsError:  # of a task that began at the same time, with another plan perhaps
            damage = earlier_description(plan, description)[1]
    if damage is None:
        return ""
    path = plan.workdir / STUDY
    return f"{path} is damaged: {damage}; whoever has the directory for itself writes it anew"


def earlier_description(
    plan: Plan, description: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, Damaged | None]:
    """The existing `study.json`, if any, and the damage found in it, if any.

    Raises:
        InputError: When it is of a different study than `description`, or cannot be read.
    """
    try:
        earlier = _readable(read_description, plan.workdir / STUDY)
    except Damaged as damage:
        # The records, which are checked anyway, say what it said.
        return None, damage
    if earlier is not None:
        arms = earlier["arms"].keys() & description["arms"].keys()
        declared = earlier | {"settings": as_declared(earlier["settings"], plan.study)}
        changes = differences(_identity(declared, arms), _identity(description, arms))
        if changes:
            raise InputError(
                f"--workdir: {plan.workdir} holds a study with other settings ({changes}); "
                "give the old settings or a new --workdir"
            )
    return earlier, None


def _identity(description: Mapping[str, Any], arms: Set[str]) -> dict[str, Any]:
    """What must not change in a work directory; of the arms, those that both plans have."""
    return {
        "experiment": description["experiment"],
        "dataset sha256": description["dataset"]["sha256"][:12],
        **description["settings"],
        **{f"arm {name}": description["arms"][name]["changes"] for name in sorted(arms)},
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`name: old -> new` for every key whose value differs, or the empty string."""
    return "; ".join(
        f"{name}: {before.get(name)} -> {after.get(name)}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )
