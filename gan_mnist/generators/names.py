"""Which generators there are, by name; nothing here imports TensorFlow.

A plan, `--list` and the settings need the names; the class behind one is imported where it runs.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        about: Whose images they are, in one line.
        module: Where the class is.
        name: The class, a `gan_mnist.generators.contract.Generator`.
        trains: Whether it is trained, which arms of a seed share.
    """

    about: str
    module: str
    name: str
    trains: bool = False


GANS, REAL = "gan_mnist.generators.gans", "gan_mnist.generators.real"
GENERATORS: Mapping[str, Row] = {
    "cgan": Row("a conditional GAN, of gan_architecture", GANS, "ConditionalRecipe", trains=True),
    "dagan": Row("a GAN that changes real images", GANS, "DAGANRecipe", trains=True),
    "warp_gan": Row("a GAN that warps real images", GANS, "WarpRecipe", trains=True),
    "copy": Row("the training images themselves", REAL, "RealImages"),
    "held_back": Row("real images that the trial may not see", REAL, "HeldBack"),
    "given": Row("images that were made elsewhere", "gan_mnist.generators.given", "GivenFolder"),
    "exported": Row("an exported generator", "gan_mnist.generators.exported", "ExportedGenerator"),
    "smote": Row("points between neighbours", "gan_mnist.generators.smote", "Smote"),
}
NONE = "none"
