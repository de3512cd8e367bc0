"""Which of several images that are alike are dropped."""

import numpy as np
import pytest
from PIL import Image
from test_duplicates import scenes

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.duplicates import find_pairs
from gan_mnist.data.folder import FolderOptions
from gan_mnist.errors import InputError


def moving(number, speed):
    """Frames that change slowly: each is like the one before it, and in the end like none."""
    first, last = scenes(2, 7).astype(float)
    steps = np.linspace(0, speed, number)[:, None, None, None]
    return np.uint8(first * np.cos(steps) ** 2 + last * np.sin(steps) ** 2)


def write(folder, images_by_class):
    for name, images in images_by_class.items():
        (folder / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(folder / name / f"{number:02d}.png")


def read(folder, **options):
    return load_dataset("folder", str(folder), options=FolderOptions(split="each_seed", **options))


def test_an_image_is_not_dropped_for_one_that_is_dropped(tmp_path):
    frames = moving(30, 1.5)
    write(tmp_path, {"a": np.concatenate([frames, frames[10:12]]), "b": scenes(5, 3)})
    kept = read(tmp_path, duplicates="drop").pool
    images = np.concatenate([frames, frames[10:12]])
    chosen = [int(name[2:4]) for name in kept.filenames if name.startswith("a/")]
    assert len(find_pairs(frames)) == 29
    assert 3 < len(chosen) < 20
    assert not len(find_pairs(images[chosen]))
    dropped = [row for row in range(32) if row not in chosen]
    assert len(find_pairs(images[dropped], images[chosen])) == len(dropped)


def test_a_class_that_has_too_few_images_left_says_why(tmp_path):
    write(tmp_path, {"a": [scenes(1, 7)[0]] * 4, "b": scenes(5, 3)})
    complaint = r"without 3 like another image \(duplicates=drop\): class 'a' has 1 image\(s\)"
    with pytest.raises(InputError, match=complaint):
        read(tmp_path, duplicates="drop")


def test_images_of_a_group_are_no_twins_of_each_other(tmp_path):
    write(tmp_path, {"a": moving(12, 0.6), "b": scenes(5, 3)})
    groups = "a/(0)|a/(1)|b/(..)"
    kept = read(tmp_path, duplicates="drop", groups=groups).pool
    # Frame 10 goes, which is like one of the first group; 11 is like that frame alone.
    chosen = [int(name[2:4]) for name in kept.filenames if name.startswith("a/")]
    assert chosen == [*range(10), 11]
