"""The network of a trial, as its settings describe it."""

from typing import Any

from gan_mnist.errors import NotApplicable
from gan_mnist.models import classifiers
from gan_mnist.models.foreign import BuildForeign
from gan_mnist.models.names import CLASSIFIERS, ClassifierChoice
from gan_mnist.study.trial import Trial
from gan_mnist.training.classifier import BuildNetwork


def network_builder(choice: ClassifierChoice) -> BuildNetwork:
    """The function that builds the network of a choice; equal choices give equal ones."""
    if choice.kind == "ours":
        return getattr(classifiers, CLASSIFIERS[choice.classifier].name)
    return BuildForeign(choice)


def check_width(trial: Trial[Any], width: int) -> None:
    """Raises `NotApplicable` if the arm sets the width of a network whose width is fixed."""
    arm_changes = [arm.changes for arm in trial.study.arms if arm.name == trial.arm]
    is_changed = width != trial.settings.width or any("width" in changes for changes in arm_changes)
    if is_changed and trial.settings.choice.kind in ("saved", "application"):
        raise NotApplicable("the classifier has a width of its own, which no arm can change")
