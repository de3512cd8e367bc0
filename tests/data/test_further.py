"""Further test images: of the study's classes, all that there are, and what is told of them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.dataset import Dataset
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.further import further_test, read_further_test
from gan_mnist.data.images import ImageConversion
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError

USUAL = FolderOptions()


def split(labels, first):
    """Images whose pixels tell their running number."""
    numbers = np.arange(first, first + len(labels), dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (len(labels), 2, 2, 1)).copy()
    return Split(images, np.array(labels), tuple(f"{number}.png" for number in numbers))


PARTS, NAMES = (split([0, 1, 2, 2], 0), split([2, 0], 10)), ("ape", "bee", "cat")


def chosen(name, classes):
    return further_test(name, PARTS, NAMES, classes, {})


def test_all_images_of_the_studys_classes_are_there_in_its_order():
    found = chosen("shifted", ("cat", "dog", "ape"))
    subset = found.subset
    assert subset.images[:, 0, 0, 0].tolist() == [2, 3, 10, 0, 11]
    assert subset.labels.tolist() == [0, 0, 0, 2, 2]
    assert subset.filenames == ("2.png", "3.png", "10.png", "0.png", "11.png")
    assert subset.class_names == ("cat", "dog", "ape")
    assert found.summary == (
        "shifted: 5 images, cat: 3, no dog, ape: 2, passed over 1 of other classes (bee); "
        f"sha256 {subset.fingerprint[:16]}"
    )


def test_nothing_is_told_of_other_classes_where_there_are_none():
    told = chosen("same", ("ape", "bee", "cat")).summary
    assert told.startswith("same: 6 images, ape: 2, bee: 1, cat: 3; sha256 ")


def test_a_set_without_any_of_the_classes_is_refused():
    with pytest.raises(InputError) as error:
        chosen("other", ("dog", "eel"))
    assert str(error.value) == (
        "--test_dir other: its classes are ape, bee, cat; accepted: folders of dog, eel"
    )


def draw(root, *names):
    """Images of noise, another for each name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([*name.encode()])
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(root / name)


def read(root, options=USUAL, classes=("cat", "dog")):
    return read_further_test("new", root, classes, ImageConversion(8, 1), options)


def names_of(found):
    return {found.subset.class_names[label]: sorted(
        name for name, own in zip(found.subset.filenames, found.subset.labels, strict=True)
        if own == label) for label in set(found.subset.labels.tolist())}  # fmt: skip


@pytest.mark.parametrize(
    "splits",
    [
        ("train", "val", "test"),
        ("val", "test"),
        ("train",),
        ("test",),
        ("train", "val"),
        ("Valid",),
    ],
)
def test_images_of_all_splits_are_tested_on(tmp_path, splits):
    names = [f"{part}/{of}/{row}.png" for part in splits for of in ("cat", "dog") for row in (1, 2)]
    draw(tmp_path, *names)
    found = read(tmp_path)
    assert sorted(found.subset.filenames) == sorted(names)
    assert found.files["read"] == len(names)


def test_splits_may_lack_classes(tmp_path):
    draw(tmp_path, "train/cat/1.png", "test/dog/1.png", "test/eel/1.png")
    found = read(tmp_path)
    assert names_of(found) == {"cat": ["train/cat/1.png"], "dog": ["test/dog/1.png"]}
    assert "passed over 1 of other classes (eel)" in found.summary


def test_folders_may_be_called_as_generate_calls_them(tmp_path):
    draw(tmp_path, "T-shirt%2Ftop/1.png", "coat/1.png")
    found = read(tmp_path, classes=("T-shirt/top", "coat"))
    assert names_of(found) == {"T-shirt/top": ["T-shirt%2Ftop/1.png"], "coat": ["coat/1.png"]}


def test_what_is_only_tested_on_may_be_little(tmp_path):
    draw(tmp_path / "one", "cat/1.png", "dog/1.png", "dog/2.png")
    assert len(read(tmp_path / "one").subset) == 3
    draw(tmp_path / "single", "cat/1.png", "cat/left/2.png", "cat/right/3.png")
    assert names_of(read(tmp_path / "single"))["cat"] == [
        "cat/1.png", "cat/left/2.png", "cat/right/3.png"
    ]  # fmt: skip
    draw(tmp_path / "deep", "all/cat/left/2.png")
    assert read(tmp_path / "deep").summary.startswith("new: 1 image, cat: 1, no dog; ")
    draw(tmp_path / "empty", "cat/1.png")
    (tmp_path / "empty" / "dog").mkdir()
    assert "no dog" in read(tmp_path / "empty").summary
    draw(tmp_path / "flat", "1.png")
    with pytest.raises(InputError, match=r"has 0 class folder.*at least one sub-folder"):
        read(tmp_path / "flat")


