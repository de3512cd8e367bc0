"""The interface of generators: anything frozen that returns images for `sample(labels, seed)`.

A trained GAN is one; so are a copier, SMOTE and the real images that an imbalance took away, which
makes rivals and controls pass through the very code path of a GAN.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.data.subsets import Allotment, Subset


@dataclass(frozen=True, eq=False)
class Request:
    """What a generator is made from.

    Attributes:
        settings: A `GeneratorSettings`, with the dtype policy in `precision`.
        images: The trial's images. A generator sees `images.train`; only `held_back` sees the rest.
        seed: Seed of its training: the replicate, or one derived from it.
        workdir: Directory of the run, where trained generators are kept and shared.
        callbacks: Keras callbacks for a training.
        name: Name of a training in TensorBoard; the generator's key if empty.
        replicate: The replicate whose trials share the generator, if `seed` is derived from it.
    """

    settings: Any
    images: Allotment
    seed: int
    workdir: Path
    callbacks: Sequence[Any] = ()
    name: str = ""
    replicate: int | None = None


class Generator(abc.ABC):
    """A frozen source of images.

    Attributes:
        key: Name of its directory in `generators/` of the run; empty for one that is not trained.
        seconds: Seconds that its training took, whenever that was.
    """

    key: str = ""
    seconds: float = 0.0

    def __init__(self, subset: Subset):
        """Takes the images that the generator may see."""
        self.subset = subset

    @classmethod
    def create(cls, request: Request) -> "Generator":
        """The generator that `request` describes.

        Raises:
            NotApplicable: If there can be none for such images; the message says why.
        """
        return cls(request.images.train)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all generators that were trained for it."""
        return (self.key,) if self.key else ()

    @property
    def supply(self) -> np.ndarray | None:
        """How many different images of each class there are, int (k,); None: any number.

        More may be asked for, where `most` allows it; they repeat.
        """
        return None

    @property
    def most(self) -> np.ndarray | None:
        """How many images of each class may be asked for, int (k,); None: any number."""
        return None

    @abc.abstractmethod
    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Samples an image for each label.

        Args:
            labels: int (n,) in 0..k-1.
            seed: Equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].

        Raises:
            NotApplicable: If it has none for these labels; the message says why.
        """


def mislabelled(labels: np.ndarray, num_classes: int, seed: int) -> np.ndarray:
    """Labels int32 (n,) in 0..num_classes-1, each replaced by another one at random."""
    rng = np.random.default_rng(seed)
    offsets = rng.integers(1, num_classes, len(labels), dtype=np.int32)
    return (labels + offsets) % np.int32(num_classes)
