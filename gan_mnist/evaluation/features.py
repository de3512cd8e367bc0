"""A trained classifier as an instrument: the features of its hidden layer, and its predictions."""

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
        copy = keras.models.clone_model(classifier)
        copy.set_weights(classifier.get_weights())
        copy.trainable = False
        self._network = keras.Model(copy.inputs, [copy.layers[-1].input, copy.outputs[0]])

    def predict(self, images: np.ndarray) -> ClassifierOutputs:
        """Features and probabilities of images (n, H, W, C), uint8 or float32 in [0, 1]."""
        features, logits = predict_in_chunks(self._network, images)
        return ClassifierOutputs(features, tf.nn.softmax(logits).numpy())
