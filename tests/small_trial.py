"""Trials on data sets that are given, not loaded; and a made-up one of three classes.

Of each class it has twelve training and five test images.
"""

from dataclasses import replace

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.spec import Arm, Metric, Study
from gan_mnist.study.trial import Trial
from gan_mnist.trials import ClassifierSteps

SHAPE = (8, 8, 1)
CLASSES = ("cat", "ape")
SETTINGS = SubsetSettings(
    image_size=8,
    channels=1,
    classes=CLASSES,
    validation_per_class=3,
    width=2,
    updates=20,
    batch_size=5,
)
STUDY = Study(
    package="tests.study",
    question="Does anything help?",
    settings=SETTINGS,
    arms=(Arm("some", {}, "the images as they are", kind="control"),),
    control="some",
    metrics=(Metric("accuracy", "accuracy"),),
    presets={},
)
# Of the ten test images of two classes: one of the first class is called the second.
LOGITS = np.random.default_rng(0).uniform(0, 1, (10, 2)).astype(np.float32)
LOGITS[np.arange(10), [1, 0, 0, 0, 0, 1, 1, 1, 1, 1]] += 2


def _split(num, seed):
    labels = np.arange(3 * num) % 3
    images = np.random.default_rng(seed).integers(0, 256, (3 * num, *SHAPE), np.uint8)
    return Split(images, labels, tuple(f"{seed}-{row}.png" for row in range(3 * num)))


DATASET = Dataset("animals", "made up", ("ape", "bee", "cat"), _split(12, 0), _split(5, 1))


def make_trial(study, arm, seed, settings, workdir, dataset=DATASET):
    """A trial as the engine hands it over, with its directory, on `dataset` as it is."""
    trial = Trial(study, arm, seed, settings, dataset.provenance, workdir)
    trial.directory.mkdir(parents=True, exist_ok=True)
    # Where a cached property keeps what it has loaded.
    trial.__dict__["dataset"] = dataset
    return trial


def make_steps(workdir, arm="some", seed=0, **changes):
    """The steps of a trial on the made-up data set; `changes` are of `SETTINGS`."""
    settings = replace(SETTINGS, **changes)
    return ClassifierSteps(make_trial(STUDY, arm, seed, settings, workdir))


class Fixed:
    """A model that gives `LOGITS` whatever the images, and remembers them."""

    def predict_on_batch(self, images):
        self.images = images
        return LOGITS
