"""What holds for every experiment: anyone's images can be planned, bad input is refused.

A whole run of each: `slow_every_experiment.py`.
"""

import itertools
import re

import pytest

from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.main import main

every_experiment = pytest.mark.parametrize("name", experiments.names())


@every_experiment
def test_every_preset_can_be_planned_of_few_images_and_of_many(
    name, few_images, image_folder, tmp_path
):
    """What is asked for is fitted to what there is; all presets, as large ones cannot be run."""
    photos = few_images, image_folder
    for preset, folder in itertools.product(experiments.load(name).presets, photos):
        asked = {"preset": preset, "dataset": "folder", "data_dir": folder}
        asked["workdir"] = tmp_path / "run"
        if name == "imbalance" and preset in ("quick", "paper"):
            # Nothing in balanced data says which class is rare; that is what is told.
            with pytest.raises(InputError, match=r"no class is rare.*--set 'starve="):
                experiments.make_plan(name, **asked)
            asked["settings"] = {"starve": ["1"]}
        plan = experiments.make_plan(name, **asked)
        assert plan.trials()


@every_experiment
def test_what_an_arm_does_is_said_without_its_neighbours(name):
    """Reports sort arms and leave some out: "the same", of the row above, would tell another."""
    study = experiments.load(name)
    of_source = study.of_source(study.settings, "made") if study.of_source else ()
    arms = [*study.arms, *of_source]
    told = [arm.about for arm in arms]
    assert len(set(told)) == len(told)
    for arm in arms:
        named = set(re.findall(r"^as (\w+)[,;]|augmented as in (\w+)", arm.about))
        others = {name for pair in named for name in pair if name}
        assert others <= {other.name for other in arms} - {arm.name}, arm.name
        assert not re.search(r"\bthe same[,;]|^both\b", arm.about), arm.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--preset=huge"], "--preset"),
        (["--arms=nonsense"], "--arms"),
        (["--set", "nonsense=1"], "--set"),
        (["--set", "updates"], "--set"),
        (["--set", "image_size=tall"], "image_size"),
        (["--set", "image_size=4"], "image_size"),
        (["--set", "classes=1"], "classes"),
        (["--set", "classes=1,heron"], "classes"),
        (["--set", "classes=1,1"], "classes"),
        (["--set", "validation_per_class=100000"], "validation_per_class"),
        (["--dataset=nonsense"], "--dataset"),
        (["--dataset=folder", "--data_dir=/nowhere"], "--data_dir"),
        (["--dataset=mnist"], "mnist"),
        (["--precision=float8"], "precision"),
        (["--seeds=0"], "--seeds"),
        (["--engine=cloud"], "--engine"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
# All flags of one after the other: no more than two data sets stay loaded.
@every_experiment
def test_bad_input_is_one_line_and_nothing_is_written(
    name, flags, named, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    workdir = tmp_path / "run"
    status = main(["main.py", f"--experiment={name}", f"--workdir={workdir}", *flags])
    told = capsys.readouterr()
    assert status == 2
    assert told.err.count("\n") == 1
    assert told.err.startswith("error: ")
    assert named in told.err
    assert not workdir.exists()
