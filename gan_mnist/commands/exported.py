"""What the commands that run an exported model have in common."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from absl import flags
from PIL import Image

from gan_mnist.commands.command import Command
from gan_mnist.data.decoder_memory import TOO_LARGE
from gan_mnist.data.images import (
    DEFAULT_CONVERSION,
    GROUNDS,
    IMAGE_MEGABYTES,
    RESIZES,
    ImageConversion,
    as_uint8,
)
from gan_mnist.errors import InputError
from gan_mnist.models.saved import image_shape, read_about
from gan_mnist.models.signature_calls import MOST_SECONDS, call_for_images, is_any_running

# What `about.json` records of image conversion: its section, the setting, accepted values.
_SEEN: tuple[tuple[str, str, tuple[str, ...] | range], ...] = (
    ("settings", "resize", RESIZES),
    ("settings", "ground", tuple(GROUNDS)),
    ("dataset", "white", range(1, 1 << 16)),
)


def trust_flag(command: Command) -> flags.FlagHolder:
    """Defines the flag that allows a model which this project did not export."""
    about = "load a model that gan_mnist did not export; it can read and write your files"
    return command.switch("trust_model", False, about)


def seconds_flag(command: Command) -> flags.FlagHolder:
    """Defines the flag for a model's time limit, in seconds a call."""
    about = "seconds that one call of the model may take before it is given up"
    return command.number("most_seconds", MOST_SECONDS, about, maximum=1_000_000)


def megabytes_flag(command: Command) -> flags.FlagHolder:
    """Defines the flag for the memory that decoding an image may take, as a study's setting."""
    return command.number(
        "image_megabytes", DEFAULT_CONVERSION.megabytes, IMAGE_MEGABYTES, maximum=1_000_000
    )


def why_unreadable(path: Path, error: InputError) -> str:
    """Why an image cannot be read, without its path; names the flag if the image is too large."""
    reason = str(error).removeprefix(f"{path}: ")
    return f"{reason} (--image_megabytes)" if reason.startswith(TOO_LARGE) else reason


def read_conversion(
    saved_model: Path, megabytes: int = DEFAULT_CONVERSION.megabytes
) -> ImageConversion:
    """The image conversion of the training, but for size and channels, read from `about.json`.

    Args:
        saved_model: The exported model.
        megabytes: Memory that decoding an image may take, in MB.

    Raises:
        InputError: If a value in `about.json` is not an accepted one.
    """
    path = saved_model.parent / "about.json"
    about, recorded = read_about(saved_model), {}
    for section, name, accepted in _SEEN:
        if not isinstance(about.get(section), dict) or name not in about[section]:
            continue
        recorded[name] = value = about[section][name]
        if value not in accepted:
            values = accepted if isinstance(accepted, tuple) else (accepted[0], "...", accepted[-1])
            raise InputError(
                f"--model: {str(path)!r} tells of {name} {value!r}; accepted: "
                f"{', '.join(map(str, values))}"
            )
    return ImageConversion(**recorded, megabytes=megabytes)


def sized_for(conversion: ImageConversion, function: Any, *inputs: str) -> ImageConversion:
    """The conversion with the size and channels that a loaded signature takes.

    Args:
        conversion: As by `read_conversion`.
        function: The signature.
        *inputs: Those of its inputs that are images.

    Raises:
        InputError: If it takes something else than square images, all of one shape.
    """
    image_size, channels = image_shape(function, *inputs)
    return dataclasses.replace(conversion, image_size=image_size, channels=channels)


def exit_process(status: int) -> NoReturn:
    """Ends the process, even if a model that was given up is still running."""
    if is_any_running():
        # Python would wait for it, or end it in the middle of TensorFlow.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    sys.exit(status)


def call_for_pictures(function: Any, num_images: int, **inputs: Any) -> list[Any]:
    """The output of `call_for_images` for the same arguments, as Pillow images."""
    return [as_picture(image) for image in call_for_images(function, num_images, **inputs)]


def as_picture(image: np.ndarray) -> Image.Image:
    """A Pillow image of uint8, or floats in [0, 1], (H, W, 1 or 3)."""
    pixels = as_uint8(image)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
