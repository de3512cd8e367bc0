"""`python -m gan_mnist.denoise` with small exports, on folders of pairs in every condition."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

from gan_mnist import denoise
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.denoiser import DenoisingModel
from gan_mnist.trials.export import export_classifier, export_denoiser

MAIN = denoise.main
SIZE = 8
COLUMNS = ["filename", "output", "error"]


def mixing_denoiser(channels):
    """Answers 0.75 * input + 0.25 * ref, pixel by pixel and channel by channel."""
    inputs = [keras.Input((SIZE, SIZE, channels)) for _ in range(2)]
    mix = keras.layers.Conv2D(channels, 1, use_bias=False)
    model = keras.Model(inputs, mix(keras.layers.Concatenate()(inputs)))
    eye = np.eye(channels, dtype=np.float32)
    mix.set_weights([np.concatenate([0.75 * eye, 0.25 * eye])[None, None]])
    return DenoisingModel(model)


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exports")
    for name, channels in (("grey", 1), ("colour", 3)):
        export_denoiser(mixing_denoiser(channels), directory / name)
    export_classifier(build_small_cnn((16, 16, 1), 2), "ab", directory / "classifier_alone")
    for name, shapes in (("oblong", [(8, 9, 1)] * 2), ("unequal", [(8, 8, 1), (9, 9, 1)])):
        inputs = [keras.Input(shape) for shape in shapes]
        model = keras.Model(inputs, keras.layers.ReLU()(inputs[0]))
        export_denoiser(DenoisingModel(model), directory / name)
    return directory


@pytest.fixture
def images(tmp_path):
    """`images(names)`: a folder of pairs of noise in colour; where it lies."""
    rng = np.random.default_rng(0)

    def make(*names):
        for side in ("input", "ref"):
            for name in names:
                path = tmp_path / "images" / side / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(path)
        return tmp_path / "images"

    return make


def read(output):
    with (output / "denoised.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == COLUMNS
    return {row[0]: row[1:] for row in rows[1:]}


def files(output):
    paths = (path for path in output.rglob("*.png") if path.is_file())
    return sorted(path.relative_to(output).as_posix() for path in paths)


def pixels(path, mode):
    picture = Image.open(path).convert(mode).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.float64)


def assert_denoised(path, folder, name, mode):
    """The picture is what `mixing_denoiser` must answer to the two images of this name."""
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", mode, (SIZE, SIZE))
        found = np.asarray(image, np.float64)
    given, ref = (pixels(folder / side / name, mode) for side in ("input", "ref"))
    np.testing.assert_allclose(found, 0.75 * given + 0.25 * ref, atol=0.51)
    assert np.ptp(found) > 50


@pytest.mark.parametrize(("model", "mode"), [("grey/denoiser", "L"), ("colour", "RGB")])
def test_every_pair_gives_a_picture_and_a_row(command, exports, images, directory, model, mode):
    folder = images("b.png", "sub/a.JPG", "sub/deep/c.jpeg")
    with Image.open(folder / "ref" / "b.png") as image:
        image.resize((29, 29)).save(folder / "ref" / "b.png")
    output = directory / "new" / "folder"
    flags = [f"--model={exports / model}", f"--images={folder}", "--output=new/folder"]
    assert command(*flags) == (0, f"denoised 3 images, passed over 0 -> {output}\n", "")
    rows = read(output)
    assert list(rows) == ["b.png", "sub/a.JPG", "sub/deep/c.jpeg"]
    pictures = ["b.png", "sub/a.png", "sub/deep/c.png"]
    assert list(rows.values()) == [[picture, ""] for picture in pictures]
    assert files(output) == pictures
    assert {path.suffix for path in output.rglob("*") if path.is_file()} == {".png", ".csv"}
    for name, (picture, _) in rows.items():
        assert_denoised(output / picture, folder, name, mode)


def test_bad_pairs_are_rows_with_their_error(command, exports, images, directory):
    folder = images(*(f"{n}.png" for n in ("good", "text", "half", "alone", "left", "pipe", "z")))
    (folder / "input" / "text.png").write_text("not an image")
    half = folder / "ref" / "half.png"
    half.write_bytes(half.read_bytes()[:50])
    (folder / "ref" / "alone.png").unlink()
    (folder / "input" / "left.png").rename(folder / "input" / "left.jpg")
    (folder / "ref" / "pipe.png").unlink()
    os.mkfifo(folder / "ref" / "pipe.png")
    (folder / "input" / ".hidden.png").write_text("ignored")
    flags = [f"--model={exports / 'grey'}", f"--images={folder}", "--output=new"]
    status, out, err = command(*flags)
    assert (status, err) == (0, "")
    reasons = "hidden: 1, neither file nor folder: 1, no such image: 3, not an image: 1, "
    reasons += "the image cannot be read: 1"
    assert out.startswith(f"denoised 2 images, passed over 7 ({reasons}) -> ")
    rows = read(directory / "new")
    told = {
        "alone.png": "ref: no such image",
        "half.png": "ref: the image cannot be read",
        "left.jpg": "ref: no such image",
        "left.png": "input: no such image",
        "pipe.png": "ref: neither file nor folder",
        ".hidden.png": "input: hidden",
        "text.png": "input: not an image",
    }
    assert list(rows) == sorted(["good.png", "z.png", *told])
    for name, start in told.items():
        assert rows[name][0] == ""
        assert rows[name][1].startswith(start)
    assert files(directory / "new") == ["good.png", "z.png"]
    for name in ("good.png", "z.png"):
        assert rows[name] == [name, ""]
        assert_denoised(directory / "new" / name, folder, name, "L")
        (folder / "input" / name).unlink()
    flags[-1] = "--output=bad"
    status, out, err = command(*flags)
    # Nothing was done.
    assert (status, err) == (1, "")
    assert out.startswith("denoised 0 images, passed over 9 (")
    assert [path.name for path in (directory / "bad").iterdir()] == ["denoised.csv"]


def test_no_picture_replaces_another(command, exports, images, directory):
    """Suffixes that differ, names that look like what would come of them, folders like files."""
    names = ("a.jpg", "a.jpg.png", "a.png", "b.jpg", "b.png/c.jpeg", "c.jpeg", "lone.jpg")
    folder = images(*names, "lone.png")
    (folder / "ref" / "lone.png").unlink()
    for side in ("input", "ref"):
        shutil.copy(folder / side / "a.png", folder / side / os.fsdecode(b'\xff\n,".png'))
    flags = [f"--model={exports / 'grey'}", f"--images={folder}", "--output=new"]
    assert command(*flags)[0] == 0
    output = directory / "new"
    rows = read(output)
    assert {name: row[0] for name, row in rows.items()} == {
        "a.jpg": "a.jpg.png",
        "a.jpg.png": "a.jpg.png.png",
        "a.png": "a.png.png",
        "b.jpg": "b.png.png",
        "b.png/c.jpeg": "b.png/c.png",
        "c.jpeg": "c.png",
        "lone.jpg": "lone.png",
        "lone.png": "",
        '\\udcff ,".png': '\\udcff ,".png',
    }
    assert len(files(output)) == 8
    for name in names:
        assert_denoised(output / rows[name][0], folder, name, "L")


def test_batches_are_bounded_and_do_not_show(command, exports, images, directory, monkeypatch):
    folder = images(*(f"{number:02d}.png" for number in range(11)))
    for number in (4, 5, 6, 7, 10):
        (folder / "ref" / f"{number:02d}.png").write_text("no")
    monkeypatch.setattr(denoise, "BATCH_PIXELS", 4 * SIZE**2 + 1)
    sizes, ask = [], denoise.call_for_pictures

    def spy(function, number, **inputs):
        sizes.append(number)
        return ask(function, number, **inputs)

    monkeypatch.setattr(denoise, "call_for_pictures", spy)
    flags = [f"--model={exports / 'colour'}", f"--images={folder}"]
    assert command(*flags, "--output=four")[0] == 0
    assert sizes == [4, 2]
    monkeypatch.setattr(denoise, "BATCH_PIXELS", 1)
    assert command(*flags, "--output=one")[0] == 0
    assert sizes[2:] == [1] * 6
    for output in (directory / "four", directory / "one"):
        rows = read(output)
        assert list(rows) == [f"{number:02d}.png" for number in range(11)]
        good = [name for name, row in rows.items() if row[1] == ""]
        assert good == files(output) == [f"{number:02d}.png" for number in (0, 1, 2, 3, 8, 9)]
        for name in good:
            assert_denoised(output / name, folder, name, "RGB")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": None}, ["--model", "missing", "directory"]),
        ({"model": "nowhere"}, ["--model", "nowhere", "is no directory"]),
        ({"model": "classifier_alone"}, ["no denoiser, but a classifier"]),
        ({"model": "classifier_alone/classifier"}, ["'denoise'", "denoise(input, ref) -> images"]),
        ({"model": "oblong"}, ["--model", "(None, 8, 9, 1)", "(None, N, N, 3)"]),
        ({"model": "unequal"}, ["--model", "(None, 8, 8, 1) and (None, 9, 9, 1)"]),
        ({"images": None}, ["--images", "missing", "'input' and 'ref'"]),
        ({"images": "nowhere"}, ["--images", "nowhere/input", "no folder", "'ref'"]),
        ({"images": "half"}, ["--images", "half/ref", "no folder", "'input' and 'ref'"]),
        ({"images": "bare"}, ["--images", "bare", "no images"]),
        ({"images": "named"}, ["--images", "named", "'denoised.csv'"]),
        ({"output": None}, ["--output", "missing", "empty folder"]),
        ({"output": "half"}, ["--output", "half", "not empty"]),
        ({"output": "file"}, ["--output", "file", "Not a directory"]),
        ({"output": "/proc/here"}, ["--output", "/proc/here"]),
        ({"refs": "x"}, ["--refs", "accepted:", "--images"]),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_input_is_refused_in_one_line(
    command, exports, images, directory, tmp_path, changes, told
):
    images("a.png")
    for folder in ("half/input", "bare/input", "bare/ref", "named/ref", "named/input/denoised.csv"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "named" / "input" / "denoised.csv" / "x.png").write_text("x")
    (tmp_path / "file").write_text("mine")
    flags = {"model": "grey", "images": "images", "output": "here/new", **changes}
    places = {"model": exports, "images": tmp_path, "output": tmp_path, "refs": tmp_path}
    given = [f"--{name}={places[name] / value}" for name, value in flags.items() if value]
    status, out, err = command(*given)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1, err
    assert all(part in err for part in told), err
    assert list(directory.iterdir()) == []
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "status", "how"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupt_leaves_nothing(
    command, exports, images, directory, monkeypatch, number, status, how
):
    seen = []

    def half(starts, about):
        yield starts[0]
        seen.extend(directory.rglob("*.png"))
        os.kill(os.getpid(), number)
        time.sleep(5)

    monkeypatch.setattr(denoise, "tracked", half)
    folder = images("a.png", "sub/b.png")
    flags = [f"--model={exports / 'grey'}", f"--images={folder}", "--output=new"]
    assert command(*flags) == (status, "", f"{how}; nothing was written\n")
    assert len(seen) == 2
    assert list((directory / "new").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.chdir(directory)
    assert command(*flags)[0] == 0


@pytest.mark.slow
def test_the_module_runs_with_a_clean_stderr(exports, images, directory):
    folder = images("a.png")
    arguments = [f"--model={exports / 'grey'}", f"--images={folder}", "--output=new"]
    command = [sys.executable, "-m", "gan_mnist.commands.denoise", *arguments]
    quiet = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("denoised 1 images")
    assert_denoised(directory / "new" / "a.png", folder, "a.png", "L")
