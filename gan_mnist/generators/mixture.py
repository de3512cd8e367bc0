"""A Gaussian mixture a class as a generator: the baseline that a network has to beat.

Source: scikit-learn's PCA and GaussianMixture. Richardson and Weiss 2018 (arXiv 1805.12462) compare
such mixtures with GANs; theirs are mixtures of factor analysers on pixels.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator, Request

# A class has one component, and one more for each so many images.
IMAGES_A_COMPONENT = 20
# Added to all variances along principal components, those of pixels in [0, 1] being 0.1 and more.
LEAST_VARIANCE = 1e-3


class Mixture(Generator):
    """Points of a Gaussian mixture on the principal components of the class, cut off at 0 and 1."""

    def __init__(self, subset: Subset, num_components: int, num_dimensions: int):
        """Takes the images that the generator may see.

        Args:
            subset: The images.
            num_components: Gaussians a class, at most.
            num_dimensions: Principal components a class, at most.
        """
        super().__init__(subset)
        self._num_components, self._num_dimensions = num_components, num_dimensions
        self._fitted: dict[int, _Fitted] = {}

    @classmethod
    def create(cls, request: Request) -> "Mixture":
        settings = request.settings
        return cls(request.images.train, settings.mixture_components, settings.mixture_dimensions)

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        images = np.empty((len(labels), *self.subset.images.shape[1:]), np.float32)
        for label in np.unique(labels):
            mask = labels == label
            if label not in self._fitted:
                self._fitted[label] = self._fit(label)
            samples = self._fitted[label].draw(mask.sum(), rng)
            images[mask] = samples.reshape(-1, *images.shape[1:])
        return images

    def _fit(self, label: int) -> "_Fitted":
        pixels = as_float(self.subset.of_class(label))
        pixels = pixels.reshape(len(pixels), -1)
        if len(pixels) < 2:
            name = self.subset.class_names[label]
            raise NotApplicable(f"a mixture needs 2 images a class; class {name} has {len(pixels)}")
        components = PCA(
            min(self._num_dimensions, len(pixels) - 1, pixels.shape[1]), random_state=0
        )
        num_components = min(self._num_components, 1 + len(pixels) // IMAGES_A_COMPONENT)
        mixture = GaussianMixture(num_components, reg_covar=LEAST_VARIANCE, random_state=0)
        # Equal images have no variance to share out, and make fewer clusters than are asked for.
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(components.fit_transform(pixels).astype(np.float64))
        return _Fitted(components, mixture)


class _Fitted(NamedTuple):
    """A Gaussian mixture on principal components of images, each a row of pixels."""

    components: PCA
    mixture: GaussianMixture

    def draw(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Samples `number` images: (number, pixels) in [0, 1], in no order."""
        mixture = self.mixture
        assignments = rng.choice(len(mixture.weights_), number, p=mixture.weights_)
        points = rng.standard_normal((number, mixture.means_.shape[1]))
        for component, (mean, covariance) in enumerate(
            zip(mixture.means_, mixture.covariances_, strict=True)
        ):
            mask = assignments == component
            points[mask] = mean + points[mask] @ np.linalg.cholesky(covariance).T
        return self.components.inverse_transform(points).clip(0, 1)
