"""How good is a small CNN on colour photographs, and what does augmentation add? Document 003."""

from dataclasses import dataclass

from gan_mnist.settings import SubsetSettings, resolve
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Picture, Preset, Study


@dataclass(frozen=True)
class CatsVsDogsSettings(SubsetSettings):
    """Settings of the photograph study. Source: specification, section 6."""

    image_size: int = setting(64, "height and width in pixels", low=8, high=512)
    channels: int = setting(3, "1 for grey, 3 for colour", low=1, high=3)
    updates: int = setting(3_200, "updates of the classifier", low=10, high=10_000_000)
    intervals: int = setting(
        32, "parts of the training after which accuracies are taken", low=1, high=100_000
    )
    batch_size: int = setting(32, "images a batch", low=1, high=100_000)
    rotation_degrees: float = setting(20.0, "classical: rotation in +-degrees", low=0, high=180)
    shift: float = setting(0.1, "classical: shift in +-sides", low=0, high=1)
    zoom: float = setting(0.0, "classical: scale in 1 +-", low=0, high=0.9)
    shear: float = setting(0.0, "classical: shear in +-radians", low=0, high=1)
    brightness: float = setting(0.2, "classical: brightness in 1 +-", low=0, high=1)
    border: str = setting(
        "nearest",
        "classical: what is shown beyond the edge: black, or the edge repeated",
        choices=("zero", "nearest"),
    )
    flip: str = setting(
        "auto",
        "classical: left and right exchanged in half of the images; auto: not of digits and kana",
        choices=("auto", "always", "never"),
    )


ARMS = (
    Arm("plain", {}, "the training images as they are", kind="control", source="document 003"),
    Arm("classical", {"classical": True},
        "every image rotated, shifted, made brighter or darker, mirrored or not (digits not)",
        source="document 003"),
)  # fmt: skip

STUDY = Study(
    name="cats_vs_dogs",
    question="How good is a CNN on small colour photographs, and does augmentation help it?",
    settings=CatsVsDogsSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"updates": 20, "intervals": 4, "width": 2, "images_per_class": 20}),
        "quick": Preset(3, {}),
        "paper": Preset(5, {"updates": 8_000}),
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
    run_trial="gan_mnist.experiments.cats_vs_dogs.trial:run_trial",
    resolve=resolve,
    curve=Metric("val_accuracy", "validation accuracy"),
    pictures=(
        Picture(
            "training",
            "gan_mnist.report.pictures:train_and_validation",
            "Training and validation",
            "Where the dashed line leaves the solid one behind, images are learnt by heart. "
            "Training is judged on the images as they are shown, augmented or with dropout.",
        ),
        Picture(
            "shown",
            "gan_mnist.report.pictures:predictions",
            "What is seen in a picture",
            "Test images as the control and the best arm call them, first seed; ✕ marks a mistake.",
        ),
    ),
)
