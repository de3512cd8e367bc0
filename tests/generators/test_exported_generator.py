"""Exported generators as sources: what is found, refused, told, and drawn."""

import json
import shutil
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_levels import export_levels

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.generators.contract import Request
from gan_mnist.generators.create import create_generator
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.study.display.plan_in_words import generated_in_words
from gan_mnist.trials.export import export_generator

SHAPE, NAMES = (16, 16, 1), ("a", "b, c")


@dataclass(frozen=True)
class Shown(GeneratorSettings):
    """Of an experiment that shows generated images."""


SETTINGS = Shown(image_size=16, channels=1, classes=NAMES)


def dataset():
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), np.uint8)
    split = Split(images, np.array([0, 0, 1, 1]), tuple("wxyz"))
    return Dataset("letters", "made up", NAMES, split, split)


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Made by our own exporter, of an untrained GAN of three classes."""
    directory = tmp_path_factory.mktemp("export")
    keras.utils.set_random_seed(0)
    network = build_conditional_gan("mlp", SHAPE, 3, 2, 4)
    export_generator(TrainedGenerator(network), ("other", *NAMES), directory)
    return directory


def source(place, settings=SETTINGS):
    return settings.source("mine", str(place), dataset())


def generator(place, **changes):
    """The generator of a source, as a trial makes it."""
    settings = Shown(**{"image_size": 16, "channels": 1, "classes": NAMES, "given": str(place),
                        "generator": "exported", **changes})  # fmt: skip
    images = dataset().train
    train = Subset(images.images, images.labels, NAMES, images.filenames)
    return create_generator(Request(settings, Allotment(train, train, train), 0, place))


@pytest.mark.parametrize("part", ["", "generator"])
def test_an_export_is_told_from_a_folder_of_images(export, part):
    found = source(export / part)
    assert found.changes["generator"] == "exported"
    assert found.changes["given"] == str(export / part)
    assert len(found.changes["given_sha256"]) == 64
    assert found.provenance["classes"] == ["other", *NAMES]
    assert found.provenance["image_shape"] == [16, 16, 1]


def test_its_images_are_those_of_the_signature_under_its_own_labels(export, monkeypatch):
    """As TensorFlow alone gets them: the class "a" is what the export calls 1."""
    monkeypatch.setattr("gan_mnist.generators.exported.CHUNK", 4)
    monkeypatch.setattr("gan_mnist.generators.exported.derive_seed", lambda name, *at: sum(at))
    images = generator(export).sample(np.array([0, 1, 1, 0, 1], np.int32), 7)
    alone = tf.saved_model.load(str(export / "generator"))
    first = alone.generate_seeded(tf.constant([1, 2, 2, 1]), tf.constant(7))["images"]
    second = alone.generate_seeded(tf.constant([2, 2, 2, 2]), tf.constant(11))["images"]
    np.testing.assert_array_equal(images, np.concatenate([first, second[:1]]))


def test_a_moved_export_is_the_same_and_a_changed_one_is_not(export, tmp_path):
    before = source(export).changes["given_sha256"]
    moved = shutil.copytree(export, tmp_path / "moved")
    (moved / "generator" / ".DS_Store").write_text("of a file manager")
    assert source(moved).changes["given_sha256"] == before
    assert generator(moved, given_sha256=before) is not None
    (weights,) = (moved / "generator" / "variables").glob("*.data-*")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"--generated: .* is not what its checksum says"):
        source(moved)
    trusting = replace(SETTINGS, trust_model=True)
    changed = source(moved, trusting).changes["given_sha256"]
    assert changed != before
    with pytest.raises(RuntimeError, match="is another generator than when the run began"):
        generator(moved, given_sha256=before)
    (moved / "classes.json").write_text(json.dumps(["a", "other", "b, c"]))
    assert source(moved, trusting).changes["given_sha256"] not in (before, changed)


def write_signature(directory, name, *specs):
    """A SavedModel whose one signature takes `specs`."""
    model = tf.Module()
    answer = tf.function(lambda **inputs: {"images": tf.zeros((2, *SHAPE))})
    function = answer.get_concrete_function(**{spec.name: spec for spec in specs})
    tf.saved_model.save(model, str(directory / "generator"), signatures={name: function})
    (directory / "classes.json").write_text(json.dumps(NAMES))
    return directory


SEED = tf.TensorSpec((), tf.int32, "seed")


def test_what_cannot_match_is_refused_in_a_line(export, tmp_path):
    def refused(place, told, settings=SETTINGS):
        with pytest.raises(InputError) as refusal:
            source(place, settings)
        line = str(refusal.value)
        assert line.startswith("--generated: ")
        assert len(line.splitlines()) == 1
        assert told in line

    refused(export, "makes no images of d, \"e,f\"",
            Shown(image_size=16, channels=1, classes=("a", "d", "e,f")))  # fmt: skip
    refused(export, "makes images of 16 x 16 x 1; accepted: 28 x 28 x 3",
            Shown(image_size=28, channels=3, classes=NAMES))  # fmt: skip
    refused(write_signature(tmp_path / "unconditional", "generate_seeded", SEED),
            "is seed -> images; accepted: generate_seeded(labels, seed) -> images")  # fmt: skip
    refused(write_signature(tmp_path / "other", "make", SEED),
            "has no signature 'generate_seeded', but make")  # fmt: skip
    (tmp_path / "alone").mkdir()
    shutil.copytree(export / "generator", tmp_path / "alone" / "classifier")
    refused(
        tmp_path / "alone",
        "holds no generator, but a classifier; accepted: an exported model's directory",
    )
    unnamed = shutil.copytree(export / "generator", tmp_path / "unnamed" / "generator").parent
    refused(unnamed, "is no list of class names")
    shutil.copy(export / "classes.json", unnamed)
    (unnamed / "generator" / "saved_model.pb").write_bytes(b"none")
    refused(unnamed, "cannot be loaded: its saved_model.pb is damaged")


def test_without_an_export_there_is_none(tmp_path):
    with pytest.raises(NotApplicable, match="no generator was given"):
        generator(tmp_path, given="")


def test_it_is_told_what_it_was_trained_on(tmp_path):
    sha256 = dataset().provenance["sha256"]
    about = {"dataset": {"name": "mine", "sha256": sha256}}
    same = export_levels(tmp_path / "same", NAMES, SHAPE, **about)
    about["dataset"]["sha256"] = "0" * 64
    other = export_levels(tmp_path / "other", NAMES, SHAPE, **about)
    lines = {place: generated_in_words({"g": source(place).provenance}) for place in (same, other)}
    assert "of 16 x 16 x 1 images" in lines[same][0]
    assert "trained on mine; it makes a" in lines[same][0]
    seen = "g: it was trained on this data set, so it may show images that a trial does not see"
    assert seen in lines[same]
    assert seen not in lines[other]
    assert all("copies of real images: only usefulness" in of[-1] for of in lines.values())
