"""Mixtures of two images and noise for the demo's page, and what becomes of them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from gan_mnist.commands.demo.models import FLAG, Exported, ImageReader
from gan_mnist.commands.denoise import SIDES, sides_of
from gan_mnist.commands.exported import as_picture, read_conversion, sized_for
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.images import ImageConversion, as_float, resize
from gan_mnist.models.signature_calls import call_for_images

# Of the embedded digits, those that no study trains on.
NUM_DIGITS = 1000


@dataclass(frozen=True)
class Mixture:
    """How an image is drowned: `min(1, a * image + b * other + noise)`.

    Attributes:
        a: Scale of the image.
        b: Scale of the other one.
        noise: Highest noise of a pixel; it is uniform from 0 on.
        seed: Of the noise.
    """

    a: float = 0.5
    b: float = 0.7
    noise: float = 0.5
    seed: int = 0


def digit(number: int) -> ImageReader:
    """An embedded digit, one of the `NUM_DIGITS` for testing."""
    images = load_dataset("mnist_sample").test.images

    def see(conversion: ImageConversion) -> np.ndarray:
        return np.asarray(resize(images[number : number + 1], conversion)[0])

    return see


class Denoiser:
    """An exported denoiser, loaded."""

    def __init__(self, export: Exported) -> None:
        """Loads it; raises `InputError` if it cannot be loaded."""
        self.training_in_words = export.training_in_words()
        self._settings = export.settings
        self._sides = sides_of(export.saved_model)
        self._model = export.load("denoise", self._sides, ["images"])
        self._denoise = self._model.signatures["denoise"]
        conversion = read_conversion(export.saved_model)
        self._conversion = sized_for(conversion, self._denoise, *self._sides)

    def pictures(
        self, image: ImageReader, other: ImageReader, mixture: Mixture
    ) -> dict[str, tuple[Image.Image, float | None]]:
        """The image and its way, each with its PSNR in dB where it is an attempt at the image.

        Returns:
            By name: "wanted", what is to come out; "other", what it is drowned in; "untreated",
            the mixture; "filter", what `rival_outputs` makes of it; "denoiser".

        Raises:
            InputError: If an image cannot be read, or the denoiser fails.
        """
        import tensorflow as tf

        from gan_mnist.data.degradation import Degradation, degrade
        from gan_mnist.evaluation.restoration import restoration_metrics, rival_outputs

        truths, others = (
            tf.constant(as_float(see(self._conversion))[None]) for see in (image, other)
        )
        has_refs = self._sides == SIDES
        if not has_refs:
            others = tf.zeros_like(others)  # it knows of none
        options = {name: self._settings.get(name) for name in ("ref_shown", "target")}
        degradation = Degradation(
            a=(mixture.a, mixture.a),
            b=(mixture.b, mixture.b),
            noise=(0.0, mixture.noise),
            **{name: value for name, value in options.items() if value},
        )
        noisy, refs, clean = (
            part.numpy() for part in degrade(truths, others, degradation, (mixture.seed, 0))
        )
        inputs = dict(zip(self._sides, (noisy, refs), strict=False))
        attempts = {
            "untreated": noisy,
            "filter": rival_outputs(noisy, refs if has_refs else None),
            "denoiser": call_for_images(self._denoise, 1, FLAG, **inputs),
        }
        pictures: dict[str, tuple[Image.Image, float | None]] = {
            "wanted": (as_picture(clean[0]), None),
            "other": (as_picture(refs[0]), None),
        }
        # An answer at full scale is marked at that of the mixture, as in the study.
        targets = np.minimum(np.float32(mixture.a) * truths.numpy(), 1)
        scales = {"denoiser": mixture.a if degradation.target == "plain" else 1.0}
        for name, images in attempts.items():
            scaled = np.minimum(np.float32(scales.get(name, 1.0)) * images, 1)
            psnr_db = restoration_metrics(scaled, targets, refs, ["psnr_db"])["psnr_db"]
            pictures[name] = as_picture(images[0]), float(psnr_db[0])
        return pictures
