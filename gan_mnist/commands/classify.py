"""Classifies images with an exported classifier: a folder, or a file -> a table.

Nothing here imports TensorFlow before the flags are checked.
"""

import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.commands.command import Command, handle_signals, path_from_flag, print_line
from gan_mnist.commands.exported import (
    exit_process,
    megabytes_flag,
    read_conversion,
    seconds_flag,
    sized_for,
    trust_flag,
    why_unreadable,
)
from gan_mnist.commands.output import count_reasons, printable, writing
from gan_mnist.data.finding import FoundImages, ImageFile, find_images
from gan_mnist.data.images import DEFAULT_CONVERSION, ImageConversion, as_float, rows_at_once
from gan_mnist.data.progress import tracked
from gan_mnist.errors import InputError
from gan_mnist.files import check_writable, write_rows
from gan_mnist.models.saved import find_model, load_model
from gan_mnist.models.signature_calls import TimeLimitedSignature, call_signature
from gan_mnist.study.words import by_name

# How far beyond [0, 1] a probability may lie.
ROUNDING = 1e-3
ACCEPTED = "a folder of images, or one image"

COMMAND = Command(__doc__.splitlines()[0], "nothing was written")
MODEL = COMMAND.text(
    "model", None, "an exported classifier, such as saved_models/imbalance/classical"
)
TRUST_MODEL, MOST_SECONDS = trust_flag(COMMAND), seconds_flag(COMMAND)
IMAGES = COMMAND.text(
    "images", None, "folder of images, searched with its sub-folders, or one image"
)
OUTPUT = COMMAND.text("output", "predictions.csv", "CSV file to write; an existing one is replaced")
IMAGE_MEGABYTES = megabytes_flag(COMMAND)
TOP = COMMAND.number("top", 1, "how many classes to report per image, the likeliest first")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when the table is written, whether or not each image could be read, 1 when
        none could, 2 for bad input, 130 and 143 when it was interrupted or told to end, 141 when
        nobody reads its output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    saved_model = find_model(path_from_flag(MODEL, "an exported model's directory"), "classifier")
    # A link stays one: what it points to is replaced.
    output = Path(os.path.realpath(path_from_flag(OUTPUT, "a file")))
    if os.path.exists(output) and not os.path.isfile(output):
        raise InputError(f"--output: {str(output)!r} is no file; accepted: a new or a plain file")
    check_writable("--output", output.parent, output.name)
    images = _find(path_from_flag(IMAGES, ACCEPTED))
    _check_apart(output, images)
    handle_signals()

    model = load_model(
        saved_model, "classify", ["images"], ["label", "probability"], trusted=TRUST_MODEL.value
    )
    seconds = MOST_SECONDS.value
    names = class_names_of(model, TOP.value, seconds)
    predict = CheckedClassifier(
        TimeLimitedSignature(model.signatures["classify"], seconds), TOP.value, names
    )
    paths = [images.root / name for name in images.names]
    predictions = classify_images(
        predict, paths, read_conversion(saved_model, IMAGE_MEGABYTES.value)
    )
    rows = dict(zip(images.names, predictions, strict=True))
    rows |= {name: _row(TOP.value, error=reason) for name, reason in images.left_out.items()}
    with writing("--output", output):
        write_rows(output, [{"filename": printable(name), **rows[name]} for name in sorted(rows)])
    print_line(f"{_summary(list(rows.values()))} -> {printable(output)}")
    return 0 if any(not row["error"] for row in rows.values()) else 1


def _find(path: Path) -> FoundImages:
    """The images in a folder; of a single image its folder, with that image alone."""
    if os.path.isfile(path):
        return FoundImages(path.parent, [ImageFile(path.name)], Counter())
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(f"--images: {str(path)!r} is neither; accepted: {ACCEPTED}")
    images = find_images(path, "--images", any_name=True)
    if not images.files:
        raise InputError(
            f"--images: {str(path)!r} holds no images; passed over: "
            f"{count_reasons(images.left_out.values())}; accepted: {ACCEPTED}"
        )
    return images


def _check_apart(output: Path, images: FoundImages) -> None:
    """Refuses an output that is one of the images, which the table would replace."""
    if not output.exists():
        return
    for path in (images.root / name for name in images.names):
        if os.path.exists(path) and os.path.samefile(path, output):
            raise InputError(
                f"--output: {str(output)!r} is one of the images; accepted: a new file"
            )


def class_names_of(model: Any, top: int, seconds: float) -> list[str]:
    """The class names of an exported classifier; an empty list if `top` is 1.

    Args:
        model: The loaded SavedModel.
        top: How many classes are to be reported for each image.
        seconds: Time limit for the model's answer.

    Raises:
        InputError: If the model has fewer than `top` classes, or returns no probabilities of them.
    """
    if top == 1:
        return []
    outputs = model.signatures["classify"].structured_outputs
    if "classes" not in model.signatures or "probabilities" not in outputs:
        raise InputError(
            f"--top: {top} classes cannot be told, as --model, which may be an older export, has "
            "no signature 'classes' or answers no 'probabilities'; accepted: 1"
        )
    signature = TimeLimitedSignature(model.signatures["classes"], seconds)
    try:
        names = [name.decode() for name in call_signature(signature)["classes"].tolist()]
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError):
        names = []
    if top > len(names):
        raise InputError(f"--top: {top} is out of range; accepted: 1 to {len(names)} classes")
    return names


