"""The imbalance study on anyone's folder of images: what it shows, keeps and exports of them."""

import html
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from gan_mnist.main import main

MAIN = main


@pytest.fixture
def run(command, image_folder, class_names, tmp_path):
    """`run(*flags)`: the imbalance study on these images, at 16 pixels; returns its summary."""

    def run(*flags):
        status, out, err = command(
            *("--experiment=imbalance", "--dataset=folder", f"--data_dir={image_folder}"),
            *(f"--workdir={tmp_path / 'run'}", "--preset=smoke", "--jobs=1"),
            *("--set", "image_size=16", *flags),
        )
        assert status == 0, err
        summary = json.loads((tmp_path / "run" / "summary.json").read_text())
        assert summary["failed"] == []
        assert summary["dataset"]["counts"] == {
            name: {"train": 48, "test": 12} for name in class_names
        }
        assert summary["answer"] in out
        return summary

    return run


def test_grey_images_are_studied_and_models_of_them_exported(run, class_names, tmp_path):
    arms = ("none", "duplicate", "cgan")
    saved = tmp_path / "saved"
    summary = run("--arms=duplicate,cgan", "--set", "gan_width=4", f"--export_dir={saved}")
    assert tuple(summary["arms"]) == arms
    for name in arms:
        arm = summary["arms"][name]
        assert arm["n"] == 2
        assert (arm["difference"] is None) == (name == "none")
        for seed in range(2):
            directory = tmp_path / "run" / "trials" / name / f"seed-0{seed}"
            record = json.loads((directory / "record.json").read_text())
            assert record["settings"]["classes"] == list(class_names)
            assert record["settings"]["counts"] == [1, 39, 39]
            assert {f"recall_{name}" for name in class_names} < set(record["metrics"])
            assert '"bars, upright/' in (directory / "predictions.csv").read_text()
        exported = saved / "imbalance" / name
        assert json.loads((exported / "classes.json").read_text()) == list(class_names)
        assert (exported / "classifier" / "saved_model.pb").exists()
        assert (exported / "generator" / "saved_model.pb").exists() == (name == "cgan")
    report = (tmp_path / "run" / "report.html").read_text()
    for name in map(html.escape, class_names):
        assert name in report
    assert "&amp;amp;" not in report


def test_colour_images_stay_coloured(run, tmp_path):
    run(
        "--arms=classical",
        "--seeds=1",
        "--export_dir=",
        "--set",
        "channels=3",
        "--set",
        "counts=5,9,9",
    )
    for name in ("none", "classical"):
        with np.load(tmp_path / "run" / "trials" / name / "seed-00" / "gallery.npz") as gallery:
            assert gallery["images"].shape[1:] == (16, 16, 3)
            assert (np.ptp(gallery["images"].astype(int), axis=-1) > 50).any()


def test_training_images_that_are_tested_on_are_told_shown_and_named(
    command, class_names, tmp_path
):
    photos, rng = tmp_path / "photos", np.random.default_rng(0)
    for split in ("train", "test"):
        for name in class_names:
            (photos / split / name).mkdir(parents=True)
            for number in range(20):
                pixels = rng.integers(0, 256, (16, 16), np.uint8)
                Image.fromarray(pixels).save(photos / split / name / f"{number}.png")
    seen = photos / "train" / class_names[0] / "seen.png"
    shutil.copy(photos / "test" / class_names[0] / "7.png", seen)
    flags = ["--experiment=digit_cnn", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]
    flags += ["--dataset=folder", f"--data_dir={photos}", "--set", "image_size=16"]
    status, out, err = command(*flags, f"--workdir={tmp_path / 'run'}", "--arms=classical")
    assert status == 0, err
    told = "1 training image is like 1 test image, 1 of them equal"
    assert told in err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    found = summary["dataset"]["duplicates"]["test"]
    assert (found["images"], found["of"], found["equal"]) == (1, 1, 1)
    (pair,) = found["pairs"]
    assert [path.rpartition("/")[2] for path in pair] == ["seen.png", "7.png"]
    assert summary["answer"].startswith("Careful, ")
    assert summary["answer"] in out
    with np.load(tmp_path / "run" / "duplicates.npz") as pairs:
        ours, theirs = pairs["test"]
        np.testing.assert_array_equal(ours, theirs)
    report = (tmp_path / "run" / "report.html").read_text()
    assert told in report
    assert 'id="duplicates"' in report

    dropped = [*flags, "--set", "duplicates=drop", "--dry_run"]
    status, out, err = command(*dropped)
    assert status == 0, err
    assert "careful" not in out
    assert f'"{class_names[0]}": 20' in out


