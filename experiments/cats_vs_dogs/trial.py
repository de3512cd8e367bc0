"""One trial of the photograph study: train on colour images, as they are or augmented."""

from gan_mnist.settings import SubsetSettings
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps


def run_trial(trial: Trial[SubsetSettings]) -> Outcome:
    """Trains and evaluates one classifier; validation and test images are never augmented."""
    steps = ClassifierSteps(trial)
    allotment = steps.allot(trial.settings.counts)
    columns = (allotment.train.images, allotment.train.labels)
    model = steps.train(
        steps.recipe(),
        steps.batches((columns, trial.settings.batch_size)),
        allotment.validation,
    )
    metrics, probabilities = steps.evaluate(model)
    steps.save_and_export(model, probabilities, metrics)
    return steps.outcome(metrics)
