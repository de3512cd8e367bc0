"""What was read of a folder's files and what was not, in words."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_mnist.data.decoder_memory import TOO_LARGE
from gan_mnist.data.images import FORMATS
from gan_mnist.data.reading import Decoded
from gan_mnist.errors import InputError, first_of

_ACCEPTED = f"; accepted: {FORMATS}"
BAD = "empty, broken or too large"


def file_summary(
    num_read: int,
    passed_over: Mapping[str, int],
    noted: Mapping[str, int],
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """Summarises the files of a folder, for plan, records and report.

    Args:
        num_read: How many images were read.
        passed_over: How many files were not, by reason.
        noted: Number of images by the note that there is on them.
        left_out: The reason, by name, for images that were asked for and left out.

    Returns:
        `read`, `passed_over` and `noted`; and `left_out`, names with their reasons, as by
        `first_of`, where there are some.
    """
    summary = {
        "read": num_read,
        "passed_over": dict(Counter(passed_over).most_common()),
        "noted": dict(Counter(noted).most_common()),
    }
    return summary | ({"left_out": first_of(_with_reasons(left_out))} if left_out else {})


def _with_reasons(left_out: Mapping[str, str]) -> list[str]:
    return [f"{name} ({reason.removesuffix(_ACCEPTED)})" for name, reason in left_out.items()]


def bad_images(root: Path, decoded: Decoded, number: int, flag: str = "--data_dir") -> InputError:
    """The error that reports all bad images among a `number` of images."""
    has_large = any(reason.startswith(TOO_LARGE) for reason in decoded.bad.values())
    hint = ", --set image_megabytes=... for large ones" if has_large else ""
    return InputError(
        f"{flag}: {len(decoded.bad)} of {number} images in {root} cannot be read: "
        f"{'; '.join(first_of(_with_reasons(decoded.bad)))}; accepted: whole images{hint}, or "
        "--skip_bad to go on without these"
    )