def test_an_unequal_folder_is_taken_as_it_is_and_its_rare_classes_are_named(command, tmp_path):
    photos, rng = tmp_path / "photos", np.random.default_rng(0)
    sizes = {"ape": 30, "bee": 8, "cow": 4, "doe": 3}
    for name, number in sizes.items():
        (photos / name).mkdir(parents=True)
        for row in range(number):
            pixels = rng.integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(photos / name / f"{row}.png")
    flags = ["--experiment=imbalance", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]
    flags += ["--dataset=folder", f"--data_dir={photos}", "--set", "counts=all", "--set", "width=2"]
    flags += [f"--workdir={tmp_path / 'run'}", "--arms=duplicate,oracle"]
    status, out, err = command(*flags, "--dry_run")
    assert status == 0, err
    rare = "mean recall of the rare classes bee (2 test images), cow (1 test image) and doe (1 "
    assert rare in out
    status, out, err = command(*flags)
    assert status == 0, err

    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["failed"] == []
    assert summary["dataset"]["counts"] == {
        "ape": {"train": 24, "test": 6},
        "bee": {"train": 6, "test": 2},
        "cow": {"train": 3, "test": 1},
        "doe": {"train": 2, "test": 1},
    }
    assert summary["primary_metric"] == "minority_recall"
    absent = "no real images are held back; --set starve="
    assert absent in summary["not_applicable"]["oracle"]
    for name in ("none", "duplicate"):
        record = tmp_path / "run" / "trials" / name / "seed-00" / "record.json"
        record = json.loads(record.read_text())
        assert record["settings"]["counts"] == [24, 6, 3, 2]
        recalls = [record["metrics"][f"recall_{name}"] for name in ("bee", "cow", "doe")]
        assert record["metrics"]["minority_recall"] == pytest.approx(np.mean(recalls))
    for page in ("report.html", "report.md"):
        text = html.unescape((tmp_path / "run" / page).read_text())
        assert rare in text
        assert absent in text


def noise(folder, names, *numbers):
    """Images that differ by class and number."""
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in numbers:
            pixels = np.random.default_rng([number, label]).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_leaks_between_any_two_sets_of_images_are_told_and_shown(command, class_names, tmp_path):
    photos = tmp_path / "photos"
    noise(photos / "train", class_names, *range(20))
    noise(photos / "val", class_names, *range(30, 40))
    noise(photos / "test", class_names, *range(35, 45))
    noise(tmp_path / "made", class_names, *range(40, 45), 90)
    noise(tmp_path / "night", class_names[:2], 3, 30, 80)
    (tmp_path / "night" / "notes.txt").write_text("at night")
    flags = ["--experiment=mixing", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]
    flags += ["--dataset=folder", f"--data_dir={photos}", "--arms=leaky"]
    flags += [f"--generated=leaky={tmp_path / 'made'}", f"--test_dir=night={tmp_path / 'night'}"]
    status, _, err = command(*flags, f"--workdir={tmp_path / 'run'}")
    assert status == 0, err
    told = (
        "15 validation images are like 15 test images, 15 of them equal",
        "15 of the 30 test images are among the validation images too, or nearly so",
        "15 of the 18 images of `leaky` are copies of test images, which is a leak",
        "2 of the 6 images of `night` are copies of training images, which is a leak",
        "2 of the 6 images of `night` are copies of validation images, which is a leak",
        "6 images read, 1 passed over: 1 no image by name (.txt)",
        "copies of real images: 2 of train, 2 of validation, 0 of test",
    )
    report = html.unescape((tmp_path / "run" / "report.html").read_text())
    for line in told:
        assert line in err, line
        assert (
            line.replace("`leaky`", "<code>leaky</code>").replace("`night`", "<code>night</code>")
            in report
        ), line
    assert "shown in 16 x 16 pixels, in grey" in err
    dataset = json.loads((tmp_path / "run" / "study.json").read_text())["dataset"]
    assert dataset["further_tests"]["night"]["pairs"]["train"] == [
        [f"{name}/3.png", f"train/{name}/3.png"] for name in class_names[:2]
    ]
    assert 'id="duplicates"' in report
    assert 'id="leaks"' in report
    assert (tmp_path / "run" / "figures" / "leaks.png").exists()
    with np.load(tmp_path / "run" / "copies.npz") as pairs:
        assert sorted(pairs) == [
            "further_tests night train", "further_tests night validation", "generated leaky test"
        ]  # fmt: skip
        for images, real in pairs.values():
            np.testing.assert_array_equal(images, real)
    with np.load(tmp_path / "run" / "duplicates.npz") as pairs:
        np.testing.assert_array_equal(*pairs["validation and test"])
