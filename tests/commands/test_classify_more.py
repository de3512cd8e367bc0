"""`python -m gan_mnist.classify`: several classes an image, one image, links, and who listens."""

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from test_classify import MAIN, NAMES, SIZE, brightness_classifier  # noqa: F401 (MAIN: `command`)

from gan_mnist.trials.export import export_classifier


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export")
    export_classifier(brightness_classifier(1), NAMES, directory)
    return directory


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for name, value in (("a.png", 30), ("sub/b.png", 100)):
        Image.new("L", (SIZE, SIZE), value).save(folder / name)
    return folder


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row.pop("filename"): row for row in csv.DictReader(file)}


def test_the_likeliest_classes_come_in_order(command, model, images, directory):
    (images / "c.png").write_text("no image")
    status, _, err = command(f"--model={model}", f"--images={images}", "--top=3")
    assert (status, err) == (0, "")
    rows = read(directory / "predictions.csv")
    for name, value in (("a.png", 30), ("sub/b.png", 100)):
        centres = np.array([0, 0.5, 1])
        logits = 20 * centres * value / 255 - 10 * centres**2
        chances = np.exp(logits) / np.exp(logits).sum()
        for number, index in enumerate(np.argsort(-chances)):
            end = f"_{number + 1}" if number else ""
            assert rows[name][f"prediction{end}"] == NAMES[index]
            assert float(rows[name][f"probability{end}"]) == pytest.approx(chances[index], abs=1e-5)
    told = [
        f"{column}{end}" for end in ("", "_2", "_3") for column in ("prediction", "probability")
    ]
    assert list(rows["c.png"]) == [*told, "error"]
    assert not any(rows["c.png"][column] for column in told)


def test_one_file_is_enough(command, model, images, directory):
    status, out, _ = command(f"--model={model}", f"--images={images / 'a.png'}")
    assert status == 0
    assert list(read(directory / "predictions.csv")) == ["a.png"]
    assert out.startswith("classified 1 images (dark: 1), passed over 0 -> ")


@pytest.mark.parametrize(
    ("told", "prediction"),
    [
        ({}, ["light, 'grey'", "三"]),
        ({"resize": "pad"}, ["light, 'grey'", "三"]),
        ({"resize": "crop"}, ["dark", "三"]),
        ({"resize": "stretch", "ground": "black"}, ["light, 'grey'", "dark"]),
    ],
)
def test_files_are_seen_as_in_the_training(command, model, directory, tmp_path, told, prediction):
    (tmp_path / "images").mkdir()
    # Dark in the middle: 11/24 are bright, 11/36 where it is padded, 3/16 of the middle.
    wide = np.full((16, 24), 255, np.uint8)
    wide[:, 5:18] = 0
    Image.fromarray(wide).save(tmp_path / "images" / "a.png")
    Image.new("LA", (SIZE, SIZE), (90, 0)).save(tmp_path / "images" / "b.png")
    shutil.copytree(model, tmp_path / "model")
    about = tmp_path / "model" / "about.json"
    about.write_text(json.dumps({"settings": told}))
    asked = f"--model={tmp_path / 'model'}", f"--images={tmp_path / 'images'}"
    assert command(*asked)[0] == 0
    rows = read(directory / "predictions.csv")
    assert [rows[name]["prediction"] for name in ("a.png", "b.png")] == prediction
    about.write_text(json.dumps({"settings": {"ground": ["black"]}}))
    status, _, err = command(*asked)
    assert status == 2
    assert "ground ['black']; accepted: white, black, grey" in err


def test_linked_folders_are_read_once(command, model, images, directory, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Image.new("L", (SIZE, SIZE), 250).save(tmp_path / "elsewhere" / "c.png")
    (images / "a_link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(images)
    (images / "again").symlink_to(images / "sub")
    (images / "sub" / "round").symlink_to("..")
    status, out, _ = command(f"--model={model}", f"--images={images}")
    assert status == 0
    rows = read(directory / "predictions.csv")
    assert {name for name, row in rows.items() if row["prediction"]} == {
        "a.png",
        "a_link/c.png",
        "sub/b.png",
    }
    passed_over = {name for name, row in rows.items() if row["error"]}
    assert passed_over == {"a_link/back/", "again/", "sub/round/"}
    reasons = "a folder that is read already: 2, a link to a folder it lies in: 1"
    assert f"passed over 3 ({reasons})" in out


def test_links_that_lead_in_circles_are_told_of(command, model, images, directory):
    for name in ("circle", "circle.png"):
        (images / name).symlink_to(name)
    status, _, err = command(f"--model={model}", f"--images={images}")
    assert (status, err) == (0, "")
    rows = read(directory / "predictions.csv")
    assert rows["circle"]["error"] == "no image by name"
    assert os.strerror(errno.ELOOP) in rows["circle.png"]["error"]


@pytest.mark.slow
def test_an_image_that_is_too_large_is_told_of(command, model, images, directory):
    """And how to have it read."""
    whole = (images / "a.png").read_bytes()
    sizes = b"IHDR" + (10**5).to_bytes(4, "big") * 2 + whole[24:29]
    crc = zlib.crc32(sizes).to_bytes(4, "big")
    (images / "large.png").write_bytes(whole[:12] + sizes + crc + whole[33:])
    status, out, _ = command(f"--model={model}", f"--images={images}")
    assert status == 0
    assert read(directory / "predictions.csv")["large.png"]["error"] == (
        "too large: 100,000 x 100,000 pixels take 60,000 MB; accepted: up to 1,024 "
        "(--image_megabytes)"
    )
    assert "passed over 1 (too large: 1)" in out


@pytest.mark.slow
def test_how_large_an_image_may_be_can_be_said(command, model, images, directory):
    for name in ("large.png", "larger.png"):
        side = 500 if name == "large.png" else 1000
        Image.new("L", (side, side), 250).save(images / name)
    flags = f"--model={model}", f"--images={images}"
    for megabytes, bad in ((1, {"large.png", "larger.png"}), (2, {"larger.png"}), (6, set())):
        assert command(*flags, f"--image_megabytes={megabytes}")[0] == 0
        rows = read(directory / "predictions.csv")
        assert {name for name, row in rows.items() if row["error"]} == bad


def test_nobody_has_to_listen(directory):
    """Not even to `--help`, which needs no model."""
    command = f"{sys.executable} -m gan_mnist.commands.classify --help >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_too_long_is_noticed_before_any_work(refused, images, monkeypatch):
    monkeypatch.setattr("gan_mnist.commands.classify.load_model", None)
    (images / "classifier").mkdir()
    (images / "classifier" / "saved_model.pb").touch()
    told = refused(f"--model={images}", f"--images={images}", f"--output={'x' * 300}")
    assert "--output" in told
    assert os.strerror(36) in told


@pytest.mark.parametrize("link", [False, True])
def test_an_image_is_not_replaced_by_the_table(command, model, images, directory, link):
    before = (images / "sub" / "b.png").read_bytes()
    output = images / "sub" / "b.png"
    if link:
        output = directory / "link.csv"
        output.symlink_to(images / "sub" / "b.png")
    for given in (images, images / "sub" / "b.png"):
        status, out, err = command(f"--model={model}", f"--images={given}", f"--output={output}")
        assert (status, out) == (2, "")
        assert err.startswith("error: --output: ")
        assert "is one of the images; accepted: a new file" in err
    assert (images / "sub" / "b.png").read_bytes() == before
