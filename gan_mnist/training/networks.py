"""The network that settings name, as a recipe takes it."""

from gan_mnist.models import classifiers
from gan_mnist.models.foreign import BuildForeign
from gan_mnist.models.names import CLASSIFIERS, Choice
from gan_mnist.training.classifier import BuildNetwork


def network_of(choice: Choice) -> BuildNetwork:
    """What builds the network of a choice; equal ones give equal builders."""
    if choice.kind == "ours":
        return getattr(classifiers, CLASSIFIERS[choice.classifier].name)
    return BuildForeign(choice)
