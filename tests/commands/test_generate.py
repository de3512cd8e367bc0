"""`python -m gan_mnist.generate` with small exports: what it writes, repeats and refuses."""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import unquote

import keras
import numpy as np
import pytest
from PIL import Image

from gan_mnist import generate
from gan_mnist.data.datasets import load_dataset
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.trials.export import export_classifier, export_generator

MAIN = generate.main
NAMES = ("one", "T-shirt/top", "三", "..")
FOLDERS = ("one", "T-shirt%2Ftop", "三", "%2E%2E")
SHAPES = {"mlp": (16, 16, 1), "warp": (16, 16, 1), "colour": (16, 16, 3)}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exports")
    for name, shape in SHAPES.items():
        keras.utils.set_random_seed(0)
        if name == "warp":
            network = build_warp_gan(shape, 2)
        else:
            network = build_conditional_gan("mlp", shape, len(NAMES), 2, 4)
        pool = np.random.default_rng(2).random((8, *shape), np.float32)
        network.adopt(pool, np.arange(8) % len(NAMES))
        export_generator(TrainedGenerator(network), NAMES, directory / name)
    export_classifier(build_small_cnn((16, 16, 1), 4), NAMES, directory / "classifier_alone")
    (directory / "empty").mkdir()
    for name, classes in (("unnamed", None), ("twice", ["a", "a"]), ("mapping", {"a": 1})):
        shutil.copytree(directory / "mlp", directory / name)
        (directory / name / "classes.json").unlink()
        if classes is not None:
            (directory / name / "classes.json").write_text(json.dumps(classes))
    return directory


@pytest.fixture
def generated(command, exports, directory):
    """`generated(model, *flags)`: the bytes of each file that was written, by name."""
    outputs = (f"out_{number}" for number in range(100))

    def run(model, *flags):
        output = directory / next(outputs)
        status, _, err = command(f"--model={exports / model}", f"--output={output}", *flags)
        assert (status, err) == (0, "")
        files = [path for path in output.rglob("*") if path.is_file()]
        return {path.relative_to(output).as_posix(): path.read_bytes() for path in files}

    return run


@pytest.mark.parametrize("name", SHAPES)
def test_the_folder_is_a_data_set(command, exports, directory, name):
    status, out, err = command(f"--model={exports / name}", "--output=new/folder")
    assert (status, err) == (0, "")
    assert out == f"generated 40 images (10 a class) -> {directory / 'new' / 'folder'}\n"
    output = directory / "new" / "folder"
    assert sorted(path.name for path in output.iterdir()) == sorted(FOLDERS)
    for folder in FOLDERS:
        files = sorted(path.name for path in (output / folder).iterdir())
        assert files == [f"{number:05d}.png" for number in range(10)]
        with Image.open(output / folder / "00003.png") as image:
            assert (image.size, image.mode) == ((16, 16), "RGB" if name == "colour" else "L")
    made = load_dataset("folder", str(output))
    assert made.image_shape == (16, 16, SHAPES[name][-1])
    assert sorted(map(unquote, made.class_names)) == sorted(NAMES)
    images = np.concatenate([made.train.images, made.test.images]).reshape(40, -1)
    assert len(np.unique(images, axis=0)) == 40


def test_files_hold_what_the_signature_answers(exports, generated):
    """The first chunk of a class, by TensorFlow alone."""
    import tensorflow as tf

    from gan_mnist.seeding import derive_seed

    files = generated("colour", "--seed=7")
    model = tf.saved_model.load(str(exports / "colour" / "generator"))
    images = model.signatures["generate_seeded"](
        labels=tf.constant([1] * generate.CHUNK_SIZE),
        seed=tf.constant(derive_seed("generate", 7, 0, "T-shirt/top")),
    )["images"].numpy()
    for number in range(10):
        path = f"out_0/T-shirt%2Ftop/{number:05d}.png"
        with Image.open(path) as image:
            np.testing.assert_allclose(
                np.asarray(image) / 255, images[number], atol=0.5 / 255 + 1e-6
            )
    assert len(files) == 40


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "warp"])
def test_the_seed_alone_decides(generated, name):
    first = generated(name, "--images_per_class=3", "--seed=5")
    assert first == generated(name, "--images_per_class=3", "--seed=5")
    other = generated(name, "--images_per_class=3", "--seed=6")
    assert first.keys() == other.keys()
    assert all(first[path] != other[path] for path in first)


@pytest.mark.slow
def test_fewer_images_and_classes_are_a_part_of_more(generated):
    many = generated("mlp", "--images_per_class=203")
    assert len(many) == 4 * 203
    assert len(set(many.values())) == len(many)
    few = generated("mlp", "--images_per_class=102", "--classes=三,one")
    assert {path.split("/")[0] for path in few} == {"三", "one"}
    assert len(few) == 2 * 102
    assert few.items() <= many.items()


def test_an_empty_folder_is_filled(command, exports, directory):
    assert command(f"--model={exports / 'mlp' / 'generator'}", "--output=.")[0] == 0
    assert sorted(path.name for path in directory.iterdir()) == sorted(FOLDERS)


