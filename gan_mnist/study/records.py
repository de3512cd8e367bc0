"""The records of a run: what is done, what it was done with, and whether it may be gone on with."""

import base64
import importlib.metadata
import json
import math
import platform
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import fingerprint, read_json, write_json
from gan_mnist.study.spec import Study
from gan_mnist.study.trial import Plan, Trial

DONE, FAILED, NOT_APPLICABLE = "done", "failed", "not_applicable"
_KEYS = ("arm", "seed", "status", "error", "metrics", "settings", "fingerprint", "seconds")
_PACKAGES = ("gan_mnist", "tensorflow", "keras", "numpy", "scikit-learn", "scipy")


def as_line(record: Mapping[str, Any]) -> str:
    """A record as one line of `records.jsonl`."""
    return json.dumps(record, allow_nan=False)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in _PACKAGES
    }


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in `path`, or None where there is none; a damaged one counts as none."""
    record = read_json(path, *_KEYS)
    return record if record is not None and _is_whole(record) else None


def _is_whole(record: Mapping[str, Any]) -> bool:
    """Whether all that is read of a record is of its kind; older ones lack what came later."""
    parts = [record.get(name, {}) for name in ("settings", "metrics", "seconds", "versions")]
    generators, error = record.get("generators", []), record["error"]
    if (
        record["status"] not in (DONE, FAILED, NOT_APPLICABLE)
        or not all(isinstance(part, dict) for part in parts)
        or not isinstance(generators, list)
        or not (error is None or isinstance(error, str))
    ):
        return False
    numbers = [*record["metrics"].values(), *record["seconds"].values(), record.get("updates") or 0]
    return (
        all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        and all(isinstance(name, str) for name in generators)
        and (record.get("correct") is None or _is_packed(record["correct"]))
    )


def _is_packed(correct: Any) -> bool:
    """Whether it is what `test_images`, which takes a second to import, unpacks and weighs."""
    try:
        columns = (correct[name] for name in ("classes", "sizes", "weights", "bits"))
        strata = [
            math.isfinite(weight)
            and {len(base64.b64decode(text, validate=True)) for text in texts} == {-(-size // 8)}
            for _, size, weight, texts in zip(*columns, strict=True)
        ]
        return isinstance(correct["labels"], str) and bool(strata) and all(strata)
    except (KeyError, TypeError, ValueError):
        return False


def record_of(trial: Trial) -> Mapping[str, Any] | None:
    """What an earlier run left of `trial`, or None.

    Raises:
        InputError: When it was made with other settings or other data.
    """
    record = read_record(trial.directory / "record.json")
    if record is None or (record["arm"], record["seed"]) != (trial.arm, trial.seed):
        return None
    if record["fingerprint"] != trial.fingerprint:
        before, after = _as_declared(record["settings"], trial.study), trial.settings.identity()
        own = fingerprint(record["settings"], *_of_no_setting(trial))
        if before != after or record["fingerprint"] != own:
            raise InputError(
                f"--workdir: {trial.directory} holds a result of other settings "
                f"({differences(before, after) or 'other data'}); give the old settings or a new "
                "--workdir"
            )
    return record


def _of_no_setting(trial: Trial) -> tuple[str, int, str]:
    """What a fingerprint depends on besides settings."""
    return trial.experiment, trial.seed, trial.provenance["sha256"]


def _as_declared(settings: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """Settings of an earlier run; what had not been declared then is what was done then."""
    return study.settings.before() | dict(settings)


def finished(record: Mapping[str, Any] | None) -> bool:
    """Whether there is nothing left to do; a failed trial is tried again."""
    return record is not None and record["status"] != FAILED


def records_of(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """The records of the plan's trials, in its order, as far as they exist."""
    for trial in plan.trials():
        record = record_of(trial)
        if record is not None:
            yield record


def open_workdir(plan: Plan, description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Claims the run's directory for `plan`: writes `study.json`, or checks the one that is there.

    More seeds and other arms extend a run; changed settings or data do not.

    Args:
        plan: What is about to run.
        description: The content of `study.json`.

    Returns:
        The same with the looks that the run was begun with and has taken.

    Raises:
        InputError: When the directory cannot be written or belongs to a different study.
    """
    path = plan.workdir / "study.json"
    before = read_description(path)
    # As it will be read again: a tuple is a list in JSON.
    description = dict(json.loads(json.dumps(description)))
    if before is not None:
        description |= {"looks": before["looks"]} if "looks" in before else {}
        arms = before["arms"].keys() & description["arms"].keys()
        before = before | {"settings": _as_declared(before["settings"], plan.study)}
        changed = differences(_identity(before, arms), _identity(description, arms))
        if changed:
            raise InputError(
                f"--workdir: {plan.workdir} holds a study with other settings ({changed}); "
                "give the old settings or a new --workdir"
            )
    for _ in records_of(plan):
        pass
    write_json(path, description)
    return description


def read_description(path: Path) -> dict[str, Any] | None:
    """The `study.json` in `path`; a damaged one counts as none, as records are checked anyway."""
    found = read_json(path, "experiment", "dataset", "settings", "arms")
    if found is None:
        return None
    parts = [found["dataset"], found["settings"], found["arms"], *_values(found["arms"])]
    whole = all(isinstance(part, dict) for part in parts) and isinstance(
        found["dataset"].get("sha256"), str
    )
    return found if whole and all("changes" in arm for arm in _values(found["arms"])) else None


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


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
