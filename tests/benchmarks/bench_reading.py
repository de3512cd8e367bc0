"""What a folder of images costs, planned first and again, and in a trial: `make benchmark`."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

IMAGES, MANY_IMAGES, MOST_IMAGES, CLASSES = 20_000, 50_000, 100_000, 10
PHOTOGRAPHS, LARGE_PHOTOGRAPHS = 2_000, 200
# Runs a command, and tells the largest of its processes, in KiB, on stderr's last line.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def noise(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    """A smooth colour picture, which compresses as photographs do."""
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


class Done(NamedTuple):
    """What a command took, in a process of its own, and what it said.

    Attributes:
        seconds: From its start to its end.
        mebibytes: The largest resident set of its processes, workers among them.
        said: On stdout.
    """

    seconds: float
    mebibytes: float
    said: str


def run(folder: Path, cache: Path, *flags: str) -> Done:
    """The study of digits on other images."""
    began = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-c", MEASURED),
            *(sys.executable, "-m", "gan_mnist.main", "--experiment=digit_cnn"),
            *("--dataset=folder", f"--data_dir={folder}", *flags),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GAN_MNIST_CACHE": str(cache)},
    )
    largest = int(done.stderr.splitlines()[-1]) / 1024
    return Done(time.perf_counter() - began, largest, done.stdout)


def trained(folder: Path, cache: Path, workdir: Path, *flags: str) -> Done:
    """Two trials in a worker, of images that were decoded before."""
    scale = "--preset=smoke", "--seeds=1", "--jobs=1", "--arms=classical", "--export_dir="
    return run(folder, cache, *scale, f"--workdir={workdir}", *flags)


def planned(folder: Path, cache: Path, *flags: str) -> Done:
    """As `run`, of the plan alone."""
    return run(folder, cache, "--dry_run", *flags)


def save_small(folder: Path, number: int, side: int = 64) -> None:
    """So many JPEG files of `side` x `side` pixels in ten classes."""
    rng = np.random.default_rng(0)
    for row in range(number):
        path = folder / f"class {row % CLASSES}" / f"{row}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(rng, side, side).save(path)
    time.sleep(2)  # Files that have just changed are not kept.


@pytest.fixture
def told(capsys: pytest.CaptureFixture):
    def told(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return told


def test_many_small_images(tmp_path: Path, told) -> None:
    save_small(tmp_path / "images", IMAGES)
    first, again = (planned(tmp_path / "images", tmp_path / "c") for _ in range(2))
    told(f"{IMAGES:,} images of 64 x 64: {first.seconds:.1f} s, again {again.seconds:.1f} s")
    assert "20,000 images read, 0 passed over" in first.said
    assert again.said == first.said
    assert first.seconds < 10
    assert again.seconds < 2


def test_a_plan_of_100_000_small_images(tmp_path: Path, told) -> None:
    save_small(tmp_path / "images", MOST_IMAGES, side=32)
    first, again = (planned(tmp_path / "images", tmp_path / "c") for _ in range(2))
    told(
        f"{MOST_IMAGES:,} images of 32 x 32: {first.seconds:.1f} s and {first.mebibytes:.0f} MiB, "
        f"again {again.seconds:.1f} s and {again.mebibytes:.0f} MiB"
    )
    assert "100,000 images read, 0 passed over" in first.said
    assert again.said == first.said
    assert first.seconds < 60
    # 293 of them are the file that is written, of which the system keeps what there is room for.
    assert first.mebibytes < 450


def test_a_worker_with_50_000_small_images(tmp_path: Path, told) -> None:
    folder, cache = tmp_path / "images", tmp_path / "c"
    save_small(folder, MANY_IMAGES)
    first = planned(folder, cache)
    done = trained(folder, cache, tmp_path / "run")
    told(
        f"{MANY_IMAGES:,} images of 64 x 64: the first plan takes {first.seconds:.1f} s and "
        f"{first.mebibytes:.0f} MiB; two trials {done.seconds:.0f} s, a worker "
        f"{done.mebibytes:.0f} MiB at most"
    )
    assert 600 < done.mebibytes < 1300


def test_photographs_of_12_megapixels(tmp_path: Path, told) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        noise(rng, 3000, 4000).save(tmp_path / f"{number}.jpg", quality=90)
    for number in range(LARGE_PHOTOGRAPHS):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / f"{number % 4}.jpg", path)
    time.sleep(2)
    folder, cache, size = tmp_path / "images", tmp_path / "c", "--set=image_size=224"
    first, again = (planned(folder, cache, size) for _ in range(2))
    done = trained(folder, cache, tmp_path / "run", size)
    told(
        f"{LARGE_PHOTOGRAPHS} photographs of 12 megapixels at 224 x 224: {first.seconds:.1f} s, "
        f"again {again.seconds:.1f} s; a plan takes {first.mebibytes:.0f} MiB, a worker "
        f"{done.mebibytes:.0f} MiB at most"
    )
    assert again.seconds < first.seconds / 4
    assert 600 < done.mebibytes < 1300


def test_a_worker_with_many_photographs(tmp_path: Path, told) -> None:
    """At 224 x 224, as networks of photographs have it, all of them are 300 MB."""
    rng = np.random.default_rng(0)
    for number in range(PHOTOGRAPHS):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(rng, 1000, 1500).save(path, quality=90)
    time.sleep(2)
    folder, cache, size = tmp_path / "images", tmp_path / "c", "--set=image_size=224"
    first, again = (planned(folder, cache, size) for _ in range(2))
    assert f"{PHOTOGRAPHS:,} images read, 0 passed over" in first.said
    done = trained(folder, cache, tmp_path / "run", size)
    told(
        f"{PHOTOGRAPHS:,} photographs of 1,000 x 1,500 at 224 x 224: {first.seconds:.1f} s, again "
        f"{again.seconds:.1f} s; two trials {done.seconds:.0f} s, a plan takes "
        f"{first.mebibytes:.0f} MiB, a worker {done.mebibytes:.0f} MiB at most"
    )
    assert 600 < done.mebibytes < 1430
