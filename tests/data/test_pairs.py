"""Folders of noisy images and their clean partners: read, refused, divided, kept together."""

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.pairs import paired
from gan_mnist.data.splits import EACH_SEED
from gan_mnist.data.subsets import allot, read_test_subset
from gan_mnist.errors import InputError


def write(path, seed, size=(16, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 250, size, np.uint8)
    pixels[0, 0] = seed % 100
    Image.fromarray(pixels).save(path)


def write_pairs(root, number, first=0):
    """The first pixel of both partners is their number."""
    for seed in range(first, first + number):
        write(root / "clean" / f"{seed:02d}.png", seed)
        write(root / "noisy" / f"{seed:02d}.bmp", 100 + seed)


def read(root, **options):
    options = FolderOptions(pairs=True, split=EACH_SEED, **options)
    return load_dataset("folder", str(root), False, 16, 1, options)


def numbers(subset):
    noisy, clean = paired(subset)
    assert noisy.shape == clean.shape
    assert (noisy[:, 0, 0, 0] == clean[:, 0, 0, 0]).all()
    assert (noisy != clean).any(axis=(1, 2, 3)).all()
    return clean[:, 0, 0, 0].tolist()


def test_partners_stay_together_whatever_divides_them(tmp_path):
    write_pairs(tmp_path, 10)
    data = read(tmp_path)
    assert data.files["read"] == 20
    assert data.files["noted"] == {"in pairs, noisy and clean": 20}
    tested = []
    for seed in range(4):
        own = data.of_seed(seed)
        test = numbers(read_test_subset(own, own.class_names))
        parts = allot(own, own.class_names, None, seed, 1)
        train, validation = numbers(parts.train), numbers(parts.validation)
        assert sorted(test + train + validation) == list(range(10))
        assert (len(test), len(validation)) == (2, 1)
        tested.append(test)
    assert len({*map(tuple, tested)}) > 1


def test_folders_of_splits_are_kept_and_a_pair_in_both_is_a_leak(tmp_path):
    write_pairs(tmp_path / "train", 6)
    write_pairs(tmp_path / "test", 3, first=5)
    data = read(tmp_path)
    assert numbers(read_test_subset(data, data.class_names)) == [5, 6, 7]
    assert data.provenance["duplicates"]["test"]["equal"] == 2
    assert "2 of the 6 test images" in data.provenance["warnings"][0]
    dropped = read(tmp_path, duplicates="drop")
    assert dropped.provenance["counts"]["noisy"] == {"train": 5, "test": 3}


def test_a_copy_leaves_with_its_partner(tmp_path):
    write_pairs(tmp_path / "train", 6)
    write_pairs(tmp_path / "test", 2, first=10)
    write(tmp_path / "test" / "clean" / "10.png", 3)  # the noisy one is another
    counts = read(tmp_path, duplicates="drop").provenance["counts"]
    assert (counts["clean"]["train"], counts["noisy"]["train"]) == (5, 5)


def test_a_noisy_image_like_its_own_partner_is_no_duplicate(tmp_path):
    write_pairs(tmp_path, 5)
    write(tmp_path / "noisy" / "03.bmp", 3)  # not noisy at all
    assert not read(tmp_path).provenance["duplicates"]


def test_images_without_a_partner_are_told_at_once_and_passed_over(tmp_path):
    write_pairs(tmp_path, 5)
    write(tmp_path / "noisy" / "lone.bmp", 7)
    (tmp_path / "noisy" / "02.bmp").unlink()
    with pytest.raises(InputError, match=r"2 of 10 images .* clean/02.png, noisy/lone.bmp;"):
        read(tmp_path)
    files = read(tmp_path, skip_bad=True).files
    assert (files["read"], files["passed_over"]) == (8, {"without a partner of its name": 2})
    of_no_use = " (without a partner of its name)"
    assert files["left_out"] == [f"clean/02.png{of_no_use}", f"noisy/lone.bmp{of_no_use}"]


def test_unlike_sizes_are_refused_or_passed_over(tmp_path):
    write_pairs(tmp_path, 5)
    write(tmp_path / "noisy" / "01.bmp", 101, (16, 12))
    with pytest.raises(InputError, match=r"2 of 10 images .* not of their partner's size: clean/0"):
        read(tmp_path)
    files = read(tmp_path, skip_bad=True).files
    assert (files["read"], files["passed_over"]) == (8, {"of another size than its partner": 2})


def test_the_partner_of_a_broken_image_is_passed_over_with_it(tmp_path):
    write_pairs(tmp_path, 5)
    (tmp_path / "clean" / "04.png").write_bytes(b"")
    data = read(tmp_path, skip_bad=True)
    assert data.files["read"] == 8
    assert data.files["passed_over"]["of a partner that cannot be read"] == 1


def test_partners_are_known_however_accents_are_written(tmp_path):
    for number in range(4):
        write(tmp_path / "clean" / f"{number}caf\u00e9.png", number)
        write(tmp_path / "noisy" / f"{number}cafe\u0301.png", 100 + number)
    data = read(tmp_path)
    assert data.files["noted"] == {"in pairs, noisy and clean": 8}
    assert len(numbers(read_test_subset(data, data.class_names))) == 1


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    write_pairs(tmp_path, 3)
    write(tmp_path / "clean" / "01.bmp", 9)
    with pytest.raises(InputError, match=r"clean/01.bmp and clean/01.png .* have one name"):
        read(tmp_path)


def test_partners_that_a_table_divides_are_refused_or_passed_over(tmp_path):
    write_pairs(tmp_path, 6)
    rows = ["file,label,split"]
    for seed in range(6):
        rows.append(f"clean/{seed:02d}.png,clean,{'test' if seed < 3 else 'train'}")
        rows.append(f"noisy/{seed:02d}.bmp,noisy,{'test' if seed < 2 else 'train'}")
    (tmp_path / "l.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"2 of 12 images .* have a partner in another split: cl"):
        read(tmp_path, labels="l.csv")
    files = read(tmp_path, labels="l.csv", skip_bad=True).files
    assert files["read"] == 10
    assert files["passed_over"]["of a partner in another split"] == 2
