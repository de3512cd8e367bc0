"""Figures of the photograph study."""

from gan_mnist.report import study_figures
from gan_mnist.report.study_figures import Picture

PICTURES = (
    Picture(
        "training",
        study_figures.train_and_validation,
        "Training and validation",
        "Where the dashed line leaves the solid one behind, images are learnt by heart. "
        "Training is judged on the images as they are shown, augmented or with dropout.",
    ),
    Picture(
        "shown",
        study_figures.predictions,
        "What is seen in a picture",
        "Test images as the control and another arm call them, first seed; ✕ marks a mistake.",
    ),
)
