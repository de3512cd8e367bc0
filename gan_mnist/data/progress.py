"""A bar for work on many images."""

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def tracked(items: Iterable[Item], about: str, total: float | None = None) -> Iterable[Item]:
    """The items one by one, with a bar on stderr if that is a terminal.

    Args:
        items: A sequence; or anything, if it is told how many there are.
        about: What is done with them.
        total: How many items there are, about.
    """
    console = Console(stderr=True)
    quiet = not console.is_terminal
    return track(items, about, total, console=console, transient=True, disable=quiet)
