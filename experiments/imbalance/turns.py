"""Turns, in each of which another class is starved: their folders and their random streams.

A turn is known by its folder in the trial's directory; a trial without turns has the folder "".
"""

from .settings import ImbalanceSettings


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
