"""Networks of keras.applications: their names, what they take, and weights of a local file."""

import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from gan_mnist.errors import InputError
from gan_mnist.models.foreign import BuildForeign, check
from gan_mnist.models.names import APPLICATIONS, PIXELS, Application, ClassifierChoice
from gan_mnist.models.preprocessing import preprocess

GREY = (8, 8, 1)


def images_of(shape, num=4):
    return np.random.default_rng(0).random((num, *shape), np.float32)


def built(choice, shape=GREY, num_classes=3, seed=0):
    keras.utils.set_random_seed(seed)
    return BuildForeign(choice)(shape, num_classes, 4)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications_are_those_of_keras_with_its_own_preprocessing(name):
    build = getattr(keras.applications, name)
    known = APPLICATIONS[name]
    assert known.pixels in PIXELS
    theirs = sys.modules[build.__module__].preprocess_input
    images = images_of((40, 40, 3))
    mine = keras.Input((40, 40, 3))
    shown = keras.Model(mine, preprocess(mine, (40, 40, 3), known.pixels))
    np.testing.assert_allclose(shown(images), theirs(255 * images), rtol=1e-4, atol=1e-3)
    side = known.least_side - 1
    with pytest.raises(ValueError, match=f"at least {side + 1}x{side + 1}"):
        build(include_top=False, weights=None, input_shape=(side, side, 3))


def _tiny(include_top, weights, input_shape=(16, 16, 3), pooling=None, classes=None):
    assert weights is None
    parts = [keras.Input(input_shape), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]
    return keras.Sequential([*parts, *([layers.Dense(classes)] if include_top else [])])


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(keras.applications, "Tiny", _tiny, raising=False)
    monkeypatch.setitem(APPLICATIONS, "Tiny", Application("-1..1", 12))
    return ClassifierChoice("applications:Tiny")


@pytest.mark.parametrize("top", [False, True])
def test_an_application_has_the_weights_of_a_local_file_with_or_without_its_head(
    tiny, top, tmp_path
):
    theirs = _tiny(top, None, classes=1000)
    theirs.save_weights(tmp_path / "some.weights.h5")
    choice = replace(tiny, weights=str(tmp_path / "some.weights.h5")).located(8)
    model = built(choice)
    for mine, weight in zip(model.get_weights(), theirs.get_weights()[:2], strict=False):
        np.testing.assert_array_equal(mine, weight)
    body = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert body.input_shape == (None, 12, 12, 3)  # the least that it takes
    assert built(choice, (20, 20, 3))(images_of((20, 20, 3))).shape == (4, 3)


def test_an_application_without_a_file_is_drawn_by_the_seed(tiny):
    one, again, other = (built(tiny.located(8), seed=seed).get_weights() for seed in (0, 0, 1))
    np.testing.assert_array_equal(one[0], again[0])
    assert not np.array_equal(one[0], other[0])


def test_an_efficientnet_is_had_without_a_file_alone(tmp_path):
    choice = ClassifierChoice("applications:EfficientNetB0")
    assert choice.located(8) == choice
    (tmp_path / "weights.h5").touch()
    with pytest.raises(
        InputError, match=r"^setting weights: .* with another layer .*model\.keras$"
    ):
        replace(choice, weights=str(tmp_path / "weights.h5")).located(8)


def test_a_file_of_other_weights_is_refused(tiny, tmp_path):
    keras.Sequential([keras.Input((4,)), layers.Dense(3)]).save(tmp_path / "theirs.keras")
    choice = replace(tiny, weights=str(tmp_path / "theirs.keras")).located(8)
    with pytest.raises(InputError, match=r"'applications:Tiny' cannot load .*theirs\.keras"):
        check(choice, GREY, 3, 4, "float32")
