"""What a trial leaves: predictions, images for figures, exports and the record."""

import csv
import dataclasses
import functools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from small_trial import CLASSES, DATASET, Fixed, make_steps

from gan_mnist.files import write_arrays
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.study.trial import Outcome
from gan_mnist.trials import steps as trials
from gan_mnist.trials.shown import save_shown


@pytest.fixture
def make(tmp_path, dtype_policy):
    """`make(arm, seed, **changes)`: the steps of a trial of a run in `tmp_path`."""
    return functools.partial(make_steps, tmp_path)


def test_what_is_kept_tells_the_predictions(make, tmp_path):
    trial = make()
    metrics, probabilities = trial.evaluate(Fixed())
    trial.save_and_export("no model: nothing is exported", probabilities, metrics)
    directory = tmp_path / "trials" / "some" / "seed-00"
    assert {path.name for path in directory.iterdir()} == {"predictions.csv", "shown.npz"}
    with (directory / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["image"] for row in table] == list(trial.test.filenames)
    assert [row["label"] for row in table] == ["cat"] * 5 + ["ape"] * 5
    assert [row["prediction"] for row in table] == ["ape"] + ["cat"] * 4 + ["ape"] * 5

    with np.load(directory / "shown.npz") as shown:
        # Class by class in turn: every image, as there are but ten.
        rows = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]
        np.testing.assert_array_equal(shown["images"], trial.test.images[rows])
        assert shown["label"].tolist() == ["cat", "ape"] * 5
        assert shown["prediction"].tolist() == ["ape", "ape"] + ["cat", "ape"] * 4
        best = probabilities.max(axis=1)[rows]
        np.testing.assert_array_equal(shown["probability"], best)


@pytest.mark.parametrize(
    ("counts", "most_bytes", "number", "first"),
    [
        ((20, 12), 10**6, 20, [0, 20, 1, 21, 2, 22, 3, 23, 4, 24, 5, 25]),
        ((2, 20), 10**6, 12, [0, 2, 1, *range(3, 12)]),
        ((5, 5, 5, 5, 5), 14 * 64, 14, [0, 5, 10, 15, 20, 1, 6, 11, 16, 21, 2, 7, 12, 17]),
        ((20, 20), 5 * 64, 12, [0, 20, 1, 21, 2, 22, 3, 23, 4, 24, 5, 25]),
    ],
)
def test_ten_images_a_class_are_kept_in_turn(
    counts, most_bytes, number, first, make_subset, tmp_path, monkeypatch
):
    """Of large images fewer, but twelve at least; an image of 8 x 8 takes 64 bytes."""
    monkeypatch.setattr("gan_mnist.trials.shown.MOST_BYTES", most_bytes)
    subset = make_subset(counts)
    probabilities = np.eye(len(counts), dtype=np.float32)[subset.labels]
    save_shown(subset, probabilities, tmp_path / "shown.npz")
    with np.load(tmp_path / "shown.npz") as shown:
        assert len(shown["images"]) == number
        np.testing.assert_array_equal(shown["images"][: len(first)], subset.images[first])


class Exports:
    """In the place of the functions that write SavedModels."""

    def __init__(self, monkeypatch):
        self.made = []
        for kind in ("classifier", "generator"):
            monkeypatch.setattr(trials, f"export_{kind}", self._export(kind))

    def _export(self, kind):
        def export(model, class_names, directory, *conversion):
            self.made.append((kind, model, class_names, directory, *conversion))

        return export


def test_the_first_seed_is_exported_where_the_settings_say(make, tmp_path, monkeypatch):
    exports, saved = Exports(monkeypatch), tmp_path / "saved"
    generator = TrainedGenerator(SimpleNamespace(sample=None))
    for seed, export_dir in ((0, ""), (1, str(saved))):
        trial = make(seed=seed, export_dir=export_dir)
        metrics, probabilities = trial.evaluate(Fixed())
        trial.save_and_export("model", probabilities, metrics, generator)
    assert exports.made == []
    trial = make("some", 0, export_dir=str(saved))
    trial.save_and_export("model", probabilities, metrics, generator)
    place = saved / "study" / "some"
    assert exports.made == [
        ("classifier", "model", CLASSES, place, trial.trial.settings.conversion),
        ("generator", generator, CLASSES, place),
    ]
    about = json.loads((place / "about.json").read_text())
    assert (about["arm"], about["seed"], about["metrics"]) == ("some", 0, metrics)
    assert about["settings"]["classes"] == list(CLASSES)
    assert about["dataset"] == DATASET.provenance
    # A generator without a network, such as one that copies, is nothing to load.
    exports.made.clear()
    for plain in (None, object()):
        trial.save_and_export("model", probabilities, metrics, plain)
    assert [kind for kind, *_ in exports.made] == ["classifier"] * 2


def test_the_outcome_gives_the_seconds_of_one_repeat_and_of_what_was_done_once(make, tmp_path):
    steps = make("some", 2, updates=70)
    steps.seconds = {"generator": 9.0, "training": 1.0, "evaluation": 0.0}
    with steps.one_of(3):
        for _ in range(3):
            steps.seconds["training"] += 1.0
            steps.seconds["evaluation"] += 0.25
    outcome = steps.outcome({"accuracy": 0.5})
    assert outcome.correct["sizes"] == [10]
    assert dataclasses.replace(outcome, correct=None) == Outcome(
        metrics={"accuracy": 0.5},
        seconds={"generator": 9.0, "training": 2.0, "evaluation": 0.25},
        updates=70,
        device="CPU",
        generators=(),
    )
    assert list((tmp_path / "tensorboard_seeds" / "some" / "seed-02").iterdir())
    outcome = steps.outcome({"accuracy": 0.5}, updates=10)
    assert outcome.updates == 10


