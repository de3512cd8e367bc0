"""Wrong labels in every experiment that shows generated images, by the settings alone.

`slow_every_generator.py` has every generator in each of them.
"""

import numpy as np
import pytest
from every_generator import DATASET, GENERATING, level_class, settings_of
from small_trial import make_trial

from gan_mnist.trials import steps as trials

every_experiment = pytest.mark.parametrize("name", GENERATING)


class _Stopped(Exception):
    pass


@pytest.mark.slow
@every_experiment
@pytest.mark.parametrize("shuffled", [False, True])
def test_generated_images_are_shown_under_wrong_labels_if_they_shall_be(
    name, shuffled, tmp_path, monkeypatch
):
    """What images show tells whether a label is right; a copier's images show their class."""
    study, shown = GENERATING[name], []
    generate = trials.ClassifierSteps.generate

    def spy(*arguments):
        images, labels = generate(*arguments)
        shown.append((level_class(images), labels))
        return images, labels

    def train_classifier(recipe, batches, *others, **options):
        raise _Stopped(batches(0, 0))

    monkeypatch.setattr(trials.ClassifierSteps, "generate", spy)
    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    settings = settings_of(study, "copy", shuffled_labels=shuffled)
    with pytest.raises(_Stopped) as stopped:
        study.part("trial").run_trial(make_trial(study, "some", 0, settings, tmp_path, DATASET))
    true, labels = shown[0]
    assert ((true != labels) == shuffled).all()
    assert set(labels) <= {0, 1, 2}
    # And so they come to the classifier, real ones among them under right labels.
    batches = list(stopped.value.args[0].take(4).as_numpy_iterator())
    wrong = [level_class(images) != labels for images, labels, *_ in batches]
    assert np.concatenate(wrong).any() == shuffled
