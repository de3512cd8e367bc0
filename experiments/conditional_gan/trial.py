"""One trial of the study of conditional GANs: train one, and measure its images in several ways."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.classification import classification_metrics
from gan_mnist.evaluation.copies import Nearest, nearest
from gan_mnist.evaluation.generation import generation_metrics
from gan_mnist.files import write_arrays
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.judge import trained_judge
from gan_mnist.trials import ClassifierSteps

from .sheets import Epochs, shown_rows
from .study import FEWEST_TEST_IMAGES, ConditionalGANSettings

GALLERY_IMAGES = 12
# Most images of a class whose nearest training images are looked for; most classes drawn.
PAIRS_A_CLASS, MOST_CLASSES = 40, 10
_BLOCK = 1000


def run_trial(trial: Trial[ConditionalGANSettings]) -> Outcome:
    """Measures the images of one generator.

    `predictions.csv` and `curves.csv` are those of the classifier that was trained on its images.
    `sheet.npz` and `nearest.npz` hold what the report draws.

    GAN-train and GAN-test: Shmelkov et al. 2018 (arXiv 1807.09499), section 3.

    Raises:
        NotApplicable: If there is no generator, or it has no images for such classes.
    """
    steps, settings = ClassifierSteps(trial), trial.settings
    allotment = steps.allot(settings.counts, settings.classes)
    generator = steps.generator(allotment, [Epochs(trial, steps.test)])
    if generator is None:
        raise NotApplicable("there is no generator whose images could be measured")

    requested_labels = np.arange(settings.generated_images, dtype=np.int32) % np.int32(
        len(settings.classes)
    )
    generated, labels = steps.generate(generator, requested_labels, "generated")
    images = as_uint8(generated)
    # As many as there are test images, and of the same labels: some measures depend on both.
    measured_images = as_uint8(steps.generate(generator, steps.test.labels, "measured")[0])
    steps.save_gallery(images[np.arange(GALLERY_IMAGES) % len(images)])
    _save_sheet(steps.test, measured_images, trial.directory / "sheet.npz")
    _save_nearest(measured_images, steps.test, allotment.train, trial.directory / "nearest.npz")

    # One kind of judge, whichever network the arms train: so that metrics can be compared.
    recipe = steps.recipe(network=build_small_cnn)
    stream = trial.experiment, trial.seed
    judge, seconds = trained_judge(recipe, settings.batch_size, allotment, stream, trial.workdir)
    steps.seconds["evaluation"] += seconds
    with steps.measured("evaluation"):
        probabilities = judge.predict(images).probabilities
        gan_test = classification_metrics(labels, probabilities, settings.classes)
        real, fake, train = (
            judge.predict(part_images).features
            for part_images in (steps.test.images, measured_images, allotment.train.images)
        )
        seed = trial.stream("kid")
        has_enough_images = len(real) >= FEWEST_TEST_IMAGES
        generation = generation_metrics(real, fake, train, real, seed) if has_enough_images else {}

    batches = steps.batches(((images, labels), settings.batch_size))
    model = steps.train(steps.recipe(), batches, allotment.validation)
    gan_train, probabilities = steps.evaluate(model)
    steps.save_test_predictions(probabilities, shown=False)
    steps.save_further_predictions()
    metrics = {
        **_accuracies("gan_train", gan_train),
        **_accuracies("gan_test", gan_test),
        **generation,
        **steps.further.of(gan_train),
    }
    if generator.key:
        steps.export(generator, metrics)
    return steps.outcome(metrics)


def _accuracies(prefix: str, metrics: Mapping[str, float]) -> dict[str, float]:
    selected = {
        name: value
        for name, value in metrics.items()
        if name == "accuracy" or name.startswith("recall_")
    }
    return {f"{prefix}_{name}": value for name, value in selected.items()}


def _save_sheet(test: Subset, measured_images: np.ndarray, path: Path) -> None:
    """Keeps `real` and `samples`, uint8 (10, H, W, C) each, for the report."""
    rows = shown_rows(test.labels, len(test.class_names))
    write_arrays(path, real=test.images[rows], samples=measured_images[rows])


def _nearest_references(images: np.ndarray, references: np.ndarray) -> Nearest:
    """The nearest reference of each image, pixel by pixel; both uint8 (n, H, W, C)."""
    queries = _flat(images)
    # As numbers the references may take twenty times the memory that their pixels do.
    starts = range(0, len(references), _BLOCK)
    parts = [nearest(queries, _flat(references[start : start + _BLOCK])) for start in starts]
    best_part = np.stack([part.distances for part in parts]).argmin(axis=0)
    best_index = best_part, np.arange(len(images))
    distances, rows = (
        np.stack(part_values)[best_index]
        for part_values in (
            [part.distances for part in parts],
            [part.rows + start for part, start in zip(parts, starts, strict=True)],
        )
    )
    return Nearest(distances, rows)


def _save_nearest(measured_images: np.ndarray, test: Subset, train: Subset, path: Path) -> None:
    """Keeps the nearest and the median pair of each class with its nearest training image.

    In the archive, for c classes: `samples` and `neighbours`, uint8 (2, c, H, W, C); `distances`
    (2, c), Euclidean over pixels in [0, 1]; `test_distances` (2, c), the same of test images;
    `classes` (c,), their names.
    """
    names = test.class_names[:MOST_CLASSES]
    rows_by_class = [
        np.flatnonzero(test.labels == label)[:PAIRS_A_CLASS] for label in range(len(names))
    ]
    rows = np.concatenate(rows_by_class)
    matches = _nearest_references(measured_images[rows], train.images)
    test_distances = _nearest_references(test.images[rows], train.images).distances
    positions, test_positions = (
        np.array([_least_and_median(distances, rows, class_rows) for class_rows in rows_by_class]).T
        for distances in (matches.distances, test_distances)
    )
    write_arrays(
        path,
        samples=measured_images[rows[positions]],
        neighbours=train.images[matches.rows[positions]],
        distances=matches.distances[positions],
        test_distances=test_distances[test_positions],
        classes=np.array(names),
    )


def _least_and_median(distances: np.ndarray, rows: np.ndarray, class_rows: np.ndarray) -> list[int]:
    """The positions in `rows` of the nearest and the median one among `class_rows`."""
    positions = np.flatnonzero(np.isin(rows, class_rows))
    ranked = positions[np.argsort(distances[positions], kind="stable")]
    return [int(ranked[0]), int(ranked[len(ranked) // 2])]


def _flat(images: np.ndarray) -> np.ndarray:
    return as_float(images).reshape(len(images), -1)
