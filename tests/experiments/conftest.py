"""The embedded digits, small settings of a study, and pictures that no data set has."""

import importlib
import pkgutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageOps

from gan_mnist import generators

# Helpers that assert.
pytest.register_assert_rewrite("every_generator", "imbalance_run")

CLASSES = ("bars, upright", "rings & 😀 ", "평평한 100 %")
FORMATS = (("L", "png"), ("RGB", "jpg"), ("RGBA", "png"), ("P", "PNG"))


def draw(name, rng):
    """A noisy picture of its class, of whatever size: a float array (H, W) in [0, 255]."""
    height, width = rng.integers(18, 40, 2)
    y, x = np.mgrid[:height, :width]
    phase = rng.uniform(0, 6)
    wave = (x, np.hypot(x - width / 2, y - height / 2), y)[CLASSES.index(name)]
    return 127 + 90 * np.sin(wave + phase) + rng.normal(0, 10, (height, width))


@pytest.fixture(scope="session")
def dataset():
    from gan_mnist.data.datasets import load_dataset

    return load_dataset("mnist_sample")


@pytest.fixture(scope="module")
def settings(request, dataset):
    """`settings(arm, of, **changes)`: of the module's `STUDY`, with its changes `SMALL`."""
    from gan_mnist.study.settings import with_changes

    study, small = request.module.STUDY, request.module.SMALL
    arms = {arm.name: arm for arm in study.arms}

    def settings(arm, of=dataset, **changes):
        base = with_changes(study.settings, small | changes, "test").resolve(of)
        return with_changes(base, arms[arm].changes, arm)

    return settings


@pytest.fixture
def make(request, settings, dataset, tmp_path):
    """`make(arm, seed, of, workdir, **changes)`: a trial of the module's `STUDY`."""
    from small_trial import make_trial

    def make(arm, seed=0, of=dataset, workdir=tmp_path, **changes):
        asked = settings(arm, of, **changes)
        return make_trial(request.module.STUDY, arm, seed, asked, workdir, of)

    return make


class _Stopped(Exception):
    pass


@pytest.fixture
def begun(request, make, monkeypatch):
    """`begun(arm, seed, **changes)`: a trial up to the training of its classifier.

    Of that: `model`, `weights` to begin with, `batches`, `updates`, `seed` and `validation`.
    """

    def fit(model, batches, updates, directory, seed, callbacks, validation, *rest):
        weights = [weight.copy() for weight in model.get_weights()]
        raise _Stopped(SimpleNamespace(**locals()))

    monkeypatch.setattr("gan_mnist.training.classifier.fit", fit)
    run_trial = request.module.STUDY.part("trial").run_trial

    def begun(arm, seed=0, **changes):
        with pytest.raises(_Stopped) as stopped:
            run_trial(make(arm, seed, **changes))
        return stopped.value.args[0]

    return begun


@pytest.fixture
def fake_gan(monkeypatch):
    """`fake_gan(make)`: GANs are not trained, but made by `make(request)`; returns what was asked.

    That is (recipe, fingerprint of the images, seed) of each.
    """

    def fake_gan(make):
        asked = []

        def trained(recipe, request):
            asked.append((recipe, request.images.train.fingerprint, request.seed))
            return make(request)

        # A module that is imported later would keep this function beyond the test.
        for module in pkgutil.iter_modules(generators.__path__, "gan_mnist.generators."):
            importlib.import_module(module.name)
        monkeypatch.setattr("gan_mnist.generators.trained.train_or_load", trained)
        return asked

    return fake_gan


@pytest.fixture(scope="session")
def class_names():
    return CLASSES


@pytest.fixture(scope="session")
def few_images(tmp_path_factory):
    """Two classes of five images."""
    folder = tmp_path_factory.mktemp("few")
    rng = np.random.default_rng(0)
    for name in CLASSES[:2]:
        (folder / name).mkdir()
        for number in range(5):
            picture = Image.fromarray(np.uint8(np.clip(draw(name, rng), 0, 255)))
            picture.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """60 images a class, blue and yellow or grey, in all the usual formats."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir()
        for number in range(60):
            picture = Image.fromarray(np.uint8(np.clip(draw(name, rng), 0, 255)))
            mode, suffix = FORMATS[number % 4]
            picture = ImageOps.colorize(picture, "navy", "yellow")
            picture.convert(mode).save(folder / name / f"{number}.{suffix}")
    return folder


@pytest.fixture(scope="module")
def run_of_levels(tmp_path_factory):
    """Of one run, for `every_generator`: what is trained on equal images is shared."""
    from every_generator import make_elsewhere

    make_elsewhere(tmp_path_factory.mktemp("elsewhere"))
    with pytest.MonkeyPatch.context() as patch:
        # Sampling 250 images where 24 are wanted would take most of the time.
        patch.setattr("gan_mnist.generators.trained.CHUNK", 30)
        yield tmp_path_factory.mktemp("run")
