"""Prints how often intervals over test images and seeds err; the table of `test_images`.

python tests/benchmarks/bench_test_images.py
"""

import numpy as np
from scipy import stats

from gan_mnist.study.statistics import small_samples, test_images

# (hardness of the images, spread of what an arm makes of an image, spread of a seed)
WORLDS = {"images": (0.0, 0.5, 0.1), "both": (0.0, 1.0, 0.5), "rare": (3.0, 0.5, 0.1)}


def differences(rng, world, shape, effect=0.0):
    """Differences of correctness (studies, seeds, images), and the true mean difference."""
    ease, of_image, of_seed = WORLDS[world]
    studies, n, m = shape
    images = rng.normal(ease, 1.5, (studies, 1, m))
    right, rates = [], []
    for gain in (effect, 0.0):
        own = rng.normal(0, of_image, (studies, 1, m)) + rng.normal(0, of_seed, (studies, n, 1))
        right.append((images + own + rng.normal(0, 0.5, shape) + gain > 0).astype(np.float32))
        spread = np.sqrt(1.5**2 + of_image**2 + of_seed**2 + 0.25)
        rates.append(stats.norm.cdf((ease + gain) / spread))
    return right[0] - right[1], rates[0] - rates[1]


def wider(found):
    """The ends of the interval that decides, and the ends of the one over seeds only."""
    low, high, _ = test_images.interval_and_p([found], [1.0])
    seeds = small_samples.intervals(found.mean(-1))
    return (np.minimum(low, seeds[0]), np.maximum(high, seeds[1])), seeds


def errs(interval, truth):
    """Share of the intervals that do not hold the truth."""
    return float(((interval[0] > truth) | (interval[1] < truth)).mean())


def main():
    rng = np.random.default_rng(0)
    for effect in (0.0, -1.0):
        for world in WORLDS:
            for n in (3, 5, 10):
                cells = []
                for m in (2, 10, 30, 100, 300, 3000):
                    studies = max(300, min(3000, 4_000_000 // (n * m)))
                    found, truth = differences(rng, world, (studies, n, m), effect)
                    both, seeds = wider(found)
                    cells.append(
                        f"{100 * errs(both, truth):4.1f} ({100 * errs(seeds, truth):4.1f})"
                    )
                print(f"{effect:4} {world:7} {n:3}", *cells, flush=True)


if __name__ == "__main__":
    main()
