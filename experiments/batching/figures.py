"""The figure of the loss; that of accuracy is shared with other studies."""

import dataclasses

from matplotlib.figure import Figure

from gan_mnist.report.pictures import against_cost
from gan_mnist.report.run_files import Run

LOSS = {"name": "val_loss", "label": "validation loss"}


def loss(run: Run) -> Figure | None:
    """The validation loss of all arms against updates and against seconds."""
    return against_cost(dataclasses.replace(run, study={**run.study, "curve": LOSS}))
