"""The image files of a folder: to which split and class they belong, and what was passed over.

Nothing is read here but names; nothing is left out without being counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gan_mnist.data.class_folders import class_of_folders, composed
from gan_mnist.data.images import FORMATS
from gan_mnist.data.split_names import TEST, TRAIN, VALIDATION, is_like_split, is_usual, splits_of
from gan_mnist.data.walking import FolderWalk, join
from gan_mnist.errors import InputError, listed

OUTSIDE = "outside the class folders"


class ImageFile(NamedTuple):
    """A file that is an image by its name.

    Attributes:
        name: Relative to the folder, with forward slashes.
        class_name: The class that it shows.
        split: "train", "validation" or "test"; "" if unknown.
        group: Name of a group (a patient, say) whose images stay in one split; "" for none.
    """

    name: str
    class_name: str = ""
    split: str = ""
    group: str = ""


@dataclass
class FoundImages:
    """What was found in a folder.

    Attributes:
        root: The folder.
        files: Its images.
        passed_over: How many files and folders were not taken, by reason.
        inner: The sub-folder that was entered because it holds everything; "" for none.
        left_out: The reason, by name, why a file or folder was not read; names of folders end in
            a slash.
        cautions: Warnings for the plan.
    """

    root: Path
    files: list[ImageFile]
    passed_over: Counter[str]
    inner: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Names of the images."""
        return [file.name for file in self.files]


def find_images(root: Path, flag: str = "--data_dir", any_name: bool = False) -> FoundImages:
    """The images in a folder and all its sub-folders, whatever they show, sorted by name.

    Links to folders are followed, and no folder is read twice. Files of other kinds, hidden ones,
    and what operating systems leave are counted as passed over.

    Args:
        root: The folder.
        flag: The flag that named it, for messages.
        any_name: Whether unprintable names are accepted; else they are refused.

    Raises:
        InputError: If a folder cannot be read, or has a name that is refused; names the `flag`.
    """
    walk = FolderWalk(root, flag, any_name)
    files = [ImageFile(name) for name in walk.images("")]
    return FoundImages(root, files, walk.passed_over(), left_out=walk.left_out)


def find_classes(root: Path, test_classes: Collection[str] = ()) -> FoundImages:
    """Finds the images of class folders, with their classes, and their splits if folders say so.

    Folders of splits are recognised by their usual names in any case; they hold the class folders.
    Sub-folders of a class folder belong to the class, unless those of every class are named like
    splits and hold all its images: then they are splits. A folder that is the only one is entered.

    Args:
        root: The folder.
        test_classes: Classes to find test images of. Then one class is enough and may have no
            images, its folder may have its `directory_name`, and splits may have different classes.

    Raises:
        InputError: For too few classes, a class without images, other classes in one split than in
            another, or a folder that cannot be read.
    """
    walk, test_classes = FolderWalk(root, "--data_dir"), class_of_folders(test_classes)
    inner = walk.entered("", test_classes)
    names = walk.folders_in(inner)
    splits = splits_of(names)
    # Names that say less are those of splits where there are class folders in them.
    if not all(
        is_usual(name) or walk.folders_in(join(inner, name)) for name in splits if splits[name]
    ):
        splits = {name: split if is_usual(name) else "" for name, split in splits.items()}
    found = FoundImages(root, [], Counter(), inner)
    if test_classes and not test_classes.keys() & set(map(composed, names)):
        has_splits = any(splits.values())
    else:
        has_splits = TRAIN in splits.values() and bool({TEST, VALIDATION} & set(splits.values()))
    if has_splits:
        _read_splits(walk, found, splits, test_classes)
    else:
        _read_class_folders(walk, found, test_classes)
    found.passed_over += walk.passed_over()
    return found


