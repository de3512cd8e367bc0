"""Exported generators on disk: what an export can give, read without TensorFlow."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_mnist.data.dataset import Dataset
from gan_mnist.errors import InputError, listed
from gan_mnist.models.saved import (
    check_signature,
    check_trusted,
    find_model,
    read_about,
    read_class_names,
)

FLAG = "--generated"
SIGNATURE, INPUTS, OUTPUTS = "generate_seeded", ("labels", "seed"), ("images",)


@dataclass(frozen=True)
class Export:
    """A SavedModel that can generate images of a data set.

    Attributes:
        saved_model: Its directory.
        labels: Its labels of the data set's classes, in the data set's order.
        class_names: Names of all classes that it knows.
        shape: Height, width and channels of its images.
        sha256: Of its files and class names, in hexadecimal.
    """

    saved_model: Path
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    sha256: str

    def provenance(self, dataset: Dataset) -> dict[str, Any]:
        """The provenance of the generator, for plan, records and report.

        Returns:
            `classes`, `image_shape`, `sha256` and, where `about.json` lies beside it, `trained_on`:
            `name` and `sha256` of the data set, and `same`, whether it is `dataset`.
        """
        provenance = {
            "classes": list(self.class_names),
            "image_shape": list(self.shape),
            "sha256": self.sha256,
        }
        source = read_about(self.saved_model, FLAG).get("dataset")
        if isinstance(source, dict) and source.keys() >= {"name", "sha256"}:
            is_same = source["sha256"] == dataset.sha256
            provenance["trained_on"] = {
                "name": source["name"],
                "sha256": source["sha256"],
                "same": is_same,
            }
        return provenance


def is_export(directory: Path) -> bool:
    """Whether there is a SavedModel, of whatever kind, in a directory or in a folder of it."""
    folders = [directory, *directory.glob("*/")] if os.path.isdir(directory) else []
    return any(os.path.isfile(folder / "saved_model.pb") for folder in folders)


def find_export(
    directory: Path,
    class_names: tuple[str, ...],
    shape: tuple[int, int, int],
    trusted: bool = False,
) -> Export:
    """The exported generator in a directory, as `export_generator` writes it; nothing is loaded.

    Args:
        directory: An export, or the SavedModel in it.
        class_names: Of the data set; it must know them all.
        shape: Height, width and channels of the data set's images; its own must have the same.
        trusted: Whether it may be someone else's; see `check_trusted`.

    Raises:
        InputError: If there is none that can give such images, or it is another's.
    """
    saved_model = find_model(directory, "generator", FLAG)
    image_shape = check_signature(saved_model, SIGNATURE, INPUTS, OUTPUTS, FLAG).outputs["images"]
    if image_shape is not None and image_shape[1:] != shape and None not in image_shape[1:]:
        raise InputError(
            f"{FLAG}: {directory} makes images of {_in_words(image_shape[1:])}; accepted: "
            f"{_in_words(shape)}, as the data set's are here"
        )
    classes = read_class_names(saved_model, FLAG)
    if missing := [name for name in class_names if name not in classes]:
        raise InputError(
            f"{FLAG}: {directory} makes no images of {listed(missing)}, but of {listed(classes)}; "
            "accepted: a generator of all classes"
        )
    if not trusted:
        check_trusted(saved_model, FLAG)
    digest = hashlib.sha256("\n".join(classes).encode())
    for file in sorted(path for path in saved_model.rglob("*") if path.is_file()):
        if file.name[0] != ".":
            name = file.relative_to(saved_model).as_posix()
            digest.update(f"{name} {file.stat().st_size} ".encode() + file.read_bytes())
    return Export(
        saved_model, tuple(map(classes.index, class_names)), classes, shape, digest.hexdigest()
    )


def _in_words(shape: tuple[int | None, ...]) -> str:
    return " x ".join(map(str, shape))
