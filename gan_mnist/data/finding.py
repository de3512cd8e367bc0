"""The image files of a folder: to which split and class they belong, and what was passed over.

Nothing is read here but names; nothing is left out without being counted.
"""

import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gan_mnist.data.images import FORMATS
from gan_mnist.errors import InputError

# Of these Pillow knows the name and no more, or needs another program, or they are films.
_NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}
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
TRAIN, VALIDATION, TEST = "train", "validation", "test"
_SPLITS = {
    TRAIN: ("train", "training", "trn"),
    VALIDATION: ("validation", "valid", "val", "validate", "dev"),
    TEST: ("test", "testing", "tst"),
}
SPLIT_NAMES: Mapping[str, str] = {
    f"{stem}{end}": split
    for split, stems in _SPLITS.items()
    for stem in stems
    for end in ("", "set", "_set", "_data", "_images", "_split")
}
OUTSIDE, _OTHER = "outside the class folders", "no image by name"
_JOINER = "\N{ZERO WIDTH JOINER}"


def _suffixes() -> frozenset[str]:
    Image.init()
    known = Image.registered_extensions().items()
    return frozenset(end for end, kind in known if kind in Image.OPEN and kind not in _NOT_READ)


IMAGE_SUFFIXES = _suffixes()


class ImageFile(NamedTuple):
    """A file that is an image by its name.

    Attributes:
        name: Relative to the folder, with forward slashes.
        class_name: The class that it shows.
        split: "train", "validation" or "test"; "" where nothing says.
        group: What has to stay on one side of every split: a patient, say. Empty for none.
    """

    name: str
    class_name: str = ""
    split: str = ""
    group: str = ""


@dataclass
class Found:
    """What was found in a folder.

    Attributes:
        root: The folder.
        files: Its images.
        passed_over: How many files and folders were not taken, by reason.
        inner: The folder in it that was entered as it holds all the rest; "" for none.
        left_out: By name, why it is no image, or no folder that was read; a folder's name ends in
            a slash.
    """

    root: Path
    files: list[ImageFile]
    passed_over: Counter[str]
    inner: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Those of the images."""
        return [file.name for file in self.files]


def find_images(root: Path, flag: str = "--data_dir", any_name: bool = False) -> Found:
    """The images in a folder and all its sub-folders, whatever they show, sorted by name.

    Links to folders are followed, and no folder is read twice. Files of other kinds, hidden ones,
    and what operating systems leave are counted as passed over.

    Args:
        root: The folder.
        flag: What named it.
        any_name: Whether names may be such as cannot be printed; else they are refused.

    Raises:
        InputError: If a folder cannot be read, or has a name that is refused; names the `flag`.
    """
    folder = _Folder(root, flag, any_name)
    files = [ImageFile(name) for name in folder.images("")]
    return Found(root, files, folder.passed_over(), left_out=folder.left_out)


def find_classes(root: Path) -> Found:
    """The images of a folder of class folders, by class, and by split where folders tell.

    Folders of splits are known by their usual names in any case; they hold the class folders.
    Sub-folders of a class folder belong to the class. A folder that is the only one is entered.

    Raises:
        InputError: For fewer than two classes, a class without images, other classes in one split
            than in another, or a folder that cannot be read.
    """
    folder = _Folder(root, "--data_dir")
    inner = folder.entered("")
    names, _ = folder.entries(inner)
    splits = {name: SPLIT_NAMES.get(plain(name), "") for name in names}
    found = Found(root, [], Counter(), inner)
    if TRAIN in splits.values() and {TEST, VALIDATION} & set(splits.values()):
        _read_splits(folder, found, splits)
    else:
        _read_classes(folder, found, inner, "")
    found.passed_over += folder.passed_over()
    return found


def _read_splits(folder: "_Folder", found: Found, splits: Mapping[str, str]) -> None:
    """Adds the images of the folders of splits in the one that was entered."""
    _, files = folder.entries(found.inner)
    found.passed_over[OUTSIDE] += len(files)
    classes: dict[str, set[str]] = {}
    for name, split in splits.items():
        place = _join(found.inner, name)
        if split:
            place = folder.entered(place)
            classes.setdefault(split, set()).update(_read_classes(folder, found, place, split))
        else:
            found.passed_over["outside the folders of splits"] += len(list(folder.images(place)))
    for split, names in classes.items():
        # To validate on some classes is well; to be tested on some is not.
        if names != classes[TRAIN] and not (split == VALIDATION and names < classes[TRAIN]):
            raise InputError(
                f"--data_dir: {found.root} has other classes in {TRAIN} "
                f"({', '.join(sorted(classes[TRAIN]))}) than in {split} "
                f"({', '.join(sorted(names))})"
            )


def _read_classes(folder: "_Folder", found: Found, place: str, split: str) -> list[str]:
    """Adds the images of the class folders in `place`; returns the names of the classes."""
    names, files = folder.entries(place)
    if len(names) < 2:
        raise InputError(
            f"--data_dir: {found.root / place} has {len(names)} class folder(s); accepted: at "
            "least two sub-folders of images, one a class, or --set labels=FILE.csv"
        )
    found.passed_over[OUTSIDE] += len(files)
    for name in names:
        images = list(folder.images(_join(place, name)))
        if not images:
            raise InputError(
                f"--data_dir: class folder {found.root / place / name} holds no images; "
                f"accepted: {FORMATS}"
            )
        found.files += [ImageFile(image, name, split) for image in images]
    return names


class _Folder:
    """A folder as it was walked through, once; counts what is passed over in each place.

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
            place = _join(above, name)
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
                there = os.path.realpath(entry) if linked else os.path.join(real, entry.name)
                if (reason := _why_not(entry, is_folder, real, there)) is not None:
                    self.left_out[_join(place, entry.name) + "/" * is_folder] = reason
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
                waiting += [_join(here, name) for name in names]
            else:
                yield here

    def entered(self, place: str) -> str:
        """`place`, or the folder within that holds all the rest, however deep."""
        while len(self._folders[place]) == 1 and not self._files[place]:
            inner = _join(place, self._folders[place][0])
            if not self._folders[inner]:
                break
            place = inner
        return place

    def _scanned(self, place: str) -> list[os.DirEntry]:
        path = self._root / place
        try:
            with os.scandir(path) as scanned:
                return sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"{self._flag}: {path} cannot be read: {error.strerror}") from error

    def _checked(self, entry: os.DirEntry) -> str:
        # Names stand in records, tables and messages; bytes that are no text arrive as surrogates.
        # An emoji may be several, joined by what cannot be seen.
        if not self._any_name and not entry.name.replace(_JOINER, "").isprintable():
            raise InputError(
                f"{self._flag}: the name {entry.name!a} in {os.path.dirname(entry.path)} cannot "
                "be printed; accepted: names of printable characters"
            )
        return entry.name


def _why_not(entry: os.DirEntry, is_folder: bool, here: str, there: str) -> str | None:
    """Why something is passed over that lies `here` and is, or leads to, what is `there`.

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


def plain(name: str) -> str:
    """A name of a split, or a column, as it is compared: in small letters, without blanks."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name