def _read_splits(
    walk: FolderWalk, found: FoundImages, splits: Mapping[str, str], tested: Mapping[str, str]
) -> None:
    """Adds the images of the folders of splits in the one that was entered."""
    found.passed_over[OUTSIDE] += len(walk.images_in(found.inner))
    classes_by_split: dict[str, set[str]] = {}
    for name, split in splits.items():
        folder = join(found.inner, name)
        if split:
            folder = walk.entered(folder, tested)
            folders = _read_classes(walk, found, folder, split, tested)
            classes_by_split.setdefault(split, set()).update(map(composed, folders))
        else:
            found.passed_over["outside the folders of splits"] += len(list(walk.images(folder)))
    for split, class_names in classes_by_split.items():
        # To validate on some classes is well; to be tested on some is not.
        allows_subset = tested or (split == VALIDATION and class_names < classes_by_split[TRAIN])
        if not allows_subset and class_names != classes_by_split[TRAIN]:
            raise InputError(
                f"--data_dir: {found.root} has other classes in {TRAIN} "
                f"({', '.join(sorted(classes_by_split[TRAIN]))}) than in {split} "
                f"({', '.join(sorted(class_names))})"
            )


def _read_class_folders(walk: FolderWalk, found: FoundImages, tested: Mapping[str, str]) -> None:
    """Adds the images of the class folders, and the splits that each of these is divided into."""
    classes = _read_classes(walk, found, found.inner, "", tested)
    folders = {name: join(found.inner, name) for name in classes}
    splits = {name: _splits_within(walk, folder) for name, folder in folders.items()}
    holds_loose_images = any(map(walk.images_in, folders.values()))
    is_divided = all(splits[name] and all(splits[name].values()) for name in classes)
    if is_divided and not holds_loose_images and not tested:
        for number, file in enumerate(found.files):
            folder, subfolder, *_ = file.name.removeprefix(f"{found.inner}/").split("/")
            found.files[number] = file._replace(split=splits[folder][subfolder])
        return
    found.cautions += _cautions(walk, found.inner)
    if with_splits := [name for name in classes if splits[name]]:
        found.cautions.append(
            f"folders of splits in {listed(with_splits)} are taken for folders of the class, as "
            "they do not hold all images of all classes"
        )


def _read_classes(
    walk: FolderWalk, found: FoundImages, folder: str, split: str, tested: Mapping[str, str]
) -> list[str]:
    """Adds the images of the class folders in `folder`; returns the names of these folders."""
    names = walk.folders_in(folder)
    if len(names) < (1 if tested else 2):
        minimum = "one sub-folder of images" if tested else "two sub-folders of images, one a class"
        raise InputError(
            f"--data_dir: {found.root / folder} has {len(names)} class folder(s); accepted: at "
            f"least {minimum}, or --set labels=FILE.csv"
        )
    found.passed_over[OUTSIDE] += len(walk.images_in(folder))
    for name in names:
        images = list(walk.images(join(folder, name)))
        if not images and not tested:
            raise InputError(
                f"--data_dir: class folder {found.root / folder / name} holds no images; "
                f"accepted: {FORMATS}"
            )
        class_name = tested.get(composed(name), composed(name))
        found.files += [ImageFile(image, class_name, split) for image in images]
    return names


def _splits_within(walk: FolderWalk, folder: str) -> dict[str, str]:
    """The split of each folder in a class folder, "" for none; {} if they are not splits."""
    splits = splits_of(walk.folders_in(folder))
    return splits if TRAIN in splits.values() and {TEST, VALIDATION} & {*splits.values()} else {}


def _cautions(walk: FolderWalk, folder: str) -> list[str]:
    """The warning about class folders that look like splits, by their names or content."""
    suspects = [name for name in walk.folders_in(folder) if is_like_split(name)]
    if len(suspects) < 2 and not any(
        len(walk.folders_in(join(folder, name))) > 1 for name in suspects
    ):
        return []
    phrase = (
        "is called like a split, and is"
        if len(suspects) == 1
        else "are called like splits, and are"
    )
    return [
        f"{listed(suspects)} {phrase} taken for classes; splits would be train/CLASS and test/CLASS"
    ]
