"""A trained classifier as an instrument: the features of its hidden layer, and its predictions."""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.evaluation.inference import predict_in_chunks


class ClassifierOutputs(NamedTuple):
    """A classifier's outputs for n images.

    Attributes:
        features: float32 (n, d): the inputs of its last layer, d units of the hidden layer.
        probabilities: float32 (n, k): the softmax of its logits.
    """

    features: np.ndarray
    probabilities: np.ndarray


class FrozenClassifier:
    """A copy of a classifier as it is now; later changes of the original do not affect it.

    The caller has to make sure that it was trained on the training subset only.
    """

    def __init__(self, classifier: keras.Model):
        """Copies `classifier`, a chain of layers from images in [0, 1] to logits."""
        self._network = _with_features(classifier)
        self._weights = classifier.get_weights()

    def predict(self, images: np.ndarray) -> ClassifierOutputs:
        """Features and probabilities of images (n, H, W, C), uint8 or float32 in [0, 1]."""
        # Other copies of the same classifier share the network, each with weights of its own.
        self._network.set_weights(self._weights)
        features, logits = predict_in_chunks(self._network, images)
        return ClassifierOutputs(features, tf.nn.softmax(logits).numpy())


# A process traces it once, however often the classifier gets other weights.
@functools.lru_cache(maxsize=4)
def _with_features(classifier: keras.Model) -> keras.Model:
    """A network of the same layers as `classifier`, from images to (features, logits)."""
    copy = keras.models.clone_model(classifier)
    copy.trainable = False
    return keras.Model(copy.inputs, [copy.layers[-1].input, copy.outputs[0]])
