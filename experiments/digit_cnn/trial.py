"""One trial of the digit study: train on real images, test accuracy all along."""

from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .study import DigitCNNSettings


def run_trial(trial: Trial[DigitCNNSettings]) -> Outcome:
    """Trains and evaluates one classifier.

    The curves hold `test_accuracy`, as the source shows it. Nothing is chosen by it: the classifier
    that is evaluated is the last one.
    """
    steps, settings = ClassifierSteps(trial), trial.settings
    allotment = steps.allot(settings.counts)
    columns = (allotment.train.images, allotment.train.labels)
    model = steps.train(
        steps.recipe(width=settings.width * settings.times_as_wide, decay=settings.decay),
        steps.batches((columns, settings.batch_size)),
        allotment.validation,
        watched=("test", steps.test),
    )
    metrics, probabilities = steps.evaluate(model)
    steps.save_and_export(model, probabilities, metrics)
    return steps.outcome(metrics)
