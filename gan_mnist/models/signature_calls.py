"""Calls exported models, ours or others', with a time limit and checks of their outputs."""

import threading
from typing import Any

import numpy as np

from gan_mnist.errors import InputError
from gan_mnist.models.saved import FLAG

# Time limit of a call.
MOST_SECONDS = 600
_NAME = "asks a model"


class TimeLimitedSignature:
    """A loaded signature whose calls have a time limit; other attributes are the signature's."""

    def __init__(self, function: Any, seconds: float = MOST_SECONDS, flag: str = FLAG):
        """Wraps the signature; `flag` named the model."""
        self._function, self._seconds, self._flag = function, seconds, flag

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __call__(self, **inputs: Any) -> Any:
        """Calls the signature and returns its outputs.

        Raises:
            InputError: If it exceeds the time limit. It goes on in its thread, as nothing can stop
                a running TensorFlow graph.
        """
        outputs: list[Any] = []
        errors: list[Exception] = []

        def call() -> None:
            try:
                outputs.append(self._function(**inputs))
            except Exception as error:
                errors.append(error)

        # A thread that does not keep the process.
        thread = threading.Thread(target=call, name=_NAME, daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            hint = ", or a larger --most_seconds" if self._flag == FLAG else ""
            raise InputError(
                f"{self._flag}: it has not answered in {self._seconds:g} seconds; accepted: one "
                f"that does{hint}"
            )
        if errors:
            raise errors[0]
        return outputs[0]


def is_any_running() -> bool:
    """Whether any call is still running in its thread, also past its time limit."""
    return any(thread.name == _NAME for thread in threading.enumerate())


def call_signature(function: Any, flag: str = FLAG, **inputs: Any) -> dict[str, Any]:
    """Calls a loaded signature and returns its outputs as arrays, by name.

    Raises:
        InputError: If it fails.
    """
    try:
        # A lone text arrives as bytes.
        return {name: np.asarray(tensor.numpy()) for name, tensor in function(**inputs).items()}
    except InputError:
        raise
    # The graph of a model may raise anything.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{flag}: it failed, which no exported model does: {reason}") from error


def call_for_images(function: Any, num_images: int, flag: str = FLAG, **inputs: Any) -> np.ndarray:
    """Calls a loaded signature and returns its output `images`.

    Args:
        function: The signature.
        num_images: Number of images that it has to return.
        flag: The flag that named the model, for messages.
        **inputs: Its inputs.

    Returns:
        float (num_images, H, W, 1 or 3) in [0, 1]; what is below or above is clipped.

    Raises:
        InputError: If it fails, or returns something other than such images, or values that are not
            finite.
    """
    images = call_signature(function, flag, **inputs)["images"]
    match images.shape:
        case (count, height, width, 1 | 3) if count == num_images and height * width > 0:
            has_image_shape = np.issubdtype(images.dtype, np.floating)
        case _:
            has_image_shape = False
    if not has_image_shape or not np.isfinite(images).all():
        raise InputError(
            f"{flag}: it answered {images.dtype} of shape {images.shape}; accepted: finite "
            f"floats of shape ({num_images}, H, W, 1) or ({num_images}, H, W, 3)"
        )
    return np.clip(images, 0, 1)
