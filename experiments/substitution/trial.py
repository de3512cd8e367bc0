"""One trial of the substitution study: real or generated images in, a ROC curve a class out."""

import numpy as np

from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.classification import class_aucs, roc_points
from gan_mnist.files import write_rows
from gan_mnist.generators.contract import Generator
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .study import SubstitutionSettings

GALLERY_IMAGES = 14

Table = tuple[np.ndarray, np.ndarray]
Steps = ClassifierSteps[SubstitutionSettings]


def run_trial(trial: Trial[SubstitutionSettings]) -> Outcome:
    """Trains and judges one classifier; `roc.csv` holds a curve a class.

    Raises:
        NotApplicable: If the generator has no images for such classes, or there is none.
    """
    steps, settings = Steps(trial), trial.settings
    images = steps.allot(settings.counts)
    generator = steps.generator(images)
    tables = _tables(steps, images.train, generator)
    _save_gallery(steps, tables)

    # Of an odd batch the larger part is real.
    sizes = [(settings.batch_size + i) // len(tables) for i in reversed(range(len(tables)))]
    batches = steps.batches(*zip(tables, sizes, strict=True))
    model = steps.train(steps.recipe(), batches, images.validation)
    metrics, probabilities = steps.evaluate(model)
    judged = (steps.test.labels, probabilities, settings.classes)
    metrics |= class_aucs(*judged)
    write_rows(trial.directory / "roc.csv", roc_points(*judged))
    steps.keep(model, probabilities, metrics, generator)
    return steps.outcome(metrics)


def _tables(steps: Steps, subset: Subset, generator: Generator | None) -> list[Table]:
    """What batches are drawn from: uint8 images and int32 labels, real ones first."""
    settings, tables = steps.trial.settings, []
    if settings.trained_on != "generated":
        tables.append((_in_order(subset.images, subset.labels), subset.labels))
    if settings.trained_on != "real":
        if generator is None:
            raise NotApplicable("there is no generator whose images it could be trained on")
        # A copier is not capped: it must hand out what `real_only` is trained on.
        most = len(subset) if settings.generator == "copy" else settings.generated_images
        wanted = min(len(subset), most)
        # Labels at even steps through the classes have the real proportions.
        labels = subset.labels[np.arange(wanted) * len(subset) // wanted]
        images, shown = steps.generate(generator, labels, "generated")
        tables.append((_in_order(as_uint8(images), labels), shown))
    return tables


def _in_order(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Images class by class, as the `labels` are, and within a class by pixels.

    Equal sets of images thus make equal tables, and equal trainings; and the classes of a batch are
    the same in all arms whose tables are as long.
    """
    return images[sorted(range(len(labels)), key=lambda i: (labels[i], images[i].tobytes()))]


def _save_gallery(steps: Steps, tables: list[Table]) -> None:
    """One image of each class in turn, from each table in turn."""
    shown, rng = [], np.random.default_rng(0)
    for turn in range(GALLERY_IMAGES):
        images, labels = tables[turn % len(tables)]
        # Of few images under wrong labels a class may have none.
        of_class = np.flatnonzero(labels == turn % len(steps.trial.settings.classes))
        shown.append(images[rng.choice(of_class if len(of_class) else len(labels))])
    steps.save_gallery(np.stack(shown))
