"""A progress bar for work on many images."""

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def tracked(items: Iterable[Item], about: str, total: float | None = None) -> Iterable[Item]:
    """Yields the items, with a progress bar on stderr if that is a terminal.

    Args:
        items: A sequence, or any iterable if `total` is given.
        about: The text beside the bar.
        total: Approximate number of items.
    """
    console = Console(stderr=True)
    is_quiet = not console.is_terminal
    return track(items, about, total, console=console, transient=True, disable=is_quiet)
