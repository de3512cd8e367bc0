"""The two conditions that are not bugs: a bad request, and a treatment that does not apply."""

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Bad input from the user.

    The message is one line that names the flag, setting or file, what was given and what is
    accepted. The command prints it without a traceback and exits with status 2.
    """


class NotApplicable(Exception):
    """An arm has no meaning on this data (SMOTE with a single image, say); the message says why."""


def unknown(kind: str, given: str, accepted: Iterable[str]) -> InputError:
    """An `InputError` for a name that is not among `accepted`, with the nearest right one."""
    names = list(accepted)
    near = difflib.get_close_matches(str(given), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"{kind}: {given!r} is unknown; {hint}accepted: {listed(names)}")


def written_out(kind: type, text: str) -> Any:
    """A text as `kind`, where numbers are written as people do; Python knows 1_0 and ٣ as well.

    Raises:
        ValueError: If it is none.
    """
    if kind is not str and ("_" in text or not text.isascii()):
        raise ValueError(f"{text!r} is not written in digits from 0 to 9")
    return kind(text)


def listed(names: Iterable[str]) -> str:
    """Names with commas between them; in quotes, as `--set` takes them, where they need it."""
    return ", ".join(
        '"{}"'.format(name.replace('"', '""'))
        if set(name) & {",", '"'} or name != name.strip()
        else name
        for name in names
    )
