"""Images that are there twice, equal or nearly so."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data import duplicates
from gan_mnist.data.copies import leak_in_words
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.duplicates import Pairs, find_pairs
from gan_mnist.data.folder import FolderOptions


def scenes(number, seed, side=32, channels=3):
    """Pictures with structure, no two alike: a few soft blobs each, in uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    images = np.zeros((number, side, side, channels))
    for row in range(number):
        for _ in range(6):
            cx, cy, width = rng.random(3)
            blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (0.01 + 0.05 * width))
            images[row] += blob[..., None] * rng.random(channels)
    return np.uint8(np.clip(images / images.max() * 255, 0, 255))


def as_jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_equal_images_are_found_whatever_their_order():
    images = scenes(6, 0)
    pairs = find_pairs(images[[4, 1]], images)
    assert pairs == Pairs([0, 1], [4, 1], [True, True])


@pytest.mark.parametrize(
    "change",
    [
        lambda image: as_jpeg(image, 75),
        lambda image: np.asarray(Image.fromarray(image).resize((64, 64)).resize((32, 32))),
        lambda image: np.uint8(np.clip(image * 0.9 + 10, 0, 255)),
    ],
    ids=["saved anew", "scaled", "brighter"],
)
def test_nearly_equal_images_are_found(change):
    images = scenes(20, 1)
    pairs = find_pairs(np.stack([change(images[7]), scenes(1, 99)[0]]), images)
    assert pairs == Pairs([0], [7], [False])


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (48, 3), (8, 1)])
def test_other_images_are_not(side, channels):
    assert len(find_pairs(scenes(300, 2, side, channels), scenes(20, 3, side, channels))) <= 3


def test_test_digits_are_no_copies_of_training_digits():
    sample = load_dataset("mnist_sample")
    assert len(find_pairs(sample.test.images, sample.train.images)) == 0


def test_images_of_one_grey_are_alike_only_if_they_are_equal():
    grey = np.full((1, 8, 8, 1), 100, np.uint8)
    assert len(find_pairs(grey, grey + 1)) == 0
    assert find_pairs(grey, grey) == Pairs([0], [0], [True])


@pytest.mark.parametrize("empty", [0, 1])
def test_of_nothing_nothing_is_found(empty):
    both = [scenes(2, 0), scenes(2, 0)]
    both[empty] = both[empty][:0]
    assert len(find_pairs(*both)) == 0


def with_copies(side, channels, seed):
    """Scenes of which some are equal to, or nearly, one that comes before them; and grey ones."""
    rng = np.random.default_rng(seed)
    images = scenes(300, seed, side, channels)
    for row in rng.choice(np.arange(100, 300), 60, replace=False):
        other, share = rng.integers(row, size=2), rng.choice([0.0, 0.05, 0.1, 0.15])
        images[row] = np.uint8(images[other].T @ [1 - share, share]).T
    images[rng.choice(300, 5, replace=False)] = rng.integers(0, 2)
    return images


@pytest.mark.filterwarnings("ignore:invalid value")  # of one grey there is no correlation
@pytest.mark.parametrize(
    ("side", "block"), [(28, (256, 4096)), (16, (256, 4096)), (8, (256, 4096)), (28, (7, 11))]
)
def test_pairs_are_those_of_looking_at_each(side, block, monkeypatch):
    monkeypatch.setattr(duplicates, "_ROWS", block[0])
    monkeypatch.setattr(duplicates, "_COLUMNS", block[1])
    images = with_copies(side, 1, side)
    correlations = np.nan_to_num(np.corrcoef(images.reshape(300, -1).astype(float)), nan=-1.0)
    equal = np.array([[np.array_equal(one, other) for other in images] for one in images])

    def expected(row, others):
        """The most alike of `others`, equal ones before all; None where none is alike."""
        if equal[row, others].any():
            return int(equal[row, others].argmax())
        best = int(correlations[row, others].argmax()) if others.stop else 0
        return best if others.stop and correlations[row, best] >= 0.985 else None

    for pairs, first, others in (
        (find_pairs(images), 0, lambda row: slice(0, row)),
        (find_pairs(images[200:], images[:200]), 200, lambda row: slice(0, 200)),
    ):
        told = [(row, expected(row, others(row))) for row in range(first, 300)]
        told = [(row, match) for row, match in told if match is not None]
        assert 8 < len(told) < 100
        assert [row + first for row in pairs.rows] == [row for row, _ in told]
        assert pairs.equal == [bool(equal[row, match]) for row, match in told]
        # Copies of one image may be as much alike, but for rounding.
        assert np.mean(np.equal(pairs.matches, [match for _, match in told])) > 0.95


