"""Tables of labels beside their images: in a folder of a split each, or among several folders."""

import numpy as np
import pytest
from numbered import load, write_images
from PIL import Image

from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.further import read_further_test
from gan_mnist.data.images import ImageConversion
from gan_mnist.errors import InputError


def write(folder, *names):
    """Images of noise, and a table beside them in which cats and dogs come in turn."""
    lines = ["file_name,label"]
    for row, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([*str(path).encode()])
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
        lines.append(f"{name},{('cat', 'dog')[row % 2]}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


def labels(split, names):
    return {name: names[label] for name, label in zip(split.filenames, split.labels, strict=True)}


@pytest.mark.parametrize("around", ["", "archive/"])
@pytest.mark.parametrize("inner", ["", "images/"])
def test_each_split_has_a_table_of_its_own_images(tmp_path, around, inner):
    named = [f"{inner}{number}.png" for number in range(4)]
    write(tmp_path / around / "train", *named)
    write(tmp_path / around / "Test", *reversed(named))
    (tmp_path / "read.me").touch()
    data = load(tmp_path, labels="metadata.csv")
    train, test = (labels(split, data.class_names) for split in (data.train, data.test))
    assert train == {
        f"{around}train/{name}": ("cat", "dog")[row % 2] for row, name in enumerate(named)
    }
    assert test == {
        f"{around}Test/{name}": ("dog", "cat")[row % 2] for row, name in enumerate(named)
    }
    assert data.files["passed_over"] == {"no image by name (.csv, .me)": 3}
    place = around and "/archive"
    assert data.source == f"image folder {tmp_path.name}{place}, labels of metadata.csv"


def test_a_split_without_a_table_is_without_rows(tmp_path):
    write(tmp_path / "train", *(f"{number}.png" for number in range(8)))
    write(tmp_path / "test", "0.png", "1.png")
    (tmp_path / "test" / "metadata.csv").unlink()
    data = load(tmp_path, labels="metadata.csv")
    assert data.files["read"] == 8
    assert data.files["passed_over"]["without a row in the labels"] == 2


def test_a_table_tells_of_no_image_of_another_split(tmp_path):
    write(tmp_path / "train", "0.png", "1.png", "2.png", "3.png")
    write(tmp_path / "test", "0.png", "1.png", "x.png")
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n0.png,cat\n1.png,dog\n"
                                                     "x.png,dog\n")  # fmt: skip
    data = load(tmp_path, labels="metadata.csv")
    assert sorted(data.train.filenames) == ["train/0.png", "train/1.png"]
    assert data.files["passed_over"]["rows of the labels without an image"] == 1


def test_what_is_wrong_with_one_of_them_is_told_by_its_place(tmp_path):
    write(tmp_path / "train", "0.png", "1.png")
    write(tmp_path / "test", "0.png", "1.png")
    (tmp_path / "test" / "metadata.csv").write_text("a,b\n1x,2\n")
    with pytest.raises(InputError, match=r"no column of test/metadata.csv \(a, b\) holds names"):
        load(tmp_path, labels="metadata.csv")


def test_all_of_them_are_tested_on(tmp_path):
    write(tmp_path / "train", "0.png", "1.png")
    write(tmp_path / "test", "0.png")
    options = FolderOptions(labels="metadata.csv")
    found = read_further_test("new", tmp_path, ("cat", "dog"), ImageConversion(8, 1), options)
    assert found.subset.filenames == ("train/0.png", "test/0.png", "train/1.png")


def test_of_images_of_one_name_that_beside_the_table_is_meant(tmp_path):
    write_images(tmp_path)
    (tmp_path / "more").mkdir()
    write(tmp_path, "0.png", "1.png", "./images/p1_1.png", "2.png")
    for name in ("0.png", "1.png", "p1_1.png"):
        Image.new("L", (8, 8)).save(tmp_path / "more" / name)
    data = load(tmp_path, labels="metadata.csv")
    named = {*data.train.filenames, *data.test.filenames}
    assert named == {"0.png", "1.png", "images/p1_1.png", "2.png"}


def write_splits(folder, *splits, num=2):
    """Images of equal names in folders of splits: cats with even numbers, dogs with odd ones."""
    names = [f"{split}/{number}.png" for split in splits for number in range(num)]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(noise).save(folder / name)
    return names


def test_of_equal_names_those_in_a_folder_that_is_of_validation_beside_test_are_meant(tmp_path):
    write_splits(tmp_path, "train", "eval", "test")
    rows = [f"{i}.png,{split},{i}" for split in ("train", "validation", "test") for i in range(2)]
    data = load(tmp_path, "\n".join(["file,split,label", *rows]))
    found = {name: split.filenames for name, split in data.splits.items()}
    assert found == {
        "train": ("train/0.png", "train/1.png"),
        "validation": ("eval/0.png", "eval/1.png"),
        "test": ("test/0.png", "test/1.png"),
    }


def rows_of(names):
    return [f"{name},{('cat', 'dog')[int(name[-5]) % 2]}" for name in names]


def test_folders_tell_the_splits_where_no_column_does(tmp_path):
    """Else test images are trained on, though they lie in a folder of that name."""
    names = write_splits(tmp_path, "train", num=6) + write_splits(tmp_path, "valid", "test")
    data = load(tmp_path, "\n".join(["path,label", *rows_of(names)]))
    found = {name: len(split) for name, split in data.splits.items()}
    assert found == {"train": 6, "validation": 2, "test": 2}
    assert data.provenance["cautions"] == [
        "labels.csv has no column of splits: the folders test, train, valid tell them "
        "(--set split_column=...)"
    ]


# Images in another folder, and a class that is not to be tested on.
@pytest.mark.parametrize(("others", "last"), [(["more"], 12), ([], 7)])
def test_folders_that_do_not_divide_every_class_are_told(tmp_path, others, last):
    names = write_splits(tmp_path, "train", num=6)
    names += write_splits(tmp_path, "test", *others, num=2)
    data = load(tmp_path, "\n".join(["path,label", *rows_of(names[:last])]))
    (caution,) = data.provenance["cautions"]
    assert "the folders test, train do not divide its images" in caution
    assert any(name.startswith("test/") for name in data.train.filenames + data.test.filenames)


def test_folders_of_one_split_are_of_no_concern(tmp_path):
    names = write_splits(tmp_path, "train", num=6)
    write_splits(tmp_path, "test")
    data = load(tmp_path, "\n".join(["path,label", *rows_of(names)]))
    assert len(data.train) + len(data.test) == 6
    assert "cautions" not in data.provenance


@pytest.mark.parametrize("column", ["data set", "Dataset", "data_set"])
def test_a_column_may_be_called_data_set(tmp_path, column):
    names = write_splits(tmp_path, "images", num=8)
    rows = [f"{row},{'train' if i < 6 else 'test'}" for i, row in enumerate(rows_of(names))]
    data = load(tmp_path, "\n".join([f"path,label,{column}", *rows]))
    assert data.test.filenames == ("images/6.png", "images/7.png")
