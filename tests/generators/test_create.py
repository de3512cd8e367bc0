"""What is done with a generator's images: of several in turn, kept if a judge agrees, spread."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.subsets import Allotment
from gan_mnist.evaluation.features import ClassifierOutputs
from gan_mnist.generators import create, trained
from gan_mnist.generators.contract import Generator, Request
from gan_mnist.generators.create import MOST_DRAWS, create_generator
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.seeding import derive_seed
from gan_mnist.study.scratch_trial import is_for_seed

SHAPE = (8, 8, 1)
LABELS = np.array([2, 0, 1, 1, 0, 2, 1, 0], np.int32)
SETTINGS = GeneratorSettings(
    image_size=8, channels=1, generator="cgan", gan_architecture="mlp", gan_width=1,
    gan_latent_dim=3, gan_updates=10, gan_batch_size=8, vae_width=1, vae_latent_dim=3,
    judge_updates=10,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_chunks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trained, "CHUNK", 8)
        yield


@pytest.fixture(scope="module")
def images(make_subset):
    return Allotment(*(make_subset(counts=(5, 5, 5), shape=SHAPE, seed=seed) for seed in range(3)))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def created(images, workdir):
    def created(seed=4, **changes):
        return create_generator(Request(replace(SETTINGS, **changes), images, seed, workdir))

    return created


@pytest.mark.slow
def test_of_generators_in_turn_each_makes_every_third_image(created):
    whole = created(generators_in_turn=3)
    shown = whole.sample(LABELS, 1)
    seeds = [4, *(derive_seed("in_turn", 4, number) for number in (1, 2))]
    for place, seed in enumerate(seeds):
        alone = created(seed)
        assert whole.keys[place] == alone.key
        # Of each class, by its number among those of the class.
        own = [row for row, label in enumerate(LABELS)
               if list(LABELS[:row]).count(label) % 3 == place]  # fmt: skip
        noise = derive_seed("in_turn", 1, place) if place else 1
        np.testing.assert_array_equal(shown[own], alone.sample(LABELS[own], noise))
    assert len(set(whole.keys)) == 3
    assert whole.seconds == pytest.approx(sum(created(seed).seconds for seed in seeds))
    # Other networks have come and gone; it gives what it gave.
    np.testing.assert_array_equal(whole.sample(LABELS, 1), shown)
    assert whole.sample(LABELS[:0], 1).shape == (0, *SHAPE)
    assert whole.sample(LABELS[:1], 1).shape == (1, *SHAPE)


def test_generators_in_turn_serve_the_trials_of_their_seed_and_no_others(created, workdir):
    keys = created(generators_in_turn=3, untrained=True).keys
    for key in keys:
        told = [json.loads((workdir / "generators" / key / "generator.json").read_text())]
        assert is_for_seed(told, 4)
        assert not is_for_seed(told, 5)


def test_generators_in_turn_each_make_some_of_every_class(images, tmp_path):
    class Kind(Generator):
        """Its images hold the seed of its training."""

        @classmethod
        def create(cls, request):
            made = super().create(request)
            made.seed, made.key = request.seed, str(request.seed)
            return made

        def sample(self, labels, seed):
            return np.full((len(labels), *SHAPE), self.seed, np.float32)

    number, labels = 2, np.arange(24, dtype=np.int32) % 4
    request = Request(replace(SETTINGS, generators_in_turn=number), images, 4, tmp_path)
    made_by = create.InTurn(Kind, request).sample(labels, 0)[:, 0, 0, 0]
    for label in range(4):
        _, counts = np.unique(made_by[labels == label], return_counts=True)
        assert counts.tolist() == [3, 3]


def test_callbacks_look_at_the_first_of_generators_in_turn(images, tmp_path):
    given = []

    class Kind(Generator):
        @classmethod
        def create(cls, request):
            given.append(request.callbacks)
            return Drawn.create(request)

    settings = replace(SETTINGS, generators_in_turn=3)
    callback = keras.callbacks.Callback()
    request = Request(settings, images, 4, tmp_path, callbacks=(callback,))
    create.InTurn(Kind, request)
    assert given[0] == (callback,)
    assert set(given[1:]) == {()}


def test_generators_in_turn_make_their_images_of_different_noise(images, tmp_path):
    request = Request(replace(SETTINGS, generators_in_turn=3), images, 4, tmp_path)
    labels = np.repeat(np.arange(3, dtype=np.int32), 30)
    in_turn = create.InTurn(Drawn, request)
    draws = in_turn.sample(labels, 0)[:, 1, 1, 0]
    assert len(np.unique(draws)) == len(labels)
    np.testing.assert_array_equal(in_turn.sample(labels, 0)[:, 1, 1, 0], draws)
    assert not np.isin(draws, in_turn.sample(labels, 1)[:, 1, 1, 0]).any()


def test_fewer_images_of_generators_in_turn_are_the_beginning_of_more(created):
    labels = np.tile(np.array([0, 1, 2], np.int32), 10)
    whole = created(generators_in_turn=2)
    np.testing.assert_array_equal(whole.sample(labels[:15], 1), whole.sample(labels, 1)[:15])


@pytest.mark.parametrize("name", ["copy", "held_back", "smote"])
def test_what_is_not_trained_is_what_it_is_alone(created, name):
    several, alone = created(generator=name, generators_in_turn=2), created(generator=name)
    np.testing.assert_array_equal(several.sample(LABELS, 1), alone.sample(LABELS, 1))


def test_no_judge_is_asked_about_real_images(images, tmp_path, monkeypatch):
    monkeypatch.setattr(create, "trained_judge", None)
    for name in ("copy", "held_back"):
        settings = replace(SETTINGS, generator=name, kept_from=0.99)
        kept = create_generator(Request(settings, images, 4, tmp_path))
        assert not isinstance(kept, create.FilteredGenerator)


class Drawn(Generator):
    """An image holds its label and, in its other pixels, a number that its draw has given it."""

    key, seconds = "drawn", 2.0

    @classmethod
    def create(cls, request):
        return cls(request.images.train)

    def sample(self, labels, seed):
        shown = np.zeros((len(labels), *SHAPE), np.float32)
        shown[:] = np.random.default_rng(seed).random(len(labels))[:, None, None, None]
        shown[:, 0, 0, 0] = labels / 10
        return shown


class Judge:
    """Of an image's own class it is as sure as the image's number says."""

    def predict(self, images):
        sure = np.zeros((len(images), 3), np.float32)
        own = np.round(images[:, 0, 0, 0] * 10).astype(int)
        sure[np.arange(len(images)), own] = images[:, 1, 1, 0]
        return ClassifierOutputs(sure, sure)


@pytest.fixture
def kept(created, monkeypatch):
    monkeypatch.setattr("gan_mnist.generators.gans.ConditionalRecipe", Drawn)
    monkeypatch.setattr(create, "_judge", lambda request: (Judge(), 3.0))
    return lambda least: created(kept_from=least)


def test_images_are_kept_of_which_a_judge_is_sure(kept):
    labels = np.tile(LABELS, 25)
    first = Drawn(None).sample(labels, 1)
    generator = kept(0.5)
    shown = generator.sample(labels, 1)
    np.testing.assert_array_equal(np.round(shown[:, 0, 0, 0] * 10), labels)
    sure = first[:, 1, 1, 0] >= 0.5
    assert 60 < sure.sum() < 140
    np.testing.assert_array_equal(shown[sure], first[sure])
    assert (shown[:, 1, 1, 0] >= 0.5).mean() > 0.99
    assert (generator.keys, generator.seconds) == (("drawn",), 5.0)
    np.testing.assert_array_equal(generator.sample(labels, 1), shown)
    assert not np.array_equal(generator.sample(labels, 2), shown)
    assert generator.sample(labels[:0], 1).shape == (0, *SHAPE)


def test_what_is_handed_out_once_is_not_drawn_anew(make_subset, workdir):
    """A judge that is never sure would have an oracle hand out some images twice."""
    held_back = make_subset(counts=(5, 5, 5), shape=SHAPE, seed=9)
    parts = Allotment(make_subset(counts=(3, 3, 3), shape=SHAPE), held_back, held_back)
    settings = replace(SETTINGS, generator="held_back", kept_from=0.99)
    generator = create.create_generator(Request(settings, parts, 4, workdir))
    shown = generator.sample(held_back.labels, 1)
    assert len({image.tobytes() for image in shown}) == 15
    np.testing.assert_array_equal(generator.most, [5, 5, 5])


def test_of_images_that_never_please_the_surest_is_kept(kept):
    """The best of ten draws of a uniform number has a mean of 10 / 11."""
    shown = kept(0.9999).sample(np.zeros(500, np.int32), 1)[:, 1, 1, 0]
    assert abs(shown.mean() - MOST_DRAWS / (MOST_DRAWS + 1)) < 4 * 0.083 / np.sqrt(500)


def test_the_judge_learns_from_the_training_images_and_from_no_other(images, tmp_path, monkeypatch):
    asked = []

    def trained_judge(recipe, batch_size, allotment, stream, workdir):
        asked.append((recipe, allotment, stream, workdir))
        return Judge(), 1.0

    monkeypatch.setattr(create, "trained_judge", trained_judge)
    create._judge(Request(replace(SETTINGS, kept_from=0.5), images, 4, tmp_path))
    ((recipe, allotment, stream, workdir),) = asked
    assert allotment.train.fingerprint == images.train.fingerprint
    assert len(allotment.validation) == len(allotment.held_back) == 0
    assert (recipe.updates, recipe.num_classes, recipe.image_shape) == (10, 3, SHAPE)
    assert stream == ("kept", 4)
    assert workdir == tmp_path


@pytest.mark.slow
def test_a_judge_is_trained_once_for_all_that_ask_for_it(created, workdir):
    shown = [created(kept_from=least).sample(LABELS, 1) for least in (0.2, 0.3)]
    assert all(images.shape == (8, *SHAPE) for images in shown)
    assert len(list((workdir / "judges").iterdir())) == 1


@pytest.mark.parametrize(
    ("generator", "setting"),
    [
        ("cgan", "gan_sampling_scale"),
        pytest.param("vae_flow", "vae_sampling_scale", marks=pytest.mark.slow),
    ],
)
def test_spread_latents_are_the_same_ones_multiplied(created, generator, setting):
    usual = created(generator=generator)
    latents = usual.network.prior.draw(8, tf.constant([1, 0]))
    labels = tf.constant(LABELS)
    expected = usual.network.decode(latents, labels)
    np.testing.assert_allclose(usual.sample(LABELS, 1), expected, rtol=1e-5)
    wide = created(generator=generator, **{setting: 1.5})
    expected = usual.network.decode(1.5 * latents, labels)
    np.testing.assert_allclose(wide.sample(LABELS, 1), expected, rtol=1e-5)
    assert not np.allclose(expected, usual.sample(LABELS, 1))
    assert wide.key == usual.key
    # The other's setting is none of its own.
    other = {"gan_sampling_scale", "vae_sampling_scale"} - {setting}
    assert created(generator=generator, **dict.fromkeys(other, 1.5)) is usual
