"""Every command of READMEs and pages is one that runs: it plans, with data such as it names."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_main_data import write_idx

from gan_mnist import experiments
from gan_mnist.main import main

ROOT = Path(__file__).parents[1]
MAIN = main
READMES = sorted(ROOT.glob("experiments/*/README.md"))
PAGES = [ROOT / "README.md", *READMES, *sorted(ROOT.glob("docs/*.md"))]
FORM = re.compile(r"(?:^ {4}|`)python -m gan_mnist\.main ([^\n#`]*)", re.M)
TOLD = sorted({found.strip() for page in PAGES for found in FORM.findall(page.read_text())})
# What would be fetched, or what a reader brings: a network, weights, an export, an earlier run.
BROUGHT = ("--download", "NAME", "my_networks", ".keras", ".h5", "saved_models/", "--pilot")
AT_HAND = [told for told in TOLD if not any(word in told for word in BROUGHT)]
# What is set beside a command, on a page of one experiment.
BESIDE = re.compile(r"--set (\w+)=")
SET = sorted(
    {
        (page.parent.name if page.parent != ROOT / "docs" else page.stem, name)
        for page in (*READMES, *(ROOT / "docs" / f"{readme.parent.name}.md" for readme in READMES))
        for name in BESIDE.findall(page.read_text())
    }
)


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
    sizes |= dict.fromkeys(("cifar10", "scans", "data/sketches", "data/night"), (12, 12))
    for name in ("a", "b", "blends", "noise", "copies", "leaky", "set_aside"):
        sizes |= {f"made/{name}": (5, 5), f"data/made/{name}": (5, 5)}
    for place, counts in sizes.items():
        for name, count in zip(("cat", "dog"), counts, strict=True):
            of_class = folder / place / name
            of_class.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(of_class / f"{number}.png")
    for label in range(10):
        (of_class := folder / "data" / "digits" / str(label)).mkdir(parents=True)
        for number in range(180):
            pixels = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(of_class / f"{number}.png")
    return folder


@pytest.mark.parametrize("told", AT_HAND)
def test_a_command_that_is_told_plans(command, monkeypatch, data, told):
    monkeypatch.chdir(data)
    only_told = () if "--list" in told else ("--dry_run",)
    status, printed, refused = command(*shlex.split(told), *only_told)
    assert (status, refused) == (0, "")
    assert printed.startswith(("experiment ", "arms:"))
    assert not (data / "runs").exists()


@pytest.mark.parametrize(("experiment", "name"), SET)
def test_a_setting_beside_a_command_can_be_set(experiment, name):
    study = experiments.load(experiment)
    assert hasattr(study.settings, name)
    assert not study.differs_between_arms(name)


def test_the_commands_are_found():
    assert len(AT_HAND) > 40
    assert len(SET) > 10
