"""Figures of the digit study."""

from gan_mnist.report import pictures
from gan_mnist.report.pictures import Picture

PICTURES = (
    Picture(
        "shown",
        pictures.predictions,
        "What is seen in a picture",
        "Test images as the control and another arm call them, first seed; ✕ marks a mistake.",
    ),
)
