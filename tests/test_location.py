"""Places that a person names: those that begin with ~, and folders that change between calls."""

import numpy as np
import pytest
from PIL import Image

import gan_mnist
from gan_mnist.commands import running
from gan_mnist.errors import InputError
from gan_mnist.experiments import make_plan
from gan_mnist.study.location import resolve_workdir

CLASSES = ("cats", "dogs")


def draw(folder, name, level):
    pixels = np.full((16, 16), level, np.uint8)
    pixels[:: 1 + level % 5] = 200
    Image.fromarray(pixels).save(folder / f"{name}.png")


@pytest.fixture
def photos(directory, monkeypatch):
    """A folder of images in the home folder."""
    monkeypatch.setenv("HOME", str(directory))
    for number, name in enumerate(CLASSES):
        folder = directory / "photos" / name
        folder.mkdir(parents=True)
        for image in range(6):
            draw(folder, str(image), 10 * image + 5 * number)
    return directory / "photos"


def test_places_may_begin_with_the_home_folder(photos, directory):
    places = {"data_dir": "~/photos", "workdir": "~/run", "export_dir": "~/models"}
    plan = make_plan(
        "imbalance", dataset="folder", preset="smoke", **places,
        test_dir={"more": "~/photos"}, generated=["mine=~/photos"],
    )  # fmt: skip
    assert plan.workdir == directory / "run"
    assert plan.settings.data_dir == str(photos)
    assert plan.settings.export_dir == str(directory / "models")
    assert plan.settings.test_dir == (f"more={photos}",)
    (given,) = {arm.changes["given"] for arm in plan.study.arms if "given" in arm.changes}
    assert given == str(photos)


def test_a_folder_that_has_changed_is_read_again_by_the_next_call(photos, monkeypatch):
    monkeypatch.setattr(running, "execute", lambda plan, *_: plan)
    told = {"dataset": "folder", "data_dir": str(photos), "preset": "smoke"}
    options = told | {"test_dir": {"more": str(photos)}}
    plans = [gan_mnist.run("imbalance", **options)]
    draw(photos / CLASSES[0], "one more", 99)
    plans.append(gan_mnist.run("imbalance", **options))
    assert len({plan.dataset["sha256"] for plan in plans}) == 2
    assert len({str(plan.settings.test_sets) for plan in plans}) == 2


def test_numbers_of_numpy_are_numbers(directory):
    plan = make_plan(
        "imbalance", preset="smoke", until="decided", max_seeds=np.int64(12), workdir="run"
    )
    assert plan.looks == (5, 7, 10, 12)
    assert type(plan.looks[-1]) is int


def test_without_a_home_folder_a_mirror_has_no_place(directory, monkeypatch):
    monkeypatch.delenv("GAN_MNIST_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.expanduser", homeless)
    with pytest.raises(InputError, match=r"determine home directory.*GAN_MNIST_CACHE=DIR"):
        resolve_workdir("memory://homeless/run")


def test_bad_images_from_elsewhere_can_be_gone_on_without(directory):
    """As the refusal says, where the data set is no folder, too."""
    for number, name in enumerate("123"):
        (directory / "made" / name).mkdir(parents=True)
        for image in range(3):
            draw(directory / "made" / name, str(image), 10 * image + number)
    (directory / "made" / "1" / "bad.png").write_bytes(b"no image")
    given = {"generated": ["mine=made"], "preset": "smoke", "workdir": "run"}
    with pytest.raises(InputError, match="--skip_bad to go on without these"):
        make_plan("imbalance", **given)
    plan = make_plan("imbalance", skip_bad=True, **given)
    assert plan.dataset["generated"]["mine"]["files"]["passed_over"]


def test_a_run_may_have_the_name_of_a_generator_also_when_it_goes_on(directory):
    """The generator is no folder, though there is one that is called by its name."""
    given = {"generated": ["r3gan"], "preset": "smoke", "workdir": "r3gan"}
    first = make_plan("imbalance", **given)
    (directory / "r3gan" / "inner").mkdir(parents=True)
    assert make_plan("imbalance", **given) == first
    with pytest.raises(InputError, match=r"^--workdir: .* lies in the folder of --generated=mine"):
        make_plan("imbalance", **given | {"generated": ["mine=r3gan/../r3gan"]})
