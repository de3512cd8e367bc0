"""One trial of the study of few labels: a classifier at every number of labels."""

import functools
from dataclasses import replace

import numpy as np

from gan_mnist.data.images import as_uint8
from gan_mnist.data.pipelines import two_view_batches
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator
from gan_mnist.generators.names import NONE
from gan_mnist.settings.augmentation import ELASTIC, ERASING, WIDE
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.classifier import Batches, ClassifierRecipe
from gan_mnist.trials.augmentation import build_augmentation
from gan_mnist.trials.basics import OWN
from gan_mnist.trials.shown import in_turn

from .first import Steps, Table, pseudo_labelled, shown_beside
from .labelling import Labelling, without_labels
from .settings import FIXMATCH, TRUE_LABELS, FewLabelsSettings

GALLERY_IMAGES = 14


def run_trial(trial: Trial[FewLabelsSettings]) -> Outcome:
    """Trains and evaluates a classifier at every number of labels.

    `labels-N` in the trial's directory holds what belongs to N labels a class. An arm that does not
    apply at some number, as with a single image of a class, has no accuracy there.

    Raises:
        NotApplicable: If it does not apply at a number that the primary metric is computed for.
    """
    steps, settings = Steps(trial), trial.settings
    # With all labels told it does not matter how many there were.
    parts = {
        n: "all" if settings.unlabelled == TRUE_LABELS else str(n)
        for n in settings.labels_per_class
    }
    shown_part = parts[settings.primary_numbers[-1]]
    metrics_by_part: dict[str, dict[str, float]] = {}
    for number, part in parts.items():
        run = functools.partial(_run_number, steps, number, part, part == shown_part)
        try:
            if part not in metrics_by_part:
                is_judged = part in {parts[n] for n in settings.primary_numbers}
                metrics_by_part[part] = steps.part(f"labels-{part}", run, is_judged)
        except NotApplicable:
            if number in settings.primary_numbers:
                raise
    metrics = {
        "accuracy": float(
            np.mean([metrics_by_part[parts[n]]["accuracy"] for n in settings.primary_numbers])
        )
    }
    correct_at = {}
    for number, part in parts.items():
        part_metrics = metrics_by_part.get(part, {})
        metrics |= {f"{name}_at_{number}": part_metrics[name] for name in ("accuracy", "sure")
                    if name in part_metrics}  # fmt: skip
        if part_metrics:
            correct_at[f"accuracy_at_{number}"] = steps.correct_by_part[f"labels-{part}"][OWN]
    metrics |= steps.further.of(metrics_by_part[shown_part])
    updates = settings.updates * len(metrics_by_part)
    return steps.outcome(metrics, updates, at=correct_at, further_of=f"labels-{shown_part}")


def labelling_of(steps: Steps, number: int) -> Labelling:
    """The images of a trial at one number of labels: the first `number` of a class are labelled.

    Where an arm is told the labels of the others, all images are labelled.
    """
    settings, everything = steps.trial.settings, steps.allot(None)
    allotment = everything
    if settings.unlabelled != TRUE_LABELS:
        allotment = steps.allot((number,) * len(settings.classes))
    stream = steps.trial.stream("unlabelled")
    unlabelled = without_labels(everything.train, allotment.train, stream)
    return Labelling(allotment.train, unlabelled, allotment.validation)


def _run_number(steps: Steps, number: int, part: str, is_shown: bool) -> dict[str, float]:
    settings = steps.trial.settings
    metrics: dict[str, float] = {}
    labelling = labelling_of(steps, number)
    generator, others = None, None
    if settings.unlabelled == FIXMATCH:
        recipe, batches = _fixmatch(steps, labelling)
        others = labelling.unlabelled.images, np.zeros(len(labelling.unlabelled), np.int32)
    else:
        subset, source = labelling.labelled, settings.generator
        if settings.uses_pseudo_labels:
            confident = pseudo_labelled(steps, labelling)
            metrics["sure"] = len(confident) / max(1, len(labelling.unlabelled))
            subset, others = _joined(subset, confident), (confident.images, confident.labels)
        if source != NONE:
            empty = subset.take(np.array([], int))
            generator = steps.generator(Allotment(subset, empty, labelling.validation))
            assert generator is not None
            others = _generated(steps, generator)
        recipe = steps.recipe()
        batches = steps.batches(*shown_beside(settings, labelling.labelled, others))
    if is_shown:
        _save_gallery(steps, labelling.labelled, others)
    model = steps.train(recipe, batches, labelling.validation, part=f"labels-{part}")
    test_metrics, probabilities = steps.evaluate(model)
    if is_shown:
        steps.save_and_export(model, probabilities, test_metrics, generator)
    return metrics | {"accuracy": test_metrics["accuracy"]} | dict(steps.further.of(test_metrics))


def _fixmatch(steps: Steps, labelling: Labelling) -> tuple[ClassifierRecipe, Batches]:
    """Weak changes are those of `classical`; strong ones are wider, elastic, and erase a box."""
    settings = steps.trial.settings
    if not len(labelling.unlabelled):
        raise NotApplicable("there is no image without a label")
    strong_augmentation = build_augmentation(
        replace(settings, augmentation=(WIDE, ELASTIC, ERASING))
    )
    labelled = labelling.labelled.images, labelling.labelled.labels
    batches = functools.partial(
        two_view_batches, labelled, labelling.unlabelled.images, settings.rows, steps.augmentation,
        strong_augmentation,
    )  # fmt: skip
    return steps.recipe(loss="fixmatch"), batches


def _joined(first: Subset, second: Subset) -> Subset:
    return Subset(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        first.class_names,
        first.filenames + second.filenames,
    )


def _generated(steps: Steps, generator: Generator) -> Table:
    """uint8 images and int32 labels, class by class: as many as are wanted, or as there are."""
    settings = steps.trial.settings
    counts = np.full(len(settings.classes), settings.generated_per_class)
    if generator.supply is not None:
        counts = np.minimum(counts, generator.supply)
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    images, assigned_labels = steps.generate(generator, labels, "generated")
    return as_uint8(images), assigned_labels


def _save_gallery(steps: Steps, labelled: Subset, others: Table | None) -> None:
    """An image of each label in turn, of what is shown beside the labelled images, if anything."""
    images, labels = labelled.images, labelled.labels
    if others is not None and len(others[0]):
        images, labels = others
    steps.save_gallery(images[in_turn(labels, GALLERY_IMAGES)])
