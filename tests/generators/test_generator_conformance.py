"""Every row of the table of generators: what it gives, what it sees, and when it refuses.

A new row is tested here without a line being written; only what it alone may see, or must refuse,
is told below.
"""

import functools
import importlib
import itertools
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exported_levels import export_levels
from PIL import Image
from small_generators import SHAPE, small_settings
from tiers import kinds_of

from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators import trained
from gan_mnist.generators.contract import Generator, Request
from gan_mnist.generators.create import create_generator
from gan_mnist.generators.names import GENERATORS, NONE

NUM_CLASSES = 3
LABELS = np.array([2, 0, 1, 1, 0, 2, 1, 0], np.int32)
PARTS = ("train", "held_back", "validation")
# The part of an allotment that a generator sees, where it is not the training images.
SEES = {"held_back": "held_back", "given": None, "exported": None}
# What there must be no images of.
REFUSES = {
    ("smote", "a lone image"): "SMOTE needs 2 images a class; class b has 1",
    ("dagan", "lone images"): "needs a class with 2 images",
    ("warp_gan", "lone images"): "needs a class with 2 images",
    ("mixture", "a lone image"): "a mixture needs 2 images a class; class b has 1",
    ("mixture", "lone images"): "a mixture needs 2 images a class",
    ("deformations", "lone images"): "learnt from a class with 2 images",
    ("smote", "lone images"): "SMOTE needs 2 images a class",
    ("held_back", "nothing held back"): "0 real images of class",
}
# Enough for a network to learn what the classes look like.
LONG = {"gan_updates": 1000, "gan_learning_rate": 2e-3, "gan_average_decay": 0.9, "gan_width": 4}
LONG |= {"bagan_width": 2, "dagan_width": 2, "vae_width": 8}


@pytest.fixture(scope="module", params=kinds_of({name: name for name in GENERATORS}))
def name(request):
    """Of a row; its tests run one after the other, so that a network is traced once."""
    return request.param


