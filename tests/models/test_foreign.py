"""Networks from elsewhere, brought to the study's images and classes; what is wrong is told."""

import importlib
import sys
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_mnist.errors import InputError
from gan_mnist.models.foreign import BuildForeign, check
from gan_mnist.models.names import ClassifierChoice

GREY, COLOUR = (8, 8, 1), (8, 8, 3)


def images_of(shape, num=4):
    return np.random.default_rng(0).random((num, *shape), np.float32)


@pytest.fixture
def save(tmp_path):
    """`save(layers, shape)`: the choice of a saved model of these layers."""

    def save(*parts, shape=GREY, name="theirs.keras"):
        keras.Sequential([keras.Input(shape), *parts]).save(tmp_path / name)
        return ClassifierChoice(str(tmp_path / name)).located(8)

    return save


def built(choice, shape=GREY, num_classes=3, seed=0):
    keras.utils.set_random_seed(seed)
    return BuildForeign(choice)(shape, num_classes, 4)


def saved_model(choice):
    return keras.saving.load_model(choice.classifier)


@pytest.mark.parametrize(
    "end",
    [
        [layers.Dense(3)],
        [layers.Dense(3, activation="softmax")],
        [layers.Dense(3), layers.Softmax()],
        [layers.Dense(3), layers.Activation("softmax")],
        [layers.Dense(3, activation="sigmoid", use_bias=False)],
    ],
    ids=["logits", "activation", "softmax", "last activation", "sigmoid"],
)
def test_of_a_saved_model_with_as_many_classes_the_logits_are_taken(save, end):
    choice = save(layers.Flatten(), layers.Dense(5, "relu"), *end)
    theirs, images = saved_model(choice)(images_of(GREY)), images_of(GREY)
    logits = built(choice)(images)
    expected = {"sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}
    last = getattr(end[-1], "activation", keras.activations.softmax).__name__
    np.testing.assert_allclose(expected.get(last, tf.identity)(logits), theirs, atol=1e-6)
    # Nothing is drawn.
    np.testing.assert_array_equal(built(choice, seed=1)(images), logits)


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        ([layers.Flatten(), layers.Dense(5, "softmax")], 1),
        ([layers.Flatten(), layers.Dense(1, "sigmoid")], 1),
        ([layers.Flatten(), layers.Dense(5), layers.Softmax()], 1),
        ([layers.GlobalAveragePooling2D()], 1),
        ([], 1),  # a map of features
        ([layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(2)], 2),
    ],
    ids=["softmax", "one sigmoid", "softmax apart", "features", "map", "hidden"],
)
def test_a_head_for_other_classes_is_drawn_by_the_seed_and_the_body_is_the_files(save, end, kept):
    choice = save(layers.Conv2D(2, 3), *end)
    theirs = saved_model(choice).get_weights()[: 2 * kept]
    one, again, other = (built(choice, seed=seed).get_weights() for seed in (0, 0, 1))
    assert len(one) == 2 * kept + 2
    for a, b, c in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.shape == c.shape
    for file, mine, others in zip(theirs, one, other, strict=False):
        np.testing.assert_array_equal(mine, file)
        np.testing.assert_array_equal(others, file)
    assert one[-2].shape[-1] == 3
    assert not np.array_equal(one[-2], other[-2])


def test_a_model_takes_images_in_its_own_size_and_channels(save):
    choice = save(layers.Flatten(), layers.Dense(3), shape=(12, 10, 3))
    images = images_of(GREY)
    large = tf.image.resize(np.repeat(images, 3, axis=-1), (12, 10))
    np.testing.assert_allclose(built(choice)(images), saved_model(choice)(large), atol=1e-5)


