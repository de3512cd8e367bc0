"""What the demo's page shows, asked of exported models; knows nothing of the page.

Nothing here imports TensorFlow before a model is loaded.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gan_mnist import experiments
from gan_mnist.commands.classify import CheckedClassifier, class_names_of
from gan_mnist.commands.exported import (
    as_picture,
    call_for_pictures,
    read_conversion,
    sized_for,
)
from gan_mnist.data.images import ImageConversion, as_pixels, read_image
from gan_mnist.errors import InputError
from gan_mnist.models import saved
from gan_mnist.models.saved import has_signature
from gan_mnist.models.signature_calls import MOST_SECONDS, call_signature

FLAG = "--models"
_MODEL = "saved_model.pb"
KINDS = ("classifier", "generator", "denoiser")
# Of a drawn digit, as MNIST's were prepared: the longer side, of an image's; its centre of mass is
# then put into the middle. Source: LeCun et al. 1998, section III A.
INK = 20 / 28
# Latents are moved by so many sliders, each towards latents of a seed of its own.
MOVES = (101, 102, 103)

# How an image is seen by a model: uint8 (H, W, C) of the conversion's size and channels.
ImageReader = Callable[[ImageConversion], np.ndarray]


@dataclass(frozen=True)
class Exported:
    """A model that a study exported.

    Attributes:
        saved_model: Its directory.
        settings: Those of its training, as `about.json` tells; none where it tells none.
        trusted: Whether it may be another's.
        parent: Where the folder of its experiment lies, if names alone do not tell exports apart.
    """

    saved_model: Path
    settings: Mapping[str, Any]
    trusted: bool = False
    parent: str = ""

    @property
    def experiment(self) -> str:
        """By its folder, as the arm: "imbalance" of imbalance/classical/classifier."""
        return self.saved_model.parts[-3]

    @property
    def arm(self) -> str:
        """By its folder: "classical"."""
        return self.saved_model.parts[-2]

    @property
    def name(self) -> str:
        """Group and arm: "imbalance/classical"."""
        return f"{self.group}/{self.arm}"

    @property
    def group(self) -> str:
        """The experiment, and its place if there is one."""
        return f"{self.parent}/{self.experiment}" if self.parent else self.experiment

    def load(self, signature: str, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
        """The model, as `load_model` loads it; raises `InputError` if it cannot be loaded."""
        return saved.load_model(self.saved_model, signature, inputs, outputs, FLAG, self.trusted)

    def _listed(self, name: str) -> list[str]:
        """A setting that is a list, in words; of any other nothing is told."""
        value = self.settings.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []

    def training_in_words(self) -> str:
        """What it had been shown, in words: the arm's, and the real images that all began with."""
        parts = [_arms(self.experiment).get(self.arm, "")]
        names, counts = (self._listed(name) for name in ("classes", "counts"))
        if len(names) == len(counts) > 0:
            parts += [f"real images of {', '.join(names)} at first: {', '.join(counts)}"]
        return "; ".join(filter(None, parts)) or "not told"


class Answer(NamedTuple):
    """What an arm says of an image.

    Attributes:
        export: Its classifier.
        classes: The likeliest classes and their probabilities, as many as it tells, at most two.
    """

    export: Exported
    classes: Sequence[tuple[str, float]]


def _arms(experiment: str) -> dict[str, str]:
    """What each arm of an experiment is, in words, in its order; of a foreign one nothing."""
    if experiment not in experiments.names():
        return {}
    return {arm.name: arm.about for arm in experiments.load(experiment).arms}


def _saved_models(root: Path) -> list[Path]:
    """All of them in a folder and its folders, as far as these may be looked into."""

    def refuse(error: OSError) -> None:
        if error.filename == str(root.absolute()) and not isinstance(error, FileNotFoundError):
            raise InputError(
                f"{FLAG}: {error.filename} cannot be read: {error.strerror}"
            ) from error

    tree = os.walk(root.absolute(), onerror=refuse)
    return sorted(Path(folder) / _MODEL for folder, _, files in tree if _MODEL in files)


def find_exports(root: Path, trusted: bool = False) -> dict[str, list[Exported]]:
    """The exports in a folder and its folders, by kind: experiment by experiment, arm by arm.

    Nothing is loaded. `trusted` as of `load_model`.

    Raises:
        InputError: If there is none.
    """
    by_kind: dict[str, list[Exported]] = {kind: [] for kind in KINDS}
    for file in _saved_models(root):
        if (kind := file.parent.name) in by_kind:
            recorded = saved.read_about(file.parent, FLAG).get("settings")
            settings = recorded if isinstance(recorded, dict) else {}
            by_kind[kind].append(Exported(file.parent, settings, trusted))
    if not any(by_kind.values()):
        raise InputError(
            f"{FLAG}: {str(root)!r} holds no exported model; accepted: a folder that a study "
            "exported to, such as saved_models"
        )

    names = [(kind, export.name) for kind, exports in by_kind.items() for export in exports]
    if len({*names}) < len(names):
        by_kind = {
            kind: [_with_parent(root, e) for e in exports] for kind, exports in by_kind.items()
        }

    def order(export: Exported) -> tuple[str, str, int, str]:
        arms = list(_arms(export.experiment))
        position = arms.index(export.arm) if export.arm in arms else len(arms)
        return export.parent, export.experiment, position, export.arm

    return {kind: sorted(exports, key=order) for kind, exports in by_kind.items()}


