"""The names of all generators; nothing here imports TensorFlow.

A plan, `--list` and the settings need the names; the class behind one is imported where it runs.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        about: What its images are, in one line.
        module: Where the class is.
        name: The class, a generator or a recipe, whose `create` returns the generator.
        trains: Whether it is trained; arms of a seed share the training.
        divides: Whether its training can run on several devices.
        elsewhere: Whether its images were made elsewhere, whatever the trial's own are.
        is_real: Whether its images are real ones, of which none is made.
    """

    about: str
    module: str
    name: str
    trains: bool = False
    divides: bool = False
    elsewhere: bool = False
    is_real: bool = False


GANS, REAL = "gan_mnist.generators.gans", "gan_mnist.generators.real"
FLOW = "gan_mnist.generators.vae_flow"
GENERATORS: Mapping[str, Row] = {
    "cgan": Row(
        "a conditional GAN, of gan_architecture",
        GANS,
        "ConditionalRecipe",
        trains=True,
        divides=True,
    ),
    "r3gan": Row(
        "a cgan with a loss of pairs and gradient penalties",
        GANS,
        "R3GANRecipe",
        trains=True,
        divides=True,
    ),
    "vae_flow": Row("an autoencoder and a flow on its codes", FLOW, "VAEFlowRecipe", trains=True),
    "bagan": Row(
        "a conditional GAN that begins as an autoencoder", GANS, "BAGANRecipe", trains=True
    ),
    "dagan": Row("a GAN that changes real images", GANS, "DAGANRecipe", trains=True, divides=True),
    "warp_gan": Row("a GAN that warps real images", GANS, "WarpRecipe", trains=True),
    "deformations": Row(
        "real images, moved as pairs of one class were found to be moved",
        "gan_mnist.generators.deformations",
        "DeformationRecipe",
        trains=True,
    ),
    "copy": Row("the training images themselves", REAL, "RealImages", is_real=True),
    "held_back": Row("real images that the trial may not see", REAL, "HeldBack", is_real=True),
    "given": Row(
        "images that were made elsewhere",
        "gan_mnist.generators.given",
        "GivenFolder",
        elsewhere=True,
    ),
    "exported": Row(
        "an exported generator",
        "gan_mnist.generators.exported",
        "ExportedGenerator",
        elsewhere=True,
    ),
    "mixture": Row(
        "points of a Gaussian mixture a class", "gan_mnist.generators.mixture", "Mixture"
    ),
    "smote": Row("points between neighbours", "gan_mnist.generators.smote", "Smote"),
}
NONE = "none"
