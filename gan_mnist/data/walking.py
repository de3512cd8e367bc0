"""Walks a folder: which of its files are images by name, and what is passed over."""

import os
import unicodedata
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from gan_mnist.data.images import READ
from gan_mnist.errors import InputError

# What operating systems and programs leave beside images.
_OF_THE_SYSTEM = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "@eadir",
    "__pycache__",
}
_OTHER = "no image by name"
_JOINER = "\N{ZERO WIDTH JOINER}"


def _suffixes() -> frozenset[str]:
    known = Image.registered_extensions().items()
    return frozenset(end for end, kind in known if kind in READ)


IMAGE_SUFFIXES = _suffixes()


def is_printable(name: str) -> bool:
    """Whether a name can stand in records, tables and messages.

    Bytes that are no text, which arrive as surrogates, and line breaks cannot. All kinds of blanks
    can, and so can an emoji of several, joined by what cannot be seen.
    """
    return all(c.isprintable() or c == _JOINER or unicodedata.category(c) == "Zs" for c in name)


class FolderWalk:
    """All sub-folders and images of a folder, walked once, and what was passed over.

    Places are paths relative to the root, which is "".
    """

    def __init__(self, root: Path, flag: str, any_name: bool = False):
        self._root, self._flag, self._any_name = root, flag, any_name
        self._folders: dict[str, list[str]] = {}
        self._files: dict[str, list[str]] = {}
        self.left_out: dict[str, str] = {}
        read: set[str] = set()
        # Links last, so that what lies in the root itself is read under its own name.
        folders, links = deque([("", "", os.path.realpath(root))]), deque[tuple[str, str, str]]()
        while folders or links:
            above, name, real = (folders or links).popleft()
            place = join(above, name)
            if real in read:
                self.left_out[f"{place}/"] = "a folder that is read already"
                continue
            read.add(real)
            if name:
                self._folders[above].append(name)
            self._folders[place], self._files[place] = [], []
            for entry in self._scanned(place):
                # A link that leads nowhere is no folder, where the entry itself would raise.
                linked = entry.is_symlink()
                is_folder = os.path.isdir(entry) if linked else entry.is_dir(follow_symlinks=False)
                with self._readable(entry.path):
                    there = os.path.realpath(entry) if linked else os.path.join(real, entry.name)
                if (reason := _why_not(entry, is_folder, real, there)) is not None:
                    self.left_out[join(place, entry.name) + "/" * is_folder] = reason
                elif is_folder:
                    (links if linked else folders).append((place, self._checked(entry), there))
                else:
                    self._files[place].append(self._checked(entry))

    def passed_over(self) -> Counter[str]:
        """How many files and folders were passed over, by reason."""
        counts = Counter(self.left_out.values())
        others = [name for name, reason in self.left_out.items() if reason == _OTHER]
        suffixes = (os.path.splitext(name)[1].lower() or "no suffix" for name in others)
        kinds = Counter(kind if kind.isprintable() else "?" for kind in suffixes)
        if kinds:
            # The usual ones by name; a folder may hold files of a hundred kinds.
            usual = sorted(kind for kind, _ in kinds.most_common(4))
            more = ", ..." if len(kinds) > len(usual) else ""
            counts[f"{_OTHER} ({', '.join(usual)}{more})"] = counts.pop(_OTHER)
        return counts

    def entries(self, place: str) -> tuple[list[str], list[str]]:
        """Names of the folders and of the images in a place, in order."""
        return sorted(self._folders[place]), self._files[place]

    def images(self, place: str) -> Iterator[str]:
        """Places of the images in a place and its sub-folders, in order."""
        waiting = [place]
        while waiting:
            here = waiting.pop()
            if here in self._folders:
                # As paths are ordered: "a/1.png" is before "a.png".
                names = sorted([*self._folders[here], *self._files[here]], reverse=True)
                waiting += [join(here, name) for name in names]
            else:
                yield here

    def entered(self, place: str, classes: Collection[str] = ()) -> str:
        """`place`, or the nested folder that alone holds everything in it, but no class folder."""
        while len(self._folders[place]) == 1 and not self._files[place]:
            inner = join(place, self._folders[place][0])
            if not self._folders[inner] or self._folders[place][0] in classes:
                break
            place = inner
        return place

    @contextmanager
    def _readable(self, path: str | Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self._flag}: {path} cannot be read: {error.strerror}") from error

    def _scanned(self, place: str) -> list[os.DirEntry]:
        with self._readable(path := self._root / place), os.scandir(path) as scanned:
            return sorted(scanned, key=lambda entry: entry.name)

    def _checked(self, entry: os.DirEntry) -> str:
        if not self._any_name and not is_printable(entry.name):
            raise InputError(
                f"{self._flag}: the name {entry.name!a} in {os.path.dirname(entry.path)} cannot "
                "be printed; accepted: names of printable characters"
            )
        return entry.name


def _why_not(entry: os.DirEntry, is_folder: bool, here: str, there: str) -> str | None:
    """Why an entry of the folder `here`, which is or links to `there`, is passed over.

    Returns:
        None for folders and for images.
    """
    if entry.name.startswith("."):
        return "hidden"
    if entry.name.lower() in _OF_THE_SYSTEM:
        return "of the operating system"
    if is_folder:
        return "a link to a folder it lies in" if Path(here).is_relative_to(there) else None
    # A link to nothing is a bad image. A pipe or a device is none, and keeps us waiting.
    is_file = entry.is_file(follow_symlinks=False) or os.path.isfile(entry)
    if not is_file and os.path.exists(entry):
        return "neither file nor folder"
    return None if os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES else _OTHER


def join(place: str, name: str) -> str:
    """The place of the entry `name` in the folder `place`."""
    return f"{place}/{name}" if place else name
