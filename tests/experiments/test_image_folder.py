"""Every experiment that classifies runs on anyone's folder of images in place of MNIST."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

CLASSES = ("bars, upright", "flat bars", "rings")


def draw(name, rng):
    """A noisy picture of its class, of whatever size: a float array (H, W) in [0, 255]."""
    height, width = rng.integers(18, 40, 2)
    y, x = np.mgrid[:height, :width]
    phase = rng.uniform(0, 6)
    wave = {
        "bars, upright": x,
        "flat bars": y,
        "rings": np.hypot(x - width / 2, y - height / 2),
    }[name]
    return 127 + 90 * np.sin(wave + phase) + rng.normal(0, 10, (height, width))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three made-up classes of 60 images, blue and yellow or grey, in all the usual formats."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir()
        for number in range(60):
            picture = Image.fromarray(np.uint8(np.clip(draw(name, rng), 0, 255)))
            mode, suffix = (("L", "png"), ("RGB", "jpg"), ("RGBA", "png"), ("P", "PNG"))[number % 4]
            picture = ImageOps.colorize(picture, "navy", "yellow")
            picture.convert(mode).save(folder / name / f"{number}.{suffix}")
    return folder


@pytest.fixture
def run(images, tmp_path):
    """`run(*flags)`: the imbalance study on these images, at 16 pixels; returns its summary."""

    def run(*flags):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "gan_mnist.main", "--experiment=imbalance"),
                *("--dataset=folder", f"--data_dir={images}", f"--workdir={tmp_path / 'run'}"),
                *("--preset=smoke", "--jobs=1", "--set", "image_size=16", *flags),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        summary = json.loads((tmp_path / "run" / "summary.json").read_text())
        assert summary["failed"] == []
        assert summary["dataset"]["counts"] == {name: {"train": 48, "test": 12} for name in CLASSES}
        assert summary["answer"] in done.stdout
        return summary

    return run


def test_grey_images_are_studied_and_models_of_them_exported(run, tmp_path):
    arms = ("none", "duplicate", "cgan")
    saved = tmp_path / "saved"
    summary = run("--arms=duplicate,cgan", "--set", "gan_width=4", f"--export_dir={saved}")
    assert tuple(summary["arms"]) == arms
    for name in arms:
        arm = summary["arms"][name]
        assert arm["n"] == 2
        assert (arm["difference"] is None) == (name == "none")
        for seed in range(2):
            directory = tmp_path / "run" / "trials" / name / f"seed-0{seed}"
            record = json.loads((directory / "record.json").read_text())
            assert record["settings"]["classes"] == list(CLASSES)
            assert record["settings"]["counts"] == [1, 39, 39]
            assert {f"recall_{name}" for name in CLASSES} < set(record["metrics"])
            assert '"bars, upright/' in (directory / "predictions.csv").read_text()
        exported = saved / "imbalance" / name
        assert json.loads((exported / "classes.json").read_text()) == list(CLASSES)
        assert (exported / "classifier" / "saved_model.pb").exists()
        assert (exported / "generator" / "saved_model.pb").exists() == (name == "cgan")
    report = (tmp_path / "run" / "report.html").read_text()
    assert all(name in report for name in CLASSES)


def test_colour_images_stay_coloured(run, tmp_path):
    run(
        "--arms=classical",
        "--seeds=1",
        "--export_dir=",
        "--set",
        "channels=3",
        "--set",
        "counts=5,9,9",
    )
    for name in ("none", "classical"):
        with np.load(tmp_path / "run" / "trials" / name / "seed-00" / "gallery.npz") as gallery:
            assert gallery["images"].shape[1:] == (16, 16, 3)
            assert (np.ptp(gallery["images"].astype(int), axis=-1) > 50).any()
