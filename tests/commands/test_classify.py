"""`python -m gan_mnist.classify` with small exports, on folders in every condition."""

import csv
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_mnist import classify
from gan_mnist.trials.export import export_classifier

MAIN = classify.main
NAMES, SIZE = ("dark", "light, 'grey'", "三"), 8
COLUMNS = ["filename", "prediction", "probability", "error"]


def brightness_classifier(channels):
    """Knows three classes by the mean of all pixels: around 0, 0.5 and 1."""
    inputs = keras.Input((SIZE, SIZE, channels))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(3)(mean)
    model = keras.Model(inputs, outputs)
    centres = np.array([0, 0.5, 1], np.float32)
    kernel = np.tile(20 * centres / channels, (channels, 1))
    model.layers[-1].set_weights([kernel, -10 * centres**2])
    return model


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exports")
    for name, channels in (("grey", 1), ("colour", 3)):
        export_classifier(brightness_classifier(channels), NAMES, directory / name)

    module = tf.Module()
    function = tf.function(lambda images: {"label": images}, autograph=False)
    for name, signature, shape in (
        ("unsigned", "serve", [None, SIZE, SIZE, 1]),
        ("no_probability", "classify", [None, SIZE, SIZE, 1]),
    ):
        concrete = function.get_concrete_function(tf.TensorSpec(shape, name="images"))
        tf.saved_model.save(module, str(directory / name), signatures={signature: concrete})
    answers = tf.function(
        lambda images: {"label": images, "probability": images}, autograph=False
    ).get_concrete_function(tf.TensorSpec([None, 8, 9, 1], name="images"))
    tf.saved_model.save(module, str(directory / "oblong"), signatures={"classify": answers})

    answers = tf.function(
        lambda images: {"label": images, "probability": images}, autograph=False
    ).get_concrete_function(tf.TensorSpec([None, SIZE, SIZE, 1], name="images"))
    tf.saved_model.save(module, str(directory / "numbers"), signatures={"classify": answers})
    older = tf.saved_model.load(str(directory / "grey" / "classifier"))

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE, 1], name="images")])
    def classify_alone(images):
        answer = older.classify(images)
        return {name: answer[name] for name in ("label", "index", "probability")}

    older.classify_alone = classify_alone
    tf.saved_model.save(older, str(directory / "older"), signatures={"classify": classify_alone})

    (directory / "garbage").mkdir()
    (directory / "garbage" / "saved_model.pb").write_bytes(b"\xff not a model\n")
    (directory / "empty").mkdir()
    return directory


@pytest.fixture
def images(tmp_path):
    """Good images of three sizes and formats, in two folders."""
    folder = tmp_path / "images"
    (folder / "sub" / "deep").mkdir(parents=True)
    Image.new("L", (9, 9), 250).save(folder / "b.png")
    Image.new("RGB", (30, 30), (5, 5, 5)).save(folder / "sub" / "a.JPG")
    Image.new("L", (SIZE, SIZE), 128).save(folder / "sub" / "deep" / "c.jpeg")
    return folder


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == COLUMNS
    return {row[0]: row[1:] for row in rows[1:]}


def softmax_best(mean):
    """What `brightness_classifier` must answer to an image of one value."""
    centres = np.array([0, 0.5, 1])
    logits = 20 * centres * mean - 10 * centres**2
    chances = np.exp(logits) / np.exp(logits).sum()
    return NAMES[chances.argmax()], chances.max()


@pytest.mark.parametrize("model", ["grey", "grey/classifier", "colour", "older"])
def test_every_image_has_its_row(command, exports, images, directory, model):
    status, out, err = command(f"--model={exports / model}", f"--images={images}", "--trust_model")
    assert (status, err) == (0, "")
    rows = read(directory / "predictions.csv")
    assert list(rows) == ["b.png", "sub/a.JPG", "sub/deep/c.jpeg"]
    for row, value in zip(rows.values(), (250, 5, 128), strict=True):
        name, probability = softmax_best(value / 255)
        assert row[0] == name
        assert float(row[1]) == pytest.approx(probability, abs=2e-3)
        assert row[2] == ""
    assert len(out.splitlines()) == 1
    told = ["3 images", "passed over 0 ->", "三: 1", "dark: 1", "\"light, 'grey'\": 1"]
    told.append("predictions.csv")
    assert all(part in out for part in told), out


