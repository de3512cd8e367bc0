"""What commands leave: files that are whole or absent, and words for names and reasons."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_mnist.commands.command import ignore_signals
from gan_mnist.errors import InputError


def check_empty(flag: str, directory: Path) -> None:
    """Raises `InputError`, which names `flag`, unless `directory` is empty or does not exist."""
    accepted = "accepted: a new or empty folder"
    try:
        if entry := next(directory.iterdir(), None):
            raise InputError(
                f"{flag}: {str(directory)!r} is not empty, but holds {entry.name!r}; {accepted}"
            )
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{flag}: {str(directory)!r}: {error.strerror}; {accepted}") from None


@contextmanager
def writing(flag: str, path: Path) -> Iterator[None]:
    """Turns an `OSError` into an `InputError`: the `path` that `flag` names cannot be written."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{flag}: cannot write {path}: {error.strerror or error}") from error


@contextmanager
def atomic_directory(output: Path, last: str = "") -> Iterator[Path]:
    """A hidden folder in `output`, which is created; its content moves to `output` at the end.

    If the work is stopped or fails, nothing is left of it. Once the move has begun, nothing but a
    kill stops the command; the file `last` goes last, so that it is not there without the others.

    Raises:
        InputError: If something of the same name has come to `output` meanwhile.
    """
    output.mkdir(parents=True, exist_ok=True)
    # A hidden folder is no part of a data set, should this process be killed.
    with tempfile.TemporaryDirectory(prefix=".", dir=output) as staging:
        yield Path(staging)
        entries = sorted(Path(staging).iterdir(), key=lambda path: (path.name == last, path))
        for path in entries:
            if os.path.lexists(output / path.name):
                raise InputError(
                    f"--output: {str(output / path.name)!r} has come there meanwhile; "
                    "accepted: a folder that nobody else writes to"
                )
        ignore_signals()
        for path in entries:
            path.rename(output / path.name)


def printable(text: str | Path) -> str:
    """`text` as one line of valid UTF-8; undecodable bytes of a file's name become escapes."""
    return " ".join(str(text).encode("utf-8", "backslashreplace").decode().splitlines())


def count_reasons(reasons: Iterable[str]) -> str:
    """How often each reason occurs, for a summary: "3 (hidden: 2, not an image: 1)".

    The part behind a colon or a semicolon, which differs from file to file, is left out.
    """
    counts = Counter(reason.partition(";")[0].partition(":")[0] for reason in reasons)
    details = ", ".join(f"{reason}: {count}" for reason, count in sorted(counts.items()))
    return f"{counts.total()} ({details})" if details else "0"
