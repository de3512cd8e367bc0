"""Folders as people have them: every image is found, and what is left out is counted."""

import os

import pytest
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.finding import find_classes, find_images
from gan_mnist.data.folder import FolderOptions
from gan_mnist.errors import InputError


def draw(root, *names, size=(8, 8)):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 100).save(root / name)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def classes_of(found):
    return [(file.name, file.class_name) for file in found.files]


def test_a_link_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    draw(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "b" / "link").symlink_to(tmp_path / "a")
    readlink = os.readlink

    def denied(path, *rest, **options):
        if os.path.basename(os.fspath(path)) == "link":
            raise PermissionError(13, "Permission denied")
        return readlink(path, *rest, **options)

    monkeypatch.setattr(os, "readlink", denied)
    with pytest.raises(InputError, match=r"^--data_dir: .*b/link cannot be read: Perm"):
        find_classes(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "JPG", "bmp", "Tiff", "webp", "gif", "ppm", "tga"])
def test_all_that_pillow_reads_is_an_image(tmp_path, suffix):
    for name in ("a", "b"):
        draw(tmp_path, *(f"{name}/{number}.{suffix}" for number in range(2)))
    dataset = load_dataset("folder", str(tmp_path))
    assert len(dataset.train) + len(dataset.test) == dataset.files["read"] == 4
    assert dataset.files["passed_over"] == {}


def test_sub_folders_of_a_class_belong_to_it(tmp_path):
    draw(tmp_path, "a/1.png", "a/left/2.png", "a/right/deep/3.png", "b/4.png")
    assert classes_of(find_classes(tmp_path)) == [
        ("a/1.png", "a"), ("a/left/2.png", "a"), ("a/right/deep/3.png", "a"), ("b/4.png", "b")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Train", "Valid", "Test"),
        ("TRAINING", "validation", "testing"),
        ("training_set", "dev", "test_set"),
        ("Training Set", "validation-set", "Test Images"),
    ],
)
def test_splits_are_known_by_their_usual_names(tmp_path, train, validation, test):
    for split in (train, validation, test):
        draw(tmp_path, f"{split}/a/1.png", f"{split}/b/1.png")
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.class_names == ("a", "b")
    assert dataset.train.filenames == (f"{train}/a/1.png", f"{train}/b/1.png")
    assert dataset.validation.filenames == (f"{validation}/a/1.png", f"{validation}/b/1.png")
    assert dataset.test.filenames == (f"{test}/a/1.png", f"{test}/b/1.png")
    assert dataset.provenance["counts"]["a"] == {"train": 1, "validation": 1, "test": 1}


def test_of_train_and_validation_the_test_images_are_carved_from_the_first(tmp_path):
    for name in "ab":
        draw(tmp_path, *(f"train/{name}/{number}.png" for number in range(5)), f"val/{name}/0.png")
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.validation.filenames == ("val/a/0.png", "val/b/0.png")
    assert len(dataset.train) == 8
    assert all(name.startswith("train/") for name in dataset.test.filenames)