def test_directory_names_are_safe_and_unambiguous():
    names = [
        *(
            "a",
            "a b",
            "é漢",
            "a/b",
            "a%2Fb",
            "a\\b",
            "C:",
            ".",
            "..",
            ".a",
            "a.",
            "a.b",
            "a ",
            " a",
        ),
        *("a\nb", "a\0b", "<*?>", '"', "|", "%", "\ud800"),
    ]
    folders = [generate.directory_name(name) for name in names]
    assert len(set(folders)) == len(names)
    for name, folder in zip(names, folders, strict=True):
        assert not set(folder) & set('/\\<>:"|?*')
        assert folder.isprintable()
        assert not folder.startswith(".")
        assert not folder.endswith((".", " "))
        assert unquote(folder, errors="surrogatepass") == name
    assert folders[:3] == ["a", "a b", "é漢"]
    assert generate.directory_name("a.b") == "a.b"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": None}, ["--model", "missing"]),
        ({"model": "nowhere"}, ["--model", "nowhere", "is no directory"]),
        ({"model": "empty"}, ["--model", "holds no SavedModel", "generator/saved_model.pb"]),
        ({"model": "classifier_alone"}, ["--model", "holds no generator, but a classifier"]),
        (
            {"model": "classifier_alone/classifier"},
            ["--model", "'generate_seeded'", "classify", "(labels, seed) -> images"],
        ),
        ({"model": "unnamed"}, ["--model", "classes.json"]),
        ({"model": "twice"}, ["--model", "classes.json"]),
        ({"model": "mapping"}, ["--model", "classes.json"]),
        ({"output": None}, ["--output", "missing", "empty folder"]),
        ({"output": "full"}, ["--output", "full", "not empty"]),
        ({"output": "full/file"}, ["--output", "full/file", "Not a directory"]),
        ({"output": "full/file/below"}, ["--output", "full/file/below", "Not a directory"]),
        ({"output": "/proc/here"}, ["--output", "/proc/here"]),
        ({"classes": "one,tow"}, ["--classes", "'tow'", "T-shirt/top"]),
        ({"classes": "one,one"}, ["--classes", "'one'", "twice"]),
        ({"classes": ""}, ["--classes", "''", "one"]),
        ({"images_per_class": 0}, ["--images_per_class", "'0'", "[1, 100000]"]),
        ({"images_per_class": "many"}, ["--images_per_class", "'many'", "integer"]),
        ({"seed": -1}, ["--seed", "'-1'", "[0, "]),
        ({"seeds": 1}, ["--seeds", "did you mean '--seed'?"]),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_input_is_refused_in_one_line(command, exports, directory, tmp_path, changes, told):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    flags = {"model": "mlp", "output": "new", **changes}
    if flags["model"]:
        flags["model"] = exports / flags["model"]
    if flags["output"] and flags["output"] != "new":
        flags["output"] = tmp_path / flags["output"]
    given = [f"--{name}={value}" for name, value in flags.items() if value is not None]
    status, out, err = command(*given)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1, err
    assert all(part in err for part in told), err
    assert list(directory.iterdir()) == []
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [
        (signal.SIGINT, 130, "interrupted; nothing was written\n"),
        (signal.SIGTERM, 143, "terminated; nothing was written\n"),
    ],
)
def test_an_interrupt_leaves_nothing(
    command, exports, directory, monkeypatch, number, status, told
):
    seen = []

    def half(items, about):
        yield items[0]
        yield items[1]
        seen.extend(directory.rglob("*.png"))
        os.kill(os.getpid(), number)
        time.sleep(5)

    monkeypatch.setattr(generate, "tracked", half)
    flags = [f"--model={exports / 'mlp'}", "--output=new"]
    assert command(*flags) == (status, "", told)
    assert len(seen) == 20
    assert list(directory.rglob("*")) in ([], [directory / "new"])
    monkeypatch.undo()
    monkeypatch.chdir(directory)
    assert command(*flags)[0] == 0


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_no_visible_image(exports, directory):
    """SIGKILL, which nothing can clean up after, as soon as there is a file."""
    arguments = [f"--model={exports / 'mlp'}", "--output=new", "--images_per_class=100000"]
    process = subprocess.Popen([sys.executable, "-m", "gan_mnist.commands.generate", *arguments])
    deadline = time.monotonic() + 60
    try:
        # Unlike `rglob`, this bears with a folder that goes while it looks.
        while not glob.glob(f"{directory}/**/*.png", recursive=True, include_hidden=True):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    visible = [path for path in (directory / "new").iterdir() if not path.name.startswith(".")]
    assert visible == []


@pytest.mark.slow
def test_the_module_runs_with_a_clean_stderr_and_repeats_itself(exports, generated, directory):
    arguments = [f"--model={exports / 'mlp'}", "--output=new", "--classes=one", "--seed=3"]
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "gan_mnist.commands.generate", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("generated 10 images")
    here = generated("mlp", "--classes=one", "--seed=3")
    there = {f"one/{path.name}": path.read_bytes() for path in (directory / "new/one").iterdir()}
    assert here == there
