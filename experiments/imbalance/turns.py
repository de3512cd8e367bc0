"""Turns, in each of which another class is starved: their settings, folders and random streams.

A turn is known by its folder in the trial's directory; a trial without turns has the folder "".
"""

import dataclasses

from .settings import ImbalanceSettings


def settings_of_turns(settings: ImbalanceSettings, num_left: int) -> tuple[ImbalanceSettings, ...]:
    """The settings of each class's turn.

    Args:
        settings: Settings of the trial, with explicit counts.
        num_left: Images that are left of the class.
    """
    counts = settings.counts
    return tuple(
        dataclasses.replace(
            settings,
            counts=(*counts[:label], num_left, *counts[label + 1 :]),
            starve=(f"{name}:{num_left}",),
        )
        for label, name in enumerate(settings.classes)
    )


def folder_of_turn(settings: ImbalanceSettings, num_left: int, label: int) -> str:
    """The folder of a turn in the trial's directory.

    Args:
        settings: Settings of the trial.
        num_left: Images that are left of the class.
        label: The class that is starved.
    """
    turn = f"turn-{label}"
    return turn if len(settings.each) == 1 else f"left-{num_left}/{turn}"


def part_of_turn(turn: str, name: str) -> str:
    """The folder in the trial's directory of a training that belongs to a turn."""
    return f"{turn}/{name}" if turn else name


def stream_of_turn(turn: str, *purpose: str) -> tuple[str, ...]:
    """The names of a turn's random stream, of `purpose` alone without turns."""
    return (turn, *purpose) if turn else purpose
