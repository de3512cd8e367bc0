"""An exported generator, a study's or someone else's: a SavedModel with `generate_seeded`."""

from pathlib import Path

import numpy as np

from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator, Request
from gan_mnist.generators.export_files import FLAG, INPUTS, OUTPUTS, SIGNATURE, find_export
from gan_mnist.models.saved import load_model
from gan_mnist.models.signature_calls import TimeLimitedSignature, call_for_images
from gan_mnist.seeding import derive_seed

# Images that one seed draws together: another number gives other images.
CHUNK = 250


class ExportedGenerator(Generator):
    """A SavedModel that returns images for `generate_seeded(labels, seed)`."""

    def __init__(self, saved_model: Path, labels: np.ndarray, shape: tuple[int, int, int]):
        """Loads a trusted SavedModel; `labels`, int32 (k,), are its labels of our classes."""
        self._model = load_model(saved_model, SIGNATURE, INPUTS, OUTPUTS, FLAG, trusted=True)
        self._generate = TimeLimitedSignature(self._model.signatures[SIGNATURE], flag=FLAG)
        self._labels, self._shape = labels, shape

    @classmethod
    def create(cls, request: Request) -> "ExportedGenerator":
        """As `Generator.create`.

        Raises:
            NotApplicable: If the settings name no export.
            InputError: If the export cannot give such images.
            RuntimeError: If it is not the one that the run began with.
        """
        settings = request.settings
        if not settings.given:
            raise NotApplicable("no generator was given (--generated=NAME=DIR)")
        class_names = request.images.train.class_names
        shape = settings.image_size, settings.image_size, settings.channels
        # Whether it is trusted was asked when its checksum was taken.
        trusted = settings.trust_model or settings.given_sha256 != ""
        export = find_export(Path(settings.given), class_names, shape, trusted)
        if settings.given_sha256 not in ("", export.sha256):
            raise RuntimeError(f"{settings.given} is another generator than when the run began")
        return cls(export.saved_model, np.array(export.labels, np.int32), shape)

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        import tensorflow as tf

        chunks = [np.zeros((0, *self._shape), np.float32)]
        for start in range(0, len(labels), CHUNK):
            # Always a whole chunk, needed or not: latents are drawn for all of its images at once.
            chunk_labels = np.resize(self._labels[labels[start : start + CHUNK]], CHUNK)
            images = call_for_images(
                self._generate,
                CHUNK,
                FLAG,
                labels=tf.constant(chunk_labels),
                seed=tf.constant(derive_seed("exported", seed, start), tf.int32),
            )
            if images.shape[1:] != self._shape:
                raise NotApplicable(f"its images are {images.shape[1:]}, not {self._shape}")
            chunks.append(images.astype(np.float32))
        return np.concatenate(chunks)[: len(labels)]