def test_a_class_of_which_all_files_are_bad_is_missing_where_these_are_left_out(tmp_path):
    draw(tmp_path, "cat/1.png", "cat/2.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.png").write_text("no image")
    (tmp_path / "dog" / "notes.txt").write_text("about dogs")
    with pytest.raises(InputError, match=r"1 of 3 images in .*dog/1\.png"):
        read(tmp_path)
    found = read(tmp_path, replace(USUAL, skip_bad=True))
    assert "no dog" in found.summary
    assert found.files["passed_over"] == {
        "empty, broken or too large": 1, "no image by name (.txt)": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"labels": "train.csv"},
        {"labels": "train.csv", "label_column": "what", "groups": "column:patient"},
        {"groups": "(p[0-9])_"},
        {"groups": "("},
        {"duplicates": "drop"},
        {"split": "each_seed"},
        {"split_column": "fold"},
    ],
)
def test_what_is_set_of_the_studys_own_folder_is_of_no_concern(tmp_path, options):
    draw(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/cat/2.png")
    for copy in ("train/cat/copy.png", "test/cat/copy.png"):
        (tmp_path / copy).write_bytes((tmp_path / "test/cat/2.png").read_bytes())
    assert read(tmp_path, FolderOptions(**options)).summary == read(tmp_path).summary
    assert len(read(tmp_path).subset) == 5


@pytest.mark.parametrize("wrapped", ["", "archive/"])
def test_a_table_of_labels_is_used_where_the_folder_has_it(tmp_path, wrapped):
    draw(tmp_path, *(f"{wrapped}images/{row}.png" for row in range(4)))
    table = tmp_path / wrapped / "train.csv"
    table.write_text("file,what,patient\n0.png,dog,a\n1.png,cat,a\n2.png,cat,b\n3.png,eel,b\n")
    options = replace(USUAL, labels="train.csv", file_column="file", label_column="what")
    for more in ({}, {"split_column": "fold", "groups": "column:person"}):
        found = read(tmp_path, replace(options, **more))
        assert names_of(found) == {
            "cat": [f"{wrapped}images/1.png", f"{wrapped}images/2.png"],
            "dog": [f"{wrapped}images/0.png"],
        }
    table.write_text("file,what\n0.png,dog\n1.png,dog\n")
    found = read(tmp_path, options)
    assert found.summary.startswith("new: 2 images, no cat, dog: 2; ")
    assert found.files["passed_over"] == {
        "without a row in the labels": 2, "no image by name (.csv)": 1
    }  # fmt: skip


def test_a_table_that_lies_elsewhere_is_not_that_of_class_folders(tmp_path):
    draw(tmp_path / "own", "1.png", "2.png")
    draw(tmp_path / "new", "cat/1.png", "dog/2.png")
    table = tmp_path / "own.csv"
    table.write_text("file,class\n1.png,dog\n2.png,cat\n")
    options = replace(USUAL, labels=str(table))
    assert names_of(read(tmp_path / "new", options)) == {"cat": ["cat/1.png"], "dog": ["dog/2.png"]}
    assert names_of(read(tmp_path / "own", options)) == {"cat": ["2.png"], "dog": ["1.png"]}


def test_checksums_are_those_of_the_splits_one_after_the_other(tmp_path):
    """As they were when a folder was read as one to train on, so that runs can go on."""
    draw(tmp_path / "whole", *(f"{of}/{row}.png" for of in ("cat", "dog") for row in range(12)))
    draw(tmp_path / "parts", *(f"{part}/{of}/{row}.png" for part in ("train", "test")
                               for of in ("cat", "dog") for row in range(6)))  # fmt: skip
    for folder in ("whole", "parts"):
        dataset = load_dataset("folder", str(tmp_path / folder), image_size=8, channels=1)
        order = [(s, row) for label in (0, 1) for s in (dataset.train, dataset.test)
                 for row in np.flatnonzero(s.labels == label)]  # fmt: skip
        expected = Subset(
            np.stack([s.images[row] for s, row in order]),
            np.array([s.labels[row] for s, row in order], np.int32),
            ("cat", "dog"),
            tuple(s.filenames[row] for s, row in order),
        )
        assert read(tmp_path / folder).subset.fingerprint == expected.fingerprint


def test_images_that_are_in_the_data_set_are_counted_and_named(tmp_path):
    draw(tmp_path / "new", "cat/1.png", "cat/2.png", "dog/1.png")
    images = read(tmp_path / "new").subset.images
    rng = np.random.default_rng(0)
    others = rng.integers(0, 256, (2, 8, 8, 1), np.uint8)
    train = Split(np.concatenate([others, images[1:2]]), np.zeros(3, int), ("a", "b", "c"))
    test = Split(images[[2, 0]], np.ones(2, int), ("d", "e"))
    told = read(tmp_path / "new").provenance(Dataset("", "", ("x", "y"), train, test))
    assert told["copies"] == {"train": 1, "test": 2}
    assert told["pairs"] == {
        "train": [["cat/2.png", "c"]], "test": [["cat/1.png", "e"], ["dog/1.png", "d"]]
    }  # fmt: skip
