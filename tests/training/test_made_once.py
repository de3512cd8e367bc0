"""Networks that are used again: however many recipes come between, each has its own weights."""

import functools
import hashlib
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Allotment
from gan_mnist.generators import trained as trained_module
from gan_mnist.generators.contract import Request
from gan_mnist.generators.gans import ConditionalRecipe, WarpRecipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training import classifier, loop, made_once
from gan_mnist.training.classifier import ClassifierRecipe, predict, train_classifier

SHAPE = (8, 8, 1)
LABELS = np.array([0, 1, 2, 2, 1, 0], np.int32)
GANS = [
    ConditionalRecipe(updates=10, batch_size=4, width=1, latent_dim=2),
    WarpRecipe(updates=0, batch_size=4, width=1),
    ConditionalRecipe(updates=0, batch_size=4, width=2, latent_dim=2),
]


@pytest.fixture
def room_for_one(monkeypatch):
    """Both caches hold a single network: each other recipe drives the last one out."""
    reusable = functools.lru_cache(maxsize=1)(made_once.reusable.__wrapped__)
    generator = functools.lru_cache(maxsize=1)(trained_module._generator.__wrapped__)
    for module in (made_once, classifier, trained_module):
        monkeypatch.setattr(module, "reusable", reusable)
    monkeypatch.setattr(trained_module, "_generator", generator)
    monkeypatch.setattr(trained_module, "CHUNK", 30)
    return reusable


@pytest.mark.slow
def test_a_generator_that_was_driven_out_samples_with_its_own_weights(
    room_for_one, make_subset, tmp_path, monkeypatch
):
    images = Allotment(make_subset(shape=SHAPE), None, None)
    request = Request(None, images, 0, tmp_path)
    first = [trained_module.train_or_load(recipe, request) for recipe in GANS]
    samples = [generator.sample(LABELS, 1) for generator in first]
    assert len({sample.tobytes() for sample in samples}) == len(GANS)
    assert room_for_one.cache_info().misses == len(GANS)
    # Those at hand are not touched by what drove them out, nor by one made again in their place.
    monkeypatch.setattr(trained_module, "fit", None)
    for recipe, generator, sample in zip(GANS, first, samples, strict=True):
        again = trained_module.train_or_load(recipe, request)
        assert again is not generator
        assert again.key == generator.key
        np.testing.assert_array_equal(again.sample(LABELS, 1), sample)
        np.testing.assert_array_equal(generator.sample(LABELS, 1), sample)
    for generator, sample in zip(first, samples, strict=True):
        np.testing.assert_array_equal(generator.sample(LABELS, 1), sample)


@pytest.mark.slow
def test_a_generator_asked_for_again_has_its_own_weights_while_another_has_the_network(
    make_subset, tmp_path, monkeypatch
):
    """The seeds of a recipe share a network, which holds the weights of the last."""
    monkeypatch.setattr(trained_module, "CHUNK", 30)
    images = Allotment(make_subset(shape=SHAPE), None, None)

    def samples(seed):
        return trained_module.train_or_load(GANS[0], Request(None, images, seed, tmp_path)).sample(
            LABELS, 1
        )

    first, second = samples(0), samples(1)
    assert not np.array_equal(first, second)
    for seed, expected in ((0, first), (1, second), (0, first)):
        np.testing.assert_array_equal(samples(seed), expected)


@pytest.mark.slow
def test_a_classifier_that_was_driven_out_is_trained_to_the_same(
    room_for_one, make_subset, tmp_path
):
    subset = make_subset(shape=SHAPE)
    recipe = ClassifierRecipe(build_small_cnn, SHAPE, 3, 1, 10, 1e-2, intervals=1)
    batches = functools.partial(training_batches, (subset.images, subset.labels), 4, None)

    def probabilities(recipe):
        model, _ = train_classifier(recipe, batches, subset, ("study", 0), tmp_path)
        return predict(model, subset.images)

    first = probabilities(recipe)
    other = probabilities(replace(recipe, width=2))
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(probabilities(recipe), first)
    assert room_for_one.cache_info().misses == 3


def test_equal_recipes_share_a_network_and_shapes_tell_them_apart():
    recipe = ConditionalRecipe(updates=10, batch_size=4, width=1, latent_dim=3)
    one = made_once.reusable(recipe, SHAPE, 3)
    assert made_once.reusable(replace(recipe), SHAPE, 3) is one
    assert made_once.reusable(recipe, SHAPE, 2) is not one
    assert made_once.reusable(replace(recipe, updates=20), SHAPE, 3) is not one


def dense(value):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("own", [False, True])
def test_weights_are_trained_once_and_loaded_by_all_others(own, tmp_path):
    files = tmp_path / "new" / "w.weights.h5", tmp_path / "new" / "about.json"
    asked = []

    def ask(value):
        model = dense(0)

        def train():
            asked.append(value)
            trained = model if own else dense(value)
            trained.set_weights(dense(value).get_weights())
            return trained, value

        assert made_once.train_or_load_weights(model, *files, {"told": "of it"}, train) == 1
        assert {weight.item() for weight in map(np.ravel, model.get_weights())} == {1.0}

    ask(1)
    ask(2)
    assert asked == [1]
    digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert json.loads(files[1].read_text()) == {"told": "of it", "seconds": 1, "sha256": digest}


