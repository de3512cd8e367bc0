"""Figures of the batching study."""

import dataclasses

from matplotlib.figure import Figure

from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture, against_cost

LOSS = {"name": "val_loss", "label": "validation loss"}


def loss(run: Run) -> Figure | None:
    """The validation loss of all arms against updates and against seconds."""
    return against_cost(dataclasses.replace(run, study={**run.study, "curve": LOSS}))


PICTURES = (
    Picture(
        "accuracy_cost",
        against_cost,
        "Accuracy against updates and against seconds",
        "The same images seen in the same number of passes: many cheap updates or few dear "
        "ones. Lines are means over seeds, bands reach from the lowest to the highest.",
    ),
    Picture(
        "loss_cost",
        loss,
        "Loss against updates and against seconds",
        "The same for the cross-entropy on validation images.",
    ),
)