def test_what_lies_beside_folders_of_splits_is_counted(tmp_path):
    draw(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png")
    draw(tmp_path, "unlabelled/1.png", "unlabelled/x/2.png", "cover.png", "train/sheet.png")
    found = find_classes(tmp_path)
    assert len(found.files) == 4
    assert found.passed_over == {
        "outside the folders of splits": 2, "outside the class folders": 2
    }  # fmt: skip


def test_a_folder_that_holds_all_the_rest_is_entered(tmp_path):
    draw(tmp_path, "archive/photos/a/1.png", "archive/photos/b/2.png")
    touch(tmp_path, "archive/README.md", "__MACOSX/archive/._1.png")
    found = find_classes(tmp_path)
    assert found.inner == "archive/photos"
    assert [name for name, _ in classes_of(found)] == [
        "archive/photos/a/1.png", "archive/photos/b/2.png"
    ]  # fmt: skip
    assert load_two(tmp_path).source == f"image folder {tmp_path.name}/archive/photos"


def load_two(folder):
    draw(folder, "archive/photos/a/3.png", "archive/photos/b/4.png")
    return load_dataset("folder", str(folder))


def test_one_class_folder_is_no_wrapping(tmp_path):
    draw(tmp_path, "a/1.png", "a/2.png")
    with pytest.raises(InputError, match=r"has 1 class folder\(s\).*--set labels="):
        find_classes(tmp_path)


def test_what_is_passed_over_is_counted_by_reason(tmp_path):
    draw(tmp_path, "a/1.png", "b/1.png", "b/.hidden.png")
    touch(tmp_path, "a/Thumbs.db", "b/desktop.ini", ".ipynb_checkpoints/a.png", "__MACOSX/a/x.png")
    touch(tmp_path, "a/notes.txt", "a/list.csv", "b/more.TXT", "b/no_suffix")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    found = find_classes(tmp_path)
    assert len(found.files) == 2
    assert found.passed_over == {
        "hidden": 2,
        "of the operating system": 3,
        "neither file nor folder": 1,
        "no image by name (.csv, .txt, no suffix)": 4,
    }


def test_linked_folders_are_followed_but_not_in_circles(tmp_path):
    draw(tmp_path, "elsewhere/1.png", "photos/a/1.png")
    (tmp_path / "photos" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "a" / "up").symlink_to(tmp_path / "photos")
    found = find_classes(tmp_path / "photos")
    assert classes_of(found) == [("a/1.png", "a"), ("b/1.png", "b")]
    assert found.passed_over == {"a link to a folder it lies in": 1}


def test_no_folder_is_read_twice(tmp_path):
    """What lies in the folder is read under its own name, else under that of the first link."""
    photos, pool = tmp_path / "photos", tmp_path / "pool"
    draw(tmp_path, "photos/b/1.png", "photos/c/2.png", "pool/d/3.png", "pool/d/deep/4.png")
    for name, target in {
        "a": photos / "b",  # sorted before what it leads to
        "c/all": pool,  # holds what the next two lead to
        "d": pool / "d",
        "e": pool / "d",
        "up": tmp_path,
    }.items():
        (photos / name).symlink_to(target)
    (pool / "d" / "up").symlink_to(pool)
    found = find_classes(photos)
    assert classes_of(found) == [
        ("b/1.png", "b"), ("c/2.png", "c"), ("d/3.png", "d"), ("d/deep/4.png", "d")
    ]  # fmt: skip
    assert found.passed_over == {
        "a folder that is read already": 3, "a link to a folder it lies in": 2
    }  # fmt: skip
    left_out = find_images(photos).left_out
    assert {name for name, why in left_out.items() if why == "a folder that is read already"} == {
        "a/", "e/", "c/all/d/"
    }  # fmt: skip


def test_a_split_that_is_linked_to_another_is_none(tmp_path):
    for split in ("train", "test"):
        draw(tmp_path, f"{split}/a/1.png", f"{split}/b/1.png")
    (tmp_path / "val").symlink_to("test")
    found = find_classes(tmp_path)
    assert {file.split for file in found.files} == {"train", "test"}
    assert found.passed_over == {"a folder that is read already": 1}


def test_links_that_end_nowhere_are_passed_over_or_bad_images(tmp_path):
    draw(tmp_path, *(f"{name}/{number}.png" for name in "ab" for number in range(2)))
    for name in ("circle", "circle.png"):
        (tmp_path / "a" / name).symlink_to(name)
    found = find_classes(tmp_path)
    assert found.passed_over == {"no image by name (no suffix)": 1}
    assert ("a/circle.png", "a") in classes_of(found)
    with pytest.raises(InputError, match=r"1 of 5 images in .*: a/circle.png"):
        load_dataset("folder", str(tmp_path))


def test_images_are_found_without_classes_too(tmp_path):
    draw(tmp_path, "1.png", "x/2.png", "x/y/3.gif")
    touch(tmp_path, "x/about.txt")
    found = find_images(tmp_path, "--images")
    assert [file.name for file in found.files] == ["1.png", "x/2.png", "x/y/3.gif"]
    assert found.passed_over == {"no image by name (.txt)": 1}
    assert found.left_out == {"x/about.txt": "no image by name"}
    with pytest.raises(InputError, match=r"^--images: .*nowhere cannot be read: No such file"):
        find_images(tmp_path / "nowhere", "--images")


def test_names_that_cannot_be_printed_are_refused_or_taken(tmp_path):
    odd = os.fsdecode(b"\xff\n.png")
    draw(tmp_path, "1.png")
    (tmp_path / "1.png").rename(tmp_path / odd)
    assert find_images(tmp_path, any_name=True).names == [odd]
    with pytest.raises(InputError, match=r"--data_dir: the name .* cannot be printed"):
        find_images(tmp_path)


def break_some(folder):
    for name in "ab":
        draw(folder, *(f"{name}/{number}.png" for number in range(9)))
    touch(folder, *(f"b/{number}.png" for number in range(7)))
    whole = (folder / "a" / "3.png").read_bytes()
    (folder / "a" / "3.png").write_bytes(whole[:45])


def test_all_bad_images_are_refused_at_once(tmp_path):
    break_some(tmp_path)
    with pytest.raises(InputError) as error:
        load_dataset("folder", str(tmp_path))
    line = str(error.value)
    assert line.startswith(f"--data_dir: 8 of 18 images in {tmp_path} cannot be read: a/3.png (")
    assert "b/0.png (an empty file); " in line
    assert line.count("/") - str(tmp_path).count("/") == 8
    assert line.endswith(" accepted: whole images, or --skip_bad to go on without these")


def test_of_more_than_a_hundred_bad_images_the_others_are_counted(tmp_path):
    draw(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    touch(tmp_path, *(f"b/x{number:03}.png" for number in range(103)))
    with pytest.raises(InputError, match=r"b/x099\.png \(an empty file\); and 3 more; accepted"):
        load_dataset("folder", str(tmp_path))
    dataset = load_dataset("folder", str(tmp_path), options=FolderOptions(skip_bad=True))
    left_out = dataset.provenance["files"]["left_out"]
    assert left_out[::100] == ["b/x000.png (an empty file)", "and 3 more"]
    assert len(left_out) == 101


def test_of_large_images_it_is_told_how_to_read_them(tmp_path):
    draw(tmp_path, "a/1.png", "b/1.png")
    draw(tmp_path, "b/2.png", size=(1000, 1000))
    options = FolderOptions(image_megabytes=1)
    told = r"b/2.png \(too large: 1,000 x 1,000 .*--set image_megabytes=\.\.\. for large ones, or"
    with pytest.raises(InputError, match=told):
        load_dataset("folder", str(tmp_path), options=options)


def test_bad_images_are_left_out_on_request(tmp_path):
    break_some(tmp_path)
    dataset = load_dataset("folder", str(tmp_path), options=FolderOptions(skip_bad=True))
    assert dataset.files["read"] == len(dataset.train) + len(dataset.test) == 10
    assert dataset.files["passed_over"] == {"empty, broken or too large": 8}
    assert len(dataset.files["left_out"]) == 8
    assert "b/0.png (an empty file)" in dataset.files["left_out"]
    everything = {*dataset.train.filenames, *dataset.test.filenames}
    assert everything == {*(f"a/{n}.png" for n in range(9) if n != 3), "b/7.png", "b/8.png"}
    for split in (dataset.train, dataset.test):
        assert (split.images == 100).all()


def test_a_class_whose_images_are_all_bad_is_refused(tmp_path):
    draw(tmp_path, "a/1.png", "a/2.png")
    touch(tmp_path, "b/1.png")
    with pytest.raises(InputError, match="has no image of class 'b' in its train split that"):
        load_dataset("folder", str(tmp_path), options=FolderOptions(skip_bad=True))


def test_a_split_whose_images_are_all_bad_is_not_made_up(tmp_path):
    for name in "ab":
        draw(tmp_path, *(f"{split}/{name}/{number}.png" for split in ("train", "val")
                         for number in range(3)))  # fmt: skip
        touch(tmp_path, f"test/{name}/1.png")
    options = FolderOptions(skip_bad=True)
    with pytest.raises(InputError, match="has no image of class 'a' in its test split that can be"):
        load_dataset("folder", str(tmp_path), options=options)
    for name in "ab":
        draw(tmp_path, f"test/{name}/1.png")
        touch(tmp_path, *(f"val/{name}/{number}.png" for number in range(3)))
    dataset = load_dataset("folder", str(tmp_path), options=options)
    assert dataset.validation is None
    assert dataset.files["passed_over"] == {"empty, broken or too large": 6}