@dataclass(frozen=True)
class CheckedClassifier:
    """Runs a classifier of unknown origin, and checks its outputs.

    Attributes:
        classify: The `classify` signature of an exported classifier.
        top: How many classes are reported for each image.
        class_names: Names of all classes; needed only if `top` is more than 1.
    """

    classify: Callable[..., Any]
    top: int
    class_names: Sequence[str]

    def __call__(self, images: Any) -> list[list[tuple[str, float]]]:
        """Classes and their probabilities for each image, the likeliest first.

        Args:
            images: uint8 (n, H, W, C), of the classifier's size.

        Raises:
            InputError: If the classifier fails, or its outputs are not those of an exported one.
        """
        outputs = call_signature(self.classify, images=as_float(images))
        if self.top > 1:
            _check(outputs, "probabilities", "floats", (len(images), len(self.class_names)))
        else:
            _check(outputs, "label", "text", (len(images),))
            _check(outputs, "probability", "floats", (len(images),))
            labels = (label.decode(errors="backslashreplace") for label in outputs["label"])
            return [[pair] for pair in zip(labels, outputs["probability"].tolist(), strict=True)]
        order = np.argsort(-outputs["probabilities"], axis=1, kind="stable")[:, : self.top]
        return [
            [(self.class_names[i], float(row[i])) for i in best]
            for row, best in zip(outputs["probabilities"], order, strict=True)
        ]


def _check(outputs: Mapping[str, Any], name: str, form: str, shape: tuple[int, ...]) -> None:
    values = outputs[name]
    # TensorFlow's text arrives as objects.
    if values.shape != shape or values.dtype.kind != {"text": "O", "floats": "f"}[form]:
        raise InputError(
            f"--model: it answered {values.dtype} of shape {values.shape} as {name!r}; "
            f"accepted: {form} of shape {shape}"
        )
    # All within, rather than none beyond: so that NaN is refused too.
    if form == "floats" and not ((values >= -ROUNDING) & (values <= 1 + ROUNDING)).all():
        raise InputError(f"--model: it answered {name!r} beyond [0, 1]; accepted: probabilities")


def classify_images(
    predict: CheckedClassifier,
    paths: Sequence[Path],
    conversion: ImageConversion = DEFAULT_CONVERSION,
) -> Iterator[dict[str, str]]:
    """Classifies image files, some at a time, on all cores.

    Args:
        predict: The classifier; images are brought to its size.
        paths: The files.
        conversion: How files are converted; size and channels become the classifier's.

    Yields:
        For each file, in this order: `prediction` (the class's name), `probability` (of that
        class), both again for each further class, and an empty `error`; or, if it cannot be read,
        the reason as `error` and the others empty.

    Raises:
        InputError: If the classifier takes something else than square images, or fails.
    """
    conversion = sized_for(conversion, predict.classify, "images")

    def classify_batch(batch: Sequence[Path]) -> list[dict[str, str]]:
        from gan_mnist.data.plain_files import read_images

        images = read_images(batch, conversion)
        readable = [image for image in images if isinstance(image, np.ndarray)]
        predictions = iter(predict(np.stack(readable)) if readable else ())
        return [
            _row(predict.top, error=why_unreadable(path, image))
            if isinstance(image, InputError)
            else _row(predict.top, next(predictions))
            for path, image in zip(batch, images, strict=True)
        ]

    batch_size = rows_at_once((conversion.image_size, conversion.image_size))
    batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    # One more than cores, as one may wait for its files or for a part of an operation.
    pool = ThreadPoolExecutor((os.cpu_count() or 1) + 1)
    # Filters of warnings are the process's: without this, threads would undo each other's.
    with warnings.catch_warnings(action="ignore"):
        try:
            for rows in tracked(pool.map(classify_batch, batches), "classifying", len(batches)):
                yield from rows
        finally:
            # A model that does not answer is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)


def _row(top: int, classes: Sequence[tuple[str, float]] = (), error: str = "") -> dict[str, str]:
    row = {}
    for number in range(top):
        label, probability = classes[number] if classes else ("", None)
        suffix = f"_{number + 1}" if number else ""
        row[f"prediction{suffix}"] = label
        row[f"probability{suffix}"] = "" if probability is None else f"{probability:.6f}"
    return row | {"error": printable(error)}


def _summary(rows: Sequence[Mapping[str, str]]) -> str:
    class_counts = Counter(row["prediction"] for row in rows if not row["error"])
    details = by_name(dict(sorted(class_counts.items()))) or "none"
    passed_over = count_reasons(row["error"] for row in rows if row["error"])
    return f"classified {class_counts.total()} images ({details}), passed over {passed_over}"


if __name__ == "__main__":
    exit_process(main(sys.argv))
