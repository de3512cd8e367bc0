"""How good is a two-layer CNN on digits, and what does augmentation add?"""

from dataclasses import dataclass
from typing import ClassVar

from gan_mnist.settings import SubsetSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Preset, Study


@dataclass(frozen=True)
class DigitCNNSettings(SubsetSettings):
    """Settings of the digit study. Source: docs/sources.md#digit_cnn."""

    GROUP: ClassVar[str] = "network and training"

    decay: bool = setting(False, "cosine decay of the learning rate to 0")
    times_as_wide: int = setting(1, "factor by which width is multiplied", low=1, high=64)


ARMS = (
    Arm(
        "plain",
        {},
        "the training images as they are",
        kind="control",
        source="docs/sources.md#digit_cnn",
    ),
    Arm(
        "classical",
        {"classical": True},
        "every image rotated, shifted, zoomed and sheared at random",
    ),
    Arm("decay", {"decay": True}, "as plain; the learning rate falls to 0 along a cosine"),
    Arm("classical_decay", {"classical": True, "decay": True}, "as classical and decay, both"),
    Arm("wide_decay", {"times_as_wide": 2, "decay": True}, "as decay, with twice the channels"),
)

STUDY = Study(
    package=__package__,
    question="How good is a two-layer CNN on digits, and does classical augmentation help it?",
    settings=DigitCNNSettings(
        classifier="digit_cnn",
        width=4,
        updates=10_000,
        intervals=100,
        learning_rate=5e-3,
        rotation_degrees=8.0,
        shift=0.05,
        zoom=0.08,
        shear=0.15,
    ),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"updates": 40, "intervals": 4}),
        "quick": Preset(5, {}),
        "paper": Preset(10, {}),
    },
    control="plain",
    primary=(Pair("classical", "plain"), Pair("classical_decay", "decay")),
    metrics=(
        # At an accuracy of 0.98, a quarter of the errors.
        Metric("accuracy", "test accuracy", bounds=(0, 1), margin=0.005),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    curve=Metric("test_accuracy", "test accuracy"),
)
