"""Finds, checks and loads exported models, ours or others'; `signature_calls` runs them.

Nothing here imports TensorFlow before a model is loaded.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError, listed
from gan_mnist.files import read_file
from gan_mnist.models.signatures import Signature, read_signatures

# The flag that names a model, unless another is told.
FLAG = "--model"
# Beside an export's SavedModels: the digest of each, by its name.
CHECKSUMS = "checksums.json"


def find_model(directory: Path, kind: str, flag: str = FLAG) -> Path:
    """The SavedModel of `kind` that a study exported to `directory`, or `directory` itself.

    Nothing is loaded.

    Args:
        directory: An export, such as `saved_models/imbalance/classical`, or the SavedModel in it.
        kind: Name of the SavedModel in an export: "classifier", "generator" or "denoiser".
        flag: The flag that named it, for messages.

    Returns:
        A directory with `saved_model.pb` in it.

    Raises:
        InputError: If there is none.
    """
    for candidate in (directory / kind, directory):
        if os.path.isfile(candidate / "saved_model.pb"):
            return candidate
    fault = "is no directory"
    if os.path.isdir(directory):
        kinds = sorted(path.parent.name for path in directory.glob("*/saved_model.pb"))
        fault = f"holds no {kind}, but a {listed(kinds)}" if kinds else "holds no SavedModel"
    raise InputError(
        f"{flag}: {str(directory)!r} {fault}; accepted: an exported model's directory, "
        f"with saved_model.pb or {kind}/saved_model.pb in it"
    )


def read_class_names(saved_model: Path, flag: str = FLAG) -> tuple[str, ...]:
    """The class names in `classes.json`, which lies beside a SavedModel.

    Raises:
        InputError: If that is missing or no list of different names.
    """
    path = saved_model.parent / "classes.json"
    try:
        names = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        names = None
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) and name for name in names)
        or not 0 < len(names) == len(set(names))
    ):
        raise InputError(
            f"{flag}: {str(path)!r} is no list of class names; accepted: the classes.json "
            "that was exported with the model"
        )
    return tuple(names)


def read_about(saved_model: Path, flag: str = FLAG) -> dict[str, Any]:
    """The content of `about.json`, which lies beside a SavedModel of a study; {} if there is none.

    Raises:
        InputError: If it cannot be read.
    """
    path = saved_model.parent / "about.json"
    try:
        about = json.loads(read_file(path))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    except OSError as error:
        raise InputError(f"{flag}: {str(path)!r} cannot be read: {error.strerror}") from error
    return about if isinstance(about, dict) else {}


def digest_of(saved_model: Path) -> str:
    """SHA-256 of a SavedModel's files and of their names, without hidden files."""
    digest = hashlib.sha256()
    files = (path for path in saved_model.rglob("*") if path.is_file() and path.name[0] != ".")
    for path in sorted(files):
        name = path.relative_to(saved_model).as_posix()
        digest.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def check_trusted(saved_model: Path, flag: str = FLAG) -> None:
    """Checks that a SavedModel is as our exporter left it, by the checksum that lies beside it.

    What TensorFlow runs of a model is a program, which can read and write files. A checksum tells
    our exports from those of others, and from what was changed since by accident; it is no
    signature, and who wants to deceive writes one too.

    Raises:
        InputError: If it is not; names the `flag`.
    """
    try:
        checksums = json.loads(read_file(saved_model.parent / CHECKSUMS))
        digests = list(checksums.values()) if isinstance(checksums, dict) else []
        is_ours = digest_of(saved_model) in digests
    except (OSError, ValueError, RecursionError):
        digests, is_ours = [], False
    if not is_ours:
        reason = "is not what its checksum says" if digests else "has no checksum of ours"
        raise InputError(
            f"{flag}: {str(saved_model)!r} {reason}, and a model can read and write your files; "
            "accepted: what a study exported, or --trust_model if you trust whoever made it"
        )


def has_signature(saved_model: Path, signature: str, inputs: Collection[str]) -> bool:
    """Whether a SavedModel has a signature of this name with these inputs; nothing is loaded."""
    try:
        signatures = read_signatures(saved_model)
    except (OSError, ValueError):
        return False  # told when it is loaded
    return signature in signatures and set(signatures[signature].inputs) == set(inputs)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drops what is written to stderr, by libraries too.

    TensorFlow logs its first lines before it reads the level that is asked for (seen with 2.21).
    """
    stderr_copy = os.dup(2)
    try:
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)


def check_signature(
    saved_model: Path,
    signature: str,
    inputs: Collection[str],
    outputs: Collection[str],
    flag: str = FLAG,
) -> Signature:
    """Returns a SavedModel's signature of this name, with these inputs and at least these outputs.

    Nothing is loaded.

    Raises:
        InputError: If there is none.
    """
    try:
        signatures = read_signatures(saved_model)
    except (OSError, ValueError) as error:
        raise InputError(f"{flag}: {str(saved_model)!r} cannot be loaded: {error}") from error
    accepted = f"{signature}({', '.join(inputs)}) -> {', '.join(outputs)}"
    if signature not in signatures:
        raise InputError(
            f"{flag}: {str(saved_model)!r} has no signature {signature!r}, but "
            f"{', '.join(signatures) or 'none'}; accepted: a SavedModel with {accepted}"
        )
    function = signatures[signature]
    if set(function.inputs) != set(inputs) or not set(function.outputs) >= set(outputs):
        raise InputError(
            f"{flag}: {signature} of {str(saved_model)!r} is "
            f"{', '.join(sorted(function.inputs))} -> {', '.join(sorted(function.outputs))}; "
            f"accepted: {accepted}"
        )
    return function


def load_model(
    saved_model: Path,
    signature: str,
    inputs: Collection[str],
    outputs: Collection[str],
    flag: str = FLAG,
    trusted: bool = False,
) -> Any:
    """Loads a SavedModel, which must have the signature that `check_signature` checks.

    Args:
        saved_model: Its directory.
        signature: Name of the signature.
        inputs: Its inputs.
        outputs: Outputs that it must have.
        flag: The flag that named it, for messages.
        trusted: Whether it may be someone else's; otherwise `check_trusted` checks it.

    Returns:
        What `tf.saved_model.load` returns. Keep it as long as its signatures are used: they do not
        hold its variables.

    Raises:
        InputError: If it cannot be loaded or has no such signature.
    """
    check_signature(saved_model, signature, inputs, outputs, flag)
    if not trusted:
        check_trusted(saved_model, flag)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_stderr():
        import tensorflow as tf

    try:
        return tf.saved_model.load(str(saved_model))
    # A damaged file lets any of a dozen types through.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{flag}: {str(saved_model)!r} cannot be loaded: {reason}") from error


def image_shape(function: Any, *inputs: str) -> tuple[int, int]:
    """The size and channels of the images that a loaded signature takes.

    Args:
        function: The signature.
        *inputs: Those of its inputs that are images.

    Returns:
        Height and width in pixels, and the number of channels: 1 for grey, 3 for colour.

    Raises:
        InputError: If it takes something else than square images, all of one shape.
    """
    specs = function.structured_input_signature[1]
    shapes = [specs[name].shape for name in inputs]
    distinct_shapes = {tuple(shape) if shape.rank == 4 else () for shape in shapes}
    match distinct_shapes.pop() if len(distinct_shapes) == 1 else ():
        case (None, int(height), int(width), 1 | 3 as channels) if height == width > 0:
            return height, channels
    raise InputError(
        f"--model: it takes images of shape {' and '.join(map(str, shapes))}; "
        "accepted: (None, N, N, 1) or (None, N, N, 3)"
    )
