"""The network that settings name, as a recipe takes it."""

import importlib

from gan_mnist.models.names import CLASSIFIERS
from gan_mnist.settings import NetworkSettings
from gan_mnist.training.classifier import BuildNetwork


def network_of(settings: NetworkSettings) -> BuildNetwork:
    """What builds the classifier of `settings`; equal ones give equal builders."""
    row = CLASSIFIERS[settings.classifier]
    return getattr(importlib.import_module("gan_mnist.models.classifiers"), row.name)
