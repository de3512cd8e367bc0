"""The steps of trials that train a classifier: generate, train, evaluate, save and export."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.pipelines import Column, mixed_batches
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.evaluation.classification import classification_metrics
from gan_mnist.files import write_arrays
from gan_mnist.generators.contract import Generator, Request, mislabelled
from gan_mnist.generators.create import create_generator
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.settings import ClassifierSettings
from gan_mnist.training.classifier import (
    Batches,
    BuildNetwork,
    ClassifierRecipe,
    predict,
    save_predictions,
    train_classifier,
)
from gan_mnist.trials.augmentation import build_augmentation
from gan_mnist.trials.basics import GALLERY, OWN, Steps
from gan_mnist.trials.export import export_classifier, export_generator
from gan_mnist.trials.further import FurtherTests
from gan_mnist.trials.networks import check_width, network_builder
from gan_mnist.trials.shown import save_shown

ClassifierSettingsT = TypeVar("ClassifierSettingsT", bound=ClassifierSettings)


class ClassifierSteps(Steps[ClassifierSettingsT]):
    """The steps of a trial that trains a classifier and evaluates it once."""

    def generator(
        self, images: Allotment, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> Generator | None:
        """The generator that the settings name, None for none.

        Args:
            images: The images of the trial.
            callbacks: For the generator's training, if this trial is the one that does it.

        Raises:
            NotApplicable: If the generator cannot be made from such images.
        """
        trial = self.trial
        # A trial may ask for several.
        suffix = f" ({len(self.generators) + 1})" if self.generators else ""
        name = f"{trial.arm} seed {trial.seed}{suffix}"
        request = Request(trial.settings, images, trial.seed, trial.workdir, callbacks, name)
        generator = create_generator(request)
        if generator is not None:
            self.seconds["generator"] += generator.seconds
            self.generators += generator.keys
        return generator

    def generate(
        self, generator: Generator, labels: np.ndarray, *purpose: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images, and the labels under which they are shown: wrong ones if the settings say so.

        Args:
            generator: The generator that is sampled.
            labels: int32 (n,) of the classes to sample.
            purpose: Names of the random stream that the images are drawn from.

        Returns:
            float32 (n, H, W, C) in [0, 1] and int32 (n,).
        """
        settings: Any = self.trial.settings
        with self.measured("generator"):
            images = generator.sample(labels, self.trial.stream(*purpose))
        if settings.shuffled_labels:
            seed = self.trial.stream("shuffled_labels")
            labels = mislabelled(labels, len(settings.classes), seed)
        return images, labels

    @property
    def augmentation(self) -> Augmentation | None:
        """The augmentation that the settings describe; None for none."""
        return build_augmentation(self.trial.settings)

    def batches(
        self,
        *sources: tuple[Sequence[Column], int],
        settings: ClassifierSettings | None = None,
    ) -> Batches:
        """A function that makes batches of rows of each source, augmented as the settings say.

        Args:
            *sources: Columns, and how many of their rows a batch holds.
            settings: Settings of the augmentation; None for the trial's.
        """
        augmentation = build_augmentation(settings or self.trial.settings)
        return functools.partial(mixed_batches, sources, augmentation)

    @property
    def network(self) -> BuildNetwork:
        """The function that builds the classifier that the settings name."""
        return network_builder(self.trial.settings.choice)

    def recipe(self, **changes: Any) -> ClassifierRecipe:
        """The training recipe that the settings describe, with `changes` to its fields.

        Raises:
            NotApplicable: If the arm sets the width of a network whose width is fixed.
        """
        settings = self.trial.settings
        check_width(self.trial, changes.get("width", settings.width))
        fields: dict[str, Any] = {
            "network": self.network,
            "image_shape": (settings.image_size, settings.image_size, settings.channels),
            "num_classes": len(settings.classes),
            "width": settings.width,
            "updates": settings.updates,
            "intervals": settings.intervals,
            "learning_rate": settings.learning_rate,
            "precision": settings.precision,
        }
        return ClassifierRecipe(**{**fields, **changes})

    def train(
        self,
        recipe: ClassifierRecipe,
        batches: Batches,
        validation: Subset,
        repeat: int = 0,
        part: str = "",
        stream: tuple[str | int, ...] = (),
        **options: Any,
    ) -> keras.Model:
        """Trains a fresh classifier.

        Args:
            recipe: The network, and how it is trained.
            batches: The batches that it is trained on.
            validation: Images for the `val_*` columns of the curves.
            repeat: Which of several trainings on the same images. Only the first one's curves stand
                beside the record and in TensorBoard.
            part: Folder for the curves of one of several trainings that a trial consists of.
            stream: What initial weights, order and dropout depend on besides seed and repeat.
            **options: Further arguments of `train_classifier`.
        """
        trial = self.trial
        folder = Path(part) / (f"repeat-{repeat}" if repeat else "")
        if part:
            options["log_name"] = part
        model, seconds = train_classifier(
            recipe,
            batches,
            validation,
            (trial.experiment, trial.seed, repeat, *stream),
            trial.directory / folder,
            None if repeat else trial.log_directory,
            **options,
        )
        self.seconds["training"] += seconds
        return model

    def evaluate(self, model: keras.Model) -> tuple[dict[str, float], np.ndarray]:
        """Evaluates a classifier on the data set's test images and on further test sets.

        Returns:
            Metrics, and the probabilities of the data set's test images, float32 (n, k).
        """
        classes = self.trial.settings.classes
        with self.measured("evaluation"):
            probabilities = predict(model, self.test.images)
            metrics = classification_metrics(self.test.labels, probabilities, classes)
            correct_by_test = {OWN: probabilities.argmax(axis=1) == self.test.labels}
            correct_by_test |= self.further.evaluate(model)
        for name, is_correct in correct_by_test.items():
            self.correct.setdefault(name, []).append(is_correct)
        return metrics | self.further.metrics, probabilities

    @functools.cached_property
    def further(self) -> FurtherTests:
        """The further test sets."""
        return FurtherTests(self.trial)

    @property
    def tests(self) -> dict[str, Subset]:
        return super().tests | self.further.subsets

    def save_test_predictions(self, probabilities: np.ndarray, shown: bool = True) -> None:
        """Writes predictions of the data set's test images: `predictions.csv`, `shown.npz`.

        Args:
            probabilities: float32 (n, k) in [0, 1].
            shown: Whether to write `shown.npz`, some of the images with their predictions.
        """
        directory = self.trial.directory
        save_predictions(self.test, probabilities, directory / "predictions.csv")
        if shown:
            save_shown(self.test, probabilities, directory / "shown.npz")

    def save_further_predictions(self) -> None:
        """Writes `predictions-NAME.csv` of each further test set as it was evaluated last."""
        self.further.save_predictions(self.trial.directory)

    def save_and_export(
        self,
        model: keras.Model,
        probabilities: np.ndarray,
        metrics: Mapping[str, float],
        generator: Generator | None = None,
    ) -> None:
        """Writes all predictions, `shown.npz` and, for the first seed, the exports.

        Args:
            model: The classifier.
            probabilities: Of the data set's test images, float32 (n, k) in [0, 1].
            metrics: Metrics of the trial, for `about.json` beside the exports.
            generator: The generator that the trial showed images of; None for none.
        """
        self.save_test_predictions(probabilities)
        self.save_further_predictions()
        self.export(generator, metrics, model)

    def export(
        self,
        generator: Generator | None,
        metrics: Mapping[str, float],
        classifier: keras.Model | None = None,
    ) -> None:
        """For the first seed, exports the classifier and the generator, if that is a network."""
        if (directory := self.export_directory) is None:
            return
        settings, model_names = self.trial.settings, []
        if classifier is not None:
            export_classifier(classifier, settings.classes, directory, settings.conversion)
            model_names.append("classifier")
        if isinstance(generator, TrainedGenerator):
            export_generator(generator, settings.classes, directory)
            model_names.append("generator")
        self.write_about(directory, metrics, model_names)

    def save_gallery(
        self,
        images: np.ndarray,
        part: str = "",
        augmented: bool = False,
        settings: ClassifierSettings | None = None,
    ) -> None:
        """Saves images as the network is shown them, for this arm's row in the report.

        Args:
            images: uint8, or float32 in [0, 1], (n, H, W, C).
            part: Folder in the trial's directory.
            augmented: Whether `images` are augmented already.
            settings: Settings of the augmentation; None for the trial's.
        """
        augmentation = build_augmentation(settings or self.trial.settings)
        if augmentation is not None and not augmented:
            float_images = tf.constant(as_float(images))
            images = augment(float_images, augmentation, (0, tf.constant(0))).numpy()
        path = self.trial.directory / part / GALLERY
        write_arrays(path, images=as_uint8(images))

    def join_galleries(self, parts: Sequence[str], number: int) -> None:
        """Joins the galleries of several parts into one, with as many images of each.

        Args:
            parts: Folders in the trial's directory that have a gallery.
            number: Most images that are saved.
        """
        galleries = []
        for part in parts:
            with np.load(self.trial.directory / part / GALLERY) as archive:
                galleries.append(archive["images"])
        num_each = max(1, number // len(parts))
        joined = np.concatenate([images[:num_each] for images in galleries])
        self.save_gallery(joined[:number], augmented=True)
