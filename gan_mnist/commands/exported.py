"""Pictures of exported models, as commands write them."""

from typing import Any

from gan_mnist.models.saved import ask_for_images

# Help of the flag that lets any model in.
TRUST = "take a model that is not of our own exports; it can read and write your files"


def ask_for_pictures(function: Any, num_images: int, **inputs: Any) -> list[Any]:
    """Pillow images: what `ask_for_images` gets of the same arguments, or refuses."""
    from PIL import Image

    from gan_mnist.data.images import as_uint8

    images = as_uint8(ask_for_images(function, num_images, **inputs))
    return [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images]
