"""The setting `split`: its default, what earlier runs count as, and plans that hold for all."""

import json

import numpy as np
import pytest
from PIL import Image

from gan_mnist import experiments
from gan_mnist.data.subsets import allot, read_test_subset
from gan_mnist.errors import InputError
from gan_mnist.files import fingerprint
from gan_mnist.study.description import study_description
from gan_mnist.study.records import open_workdir, record_of
from gan_mnist.study.settings import with_changes

EXPERIMENTS = experiments.names()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Classes of 60, 90 and 40 images, of 1 to 12 of which a patient has taken, and is in, each."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, number in (("a", 60), ("b", 90), ("c", 40)):
        (root / name).mkdir()
        patients = np.repeat(np.arange(number), rng.integers(1, 13, number))[:number]
        for row, patient in enumerate(patients):
            noise = rng.integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(noise).save(root / name / f"p{patient}_{row}.png")
    return root


@pytest.fixture
def plan(photos, tmp_path):
    """`plan(experiment, **settings)`: of three seeds, on the photographs."""

    def plan(experiment="cats_vs_dogs", seeds=3, **settings):
        return experiments.make_plan(
            experiment,
            preset="smoke",
            dataset="folder",
            data_dir=str(photos),
            workdir=tmp_path / "run",
            seeds=seeds,
            settings=settings,
            export_dir="",
        )

    return plan


def begin(plan):
    open_workdir(plan, study_description(plan, ""))


def test_without_a_test_split_each_seed_has_its_own(plan):
    assert plan().settings.split == "each_seed"
    assert plan().dataset["each_seed"] == {"n_test": 12, "n_train": 48, "groups": False}
    assert plan(split="fixed").settings.split == "fixed"
    assert "each_seed" not in plan(split="fixed").dataset


@pytest.mark.parametrize("asked", ["each_seed", "fixed"])
def test_with_one_of_its_own_the_split_is_fixed_whatever_is_asked(asked):
    plan = experiments.make_plan("digit_cnn", preset="smoke", settings={"split": asked})
    assert plan.settings.split == "fixed"
    assert "each_seed" not in plan.dataset


def test_an_unknown_split_is_refused(plan):
    with pytest.raises(InputError, match=r"^setting split: 'other' is unknown; accepted: each"):
        plan(split="other")


def age(path):
    """Makes of `study.json` or `record.json` what was written before there was the setting."""
    told = json.loads(path.read_text())
    del told["settings"]["split"]
    path.write_text(json.dumps(told))


def test_a_run_from_before_there_was_the_setting_goes_on_with_one_split_only(plan):
    fixed = plan(split="fixed")
    begin(fixed)
    age(fixed.workdir / "study.json")
    with pytest.raises(InputError, match=r"other settings \(split: fixed -> each_seed\); give the"):
        begin(plan())
    begin(fixed)


def test_a_record_from_before_there_was_the_setting_is_of_one_split_only(plan):
    (trial, *_), (anew, *_) = plan(split="fixed").trials(), plan().trials()
    trial.directory.mkdir(parents=True)
    path = trial.directory / "record.json"
    settings = trial.settings.identity()
    del settings["split"]

    earlier = {
        **{"arm": trial.arm, "seed": 0, "status": "done", "error": None},
        **{"metrics": {trial.study.metrics[0].name: 0.5}, "settings": settings, "seconds": {}},
        "fingerprint": fingerprint(settings, trial.experiment, 0, trial.provenance["sha256"]),
    }
    path.write_text(json.dumps(earlier))
    assert record_of(trial) == earlier
    with pytest.raises(InputError, match=r"other settings \(split: fixed -> each_seed\)"):
        record_of(anew)


def test_a_run_of_one_kind_does_not_go_on_as_the_other(plan):
    begin(plan())
    with pytest.raises(InputError, match="split: each_seed -> fixed"):
        begin(plan(split="fixed"))
    begin(plan(seeds=9))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("groups", ["", r"^(./p\d+)_"], ids=["alone", "groups"])
def test_a_plan_holds_for_every_seed(experiment, groups, plan):
    begun = plan(experiment, seeds=10, groups=groups)
    settings = begun.settings
    dataset = settings.load()
    assert settings.split == "each_seed"
    counts = getattr(settings, "counts", None)
    tested = []
    for seed in begun.seeds:
        own = dataset.of_seed(seed)
        images = allot(own, settings.classes, counts, seed, settings.validation_per_class)
        test = read_test_subset(own, settings.classes)
        told = [begun.dataset["counts"][name]["test"] for name in settings.classes]
        found = np.bincount(test.labels, minlength=len(told))
        assert (found >= told).all() if groups else (found == told).all()
        assert not {i.tobytes() for i in images.train.images} & {i.tobytes() for i in test.images}
        assert len(images.train) >= getattr(settings, "largest", 0)
        assert len(test) >= getattr(settings, "test_pairs", 0)
        sizes = getattr(settings, "images_per_class", 0)
        for size in sizes if isinstance(sizes, tuple) else (sizes,):
            each = (size,) * len(settings.classes) if size else None
            allot(own, settings.classes, each, seed, settings.validation_per_class)
        tested.append(test.filenames)
    assert len(set(tested)) == 10
    assert with_changes(settings, {}, "").resolve(dataset) == settings
