"""Values of settings as people give them: `name=value` texts, or Python's."""

import dataclasses
import re
import typing
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from gan_mnist.errors import InputError, parse_number, unknown
from gan_mnist.study.settings import Settings


def parse_assignments(settings: Settings, assignments: list[str]) -> dict[str, Any]:
    """Typed values of `name=value` texts, checked against the fields of `settings`.

    Raises:
        InputError: For text without `=`, an unknown name, or a value of the wrong type.
    """
    types, values = _types(settings), {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise InputError(f"--set: {assignment!r} is not of the form name=value")
        if name not in types:
            raise unknown("--set", name, types)
        zero = type(settings).__dataclass_fields__[name].metadata.get("zero", "")
        values[name] = _parse(name, text, types[name], zero)
    return values


def typed(settings: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts Python values to the types of the fields of `settings`: a list to a tuple, 1 to 1.0.

    Unknown names pass through; `with_changes` refuses them.

    Raises:
        InputError: For a value of the wrong type.
    """
    types = _types(settings)
    return {
        name: _typed(name, value, types[name]) if name in types else value
        for name, value in values.items()
    }


def _typed(name: str, value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise InputError(f"--set: {name}={value!r} is not a list or tuple")
        return tuple(_typed(name, element, typing.get_args(kind)[0]) for element in value)
    # NumPy scalars are accepted; a bool is not, although Python counts it as an int.
    accepted = {int: Integral, float: Real}.get(kind, kind)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"--set: {name}={value!r} is not {_KINDS[kind]}")
    return kind(value)


def _types(settings: Settings) -> dict[str, Any]:
    hints = typing.get_type_hints(type(settings))
    return {field.name: hints[field.name] for field in dataclasses.fields(settings)}


_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}


def _parse(name: str, text: str, kind: Any, zero: str = "") -> Any:
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        return tuple(_parse(name, part, element, zero) for part in _parts(name, text))
    if zero and text == zero:
        return kind(0)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return parse_number(kind, text)
    except (KeyError, ValueError):
        raise InputError(f"--set: {name}={text!r} is not {_KINDS[kind]}") from None


# An element of a list, as in CSV: commas, quotes and outer blanks must stand in quotes.
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*?))\s*(,|$)')


def _parts(name: str, text: str) -> list[str]:
    parts, position, separator = [], 0, text
    while separator:
        if (match := _PART.match(text, position)) is None:
            raise InputError(
                f"--set: {name}={text!r} has a quote that is not one of a pair; accepted: commas "
                f'between texts, and those that have commas in quotes: {name}="a, b",c'
            )
        quoted, plain, separator = match.groups()
        parts.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    return parts