@pytest.mark.slow
def test_bad_images_are_rows_with_their_error(command, exports, images, directory):
    whole = (images / "b.png").read_bytes()
    (images / "half.png").write_bytes(whole[:50])
    (images / "text.png").write_text("not an image")
    (images / "nothing.jpg").write_bytes(b"")
    (images / "lost.png").symlink_to("nowhere")
    for name in ("notes.txt", "Thumbs.db"):
        (images / name).write_text("ignored")
    (images / ".hidden.png").write_bytes(whole)
    (images / ".thumbnails").mkdir()
    (images / ".thumbnails" / "x.png").write_bytes(whole)
    (images / "folder.png").mkdir()
    os.mkfifo(images / "pipe.png")
    odd = os.fsencode(images) + b'/\xff\n,".png'
    with open(odd, "wb") as file:
        file.write(whole)
    status, out, err = command(f"--model={exports / 'grey'}", f"--images={images}")
    assert (status, err) == (0, "")
    rows = read(directory / "predictions.csv")
    bad = {"half.png", "text.png", "nothing.jpg", "lost.png"}
    good = {"b.png", "sub/a.JPG", "sub/deep/c.jpeg", '\\udcff ,".png'}
    passed_over = {
        "notes.txt": "no image by name",
        "Thumbs.db": "of the operating system",
        ".hidden.png": "hidden",
        ".thumbnails/": "hidden",
        "pipe.png": "neither file nor folder",
    }
    assert set(rows) == bad | good | set(passed_over)
    for name, reason in passed_over.items():
        assert rows[name] == ["", "", reason]
    for name in bad:
        assert rows[name][:2] == ["", ""]
        assert rows[name][2], name
    assert "not an image" in rows["text.png"][2]
    assert "truncated" in rows["half.png"][2]
    assert all(rows[name][0] in NAMES and rows[name][2] == "" for name in good)
    assert "4 images" in out
    reasons = "an empty file: 1, hidden: 2, neither file nor folder: 1, no image by name: 1, "
    reasons += "not an image: 1, of the operating system: 1, the image cannot be read: 2"
    assert f"passed over 9 ({reasons})" in out


def test_a_folder_of_bad_images_alone_is_a_table_too(command, exports, tmp_path, directory):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_text("no")
    status, out, _ = command(f"--model={exports / 'grey'}", f"--images={tmp_path / 'bad'}")
    assert status == 1
    assert list(read(directory / "predictions.csv")) == ["x.png"]
    assert "classified 0 images (none), passed over 1 (not an image: 1)" in out


def test_batches_do_not_show(command, exports, tmp_path, directory, monkeypatch):
    """Many batches, the last one short and one of bad images alone, answer as one does."""
    folder = tmp_path / "many"
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 256, 23)
    for number, value in enumerate(values):
        Image.new("L", (SIZE, SIZE), int(value)).save(folder / f"{number:02d}.png")
    for number in (5, 6, 7, 8, 9, 22):
        (folder / f"{number:02d}.png").write_text("no")
    flags = [f"--model={exports / 'grey'}", f"--images={folder}"]
    assert command(*flags, "--output=one.csv")[0] == 0
    monkeypatch.setattr("gan_mnist.data.images.MOST_TOGETHER", 5)
    assert command(*flags, "--output=five.csv")[0] == 0
    one, five = read(directory / "one.csv"), read(directory / "five.csv")
    assert list(one) == list(five) == [f"{number:02d}.png" for number in range(23)]
    for (name, row), value in zip(five.items(), values, strict=True):
        assert (row[0], row[2]) == (one[name][0], one[name][2])
        if row[2] == "":
            assert row[0] == softmax_best(value / 255)[0]
            assert float(row[1]) == pytest.approx(float(one[name][1]), abs=2e-6)


