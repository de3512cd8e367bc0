"""Checks a declaration for slips, which would be passed over, blamed on a flag, or end in errors.

Only declarations are checked so: a run in progress may record comparisons of arms that a later
declaration no longer has.
"""

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from gan_mnist.errors import MOST, InputError, suggestion, unknown
from gan_mnist.study.assignments import field_types, is_settable, typed
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import Settings
from gan_mnist.study.spec import Arm, Expectation, Kind, Metric, Preset, Relation, Study

# What the entries of fields are.
_ENTRIES: dict[str, type] = {
    "arms": Arm,
    "metrics": Metric,
    "expectations": Expectation,
    "primary": Pair,
    "primary_of_source": Pair,
}


def check_declared(study: Study) -> None:
    """Checks the types of what a declaration holds, and names of arms, relations and settings.

    Args:
        study: As `study.py` declares it, without arms of a run's own sources.

    Raises:
        InputError: For the first slip: the field, and what it accepts.
    """
    for field, kind in _ENTRIES.items():
        _check_entries(study, field, getattr(study, field), kind)
    _check_entries(study, "presets", study.presets.values(), Preset)
    _check_settings(study)
    names = [arm.name for arm in study.arms]
    _check_arms(study, "rival", [study.rival], names)
    _check_arms(study, "oracle", [study.oracle], names)
    for arm in study.arms:
        _check(f"{study.name}: STUDY.arms, kind of {arm.name}", [arm.kind], typing.get_args(Kind))
        _check_arms(study, f"arms, ablates of {arm.name}", [arm.ablates], names)
        _check_changes(study, f"arms, arm {arm.name}", arm.changes)
    for name, preset in study.presets.items():
        _check_arms(study, f"presets, arms of {name}", preset.arms, names)
        _check_changes(study, f"presets, changes of {name}", preset.changes)
        if type(preset.seeds) is not int or not 1 <= preset.seeds <= MOST:
            raise InputError(
                f"{study.name}: STUDY.presets, seeds of {name}: {preset.seeds!r} is not accepted; "
                f"accepted: an integer from 1 to {MOST}"
            )
    for expected in study.expectations:
        _check_arms(study, "expectations", (expected.arm, expected.reference), names)
        relations = typing.get_args(Relation)
        _check(f"{study.name}: STUDY.expectations", [expected.relation], relations)
    _check_primary(study, names)


def _check_entries(study: Study, field: str, entries: Iterable[Any], kind: type) -> None:
    for entry in entries:
        if not isinstance(entry, kind):
            raise InputError(
                f"{study.name}: STUDY.{field}: {entry!r} is not accepted; "
                f"accepted: {kind.__name__}(...)"
            )


def _check_settings(study: Study) -> None:
    """Checks that there are settings, and that values of each can be given."""
    place = f"{study.name}: STUDY.settings"
    if not isinstance(study.settings, Settings):
        raise InputError(f"{place}: {study.settings!r} is not accepted; accepted: MySettings(...)")
    types = field_types(study.settings)
    for field in dataclasses.fields(study.settings):
        if "help" not in field.metadata:
            raise InputError(
                f"{place}, {field.name}: it has no help; accepted: "
                f"{field.name}: TYPE = setting(DEFAULT, HELP)"
            )
        if not is_settable(kind := types[field.name]):
            kind = kind.__name__ if isinstance(kind, type) else kind
            raise InputError(
                f"{place}, {field.name}: {kind} is no type of a setting; accepted: int, float, "
                "bool, str, or a tuple such as tuple[int, ...]"
            )
    values = {name: getattr(study.settings, name) for name in types}
    _check_changes(study, "settings", values)


def _check_changes(study: Study, field: str, changes: Mapping[str, Any]) -> None:
    """Checks the names and types of values of settings."""
    place = f"{study.name}: STUDY.{field}"
    _check(place, changes, field_types(study.settings))
    for name, value in typed(study.settings, changes, place).items():
        if isinstance(value, tuple) and not isinstance(changes[name], tuple):
            raise InputError(f"{place}: {name}={changes[name]!r} is a list; accepted: {value!r}")


def _check_primary(study: Study, names: list[str]) -> None:
    """Checks the primary comparisons, which may be of arms that sources have."""
    of_sources = [
        arm.name
        for source in study.sources
        if study.of_source is not None
        for arm in study.of_source(study.settings, source)
    ]
    for pair in study.primary:
        _check_arms(study, "primary", pair, [*names, *of_sources])
    for pair in study.primary_of_source:
        fixed = [name for name in pair if "{source}" not in name]
        _check_arms(study, "primary_of_source", fixed, names)


def _check_arms(study: Study, field: str, given: Iterable[str | None], accepted: list[str]) -> None:
    """Raises `InputError` if `given`, None apart, are not names of arms."""
    for name in given:
        if name is not None and name not in accepted:
            raise InputError(
                f"{study.name}: STUDY.{field}: no arm is called {name!r}; "
                f"{suggestion(name, accepted)}"
            )


def _check(place: str, given: Iterable[str], accepted: Iterable[str]) -> None:
    accepted = list(accepted)
    for name in given:
        if name not in accepted:
            raise unknown(place, name, accepted)