def gallery_of(steps, part=""):
    with np.load(steps.trial.directory / part / "gallery.npz") as gallery:
        return gallery["images"]


def test_a_gallery_holds_the_images(make, make_subset):
    images, steps = make_subset().images, make()
    steps.save_gallery(images)
    np.testing.assert_array_equal(gallery_of(steps), images)
    (steps.trial.directory / "part").mkdir()
    steps.save_gallery((images / 255).astype(np.float32)[:5], "part")
    np.testing.assert_array_equal(gallery_of(steps, "part"), images[:5])


def test_a_gallery_shows_images_as_they_are_augmented_but_once(make, make_subset):
    images, steps = make_subset().images, make(classical=True, shift=0.3)
    steps.save_gallery(images)
    augmented = gallery_of(steps)
    assert augmented.shape == images.shape
    assert (augmented != images).any(axis=(1, 2, 3)).all()
    steps.save_gallery(augmented, augmented=True)
    np.testing.assert_array_equal(gallery_of(steps), augmented)


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {"accuracy": float("nan")}},
        {"metrics": {"accuracy": True}},
        {"metrics": None},
        {"seconds": {"training": "1"}},
        {"seconds": {"waiting": 1.0}},
        {"generators": [3]},
        {"right": [None]},
        {"right": ["AA"]},
        {"right": [""]},
        {"right": ["A" * 1000]},
        {"fingerprint": "of another trial"},
    ],
)
def test_a_part_whose_result_is_damaged_is_done_again(make, tmp_path, changes):
    done = []

    def run():
        done.append(1)
        return {"accuracy": 0.5}

    path = tmp_path / "trials" / "some" / "seed-00" / "turn" / "result.json"
    assert make().part("turn", run) == make().part("turn", run) == {"accuracy": 0.5}
    assert len(done) == 1
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | changes))
    assert make().part("turn", run) == {"accuracy": 0.5}
    assert len(done) == 2
    assert json.loads(path.read_text()).keys() == whole.keys()


def test_a_part_without_a_number_fails_by_the_name_of_its_metric(make):
    with pytest.raises(ArithmeticError, match="recall is not finite"):
        make().part("turn", lambda: {"accuracy": 0.5, "recall": float("nan")})
    assert make().part("turn", lambda: {"accuracy": 0.5}) == {"accuracy": 0.5}


@pytest.mark.parametrize("befallen", ["whole", "gone", "flipped"])
def test_a_part_whose_arrays_are_damaged_is_done_again(make, tmp_path, befallen):
    done, steps = [], make()
    path = tmp_path / "trials" / "some" / "seed-00" / "turn" / "called.npz"

    def run():
        done.append(1)
        write_arrays(path, called=np.arange(1000))
        return {"accuracy": 0.5}

    steps.part("turn", run, needed=("called.npz",))
    if befallen == "gone":
        path.unlink()
    if befallen == "flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    make().part("turn", run, needed=("called.npz",))
    assert len(done) == (1 if befallen == "whole" else 2)
    np.testing.assert_array_equal(np.load(path)["called"], np.arange(1000))


def test_an_export_leaves_nothing_of_an_earlier_one_and_all_of_others(make, tmp_path, monkeypatch):
    """A generator of other classes, say, beside new class names."""
    Exports(monkeypatch)
    place = tmp_path / "saved" / "study" / "some"
    for name in ("classifier", "generator", "denoiser"):
        (place / name / "variables").mkdir(parents=True)
        (place / f"{name}.keras").write_text("old")
    for name in ("about.json", "classes.json", "notes.txt"):
        (place / name).write_text("old")
    checksums = {"classifier": "a", "generator": "b"}
    (place / "checksums.json").write_text(json.dumps(checksums))
    trial = make("some", 0, export_dir=str(tmp_path / "saved"))
    metrics, probabilities = trial.evaluate(Fixed())
    trial.save_and_export("model", probabilities, metrics, None)
    left = {"about.json", "classes.json", "checksums.json", "notes.txt"}
    assert {path.name for path in place.iterdir()} == {*left, "classifier", "classifier.keras"}
    assert json.loads((place / "checksums.json").read_text()) == {"classifier": "a"}
    assert (place / "notes.txt").read_text() == "old"
    assert json.loads((place / "about.json").read_text())["arm"] == "some"


def test_where_no_network_gives_the_images_none_is_left_in_an_export(tmp_path):
    """As with several generators in turn: what an earlier run left is not this one's."""
    steps = make_steps(tmp_path / "run", export_dir=str(tmp_path / "saved"))
    directory = steps.export_directory
    steps.export(None, {"accuracy": 0.5})
    assert not directory.exists()
    (directory / "generator").mkdir(parents=True)
    (directory / "about.json").write_text("{}")
    steps.export(None, {"accuracy": 0.5})
    assert list(directory.iterdir()) == []
