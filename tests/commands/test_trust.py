"""Whose models are run: our exports, and those of others only when that is asked for."""

import hashlib
import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_mnist import classify, denoise, generate
from gan_mnist.errors import InputError
from gan_mnist.generators.export_files import find_export
from gan_mnist.models.saved import check_trusted, digest_of, read_class_names
from gan_mnist.trials.export import export_classifier

SIDE = 8
MAIN = classify.main


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ours")
    inputs = keras.Input((SIDE, SIDE, 1))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    export_classifier(keras.Model(inputs, outputs), ("a", "b"), directory)
    return directory


@pytest.fixture
def ours(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "export")


@pytest.fixture
def photo(tmp_path):
    Image.new("L", (SIDE, SIDE), 200).save(tmp_path / "photo.png")
    return f"--images={tmp_path / 'photo.png'}"


class Burglar(tf.Module):
    """A model that writes a file when it is asked, whatever it is asked."""

    def __init__(self, place):
        self.place = str(place)

    def _write(self):
        return tf.control_dependencies([tf.io.write_file(self.place, "I was here")])

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 1), name="images")])
    def classify(self, images):
        with self._write():
            n = tf.shape(images)[0]
            return {"label": tf.fill([n], "b"), "probability": tf.fill([n], 1.0)}

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 1), name="input")])
    def denoise(self, input):
        with self._write():
            return {"images": tf.identity(input)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, "labels"),
                                  tf.TensorSpec((), tf.int32, "seed")])  # fmt: skip
    def generate_seeded(self, labels, seed):
        with self._write():
            return {"images": tf.zeros((tf.shape(labels)[0], SIDE, SIDE, 1))}


@pytest.fixture
def theirs(tmp_path):
    """An export of somebody else, and the file that it writes."""
    model, place = Burglar(tmp_path / "stolen.txt"), tmp_path / "theirs"
    names = ("classify", "denoise", "generate_seeded")
    signatures = {name: getattr(model, name) for name in names}
    tf.saved_model.save(model, str(place / "classifier"), signatures=signatures)
    for kind in ("denoiser", "generator"):
        shutil.copytree(place / "classifier", place / kind)
    (place / "classes.json").write_text('["a", "b"]')
    return place, tmp_path / "stolen.txt"


def test_an_export_of_ours_is_taken_wherever_it_lies(ours, photo, command, tmp_path):
    assert command(f"--model={ours}", photo)[0] == 0
    (ours / "classifier" / ".DS_Store").write_text("of a file manager")
    (ours / "classifier").rename(ours / "mine")
    check_trusted(shutil.move(ours, tmp_path / "elsewhere") / "mine")


def test_the_checksum_is_of_names_and_contents(exported):
    told = json.loads((exported / "checksums.json").read_text())
    digest = hashlib.sha256()
    root = exported / "classifier"
    names = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    for name in sorted(names):
        content = (root / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    assert told == {"classifier": digest.hexdigest()}
    assert digest_of(root) == digest.hexdigest()


@pytest.mark.parametrize("main", [classify.main, generate.main, denoise.main])
def test_a_model_of_others_is_not_run_unless_it_is_trusted(theirs, photo, directory, capsys, main):
    place, stolen = theirs
    arguments = [f"--model={place}", *([] if main is generate.main else [photo]), "--output=out"]
    if main is denoise.main:
        arguments[1] = f"--images={place.parent / 'noisy'}"
        (place.parent / "noisy").mkdir()
        Image.new("L", (SIDE, SIDE)).save(place.parent / "noisy" / "1.png")
    assert main(["command", *arguments]) == 2
    line = capsys.readouterr().err
    assert "has no checksum of ours, and a model can read and write your files" in line
    assert "--trust_model" in line
    assert line.count("\n") == 1
    assert list(directory.iterdir()) == []
    assert not stolen.exists()
    # Which is what trust is about.
    assert main(["command", *arguments, "--trust_model"]) == 0
    assert stolen.read_text() == "I was here"


def change_weights(place):
    (path,) = (place / "classifier" / "variables").glob("*.data-*")
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (change_weights, "is not what its checksum says"),
        (lambda place: (place / "classifier" / "new").write_text(""), "is not what its checksum"),
        (lambda place: (place / "checksums.json").unlink(), "has no checksum of ours"),
        (lambda place: (place / "checksums.json").write_text("{}"), "has no checksum of ours"),
        (lambda place: (place / "checksums.json").write_text("["), "has no checksum of ours"),
        (lambda place: (place / "checksums.json").write_text("[1]"), "has no checksum of ours"),
        (lambda place: (place / "checksums.json").write_text('{"a": 1}'), "is not what its"),
        (lambda place: (place / "checksums.json").write_bytes(b"\xff"), "has no checksum of ours"),
    ],
)
def test_an_export_that_was_changed_is_another(ours, photo, command, change, told):
    change(ours)
    status, _, err = command(f"--model={ours}", photo)
    assert status == 2
    assert told in err
    assert err.count("\n") == 1


def test_a_generator_of_others_is_refused_before_anything_is_run(theirs):
    place, stolen = theirs
    asked = place, ("a", "b"), (SIDE, SIDE, 1)
    with pytest.raises(InputError, match=r"--generated: .*generator' has no checksum of ours"):
        find_export(*asked)
    assert np.array_equal(find_export(*asked, trusted=True).labels, (0, 1))
    assert not stolen.exists()


@pytest.mark.parametrize("name", ["about.json", "checksums.json"])
def test_a_pipe_beside_a_model_is_not_waited_for(refused, ours, photo, name):
    (ours / name).unlink(missing_ok=True)
    os.mkfifo(ours / name)
    refused(f"--model={ours / 'classifier'}", photo)
    (ours / "classes.json").unlink()
    os.mkfifo(ours / "classes.json")
    with pytest.raises(InputError, match="is no list of class names"):
        read_class_names(ours / "classifier")
