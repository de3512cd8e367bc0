"""One trial of the study of conditional GANs: train one, and measure its images in several ways."""

from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.evaluation.classification import classification_metrics
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.evaluation.generation import generation_metrics, nearest
from gan_mnist.export import export_generator
from gan_mnist.generators.contract import Generator, TrainedGenerator
from gan_mnist.generators.gans import conditional_recipe, widened
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.seeding import derive_seed
from gan_mnist.training.classifier import save_predictions
from gan_mnist.training.judge import trained_judge
from gan_mnist.trials import ClassifierTrial, save_gallery

from .sheets import Epochs, shown_rows
from .study import ConditionalGANSettings

EXPERIMENT = "conditional_gan"
GALLERY_IMAGES = 12
# Of a class, whose nearest training images are looked for; and the classes that are drawn.
PAIRS_A_CLASS, MOST_CLASSES = 40, 10


def run_trial(
    settings: ConditionalGANSettings, arm: str, seed: int, directory: Path
) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    `predictions.csv` and `curves.csv` are those of the classifier that was trained on the arm's
    images. `sheet.npz` and `nearest.npz` hold what the report draws.

    GAN-train and GAN-test: Shmelkov et al. 2018 (arXiv 1807.09499), section 3.
    """
    trial = ClassifierTrial(EXPERIMENT, settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    generator = _generator(settings, trial, allotment.train, arm, seed, directory)

    labels = np.arange(settings.generated_images, dtype=np.int32) % len(settings.classes)
    with trial.measured("generator"):
        images = _sample(generator, labels, seed, "generated")
        # As many as there are test images, and of the same labels: some measures depend on both.
        measured = _sample(generator, trial.test.labels, seed, "measured")
    save_gallery(images[np.arange(GALLERY_IMAGES) % len(images)], directory / "gallery.npz")
    _save_sheet(trial.test, measured, directory / "sheet.npz")
    _save_nearest(measured, trial.test, allotment.train, directory / "nearest.npz")

    recipe = trial.recipe(build_small_cnn)
    judge, seconds = trained_judge(
        recipe, settings.batch_size, allotment, (EXPERIMENT, seed), trial.workdir
    )
    trial.seconds["evaluation"] += seconds
    with trial.measured("evaluation"):
        probabilities = judge.look_at(images).probabilities
        gan_test = classification_metrics(labels, probabilities, settings.classes)
        generation = _generation(judge, trial.test, measured, allotment, seed)

    batches = trial.batches(((images, labels), settings.batch_size))
    model = trial.train(recipe, batches, allotment.validation)
    gan_train, probabilities = trial.examine(model)
    save_predictions(trial.test, probabilities, directory / "predictions.csv")
    metrics = {
        **_accuracies("gan_train", gan_train),
        **_accuracies("gan_test", gan_test),
        **generation,
    }
    if isinstance(generator, TrainedGenerator) and trial.export_directory is not None:
        export_generator(generator, settings.classes, trial.export_directory)
        trial.tell_export(trial.export_directory, metrics)
    return trial.record(metrics)


class Reals:
    """The training images themselves: of a class, none comes again before all others have come."""

    def __init__(self, subset: Subset):
        self._subset = subset

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        rows = np.empty(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            chosen = np.flatnonzero(labels == label)
            of_class = rng.permutation(np.flatnonzero(self._subset.labels == label))
            rows[chosen] = np.resize(of_class, len(chosen))
        return as_float(self._subset.images[rows])


class Mislabelled:
    """Another generator's images, each of a class that was not asked for."""

    def __init__(self, generator: Generator, num_classes: int):
        self._generator, self._num_classes = generator, num_classes

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        rng = np.random.default_rng(derive_seed(EXPERIMENT, seed, "shuffled_labels"))
        moved = rng.integers(1, self._num_classes, len(labels))
        return self._generator.sample((labels + moved) % self._num_classes, seed)


