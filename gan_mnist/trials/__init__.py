"""What trials of all experiments do: the steps they take, and the models they leave for others."""

from gan_mnist.trials.steps import ClassifierSteps, Steps

__all__ = ["ClassifierSteps", "Steps"]
