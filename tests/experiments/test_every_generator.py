"""Every generator in every experiment that shows generated images, by its settings alone.

Experiments and generators are those that there are: a new one is a row here by itself.
"""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from exported_levels import export_levels
from PIL import Image
from small_trial import make_trial

from gan_mnist import experiments
from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.trials import steps as trials

STUDIES = {name: experiments.load(name) for name in experiments.names()}
GENERATING = {
    name: study for name, study in STUDIES.items() if isinstance(study.settings, GeneratorSettings)
}
SIDE, CLASSES = 16, ("low", "middle", "high")
# Those of them that an experiment has.
TINY = {
    "image_size": SIDE,
    "classes": CLASSES,
    "validation_per_class": 3,
    "images_per_class": 8,
    "labels_per_class": (3,),
    "counts": (3, 8, 8),
    "channels": 1,
    "judge_updates": 10,
    "smallest": 8,
    "largest": 16,
    "width": 1,
    "batch_size": 12,
    "generated_images": 24,
    "pool_images": 24,
    "generated_per_class": 12,
    # Recipes are equal in all experiments: each network is built and traced once.
    "gan_architecture": "mlp",
    "gan_width": 1,
    "gan_latent_dim": 32,
    "gan_latents": "normal",
    "gan_learning_rate": 1e-3,
    "gan_beta_1": 0.5,
    "gan_average_decay": 0.9,
    "gan_loss": "non_saturating",
    "gan_sampling_scale": 1.0,
    "gan_epochs": 10,
    "gan_epoch_updates": 10,
    "gan_batch_size": 8,
    "warp_updates": 10,
    "warp_width": 1,
    "deformation_pairs": 8,
    "deformation_updates": 10,
    "dagan_width": 1,
    "vae_width": 1,
    "vae_latent_dim": 4,
    "export_dir": "",
}
# Folders of images, and of an export.
ELSEWHERE: dict[str, str] = {}
every_experiment = pytest.mark.parametrize("name", GENERATING)


def level_class(images):
    """The classes that images show: a level of grey each, around 40, 125 and 210 of 255."""
    levels = np.asarray(images, np.float32).mean(axis=(1, 2, 3))
    return np.round((levels * (255 if levels.max() <= 1 else 1) - 40) / 85).astype(int)


def split(seed, each):
    labels = np.repeat(np.arange(3, dtype=np.int32), each)
    noise = np.random.default_rng(seed).integers(-15, 16, (3 * each, SIDE, SIDE, 1))
    images = np.uint8(40 + 85 * labels[:, None, None, None] + noise)
    return Split(images, labels, tuple(f"{seed}-{row}.png" for row in range(3 * each)))


DATASET = Dataset("levels", "made up", CLASSES, split(0, 16), split(1, 10))


def settings_of(study, generator, **changes):
    """The smoke preset of an arm that shows a generator's images, smaller, of another generator."""
    shows = next(
        arm.changes
        for arm in study.arms
        if arm.changes.get("generator", NONE) != NONE and not arm.changes.get("fresh")
    )
    known = {field.name for field in fields(study.settings)}
    wanted = {**study.presets["smoke"].changes, **shows, **TINY}
    if study.settings.gan_updates:
        wanted["gan_updates"] = 100
    wanted |= {"generator": generator, "shuffled_labels": False, **changes}
    wanted["given"] = ELSEWHERE.get(generator, "")
    if isinstance(study.settings.images_per_class if "images_per_class" in known else 0, tuple):
        wanted["images_per_class"] = (wanted["images_per_class"],)
    kept = {key: value for key, value in wanted.items() if key in known}
    return replace(study.settings, **kept).resolve(DATASET)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Sampling 250 images where 24 are wanted would take most of the time."""
    monkeypatch.setattr("gan_mnist.generators.trained.CHUNK", 30)


@pytest.fixture(scope="module", autouse=True)
def made_elsewhere(tmp_path_factory):
    """A folder of images by class, and an exported generator."""
    folder = tmp_path_factory.mktemp("made")
    images = split(2, 12)
    for name, pixels, label in zip(images.filenames, images.images, images.labels, strict=True):
        (folder / CLASSES[label]).mkdir(exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(folder / CLASSES[label] / name)
    ELSEWHERE["given"] = str(folder)
    ELSEWHERE["exported"] = str(tmp_path_factory.mktemp("exported"))
    export_levels(Path(ELSEWHERE["exported"]), ("other", *CLASSES[::-1]), (SIDE, SIDE, 1), CLASSES)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Of one run: what is trained on equal images is shared by the experiments."""
    return tmp_path_factory.mktemp("run")


@every_experiment
@pytest.mark.parametrize("generator", GENERATORS)
def test_a_trial_is_done_or_tells_why_it_cannot_be(name, generator, workdir):
    study, arm = GENERATING[name], f"{name}-{generator}"
    trial = make_trial(study, arm, 0, settings_of(study, generator), workdir, DATASET)
    try:
        outcome = study.part("trial").run_trial(trial)
    except NotApplicable as refusal:
        reason = str(refusal)
    else:
        reason = None
    if reason is not None:
        # There are several images of each class: only what is held back can be wanting.
        assert "held back" in reason
        assert generator == "held_back"
        return
    assert np.isfinite(list(outcome.metrics.values())).all()
    assert study.metrics[0].name in outcome.metrics
    assert bool(outcome.generators) == GENERATORS[generator].trains
    for key in outcome.generators:
        assert (workdir / "generators" / key / "generator.json").exists()
    with np.load(trial.directory / "gallery.npz") as gallery:
        assert gallery["images"].shape[1:] == (SIDE, SIDE, 1)


class _Stopped(Exception):
    pass


@every_experiment
@pytest.mark.parametrize("shuffled", [False, True])
def test_generated_images_are_shown_under_wrong_labels_if_they_shall_be(
    name, shuffled, tmp_path, monkeypatch
):
    """What images show tells whether a label is right; a copier's images show their class."""
    study, shown = GENERATING[name], []
    generate = trials.ClassifierSteps.generate

    def spy(*arguments):
        images, labels = generate(*arguments)
        shown.append((level_class(images), labels))
        return images, labels

    def train_classifier(recipe, batches, *others, **options):
        raise _Stopped(batches(0, 0))

    monkeypatch.setattr(trials.ClassifierSteps, "generate", spy)
    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    settings = settings_of(study, "copy", shuffled_labels=shuffled)
    with pytest.raises(_Stopped) as stopped:
        study.part("trial").run_trial(make_trial(study, "some", 0, settings, tmp_path, DATASET))
    true, labels = shown[0]
    assert ((true != labels) == shuffled).all()
    assert set(labels) <= {0, 1, 2}
    # And so they come to the classifier, real ones among them under right labels.
    batches = list(stopped.value.args[0].take(4).as_numpy_iterator())
    wrong = [level_class(images) != labels for images, labels, *_ in batches]
    assert np.concatenate(wrong).any() == shuffled