def test_what_fails_leaves_nothing_that_another_would_load(tmp_path):
    files = tmp_path / "w.weights.h5", tmp_path / "about.json"

    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once.train_or_load_weights(dense(0), *files, {}, fail)
    model = dense(0)
    assert made_once.train_or_load_weights(model, *files, {}, lambda: (dense(3), 1)) == 1
    assert model.get_weights()[0].item() == 3


@pytest.mark.slow
def test_a_large_generator_that_rests_is_loaded_and_not_trained_again(
    make_subset, tmp_path, monkeypatch, capsys
):
    """What its optimizers hold was given back, so that there is nothing to load that into."""
    monkeypatch.setattr(loop, "MOST_KEPT", 0)
    monkeypatch.setattr(made_once, "MOST_LOADED", 0)
    monkeypatch.setattr(trained_module, "CHUNK", 30)
    request = Request(None, Allotment(make_subset(shape=SHAPE), None, None), 0, tmp_path)
    (first, *_) = GANS
    samples = [trained_module.train_or_load(first, request).sample(LABELS, 1)]
    monkeypatch.setattr(trained_module, "fit", None)
    samples += [trained_module.train_or_load(first, request).sample(LABELS, 1) for _ in range(2)]
    for sample in samples[1:]:
        np.testing.assert_array_equal(sample, samples[0])
    assert "trained again" not in capsys.readouterr().err


def test_files_of_weights_that_alternate_are_read_once_each(tmp_path, monkeypatch):
    files = {value: (tmp_path / f"{value}.weights.h5", tmp_path / f"{value}.json")
             for value in (5.0, 6.0, 7.0)}  # fmt: skip
    for value, both in files.items():
        made_once.train_or_load_weights(dense(0), *both, {}, lambda value=value: (dense(value), 1))
    read, load = [], keras.Model.load_weights
    monkeypatch.setattr(
        keras.Model,
        "load_weights",
        lambda self, path, **options: read.append(path) or load(self, path, **options),
    )
    model = dense(0)
    for value in [*files, *files, *files]:
        made_once.train_or_load_weights(model, *files[value], {}, None)
        assert {weight.item() for weight in map(np.ravel, model.get_weights())} == {value}
    assert len(read) == len(files)


@pytest.fixture
def found(tmp_path):
    """Kept weights, all 3, of `about`, and a function that asks for them again."""
    files = tmp_path / "w.weights.h5", tmp_path / "about.json"
    about = {"kind": "Dense", "settings": {"sizes": (1, 2), "rate": 1.0}}
    made_once.train_or_load_weights(dense(0), *files, about, lambda: (dense(3), 2.5))

    def ask():
        """The seconds that are told, the weight, and how often it was trained."""
        model, trained = dense(0), []
        seconds = made_once.train_or_load_weights(
            model, *files, about, lambda: (trained.append(1) or dense(4), 7.5)
        )
        return seconds, model.get_weights()[0].item(), len(trained)

    return files, ask


def test_what_is_whole_is_not_trained_again(found, capsys):
    assert found[1]() == (2.5, 3.0, 0)
    assert capsys.readouterr().err == ""


def test_each_flipped_bit_of_the_weights_is_noticed(found, capsys):
    (weights, _), ask = found
    content = weights.read_bytes()
    # The last bytes hold a weight: flipped, h5py would load them without a word.
    for place in (0, len(content) // 2, content.rindex(np.float32(3).tobytes()), -1):
        flipped = bytearray(content)
        flipped[place] ^= 1
        weights.write_bytes(flipped)
        assert ask() == (7.5, 4.0, 1)
        told = capsys.readouterr().err
        assert "weights are not those of its checksum; it is trained again" in told
        assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seconds": "2.5"}, "Expected `float`, got `str` - at `$.seconds`"),
        ({"seconds": True}, "Expected `float`, got `bool`"),
        ({"seconds": -1}, ">= 0"),
        ({"seconds": None}, "got `null`"),
        ({"sha256": 7}, "`$.sha256`"),
        ({"sha256": "0" * 64}, "checksum"),
        ({"kind": "Conv"}, "its description is not that of"),
        ({"kind": ["Dense"]}, "its description is not that of"),
        ({"settings": "none"}, "its description is not that of"),
        ({"settings": {"sizes": [1, 2], "rate": 2.0}}, "its description is not that of"),
    ],
)
def test_a_description_of_other_types_or_of_something_else_is_not_believed(
    found, capsys, changes, told
):
    (_, description), ask = found
    description.write_text(json.dumps(json.loads(description.read_text()) | changes))
    assert ask() == (7.5, 4.0, 1)
    assert told in capsys.readouterr().err
    assert ask() == (7.5, 4.0, 0)


@pytest.mark.parametrize("content", [b"", b'{"seconds": 2', b"[]", b"null", b"\xff\x00", b"NaN"])
def test_a_spoilt_description_is_no_loss(found, capsys, content):
    (_, description), ask = found
    description.write_bytes(content)
    assert ask() == (7.5, 4.0, 1)
    assert "it is trained again" in capsys.readouterr().err


def test_weights_from_before_there_were_checksums_are_trusted_and_that_is_told(found, capsys):
    (_, description), ask = found
    told = json.loads(description.read_text())
    del told["sha256"]
    description.write_text(json.dumps(told))
    assert ask() == (2.5, 3.0, 0)
    assert "kept without a checksum, and trusted" in capsys.readouterr().err
