"""Folders of generated images, by the classes of a data set."""

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data import decoded_cache, given, stored
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.given import NO_CLASS, read_given
from gan_mnist.data.images import ImageConversion
from gan_mnist.data.splits import Split
from gan_mnist.errors import InputError

LOOK = ImageConversion(16, 1)
NAMES = ("cat", "dog")


def save(path, seed, side=16, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (side, side) if channels == 1 else (side, side, channels)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def test_images_are_of_the_class_whose_folder_they_lie_in(tmp_path):
    first = save(tmp_path / "run1" / "cat" / "a.png", 0)
    second = save(tmp_path / "run2" / "dog" / "deep" / "b.png", 1)
    made = read_given(tmp_path, NAMES, LOOK)
    assert made.subset.filenames == ("run1/cat/a.png", "run2/dog/deep/b.png")
    np.testing.assert_array_equal(made.subset.labels, [0, 1])
    np.testing.assert_array_equal(made.subset.images[..., 0], [first, second])


def test_other_sizes_and_colour_become_as_the_data_set_is(tmp_path):
    save(tmp_path / "cat" / "large.png", 0, side=64, channels=3)
    made = read_given(tmp_path, NAMES, LOOK)
    assert made.subset.images.shape == (1, 16, 16, 1)
    assert made.files["noted"] == {
        "brought to 16 x 16 from another size": 1, "in colours, shown in grey": 1
    }  # fmt: skip
    assert read_given(tmp_path, NAMES, ImageConversion(64, 3)).files["noted"] == {}
    save(tmp_path / "dog" / "grey.png", 1, side=64)
    assert read_given(tmp_path, NAMES, ImageConversion(64, 3)).files["noted"] == {
        "in grey, shown as colours": 1
    }


def test_missing_and_extra_classes_are_told(tmp_path):
    save(tmp_path / "cat" / "a.png", 0)
    save(tmp_path / "cow" / "a.png", 1)
    (tmp_path / "cat" / "notes.txt").write_text("of the run")
    made = read_given(tmp_path, NAMES, LOOK)
    assert made.files["read"] == 1
    others = f"{NO_CLASS}, but in cow"
    assert made.files["passed_over"] == {others: 1, "no image by name (.txt)": 1}
    assert made.provenance(dataset())["counts"] == {"cat": 1, "dog": 0}


def test_folders_of_other_names_are_named(tmp_path):
    save(tmp_path / "cat" / "a.png", 0)
    save(tmp_path / "a.png", 0)
    for number in range(12):
        save(tmp_path / "run" / f"x{number:02}" / "a.png", number)
    (reason,) = read_given(tmp_path, NAMES, LOOK).files["passed_over"]
    shown = ", ".join(f"run/x{number:02}" for number in range(10))
    assert reason == f"{NO_CLASS}, but in {shown}, and 3 more"


def test_it_is_told_where_only_the_case_of_a_name_differs(tmp_path):
    save(tmp_path / "Cat" / "a.png", 0)
    save(tmp_path / "cow" / "a.png", 1)
    told = r"of the classes cat, dog, but in Cat \(as cat but for its case\), cow; accepted: PNG"
    with pytest.raises(InputError, match=told):
        read_given(tmp_path, NAMES, LOOK)
    save(tmp_path / "dog" / "a.png", 2)
    (reason,) = read_given(tmp_path, NAMES, LOOK).files["passed_over"]
    assert reason == f"{NO_CLASS}, but in Cat (as cat but for its case), cow"


def test_bad_images_are_refused_all_at_once_or_left_out(tmp_path):
    save(tmp_path / "cat" / "a.png", 0)
    for name in ("b.png", "c.png"):
        (tmp_path / "cat" / name).write_bytes(b"no image")
    with pytest.raises(InputError, match=r"--generated: 2 of 3 images .*b\.png.*c\.png"):
        read_given(tmp_path, NAMES, LOOK)
    made = read_given(tmp_path, NAMES, LOOK, skip_bad=True)
    assert made.subset.filenames == ("cat/a.png",)
    assert made.files["passed_over"] == {"empty, broken or too large": 2}
    left_out = ["cat/b.png (not an image)", "cat/c.png (not an image)"]
    assert made.files["left_out"] == left_out


@pytest.mark.parametrize("what", ["nowhere", "too long", "no classes"])
def test_a_folder_without_images_of_the_classes_is_refused(what, tmp_path):
    save(tmp_path / "cow" / "a.png", 0)
    place = tmp_path / {"nowhere": "nowhere", "too long": "x" * 5000}.get(what, "")
    with pytest.raises(InputError, match="--generated: "):
        read_given(place, NAMES, LOOK)


def dataset(test_images=None):
    rng = np.random.default_rng(5)
    train = rng.integers(0, 256, (4, 16, 16, 1), np.uint8)
    test = rng.integers(0, 256, (2, 16, 16, 1), np.uint8) if test_images is None else test_images
    labels = np.array([0, 0, 1, 1])
    return Dataset(
        "made up", "here", NAMES, Split(train, labels, tuple("abcd")),
        Split(test, np.arange(len(test)) % 2, tuple("xyzvw"[: len(test)])),
    )  # fmt: skip


def test_copies_of_test_images_are_counted(tmp_path):
    pixels = [save(tmp_path / "cat" / f"{name}.png", name) for name in range(3)]
    told = read_given(tmp_path, NAMES, LOOK).provenance(dataset(np.stack(pixels[:2])[..., None]))
    assert told["copies"] == {"train": 0, "test": 2}


def test_the_checksum_changes_with_pixels_and_with_labels(tmp_path):
    save(tmp_path / "a" / "cat" / "x.png", 0)
    save(tmp_path / "b" / "dog" / "x.png", 0)
    save(tmp_path / "c" / "cat" / "y.png", 0)
    save(tmp_path / "d" / "cat" / "x.png", 1)
    sums = [read_given(tmp_path / name, NAMES, LOOK).sha256 for name in "abcd"]
    assert sums[0] == sums[2]
    assert len(set(sums)) == 3


def test_folders_may_be_called_as_generate_calls_them(tmp_path):
    names = ("T-shirt/top", "Trouser", "a%2Fb")
    save(tmp_path / "T-shirt%2Ftop" / "1.png", 0)
    save(tmp_path / "Trouser" / "1.png", 1)
    save(tmp_path / "a%252Fb" / "1.png", 2)
    save(tmp_path / "a%2Fb" / "2.png", 3)
    made = read_given(tmp_path, names, LOOK)
    called = dict(zip(made.subset.filenames, made.subset.labels.tolist(), strict=True))
    assert called == {
        "T-shirt%2Ftop/1.png": 0, "Trouser/1.png": 1, "a%252Fb/1.png": 2, "a%2Fb/2.png": 2
    }  # fmt: skip
    assert made.files["passed_over"] == {}


def test_images_stay_in_the_file_in_which_many_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_MNIST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded_cache, "SETTLED_SECONDS", -60)
    folder = tmp_path / "made"
    for number in range(3):
        save(folder / "cat" / f"{number}.png", number)
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    before = read_given(folder, NAMES, LOOK, skip_bad=True)
    monkeypatch.setattr(stored, "LARGE_BYTES", 0)
    # What a trial asks again has been told.
    monkeypatch.setattr(given, "open_image", None)
    after = read_given(folder, NAMES, LOOK, skip_bad=True)
    assert isinstance(after.subset.images, stored.StoredImages)
    np.testing.assert_array_equal(after.subset.images, before.subset.images)
    assert (after.sha256, after.files) == (before.sha256, before.files)
