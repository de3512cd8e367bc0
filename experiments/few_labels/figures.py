"""The figure of accuracy against the number of labels."""

from matplotlib.figure import Figure

from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture, by_number

from .findings import PREFIX


def accuracy(run: Run) -> Figure | None:
    """Mean accuracy with its interval, a line an arm; None where one number was tried."""
    return by_number(run, PREFIX, "labelled images a class", "accuracy")


PICTURES = (
    Picture(
        "few_labels",
        accuracy,
        "By the number of labels",
        "Means over seeds with 95 % intervals. Black (white on a dark page): labelled images "
        "alone; orange: augmentation, pseudo-labels and FixMatch; blue: generated images; green: "
        "all labels; grey: controls. Intervals of two arms may overlap though their paired "
        "difference is clear: the findings tell those.",
        always=False,
    ),
)
