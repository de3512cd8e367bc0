"""Trials on images that each seed divides anew: what is shared must not leak what is tested."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image
from small_trial import STUDY

from gan_mnist.errors import InputError
from gan_mnist.generators import trained
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.trial import Trial
from gan_mnist.training import judge, made_once
from gan_mnist.trials import ClassifierSteps

SEEDS = range(3)


@dataclass(frozen=True)
class Shown(GeneratorSettings, SubsetSettings):
    """Of an experiment that shows generated images."""


SMALL = Shown(
    **{"dataset": "folder", "image_size": 8, "channels": 1, "width": 2, "updates": 10},
    **{"generator": "cgan", "gan_architecture": "mlp", "gan_width": 1, "gan_latent_dim": 4},
    **{"gan_updates": 10, "gan_batch_size": 8},
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of fifteen images of noise: any one is like itself alone."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in "ab":
        (root / name).mkdir()
        for row in range(15):
            noise = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(noise).save(root / name / f"{row}.png")
    return root


@pytest.fixture
def steps(photos, tmp_path):
    """`steps(seed)`: of trials in one directory."""

    def steps(seed, arm="some", **changes):
        settings = replace(SMALL, data_dir=str(photos), **changes)
        dataset = settings.load()
        trial = Trial(
            STUDY, arm, seed, settings.resolve(dataset), dataset.provenance, tmp_path / "run"
        )
        trial.directory.mkdir(parents=True, exist_ok=True)
        return ClassifierSteps(trial)

    return steps


def contents(images):
    return {image.tobytes() for image in images}


def test_the_arms_of_a_seed_are_tested_on_the_same_images_and_seeds_on_others(steps):
    tested = {(seed, arm): steps(seed, arm).test.filenames for seed in SEEDS for arm in "xy"}
    assert all(tested[seed, "x"] == tested[seed, "y"] for seed in SEEDS)
    assert len(set(tested.values())) == len(SEEDS)
    fixed = {steps(seed, split="fixed").test.filenames for seed in SEEDS}
    assert len(fixed) == 1


def test_other_images_than_the_run_began_with_are_refused(steps):
    trial = steps(0).trial
    other = replace(trial, provenance={**trial.provenance, "sha256": "0" * 64})
    with pytest.raises(RuntimeError, match="not the one that the run began with"):
        _ = other.dataset


@pytest.fixture
def seen(monkeypatch):
    """What each directory of shared work was trained on; the trainings themselves are left out."""
    seen = {}

    def fit(model, batches, updates, directory, *rest, **options):
        seen[directory] = contents(batches.args[0][0])
        directory.mkdir(parents=True, exist_ok=True)
        return 0.0

    def train_classifier(recipe, batches, validation, stream, directory):
        ((columns, _),) = batches.args[0]
        seen[directory] = contents(columns[0]) | contents(validation.images)
        return recipe.build(), 0.0

    monkeypatch.setattr(trained, "fit", fit)
    monkeypatch.setattr(trained, "CHUNK", 30)
    monkeypatch.setattr(judge, "train_classifier", train_classifier)
    return seen


def generator(steps):
    return steps.trial.workdir / "generators" / steps.generator(steps.allot(None)).key


def judged(steps):
    recipe = steps.recipe(network=build_small_cnn)
    stream = steps.trial.experiment, steps.trial.seed
    judge.trained_judge(recipe, 8, steps.allot(None), stream, steps.trial.workdir)
    return max((steps.trial.workdir / "judges").iterdir(), key=lambda path: path.stat().st_ctime)


def leaks(steps, share, seen):
    """How many images are tested with which the shared work of the same seed was trained."""
    found = 0
    for seed in range(2):
        for arm in "xy":  # the second finds what the first has left
            own = steps(seed, arm)
            found += len(contents(own.test.images) & seen[share(own)])
    return found


@pytest.mark.parametrize(
    ("share", "module", "key"),
    [(generator, trained, "generator_key"), (judged, judge, "fingerprint")],
)
def test_no_shared_network_has_learnt_from_images_that_are_tested(
    steps, share, module, key, seen, monkeypatch
):
    assert leaks(steps, share, seen) == 0
    assert len(seen) == 2
    # Planted: a key that does not tell the splits of two seeds apart.
    monkeypatch.setattr(module, key, lambda *parts: "one for all")
    # What lies beside the weights tells them apart still; without that, too, they leak.
    assert leaks(steps, share, seen) == 0
    monkeypatch.setattr(made_once, "fingerprint", lambda *parts: "one for all")
    assert leaks(steps, share, seen) > 0


def test_a_folder_of_copies_is_a_leak_whatever_split_they_are_in(photos, steps):
    settings = steps(0).trial.settings
    dataset = settings.load()
    source = settings.source("copies", str(photos), dataset)
    assert source.provenance["copies"] == {"train": 30, "test": 30}
    assert source.warnings == (
        "30 of the 30 images of `copies` are copies of test images, which is a leak",
    )


def test_what_cannot_be_met_for_every_seed_is_refused_in_the_plan(steps):
    with pytest.raises(InputError, match="images_per_class: 12 is out of range; accepted: 1 to 11"):
        steps(0, images_per_class=12)
    assert len(steps(2, images_per_class=11).allot((11, 11)).train) == 22
