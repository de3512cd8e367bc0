"""Classifies a folder of images with an exported classifier: images -> a table.

Nothing here imports TensorFlow before the flags are checked.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_mnist.commands.command import (
    Command,
    find_images,
    given_path,
    heed_signals,
    printable,
    tracked,
)
from gan_mnist.commands.exported import ask, find_model, image_shape, load_model
from gan_mnist.errors import InputError
from gan_mnist.files import check_writable, write_rows

# Bounds the memory: as floats, these are 75 MB at 256 x 256 pixels in colour.
BATCH_SIZE = 100
COLUMNS = ("filename", "prediction", "probability", "error")

COMMAND = Command(__doc__.splitlines()[0], "nothing was written")
MODEL = COMMAND.text("model", None, "an exported model, such as saved_models/imbalance/classical")
IMAGES = COMMAND.text("images", None, "folder of PNG and JPEG files, in sub-folders too")
OUTPUT = COMMAND.text("output", "predictions.csv", "the table that is written; replaces a file")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when the table is written, whether or not each image could be read, 2 for
        bad input, 130 and 143 when it was interrupted or told to end, 141 when nobody reads its
        output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    saved_model = find_model(given_path(MODEL, "an exported model's directory"), "classifier")
    root = given_path(IMAGES, "a folder of images")
    filenames = _image_names(root)
    # A link stays one: what it points to is replaced.
    output = Path(os.path.realpath(given_path(OUTPUT, "a file")))
    if os.path.exists(output) and not os.path.isfile(output):
        raise InputError(f"--output: {str(output)!r} is no file; accepted: a new or a plain file")
    check_writable("--output", output.parent)
    heed_signals()

    model = load_model(saved_model, "classify", ["images"], ["label", "probability"])
    rows = list(classify_images(model.signatures["classify"], root, filenames))
    try:
        write_rows(output, rows)
    except OSError as error:
        raise InputError(f"--output: cannot write {output}: {error}") from error
    print(_summary(rows, output))
    return 0


def _image_names(root: Path) -> list[str]:
    from gan_mnist.data.images import FORMATS

    names = find_images("--images", root)
    if not names:
        raise InputError(
            f"--images: {str(root)!r} holds no images; accepted: a folder with {FORMATS}"
        )
    return names


def classify_images(
    classify: Any, root: Path, filenames: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Classifies image files, some at a time.

    Args:
        classify: The signature of an exported classifier; images are brought to its size.
        root: The folder.
        filenames: Relative to it.

    Yields:
        For each file, in this order: `filename`, `prediction` (the class's name), `probability`
        (of that class) and an empty `error`; or, if it cannot be read, the reason as `error`
        and the two before it empty.

    Raises:
        InputError: If the classifier takes something else than square images.
    """
    import numpy as np

    from gan_mnist.data.images import as_float, read_image

    image_size, channels = image_shape(classify, "images")
    for start in tracked(range(0, len(filenames), BATCH_SIZE), "classifying"):
        images, rows = {}, {}
        for name in filenames[start : start + BATCH_SIZE]:
            rows[name] = dict.fromkeys(COLUMNS, "") | {"filename": printable(name)}
            try:
                images[name] = as_float(read_image(root / name, image_size, channels))
            except InputError as error:
                rows[name]["error"] = printable(str(error).removeprefix(f"{root / name}: "))
        if images:
            answer = ask(classify, images=np.stack(list(images.values())))
            answers = zip(images, answer["label"], answer["probability"], strict=True)
            for name, label, probability in answers:
                rows[name] |= {"prediction": label.decode(), "probability": f"{probability:.6f}"}
        yield from rows.values()


def _summary(rows: Sequence[Mapping[str, str]], output: Path) -> str:
    bad = sum(bool(row["error"]) for row in rows)
    counts = sorted(Counter(row["prediction"] for row in rows if not row["error"]).items())
    classes = ", ".join(f"{name}: {count}" for name, count in counts) or "none"
    return f"classified {len(rows) - bad} images ({classes}), {bad} bad -> {printable(output)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv))
