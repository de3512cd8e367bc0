"""Image files as one array: inspected, decoded once, cached; all bad ones reported at once."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from gan_mnist.data.bit_depth import has_deep_colours, highest_of, is_deep, white_of
from gan_mnist.data.decoded_cache import DecodedCache, Remember
from gan_mnist.data.decoder_memory import draft_and_check_memory
from gan_mnist.data.images import (
    MOST_THREADS,
    ImageConversion,
    TransientReadError,
    decode,
    is_grey,
    open_image,
)
from gan_mnist.data.progress import tracked
from gan_mnist.data.stored import in_blocks
from gan_mnist.errors import InputError
from gan_mnist.files import fingerprint

SMALLEST_SIDE, LARGEST_SIDE = 16, 64
# Of smaller files Python does more than the decoder, and threads are in each other's way.
_BYTES_FOR_THREADS = 100_000
_BLOCK = 256
# Levels of 255 by which channels of what is grey may differ: as formats that keep colours apart
# from brightness, and lose a part of both, leave them.
_GREY_LEVELS = 2


@dataclass(frozen=True, eq=False)
class Decoded:
    """Decoded image files.

    Attributes:
        images: uint8 (n, image_size, image_size, channels), for n names; 0 where a file is bad.
        bad: The reason for each file that could not be read, by name.
        notes: Number of images by the note that there is on them.
        conversion: The conversion that was applied, with all of its values resolved.
        remember: Caches texts about the images.
    """

    images: np.ndarray
    bad: dict[str, str]
    notes: Counter[str]
    conversion: ImageConversion
    remember: Remember


def read_files(root: Path, names: Sequence[str], conversion: ImageConversion) -> Decoded:
    """Decodes image files, or loads them from the cache.

    Args:
        root: The folder.
        names: At least one, relative to it.
        conversion: How to convert them. Where `image_size` is 0, it is the power of two from 16
            to 64 that is nearest to the usual longer side; where `channels` is 0, it is 1 if all
            images are grey but for `_GREY_LEVELS`, whatever their files say; where `white` is 0,
            it is the same for all, and stays 0 where none is of more than 8 bits.

    Raises:
        TransientReadError: If a file cannot be read now; nothing is cached then.
    """
    cache = DecodedCache(root, names)
    cached = cache.json(_name_of(conversion))
    resolved = _surveyed(root, names, conversion) if cached is None else ImageConversion(**cached)
    decoded = _decoded(cache, root, names, resolved)
    if not conversion.channels and cached is None and resolved.channels == 3:
        spread = _spread(decoded.images)
        if spread <= _GREY_LEVELS:
            # Where channels are alike, one of them is what decoding would give again.
            grey_conversion, colour = replace(resolved, channels=1), None if spread else decoded
            decoded = _decoded(cache, root, names, grey_conversion, colour)
    # Trials ask with what the plan has found.
    for variant in {conversion, decoded.conversion}:
        cache.keep_json(_name_of(variant), asdict(decoded.conversion))
    return decoded


def _name_of(conversion: ImageConversion) -> str:
    return f"conversion-of-{fingerprint(asdict(conversion))}.json"


def _surveyed(root: Path, names: Sequence[str], conversion: ImageConversion) -> ImageConversion:
    """Resolves `conversion`, except that colour files may yet turn out to be grey."""
    sides, are_grey, whites = [], True, [conversion.white]
    with warnings.catch_warnings(action="ignore"):
        for name in names:
            try:
                with open_image(root / name) as image:
                    sides.append(max(image.size))
                    are_grey &= is_grey(image)
                    is_high_depth = is_deep(image.mode) or has_deep_colours(image)
                    if is_high_depth and not conversion.white:
                        draft_and_check_memory(root / name, image, conversion.megabytes)
                        whites.append(white_of(highest_of(image)))
            except TransientReadError:
                raise
            except InputError:
                continue  # told when it is decoded
    median_side = float(np.median(sides)) if sides else SMALLEST_SIDE
    nearest_power = 1 << round(np.log2(median_side))
    return replace(
        conversion,
        image_size=conversion.image_size or min(max(nearest_power, SMALLEST_SIDE), LARGEST_SIDE),
        channels=conversion.channels or (1 if are_grey else 3),
        white=max(whites),
    )


def _spread(images: np.ndarray) -> int:
    """Largest difference between the channels of a pixel; stops at the first block not grey."""
    spread = 0
    for block in in_blocks(images):
        spread = max(spread, int(np.ptp(block, axis=-1).max()))
        if spread > _GREY_LEVELS:
            break
    return spread


def _decoded(
    cache: DecodedCache,
    root: Path,
    names: Sequence[str],
    conversion: ImageConversion,
    colour: Decoded | None = None,
) -> Decoded:
    """The images from the cache, or decoded now, or one channel of `colour` if that is given."""
    key = fingerprint(asdict(conversion))

    def remember(name: str, make: Callable[[], str]) -> str:
        return cache.text(f"{key}-{name}", make)

    record = cache.json(f"{key}.json", "bad", "told")
    shape = (len(names), conversion.image_size, conversion.image_size, conversion.channels)
    images = cache.array(f"{key}.npy", shape) if record is not None else None
    if record is not None and images is not None:
        return Decoded(images, record["bad"], Counter(record["told"]), conversion, remember)
    bad: dict[str, str] = {}
    notes: Counter[str] = Counter()
    with cache.new_array(f"{key}.npy", shape) as images:
        if colour is not None:
            bad, notes = colour.bad, colour.notes
            for start in range(0, len(names), _BLOCK):
                images[start : start + _BLOCK] = colour.images[start : start + _BLOCK][..., :1]
        else:
            results = _results(root, names, conversion)
            for row, result in enumerate(tracked(results, f"reading {root.name}", len(names))):
                if isinstance(result, str):
                    bad[names[row]] = result
                else:
                    images[row] = result[0]
                    notes.update(result[1])
    cached_images = cache.array(f"{key}.npy", shape)
    images = images if cached_images is None else cached_images
    cache.keep_json(f"{key}.json", {"bad": bad, "told": notes})
    return Decoded(images, bad, notes, conversion, remember)


def _results(
    root: Path, names: Sequence[str], conversion: ImageConversion
) -> Iterator[tuple[np.ndarray, list[str]] | str]:
    """Yields for each file its pixels and notes, or the reason why it cannot be read."""

    def result(name: str) -> tuple[np.ndarray, list[str]] | str:
        try:
            return decode(root / name, conversion)
        except TransientReadError:
            raise
        except InputError as error:
            return str(error).removeprefix(f"{root / name}: ")

    with warnings.catch_warnings(action="ignore"):
        yield from _mapped(result, names, _is_worth_threads(root, names))


def _is_worth_threads(root: Path, names: Sequence[str]) -> bool:
    sizes = []
    for name in names[:: max(1, len(names) // 100)]:
        try:
            sizes.append(os.path.getsize(root / name))
        except OSError:
            continue
    return bool(sizes) and float(np.mean(sizes)) > _BYTES_FOR_THREADS


def _mapped(function: Callable[[str], object], names: Sequence[str], use_threads: bool) -> Iterator:
    if not use_threads:
        yield from map(function, names)
        return
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        # Some at a time, so that no more pixels wait than are looked at.
        for start in range(0, len(names), _BLOCK):
            yield from pool.map(function, names[start : start + _BLOCK])
