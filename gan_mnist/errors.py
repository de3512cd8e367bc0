"""Errors that are no bugs: bad input, a treatment that does not apply, a disk that is full."""

import difflib
import errno
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

# Most files that a message names.
MOST_NAMED = 100
# Most seeds, and most trials at a time.
MOST = 1000
# Errors that end a run, as results cannot be stored: the disk is full, or refuses.
FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
STORAGE_ERRNOS = (*FULL_ERRNOS, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
# Errors for lack of memory, processes or open files.
RESOURCE_ERRNOS = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)


class InputError(ValueError):
    """Bad input from the user.

    The message is one line that names the flag, setting or file, what was given and what is
    accepted. The command prints it without a traceback and exits with status 2.
    """


class NotApplicable(Exception):
    """An arm has no meaning on this data (SMOTE with a single image, say); the message says why."""


class StorageError(RuntimeError):
    """A trial's files could not be written; the run stops, as nothing more can be kept."""

    @classmethod
    def of(cls, error: OSError, path: Path) -> "StorageError":
        """An error whose message is one line with the file, or else `path`, and the reason."""
        target = path_of_error(error) or path
        return cls(f"cannot write {target}: {os.strerror(error.errno or errno.EIO)}")


def path_of_error(error: OSError) -> str | None:
    """The path, or address, that an error names; None where it names none."""
    has_path = isinstance(error.filename, str | bytes)
    return os.fsdecode(error.filename) if has_path else None


def in_one_line(error: BaseException) -> str:
    """The class of an error and its message, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def unknown(kind: str, given: str, accepted: Iterable[str]) -> InputError:
    """An `InputError` for a name that is not among `accepted`, with the nearest right one."""
    return InputError(f"{kind}: {given!r} is unknown; {suggestion(given, accepted)}")


def suggestion(given: str, accepted: Iterable[str]) -> str:
    """The end of a message on a name that is not accepted: the nearest right one, and all."""
    names = list(accepted)
    matches = difflib.get_close_matches(str(given), names, n=1)
    hint = f"did you mean {matches[0]!r}? " if matches else ""
    return f"{hint}accepted: {listed(names)}"


def check_text(given: str) -> None:
    """Raises `InputError` if `given` is not valid UTF-8: a path may be such, a run's files not."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        excerpt = given[max(0, error.start - 20) : error.end]
        raise InputError(
            f"text: {excerpt!r} ends in a byte that is no UTF-8; accepted: text, in paths, too"
        ) from None


def parse_number(kind: type, text: str) -> Any:
    """Parses `text` as `kind`, numbers in plain digits alone: Python takes 1_0 and ٣ as well.

    Raises:
        ValueError: If it is no such number.
    """
    if kind is not str and ("_" in text or not text.isascii()):
        raise ValueError(f"{text!r} is not written in digits from 0 to 9")
    return kind(text)


def listed(names: Iterable[str]) -> str:
    """Names with commas between them, each `quoted`."""
    return ", ".join(map(quoted, names))


def first_of(texts: Iterable[str]) -> list[str]:
    """The first `MOST_NAMED` of `texts`, each about one file, and a line that counts the rest."""
    all_texts = list(texts)
    num_more = len(all_texts) - MOST_NAMED
    return [*all_texts[:MOST_NAMED], *([f"and {num_more:,} more"] if num_more > 0 else [])]


def quoted(name: str) -> str:
    """A name in a list of names: in quotes, as `--set` takes it, where it needs them."""
    if set(name) & {",", '"'} or name != name.strip():
        return '"{}"'.format(name.replace('"', '""'))
    return name


def check_arguments(function: Callable, given: Mapping[str, Any]) -> None:
    """Checks that arguments have the types which a function declares.

    Raises:
        InputError: For the first that has not; names it as the command's flags do.
    """
    hints = typing.get_type_hints(function)
    for name, value in given.items():
        if not _is(value, hints[name]):
            flag = "--set" if name == "settings" else f"--{name}"
            raise InputError(
                f"{flag}: {value!r} is not accepted; accepted: {_in_words(hints[name])}"
            )


def check_number(flag: str, number: int | None, least: int = 1) -> None:
    """Raises `InputError` unless `number` is None or an integer from `least` to `MOST`."""
    is_integer = isinstance(number, Integral) and not isinstance(number, bool)
    if number is not None and not (is_integer and least <= number <= MOST):
        raise InputError(
            f"{flag}: {number!r} is not accepted; "
            f"accepted: an integer in the range [{least}, {MOST}]"
        )


def check_flags(values: Mapping[str, Any]) -> None:
    """Raises `InputError` for a text with a NUL, which no path can hold and a file of flags may."""
    for name, value in values.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and "\0" in text:
                raise InputError(f"--{name}: {text!r} is not accepted; accepted: no NUL in it")


def _is(value: Any, hint: Any) -> bool:
    args = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType:
            return any(_is(value, arg) for arg in args)
        case origin if origin is Mapping:
            return isinstance(value, Mapping) and all(
                _is(key, args[0]) and _is(element, args[1]) for key, element in value.items()
            )
        case None if hint is int:
            # numpy's numbers are numbers; a switch is none, though Python takes it for one.
            return isinstance(value, Integral) and not isinstance(value, bool)
        case None:
            return hint is Any or isinstance(value, hint)
    # Any collection but a mapping; a text is no list of its letters.
    is_collection = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    return is_collection and all(_is(element, args[0]) for element in value)


def _in_words(hint: Any) -> str:
    words = {str: "a text", bool: "True or False", int: "an integer", Path: "a path"}
    match typing.get_origin(hint):
        case types.UnionType:
            return " or ".join(map(_in_words, typing.get_args(hint)))
        case origin if origin is Mapping:
            return "a dictionary"
        case None:
            return words.get(hint, "None")
    return "a list of texts"
