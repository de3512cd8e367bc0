"""Prints how often equal arms are told apart where each seed draws its own test images.

Two arms learn to tell two classes apart and are as accurate in expectation. A study draws images
once; each of its seeds divides them anew, four fifths to train on and one to test on. The table of
`study.statistics.small_samples` is this one.

python tests/benchmarks/bench_each_seed.py
"""

import numpy as np

from gan_mnist.study.statistics import small_samples

SHARE, DIMENSIONS, APART = 0.2, 10, 1.5
# How many of an arm's features the other has not, and what it trains on of the training images.
WORLDS = {"other features": (10, 1.0), "half of them": (5, 1.0), "other images": (0, 0.5)}


def features(rng, labels, others):
    """Views of the images, float (2, images, DIMENSIONS), of two arms: alike but for `others`."""
    views = rng.normal(size=(2, len(labels), DIMENSIONS))
    views[1, :, others:] = views[0, :, others:]
    return views + APART / np.sqrt(DIMENSIONS) * labels[:, None]


def nearest_mean(train, labels, test):
    means = [train[labels == label].mean(axis=0) for label in (0, 1)]
    nearer = [((test - mean) ** 2).sum(axis=1) for mean in means]
    return nearer[1] < nearer[0]


def logistic(train, labels, test, penalty=1.0):
    """Logistic regression with a ridge, by Newton's method."""
    design = np.column_stack([train, np.ones(len(train))])
    weights, ridge = np.zeros(design.shape[1]), penalty * np.eye(design.shape[1])
    for _ in range(6):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - labels) + penalty * weights
        curvature = (design.T * (chance * (1 - chance))) @ design + ridge
        weights = weights - np.linalg.solve(curvature, slope)
    return np.column_stack([test, np.ones(len(test))]) @ weights > 0


def nearest_neighbour(train, labels, test):
    distances = (train**2).sum(axis=1) - 2 * test @ train.T
    return labels[distances.argmin(axis=1)] == 1


LEARNERS = {
    "nearest mean": nearest_mean,
    "logistic regression": logistic,
    "nearest neighbour": nearest_neighbour,
}


def study(rng, learner, world, num, seeds):
    """Differences of the arms' accuracies by seed, of one study with `num` images a class."""
    others, part = WORLDS[world]
    labels = np.repeat([0, 1], num)
    views = features(rng, labels, others)
    num_test = round(SHARE * num)
    found = []
    for _ in range(seeds):
        rows = np.array([label * num + rng.permutation(num) for label in (0, 1)])
        test = rows[:, :num_test].ravel()
        accuracies = []
        for view in views:
            seen = rows[:, num_test:]
            if part < 1:
                seen = rng.permuted(seen, axis=1)[:, : round(part * seen.shape[1])]
            train = seen.ravel()
            called = LEARNERS[learner](view[train], labels[train], view[test])
            accuracies.append((called == (labels[test] == 1)).mean())
        found.append(accuracies[0] - accuracies[1])
    return np.array(found)


def told_apart(differences, overlap):
    """Share of the studies, (studies, seeds), in which an arm is said to help or to hurt."""
    low, high = small_samples.intervals(differences, overlap)
    called = (small_samples.p_values(differences, overlap) < 0.05) & ((low > 0) | (high < 0))
    return float(called.mean())


def coins(rng, studies, seeds, tested):
    """Differences of 12 arms, (studies, 12, seeds), that win or lose each image by a coin.

    Alike in all seeds: nothing but the images that a seed tests differs.
    """
    won = rng.choice([-1.0, 1.0], size=(studies, 12, round(tested / SHARE)))
    drawn = rng.random((studies, seeds, won.shape[-1])).argsort(axis=-1)[..., :tested]
    rows = np.arange(studies)[:, None, None, None], np.arange(12)[:, None, None]
    return won[(*rows, drawn[:, None])].mean(axis=-1)


def any_told_apart(differences, overlap):
    """Share of the studies, (studies, arms, seeds), with such an arm at Holm's strictest level."""
    low, high = small_samples.intervals(differences, overlap)
    called = small_samples.p_values(differences, overlap) < 0.05 / differences.shape[1]
    return float((called & ((low > 0) | (high < 0))).any(axis=-1).mean())


def main():
    rng = np.random.default_rng(0)
    overlap = SHARE / (1 - SHARE)
    for tested in (2, 4, 6, 8, 10, 15, 30):
        cells = [
            f"{100 * any_told_apart(coins(rng, 5000, seeds, tested), overlap):5.1f}"
            for seeds in (3, 5, 10)
        ]
        print(f"12 arms, coins       {tested:4} test images", *cells, flush=True)
    for learner in LEARNERS:
        for world in WORLDS:
            for num in (25, 50, 250):
                studies = 2000 if num < 250 else 1000
                found = np.array([study(rng, learner, world, num, 10) for _ in range(studies)])
                cells = [
                    f"{100 * told_apart(found[:, :n], overlap):5.1f} "
                    f"({100 * told_apart(found[:, :n], 0.0):4.1f})"
                    for n in (3, 5, 10)
                ]
                print(f"{learner:20} {world:15} {num:4}", *cells, flush=True)


if __name__ == "__main__":
    main()
