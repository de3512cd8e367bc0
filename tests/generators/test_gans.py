"""GANs and deformations on disk: trained once, found again, and a function of the subset alone."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest
from small_generators import SHAPE, small_recipe
from tiers import kinds_of

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Allotment, allot
from gan_mnist.files import read_rows
from gan_mnist.generators import trained as module
from gan_mnist.generators.contract import Request
from gan_mnist.generators.names import GENERATORS
from gan_mnist.generators.trained import generator_key

# Every kind that is trained, as `test_generator_conformance` has it.
RECIPES = {name: small_recipe(name) for name, row in GENERATORS.items() if row.trains}
LABELS = np.array([0, 1, 2, 2, 1, 0], np.int32)


@pytest.fixture(scope="module", autouse=True)
def small_chunks():
    """Sampling 250 images where 30 are wanted would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 30)
        yield


@pytest.fixture(scope="module", params=kinds_of(RECIPES))
def recipe(request):
    return request.param


def trained(recipe, subset, seed, workdir, callbacks=()):
    """A generator of a trial that has these training images, and nothing besides."""
    images = Allotment(subset, None, None)
    return module.train_or_load(recipe, Request(None, images, seed, workdir, callbacks))


@pytest.fixture(scope="module")
def subset(make_subset):
    return make_subset(counts=(1, 6, 5), shape=SHAPE)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def images(recipe, subset, workdir):
    """What the generator of seed 0 answers right after its training."""
    generator = trained(recipe, subset, 0, workdir)
    return generator.sample(LABELS, seed=1)


@pytest.fixture
def fits(monkeypatch):
    """The trainings that are done."""
    done = []

    def counted(*arguments, **options):
        done.append(arguments)
        return fit(*arguments, **options)

    fit = module.fit
    monkeypatch.setattr(module, "fit", counted)
    return done


def weights_of(generator):
    return generator.network.get_weights()


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_have_the_shape_of_the_subset(images):
    assert images.shape == (len(LABELS), *SHAPE)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1


def test_the_second_call_loads_what_the_first_trained(recipe, subset, workdir, images, fits):
    trained(recipe, subset, 5, workdir)  # The networks now hold other weights.
    assert len(fits) == 1
    again = trained(recipe, subset, 0, workdir)
    assert len(fits) == 1
    np.testing.assert_array_equal(again.sample(LABELS, seed=1), images)
    assert again.seconds > 0
    assert again.key == generator_key(recipe, subset, 0)
    assert (workdir / "generators" / again.key / "generator.json").exists()


def test_another_process_loads_the_same_generator(
    recipe, subset, workdir, images, fits, monkeypatch
):
    before = trained(recipe, subset, 0, workdir)
    # Which has built nothing yet; what this one has traced serves the other tests.
    for made_once in ("reusable", "_generator"):
        afresh = functools.lru_cache(getattr(module, made_once).__wrapped__)
        monkeypatch.setattr(module, made_once, afresh)
    after = trained(recipe, subset, 0, workdir)
    assert after is not before
    assert not fits
    np.testing.assert_array_equal(after.sample(LABELS, seed=1), images)


def test_trained_again_elsewhere_it_is_the_same_and_leaves_its_traces(
    recipe, subset, tmp_path, images, fits
):
    generator = trained(recipe, subset, 0, tmp_path)
    assert len(fits) == 1
    np.testing.assert_array_equal(generator.sample(LABELS, seed=1), images)

    [directory] = (tmp_path / "generators").iterdir()
    samples = np.load(directory / "samples.npz")
    assert samples["labels"].tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert samples["images"].dtype == np.uint8
    expected = generator.sample(samples["labels"], seed=0) * 255
    assert np.abs(samples["images"] - expected).max() <= 0.5 + 1e-4
    curves = read_rows(directory / "curves.csv")
    assert [int(row["update"]) for row in curves] == list(range(1, 11))
    metrics = {metric.name for metric in generator.network.metrics}
    assert set(curves[0]) == {"update", "seconds"} | metrics
    assert list((tmp_path / "tensorboard_seeds" / "generators" / directory.name).iterdir())


