"""Small trials of any experiment that shows generated images, with any generator.

Experiments and generators are those that there are: a new one is a row here by itself.
"""

import re
from dataclasses import fields, replace

import numpy as np
from exported_levels import export_levels
from PIL import Image
from small_trial import make_trial

from gan_mnist import experiments
from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.generators.settings import GeneratorSettings

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
    "bagan_width": 1,
    "dagan_width": 1,
    "vae_width": 1,
    "vae_latent_dim": 4,
    "export_dir": "",
}
# Folders of images, and of an export.
ELSEWHERE: dict[str, str] = {}


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


def shows_any(study):
    """What an arm changes that shows the images of whichever generator."""
    if study.of_source is not None:
        rows = study.of_source(study.settings, "any")
        return next(arm.changes for arm in rows if arm.kind == "generated")
    # The arm that does the least besides.
    own = (arm.changes for arm in study.arms if arm.changes.get("generator", NONE) != NONE)
    return min(own, key=len)


def settings_of(study, generator, **changes):
    """The smoke preset of an arm that shows a generator's images, smaller, of another generator."""
    shows = shows_any(study)
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


def make_elsewhere(directory):
    """A folder of images by class, and an exported generator."""
    folder, exported = directory / "made", directory / "exported"
    images = split(2, 12)
    for name, pixels, label in zip(images.filenames, images.images, images.labels, strict=True):
        (folder / CLASSES[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(folder / CLASSES[label] / name)
    exported.mkdir()
    export_levels(exported, ("other", *CLASSES[::-1]), (SIDE, SIDE, 1), CLASSES)
    ELSEWHERE.update(given=str(folder), exported=str(exported))


def check_trial(name, generator, workdir):
    """A trial of experiment `name` is done, or tells why it cannot be."""
    study, arm = GENERATING[name], f"{name}-{generator}"
    trial = make_trial(study, arm, 0, settings_of(study, generator), workdir, DATASET)
    try:
        outcome = study.part("trial").run_trial(trial)
    except NotApplicable as refusal:
        reason = str(refusal)
    else:
        reason = None
    if reason is not None:
        # There are several images of each class: only what is held back can be wanting, and it is
        # there; but in `few_labels`, where all other images are unlabelled.
        assert generator == "held_back"
        pattern = "0 real images" if name == "few_labels" else r"[1-9]\d* real images"
        assert re.match(f"{pattern} of class \\w+ held back, ", reason)
        return
    assert np.isfinite(list(outcome.metrics.values())).all()
    assert study.metrics[0].name in outcome.metrics
    assert bool(outcome.generators) == GENERATORS[generator].trains
    for key in outcome.generators:
        assert (workdir / "generators" / key / "generator.json").exists()
    with np.load(trial.directory / "gallery.npz") as gallery:
        assert gallery["images"].shape[1:] == (SIDE, SIDE, 1)
