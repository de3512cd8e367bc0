"""Updates that are timed in two precisions, where one of them is made to take longer."""

import time
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from gan_mnist.models.names import ClassifierChoice
from gan_mnist.settings import ClassifierSettings
from gan_mnist.trials import update_seconds

PRECISIONS = ("float32", "mixed_bfloat16")
PAUSE = 0.05


@keras.saving.register_keras_serializable("test_precision")
class Pause(keras.layers.Layer):
    """Takes its time, as the arithmetic of a processor without bfloat16 does."""

    def call(self, images):
        def wait(images):
            time.sleep(PAUSE)
            return images

        return tf.ensure_shape(tf.numpy_function(wait, [images], images.dtype), images.shape)


def pausing(in_precision):
    def build(image_shape, num_classes, width):
        policy = keras.config.dtype_policy().name
        pause = [Pause()] if policy == in_precision else []
        return keras.Sequential(
            [
                keras.Input(image_shape),
                *pause,
                keras.layers.Flatten(),
                keras.layers.Dense(num_classes, dtype="float32"),
            ]
        )

    return build


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch, dtype_policy):
    monkeypatch.setattr(update_seconds, "LONGEST_SECONDS", 0)


@pytest.mark.slow
@pytest.mark.parametrize("slower", PRECISIONS)
def test_a_classifier_is_timed_in_each(slower, monkeypatch):
    monkeypatch.setattr(update_seconds, "network_builder", lambda choice: pausing(slower))
    settings = ClassifierSettings(
        classes=("a", "b", "c"), image_size=8, channels=1, width=2, batch_size=4
    )
    seconds = update_seconds.of_classifier(settings, PRECISIONS)
    assert list(seconds) == list(PRECISIONS)
    (other,) = set(PRECISIONS) - {slower}
    assert seconds[slower] > PAUSE
    assert 0 < seconds[other] < seconds[slower]


def test_the_network_is_the_studys(monkeypatch):
    asked = []
    monkeypatch.setattr(
        update_seconds, "network_builder", lambda choice: asked.append(choice) or pausing("none")
    )
    settings = ClassifierSettings(classes=("a", "b"), image_size=8, channels=3, classifier="resnet")
    update_seconds.of_classifier(settings, ("float32",))
    assert asked == [ClassifierChoice("resnet", pixels=settings.pixels)]


@pytest.mark.slow
def test_a_denoiser_is_timed_too():
    settings = SimpleNamespace(image_size=13, channels=1, width=1, batch_size=4, learning_rate=1e-3)
    seconds = update_seconds.of_denoiser(settings, PRECISIONS[1:])
    assert list(seconds) == ["mixed_bfloat16"]
    assert 0 < seconds["mixed_bfloat16"] < 30
