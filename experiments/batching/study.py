"""How many images should an update look at: one, a batch, or all? Document 003."""

from dataclasses import dataclass

from gan_mnist import settings as shared_settings
from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Picture, Preset, Study


@dataclass(frozen=True)
class BatchingSettings(SubsetSettings):
    """Settings of the batching study. Source: specification, section 7."""

    width: int = setting(4, "of the classifier: channels of its first layer", low=1, high=10_000)
    epochs: int = setting(
        25, "passes over the training images, in every arm", low=1, high=1_000_000
    )
    updates: int = setting(0, "none to set: they follow from epochs and arm", low=0, high=0)
    intervals: int = setting(
        25, "parts of the training after which the curves have a point", low=1, high=100_000
    )
    batch_size: int = setting(100, "images a batch; 0: all", low=0, high=100_000)


def resolve(settings: BatchingSettings, dataset: Dataset) -> BatchingSettings:
    """Checks that points of the curves lie where passes end, besides what every experiment does.

    Raises:
        InputError: If they do not.
    """
    if settings.epochs % settings.intervals:
        raise InputError(
            f"setting epochs: {settings.epochs} is not accepted; accepted with "
            f"intervals={settings.intervals}: multiples of {settings.intervals}"
        )
    return shared_settings.resolve(settings, dataset)


def schedule(settings: BatchingSettings, num_images: int) -> tuple[int, int]:
    """How many updates, and of how many images each.

    Every arm sees the same number of images in each interval. It is divided into equal batches, as
    near to the wanted size as that allows, and never larger than all images: of 3,600 images four
    batches of 900 are made where 1,000 are wanted. What rounding adds or drops is less than half
    an image an update.

    Args:
        settings: Of the arm.
        num_images: Training images.

    Returns:
        Updates, a multiple of `intervals`, and images a batch.
    """
    images = num_images * (settings.epochs // settings.intervals)
    wanted = min(settings.batch_size or num_images, num_images)
    updates = round(images / wanted)
    return updates * settings.intervals, round(images / updates)


ARMS = (
    Arm("mini_batch", {"batch_size": 100}, "about 100 images an update, all where there are fewer",
        kind="control", source="document 003"),
    Arm("full_batch", {"batch_size": 0}, "all training images in every update",
        source="document 003"),
    Arm("online", {"batch_size": 1}, "one image an update", source="document 003"),
    Arm("mini_batch_10", {"batch_size": 10}, "about 10 images an update"),
    Arm("mini_batch_1000", {"batch_size": 1000},
        "about 1,000 images an update, all where there are fewer"),
)  # fmt: skip

STUDY = Study(
    name="batching",
    question="How many images should an update look at: one, a batch, or all?",
    settings=BatchingSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"images_per_class": 20, "epochs": 10, "intervals": 5}),
        "quick": Preset(5, {}),
        "paper": Preset(10, {}),
    },
    control="mini_batch",
    oracle=None,
    metrics=(
        Metric("accuracy", "test accuracy", bounds=(0, 1)),
        Metric("loss", "test cross-entropy (nats)", higher_is_better=False),
        Metric("images_per_second", "images seen a second of training"),
        Metric(
            "peak_memory_mb", "rise of resident memory by training (MB)", higher_is_better=False
        ),
        Metric("images_seen", "images seen"),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    expectations=(),
    run_trial="gan_mnist.experiments.batching.trial:run_trial",
    resolve=resolve,
    curve=Metric("val_accuracy", "validation accuracy"),
    pictures=(
        Picture(
            "accuracy_cost",
            "gan_mnist.report.pictures:against_cost",
            "Accuracy against updates and against seconds",
            "The same images seen in the same number of passes: many cheap updates or few dear "
            "ones. Lines are means over seeds, bands reach from the lowest to the highest.",
        ),
        Picture(
            "loss_cost",
            "gan_mnist.experiments.batching.figures:loss",
            "Loss against updates and against seconds",
            "The same for the cross-entropy on validation images.",
        ),
    ),
)
