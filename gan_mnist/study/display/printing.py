"""Prints lines to the terminal, and spells columns and durations."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any


def columns(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Lines in which what is said of each name begins in one column."""
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:{width}}  {text}" for name, text in pairs]


@contextlib.contextmanager
def dropped_if_full() -> Iterator[None]:
    """What is printed to stderr is lost if that cannot be written to, as on a full disk."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        # What waits in the stream would fail again, at the latest when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say(text: str) -> None:
    """Prints a text to stderr."""
    with dropped_if_full():
        print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words."""
    minutes, remainder = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {remainder:02d} s" if minutes else f"{remainder} s"
