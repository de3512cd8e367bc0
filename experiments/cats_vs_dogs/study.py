"""How good is a small CNN on colour photographs, and what does augmentation add?"""

from gan_mnist.settings import SubsetSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm, Metric, Preset, Study

SOURCE = "docs/sources.md#cats_vs_dogs"
ARMS = (
    Arm("plain", {}, "the training images as they are", kind="control", source=SOURCE),
    Arm("classical", {"classical": True},
        "every image rotated, shifted, made brighter or darker and, but for digits, mirrored at "
        "random",
        source=SOURCE),
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="How good is a CNN on small colour photographs, and does augmentation help it?",
    settings=SubsetSettings(
        classifier="colour_cnn",
        image_size=64,
        channels=3,
        updates=3_200,
        intervals=32,
        batch_size=32,
        rotation_degrees=20.0,
        shift=0.1,
        zoom=0.0,
        shear=0.0,
        brightness=0.2,
        border="nearest",
        flip="auto",
    ),
    arms=ARMS,
    presets={
        "smoke": Preset(2, {"updates": 20, "intervals": 4, "width": 2, "images_per_class": 20}),
        "quick": Preset(5, {}),
        "paper": Preset(5, {"updates": 8_000}),
    },
    control="plain",
    primary=(Pair("classical", "plain"),),
    metrics=(
        # One image in a hundred: less would change nobody's choice of a classifier.
        Metric("accuracy", "test accuracy", bounds=(0, 1), margin=0.01),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    curve=Metric("val_accuracy", "validation accuracy"),
)
