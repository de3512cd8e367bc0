"""Names of folders that are those of splits, and names that only seem so."""

import pytest
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.finding import find_classes


def draw(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 100).save(root / name)


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ("train eval", "train test"),
        ("train evaluation", "train test"),
        ("training validation evaluation", "train validation test"),
        ("train eval test", "train validation test"),
        ("train holdout", "train test"),
        ("seg_train seg_test", "train test"),
        ("seg_train seg_eval seg_test", "train validation test"),
        ("asl-alphabet-train asl-alphabet-test", "train test"),
        ("train2017 val2017", "train validation"),
        ("TrainData ValData TestData", "train validation test"),
        ("train_224 valid_224 test_224", "train validation test"),
    ],
)
def test_splits_are_known_by_more_names_where_they_hold_class_folders(tmp_path, folders, expected):
    for folder in folders.split():
        draw(tmp_path, f"{folder}/a/1.png", f"{folder}/b/1.png")
    found = find_classes(tmp_path)
    told = dict(zip(folders.split(), expected.split(), strict=True))
    assert {(file.name.partition("/")[0], file.split) for file in found.files} == {*told.items()}
    assert {file.class_name for file in found.files} == {"a", "b"}
    assert found.cautions == []


@pytest.mark.parametrize(
    "folders",
    ["cats_train cats_test dogs_train dogs_test", "val test", "train car", "bullet_train tram",
     "trainee testament", "valid invalid"],
)  # fmt: skip
def test_other_names_are_those_of_classes(tmp_path, folders):
    for folder in folders.split():
        draw(tmp_path, f"{folder}/left/1.png", f"{folder}/{folder}/2.png")
    found = find_classes(tmp_path)
    assert {file.class_name for file in found.files} == {*folders.split()}
    assert {file.split for file in found.files} == {""}


@pytest.mark.parametrize("names", ["train eval", "seg_train seg_test", "val test"])
def test_folders_that_are_called_like_splits_and_hold_no_class_folders_are_told(tmp_path, names):
    first, second = names.split()
    draw(tmp_path, f"{first}/1.png", f"{first}/2.png", f"{second}/1.png", f"{second}/2.png")
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.class_names == tuple(sorted((first, second)))
    (told,) = dataset.provenance["cautions"]
    expected = f"{', '.join(sorted((first, second)))} are called like splits, and are taken for "
    assert told.startswith(expected)


def test_a_split_that_is_not_known_is_told_by_what_lies_in_it(tmp_path):
    draw(tmp_path, "train/a/1.png", "train/b/1.png", "final/a/1.png", "final/b/1.png")
    (told,) = find_classes(tmp_path).cautions
    assert told.startswith("train is called like a split, and is taken for ")
    draw(tmp_path, "test/a/1.png", "test/b/1.png")
    assert find_classes(tmp_path).cautions == []
    draw(tmp_path / "other", "train/cat/1.png", "train/dog/1.png", "extra/misc/1.png")
    (told,) = find_classes(tmp_path / "other").cautions
    assert told.startswith("train is called like a split, and is taken for ")


def test_a_class_that_is_called_like_a_split_is_a_class(tmp_path):
    draw(tmp_path, "train/1.png", "car/1.png", "bus/old/1.png")
    assert find_classes(tmp_path).cautions == []


def draw_within(folder, within):
    draw(folder, *(f"{name}/{part}/{n}.png" for name, parts in within.items()
                   for part in parts for n in range(2)))  # fmt: skip


@pytest.mark.parametrize("around", ["", "archive/"])
@pytest.mark.parametrize("parts", ["train test", "Train val test", "seg_train seg_test"])
def test_splits_within_class_folders_are_splits(tmp_path, around, parts):
    draw_within(tmp_path / around, dict.fromkeys("ab", parts.split()))
    found = find_classes(tmp_path)
    assert found.cautions == []
    of_split = {"train": "train", "val": "validation", "test": "test"}
    assert {(file.class_name, file.split) for file in found.files} == {
        (name, of_split[part.lower().removeprefix("seg_")])
        for name in "ab"
        for part in parts.split()
    }
    assert all(file.split[:3] in file.name.lower() for file in found.files)
    assert {file.split for file in find_classes(tmp_path, test_classes="ab").files} == {""}


@pytest.mark.parametrize("other", [".", "train", ". left"])
def test_splits_that_do_not_hold_all_images_are_warned_of(tmp_path, other):
    draw_within(tmp_path, {"a": ["train", "test"], "b": other.split()})
    found = find_classes(tmp_path)
    assert {file.split for file in found.files} == {""}
    (told,) = found.cautions
    assert told.startswith("folders of splits in a are taken for folders of the class")
    draw_within(tmp_path, {"b": ["train", "test", "."]})
    (told,) = find_classes(tmp_path).cautions
    assert told.startswith("folders of splits in a, b are taken for folders of the class")
