"""How good is a two-layer CNN on digits, and what does augmentation add? Document 003."""

from dataclasses import dataclass

from gan_mnist.settings import SubsetSettings, resolve
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Picture, Preset, Study


@dataclass(frozen=True)
class DigitCNNSettings(SubsetSettings):
    """Settings of the digit study. Source: specification, section 5."""

    width: int = setting(4, "of the classifier: channels of its first layer", low=1, high=10_000)
    updates: int = setting(10_000, "updates of the classifier", low=10, high=10_000_000)
    intervals: int = setting(
        100, "parts of the training after which accuracies are taken", low=1, high=100_000
    )
    learning_rate: float = setting(5e-3, "of Adam, for the classifier", low=1e-8, high=1)
    decay: bool = setting(False, "the learning rate falls to 0 along a half cosine")
    rotation_degrees: float = setting(8.0, "classical: rotation in +-degrees", low=0, high=180)
    shift: float = setting(0.05, "classical: shift in +-sides", low=0, high=1)
    zoom: float = setting(0.08, "classical: scale in 1 +-", low=0, high=0.9)
    shear: float = setting(0.15, "classical: shear in +-radians", low=0, high=1)


ARMS = (
    Arm("plain", {}, "the training images as they are", kind="control", source="document 003"),
    Arm("classical", {"classical": True}, "every image rotated, shifted, zoomed and sheared"),
    Arm("decay", {"decay": True}, "as they are; the learning rate falls to 0 along a cosine"),
    Arm("classical_decay", {"classical": True, "decay": True}, "both"),
    Arm("wide_decay", {"width": 8, "decay": True}, "as decay, with twice the channels"),
)

STUDY = Study(
    name="digit_cnn",
    question="How good is a two-layer CNN on digits, and does classical augmentation help it?",
    settings=DigitCNNSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"updates": 40, "intervals": 4}),
        "quick": Preset(5, {}),
        "paper": Preset(10, {}),
    },
    control="plain",
    oracle=None,
    metrics=(
        Metric("accuracy", "test accuracy", bounds=(0, 1)),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    expectations=(),
    run_trial="gan_mnist.experiments.digit_cnn.trial:run_trial",
    resolve=resolve,
    curve=Metric("test_accuracy", "test accuracy"),
    pictures=(
        Picture(
            "shown",
            "gan_mnist.report.pictures:predictions",
            "What is seen in a picture",
            "Test images as the control and the best arm call them, first seed; ✕ marks a mistake.",
        ),
    ),
)
