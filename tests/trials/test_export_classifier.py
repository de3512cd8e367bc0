"""An exported classifier, asked in each of the forms that it takes."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_mnist.data.images import ImageConversion
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.trials.export import export_classifier

NAMES, SHAPE = ("one", "zwei", "三"), (16, 16, 3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(0)
    directory = tmp_path_factory.mktemp("export")
    export_classifier(build_small_cnn(SHAPE, 3), NAMES, directory)
    return tf.saved_model.load(str(directory / "classifier"))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (4, *SHAPE), np.uint8)


def same(one, other):
    assert set(one) == set(other) == {"label", "index", "probability", "probabilities"}
    for name in ("label", "index"):
        np.testing.assert_array_equal(one[name], other[name])
    for name in ("probability", "probabilities"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5)
    return True


def test_integers_and_files_are_the_floats_that_they_stand_for(exported, pixels):
    floats = exported.classify((pixels / 255).astype(np.float32))
    assert len(np.unique(floats["probability"])) == 4
    assert same(exported.classify_uint8(pixels), floats)
    files = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        files.append(file.getvalue())
    assert same(exported.classify_encoded(files), floats)
    assert exported.classify_encoded(files[:1])["label"].shape == (1,)


@pytest.mark.slow
def test_files_are_seen_as_the_look_says(pixels, tmp_path):
    model = build_small_cnn(SHAPE, 3)
    export_classifier(model, NAMES, tmp_path, ImageConversion(resize="crop"))
    cropped = tf.saved_model.load(str(tmp_path / "classifier"))
    wide = np.concatenate([255 - pixels[0], pixels[1], 255 - pixels[2]], axis=1)
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    assert same(cropped.classify_encoded([file.getvalue()]), cropped.classify_uint8(pixels[1:2]))


def test_probabilities_are_of_the_classes_that_are_told(exported, pixels):
    names = exported.signatures["classes"]()["classes"].numpy()
    assert [name.decode() for name in names] == list(NAMES)
    answer = exported.classify_uint8(pixels)
    probabilities = answer["probabilities"].numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(answer["label"], names[probabilities.argmax(axis=1)])
    np.testing.assert_array_equal(answer["probability"], probabilities.max(axis=1))


@pytest.mark.parametrize("value", [255.0, 1.02, -0.02, -1.0, np.nan, np.inf])
def test_a_range_that_cannot_be_right_is_refused(exported, value):
    images = np.full((2, *SHAPE), 0.5, np.float32)
    images[1, 3, 4, 1] = value
    told = r"beyond \[0, 1\] or NaN; accepted: float32 in \[0, 1\]; `classify_uint8`"
    for classify in (exported.classify, exported.signatures["classify"]):
        with pytest.raises(tf.errors.InvalidArgumentError, match=told):
            classify(images=tf.constant(images))


@pytest.mark.parametrize("value", [0.0, 1.0, 1.001, -0.001])
def test_rounding_is_not_refused(exported, value):
    assert exported.classify(np.full((1, *SHAPE), value, np.float32))["label"].shape == (1,)


def test_a_file_that_is_no_image_is_refused(exported):
    with pytest.raises(tf.errors.InvalidArgumentError):
        exported.classify_encoded([b"no image"])
