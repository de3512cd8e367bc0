"""Figures of the substitution study."""

from gan_mnist.report import pictures
from gan_mnist.report.pictures import Picture

PICTURES = (
    Picture(
        "roc_curves",
        pictures.roc_curves,
        "What each class costs",
        "Each class against all others. The axis of false positives is logarithmic. In the "
        "corner: the area under the curve, mean over seeds.",
    ),
)
