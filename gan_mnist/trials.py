"""What trials of all experiments do alike, and those that train a classifier besides."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.datasets import Dataset, load_dataset
from gan_mnist.data.pipelines import mixed_batches
from gan_mnist.data.subsets import Allotment, Subset, allot, held_out
from gan_mnist.evaluation.classification import classification_metrics
from gan_mnist.export import export_classifier, export_generator
from gan_mnist.files import write_json
from gan_mnist.generators.contract import TrainedGenerator
from gan_mnist.generators.gans import GANRecipe, generator_fingerprint, trained
from gan_mnist.settings import ClassifierSettings, TrainingSettings
from gan_mnist.study.settings import Settings
from gan_mnist.training.classifier import (
    Batches,
    ClassifierRecipe,
    predict,
    save_predictions,
    train_classifier,
)
from gan_mnist.training.tensorboard import log_trial


def begin(settings: Settings) -> Dataset:
    """Sets the precision, and loads the data set that `settings` name."""
    keras.config.set_dtype_policy(settings.precision)
    return load_dataset(
        settings.dataset,
        settings.data_dir,
        image_size=settings.image_size,
        channels=settings.channels,
    )


def device() -> str:
    """What trains: "GPU" or "CPU"."""
    return tf.config.list_logical_devices()[-1].device_type


SettingsT = TypeVar("SettingsT", bound=TrainingSettings)


class BaseTrial(Generic[SettingsT]):
    """What any trial does: load the data set, allot images, take its seconds, give the record.

    Attributes:
        dataset: What the images come from.
        workdir: Of the run.
        log_directory: For TensorBoard.
        seconds: Of generator, training and evaluation, added up as the steps are done.
        generators: Names of the directories of those that were asked for.
    """

    def __init__(self, experiment: str, settings: SettingsT, arm: str, seed: int, directory: Path):
        """Sets the precision and loads the data set; arguments as of `run_trial`."""
        self.dataset = begin(settings)
        self.workdir = directory.parents[2]
        self.log_directory = self.workdir / "tensorboard" / arm / f"seed-{seed:02d}"
        self.seconds = {"generator": 0.0, "training": 0.0, "evaluation": 0.0}
        self.generators: list[str] = []
        self._experiment, self._settings = experiment, settings
        self._arm, self._seed, self._directory = arm, seed, directory

    @functools.cached_property
    def test(self) -> Subset:
        """The test images of the trial's classes."""
        return held_out(self.dataset, self._settings.classes)

    def allot(self, counts: tuple[int, ...] | None) -> Allotment:
        """The training images of this seed."""
        settings = self._settings
        return allot(
            self.dataset, settings.classes, counts, self._seed, settings.validation_per_class
        )

    @contextlib.contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Adds the seconds of what is done within to `part`."""
        began = time.monotonic()
        yield
        self.seconds[part] += time.monotonic() - began

    @property
    def export_directory(self) -> Path | None:
        """Where this trial's models go; None for all seeds but the first, or where none shall."""
        if self._seed or not self._settings.export_dir:
            return None
        return Path(self._settings.export_dir) / self._experiment / self._arm

    def tell_export(self, directory: Path, metrics: Mapping[str, float]) -> None:
        """Writes `about.json` beside exported models: what they were trained on, and how good."""
        about = {"arm": self._arm, "seed": self._seed, "settings": self._settings.identity()}
        about |= {"dataset": self.dataset.provenance, "metrics": dict(metrics)}
        write_json(directory / "about.json", about)

    def record(self, metrics: Mapping[str, float], repeats: int = 1) -> dict[str, Any]:
        """What `run_trial` returns; training and evaluation are the seconds of one repeat."""
        settings = self._settings
        log_trial(
            self.log_directory / "held_out",
            f"{self._arm} seed {self._seed}",
            {"arm": self._arm, "seed": self._seed, **settings.identity()},
            metrics,
        )
        shares = {"generator": 1, "training": repeats, "evaluation": repeats}
        return {
            "metrics": dict(metrics),
            "seconds": {part: round(self.seconds[part] / n, 3) for part, n in shares.items()},
            "updates": settings.updates,
            "device": device(),
            "generators": self.generators,
            "dataset_sha256": self.dataset.sha256,
        }


