"""Groups stay on one side of every split."""

import numpy as np
import pytest
from numbered import FILES, GOOD, load, table, write_images
from PIL import Image

from gan_mnist.data.dataset import Dataset
from gan_mnist.data.splits import Split, carve_test, set_aside
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (GOOD, r"p(\d)_"),
        (GOOD, r"p\d"),
        (
            table(["image", "label", "who"], lambda n, c: [FILES[n], c, f"w{(n + 1) // 2}"]),
            "column:who",
        ),
    ],
)
def test_groups_stay_on_one_side(images, text, groups):
    dataset = load(images, text, groups=groups)
    for part in (dataset.train, dataset.test):
        numbers = [int(name.rpartition("_")[2].removesuffix(".png")) for name in part.filenames]
        assert len(numbers) == 2 * len({(n + 1) // 2 for n in numbers})
    assert len(dataset.test) == 2


def test_the_checksum_is_of_groups_too():
    """Which images are trained on and which are validated by follows from them."""
    pixels = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)
    labels, names = np.repeat(np.arange(2), 6), tuple(map(str, range(12)))

    kept = {}

    def remember(key, find):
        if key not in kept:
            kept[key] = find()
        return kept[key]

    def sha256(groups):
        split = Split(pixels, labels, names, groups)
        test = Split(pixels[:4], labels[4:8], names[:4])
        one = Dataset("made up", "here", ("a", "b"), split, test)
        remembering = Dataset("made up", "here", ("a", "b"), split, test, remember=remember)
        assert remembering.sha256 == one.sha256
        return one.sha256

    pairs = np.arange(12) // 2
    corrected = np.where(np.arange(12) == 2, 0, pairs)
    assert len({sha256(groups) for groups in (None, pairs, corrected)}) == 3
    assert sha256(pairs) == sha256(pairs.copy())


def grouped(sizes, groups_of):
    """A split of classes of so many images, of the groups that `groups_of(label, k)` tells."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    groups = np.concatenate([[groups_of(c, k) for k in range(n)] for c, n in enumerate(sizes)])
    names = tuple(str(number) for number in range(len(labels)))
    return Split(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, names, groups)


@pytest.mark.parametrize(
    ("sizes", "groups_of"),
    [
        ((50, 40), lambda label, k: 100 * label + k // 5),  # a class a group
        ((60, 60), lambda label, k: k // 6),  # both classes in each
        ((7, 200), lambda label, k: 100 * label + k % 3),
        ((30, 30), lambda label, k: k if label else 1000 + k // 15),  # two groups, and thirty
    ],
)
def test_a_fifth_is_carved_in_whole_groups(sizes, groups_of):
    train, test = carve_test(grouped(sizes, groups_of), ("a", "b"), "made up")
    assert not set(train.groups) & set(test.groups)
    assert len(train) + len(test) == sum(sizes)
    shares = np.bincount(test.labels, minlength=2) / sizes
    # As near to a fifth as the largest group allows; and both sides have of each class.
    largest = [np.bincount(groups_of_class).max() / n for groups_of_class, n in (
        (np.array([groups_of(c, k) for k in range(n)]), n) for c, n in enumerate(sizes)
    )]  # fmt: skip
    assert (shares > 0).all()
    assert (shares < 1).all()
    assert (np.abs(shares - 0.2) <= np.maximum(largest, 0.05)).all()


def test_a_class_of_one_group_cannot_be_divided():
    split = grouped((4, 6), lambda label, k: 0 if label == 0 else 1 + k)
    with pytest.raises(
        InputError, match=r"^made up: images of class 'a' cannot be divided"
    ) as error:
        carve_test(split, ("a", "b"), "made up")
    assert ": as groups stay whole, all would fall on one side; accepted: two" in str(error.value)


def test_validation_takes_whole_groups_too(images):
    train = grouped((40, 40), lambda label, k: 100 * label + k // 4)
    test = grouped((2, 2), lambda label, k: 1000 + k)
    dataset = Dataset("made up", "", ("a", "b"), train, test)
    found = allot(dataset, ("b", "a"), None, 0, 9)
    group_of = dict(zip(train.filenames, train.groups, strict=True))
    sides = [
        {group_of[name] for name in part.filenames} for part in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert np.bincount(found.validation.labels).tolist() == [8, 8]
    assert np.bincount(found.train.labels).tolist() == [32, 32]
    again = allot(dataset, ("b", "a"), (5, 5), 1, 9)
    assert again.validation.filenames == found.validation.filenames


def test_no_choice_leaves_a_class_without_images():
    rng = np.random.default_rng(0)
    for seed in range(200):
        labels = np.concatenate([np.arange(3), rng.integers(0, 3, 9)])
        groups = rng.integers(0, 5, 12)
        chosen = set_aside(labels, groups, np.full(3, 2), seed)
        assert not set(groups[chosen]) & set(groups[~chosen])
        assert set(labels[~chosen]) == {0, 1, 2}


def test_groups_on_both_sides_of_splits_that_are_given_are_told(images):
    names = {1: "train", 2: "train", 3: "val", 4: "val", 5: "test", 6: "test"}
    who = {1: "x", 2: "y", 3: "y", 4: "z", 5: "x", 6: "y"}
    text = table(["image", "label", "split", "who"], lambda n, c: [FILES[n], c, names[n], who[n]])
    assert load(images, text, groups="column:who").files["noted"] == {
        "in 3 groups": 6,
        "of the test split, of groups that are in the train split too": 2,
        "of the validation split, of groups that are in the train split too": 1,
        "of the test split, of groups that are in the validation split too": 1,
    }


@pytest.mark.parametrize("groups", [r"p(1)_|p(\d)_", r"p(\d)_(x)?", "column:who"])
def test_the_parentheses_that_took_part_tell_the_group(images, groups):
    who = {n: f"w{(n + 1) // 2}" + " " * (n % 2) for n in FILES}
    text = table(["image", "label", "who"], lambda n, c: [FILES[n], c, who[n]])
    dataset = load(images, text, groups=groups)
    sides = [{name.rpartition("/p")[2][0] for name in part.filenames}
             for part in (dataset.train, dataset.test)]  # fmt: skip
    assert not set.intersection(*sides)
    assert dataset.files["noted"] == {f"in {len(FILES) // 2} groups": len(FILES)}


def test_images_in_no_group_are_told(images):
    (images / "images" / "p1_7.png").write_bytes(b"")
    text = GOOD + "p1_7.png,cat\n"  # what cannot be read is in no group, and is not counted
    noted = load(images, text, groups=r"p(1)_|p2", skip_bad=True).files["noted"]
    assert noted == {"in 1 group": 2, "in no group": len(FILES) - 2}


@pytest.mark.parametrize(
    "groups",
    ["^images/(.*caf\u00e9)_", "^images/(.+)_", "column:who"],
    ids=["accent in pattern", "pattern", "column"],
)
def test_a_group_is_one_however_its_accents_are_written(tmp_path, groups):
    """Half of its files may have been named on a Mac, which writes them apart."""
    files, rows = tmp_path / "images", ["image,label,who"]
    files.mkdir()
    for number in range(24):
        who = f"{number % 3}" + ("caf\u00e9", "cafe\u0301")[number % 2]
        path = files / f"{who}_{number}.png"
        Image.new("L", (8, 8), number).save(path)
        rows.append(f"{path.name},{('cat', 'dog')[number // 12]},{who}")
    dataset = load(tmp_path, "\n".join(rows), groups=groups)
    sides = [{int(name.rpartition("_")[2].removesuffix(".png")) % 3 for name in split.filenames}
             for split in (dataset.train, dataset.test)]  # fmt: skip
    assert not set.intersection(*sides)
    assert dataset.files["noted"] == {"in 3 groups": 24}


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("(z)?p", "finds no group in any name; .*, or column:NAME of the labels"),
        ("column:", "'column:' names no column"),
    ],
)
def test_what_makes_no_groups_is_refused(images, groups, told):
    with pytest.raises(InputError, match=f"setting groups: .*{told}"):
        load(images, GOOD, groups=groups)


def test_groups_that_validation_shares_with_what_is_carved_are_told(images):
    names = {n: "val" if n == 1 else "train" for n in FILES}
    text = table(["image", "label", "split", "who"],
                 lambda n, c: [FILES[n], c, names[n], f"w{(n + 1) // 2}"])  # fmt: skip
    noted = load(images, text, groups="column:who").files["noted"]
    told = "of the validation split, of groups that may be in the train and the test split too"
    assert noted[told] == 1