def _with_parent(root: Path, export: Exported) -> Exported:
    """An export that tells where the folder of its experiment lies."""
    path = os.path.relpath(export.saved_model.parents[2], root.absolute())
    return dataclasses.replace(export, parent="" if path == os.curdir else Path(path).as_posix())


def uploaded(path: Path, inverted: bool) -> ImageReader:
    """An image file of any size, inverted or not.

    Raises:
        InputError: When it is seen, if it cannot be read; in one line, without the path.
    """

    def see(conversion: ImageConversion) -> np.ndarray:
        try:
            pixels = read_image(path, conversion)
        except InputError as error:
            raise InputError(f"{path.name}{str(error).removeprefix(str(path))}") from None
        return 255 - pixels if inverted else pixels

    return see


def drawn(ink: np.ndarray) -> ImageReader | None:
    """A drawing as MNIST's digits were prepared: white on black, of their size, centred by mass.

    Args:
        ink: uint8 (H, W), 255 where there is ink and 0 where there is none.

    Returns:
        None if nothing is drawn.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return None
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = round(max(ink.shape) / INK)
    # Twice as large, so that none of it is beyond an edge wherever its centre of mass is.
    canvas = np.zeros((2 * side, 2 * side), np.uint8)
    mass = ink.astype(float) / ink.sum(dtype=float)
    y, x = (round(float(mass.sum(axis=1 - axis) @ np.arange(ink.shape[axis]))) for axis in range(2))
    canvas[side - y : side - y + ink.shape[0], side - x : side - x + ink.shape[1]] = ink
    half = side // 2
    picture = Image.fromarray(canvas[side - half : side + half, side - half : side + half])

    def see(conversion: ImageConversion) -> np.ndarray:
        return as_pixels(picture, conversion)[0]

    return see


class Classifiers:
    """Every classifier among the exports, loaded."""

    def __init__(self, exports: Sequence[Exported]) -> None:
        """Loads them; raises `InputError` if one cannot be loaded."""
        self._loaded = [(export, *self._load(export)) for export in exports]

    @staticmethod
    def _load(export: Exported) -> tuple[CheckedClassifier, ImageConversion, Any]:
        model = export.load("classify", ["images"], ["label", "probability"])
        top = 2 if has_signature(export.saved_model, "classes", []) else 1
        names = class_names_of(model, top, MOST_SECONDS)
        predict = CheckedClassifier(model.signatures["classify"], top, names)
        conversion = read_conversion(export.saved_model)
        return predict, sized_for(conversion, predict.classify, "images"), model

    def say(self, read_image: ImageReader) -> Iterator[Answer]:
        """What every arm says of an image.

        Raises:
            InputError: If the image cannot be read, or a classifier fails.
        """
        for export, predict, conversion, _ in self._loaded:
            yield Answer(export, predict(read_image(conversion)[None])[0])

    def as_seen(self, read_image: ImageReader) -> Image.Image:
        """The image as the first classifier sees it."""
        _, _, conversion, _ = self._loaded[0]
        return as_picture(read_image(conversion))


class Generator:
    """An exported generator, loaded."""

    def __init__(self, export: Exported) -> None:
        """Loads it; raises `InputError` if it cannot be loaded."""
        self.training_in_words = export.training_in_words()
        self.class_names = saved.read_class_names(export.saved_model, FLAG)
        self._model = export.load("generate_seeded", ["labels", "seed"], ["images"])
        self.has_latents = has_signature(export.saved_model, "decode", ["latents", "labels"])

    def rows(
        self, names: Sequence[str], number: int, seed: int, moves: Sequence[float] = ()
    ) -> dict[str, list[Image.Image]]:
        """`number` images of each class.

        Args:
            names: Of the classes.
            number: At least 1.
            seed: Equal seeds, and moves, give equal images.
            moves: How far latents are moved towards those of the seeds `MOVES`; all 0, they are
                those of `seed` alone. Only where it has latents.
        """
        import tensorflow as tf

        if not names:
            return {}
        signatures = self._model.signatures
        labels = tf.constant(np.repeat([self.class_names.index(n) for n in names], number), "int32")
        inputs = {"labels": labels, "seed": tf.constant(seed)}
        function = signatures["generate_seeded"]
        if any(moves):
            base = call_signature(sample := signatures["latents"], FLAG, **inputs)["latents"]
            directions = [
                call_signature(sample, FLAG, labels=labels[:1], seed=tf.constant(move_seed))
                for move_seed in MOVES[: len(moves)]
            ]
            latents = moved(base, [direction["latents"] for direction in directions], moves)
            function, inputs = signatures["decode"], {"labels": labels, "latents": latents}
        pictures = call_for_pictures(function, len(labels), **inputs)
        return {n: pictures[i * number : (i + 1) * number] for i, n in enumerate(names)}


def moved(latents: np.ndarray, others: Sequence[np.ndarray], moves: Sequence[float]) -> np.ndarray:
    """Latents with so much of others in them, of the same spread as before.

    Args:
        latents: float32 (n, dim).
        others: Each float32 (1, dim).
        moves: How much of each.
    """
    total = latents + sum(move * other for move, other in zip(moves, others, strict=True))
    return np.asarray(total / np.sqrt(1 + np.square(moves).sum()), np.float32)
