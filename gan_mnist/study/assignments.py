"""Values of settings as people give them: `name=value` texts, or Python's."""

import dataclasses
import functools
import re
import typing
from collections.abc import Iterable, Mapping
from numbers import Integral, Rational, Real
from typing import Any

from gan_mnist.errors import InputError, parse_number, unknown
from gan_mnist.study.settings import Settings

# Settings that are arguments, and flags, of their own.
FLAG_SETTINGS = (
    "dataset",
    "data_dir",
    "skip_bad",
    "export_dir",
    "precision",
    "strategy",
    "classifier",
    "test_dir",
    "trust_model",
)
# Checksums and the like, which follow from what is given.
DERIVED_SETTINGS = ("classifier_sha256", "given_sha256", "test_sets")
# The types that a setting may have, alone or in a tuple of any length.
_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
_EXAMPLES = {int: "digits, such as 20", float: "a decimal point, as in 0.1", bool: "true or false"}
# Integers beyond it are no float.
_MOST = 1e300


def parse_assignments(settings: Settings, assignments: list[str]) -> dict[str, Any]:
    """Typed values of `name=value` texts, checked against the fields of `settings`.

    Raises:
        InputError: For text without `=`, an unknown name, or a value of the wrong type.
    """
    types, values = field_types(settings), {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise InputError(f"--set: {assignment!r} is not of the form name=value")
        if name not in types:
            raise _unknown("--set", name, types)
        zero = type(settings).__dataclass_fields__[name].metadata.get("zero", "")
        values[name] = _parse(name, text, types[name], zero)
    return values


def typed(settings: Settings, values: Mapping[str, Any], origin: str = "--set") -> dict[str, Any]:
    """Converts Python values to the types of the fields of `settings`: a list to a tuple, 1 to 1.0.

    Args:
        settings: What has the fields.
        values: By name.
        origin: Where they are given, for the error message.

    Raises:
        InputError: For an unknown name, or a value of the wrong type.
    """
    types = field_types(settings)
    for name in values:
        if name not in types:
            raise _unknown(origin, name, types)
    return {name: _typed(f"{origin}: {name}", value, types[name]) for name, value in values.items()}


def _unknown(origin: str, name: str, names: Iterable[str]) -> InputError:
    """The refusal of a name, with those that could be given in its place."""
    elsewhere = {*FLAG_SETTINGS, *DERIVED_SETTINGS}
    return unknown(origin, name, [name for name in names if name not in elsewhere])


def _typed(place: str, value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise InputError(f"{place}={value!r} is not a list or tuple")
        return tuple(_typed(place, element, typing.get_args(kind)[0]) for element in value)
    # NumPy scalars are accepted; a bool is not, although Python counts it as an int.
    accepted = {int: Integral, float: Real}.get(kind, kind)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{place}={value!r} is not {_KINDS[kind]}")
    is_exact = isinstance(value, Rational)
    if is_exact and not -_MOST < value < _MOST:
        raise InputError(f"{place} is too large; accepted: less than {_MOST:g}")
    return kind(value)


def field_types(settings: Settings) -> dict[str, Any]:
    """The types of the fields of `settings`, by name."""
    kind: type = type(settings)
    return dict(_field_types(kind))


@functools.cache
def _field_types(kind: type) -> dict[str, Any]:
    """Found once: a declaration asks for every arm, and evaluating annotations is slow."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def is_settable(kind: Any) -> bool:
    """Whether values of a type can be given: numbers, texts, switches, and tuples of one type."""
    if typing.get_origin(kind) is tuple:
        element, *others = typing.get_args(kind)
        return element in _KINDS and others == [...]
    return kind in _KINDS


def _parse(name: str, text: str, kind: Any, zero: str = "") -> Any:
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        try:
            parts = parts_of_list(text)
        except ValueError as error:
            raise InputError(
                f"--set: {name}={text!r} {error}; accepted: commas between texts, and those that "
                f'have commas in quotes: {name}="a, b",c'
            ) from None
        return tuple(_parse(name, part, element, zero) for part in parts)
    if zero and text == zero:
        return kind(0)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return parse_number(kind, text)
    except (KeyError, ValueError):
        raise InputError(
            f"--set: {name}={text!r} is not {_KINDS[kind]}; accepted: {_EXAMPLES[kind]}"
        ) from None


# An element of a list, as in CSV: commas, quotes and outer blanks must stand in quotes.
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*?))\s*(,|$)')


def parts_of_list(text: str) -> list[str]:
    """The elements of a list with commas between them.

    Raises:
        ValueError: If a quote is not one of a pair.
    """
    parts, position, separator = [], 0, text
    while separator:
        if (match := _PART.match(text, position)) is None:
            raise ValueError("has a quote that is not one of a pair")
        quoted, plain, separator = match.groups()
        parts.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    return parts
