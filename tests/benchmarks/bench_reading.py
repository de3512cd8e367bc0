"""What a folder of images costs, planned first and again, and in a trial: `make benchmark`."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IMAGES, CLASSES = 20_000, 10
PHOTOGRAPHS, LARGE_PHOTOGRAPHS = 2_000, 100


def noise(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    """A smooth colour picture, which compresses as photographs do."""
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def run(folder: Path, cache: Path, *flags: str) -> tuple[float, str]:
    """Seconds that a command takes, in a process of its own, and what it says."""
    began = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gan_mnist.main", "--experiment=digit_cnn"),
            *("--dataset=folder", f"--data_dir={folder}", *flags),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GAN_MNIST_CACHE": str(cache)},
    )
    return time.perf_counter() - began, done.stdout


def planned(folder: Path, cache: Path, *flags: str) -> tuple[float, str]:
    """As `run`, of the plan alone."""
    return run(folder, cache, "--dry_run", *flags)


@pytest.fixture
def told(capsys: pytest.CaptureFixture):
    def told(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return told


def test_many_small_images(tmp_path: Path, told) -> None:
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        path = tmp_path / "images" / f"class {number % CLASSES}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(rng, 64, 64).save(path)
    time.sleep(2)  # Files that have just changed are not kept.
    (first, plan), (again, same) = (planned(tmp_path / "images", tmp_path / "c") for _ in range(2))
    told(f"{IMAGES:,} images of 64 x 64: {first:.1f} s, again {again:.1f} s")
    assert "20,000 images read, 0 passed over" in plan
    assert same == plan
    assert first < 10
    assert again < 2


def test_photographs_of_12_megapixels(tmp_path: Path, told) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "b").mkdir()
    for number in range(4):
        noise(rng, 3000, 4000).save(tmp_path / f"{number}.jpg", quality=90)
    for number in range(LARGE_PHOTOGRAPHS):
        os.link(
            tmp_path / f"{number % 4}.jpg", tmp_path / "images" / "ab"[number % 2] / f"{number}.jpg"
        )
    time.sleep(2)
    first, _ = planned(tmp_path / "images", tmp_path / "c")
    again, _ = planned(tmp_path / "images", tmp_path / "c")
    told(f"{LARGE_PHOTOGRAPHS} photographs of 12 megapixels: {first:.1f} s, again {again:.1f} s")
    assert again < first / 4


def test_a_worker_with_many_photographs(tmp_path: Path, told) -> None:
    """At 224 x 224, as networks of photographs have it, all of them are 300 MB."""
    rng = np.random.default_rng(0)
    for number in range(PHOTOGRAPHS):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(rng, 1000, 1500).save(path, quality=90)
    time.sleep(2)
    folder, cache, size = tmp_path / "images", tmp_path / "c", "--set=image_size=224"
    (first, plan), (again, _) = (planned(folder, cache, size) for _ in range(2))
    assert f"{PHOTOGRAPHS:,} images read, 0 passed over" in plan
    scale = "--preset=smoke", "--seeds=1", "--jobs=1", "--arms=classical"
    places = f"--workdir={tmp_path / 'run'}", "--export_dir="
    seconds, _ = run(folder, cache, size, *scale, *places)
    # The largest of all processes, what they map of the file that they share included.
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    told(
        f"{PHOTOGRAPHS:,} photographs of 1,000 x 1,500 at 224 x 224: {first:.1f} s, again "
        f"{again:.1f} s; two trials {seconds:.0f} s, a worker takes {gigabytes:.2f} GB at most"
    )
    assert 0.3 < gigabytes < 1.5
