"""Folders of images of every kind, drawn here with Pillow."""

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.errors import InputError


def draw(path, value=100, size=(28, 28)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)


def refused(directory, **settings):
    with pytest.raises(InputError) as error:
        load_dataset("folder", str(directory), **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_fifth_of_every_class_is_carved_for_testing(tmp_path):
    for number in range(10):
        draw(tmp_path / "zebra" / f"{number}.png", value=number)
    for number in range(2):
        draw(tmp_path / "ape" / f"{number}.PNG", value=100 + number)
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.class_names == ("ape", "zebra")
    counts = dataset.provenance["counts"]
    assert counts == {"ape": {"train": 1, "test": 1}, "zebra": {"train": 8, "test": 2}}
    everything = dataset.train.filenames + dataset.test.filenames
    assert len(set(everything)) == 12
    for split in (dataset.train, dataset.test):
        for image, label, filename in zip(split.images, split.labels, split.filenames, strict=True):
            name, number = filename.lower().removesuffix(".png").split("/")
            assert dataset.class_names[label] == name
            assert (image == int(number) + (100 if name == "ape" else 0)).all()


@pytest.mark.parametrize("names", [("train", "test"), ("training_set", "test_set")])
def test_train_and_test_folders_are_kept(tmp_path, names):
    train, test = names
    draw(tmp_path / train / "a" / "1.png", 1)
    draw(tmp_path / train / "b" / "2.png", 2)
    draw(tmp_path / test / "a" / "3.png", 3)
    draw(tmp_path / test / "b" / "4.jpeg", 4)
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.train.filenames == (f"{train}/a/1.png", f"{train}/b/2.png")
    assert dataset.test.filenames == (f"{test}/a/3.png", f"{test}/b/4.jpeg")
    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.test.images[:, 0, 0, 0].tolist() == [3, 4]


def test_a_class_called_train_is_a_class(tmp_path):
    for name in ("car", "train"):
        for number in range(2):
            draw(tmp_path / name / f"{number}.png")
    assert load_dataset("folder", str(tmp_path)).class_names == ("car", "train")


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    for name in ("a", "b"):
        for number in range(2):
            draw(tmp_path / name / f"{number}.png")
    (tmp_path / "a" / "._0.png").write_bytes(b"resource fork")
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "readme.md").write_text("about")
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.class_names == ("a", "b")
    assert len(dataset.train) + len(dataset.test) == 4


def test_an_unreadable_image_is_named(tmp_path):
    for name in ("a", "b"):
        for number in range(2):
            draw(tmp_path / name / f"{number}.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for suffix in ("png", "jpg"):
        broken = tmp_path / "a" / f"broken.{suffix}"
        Image.fromarray(noise).save(broken)
        whole = broken.read_bytes()
        for content in (whole[: len(whole) // 2], b"", b"no image"):
            broken.write_bytes(content)
            line = refused(tmp_path)
            assert f"1 of 5 images in {tmp_path} cannot be read: a/broken.{suffix} (" in line
        broken.unlink()


def test_refuses_what_is_no_data_set(tmp_path):
    assert "'/no/such/folder' is not a directory" in refused("/no/such/folder")
    assert "0 class folder(s)" in refused(tmp_path)
    draw(tmp_path / "a" / "1.png")
    draw(tmp_path / "a" / "2.png")
    assert "1 class folder(s)" in refused(tmp_path)
    (tmp_path / "b").mkdir()
    assert f"{tmp_path / 'b'} holds no images" in refused(tmp_path)
    draw(tmp_path / "b" / "1.png")
    assert "class 'b' has 1 image(s)" in refused(tmp_path)
    assert "channels: 2 is out of range; accepted: 1 or 3" in refused(tmp_path, channels=2)
    with pytest.raises(InputError, match=r"^--data_dir: missing"):
        load_dataset("folder")


def test_refuses_other_classes_in_test_than_in_train(tmp_path):
    for folder in ("train/a", "train/b", "test/a", "test/c"):
        draw(tmp_path / folder / "1.png")
    assert "(a, b) than in test (a, c)" in refused(tmp_path)


def test_cats_vs_dogs_takes_a_folder_in_colour(tmp_path):
    for name, colour in (("cats", (200, 10, 30)), ("dogs", (0, 0, 255))):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (50, 50), colour).save(tmp_path / name / f"{number}.png")
    dataset = load_dataset("cats_vs_dogs", str(tmp_path), image_size=64, channels=3)
    assert dataset.class_names == ("cats", "dogs")
    assert dataset.train.images.shape == (2, 64, 64, 3)
    assert (dataset.train.images[0] == (200, 10, 30)).all()


def test_cats_vs_dogs_says_what_it_looked_for(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"cats_vs_dogs/VERSION.* or a folder of class folders"):
        load_dataset("cats_vs_dogs", str(tmp_path))
