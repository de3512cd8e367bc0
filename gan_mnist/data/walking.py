"""Walks a folder: which of its files are images by name, and what is passed over."""

import os
import unicodedata
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from gan_mnist.data.class_folders import composed
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
# What cannot be seen and turns the order of what follows: embeddings, overrides and isolates.
_TURNING = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def _suffixes() -> frozenset[str]:
    extensions = Image.registered_extensions().items()
    # Pillow reads photographs of several views, but does not list their suffix.
    return frozenset(suffix for suffix, format_name in extensions if format_name in READ) | {".mpo"}


IMAGE_SUFFIXES = _suffixes()


def is_printable(name: str) -> bool:
    """Whether a name can stand in records, tables and messages.

    Bytes that are no text, which arrive as surrogates, and line breaks cannot. All kinds of blanks
    can, and so can what cannot be seen, but joins an emoji or parts the letters of a word, and
    characters that are younger than this Python.
    """
    return all(char.isprintable() or _is_harmless(char) for char in name)


def _is_harmless(char: str) -> bool:
    if unicodedata.bidirectional(char) in _TURNING:
        return False
    # The last two code points of a plane, and 32 others, are none of any text.
    is_none = ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
    return unicodedata.category(char) in ("Zs", "Cf", "Cn") and not is_none


class FolderWalk:
    """All sub-folders and images of a folder, walked once, and what was passed over.

    Places are paths relative to the root, which is "".
    """

    def __init__(self, root: Path, flag: str, any_name: bool = False):
        self._root, self._flag, self._any_name = root, flag, any_name
        self._folders: dict[str, list[str]] = {}
        self._files: dict[str, list[str]] = {}
        self.left_out: dict[str, str] = {}
        visited: set[str] = set()
        # Links last, so that what lies in the root itself is read under its own name.
        folders, links = deque([("", "", os.path.realpath(root))]), deque[tuple[str, str, str]]()
        while folders or links:
            parent, name, real_path = (folders or links).popleft()
            place = join(parent, name)
            if real_path in visited:
                self.left_out[f"{place}/"] = "a folder that is read already"
                continue
            visited.add(real_path)
            if name:
                self._folders[parent].append(name)
            self._folders[place], self._files[place] = [], []
            for entry in self._scanned(place):
                # A link that leads nowhere is no folder, where the entry itself would raise.
                is_link = entry.is_symlink()
                is_folder = os.path.isdir(entry) if is_link else entry.is_dir(follow_symlinks=False)
                with self._readable(entry.path):
                    target = (
                        os.path.realpath(entry) if is_link else os.path.join(real_path, entry.name)
                    )
                if (reason := _why_not(entry, is_folder, real_path, target)) is not None:
                    self.left_out[join(place, entry.name) + "/" * is_folder] = reason
                elif is_folder:
                    (links if is_link else folders).append((place, self._checked(entry), target))
                else:
                    self._files[place].append(self._checked(entry))

    def passed_over(self) -> Counter[str]:
        """How many files and folders were passed over, by reason."""
        counts = Counter(self.left_out.values())
        other_names = [name for name, reason in self.left_out.items() if reason == _OTHER]
        suffixes = (os.path.splitext(name)[1].lower() or "no suffix" for name in other_names)
        suffix_counts = Counter(suffix if suffix.isprintable() else "?" for suffix in suffixes)
        if suffix_counts:
            # The usual ones by name; a folder may hold files of a hundred kinds.
            common = sorted(suffix for suffix, _ in suffix_counts.most_common(4))
            ellipsis = ", ..." if len(suffix_counts) > len(common) else ""
            counts[f"{_OTHER} ({', '.join(common)}{ellipsis})"] = counts.pop(_OTHER)
        return counts

    def folders_in(self, place: str) -> list[str]:
        """Names of the folders in a place, in order."""
        return sorted(self._folders[place])

    def images_in(self, place: str) -> list[str]:
        """Names of the images in a place itself, in order."""
        return self._files[place]

    def images(self, place: str) -> Iterator[str]:
        """Places of the images in a place and its sub-folders, in order."""
        pending = [place]
        while pending:
            current = pending.pop()
            if current in self._folders:
                # As paths are ordered: "a/1.png" is before "a.png".
                names = sorted([*self._folders[current], *self._files[current]], reverse=True)
                pending += [join(current, name) for name in names]
            else:
                yield current

    def entered(self, place: str, classes: Collection[str] = ()) -> str:
        """`place`, or the nested folder that alone holds everything in it, but no class folder."""
        while len(self._folders[place]) == 1 and not self._files[place]:
            inner = join(place, self._folders[place][0])
            if not self._folders[inner] or composed(self._folders[place][0]) in classes:
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
        with self._readable(path := self._root / place), os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)

    def _checked(self, entry: os.DirEntry) -> str:
        if not self._any_name and not is_printable(entry.name):
            raise InputError(
                f"{self._flag}: the name {entry.name!a} in {os.path.dirname(entry.path)} cannot "
                "be printed; accepted: names of printable characters"
            )
        return entry.name


def _why_not(entry: os.DirEntry, is_folder: bool, folder: str, target: str) -> str | None:
    """Why an entry of the folder `folder`, which is or links to `target`, is passed over.

    Returns:
        None for folders and for images.
    """
    if entry.name.startswith("."):
        return "hidden"
    if entry.name.lower() in _OF_THE_SYSTEM:
        return "of the operating system"
    if is_folder:
        return "a link to a folder it lies in" if Path(folder).is_relative_to(target) else None
    # A link to nothing is a bad image. A pipe or a device is none, and keeps us waiting.
    is_file = entry.is_file(follow_symlinks=False) or os.path.isfile(entry)
    if not is_file and os.path.exists(entry):
        return "neither file nor folder"
    return None if os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES else _OTHER


def join(place: str, name: str) -> str:
    """The place of the entry `name` in the folder `place`."""
    return f"{place}/{name}" if place else name
