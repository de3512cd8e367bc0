"""Which arms show images that a generator made."""

from gan_mnist.generators.names import GENERATORS, NONE, REAL
from gan_mnist.study.spec import Arm


def shows_made_images(arm: Arm) -> bool:
    """Whether the arm has a generator, and one that hands out no real images."""
    name = arm.changes.get("generator", NONE)
    return name != NONE and GENERATORS[name].module != REAL
