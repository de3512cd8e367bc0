"""A folder of images that were generated elsewhere, in folders of a data set's classes."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gan_mnist.data.bit_depth import is_deep
from gan_mnist.data.class_folders import class_of_folders
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.duplicates import copies_in_numbers
from gan_mnist.data.finding import find_images
from gan_mnist.data.folder import BAD, bad_images, files_told
from gan_mnist.data.images import FORMATS, GREY_MODES, ImageConversion, open_image
from gan_mnist.data.reading import read_files
from gan_mnist.data.splits import Split
from gan_mnist.errors import InputError, listed, quoted

NO_CLASS = "in no folder of a class of the data set"
# Of their folders so many are named.
_FOLDERS_NAMED = 10
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class GivenImages:
    """The images of such a folder.

    Attributes:
        images: uint8 (n, H, W, C).
        labels: int32 (n,), indices into `class_names`.
        class_names: Those of the data set; the folder may have no images of some.
        filenames: n names, relative to the folder.
        files: As `files` of `Dataset`.
        sha256: Of images and labels, in hexadecimal.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    filenames: tuple[str, ...]
    files: Mapping[str, Any]
    sha256: str

    def provenance(self, dataset: Dataset) -> dict[str, Any]:
        """The provenance of the images, for plan, records and report.

        Returns:
            `counts` by class, `files`, `sha256`, and what `copies_in_numbers` returns for all
            images that a split has for any seed.
        """
        counts = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return {
            "counts": dict(zip(self.class_names, counts, strict=True)),
            "files": dict(self.files),
            "sha256": self.sha256,
            **copies_in_numbers(self, dataset.whole),
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
    numbers = {name: label for label, name in enumerate(class_names)}
    label_of = {folder: numbers[name] for folder, name in class_of_folders(class_names).items()}
    named, others = [], Counter[str]()
    for file in found.files:
        folders = PurePosixPath(file.name).parts[:-1]
        label = next((label_of[folder] for folder in folders if folder in label_of), None)
        if label is None:
            others["/".join(folders) or "the folder itself"] += 1
        else:
            named.append((file.name, label))
    if not named:
        elsewhere = f", but in {_told(others, class_names)}" if others else ""
        raise InputError(
            f"--generated: {root} has no images in folders of the classes {listed(class_names)}"
            f"{elsewhere}; accepted: {FORMATS}"
        )
    decoded = read_files(root, [name for name, _ in named], conversion)
    if decoded.bad and not skip_bad:
        raise bad_images(root, decoded, len(named), "--generated")
    kept = [row for row, (name, _) in enumerate(named) if name not in decoded.bad]
    if not kept:
        raise InputError(f"--generated: {root} has no image that can be read")
    passed_over = found.passed_over + Counter({BAD: len(decoded.bad)})
    if others:
        passed_over[f"{NO_CLASS}, but in {_told(others, class_names)}"] = others.total()
    labels = np.array([named[row][1] for row in kept], np.int32)
    kept_names = tuple(named[row][0] for row in kept)
    rows = None if len(kept) == len(named) else np.array(kept)
    images = Split(decoded.images, labels.astype(np.int64), kept_names, rows=rows).images
    checksum = hashlib.sha256()
    for start in range(0, len(images), _BLOCK):
        checksum.update(images[start : start + _BLOCK].tobytes())
    checksum.update(labels.data)
    # Of the files as they are, which each trial would else open again.
    changed = decoded.remember(
        "as-saved", lambda: json.dumps(_changed(root, kept_names, conversion))
    )
    return GivenImages(
        images,
        labels,
        class_names,
        kept_names,
        files_told(
            len(kept), passed_over, Counter(json.loads(changed)) + decoded.notes, decoded.bad
        ),
        checksum.hexdigest(),
    )


def _told(folders: Mapping[str, int], class_names: Sequence[str]) -> str:
    """Names of folders, with a note on those that differ from a class's name only in case."""
    same = {name.casefold(): name for name in class_names}
    named = []
    for folder in sorted(folders)[:_FOLDERS_NAMED]:
        meant = next((same[f] for f in folder.casefold().split("/") if f in same), None)
        case = f" (as {quoted(meant)} but for its case)" if meant else ""
        named.append(f"{quoted(folder)}{case}")
    more = len(folders) - len(named)
    return ", ".join([*named, *([f"and {more:,} more"] if more else [])])


def _changed(root: Path, names: Sequence[str], conversion: ImageConversion) -> Counter[str]:
    """Counts images that were saved in another size or colour mode than the data set's."""
    side, told = conversion.image_size, Counter[str]()
    for name in names:
        with open_image(root / name) as image:
            if image.size != (side, side):
                told[f"brought to {side} x {side} from another size"] += 1
            grey = is_deep(image.mode) or image.mode in GREY_MODES
            if grey != (conversion.channels == 1):
                told["in grey, shown as colours" if grey else "in colours, shown in grey"] += 1
    return told
