"""Figures of the photograph study."""

from gan_mnist.report import pictures
from gan_mnist.report.pictures import Picture

PICTURES = (
    Picture(
        "training",
        pictures.train_and_validation,
        "Training and validation",
        "Where the dashed line leaves the solid one behind, images are learnt by heart. "
        "Training is judged on the images as they are shown, augmented or with dropout.",
    ),
    Picture(
        "shown",
        pictures.predictions,
        "What is seen in a picture",
        "Test images as the control and another arm call them, first seed; ✕ marks a mistake.",
    ),
)
