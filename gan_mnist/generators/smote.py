"""SMOTE as a generator.

Source: Chawla et al. 2002 (arXiv 1106.1813), by imbalanced-learn.
"""

import numpy as np
from imblearn.over_sampling import SMOTE

from gan_mnist.data.images import as_float
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator


class Smote(Generator):
    """Points between an image and one of its nearest neighbours of the class.

    Of 5 neighbours, or all others where a class has fewer.
    """

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        counts = np.bincount(self.subset.labels, minlength=len(self.subset.class_names))
        images = np.empty((len(labels), *self.subset.images.shape[1:]), dtype=np.float32)
        for label in np.unique(labels):
            if counts[label] < 2:
                name = self.subset.class_names[label]
                raise NotApplicable(
                    f"SMOTE needs 2 images a class; class {name} has {counts[label]}"
                )
            mask = labels == label
            smote = SMOTE(
                sampling_strategy={label: counts[label] + mask.sum()},
                k_neighbors=min(5, counts[label] - 1),
                random_state=seed,
            )
            is_other = self.subset.labels != label
            # It looks at the class alone, and wants to be shown two.
            rows = np.append(np.flatnonzero(~is_other), np.flatnonzero(is_other)[:1])
            pixels = as_float(self.subset.images[rows]).reshape(len(rows), -1)
            resampled, _ = smote.fit_resample(pixels, self.subset.labels[rows])
            # What SMOTE adds stands behind what it was given.
            images[mask] = resampled[len(pixels) :].reshape(-1, *images.shape[1:])
        return images