def test_a_table_is_replaced_and_a_link_to_it_kept(command, exports, images, directory):
    (directory / "table.csv").write_text("old")
    (directory / "link.csv").symlink_to("table.csv")
    flags = [f"--model={exports / 'grey'}", f"--images={images}"]
    assert command(*flags, "--output=link.csv")[0] == 0
    assert (directory / "link.csv").is_symlink()
    assert len(read(directory / "table.csv")) == 3
    assert command(*flags, "--output=new/folder/table.csv")[0] == 0
    assert len(read(directory / "new" / "folder" / "table.csv")) == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": None}, ["--model", "missing", "directory"]),
        ({"model": ""}, ["--model", "''"]),
        ({"model": "nowhere"}, ["--model", "nowhere", "is no directory"]),
        ({"model": "x" * 5000}, ["--model", "is no directory"]),
        ({"model": "empty"}, ["--model", "empty", "holds no SavedModel", "saved_model.pb"]),
        ({"model": "garbage"}, ["--model", "garbage", "cannot be loaded"]),
        ({"model": "unsigned"}, ["--model", "'classify'", "serve", "label, probability"]),
        ({"model": "no_probability"}, ["--model", "images -> label;", "label, probability"]),
        ({"model": "oblong"}, ["--model", "(None, 8, 9, 1)", "(None, N, N, 3)"]),
        ({"images": None}, ["--images", "missing", "folder"]),
        ({"images": "nowhere"}, ["--images", "nowhere", "No such file"]),
        ({"images": "pipe"}, ["--images", "pipe", "a folder of images, or one image"]),
        ({"images": "bare"}, ["--images", "bare", "no images", "no image by name: 1"]),
        ({"top": 4}, ["--top", "4", "1 to 3 classes"]),
        ({"top": 0}, ["--top", "'0'"]),
        ({"model": "older", "top": 2}, ["--top", "2", "older export", "accepted: 1"]),
        ({"model": "numbers"}, ["--model", "float32", "(1, 8, 8, 1)", "text of shape (1,)"]),
        ({"output": ""}, ["--output", "''", "a file"]),
        ({"output": "."}, ["--output", "is no file"]),
        ({"output": "/dev/null"}, ["--output", "/dev/null", "is no file"]),
        ({"output": "/proc/here/table.csv"}, ["--output", "/proc/here"]),
        ({"output": "x" * 300}, ["--output", "too long"]),
        ({"modle": "x"}, ["--modle", "did you mean '--model'?", "--images"]),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_input_is_refused_in_one_line(
    command, exports, images, directory, monkeypatch, changes, told
):
    (images / "bare" / "below").mkdir(parents=True)
    (images / "bare" / "below" / "notes.txt").write_text("no image")
    os.mkfifo(images / "pipe")
    monkeypatch.setattr("gan_mnist.data.images.MOST_TOGETHER", 1)
    flags = {"model": "grey", "images": ".", **changes}
    if flags["model"]:
        flags["model"] = exports / flags["model"]
    if flags["images"]:
        flags["images"] = images / flags["images"]
    given = [f"--{name}={value}" for name, value in flags.items() if value is not None]
    status, out, err = command("--trust_model", *given)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1, err
    assert all(part in err for part in told), err
    assert list(directory.iterdir()) == []


@pytest.mark.slow
def test_a_damaged_model_is_refused(command, exports, images, directory, tmp_path):
    export_classifier(brightness_classifier(1), NAMES, tmp_path / "broken")
    (tmp_path / "broken" / "classifier" / "variables" / "variables.index").unlink()
    for trust, told in (([], "is not what its checksum says"), (["--trust_model"], "be loaded: ")):
        status, _, err = command(f"--model={tmp_path / 'broken'}", f"--images={images}", *trust)
        assert status == 2
        assert told in err
        assert len(err.splitlines()) == 1
        assert list(directory.iterdir()) == []


def test_an_interrupt_leaves_the_old_table(command, exports, images, directory, monkeypatch):
    """SIGTERM and SIGINT arrive when half of the images are classified."""
    (directory / "predictions.csv").write_text("old")
    monkeypatch.setattr("gan_mnist.data.images.MOST_TOGETHER", 2)
    for number, status, told in (
        (signal.SIGINT, 130, "interrupted; nothing was written\n"),
        (signal.SIGTERM, 143, "terminated; nothing was written\n"),
    ):

        def half(batches, about, total, number=number):
            assert total == 2
            yield next(batches)
            os.kill(os.getpid(), number)
            time.sleep(5)

        monkeypatch.setattr(classify, "tracked", half)
        assert command(f"--model={exports / 'grey'}", f"--images={images}") == (status, "", told)
        assert [path.name for path in directory.iterdir()] == ["predictions.csv"]
        assert (directory / "predictions.csv").read_text() == "old"


@pytest.mark.slow
def test_the_module_runs_with_a_clean_stderr(exports, images, directory):
    arguments = [f"--model={exports / 'grey'}", f"--images={images}"]
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "gan_mnist.commands.classify", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("classified 3 images")
