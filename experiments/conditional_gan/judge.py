"""The judge of a seed: a classifier of real images, trained once and kept for all of its arms."""

import dataclasses
import functools

import keras
from filelock import FileLock

from experiments.conditional_gan.study import ConditionalGANSettings
from gan_mnist.classification import ClassifierSettings
from gan_mnist.classifiers import ClassifierRecipe, train_classifier
from gan_mnist.data.subsets import Allotment
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.files import fingerprint, read_json, write_json
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training import loaded
from gan_mnist.trials import ClassifierTrial


def trained_judge(
    settings: ConditionalGANSettings, trial: ClassifierTrial, allotment: Allotment, seed: int
) -> tuple[FrozenClassifier, float]:
    """A `SmallCNN` trained on the training images of this seed, and on nothing else.

    The first call trains it and keeps it in `judges/FINGERPRINT` of the run; others load it.

    Returns:
        The judge, and the seconds that its training took, whenever that was.
    """
    identity = settings.identity()
    names = {field.name for field in dataclasses.fields(ClassifierSettings)}
    of_classifier = {name: value for name, value in identity.items() if name in names}
    key = fingerprint("judge", of_classifier, allotment.train.fingerprint, seed)
    directory = trial.workdir / "judges" / key
    directory.mkdir(parents=True, exist_ok=True)
    recipe = trial.recipe(build_small_cnn)
    network, weights = _network(recipe), directory / "judge.weights.h5"
    with FileLock(directory / ".lock"):
        about = read_json(directory / "judge.json", "seconds")
        if about is None or not loaded(network, weights):
            columns = (allotment.train.images, allotment.train.labels)
            model, seconds = train_classifier(
                recipe,
                trial.batches((columns, settings.batch_size)),
                allotment.validation,
                ("conditional_gan", seed, "judge"),
                directory,
            )
            model.save_weights(weights)
            about = {"seconds": seconds, "settings": of_classifier, "seed": seed}
            write_json(directory / "judge.json", about)
            network.load_weights(weights)
    return FrozenClassifier(network), about["seconds"]


@functools.lru_cache(maxsize=1)
def _network(recipe: ClassifierRecipe) -> keras.Model:
    """What weights are loaded into; the network that is trained has an optimizer besides."""
    return recipe.build(recipe.image_shape, recipe.num_classes, recipe.width)
