"""Checks that what a declaration names is there: a slip would be passed over, or blamed on a flag.

Only declarations are checked so: a run in progress may record comparisons of arms that a later
declaration no longer has.
"""

import dataclasses
import typing
from collections.abc import Iterable

from gan_mnist.errors import InputError, suggestion, unknown
from gan_mnist.study.spec import Kind, Relation, Study


def check_declared(study: Study) -> None:
    """Checks the names of arms, relations, kinds and settings in a declaration.

    Args:
        study: As `study.py` declares it, without arms of a run's own sources.

    Raises:
        InputError: For the first name that is unknown: the field, and the names that it accepts.
    """
    names = [arm.name for arm in study.arms]
    settings = [field.name for field in dataclasses.fields(study.settings)]
    _check_arms(study, "rival", [study.rival], names)
    _check_arms(study, "oracle", [study.oracle], names)
    for arm in study.arms:
        _check(f"{study.name}: STUDY.arms, kind of {arm.name}", [arm.kind], typing.get_args(Kind))
        _check_arms(study, f"arms, ablates of {arm.name}", [arm.ablates], names)
        _check(f"{study.name}: STUDY.arms, arm {arm.name}", arm.changes, settings)
    for name, preset in study.presets.items():
        _check_arms(study, f"presets, arms of {name}", preset.arms, names)
        _check(f"{study.name}: STUDY.presets, changes of {name}", preset.changes, settings)
    for expected in study.expectations:
        _check_arms(study, "expectations", (expected.arm, expected.reference), names)
        relations = typing.get_args(Relation)
        _check(f"{study.name}: STUDY.expectations", [expected.relation], relations)
    _check_primary(study, names)


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
