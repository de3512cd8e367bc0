"""Every command of the READMEs is one that runs: it plans, with data such as it names."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_main_data import write_idx

from gan_mnist.main import main

ROOT = Path(__file__).parents[1]
MAIN = main
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("experiments/*/README.md"))]
FORM = re.compile(r"(?:^ {4}|`)python -m gan_mnist\.main ([^\n#`]*)", re.M)
TOLD = sorted({found.strip() for page in PAGES for found in FORM.findall(page.read_text())})
# What TensorFlow Datasets would fetch is not at hand.
AT_HAND = [told for told in TOLD if "--download" not in told]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with all that the commands name, small."""
    folder, rng = tmp_path_factory.mktemp("told"), np.random.default_rng(0)
    mnist = folder / "data" / "mnist"
    mnist.mkdir(parents=True)
    labels = np.arange(2000, dtype=np.uint8) % 10
    for stem in ("train", "t10k"):
        images = rng.integers(0, 256, (len(labels), 28, 28), np.uint8)
        write_idx(mnist / f"{stem}-images-idx3-ubyte", images)
        write_idx(mnist / f"{stem}-labels-idx1-ubyte", labels)
    # Of one's own photographs few show a dog; of the published ones 500 are shown.
    sizes = {"photos/train": (12, 3), "photos/test": (12, 12), "photographs": (12, 12)}
    sizes |= {"data/photos/train": (600, 600), "data/photos/test": (12, 12)}
    for name in ("a", "b", "blends", "noise", "copies", "leaky", "set_aside"):
        sizes |= {f"made/{name}": (5, 5), f"data/made/{name}": (5, 5)}
    for place, counts in sizes.items():
        for name, count in zip(("cat", "dog"), counts, strict=True):
            of_class = folder / place / name
            of_class.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(of_class / f"{number}.png")
    return folder


@pytest.mark.parametrize("told", AT_HAND)
def test_a_command_of_a_readme_plans(command, monkeypatch, data, told):
    monkeypatch.chdir(data)
    only_told = () if "--list" in told else ("--dry_run",)
    status, printed, refused = command(*shlex.split(told), *only_told)
    assert (status, refused) == (0, "")
    assert printed.startswith(("experiment ", "arms:"))
    assert not (data / "runs").exists()


def test_the_commands_are_found():
    assert len(AT_HAND) > 20