@pytest.fixture(scope="module", autouse=True)
def small_chunks():
    """Sampling 250 images where 30 are wanted would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trained, "CHUNK", 30)
        yield


def part(seed, counts=(6, 7, 6)):
    """Noisy images of a level a class: around 40, 125 and 210 of 255."""
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    noise = np.random.default_rng(seed).integers(-15, 16, (len(labels), *SHAPE))
    images = np.uint8(40 + 85 * labels[:, None, None, None] + noise)
    return Subset(images, labels, ("a", "b", "c"), tuple(f"{seed}-{i}" for i in range(len(labels))))


def allotment(**counts):
    """Of each part so many images a class."""
    return Allotment(*(part(i, **({"counts": counts[p]} if p in counts else {}))
                       for i, p in enumerate(PARTS)))  # fmt: skip


SITUATIONS = {
    "a lone image": allotment(train=(4, 1, 5)),
    "lone images": allotment(train=(1, 1, 1)),
    "nothing held back": allotment(held_back=(0, 0, 0)),
}
# Who must give images there all the same. A new row may refuse, in words, but not fail.
GIVES = {
    *itertools.product(("cgan", "r3gan", "vae_flow", "bagan"), SITUATIONS),
    *itertools.product(("copy", "given", "exported"), SITUATIONS),
    *itertools.product(("dagan", "warp_gan", "deformations"), ("a lone image",)),
    *itertools.product(("held_back",), ("a lone image", "lone images")),
    *itertools.product(
        ("dagan", "warp_gan", "deformations", "mixture", "smote"), ("nothing held back",)
    ),
}


@functools.cache
def made_elsewhere():
    """A folder of images by class, which is gone at the end."""
    folder, images = tempfile.TemporaryDirectory(), part(50)
    for row, (pixels, label) in enumerate(zip(images.images, images.labels, strict=True)):
        path = Path(folder.name) / images.class_names[label] / f"{row}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(path)
    return folder


@functools.cache
def exported_elsewhere():
    """An exported generator, which is gone at the end."""
    folder = tempfile.TemporaryDirectory()
    export_levels(Path(folder.name), ("c", "a", "b"), SHAPE)
    return folder


def settings(name, **changes):
    elsewhere = exported_elsewhere if name == "exported" else made_elsewhere
    return small_settings(name, given=elsewhere().name, **changes)


def create(name, workdir, images=None, seed=0, **changes):
    images = allotment() if images is None else images
    return create_generator(Request(settings(name, **changes), images, seed, workdir))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


def test_names_and_their_lines_are_read_without_tensorflow():
    program = (
        "import sys; from gan_mnist.generators.names import GENERATORS, NONE; "
        "assert GENERATORS and NONE not in GENERATORS; "
        "print(sorted({'tensorflow', 'keras', 'numpy', 'imblearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_without_a_name_there_is_none(workdir):
    assert create(NONE, workdir) is None


def test_a_row_names_a_class_and_tells_of_it_in_a_line(name):
    row = GENERATORS[name]
    assert row.about.strip() == row.about != ""
    assert len(row.about.splitlines()) == 1
    assert name.isidentifier()
    kind = getattr(importlib.import_module(row.module), row.name)
    assert callable(kind.create)
    assert kind.__doc__


@pytest.mark.slow
@pytest.mark.parametrize("labels", [LABELS, LABELS[:1], np.zeros(6, np.int32), LABELS[:0]],
                         ids=["mixed", "one", "of a class", "none"])  # fmt: skip
def test_it_gives_one_image_a_label(name, labels, workdir):
    generator = create(name, workdir)
    assert isinstance(generator, Generator)
    images = generator.sample(labels, 1)
    assert images.shape == (len(labels), *SHAPE)
    assert images.dtype == np.float32
    assert ((images >= 0) & (images <= 1)).all()


def test_its_images_are_those_of_the_seed(name, workdir, tmp_path):
    generator = create(name, workdir)
    images = generator.sample(LABELS, 1)
    np.testing.assert_array_equal(generator.sample(LABELS, 1), images)
    assert not np.array_equal(generator.sample(LABELS, 2), images)
    # Trained in another run, by whatever came before, it is the same generator.
    np.random.seed(7)
    again = create(name, tmp_path)
    np.testing.assert_array_equal(again.sample(LABELS, 1), images)


@pytest.mark.slow
def test_its_images_are_of_the_classes_that_are_asked_for(name, workdir):
    images = create(name, workdir, **(LONG if GENERATORS[name].trains else {})).sample(LABELS, 1)
    levels = np.median(images, axis=(1, 2, 3)) * 255
    np.testing.assert_array_equal(np.round((levels - 40) / 85), LABELS)


@pytest.mark.slow
def test_it_sees_its_part_and_nothing_else(name, workdir, tmp_path):
    """Poisoned: all images of another part, which has other sizes too."""
    images = create(name, workdir).sample(LABELS, 1)
    for index, poisoned in enumerate(PARTS):
        others = part(10 + index, counts=(8, 9, 8))
        others.images[:, 2:4] = 255
        parts = replace(allotment(), **{poisoned: others})
        before = {p: getattr(parts, p).images.copy() for p in PARTS}
        # Each trains its own: nothing is found that was trained before.
        found = create(name, tmp_path / poisoned, parts).sample(LABELS, 1)
        assert np.array_equal(found, images) == (poisoned != SEES.get(name, "train"))
        for p in PARTS:
            np.testing.assert_array_equal(getattr(parts, p).images, before[p])


@pytest.mark.slow
def test_a_generator_that_is_trained_is_kept_under_its_key(name, workdir):
    generator = create(name, workdir, seed=3)
    kept = workdir / "generators" / generator.key
    if GENERATORS[name].trains:
        assert generator.seconds > 0
        assert (kept / "generator.json").exists()
        # One process has one generator for equal recipes, which takes the key of the last.
        key = generator.key
        assert create(name, workdir, seed=4).key != key
        assert create(name, workdir, seed=3).key == key
    else:
        assert (generator.key, generator.seconds) == ("", 0)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_gives_images_or_tells_why_not(name, situation, workdir):
    def images():
        return create(name, workdir, SITUATIONS[situation]).sample(LABELS, 1)

    if (name, situation) in REFUSES:
        with pytest.raises(NotApplicable, match=REFUSES[name, situation]):
            images()
        return
    try:
        found, reason = images(), ""
    except NotApplicable as refusal:
        found, reason = None, str(refusal)
    assert not (reason and (name, situation) in GIVES), reason
    assert reason or found.shape == (len(LABELS), *SHAPE)
