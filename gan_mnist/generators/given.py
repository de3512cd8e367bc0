"""Images that were made elsewhere, as a generator."""

from pathlib import Path

import numpy as np

from gan_mnist.data.given import read_given
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Request
from gan_mnist.generators.real import RealImages


class GivenFolder(RealImages):
    """The images of a folder of class folders."""

    _kind = "given"

    @property
    def supply(self) -> np.ndarray:
        return np.bincount(self.subset.labels, minlength=len(self.subset.class_names))

    @classmethod
    def create(cls, request: Request) -> "GivenFolder":
        """As `Generator.create`.

        Raises:
            NotApplicable: If the settings name no folder.
            RuntimeError: If its images are not those that the run began with.
        """
        settings = request.settings
        if not settings.given:
            raise NotApplicable("no images were given (--generated=NAME=DIR)")
        given_images = read_given(
            Path(settings.given),
            request.images.train.class_names,
            settings.conversion,
            settings.skip_bad,
        )
        if settings.given_sha256 not in ("", given_images.sha256):
            raise RuntimeError(f"{settings.given} holds other images than when the run began")
        return cls(given_images.subset)