def test_a_model_of_any_size_takes_images_as_they_are(save):
    choice = save(layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), shape=(None, None, 1))
    images = images_of(GREY)
    np.testing.assert_allclose(built(choice)(images), saved_model(choice)(images), atol=1e-5)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_pixels_are_those_of_the_preprocessing_of_keras(save, mode):
    pixels = {"tf": "-1..1"}.get(mode, mode)
    choice = replace(save(layers.Flatten(), layers.Dense(3), shape=COLOUR), pixels=pixels)
    images = images_of(COLOUR)
    module = importlib.import_module("keras.applications.imagenet_utils")
    theirs = saved_model(choice)(module.preprocess_input(255 * images, mode=mode))
    np.testing.assert_allclose(built(choice, COLOUR)(images), theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_a_model_that_begins_by_dividing_is_shown_0_to_255(save):
    ends = layers.Flatten(), layers.Dense(3)
    for scale, offset, pixels in (
        (1 / 255, 0, "0..255"),
        (1 / 127.5, -1, "0..255"),
        (2, -1, "0..1"),
    ):
        choice = save(layers.Rescaling(scale, offset), *ends)
        assert check(choice, GREY, 3, 4, "float32") == pixels
        images = images_of(GREY)
        shown = 255 * images if pixels == "0..255" else images
        expected = saved_model(choice)(shown)
        np.testing.assert_allclose(built(choice)(images), expected, atol=1e-4)
    assert check(replace(choice, pixels="-1..1"), GREY, 3, 4, "float32") == "-1..1"


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_saved_model_runs_in_the_precision_of_the_study(save, policy, dtype_policy):
    choice = save(layers.Conv2D(2, 3), layers.GlobalAveragePooling2D())
    expected = built(choice)(images_of(GREY))
    dtype_policy(policy)
    model = built(choice)
    logits = model(images_of(GREY))
    assert logits.dtype == tf.float32
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert 0 < np.abs(logits - expected).max() < 0.02


@pytest.mark.parametrize(
    ("frozen", "trained"),
    [(0, "cbdh"), (1, "bdh"), (2, "dh"), (3, "h"), (-1, "h"), (-3, "bdh")],
)
def test_frozen_layers_are_counted_from_the_input_or_from_the_head(save, frozen, trained):
    choice = save(
        layers.Conv2D(2, 3, name="c"),
        layers.BatchNormalization(name="b"),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(4, name="d"),
        layers.Dense(2, name="old head"),
    )
    model = built(replace(choice, frozen=frozen))
    paths = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert paths == {"c", "b", "d", "head"} & {{"h": "head"}.get(x, x) for x in trained}


class Untold(keras.Model):
    """A model that does not tell its shapes."""

    def __init__(self, num_classes):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(num_classes)

    def call(self, images):
        return self.dense(self.flatten(images))


def _two_outputs(shape, num_classes, width):
    images = keras.Input(shape)
    x = layers.Flatten()(images)
    return keras.Model(images, [layers.Dense(num_classes)(x), layers.Dense(2)(x)])


def _plain(shape, num_classes, *before, **options):
    return keras.Sequential([*before, layers.Flatten(), layers.Dense(num_classes, **options)])


def _unseeded(shape, num_classes, width):
    model = _plain(shape, num_classes, keras.Input(shape))
    model.set_weights([np.random.default_rng().random(w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def builder(monkeypatch):
    """`builder(function)`: the choice of it as a function of somebody's module."""

    def builder(function):
        monkeypatch.setitem(sys.modules, "theirs", SimpleNamespace(build=function))
        monkeypatch.setattr("gan_mnist.models.names._source_file", lambda _: __file__)
        monkeypatch.setattr(ClassifierChoice, "digest", lambda self: "none")
        return ClassifierChoice("theirs:build")

    return builder


@pytest.mark.parametrize(
    "build",
    [
        lambda shape, k, width: _plain(shape, k, keras.Input(shape)),
        lambda shape, k, width: _plain(shape, k),
        lambda shape, k, width: _plain(shape, k, keras.Input((12, 12, 3))),
        lambda shape, k, width: Untold(k),
    ],
    ids=["sequential", "without input", "of another size", "subclass"],
)
def test_a_builder_may_return_any_kind_of_model(builder, build):
    choice = builder(build)
    assert check(choice, GREY, 3, 4, "float32") == "0..1"
    one, again, other = (built(choice, seed=seed) for seed in (0, 0, 1))
    images = images_of(GREY)
    np.testing.assert_array_equal(one(images), again(images))
    assert not np.allclose(one(images), other(images))


def test_logits_of_a_builder_are_float32_in_mixed_precision_too(builder, dtype_policy):
    dtype_policy("mixed_bfloat16")
    model = built(builder(lambda shape, k, width: _plain(shape, k)))
    assert model(images_of(GREY)).dtype == tf.float32


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda *_: 1 / 0, "failed: ZeroDivisionError: division by zero"),
        (lambda *_: None, "returns a NoneType; accepted: a keras.Model"),
        (lambda shape: None, "failed: TypeError"),
        (lambda shape, k, width: _plain(shape, k + 1), "gives (None, 4) for 3 classes"),
        (lambda shape, k, width: _plain(shape, k, activation="softmax"), "gives probabilities"),
        (lambda shape, k, width: _plain(shape, k, keras.Input((8, 8, 2))), "takes (None, 8, 8, 2)"),
        (lambda shape, k, width: keras.Sequential([layers.Dense(k)]), "gives (None, 8, 8, 3)"),
        (_two_outputs, "has several inputs or outputs"),
        (_unseeded, "draws other weights each time"),
        (lambda shape, k, width: _plain(shape, k, layers.Rescaling(np.inf)), "not finite"),
    ],
)
def test_what_a_builder_must_not_return_is_refused_in_one_line(builder, build, told):
    with pytest.raises(InputError, match=r"^--classifier: 'theirs:build' ") as error:
        check(builder(build), GREY, 3, 4, "float32")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_what_a_saved_model_must_not_be_is_refused_in_one_line(save, tmp_path):
    sound = save(layers.Flatten(), layers.Dense(3))
    grey = save(layers.Flatten(), layers.Dense(3), name="grey.keras")
    (tmp_path / "text.keras").write_text("no model")
    for choice, shape, told in [
        (ClassifierChoice(str(tmp_path / "text.keras")).located(8), GREY, "cannot be loaded"),
        (grey, COLOUR, "takes (None, 8, 8, 1); accepted: images of 3 channels"),
        (replace(sound, pixels="torch"), GREY, "3 channels with pixels=torch"),
        (replace(sound, frozen=2), GREY, "frozen: 2 is out of range"),
        (replace(sound, frozen=-1), GREY, "0 to 0, as it has 1 layers"),
    ]:
        with pytest.raises(InputError, match="classifier") as error:
            check(choice, shape, 3, 4, "float32")
        assert told in str(error.value)
        assert "\n" not in str(error.value)


def test_a_file_that_has_changed_since_the_plan_is_no_longer_it(save):
    choice = save(layers.Flatten(), layers.Dense(3))
    save(layers.Flatten(), layers.Dense(2))
    with pytest.raises(RuntimeError, match="not the file that the run began with"):
        built(choice)
