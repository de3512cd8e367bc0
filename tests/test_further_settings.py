"""Further test sets in the settings: known by their content, named so that nothing is mistaken."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_trial import DATASET, SETTINGS

from gan_mnist.errors import InputError
from gan_mnist.settings.further import as_test_dir, further_metrics, parse_test_dirs
from gan_mnist.study.spec import Metric


@pytest.fixture
def folder(tmp_path):
    """Two images each of an ape and a bee, in 8 x 8 pixels."""
    rng = np.random.default_rng(0)
    for name in ("ape", "bee"):
        (tmp_path / "one" / name).mkdir(parents=True)
        for number in range(2):
            image = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
            image.save(tmp_path / "one" / name / f"{number}.png")
    return tmp_path / "one"


def resolved(**folders):
    return replace(SETTINGS, test_dir=as_test_dir(folders)).resolve(DATASET)


def test_a_set_is_known_by_what_is_in_it_and_not_by_where_it_lies(folder):
    found = resolved(new=folder)
    (told,) = found.test_sets
    assert told.startswith("new: 2 images, no cat, ape: 2, passed over 2 of other classes (bee); ")
    shutil.copytree(folder, folder.parent / "two")
    (folder / "bee" / "0.png").rename(folder / "ape" / "2.png")
    moved = resolved(new=folder.parent / "two")
    assert moved.identity() == found.identity()
    assert str(folder.parent) not in str(moved.identity())
    both = resolved(new=folder.parent / "two", old=folder.parent / "two")
    test_sets = [settings.identity()["test_sets"] for settings in (found, both, SETTINGS)]
    assert len({*map(tuple, test_sets)}) == 3
    assert moved.resolve(DATASET) == moved


def test_without_any_the_settings_are_as_older_records_have_them():
    settings = SETTINGS.resolve(DATASET)
    assert (settings.test_dir, settings.test_sets) == ((), ())


def test_a_folder_that_cannot_be_read_is_refused_by_its_flag(tmp_path):
    with pytest.raises(InputError, match=r"^--test_dir new: '.*/no' is not a directory$"):
        resolved(new=tmp_path / "no")
    with pytest.raises(InputError, match=r"^--test_dir new: .* has 0 class folder"):
        resolved(new=tmp_path)


@pytest.mark.parametrize("texts", [["a"], ["a="], [""], ["a=x", "a=y"]])
def test_what_is_no_folder_with_a_name_is_refused(texts):
    assert parse_test_dirs(["a=b=c", "b=x"]) == {"a": "b=c", "b": "x"}
    with pytest.raises(InputError, match=r"^--test_dir: .*NAME=DIR"):
        parse_test_dirs(texts)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "ä",
        "../a",
        "1a",
        "val",
        "test",
        "balanced",
        "recall",
        "score",
        "new_balanced",
        "new_recall_x",
    ],
)
def test_a_name_must_begin_no_other_metric(name):
    """Nor may one begin another: `new_balanced` would have the metric of `new`."""
    metrics = (Metric("balanced_accuracy", ""), Metric("score_*", ""))
    assert [metric.name for metric in further_metrics(["new"], metrics)] == [
        "new_accuracy*",
        "new_balanced_accuracy*",
        "new_recall_*",
    ]
    assert further_metrics(["new", "new_one"], metrics)
    with pytest.raises(InputError, match=r"^--test_dir: .* is not accepted as a name"):
        further_metrics(["new", name], metrics)


def test_all_arms_share_the_images(folder):
    """However they differ: the images are read, and held, once."""
    settings = resolved(new=folder)
    others = [replace(settings, rotation_degrees=float(n), width=n, classical=True) for n in (3, 4)]
    first, *rest = (found.further_tests()["new"] for found in (settings, *others))
    assert all(other is first for other in rest)
