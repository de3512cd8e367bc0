"""What trials of all experiments share: their steps, and the models that they export."""

from gan_mnist.trials.steps import ClassifierSteps, Steps

__all__ = ["ClassifierSteps", "Steps"]