def _generator(
    settings: ConditionalGANSettings,
    trial: ClassifierTrial,
    subset: Subset,
    arm: str,
    seed: int,
    directory: Path,
) -> Generator:
    """Whose images are measured; a GAN is trained on `subset` only."""
    if settings.images_from == "real":
        reals = Reals(subset)
        return Mislabelled(reals, len(settings.classes)) if settings.shuffled else reals
    recipe = conditional_recipe(
        settings,
        settings.gan_epochs * settings.gan_epoch_updates,
        intervals=settings.gan_epochs,
        distribution=settings.gan_latents,
    )
    epochs = Epochs(
        f"{arm} seed {seed}",
        settings.gan_epochs,
        settings.gan_epoch_updates,
        trial.test,
        derive_seed(EXPERIMENT, seed, "sheet"),
        directory,
        trial.log_directory,
    )
    return widened(trial.generator(recipe, subset, [epochs]), settings.gan_sampling_scale)


def _sample(generator: Generator, labels: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """uint8 images (n, H, W, C) of a stream of their own."""
    return as_uint8(generator.sample(labels, derive_seed(EXPERIMENT, seed, purpose)))


def _generation(
    judge: FrozenClassifier, test: Subset, measured: np.ndarray, allotment: Allotment, seed: int
) -> dict[str, float]:
    """The metrics of `generation_metrics` in the features of the judge's hidden layer."""
    real, fake, train = (
        judge.look_at(images).features for images in (test.images, measured, allotment.train.images)
    )
    return generation_metrics(real, fake, train, real, derive_seed(EXPERIMENT, seed, "kid"))


def _accuracies(prefix: str, metrics: dict[str, float]) -> dict[str, float]:
    kept = {
        name: value
        for name, value in metrics.items()
        if name == "accuracy" or name.startswith("recall_")
    }
    return {f"{prefix}_{name}": value for name, value in kept.items()}


def _save_sheet(test: Subset, measured: np.ndarray, path: Path) -> None:
    """Keeps `real` and `samples`, uint8 (10, H, W, C) each, for the report."""
    rows = shown_rows(test.labels, len(test.class_names))
    np.savez_compressed(path, real=test.images[rows], samples=measured[rows])


def _save_nearest(measured: np.ndarray, test: Subset, train: Subset, path: Path) -> None:
    """Keeps the nearest and the median pair of each class with its nearest training image.

    In the archive, for c classes: `samples` and `neighbours`, uint8 (2, c, H, W, C); `distances`
    (2, c), Euclidean over pixels in [0, 1]; `test_distances` (2, c), the same of test images;
    `classes` (c,), their names.
    """
    names = test.class_names[:MOST_CLASSES]
    by_class = [np.flatnonzero(test.labels == label)[:PAIRS_A_CLASS] for label in range(len(names))]
    rows = np.concatenate(by_class)
    references = _flat(train.images)
    found = nearest(_flat(measured[rows]), references)
    of_test = nearest(_flat(test.images[rows]), references).distances
    chosen, test_chosen = (
        np.array([_least_and_median(distances, rows, own) for own in by_class]).T
        for distances in (found.distances, of_test)
    )
    np.savez_compressed(
        path,
        samples=measured[rows[chosen]],
        neighbours=train.images[found.rows[chosen]],
        distances=found.distances[chosen],
        test_distances=of_test[test_chosen],
        classes=np.array(names),
    )


def _least_and_median(distances: np.ndarray, rows: np.ndarray, own: np.ndarray) -> list[int]:
    """Where in `rows` the nearest and the median of the rows `own` stand."""
    places = np.flatnonzero(np.isin(rows, own))
    ranked = places[np.argsort(distances[places], kind="stable")]
    return [int(ranked[0]), int(ranked[len(ranked) // 2])]


def _flat(images: np.ndarray) -> np.ndarray:
    return as_float(images).reshape(len(images), -1)
