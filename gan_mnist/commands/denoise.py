"""Denoises a folder of image pairs with an exported denoiser: input and ref -> PNG files, a table.

Nothing here imports TensorFlow before the flags are checked.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gan_mnist.commands.command import (
    Command,
    all_or_nothing,
    check_empty,
    find_images,
    given_path,
    heed_signals,
    printable,
    tracked,
)
from gan_mnist.commands.exported import ask_for_pictures, find_model, image_shape, load_model
from gan_mnist.errors import InputError
from gan_mnist.files import check_writable, write_rows

# Bounds the memory, whatever the size of the images: a denoiser keeps all their pixels in all its
# layers, where 128 channels of these are 40 MB. They are 100 digits.
BATCH_PIXELS = 100 * 28 * 28
SIDES = ("input", "ref")
TABLE = "denoised.csv"
COLUMNS = ("filename", "output", "error")
ACCEPTED = "a folder with the sub-folders 'input' and 'ref', images of the same names in both"

COMMAND = Command(__doc__.splitlines()[0], "nothing was written")
MODEL = COMMAND.text(
    "model", None, "an exported model, such as saved_models/denoising/resConvNet_v1_dcnn"
)
IMAGES = COMMAND.text("images", None, ACCEPTED)
OUTPUT = COMMAND.text("output", None, f"new or empty folder; gets NAME.png and so on, and {TABLE}")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when the table is written, whether or not each pair could be read, 2 for
        bad input, 130 and 143 when it was interrupted or told to end, 141 when nobody reads its
        output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    saved_model = find_model(given_path(MODEL, "an exported model's directory"), "denoiser")
    root = given_path(IMAGES, ACCEPTED)
    found = find_pairs(root)
    output = given_path(OUTPUT, "a new or empty folder")
    check_empty("--output", output)
    check_writable("--output", output)
    heed_signals()

    model = load_model(saved_model, "denoise", SIDES, ["images"])
    denoise = model.signatures["denoise"]
    shape = image_shape(denoise, *SIDES)
    try:
        with all_or_nothing(output, last=TABLE) as hidden:
            rows = list(denoise_images(denoise, shape, root, found, hidden))
            write_rows(hidden / TABLE, rows)
    except OSError as error:
        raise InputError(f"--output: cannot write {output}: {error}") from error
    bad = sum(bool(row["error"]) for row in rows)
    print(f"denoised {len(rows) - bad} images, {bad} bad -> {printable(output)}")
    return 0


def find_pairs(root: Path) -> dict[str, set[str]]:
    """Names of the images in `input` and in `ref`, which lie in `root`, by folder.

    Raises:
        InputError: If a folder is missing or cannot be read, there is no image in either, or
            a sub-folder has the name of the table.
    """
    for side in SIDES:
        if not os.path.isdir(root / side):
            raise InputError(f"--images: {str(root / side)!r} is no folder; accepted: {ACCEPTED}")
    found = {side: set(find_images("--images", root / side)) for side in SIDES}
    names = set.union(*found.values())
    if not names:
        raise InputError(f"--images: {str(root)!r} holds no images; accepted: {ACCEPTED}")
    if any(PurePosixPath(name).parts[0] == TABLE for name in names):
        raise InputError(
            f"--images: a sub-folder of {str(root)!r} is called {TABLE!r}, as the table that is "
            "written; accepted: any other name"
        )
    return found


def denoise_images(
    denoise: Any,
    shape: tuple[int, int],
    root: Path,
    found: Mapping[str, set[str]],
    output: Path,
) -> Iterator[dict[str, str]]:
    """Denoises pairs of image files, some at a time, and writes what is left of them.

    Args:
        denoise: The signature of an exported denoiser.
        shape: The size in pixels and the channels of its images, to which all are brought.
        root: The folder that holds `input` and `ref`.
        found: The names of the images in each, relative to it.
        output: A folder; a picture's name in it is that of `output_names`.

    Yields:
        For each name, in alphabetical order: `filename`, `output` (the picture that was written,
        relative to `output`) and an empty `error`; or, if one of the two images is missing or
        cannot be read, an empty `output` and which one and the reason as `error`.

    Raises:
        OSError: If a picture cannot be written.
    """
    import numpy as np

    image_size, channels = shape
    filenames = sorted(set.union(*found.values()))
    outputs = output_names(sorted(set.intersection(*found.values())))
    batch_size = max(1, BATCH_PIXELS // image_size**2)
    for start in tracked(range(0, len(filenames), batch_size), "denoising"):
        pairs, rows = {}, {}
        for name in filenames[start : start + batch_size]:
            rows[name] = dict.fromkeys(COLUMNS, "") | {"filename": printable(name)}
            try:
                pairs[name] = _read_pair(root, name, found, image_size, channels)
            except InputError as error:
                rows[name]["error"] = printable(str(error))
        if pairs:
            batches = map(np.stack, zip(*pairs.values(), strict=True))
            inputs = dict(zip(SIDES, batches, strict=True))
            pictures = ask_for_pictures(denoise, len(pairs), **inputs)
            for name, picture in zip(pairs, pictures, strict=True):
                path = output / outputs[name]
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
                rows[name]["output"] = printable(outputs[name])
        yield from rows.values()


def output_names(filenames: Sequence[str]) -> dict[str, str]:
    """What the picture that is made of each file is called: `a.jpg` gives `a.png`.

    Files that differ in the suffix alone keep it, so that none replaces another: `a.jpg` and
    `a.png` give `a.jpg.png` and `a.png.png`. What is still taken, by a file or a folder, gets
    another `.png`.

    Args:
        filenames: Different names with forward slashes, each with a suffix.
    """
    short = {name: str(PurePosixPath(name).with_suffix(".png")) for name in filenames}
    shared = Counter(short.values())
    taken = {str(folder) for name in filenames for folder in PurePosixPath(name).parents}
    outputs = {}
    for name in filenames:
        output = short[name] if shared[short[name]] == 1 else f"{name}.png"
        while output in taken:
            output += ".png"
        taken.add(output)
        outputs[name] = output
    return outputs


def _read_pair(
    root: Path, name: str, found: Mapping[str, set[str]], image_size: int, channels: int
) -> list[Any]:
    from gan_mnist.data.images import as_float, read_image

    images = []
    for side in SIDES:
        if name not in found[side]:
            raise InputError(f"{side}: no such image; accepted: the same name in both folders")
        path = root / side / name
        try:
            images.append(as_float(read_image(path, image_size, channels)))
        except InputError as error:
            raise InputError(f"{side}: {str(error).removeprefix(f'{path}: ')}") from error
    return images


if __name__ == "__main__":
    sys.exit(main(sys.argv))
