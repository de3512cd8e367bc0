"""Exports of one generator by several arms: made once, copied as long as nothing has changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.trials import export
from gan_mnist.trials.export import export_generator

pytestmark = pytest.mark.slow

NAMES, SHAPE = ("one", "zwei", "三"), (16, 16, 1)
LABELS = np.int32([2, 0, 1, 1, 0])
GANS = {
    "mlp": lambda: build_conditional_gan("mlp", SHAPE, 3, 2, 4),
    "warp": lambda: build_warp_gan(SHAPE, 2),
}


@pytest.fixture
def written(monkeypatch):
    """Where generators were made, not copied to."""
    places, write = [], export._write_generator

    def spy(network, directory):
        places.append(directory.name)
        write(network, directory)

    monkeypatch.setattr(export, "_write_generator", spy)
    return places


def seeded_images(directory):
    generate = tf.saved_model.load(str(directory / "generator")).signatures["generate_seeded"]
    return generate(labels=tf.constant(LABELS), seed=tf.constant(5))["images"].numpy()


def test_an_equal_generator_is_copied_while_the_first_export_lasts(tmp_path, written):
    generator, one = TrainedGenerator(GANS["mlp"]()), tmp_path / "one"
    # What an earlier run left gives way.
    export_generator(TrainedGenerator(GANS["mlp"]()), NAMES, tmp_path / "two")
    for names, directory in ((NAMES, one), (NAMES[::-1], tmp_path / "two")):
        export_generator(generator, names, directory)
        assert json.loads((directory / "classes.json").read_text("utf-8")) == list(names)
    assert written == ["two", "one"]
    files = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(files) == 7
    for file in set(files) - {Path("classes.json")}:
        assert (tmp_path / "two" / file).read_bytes() == (one / file).read_bytes()
    shutil.rmtree(one)
    export_generator(generator, NAMES, tmp_path / "three")
    export_generator(generator, NAMES, tmp_path / "three")
    assert written == ["two", "one", "three", "three"]
    np.testing.assert_array_equal(
        seeded_images(tmp_path / "three"), seeded_images(tmp_path / "two")
    )


@pytest.mark.parametrize("name", ["mlp", "warp"])
def test_a_generator_that_has_changed_is_exported_anew(name, tmp_path):
    generator = TrainedGenerator(GANS[name]())
    network = generator.network
    for images in (np.zeros((3, *SHAPE), np.float32), np.ones((3, *SHAPE), np.float32)):
        directory = tmp_path / str(images.max())
        if name == "warp":
            network.adopt(images, np.arange(3))
        else:
            scale = 1 + images.max()
            network.average.set_weights([scale * w for w in network.average.get_weights()])
        export_generator(generator, NAMES, directory)
        expected = network.sample(tf.constant(LABELS), tf.constant([5, 0]))
        np.testing.assert_allclose(seeded_images(directory), expected, atol=1e-5)
