"""The first of three steps: a classifier trained on few labels labels the other images."""

from dataclasses import asdict, fields, replace

import keras
import numpy as np

from gan_mnist.data.subsets import Subset
from gan_mnist.files import fingerprint
from gan_mnist.settings.augmentation import ELASTIC, WIDE, AugmentationSettings
from gan_mnist.training.classifier import predict, train_classifier
from gan_mnist.training.made_once import train_or_load_weights, weights_model
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.augmentation import build_augmentation

from .labelling import Labelling, Unlabelled
from .settings import FewLabelsSettings
from .study import STUDY

# Settings of augmentation; those that arms do not differ in may be set for all.
RANGES = [field.name for field in fields(AugmentationSettings)]
Table = tuple[np.ndarray, np.ndarray]
Steps = ClassifierSteps[FewLabelsSettings]


def pseudo_labelled(steps: Steps, labelling: Labelling) -> Subset:
    """The unlabelled images that the first classifier is sure of, with its predictions as labels.

    It is trained several times from new weights: on the labelled images and, from the second round
    on, those that the last one was sure of; always with elastic augmentation.
    The arms of a seed share it, whatever their own augmentation: the first that asks trains it and
    keeps it in `pseudo_labels/FINGERPRINT` of the run; others load it.
    """
    trial, settings = steps.trial, steps.trial.settings
    declared = {
        name: getattr(STUDY.settings, name) for name in RANGES if STUDY.differs_between_arms(name)
    }
    augmented_settings = replace(
        settings, **declared | {"classical": True, "augmentation": (WIDE, ELASTIC)}
    )
    recipe, stream = steps.recipe(), (trial.experiment, trial.seed, "first")
    augmentation = build_augmentation(augmented_settings)
    assert augmentation is not None
    config = {
        **asdict(recipe),
        "network": asdict(settings.choice),
        "augmentation": asdict(augmentation),
        "rows": settings.rows,
        "batch_size": settings.batch_size,
        "rounds": settings.rounds,
        "threshold": settings.threshold,
    }
    fingerprints = labelling.labelled.fingerprint, labelling.unlabelled.fingerprint
    directory = trial.workdir / "pseudo_labels" / fingerprint(config, *fingerprints, *stream)

    def train() -> tuple[keras.Model, float]:
        confident_table, seconds = None, 0.0
        for round_index in range(settings.rounds):
            model, round_seconds = train_classifier(
                recipe,
                steps.batches(
                    *shown_beside(settings, labelling.labelled, confident_table),
                    settings=augmented_settings,
                ),
                labelling.validation,
                (*stream, round_index),
                directory / f"round-{round_index}",
            )
            seconds += round_seconds
            if round_index + 1 < settings.rounds:
                confident = confident_predictions(model, labelling, settings.threshold)
                confident_table = confident.images, confident.labels
        return model, seconds

    network = weights_model(recipe)
    files = directory / "classifier.weights.h5", directory / "classifier.json"
    metadata = {"settings": config, "stream": list(stream)}
    steps.seconds["training"] += train_or_load_weights(network, *files, metadata, train)
    return confident_predictions(network, labelling, settings.threshold)


def confident_predictions(model: keras.Model, known: Labelling, threshold: float) -> Subset:
    """The unlabelled images to whose likeliest class `model` gives at least this probability."""
    unlabelled: Unlabelled = known.unlabelled
    if not len(unlabelled):
        return known.labelled.take(np.array([], int))
    probabilities = predict(model, unlabelled.images)
    rows = np.flatnonzero(probabilities.max(axis=1) >= threshold)
    labels = probabilities[rows].argmax(axis=1)
    return unlabelled.with_labels(rows, labels, known.labelled.class_names)


def shown_beside(
    settings: FewLabelsSettings, labelled: Subset, others: Table | None
) -> list[tuple[Table, int]]:
    """The sources of `batches`: labelled images, and others beside them if there are any."""
    labelled_table = labelled.images, labelled.labels
    if others is None or not len(others[0]):
        return [(labelled_table, settings.batch_size)]
    return list(zip((labelled_table, others), settings.rows, strict=True))