class ClassifierTrial(BaseTrial[ClassifierSettings]):
    """One trial, step by step: allot images, train a classifier, judge it once, give the record."""

    def generator(
        self,
        recipe: GANRecipe,
        subset: Subset,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> TrainedGenerator:
        """The GAN of `recipe` trained on `subset`; see `trained`."""
        generator, seconds = trained(recipe, subset, self._seed, self.workdir, callbacks)
        self.seconds["generator"] += seconds
        self.generators.append(generator_fingerprint(recipe, subset, self._seed))
        return generator

    @property
    def augmentation(self) -> Augmentation | None:
        """What the settings say of classical augmentation."""
        settings = self._settings
        if not settings.classical:
            return None
        return Augmentation(
            settings.rotation_degrees,
            settings.shift,
            settings.zoom,
            settings.shear,
            settings.brightness,
            settings.flip == "always",
            settings.border,
        )

    def batches(self, *sources: tuple[Sequence[np.ndarray], int]) -> Batches:
        """Batches of so many rows of each source, augmented as the settings say."""
        return functools.partial(mixed_batches, sources, self.augmentation)

    def recipe(
        self, build: Callable[[tuple[int, int, int], int, int], keras.Model], **changes: Any
    ) -> ClassifierRecipe:
        """How the settings want the network of `build` trained, some fields changed."""
        settings = self._settings
        described: dict[str, Any] = {
            "image_shape": (settings.image_size, settings.image_size, settings.channels),
            "num_classes": len(settings.classes),
            "width": settings.width,
            "updates": settings.updates,
            "intervals": settings.intervals,
            "learning_rate": settings.learning_rate,
            "precision": settings.precision,
        }
        return ClassifierRecipe(build=build, **{**described, **changes})

    def train(
        self,
        recipe: ClassifierRecipe,
        batches: Batches,
        validation: Subset,
        repeat: int = 0,
        **options: Any,
    ) -> keras.Model:
        """A fresh classifier, trained; `options` as of `train_classifier`.

        Only the first of several repeats writes its curves beside the record and to TensorBoard.
        """
        model, seconds = train_classifier(
            recipe,
            batches,
            validation,
            (self._experiment, self._seed, repeat),
            self._directory / f"repeat-{repeat}" if repeat else self._directory,
            None if repeat else self.log_directory,
            **options,
        )
        self.seconds["training"] += seconds
        return model

    def examine(self, model: keras.Model) -> tuple[dict[str, float], np.ndarray]:
        """Metrics on the test images, and the probabilities float32 (n, k) that gave them."""
        with self.measured("evaluation"):
            probabilities = predict(model, self.test.images)
            metrics = classification_metrics(
                self.test.labels, probabilities, self._settings.classes
            )
        return metrics, probabilities

    def keep(
        self,
        model: keras.Model,
        probabilities: np.ndarray,
        metrics: Mapping[str, float],
        generator: Any = None,
    ) -> None:
        """Writes `predictions.csv`, `shown.npz` and, for the first seed, the exports."""
        save_predictions(self.test, probabilities, self._directory / "predictions.csv")
        _save_shown(self.test, probabilities, self._directory / "shown.npz")
        if (directory := self.export_directory) is None:
            return
        export_classifier(model, self._settings.classes, directory)
        if isinstance(generator, TrainedGenerator):
            export_generator(generator, self._settings.classes, directory)
        self.tell_export(directory, metrics)


def save_gallery(images: np.ndarray, path: Path) -> None:
    """Keeps uint8 images (n, H, W, C) for the report's row of this arm."""
    np.savez_compressed(path, images=images)


def _save_shown(test: Subset, probabilities: np.ndarray, path: Path, number: int = 12) -> None:
    """Keeps some test images, class by class in turn, with what they were called, for a figure."""
    by_class = [np.flatnonzero(test.labels == label) for label in range(len(test.class_names))]
    turns = [rows[i] for i in range(number) for rows in by_class if i < len(rows)]
    rows = np.array(turns[:number])
    names = np.array(test.class_names)
    np.savez_compressed(
        path,
        images=test.images[rows],
        label=names[test.labels[rows]],
        prediction=names[probabilities[rows].argmax(axis=1)],
        probability=probabilities[rows].max(axis=1),
    )
