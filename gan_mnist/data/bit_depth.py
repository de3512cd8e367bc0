"""Scales pictures of more than 8 bits to 8: 12-bit values in a 16-bit file would else be black."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

# What is told of them.
DEEP = "of more than 8 bits, of which values up to {white:,} are shown"
BELOW, ABOVE = "with values below 0, shown as black", "with values above {white:,}, shown as white"
# Values that white can be: of 1, 8, 10, 12, 14 and 16 bits.
_WHITES = (1, 255, 1023, 4095, 16383, 65535)
# Pillow reads colours of 16 bits as their upper 8. Read in the other order of bytes they are the
# lower 8; of grey with opacity all bytes are colours.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_ROWS = 64
# TIFF tags: how many bits each colour has, and whether colours lie plane by plane.
_BITS, _PLANES = 258, 284
# Resampled values are fractions, and may exceed the original highest value by this factor.
_OVERSHOOT = 1.25


def is_stored_by_planes(image: Image.Image) -> bool:
    """Whether a TIFF file holds 16-bit colours plane by plane, of which Pillow makes wrong ones."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PLANES, 1) == 2 and max(tags.get(_BITS, (8,))) > 8 and len(tags[_BITS]) > 1


def is_deep(mode: str) -> bool:
    """Whether pixels of a Pillow mode hold more than 8 bits."""
    return mode.startswith(("I", "F"))


def has_deep_colours(image: Image.Image) -> bool:
    """Whether a picture that is opened, but not loaded, has 16-bit colours in its file."""
    return image.mode in ("RGB", "RGBA") and any(";16" in mode for mode in _raw_modes(image))


def white_of(highest: float) -> int:
    """The value that is white where `highest` is the highest value: that of the fewest bits."""
    return next((white for white in _WHITES if _is_within(highest, white)), _WHITES[-1])


def _is_within(highest: float, white: int) -> bool:
    return highest <= (_OVERSHOOT if highest % 1 else 1) * white


def highest_of(image: Image.Image) -> float:
    """The highest value of a picture of more than 8 bits that is opened, but not loaded."""
    if is_deep(image.mode):
        return _range_of(np.asarray(image))[1]
    return _highest_colour(image)[0]


def _range_of(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest finite value; 0 lies between them."""
    finite = values[np.isfinite(values)]
    return float(finite.min(initial=0)), float(finite.max(initial=0))


def scaled(image: Image.Image, white: int) -> tuple[Image.Image, list[str]]:
    """Scales grey to 8 bits, where Pillow clips to 255; also returns notes on the picture.

    A value that the file declares to be transparent makes an alpha channel.
    """
    values, transparent = np.asarray(image), image.info.get("transparency")
    lowest, highest = _range_of(values)
    white = white or white_of(highest)
    notes = [DEEP.format(white=white)]
    if lowest < 0:
        notes.append(BELOW)
    if not _is_within(highest, white):
        notes.append(ABOVE.format(white=white))
    grey = Image.fromarray(_in_8_bits(np.nan_to_num(values.astype(np.float32)), white))
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.uint8(255) * (values != transparent)))
    return grey, notes


def scale_colours(image: Image.Image, white: int) -> list[str]:
    """Brings colours of 16 bits to 8, in place, where white is less than 16 bits hold.

    Args:
        image: As `has_deep_colours` takes it.
        white: The value that is white; 0 for that of the picture.

    Returns:
        Notes on the picture.
    """
    highest, low_bytes = _highest_colour(image, white)
    white = white or white_of(highest)
    if white < _WHITES[-1]:
        # Pasting keeps the rest of what the file says.
        for top, values in _strips(image, low_bytes):
            strip = image.crop((0, top, image.width, top + len(values)))
            colours = Image.fromarray(_in_8_bits(values.astype(np.float32), white))
            if image.mode == "RGBA":
                colours.putalpha(strip.getchannel("A"))
            image.paste(colours, (0, top))
    above = [] if _is_within(highest, white) else [ABOVE.format(white=white)]
    return [DEEP.format(white=white), *above]


def _in_8_bits(levels: np.ndarray, white: int) -> np.ndarray:
    return np.floor(np.clip(levels, 0, white) * (255 / white) + 0.5).astype(np.uint8)


def _highest_colour(image: Image.Image, white: int = 0) -> tuple[float, Image.Image | None]:
    """The highest value, and the lower 8 bits; none of these where white is that of 16 bits.

    Args:
        image: As `has_deep_colours` takes it.
        white: The value that is white, where that is known; 0 where it is not.
    """
    is_grey = any(mode.startswith("LA;16") for mode in _raw_modes(image))
    image.load()
    high_byte = int(max(np.max(image.getchannel(channel).getextrema()) for channel in "RGB"))
    if (white or white_of(256 * high_byte)) == _WHITES[-1] or (low_bytes := _lower(image)) is None:
        return float(_WHITES[-1]), None
    low_bytes.info["grey"] = is_grey
    return float(max(values.max() for _, values in _strips(image, low_bytes))), low_bytes


def _strips(image: Image.Image, low_bytes: Image.Image | None) -> Iterator[tuple[int, np.ndarray]]:
    """Yields strips of rows: the number of the first row, and colours, uint16 (rows, W, 3)."""
    for top in range(0, image.height, _ROWS):
        box = (0, top, image.width, min(top + _ROWS, image.height))
        values = np.asarray(image.crop(box))[..., :3].astype(np.uint16) << 8
        if low_bytes is not None:
            low_values = np.asarray(low_bytes.crop(box))[..., :3]
            values |= low_values[..., 1:2] if low_bytes.info["grey"] else low_values
        yield top, values


def _lower(image: Image.Image) -> Image.Image | None:
    """The lower 8 bits of colours, in green alone where these are grey; None where Pillow cannot.

    It cannot where the picture is of no file, and where there is no other order to read it in.
    """
    filename = getattr(image, "filename", "")
    if not filename:
        return None
    with Image.open(filename) as opened:
        low_bytes: Any = opened
        low_bytes.tile = [tile._replace(args=_other_order(tile.args)) for tile in low_bytes.tile]
        try:
            low_bytes.load()
        except ValueError:
            return None
        return opened


def _other_order(args: Any) -> Any:
    raw_mode = _raw_mode(args)
    is_grey = raw_mode.startswith("LA;16")
    other_mode = "RGBA" if is_grey else raw_mode[:-1] + _OTHER_ORDER.get(raw_mode[-1:], "")
    return other_mode if isinstance(args, str) else (other_mode, *args[1:])


def _raw_modes(image: Image.Image) -> list[str]:
    """How a picture that is opened, and not read, lies in its file; none once it is read."""
    return [_raw_mode(tile.args) for tile in getattr(image, "tile", ())]


def _raw_mode(args: object) -> str:
    raw_mode = args[0] if isinstance(args, tuple) and args else args
    return raw_mode if isinstance(raw_mode, str) else ""
