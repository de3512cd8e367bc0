"""Real images as generators: the memoriser and the oracle."""

import numpy as np

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator, Request


class RealImages(Generator):
    """Images of the subset; none repeats before all others of its class have been drawn."""

    _kind, _state = "real", ""

    def __init__(self, subset: Subset, once: bool = False):
        """Draws from `subset`; with `once` no image is drawn twice."""
        super().__init__(subset)
        self._once = once

    @property
    def most(self) -> np.ndarray | None:
        if not self._once:
            return None
        return np.bincount(self.subset.labels, minlength=len(self.subset.class_names))

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        rows = np.empty(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            positions = np.flatnonzero(labels == label)
            class_rows = np.flatnonzero(self.subset.labels == label)
            if len(class_rows) < (len(positions) if self._once else 1):
                name = self.subset.class_names[label]
                raise NotApplicable(
                    f"{len(class_rows)} {self._kind} images of class {name}{self._state}, "
                    f"{len(positions)} wanted"
                )
            rows[positions] = np.resize(rng.permutation(class_rows), len(positions))
        return as_float(self.subset.images[rows])


class HeldBack(RealImages):
    """Images that the trial may not see, each drawn at most once: the oracle's generator."""

    _state = " held back"

    @classmethod
    def create(cls, request: Request) -> "HeldBack":
        return cls(request.images.held_back, once=True)
