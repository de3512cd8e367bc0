"""Figures of the digit study."""

from gan_mnist.report import study_figures
from gan_mnist.report.study_figures import Picture

PICTURES = (
    Picture(
        "shown",
        study_figures.predictions,
        "What is seen in a picture",
        "Test images as the control and another arm call them, first seed; ✕ marks a mistake.",
    ),
)
