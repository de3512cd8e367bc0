"""Generates a labelled folder of images with an exported generator: classes -> PNG files.

Nothing here imports TensorFlow before the flags are checked.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.commands.command import Command, handle_signals, path_from_flag, print_line
from gan_mnist.commands.exported import call_for_pictures, exit_process, seconds_flag, trust_flag
from gan_mnist.commands.output import atomic_directory, check_empty, printable, writing
from gan_mnist.data.class_folders import directory_name
from gan_mnist.data.progress import tracked
from gan_mnist.errors import InputError, unknown
from gan_mnist.files import check_writable
from gan_mnist.models.saved import find_model, load_model, read_class_names
from gan_mnist.models.signature_calls import TimeLimitedSignature
from gan_mnist.seeding import derive_seed

# Images that one seed draws together: another size gives other images.
CHUNK_SIZE = 100

COMMAND = Command(__doc__.splitlines()[0], "nothing was written")
MODEL = COMMAND.text(
    "model", None, "an exported generator, such as saved_models/imbalance/warp_gan"
)
TRUST_MODEL, MOST_SECONDS = trust_flag(COMMAND), seconds_flag(COMMAND)
OUTPUT = COMMAND.text("output", None, "new or empty folder for CLASS/00000.png and so on")
IMAGES_PER_CLASS = COMMAND.number("images_per_class", 10, "images per class", maximum=100_000)
SEED = COMMAND.number("seed", 0, "the same seed gives the same files", minimum=0, maximum=2**31 - 1)
CLASSES = COMMAND.names("classes", "only these classes (default: all)")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all images are written, 2 for bad input, 130 and 143 when it was
        interrupted or told to end, 141 when nobody reads its output.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    saved_model = find_model(path_from_flag(MODEL, "an exported model's directory"), "generator")
    class_names = read_class_names(saved_model)
    chosen = _choose(class_names, CLASSES.value)
    output = path_from_flag(OUTPUT, "a new or empty folder")
    check_empty("--output", output)
    check_writable("--output", output)
    handle_signals()

    model = load_model(
        saved_model, "generate_seeded", ["labels", "seed"], ["images"], trusted=TRUST_MODEL.value
    )
    labels = {name: class_names.index(name) for name in chosen}
    generate = TimeLimitedSignature(model.signatures["generate_seeded"], MOST_SECONDS.value)
    with writing("--output", output):
        write_images(generate, labels, IMAGES_PER_CLASS.value, SEED.value, output)
    total = IMAGES_PER_CLASS.value * len(labels)
    print_line(
        f"generated {total} images ({IMAGES_PER_CLASS.value} a class) -> {printable(output)}"
    )
    return 0


def _choose(class_names: Sequence[str], requested: list[str] | None) -> Sequence[str]:
    if requested is None:
        return class_names
    for name in requested or [""]:
        if name not in class_names:
            raise unknown("--classes", name, class_names)
        if requested.count(name) > 1:
            raise InputError(f"--classes: {name!r} is given twice; accepted: each class once")
    return requested


def write_images(
    generate: Any, labels: Mapping[str, int], images_per_class: int, seed: int, output: Path
) -> None:
    """Writes `output/CLASS/00000.png` and so on, all of them or none.

    The images of a class depend on nothing but the generator, the class, its label and the seed;
    a smaller number of them are the first of a larger one.

    Args:
        generate: The signature `generate_seeded(labels, seed)` of an exported generator.
        labels: The generator's label of each class, by class name.
        images_per_class: Images to generate for each class.
        seed: Any integer.
        output: An empty folder; created if there is none.

    Raises:
        InputError: If the generator fails, or something else has come to `output` meanwhile.
    """
    with atomic_directory(output) as staging:
        folders = {name: staging / directory_name(name) for name in labels}
        for folder in folders.values():
            folder.mkdir()
        starts = range(0, images_per_class, CHUNK_SIZE)
        for name, start in tracked([(n, s) for n in labels for s in starts], "generating"):
            images = _chunk(generate, labels[name], derive_seed("generate", seed, start, name))
            for number, image in enumerate(images[: images_per_class - start], start):
                image.save(folders[name] / f"{number:05d}.png")


def _chunk(generate: Any, label: int, seed: int) -> list[Any]:
    """`CHUNK_SIZE` Pillow images of one label, sampled with one seed."""
    import tensorflow as tf

    # Always a whole chunk, needed or not: latents are drawn for all of its images at once.
    labels = tf.fill([CHUNK_SIZE], np.int32(label))
    return call_for_pictures(generate, CHUNK_SIZE, labels=labels, seed=tf.constant(seed))


if __name__ == "__main__":
    exit_process(main(sys.argv))
