"""`python -m gan_mnist.denoise --truth`: how near the pictures are to what they are to become."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from test_denoise import MAIN, SIZE, mixing_denoiser  # noqa: F401 (MAIN: `command`)

from gan_mnist.trials.export import export_denoiser

MEASURES = ["psnr_db", "ssim", "input_psnr_db", "input_ssim"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("model")
    export_denoiser(mixing_denoiser(1), directory)
    return directory


@pytest.fixture
def flags(model, tmp_path, directory):
    """Three inputs of noise, their refs, and truths, one of which is the input itself."""
    model = shutil.copytree(model, tmp_path / "model")
    rng = np.random.default_rng(0)
    for name in ("a.png", "sub/b.png", "same.png"):
        for side in ("images/input", "images/ref", "truth"):
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (SIZE, SIZE), np.uint8)).save(path)
    same = (tmp_path / "images/input/same.png").read_bytes()
    (tmp_path / "truth" / "same.png").write_bytes(same)
    return [f"--model={model}", f"--images={tmp_path / 'images'}", "--output=new"]


def read(directory):
    with (directory / "new" / "denoised.csv").open(newline="", encoding="utf-8") as file:
        return {row["filename"]: row for row in csv.DictReader(file)}


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image, np.float64) / 255


def psnr_db(one, other):
    return -10 * np.log10(np.mean((one - other) ** 2))


def ssim(one, other):
    """Wang et al. 2004 with one window: Gaussian weights of an 8 x 8 image, as a whole."""
    places = np.arange(SIZE) - (SIZE - 1) / 2
    weights = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    weights /= weights.sum()
    mean, other_mean = ((weights * image).sum() for image in (one, other))
    variances = (weights * ((one - mean) ** 2 + (other - other_mean) ** 2)).sum()
    covariance = (weights * (one - mean) * (other - other_mean)).sum()
    brightness = (2 * mean * other_mean + 0.01**2) / (mean**2 + other_mean**2 + 0.01**2)
    return brightness * (2 * covariance + 0.03**2) / (variances + 0.03**2)


def test_outputs_and_inputs_are_measured(command, flags, directory, tmp_path):
    status, out, err = command(*flags, f"--truth={tmp_path / 'truth'}")
    assert (status, err) == (0, "")
    rows = read(directory)
    means = dict.fromkeys(MEASURES, 0.0)
    for name, row in rows.items():
        truth = pixels(tmp_path / "truth" / name)
        for of, image in (
            ("", pixels(directory / "new" / name)),
            ("input_", pixels(tmp_path / "images/input" / name)),
        ):
            # Equal images have no finite PSNR; 100 dB stands for it.
            expected = 100 if np.array_equal(image, truth) else psnr_db(image, truth)
            assert float(row[f"{of}psnr_db"]) == pytest.approx(expected, abs=1e-3)
            assert float(row[f"{of}ssim"]) == pytest.approx(ssim(image, truth), abs=1e-3)
        means = {key: means[key] + float(row[key]) / 3 for key in MEASURES}
    assert list(rows) == ["a.png", "same.png", "sub/b.png"]
    assert float(rows["same.png"]["psnr_db"]) < float(rows["same.png"]["input_psnr_db"]) == 100
    told = re.search(r"PSNR (.*) dB \(input (.*)\), SSIM (.*) \(input (.*)\) over 3 truths", out)
    order = ("psnr_db", "input_psnr_db", "ssim", "input_ssim")
    for text, key in zip(told.groups(), order, strict=True):
        assert float(text) == pytest.approx(means[key], abs=6e-3)


def test_an_image_without_a_truth_is_denoised_and_told(command, flags, directory, tmp_path):
    (tmp_path / "truth" / "a.png").unlink()
    (tmp_path / "truth" / "same.png").write_text("no image")
    status, out, err = command(*flags, f"--truth={tmp_path / 'truth'}")
    assert (status, err) == (0, "")
    assert out.startswith("denoised 3 images, passed over 0, PSNR ")
    assert "over 1 truths" in out
    rows = read(directory)
    assert [rows[name]["error"] for name in ("a.png", "sub/b.png")] == ["truth: no such image", ""]
    assert rows["same.png"]["error"].startswith("truth: not an image")
    for name in ("a.png", "same.png"):
        assert rows[name]["output"] == name
        assert not any(rows[name][measure] for measure in MEASURES)


@pytest.mark.parametrize(
    ("truth", "told"),
    [("nowhere", "No such file"), ("images", "no image of a name in --images"), ("", "''")],
)
def test_truths_that_are_none_are_refused(refused, flags, tmp_path, truth, told):
    line = refused(*flags, f"--truth={tmp_path / truth if truth else ''}")
    assert line.startswith("error: --truth: ")
    assert told in line


def test_files_are_seen_as_in_the_training(command, flags, directory, tmp_path):
    about = {"settings": {"resize": "stretch"}, "dataset": {"white": 4095}}
    (tmp_path / "model" / "about.json").write_text(json.dumps(about))
    for side in ("input", "ref"):
        wide = np.full((SIZE, 2 * SIZE), 900, np.uint16)
        Image.fromarray(wide).save(tmp_path / "images" / side / "a.png")
    assert command(*flags)[0] == 0
    found = pixels(directory / "new" / "a.png")
    np.testing.assert_allclose(found, 900 / 4095, atol=1 / 255)


def test_how_large_an_image_may_be_can_be_said(command, flags, directory, tmp_path):
    Image.new("L", (1000, 1000)).save(tmp_path / "images" / "ref" / "a.png")
    assert command(*flags, "--image_megabytes=1")[0] == 0
    error = read(directory)["a.png"]["error"]
    assert error.startswith("ref: too large: 1,000 x 1,000 pixels take 6 MB; accepted: up to 1 (--")
    flags[-1] = "--output=other"
    status, out, _ = command(*flags, "--image_megabytes=6")
    assert (status, out.partition(",")[0]) == (0, "denoised 3 images")
