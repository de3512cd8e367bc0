"""The images in a folder, and what is passed over in it and why."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_mnist.errors import InputError


@dataclass(frozen=True)
class Found:
    """What is in a folder and its sub-folders; names are relative to it, with forward slashes.

    Attributes:
        images: Names of the image files, sorted.
        passed_over: Why each of the others is none, by name. A folder's name ends in a slash.
    """

    images: tuple[str, ...]
    passed_over: Mapping[str, str]


def find_images(flag: str, root: Path) -> Found:
    """The image files in a folder and its sub-folders; there may be none.

    Links to folders are followed, and no folder is read twice.

    Raises:
        InputError: If a folder cannot be read; names the `flag`.
    """
    images: list[str] = []
    passed_over: dict[str, str] = {}
    seen: set[str] = set()
    # Links last, so that what lies in `root` itself has its own name.
    folders, links = [""], list[str]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        place = os.path.realpath(root / folder)
        if place in seen:
            passed_over[folder] = "a folder that is read already"
            continue
        seen.add(place)
        for entry in _entries(flag, root / folder):
            name = folder + entry.name
            if os.path.isdir(entry):
                if entry.name.startswith("."):
                    passed_over[f"{name}/"] = "a hidden folder"
                else:
                    (links if entry.is_symlink() else folders).append(f"{name}/")
            elif reason := _why_none(entry):
                passed_over[name] = reason
            else:
                images.append(name)
    return Found(tuple(sorted(images)), passed_over)


def _entries(flag: str, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{flag}: {str(folder)!r} cannot be read: {error.strerror}") from None


def _why_none(entry: os.DirEntry[str]) -> str:
    """Why something that is no folder is no image; empty if it may be one."""
    from gan_mnist.data.finding import IMAGE_SUFFIXES
    from gan_mnist.data.images import FORMATS

    if entry.name.startswith("."):
        return "hidden"
    if os.path.splitext(entry.name)[1].lower() not in IMAGE_SUFFIXES:
        return f"no image file; accepted: {FORMATS}"
    # A link to nothing is a bad image. A pipe or a device is none, and would keep us waiting.
    waits = os.path.exists(entry) and not os.path.isfile(entry)
    return "no file, but a pipe or a device" if waits else ""


def counted(reasons: Iterable[str]) -> str:
    """How often each reason is told, for a summary: "3 (hidden: 2, not an image: 1)".

    What differs from file to file, behind a colon or a semicolon, is left out.
    """
    counts = Counter(reason.partition(";")[0].partition(":")[0] for reason in reasons)
    told = ", ".join(f"{reason}: {count}" for reason, count in sorted(counts.items()))
    return f"{counts.total()} ({told})" if told else "0"