@pytest.mark.slow
def test_another_seed_or_subset_is_another_generator(
    recipe, subset, make_subset, workdir, images, fits
):
    others = make_subset(counts=(1, 6, 5), shape=SHAPE, seed=1)
    for arguments in ((subset, 1), (others, 0)):
        generator = trained(recipe, *arguments, workdir)
        assert not np.array_equal(generator.sample(LABELS, seed=1), images)
    assert len(fits) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan.weights.h5", "generator.json"])
def test_damaged_files_are_made_again(name, subset, tmp_path, fits):
    recipe = RECIPES["cgan"]
    images = trained(recipe, subset, 0, tmp_path).sample(LABELS, seed=1)
    [directory] = (tmp_path / "generators").iterdir()
    (directory / name).write_bytes(b"{")
    generator = trained(recipe, subset, 0, tmp_path)
    assert len(fits) == 2
    np.testing.assert_array_equal(generator.sample(LABELS, seed=1), images)


@pytest.mark.slow
def test_an_interrupted_training_goes_on_to_the_same_images(
    recipe, subset, tmp_path, images, monkeypatch
):
    class Interrupt(keras.callbacks.Callback):
        def __init__(self, *arguments):
            super().__init__()

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 6:
                raise KeyboardInterrupt

    monkeypatch.setattr("gan_mnist.training.loop.CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(module, "TensorBoardScalars", Interrupt)
        with pytest.raises(KeyboardInterrupt):
            trained(recipe, subset, 0, tmp_path)
    batches = []

    def watched(*arguments):
        batches.append(arguments[-1])
        return training_batches(*arguments)

    training_batches = module.training_batches
    monkeypatch.setattr(module, "training_batches", watched)
    generator = trained(recipe, subset, 0, tmp_path)
    assert batches == [6]
    np.testing.assert_array_equal(generator.sample(LABELS, seed=1), images)


def numbered_dataset(test_pixel=7, changed=()):
    """Random images; those named in `changed` are black, and test images are `test_pixel`."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    pixels = rng.integers(0, 256, (36, *SHAPE), dtype=np.uint8)
    names = tuple(f"{row}.png" for row in range(36))
    pixels[[name in changed for name in names]] = 0
    test = Split(np.full((3, *SHAPE), test_pixel, np.uint8), np.arange(3), ("a", "b", "c"))
    return Dataset("numbered", "made up", ("0", "1", "2"), Split(pixels, labels, names), test)


@pytest.mark.slow
def test_a_generator_is_a_function_of_the_subset_alone(recipe, tmp_path):
    def allotted(**changes):
        return allot(numbered_dataset(**changes), ("0", "1", "2"), (1, 6, 6), 0, 3)

    def weights(directory, **changes):
        return weights_of(
            module.train_or_load(
                recipe, Request(None, allotted(**changes), 0, tmp_path / directory)
            )
        )

    parts = allotted()
    expected = weights("as it is")
    unseen = {*parts.held_back.filenames, *parts.validation.filenames}
    unseen |= {f"{row}.png" for row in range(36)} - set(parts.train.filenames)
    assert len(unseen) == 36 - 13
    assert_equal(weights("other images", test_pixel=200, changed=unseen), expected)
    with pytest.raises(AssertionError):
        assert_equal(weights("one image", changed=parts.train.filenames[-1:]), expected)


@pytest.mark.slow
def test_callbacks_go_with_the_training_and_intervals_are_those_of_the_recipe(subset, tmp_path):
    recipe = replace(RECIPES["cgan"], intervals=5)
    ended = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(epoch))
    for _ in range(2):  # The second call loads what the first trained.
        trained(recipe, subset, 0, tmp_path, [callback])
        assert ended == [0, 1, 2, 3, 4]
    [directory] = (tmp_path / "generators").iterdir()
    curves = read_rows(directory / "curves.csv")
    assert [int(row["update"]) for row in curves] == [2, 4, 6, 8, 10]


@pytest.mark.slow
def test_without_updates_a_generator_stays_as_the_seed_drew_it(subset, tmp_path, fits):
    recipe = replace(RECIPES["warp_gan"], updates=0)

    def drawn(seed):
        generator = trained(recipe, subset, seed, tmp_path)
        assert generator.seconds == 0
        network = generator.network
        assert_equal(network.average.get_weights(), network.generator.get_weights())
        return network.generator.get_weights()[0], generator.sample(LABELS, seed=1)

    first = drawn(0)
    assert not np.array_equal(drawn(1)[0], first[0])
    assert_equal(drawn(0), first)
    assert not fits
