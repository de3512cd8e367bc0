"""Data sets in every condition: the command takes them, or refuses them in one line."""

import os
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from gan_mnist.errors import InputError
from gan_mnist.experiments import make_plan
from gan_mnist.main import main
from gan_mnist.study.display.plan_in_words import describe

MAIN = main
IMBALANCE = "--experiment=imbalance"


def write_idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


@pytest.fixture
def mnist(tmp_path):
    """IDX files of ten images a class and split."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    labels = np.arange(100, dtype=np.uint8) % 10
    for stem in ("train", "t10k"):
        write_idx(folder / f"{stem}-images-idx3-ubyte", np.zeros((100, 28, 28), np.uint8))
        write_idx(folder / f"{stem}-labels-idx1-ubyte", labels)
    return folder


def truncate(folder):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])


def overwrite(folder):
    (folder / "train-images-idx3-ubyte").write_bytes(b"<html>404 Not Found</html>")


def unzip(folder):
    (folder / "t10k-labels-idx1-ubyte").rename(folder / "t10k-labels-idx1-ubyte.gz")


def lose(folder):
    (folder / "t10k-images-idx3-ubyte").unlink()


def empty_a_class_of_training(folder):
    labels = np.arange(100, dtype=np.uint8) % 10
    write_idx(folder / "train-labels-idx1-ubyte", np.where(labels == 2, 5, labels).astype(np.uint8))


def empty_a_class_of_testing(folder):
    labels = np.arange(100, dtype=np.uint8) % 10
    write_idx(folder / "t10k-labels-idx1-ubyte", np.where(labels == 2, 5, labels).astype(np.uint8))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (truncate, ["train-images-idx3-ubyte", "truncated"]),
        (overwrite, ["train-images-idx3-ubyte", "magic number"]),
        (unzip, ["t10k-labels-idx1-ubyte.gz", "cannot be read"]),
        (lose, ["t10k-images-idx3-ubyte"]),
        (empty_a_class_of_training, ["'2'", "0 training"]),
        (empty_a_class_of_testing, ["'2'", "0 test"]),
    ],
)
def test_spoilt_idx_files_are_refused(refused, mnist, spoil, told):
    spoil(mnist)
    line = refused(IMBALANCE, "--dataset=mnist", f"--data_dir={mnist}")
    assert all(part in line for part in told), line


def test_idx_files_that_are_whole_are_not(command, mnist):
    status, out, _ = command(IMBALANCE, "--dataset=mnist", f"--data_dir={mnist}", "--dry_run")
    assert status == 0
    assert "mnist from IDX files in mnist" in out


@pytest.fixture
def images(tmp_path):
    """A folder of three classes of thirty images."""
    folder = tmp_path / "images"
    for name in ("ape", "bear", "cat"):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            Image.new("L", (9, 7), 8 * number).save(folder / name / f"{number}.png")
    return folder


def no_classes(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def empty_class(folder):
    (folder / "dog").mkdir()


def no_image(folder):
    (folder / "bear" / "7.png").write_text("not an image")


def half_image(folder):
    path = folder / "bear" / "7.png"
    path.write_bytes(path.read_bytes()[:50])


def few_images(folder):
    for number in range(1, 30):
        (folder / "bear" / f"{number}.png").unlink()


def name_of_two_lines(folder):
    (folder / "bear").rename(folder / "be\nar")


def name_that_is_no_text(folder):
    os.rename(folder / "bear", os.fsencode(folder) + b"/\xff\xfe")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_classes, ["0 class folder(s)", "at least two"]),
        (empty_class, ["dog", "no images", "PNG"]),
        (no_image, ["bear/7.png", "not an image"]),
        (half_image, ["bear/7.png", "cannot be read"]),
        (few_images, ["'bear'", "1 image", "accepted"]),
        (name_of_two_lines, ["'be\\nar'"]),
        (name_that_is_no_text, ["--data_dir"]),
    ],
)
def test_spoilt_folders_are_refused(refused, images, spoil, told):
    spoil(images)
    line = refused(IMBALANCE, "--dataset=folder", f"--data_dir={images}")
    assert all(part in line for part in told), line


def test_a_folder_that_is_whole_is_not(command, images):
    (images / "bear").rename(images / "-a, 'b' \"c\" #<é漢>&;$(x) %s")
    flags = ["--dataset=folder", f"--data_dir={images}", "--set", "starve=cat:2"]
    status, out, _ = command(IMBALANCE, *flags, "--dry_run")
    assert status == 0
    assert "measured    recall of the rare class cat (6 test images)" in out
    assert settings_in(out)["counts"] == "[20, 20, 2]"
    assert '"-a, \'b\' ""c"" #<é漢>&;$(x) %s": 24+6' in out


def test_the_plan_tells_what_was_read_and_passed_over(command, images):
    (images / "ape" / "notes.txt").write_text("about apes")
    half_image(images)
    flags = ("--dataset=folder", f"--data_dir={images}", "--dry_run", "--set", "starve=cat:2")
    status, out, _ = command(IMBALANCE, *flags, "--skip_bad")
    assert status == 0
    told = "89 images read, 2 passed over: 1 no image by name (.txt); 1 empty, broken or too large"
    assert told in out
    assert "of the images: 89 not square, resize=pad" in out
    assert "training+test images a class: ape: 24+6, bear: 23+6, cat: 24+6" in out
    assert [settings_in(out)[name] for name in ("image_size", "channels")] == ["16", "1"]
    status, out, _ = command(IMBALANCE, "--dry_run")
    assert "passed over" not in out
    assert [settings_in(out)[name] for name in ("image_size", "channels")] == ["28", "1"]


def settings_in(plan):
    lines = plan.partition("settings\n")[2].splitlines()
    return dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)


def test_the_plan_of_a_run_tells_how_images_are_shown_and_what_else_is_tested_on(images, tmp_path):
    shutil.copytree(images, tmp_path / "new" / "val")
    shutil.copytree(images / "cat", tmp_path / "new" / "test" / "cat")
    half_image(tmp_path / "new" / "val")
    (tmp_path / "new" / "test" / "notes.txt").write_text("at night")
    plan = make_plan(
        "digit_cnn",
        dataset="folder",
        data_dir=images,
        skip_bad=True,
        test_dir={"new": tmp_path / "new"},
        settings={"groups": "^([a-z]*/[0-9])"},
    )
    told = describe(plan)
    assert "            shown in 16 x 16 pixels, in grey\n" in told
    assert "tested too  new: 119 images, ape: 30, bear: 29, cat: 60; sha256 " in told
    passed_over = "1 empty, broken or too large"
    assert f"119 images read, 2 passed over: 1 no image by name (.txt); {passed_over}" in told


@pytest.mark.parametrize(("channels", "words"), [(1, "in grey"), (3, "in colour")])
def test_it_tells_colours_too(images, channels, words):
    settings = {"image_size": 32, "channels": channels}
    plan = make_plan("digit_cnn", dataset="folder", data_dir=images, settings=settings)
    assert f"shown in 32 x 32 pixels, {words}" in describe(plan)


@pytest.mark.parametrize("flag", ["workdir", "export_dir"])
def test_what_is_written_into_a_folder_of_images_is_refused(images, tmp_path, flag, monkeypatch):
    """Figures of the report would be a class of images."""
    (tmp_path / "link").symlink_to(images)
    of_run = {"dataset": "folder", "workdir": tmp_path / "run", "export_dir": ""}
    places = [images / "runs" / "mine", images, tmp_path / "link" / "cat"]
    places += [f"file://{images}/mine"] if flag == "workdir" else []
    for place in places:
        with pytest.raises(InputError, match=f"^--{flag}: .* lies in the folder of --data_dir"):
            make_plan("digit_cnn", **of_run | {flag: place}, data_dir=images)
    with monkeypatch.context() as patch:
        patch.chdir(images)  # An address is no path from here.
        make_plan("digit_cnn", **of_run | {"workdir": "memory://runs/a"}, data_dir=".")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    make_plan("digit_cnn", **of_run | {flag: tmp_path / "loop"}, data_dir=images)
    other = shutil.copytree(images, tmp_path / "new")
    with pytest.raises(InputError, match=f"^--{flag}: .* lies in the folder of --test_dir=new"):
        make_plan("digit_cnn", **of_run | {flag: other}, data_dir=images, test_dir={"new": other})
    with pytest.raises(InputError, match=f"^--{flag}: .* lies in the folder of --generated=new"):
        make_plan("mixing", **of_run | {flag: other / "cat"}, data_dir=images,
                  generated=(f"new={other}",))  # fmt: skip
    make_plan("digit_cnn", **of_run, data_dir=images, test_dir={"new": other})


def test_where_a_table_says_which_images_count_a_run_may_lie_beside_them(images):
    rows = [f"{path.relative_to(images)},{path.parent.name}" for path in images.rglob("*.png")]
    (images / "l.csv").write_text("\n".join(["file,label", *rows]))
    make_plan("digit_cnn", dataset="folder", data_dir=images, workdir=images / "run",
              export_dir="", settings={"labels": "l.csv"})  # fmt: skip
