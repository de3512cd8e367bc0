"""Answers of exported models, ours or somebody's: in time, and of the right form."""

import threading
from typing import Any

import numpy as np

from gan_mnist.errors import InputError
from gan_mnist.models.saved import FLAG

# In which a model has to answer.
MOST_SECONDS = 600
_NAME = "asks a model"


class TimeLimitedSignature:
    """A loaded signature that has to answer in time; else it has all of its attributes."""

    def __init__(self, function: Any, seconds: float = MOST_SECONDS, flag: str = FLAG):
        """Wraps the signature; `flag` named the model."""
        self._function, self._seconds, self._flag = function, seconds, flag

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __call__(self, **inputs: Any) -> Any:
        """What it answers.

        Raises:
            InputError: If it has not answered in time. It goes on in its thread, as nothing stops a
                graph of TensorFlow that runs.
        """
        answers: list[Any] = []
        errors: list[Exception] = []

        def call() -> None:
            try:
                answers.append(self._function(**inputs))
            except Exception as error:
                errors.append(error)

        # A thread that does not keep the process.
        thread = threading.Thread(target=call, name=_NAME, daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            more = ", or a larger --most_seconds" if self._flag == FLAG else ""
            raise InputError(
                f"{self._flag}: it has not answered in {self._seconds:g} seconds; accepted: one "
                f"that does{more}"
            )
        if errors:
            raise errors[0]
        return answers[0]


def is_any_running() -> bool:
    """Whether a model is still at work on an answer that nobody waits for."""
    return any(thread.name == _NAME for thread in threading.enumerate())


def call_signature(function: Any, flag: str = FLAG, **inputs: Any) -> dict[str, Any]:
    """What a loaded signature answers, as arrays.

    Raises:
        InputError: If it fails.
    """
    try:
        # A lone text arrives as bytes.
        return {name: np.asarray(a.numpy()) for name, a in function(**inputs).items()}
    except InputError:
        raise
    # The graph of a model may raise anything.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{flag}: it failed, which no exported model does: {reason}") from error


def call_for_images(function: Any, num_images: int, flag: str = FLAG, **inputs: Any) -> np.ndarray:
    """What a loaded signature answers as `images`.

    Args:
        function: The signature.
        num_images: How many are asked for.
        flag: What named the model.
        **inputs: Its inputs.

    Returns:
        float (num_images, H, W, 1 or 3) in [0, 1]; what is below or above is clipped.

    Raises:
        InputError: If it fails, or answers something else than such images, or values that are not
            finite.
    """
    images = call_signature(function, flag, **inputs)["images"]
    match images.shape:
        case (count, height, width, 1 | 3) if count == num_images and height * width > 0:
            shaped = np.issubdtype(images.dtype, np.floating)
        case _:
            shaped = False
    if not shaped or not np.isfinite(images).all():
        raise InputError(
            f"{flag}: it answered {images.dtype} of shape {images.shape}; accepted: finite "
            f"floats of shape ({num_images}, H, W, 1) or ({num_images}, H, W, 3)"
        )
    return np.clip(images, 0, 1)
