"""Test images drawn anew for each seed, where a data set has none of its own."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.dataset import FEWEST_SEEDS, Dataset
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.splits import EACH_SEED, FIXED, Split, carve_test
from gan_mnist.data.subsets import allot, divided, read_test_subset
from gan_mnist.errors import InputError
from gan_mnist.settings import SubsetSettings

NAMES = ("ape", "bee", "cat")


def pool(sizes, groups=None, seed=0):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 8, 8, 1), np.uint8)
    names = tuple(f"{row}.png" for row in range(len(labels)))
    return Split(images, labels, names, None if groups is None else groups(labels))


def made(sizes, groups=None, names=NAMES):
    """A data set without a test split, whose seeds have one each."""
    images = pool(sizes, groups)
    train, test = carve_test(images, names[: len(sizes)], "made up")
    return Dataset("folder", "made up", names[: len(sizes)], train, test, pool=images)


def counts(split, num):
    return np.bincount(split.labels, minlength=num).tolist()


def test_every_seed_has_a_fifth_of_each_class_of_its_own():
    dataset = made((50, 12, 3))
    tested = set()
    for seed in range(40):
        own, again = dataset.of_seed(seed), dataset.of_seed(seed)
        assert own.test.filenames == again.test.filenames
        assert counts(own.test, 3) == counts(dataset.test, 3) == [10, 2, 1]
        assert counts(own.train, 3) == counts(dataset.train, 3) == [40, 10, 2]
        names = own.train.filenames + own.test.filenames
        assert sorted(names) == sorted(dataset.pool.filenames)
        tested.add(own.test.filenames)
        for split in (own.train, own.test):
            rows = [int(name.removesuffix(".png")) for name in split.filenames]
            np.testing.assert_array_equal(split.images, dataset.pool.images[rows])
            np.testing.assert_array_equal(split.labels, dataset.pool.labels[rows])
    assert len(tested) == 40


def test_any_image_is_tested_as_often_as_another():
    dataset = made((20, 10))
    often = np.zeros(30)
    for seed in range(600):
        often[[int(n.removesuffix(".png")) for n in dataset.of_seed(seed).test.filenames]] += 1
    # 600 draws of a fifth: 120 each, with a standard deviation of 9.8.
    assert (np.abs(often - 120) < 4.5 * 9.8).all()


def test_a_class_is_drawn_alike_whatever_the_others_are():
    alone = pool((20, 30))
    apes = alone.take(np.flatnonzero(alone.labels == 0))
    bees = alone.take(np.flatnonzero(alone.labels == 1)[:7])
    fewer = Split(
        np.concatenate([apes.images, bees.images]),
        np.repeat([0, 1], [20, 7]),
        apes.filenames + bees.filenames,
    )
    for seed in range(3):
        tested = [set(carve_test(one, NAMES[:2], "", seed)[1].filenames) for one in (alone, fewer)]
        assert tested[0] & set(apes.filenames) == tested[1] & set(apes.filenames)


def test_what_has_a_test_split_keeps_it(tmp_path):
    for split, name in itertools.product(("train", "test"), "ab"):
        draw(tmp_path / "own" / split / name / "1.png", 9)
    anew = FolderOptions(split=EACH_SEED)
    for dataset in (
        load_dataset("mnist_sample", options=anew),
        load_dataset("folder", str(tmp_path / "own"), options=anew),
    ):
        assert dataset.pool is None
        assert dataset.of_seed(3) is dataset
        assert "each_seed" not in dataset.provenance
        assert SubsetSettings(validation_per_class=0).resolve(dataset).split == FIXED


def draw(path, value, size=(16, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 256, size, np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture
def folder(tmp_path):
    """Class folders `a` of 20 and `b` of 10 images, no two alike."""
    for name, number in (("a", 20), ("b", 10)):
        for row in range(number):
            draw(tmp_path / "photos" / name / f"{row}.png", 100 * (name == "b") + row)
    return tmp_path / "photos"


def load(folder, **options):
    return load_dataset("folder", str(folder), options=FolderOptions(split=EACH_SEED, **options))


def test_a_folder_without_a_test_split_is_told_as_such(folder):
    anew, fixed = load(folder), load_dataset("folder", str(folder))
    assert anew.provenance["counts"] == fixed.provenance["counts"]
    assert anew.provenance["each_seed"] == {"n_test": 4, "n_train": 16, "groups": False}
    assert "each_seed" not in fixed.provenance
    assert anew.sha256 == fixed.sha256
    assert fixed.of_seed(1) is fixed
    assert set(anew.pool.filenames) == {*fixed.train.filenames, *fixed.test.filenames}


def test_validation_images_stay_what_they_are(folder, tmp_path):
    folder.rename(tmp_path / "train")
    for name in "ab":
        draw(tmp_path / "val" / name / "v.png", 999 + ord(name))
    dataset = load(tmp_path)
    kept = dataset.validation.filenames
    for seed in range(3):
        own = dataset.of_seed(seed)
        assert own.validation.filenames == kept
        assert not set(kept) & {*own.train.filenames, *own.test.filenames}


def test_images_that_are_there_twice_are_told_and_may_be_dropped(folder):
    for name, of in (("c0", "0"), ("c1", "0"), ("c2", "1")):
        (folder / "b" / f"{name}.png").write_bytes((folder / "a" / f"{of}.png").read_bytes())
    told = load(folder).provenance
    assert told["duplicates"]["test"]["images"] == 3
    assert told["duplicates"]["test"]["equal"] == 3
    assert told["duplicates"]["test"]["of"] == 2
    assert ["b/c0.png", "a/0.png"] in told["duplicates"]["test"]["pairs"]
    (warning,) = told["warnings"]
    assert warning.startswith("2 of the 33 images are there twice")
    shown = load(folder).duplicates_shown()["test"]
    np.testing.assert_array_equal(shown[0], shown[1])
    dropped = load(folder, duplicates="drop")
    assert set(load(folder).pool.filenames) - set(dropped.pool.filenames) == {
        "b/c0.png", "b/c1.png", "b/c2.png"
    }  # fmt: skip
    assert dropped.provenance["files"]["read"] == 30
    assert dropped.provenance["files"]["passed_over"] == {"like another image": 3}
    assert dropped.provenance["duplicates"] == {}


def by_fives(labels):
    return np.arange(len(labels)) // 5


def uneven(labels):
    """Groups of 1 to 12 images, of several classes each."""
    sizes = np.random.default_rng(1).integers(1, 13, len(labels))
    return np.repeat(np.arange(len(sizes)), sizes)[: len(labels)]


@pytest.mark.parametrize("groups", [by_fives, uneven])
def test_groups_stay_on_one_side_for_every_seed(groups):
    dataset = made((60, 90, 40), groups)
    tested = set()
    for seed in range(15):
        own = dataset.of_seed(seed)
        assert not set(own.train.groups) & set(own.test.groups)
        assert set(own.train.labels) == set(own.test.labels) == {0, 1, 2}
        tested.add(own.test.filenames)
    assert len(tested) == 15


def test_with_groups_a_plan_counts_on_the_fewest_images_of_any_seed():
    dataset = made((60, 90, 40), uneven)
    own = [dataset.of_seed(seed) for seed in range(FEWEST_SEEDS)]
    for split in ("train", "test"):
        numbers = np.array([counts(one.splits[split], 3) for one in own])
        assert len(np.unique(numbers, axis=0)) > 1, "groups of these sizes cannot be told apart"
        assert dataset.fewest(split).tolist() == numbers.min(axis=0).tolist()
        told = dataset.provenance["counts"]
        assert [told[name][split] for name in NAMES] == numbers.min(axis=0).tolist()
    ratios = [
        t / n for one in own for t, n in zip(counts(one.test, 3), counts(one.train, 3), strict=True)
    ]
    told = dataset.provenance["each_seed"]
    assert told["n_test"] / told["n_train"] == max(ratios)
    assert told["groups"]
    settings = SubsetSettings(classes=NAMES, validation_per_class=4)
    left = settings.images_left(dataset, 4)
    sizes = [[len(rows) for rows in divided(one, NAMES, 4)[0]] for one in own]
    assert left == np.min(sizes, axis=0).tolist()
    most = replace(settings, images_per_class=min(left)).resolve(dataset)
    assert most.split == EACH_SEED
    for seed, one in enumerate(own):
        assert len(allot(one, NAMES, most.counts, seed, 4).train) == 3 * min(left)
    with pytest.raises(InputError, match=f"images_per_class: {min(left) + 1} is out of range"):
        replace(settings, images_per_class=min(left) + 1).resolve(dataset)


def test_a_plan_of_more_seeds_looks_at_all_of_them():
    dataset = made((30, 40, 25), uneven)
    few, many = (dataset.planned_for(seeds) for seeds in (3, 20))
    assert few.fewest("train").tolist() == dataset.fewest("train").tolist()
    settings = SubsetSettings(classes=NAMES)
    counts, least = (tuple(settings.images_left(one, 4)) for one in (few, many))
    assert all(a <= b for a, b in zip(least, counts, strict=True))
    refused = 0
    for seed in range(20):
        own = dataset.of_seed(seed)
        allot(own, NAMES, least, seed, 4)
        # A run that is given more seeds than were looked at says so in words.
        if any(len(r) < n for r, n in zip(divided(own, NAMES, 4)[0], counts, strict=True)):
            with pytest.raises(InputError, match=r"counts: \d+ images of class '\w+' is out of"):
                allot(own, NAMES, counts, seed, 4)
            assert seed >= FEWEST_SEEDS
            refused += 1
    assert refused


def test_groups_that_cannot_be_divided_are_refused():
    with pytest.raises(InputError, match="seed 4: images of class 'ape' cannot be divided"):
        replace(made((6, 6), by_fives), pool=pool((6, 6), np.zeros_like)).of_seed(4)


def test_no_part_of_a_trial_holds_an_image_that_is_tested():
    dataset = made((50, 20, 30))
    for seed in range(5):
        own = dataset.of_seed(seed)
        parts = allot(own, NAMES, (1, 9, 20), seed, 2)
        tested = {image.tobytes() for image in read_test_subset(own, NAMES).images}
        seen = [image.tobytes() for part in (parts.train, parts.held_back, parts.validation)
                for image in part.images]  # fmt: skip
        assert len(tested) == 20
        assert len(seen) == len(set(seen)) > 20
        assert not tested & set(seen)
