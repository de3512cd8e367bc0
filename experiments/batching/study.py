"""How many images should an update look at: one, a batch, or all?"""

from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Preset, Study


@dataclass(frozen=True)
class BatchingSettings(SubsetSettings):
    """Settings of the batching study. Source: docs/sources.md#batching."""

    GROUP: ClassVar[str] = "network and training"

    epochs: int = setting(
        25, "passes over the training images, the same in every arm", low=1, high=1_000_000
    )
    updates: int = setting(0, "fixed at 0: they follow from epochs and batch_size", low=0, high=0)
    batch_size: int = setting(100, "images per batch; 0: all", low=0, high=100_000)

    def resolve(self, dataset: Dataset) -> Self:
        """As `resolve` of the other settings; checks that each interval ends where a pass does.

        Raises:
            InputError: As there, and if `epochs` is not a multiple of `intervals`.
        """
        if self.epochs % self.intervals:
            raise InputError(
                f"setting epochs: {self.epochs} is not accepted; accepted with "
                f"intervals={self.intervals}: multiples of {self.intervals}"
            )
        return super().resolve(dataset)

    def schedule(self, num_images: int) -> tuple[int, int]:
        """The number of updates and the batch size.

        Every arm sees the same number of images in each interval. It is divided into equal batches,
        as near to the wanted size as that allows, and never larger than all images: of 3,600 images
        four batches of 900 are made where 1,000 are wanted. What rounding adds or drops is less
        than half an image an update.

        Args:
            num_images: Training images.

        Returns:
            Updates, a multiple of `intervals`, and images a batch.
        """
        interval_images = num_images * (self.epochs // self.intervals)
        target_size = min(self.batch_size or num_images, num_images)
        interval_updates = round(interval_images / target_size)
        return interval_updates * self.intervals, round(interval_images / interval_updates)


ARMS = (
    Arm("mini_batch", {"batch_size": 100}, "about 100 images an update, all where there are fewer",
        kind="control", source="docs/sources.md#batching"),
    Arm("full_batch", {"batch_size": 0}, "all training images in every update",
        source="docs/sources.md#batching"),
    Arm("online", {"batch_size": 1}, "one image an update", source="docs/sources.md#batching"),
    Arm("mini_batch_10", {"batch_size": 10}, "about 10 images an update"),
    Arm("mini_batch_1000", {"batch_size": 1000},
        "about 1,000 images an update, all where there are fewer"),
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="How many images should an update look at: one, a batch, or all?",
    settings=BatchingSettings(classifier="digit_cnn", width=4, intervals=25),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"images_per_class": 20, "epochs": 10, "intervals": 5}),
        "quick": Preset(5, {}),
        "paper": Preset(10, {}),
    },
    control="mini_batch",
    primary=(Pair("online", "mini_batch"), Pair("full_batch", "mini_batch")),
    metrics=(
        # One image in a hundred: less would change nobody's choice of a classifier.
        Metric("accuracy", "test accuracy", bounds=(0, 1), margin=0.01),
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
    curve=Metric("val_accuracy", "validation accuracy"),
)
