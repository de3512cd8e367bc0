"""Figures of the substitution study."""

from gan_mnist.report import study_figures
from gan_mnist.report.study_figures import Picture

PICTURES = (
    Picture(
        "roc_curves",
        study_figures.roc_curves,
        "What each class costs",
        "Each class against all others. The axis of false positives is logarithmic. In the "
        "corner: the area under the curve, mean over seeds.",
    ),
)
