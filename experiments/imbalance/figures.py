"""The figure of recall against the number of images that are left of the starved class."""

from matplotlib.figure import Figure

from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture, by_number

from .findings import PREFIX


def images_left(run: Run) -> Figure | None:
    """Mean recall with its interval, a line an arm; None where one number was tried."""
    return by_number(run, PREFIX, "images left of the starved class", "recall of the starved class")


PICTURES = (
    Picture(
        "images_left",
        images_left,
        "By the number of images that are left",
        "Means over seeds and turns, with 95 % intervals. Black (white on a dark page): "
        "nothing done; orange: plain rivals; blue: generated images; green: the real images back; "
        "grey: controls. Intervals of two arms may overlap though their paired difference is "
        "clear: the findings tell those.",
        always=False,
    ),
)
