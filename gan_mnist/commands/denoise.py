"""Denoises a folder of images with an exported denoiser: input, and ref -> PNG files, a table.

Nothing here imports TensorFlow before the flags are checked.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gan_mnist.commands.command import Command, handle_signals, path_from_flag, print_line
from gan_mnist.commands.exported import (
    call_for_pictures,
    exit_process,
    megabytes_flag,
    read_conversion,
    seconds_flag,
    sized_for,
    trust_flag,
    why_unreadable,
)
from gan_mnist.commands.output import (
    atomic_directory,
    check_empty,
    count_reasons,
    printable,
    writing,
)
from gan_mnist.data.finding import FoundImages, find_images
from gan_mnist.data.images import ImageConversion, as_float, read_image
from gan_mnist.data.progress import tracked
from gan_mnist.errors import InputError
from gan_mnist.files import check_writable, write_rows
from gan_mnist.models.saved import find_model, has_signature, load_model
from gan_mnist.models.signature_calls import TimeLimitedSignature

# Bounds the memory, whatever the size of the images: a denoiser keeps all their pixels in all its
# layers, where 128 channels of these are 40 MB. They are 100 digits.
BATCH_PIXELS = 100 * 28 * 28
SIDES = ("input", "ref")
TABLE = "denoised.csv"
COLUMNS = ("filename", "output", "error")
MEASURES = ("psnr_db", "ssim")
ACCEPTED = "a folder with the sub-folders 'input' and 'ref', images of the same names in both"
# Of a model that was trained on pairs of noisy and clean images.
ALONE, ACCEPTED_ALONE = SIDES[:1], "a folder of images"
MISSING = "no such image; accepted: the same name in both folders"

COMMAND = Command(__doc__.splitlines()[0], "nothing was written")
MODEL = COMMAND.text(
    "model", None, "an exported denoiser, such as saved_models/denoising/resConvNet_v1_dcnn"
)
TRUST_MODEL, MOST_SECONDS = trust_flag(COMMAND), seconds_flag(COMMAND)
IMAGES = COMMAND.text(
    "images", None, f"{ACCEPTED}; for a model that takes no ref, {ACCEPTED_ALONE}"
)
TRUTH = COMMAND.text(
    "truth", None, "folder of the clean images, by the same names: adds PSNR and SSIM to the table"
)
IMAGE_MEGABYTES = megabytes_flag(COMMAND)
OUTPUT = COMMAND.text("output", None, f"new or empty folder for NAME.png and so on, and {TABLE}")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when the table is written, whether or not each pair could be read, 1 when
        none could, 2 for bad input, 130 and 143 when it was interrupted or told to end, 141 when
        nobody reads its output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    saved_model = find_model(path_from_flag(MODEL, "an exported model's directory"), "denoiser")
    sides = sides_of(saved_model)
    root = path_from_flag(IMAGES, ACCEPTED_ALONE if sides == ALONE else ACCEPTED)
    folders = {ALONE[0]: root} if sides == ALONE else {side: root / side for side in sides}
    output = path_from_flag(OUTPUT, "a new or empty folder")
    check_empty("--output", output)
    check_writable("--output", output)
    images = find_sides(root, folders)
    truth = None if TRUTH.value is None else _find_truths(path_from_flag(TRUTH, "a folder"), images)
    conversion = read_conversion(saved_model, IMAGE_MEGABYTES.value)
    handle_signals()

    model = load_model(saved_model, "denoise", sides, ["images"], trusted=TRUST_MODEL.value)
    denoise = TimeLimitedSignature(model.signatures["denoise"], MOST_SECONDS.value)
    conversion = sized_for(conversion, denoise, *sides)
    with writing("--output", output), atomic_directory(output, last=TABLE) as staging:
        rows = list(denoise_images(denoise, conversion, images, staging, truth))
        write_rows(staging / TABLE, rows)
    done = [row for row in rows if row["output"]]
    # The reason alone, whichever of the two images it is about.
    reasons = (row["error"].partition(": ")[2] for row in rows if not row["output"])
    text = f"denoised {len(done)} images, passed over {count_reasons(reasons)}{_mean_metrics(rows)}"
    print_line(f"{text} -> {printable(output)}")
    return 0 if done else 1


def _mean_metrics(rows: Sequence[Mapping[str, str]]) -> str:
    """The mean of each metric over the images that have a truth, for a summary."""
    measured = [row for row in rows if row.get("ssim")]
    if not measured:
        return ""
    psnr_db, input_psnr_db, ssim, input_ssim = (
        sum(float(row[name]) for row in measured) / len(measured)
        for name in ("psnr_db", "input_psnr_db", "ssim", "input_ssim")
    )
    return (
        f", PSNR {psnr_db:.2f} dB (input {input_psnr_db:.2f}), SSIM {ssim:.3f} "
        f"(input {input_ssim:.3f}) over {len(measured)} truths"
    )


def _find_truths(root: Path, folders: Mapping[str, FoundImages]) -> Path:
    """The folder of truths.

    Raises:
        InputError: If none of them has the name of an image.
    """
    truths = find_images(root, "--truth", any_name=True)
    if not {*truths.names} & {*folders["input"].names}:
        raise InputError(
            f"--truth: {str(root)!r} has no image of a name in --images; accepted: a folder with "
            "images of the same names, in the same sub-folders, as 'input'"
        )
    return root


def sides_of(saved_model: Path) -> tuple[str, ...]:
    """The images that an exported denoiser takes: `input` and `ref`, or `input` alone."""
    return ALONE if has_signature(saved_model, "denoise", ALONE) else SIDES


def find_sides(root: Path, folders: Mapping[str, Path]) -> dict[str, FoundImages]:
    """The images in each of `folders`, which are `root` itself or folders in it, by side.

    Raises:
        InputError: If a folder is missing or cannot be read, there is no image in any, or
            a sub-folder has the name of the table.
    """
    accepted = ACCEPTED_ALONE if tuple(folders) == ALONE else ACCEPTED
    for folder in folders.values():
        if not os.path.isdir(folder):
            raise InputError(f"--images: {str(folder)!r} is no folder; accepted: {accepted}")
    images_by_side = {
        side: find_images(folder, "--images", any_name=True) for side, folder in folders.items()
    }
    names = [name for images in images_by_side.values() for name in images.names]
    if not names:
        raise InputError(f"--images: {str(root)!r} holds no images; accepted: {accepted}")
    if any(PurePosixPath(name).parts[0] == TABLE for name in names):
        raise InputError(
            f"--images: a sub-folder of {str(root)!r} is called {TABLE!r}, as the table that is "
            "written; accepted: any other name"
        )
    return images_by_side


def denoise_images(
    denoise: Any,
    conversion: ImageConversion,
    folders: Mapping[str, FoundImages],
    output: Path,
    truth: Path | None = None,
) -> Iterator[dict[str, str]]:
    """Denoises image files, alone or in pairs, batch by batch, and writes the results.

    Args:
        denoise: The signature of an exported denoiser.
        conversion: How files are converted, with the denoiser's image size and channels.
        folders: The images in the folder of each side: `input` and `ref`, or `input` alone.
        output: The folder to write to, under the names that `output_names` gives.
        truth: Folder of the ground truth, if it is known.

    Yields:
        For each name, in alphabetical order: `filename`, `output` (the picture that was written,
        relative to `output`) and an empty `error`; or, if one of the two images is missing or
        cannot be read, an empty `output` and, as `error`, which one and why. With `truth` also
        `psnr_db` and `ssim` of the output, and `input_psnr_db` and `input_ssim` of the input;
        empty, and with an `error`, for an image without a truth.

    Raises:
        OSError: If a picture cannot be written.
    """
    names_by_side = {side: {*images.names} for side, images in folders.items()}
    filenames = sorted(
        set().union(*names_by_side.values(), *(f.left_out for f in folders.values()))
    )
    outputs = output_names(sorted(set.intersection(*names_by_side.values())))
    columns = [*COLUMNS]
    if truth is not None:
        columns += [f"{prefix}{name}" for prefix in ("", "input_") for name in MEASURES]
    batch_size = max(1, BATCH_PIXELS // conversion.image_size**2)
    for start in tracked(range(0, len(filenames), batch_size), "denoising"):
        pairs, rows = {}, {}
        for name in filenames[start : start + batch_size]:
            rows[name] = dict.fromkeys(columns, "") | {"filename": printable(name)}
            try:
                for side, names in names_by_side.items():
                    if name not in names:
                        raise InputError(f"{side}: {folders[side].left_out.get(name, MISSING)}")
                pairs[name] = [
                    _read(side, images.root / name, conversion) for side, images in folders.items()
                ]
            except InputError as error:
                rows[name]["error"] = printable(str(error))
        if pairs:
            batches = map(np.stack, zip(*pairs.values(), strict=True))
            inputs = dict(zip(folders, batches, strict=True))
            pictures = call_for_pictures(denoise, len(pairs), **inputs)
            for name, picture in zip(pairs, pictures, strict=True):
                path = output / outputs[name]
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
                rows[name]["output"] = printable(outputs[name])
                if truth is not None:
                    noisy = pairs[name][0]
                    rows[name] |= _metrics_against_truth(
                        truth / name, conversion, np.asarray(picture), noisy
                    )
        yield from rows.values()


def output_names(filenames: Sequence[str]) -> dict[str, str]:
    """The name of the picture that is made of each file: `a.jpg` gives `a.png`.

    Files that differ in the suffix alone keep it, so that none replaces another: `a.jpg` and
    `a.png` give `a.jpg.png` and `a.png.png`. A name that is still taken, by a file or a folder,
    gets another `.png`.

    Args:
        filenames: Different names with forward slashes, each with a suffix.
    """
    short_names = {name: str(PurePosixPath(name).with_suffix(".png")) for name in filenames}
    counts = Counter(short_names.values())
    taken = {str(folder) for name in filenames for folder in PurePosixPath(name).parents}
    outputs = {}
    for name in filenames:
        output = short_names[name] if counts[short_names[name]] == 1 else f"{name}.png"
        while output in taken:
            output += ".png"
        taken.add(output)
        outputs[name] = output
    return outputs


def _read(side: str, path: Path, conversion: ImageConversion) -> Any:
    """An image as floats; an error names its `side`."""
    try:
        return as_float(read_image(path, conversion))
    except InputError as error:
        raise InputError(f"{side}: {why_unreadable(path, error)}") from error


def _metrics_against_truth(
    truth: Path, conversion: ImageConversion, picture: Any, noisy: Any
) -> dict[str, str]:
    """Metrics of an output (`picture`, uint8) and its input (`noisy`, floats) against the truth."""
    from gan_mnist.evaluation.restoration import restoration_metrics

    if not os.path.exists(truth):
        return {"error": "truth: no such image"}
    try:
        target = _read("truth", truth, conversion)
    except InputError as error:
        return {"error": printable(str(error))}
    if np.size(picture) != noisy.size:
        raise InputError(
            f"--model: its images are of shape {np.shape(picture)}, those it was given of "
            f"{noisy.shape}; accepted with --truth: of one shape"
        )
    images = np.stack([as_float(picture).reshape(noisy.shape), noisy])
    targets = np.stack([target, target])
    measures = restoration_metrics(images, targets, targets, MEASURES)
    return {
        f"{prefix}{measure}": f"{value:.4f}"
        for measure, values in measures.items()
        for prefix, value in zip(("", "input_"), values, strict=True)
    }


if __name__ == "__main__":
    exit_process(main(sys.argv))