def test_images_of_a_group_are_no_pair_whatever_is_beside():
    images = with_copies(16, 1, 4)
    alone, groups = find_pairs(images), np.arange(300) % 4
    together = find_pairs(images, groups=groups)
    apart = groups[alone.rows] != groups[alone.matches]
    assert 0 < np.sum(~apart) < len(alone) / 2
    assert (groups[together.rows] != groups[together.matches]).all()
    rows, matches = np.array(alone.rows)[apart], np.array(alone.matches)[apart]
    kept = np.isin(together.rows, rows)
    np.testing.assert_array_equal(np.array(together.rows)[kept], rows)
    np.testing.assert_array_equal(np.array(together.matches)[kept], matches)


def test_an_image_is_equal_to_one_of_another_group_whatever_comes_first_in_its_own():
    """One grey has no description: it is found by its checksum or not at all."""
    images = np.full((4, 8, 8, 1), 7, np.uint8)
    found = find_pairs(images, groups=np.array([1, 2, 1, 2]))
    assert found == Pairs([1, 2, 3], [0, 1, 0], [True] * 3)


def test_of_each_image_little_is_in_memory():
    coarse = np.random.default_rng(0).integers(0, 256, (8000, 8, 8, 1), np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    images[7000:] = images[:1000]
    tracemalloc.start()
    try:
        assert len(find_pairs(images)) == 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # As floats they would be 32 MB.
    assert peak < 16_000_000


def save(folder, images):
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_validation_images_are_compared_with_test_images(tmp_path, duplicates):
    images = scenes(40, 5)
    for label, name in enumerate("ab"):
        own = images[20 * label : 20 * (label + 1)]
        save(tmp_path / "train" / name, own[:10])
        save(tmp_path / "val" / name, own[10:16])
        save(tmp_path / "test" / name, own[[12, 15, 16, 17]])
    dataset = load_dataset("folder", str(tmp_path), options=FolderOptions(duplicates=duplicates))
    told = dataset.provenance
    numbers = {"images": 4, "equal": 4, "of": 4}
    assert told["duplicates"] == {
        "validation and test": numbers
        | {
            "pairs": [
                ["val/a/2.png", "test/a/0.png"],
                ["val/a/5.png", "test/a/1.png"],
                ["val/b/2.png", "test/b/0.png"],
                ["val/b/5.png", "test/b/1.png"],
            ]
        }
    }
    assert told["warnings"] == [
        "4 of the 8 test images are among the validation images too, or nearly so"
    ]
    assert len(dataset.validation) == 12
    np.testing.assert_array_equal(*dataset.duplicates_shown()["validation and test"])


def test_of_validation_images_no_pair_is_told_twice_where_each_seed_draws_its_test(tmp_path):
    images = scenes(30, 6)
    for label, name in enumerate("ab"):
        own = images[15 * label : 15 * (label + 1)]
        save(tmp_path / "train" / name, own[:10])
        save(tmp_path / "val" / name, own[8:15])
    options = FolderOptions(split="each_seed")
    found = load_dataset("folder", str(tmp_path), options=options).provenance["duplicates"]
    assert {split: of["images"] for split, of in found.items()} == {"validation": 4}


@pytest.mark.parametrize(
    ("copies", "told"), [(1, "is a copy of a test image"), (1200, "are copies of test images")]
)
def test_a_leak_is_told_in_a_sentence(copies, told):
    found = leak_in_words("made", copies, 2000, "test")
    assert found == f"{copies:,} of the 2,000 images of `made` {told}, which is a leak"
