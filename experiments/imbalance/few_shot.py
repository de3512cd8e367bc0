"""Rivals from few-shot learning: fine-tuning from donor classes, and nearest prototypes."""

from collections.abc import Callable

import keras
import numpy as np

from gan_mnist.data.pipelines import Repeated
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.inference import predict_in_chunks
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.trials import ClassifierSteps

from .rows import TrainingRows
from .settings import ImbalanceSettings
from .turns import part_of_turn, stream_of_turn


def pretrain_on_donors(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    recipe: ClassifierRecipe,
    training_set: TrainingRows,
    validation: Subset,
    turn: str = "",
) -> Callable[[keras.Model], None]:
    """Trains on the *donors*, the classes that are not rare, for as many updates as afterwards.

    Args:
        steps: Steps of the trial.
        settings: Settings of the trial or of a turn.
        recipe: The recipe of this training and of the one that follows.
        training_set: The training set of the training that follows.
        validation: Images for the `val_*` columns of the curves.
        turn: Folder of the turn, which keys its streams; empty where there are none. They are those
            of the training that follows, so that what is drawn is as in other arms.

    Returns:
        A function that gives a network the weights that were learnt.

    Raises:
        NotApplicable: If every class is rare.
    """
    donor_rows = np.flatnonzero(~np.isin(training_set.labels, settings.rare))
    if not len(donor_rows):
        raise NotApplicable("every class is rare; there are none to learn from first")
    donor_columns = tuple(Repeated(column, donor_rows) for column in training_set)
    batches = steps.batches((donor_columns, settings.batch_size), settings=settings)
    model = steps.train(
        recipe,
        batches,
        validation,
        part=part_of_turn(turn, "donors"),
        stream=stream_of_turn(turn),
    )
    weights = model.get_weights()
    return lambda network: network.set_weights(weights)


def classify_by_prototypes(model: keras.Model, train: Subset) -> None:
    """Makes a classifier predict the class whose *prototype* is nearest to an image.

    The prototype of a class is the mean of the last layer's inputs for its images. The nearest
    prototype p of features x is the one with the largest 2 p . x - |p|^2. That is a dense layer:
    its weights become those of the last one.

    Args:
        model: A classifier that ends in a dense layer with a bias and without activation.
        train: The training images, each class among them.

    Raises:
        NotApplicable: If the model ends in another layer.

    Source: Snell et al. 2017 (arXiv 1703.05175), equations 1 and 8. What differs: the network
    learnt as a classifier, not in episodes.
    """
    last_layer = model.layers[-1]
    is_plain = isinstance(last_layer, keras.layers.Dense) and last_layer.use_bias
    if not is_plain or last_layer.activation is not keras.activations.linear:
        raise NotApplicable(
            "prototypes need a network whose last layer is dense, with a bias and no activation"
        )
    features = predict_in_chunks(keras.Model(model.inputs[0], last_layer.input), train.images)
    prototypes = np.stack(
        [features[train.labels == label].mean(axis=0) for label in range(last_layer.units)]
    )
    last_layer.set_weights([2 * prototypes.T, -np.square(prototypes).sum(axis=1)])
