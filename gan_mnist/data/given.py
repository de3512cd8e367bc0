"""A folder of images that were generated elsewhere, in folders of a data set's classes."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gan_mnist.data.class_folders import class_of_folders, composed
from gan_mnist.data.copies import copies_in_numbers
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.file_summary import BAD, bad_images, file_summary
from gan_mnist.data.finding import find_images
from gan_mnist.data.folder_splits import by_split
from gan_mnist.data.images import FORMATS, ImageConversion, is_grey, open_image
from gan_mnist.data.reading import read_files
from gan_mnist.data.stored import in_blocks
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError, listed, quoted

NO_CLASS = "in no folder of a class of the data set"
# Of their folders so many are named.
_FOLDERS_NAMED = 10


@dataclass(frozen=True, eq=False)
class GivenImages:
    """The images of such a folder.

    Attributes:
        subset: The images, with names relative to the folder; of some classes there may be none.
        files: As `files` of `Dataset`.
        sha256: Of images and labels, in hexadecimal.
    """

    subset: Subset
    files: Mapping[str, Any]
    sha256: str

    def provenance(self, dataset: Dataset) -> dict[str, Any]:
        """The provenance of the images, for plan, records and report.

        Returns:
            `counts` by class, `files`, `sha256`, and what `copies_in_numbers` returns for all
            images that a split has for any seed.
        """
        class_names = self.subset.class_names
        counts = np.bincount(self.subset.labels, minlength=len(class_names)).tolist()
        return {
            "counts": dict(zip(class_names, counts, strict=True)),
            "files": dict(self.files),
            "sha256": self.sha256,
            **copies_in_numbers(self.subset, dataset.whole),
        }


def read_given(
    root: Path, class_names: tuple[str, ...], conversion: ImageConversion, skip_bad: bool = False
) -> GivenImages:
    """The images of a folder of class folders, however deep they lie.

    The class of an image is that of the outermost folder with a class's name or `directory_name`.
    Images in no such folder are passed over and counted, and their folders named;
    classes may be missing.

    Args:
        root: The folder.
        class_names: Of the data set.
        conversion: The resolved conversion of the data set's images.
        skip_bad: Whether images that cannot be read are left out; else they are refused.

    Raises:
        InputError: If there are no images of any class, or bad ones.
    """
    if not os.path.isdir(root):
        raise InputError(f"--generated: {str(root)!r} is not a directory")
    found = find_images(root, "--generated")
    class_by_folder = class_of_folders(class_names)
    labelled, other_folders = [], Counter[str]()
    for file in found.files:
        folders = PurePosixPath(file.name).parts[:-1]
        own_classes = [
            class_by_folder[name] for name in map(composed, folders) if name in class_by_folder
        ]
        if own_classes:
            labelled.append(file._replace(class_name=own_classes[0]))
        else:
            other_folders["/".join(folders) or "the folder itself"] += 1
    found = replace(found, files=labelled)
    if not labelled:
        hint = f", but in {_describe_folders(other_folders, class_names)}" if other_folders else ""
        raise InputError(
            f"--generated: {root} has no images in folders of the classes {listed(class_names)}"
            f"{hint}; accepted: {FORMATS}"
        )
    decoded = read_files(root, found.names, conversion)
    if decoded.bad and not skip_bad:
        raise bad_images(root, decoded, len(labelled), "--generated")
    readable = by_split(found, decoded.images, decoded.bad.keys(), class_names)[""]
    if not len(readable):
        raise InputError(f"--generated: {root} has no image that can be read")
    passed_over = found.passed_over + Counter({BAD: len(decoded.bad)})
    if other_folders:
        passed_over[f"{NO_CLASS}, but in {_describe_folders(other_folders, class_names)}"] = (
            other_folders.total()
        )
    labels = readable.labels.astype(np.int32)
    subset = Subset(readable.images, labels, class_names, readable.filenames)
    checksum = hashlib.sha256()
    for images in in_blocks(subset.images):
        checksum.update(images.tobytes())
    checksum.update(labels.data)
    # Of the files as they are, which each trial would else open again.
    changes_json = decoded.remember(
        "as-saved", lambda: json.dumps(_changed(root, subset.filenames, conversion))
    )
    notes = Counter(json.loads(changes_json)) + decoded.notes
    files = file_summary(len(subset), passed_over, notes, decoded.bad)
    return GivenImages(subset, files, checksum.hexdigest())


def _describe_folders(folders: Mapping[str, int], class_names: Sequence[str]) -> str:
    """Names of folders, with a note on those that differ from a class's name only in case."""
    folded = {name.casefold(): name for name in class_names}
    descriptions = []
    for folder in sorted(folders)[:_FOLDERS_NAMED]:
        match = next(
            (folded[part] for part in folder.casefold().split("/") if part in folded), None
        )
        note = f" (as {quoted(match)} but for its case)" if match else ""
        descriptions.append(f"{quoted(folder)}{note}")
    num_more = len(folders) - len(descriptions)
    return ", ".join([*descriptions, *([f"and {num_more:,} more"] if num_more else [])])


def _changed(root: Path, names: Sequence[str], conversion: ImageConversion) -> Counter[str]:
    """Counts images that were saved in another size or colour mode than the data set's."""
    side, notes = conversion.image_size, Counter[str]()
    for name in names:
        with open_image(root / name) as image:
            if image.size != (side, side):
                notes[f"brought to {side} x {side} from another size"] += 1
            in_grey = is_grey(image)
            if in_grey != (conversion.channels == 1):
                notes["in grey, shown as colours" if in_grey else "in colours, shown in grey"] += 1
    return notes
