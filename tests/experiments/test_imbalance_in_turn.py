"""The imbalance study with each class starved in turn: its draws, its means, and its resume."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial
from gan_mnist.experiments.imbalance.study import STUDY
from gan_mnist.experiments.imbalance.turns import settings_of_turns
from imbalance_images import made, rows

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.files import read_json
from gan_mnist.generators.contract import Generator
from gan_mnist.study.settings import with_changes
from gan_mnist.study.statistics.test_images import shares_right
from gan_mnist.trials import steps as trials

NAMES = ("ape", "bee", "cat")
DATA = made((20, 25, 30), (10, 4, 6), NAMES)
SMALL = {
    "image_size": 8,
    "width": 2,
    "updates": 40,
    "learning_rate": 0.01,
    "export_dir": "",
    "counts": (12,),
    "starve": ("each:1",),
}


def test_a_single_count_is_of_every_class(settings, dataset):
    asked = settings("none", DATA)
    assert (asked.classes, asked.counts, asked.starve) == (NAMES, (12, 12, 12), ("each:1",))
    assert asked.resolve(DATA) == asked
    digits = settings("none", dataset, image_size=28, counts=(50,), starve=("3:2",))
    assert digits.classes == dataset.class_names
    assert digits.counts == (50, 50, 50, 2, 50, 50, 50, 50, 50, 50)
    assert [digits.classes[label] for label in digits.rare] == ["3"]


def test_each_class_is_starved_in_its_turn(settings):
    turns = settings_of_turns(settings("none", DATA, starve=("each:2",)), 2)
    assert [turn.counts for turn in turns] == [(2, 12, 12), (12, 2, 12), (12, 12, 2)]
    assert [turn.rare for turn in turns] == [(0,), (1,), (2,)]
    # Of all images, too.
    counts = settings("none", DATA, starve=("each:2",), counts=()).counts
    assert counts == (16, 21, 26)


def test_a_class_of_the_name_is_that_class(settings):
    of = made((20, 25), (5, 5), ("each", "other"))
    asked = settings("none", of)
    assert (asked.each, asked.counts) == ((), (1, 12))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"starve": ("each:12",)}, ["--set starve", "12", "1 to 11"]),
        ({"starve": ("each:1", "bee:3")}, ["--set starve", "each:1,bee:3", "alone"]),
        ({"starve": ("each:3", "each:3")}, ["--set starve", "each:3,each:3", "several numbers"]),
        ({"starve": ("each:0",)}, ["--set starve", "'each:0'"]),
        ({"counts": (17,)}, ["--set counts", "17", "'ape'", "1 to 16"]),
        ({"counts": (12, 12)}, ["2 counts for 3 classes"]),
    ],
)
def test_what_cannot_be_met_is_refused(settings, changes, told):
    with pytest.raises(InputError) as refused:
        settings("none", DATA, **changes)
    assert all(part in str(refused.value) for part in told), refused.value


def test_the_preset_is_lowered_to_what_the_data_have():
    preset = STUDY.presets["in_turn"].changes
    base = with_changes(STUDY.settings, preset, "preset")
    assert base.fitted(DATA, preset.keys()).resolve(DATA).counts == (16, 16, 16)
    # A person's number is not.
    with pytest.raises(InputError, match="--set counts: 100 "):
        base.fitted(DATA, preset.keys() - {"counts"}).resolve(DATA)


def test_of_several_numbers_of_a_preset_those_stay_that_starve_a_class():
    preset = STUDY.presets["by_images_left"].changes
    base = with_changes(STUDY.settings, preset, "preset")
    assert base.each == (1, 2, 5, 20, 100)
    fitted = base.fitted(DATA, preset.keys()).resolve(DATA)
    assert (fitted.counts, fitted.each) == ((16, 16, 16), (1, 2, 5))
    with pytest.raises(InputError, match="--set starve: 100 images of each class in turn"):
        base.fitted(DATA, preset.keys() - {"starve"}).resolve(DATA)


def test_drop_rates_are_those_of_bagan():
    changes = STUDY.presets["drop_rates"].changes
    settings = with_changes(STUDY.settings, changes, "preset")
    dropped = [1 - left / settings.counts[0] for left in settings.each]
    assert dropped == pytest.approx([0.4, 0.6, 0.8, 0.9, 0.95, 0.975])


@pytest.fixture
def trained(monkeypatch):
    """What classifiers are trained on, one after the other; each then calls all class 0."""
    seen = []

    def train_classifier(recipe, batches, validation, stream, directory, *rest, **options):
        ((columns, _),), augmentation = batches.args
        images, labels, _ = columns
        told = {"recipe": recipe, "stream": stream, "labels": labels, "directory": directory}
        seen.append(SimpleNamespace(images=as_float(images[:]), augmentation=augmentation, **told))
        logits = np.tile([1.0, 0.0, 0.0], (20, 1)).astype(np.float32)
        return SimpleNamespace(predict_on_batch=lambda images: logits), 1.0

    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    return seen


def test_a_turn_shows_the_draw_of_the_seed_but_for_what_the_class_lacks(make, trained):
    trial.run_trial(make("none", seed=3, of=DATA))
    whole = allot(DATA, NAMES, (12, 12, 12), 3, 4).train
    for label, turn in enumerate(trained):
        left = np.flatnonzero((whole.labels != label) | (np.arange(36) == 12 * label))
        assert rows(turn.images) == rows(as_float(whole.images[left]))
        assert turn.labels.tolist() == whole.labels[left].tolist()


def test_turns_share_a_network_and_no_stream(make, trained):
    trial.run_trial(make("none", of=DATA, repeats=2))
    trial.run_trial(make("duplicate", of=DATA, repeats=2))
    assert len({turn.recipe for turn in trained}) == 1
    assert len({turn.stream for turn in trained}) == 6
    assert [turn.stream for turn in trained[:6]] == [turn.stream for turn in trained[6:]]
    assert len({turn.directory for turn in trained}) == 12


def test_the_oracle_of_a_turn_has_what_its_class_lacks(make, trained):
    trial.run_trial(make("oracle", of=DATA))
    trial.run_trial(make("oracle_classical", of=DATA))
    whole = allot(DATA, NAMES, (12, 12, 12), 0, 4).train
    for turn in trained:
        assert sorted(rows(turn.images)) == sorted(rows(as_float(whole.images)))
    assert [turn.augmentation is None for turn in trained] == [True] * 3 + [False] * 3


def test_only_images_of_the_starved_class_count_in_its_turn(make, trained):
    # All are called the first class: it is found in its turn, and no other in theirs.
    outcome = trial.run_trial(make("none", of=DATA))
    assert outcome.metrics["minority_recall"] == pytest.approx(1 / 3)
    assert [outcome.metrics[f"recall_{name}"] for name in NAMES] == [1, 0, 0]
    assert outcome.metrics["precision_ape"] == pytest.approx(10 / 20)
    assert outcome.metrics["accuracy"] == pytest.approx(10 / 20)
    assert outcome.correct["classes"] == list(NAMES)
    assert outcome.correct["sizes"] == [10, 4, 6]
    shares = [share.tolist() for share in shares_right(outcome.correct)]
    assert shares == [[1] * 10, [0] * 4, [0] * 6]
    assert outcome.seconds["training"] == 3
    assert outcome.updates == 3 * 40


def test_several_numbers_are_told_each_and_averaged(settings, make, trained):
    several = {"starve": ("each:5", "each:1")}
    asked = settings("none", DATA, **several)
    assert asked.each == (1, 5)
    begun = make("none", of=DATA, **several)
    outcome = trial.run_trial(begun)
    assert [np.bincount(turn.labels).tolist() for turn in trained] == [
        [1, 12, 12], [12, 1, 12], [12, 12, 1], [5, 12, 12], [12, 5, 12], [12, 12, 5]
    ]  # fmt: skip
    assert len({turn.stream for turn in trained}) == 6
    assert trained[3].directory == begun.directory / "left-5" / "turn-0"
    for left in (1, 5):
        assert outcome.metrics[f"minority_recall_at_{left}"] == pytest.approx(1 / 3)
        assert outcome.metrics[f"accuracy_at_{left}"] == pytest.approx(10 / 20)
    assert outcome.metrics["minority_recall"] == pytest.approx(1 / 3)
    assert outcome.metrics["recall_ape"] == 1
    assert all(len(texts) == 2 for texts in outcome.correct["bits"])
    # The classifiers of the turns call every image an ape, at either number.
    for left in (1, 5):
        bits = outcome.correct["at"][f"minority_recall_at_{left}"]
        shares = [share.tolist() for share in shares_right({**outcome.correct, "bits": bits})]
        assert shares == [[1] * 10, [0] * 4, [0] * 6]
    label = STUDY.with_metrics(asked, DATA).metrics[0].label
    assert label.endswith("the mean over 3 classes in turn and over 1 and 5 images left")


@pytest.mark.slow
def test_predictions_are_those_of_the_turn_of_the_class(make):
    begun = make("duplicate", of=DATA, repeats=2)
    outcome = trial.run_trial(begun)
    metrics = outcome.metrics
    with (begun.directory / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    turns = [read_json(begun.directory / f"turn-{n}" / "result.json")["metrics"] for n in range(3)]
    found = shares_right(outcome.correct)
    start = 0
    for name, turn, share, size in zip(NAMES, turns, found, (10, 4, 6), strict=True):
        of_class = table[start : start + size]
        start += size
        assert {row["label"] for row in of_class} == {name}
        first = np.array([row["prediction"] == name for row in of_class])
        # The bits are of two classifiers, the table of the first.
        assert (np.abs(share - first) <= 0.5).all()
        assert metrics[f"recall_{name}"] == turn[f"recall_{name}"] == pytest.approx(share.mean())
        assert metrics[f"precision_{name}"] == turn[f"precision_{name}"]
    assert metrics["minority_recall"] == pytest.approx(np.mean([s.mean() for s in found]))
    for name in ("balanced_accuracy", "macro_f1", "macro_auc", "accuracy"):
        assert metrics[name] == pytest.approx(np.mean([turn[name] for turn in turns]))
    with np.load(begun.directory / "gallery.npz") as gallery:
        assert len(gallery["images"]) == 12


@pytest.mark.slow
def test_a_trial_that_was_stopped_goes_on_with_the_next_turn(make, monkeypatch, tmp_path):
    whole = trial.run_trial(make("classical", of=DATA, workdir=tmp_path / "whole"))
    train, count = trials.train_classifier, []

    def until_the_last(*asked, **options):
        count.append(asked)
        if len(count) == 3:
            raise KeyboardInterrupt
        return train(*asked, **options)

    monkeypatch.setattr(trials, "train_classifier", until_the_last)
    stopped = make("classical", of=DATA, workdir=tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        trial.run_trial(stopped)
    again = trial.run_trial(stopped)
    assert len(count) == 4
    assert again.metrics == whole.metrics
    assert again.correct == whole.correct
    names = ["predictions.csv", *(f"turn-{turn}/curves.csv" for turn in range(3))]
    for name in names:
        one, other = (tmp_path / of / "trials/classical/seed-00" for of in ("whole", "stopped"))
        kept = [
            [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(lines)]
            for lines in ((path / name).read_text().splitlines() for path in (one, other))
        ]
        assert kept[0] == kept[1]


def test_metrics_are_told_as_of_turns(settings):
    labels = {m.name: m.label for m in STUDY.with_metrics(settings("none", DATA), DATA).metrics}
    assert labels["minority_recall"] == (
        "recall of the starved class, the mean over 3 classes in turn"
    )
    assert labels["recall_bee"] == "recall of bee (4 test images) in its turn"


def test_generators_of_turns_see_their_images(make, fake_gan, trained):
    class Grey(Generator):
        key, seconds = "grey", 1.0

        def __init__(self):
            pass

        def with_latent_scale(self, scale):
            return self

        def sample(self, labels, seed):
            return np.full((len(labels), 8, 8, 1), 0.5, np.float32)

    asked = fake_gan(lambda request: Grey())
    outcome = trial.run_trial(make("warp_gan", of=DATA))
    assert len({fingerprint for _, fingerprint, _ in asked}) == 3
    assert outcome.generators == ("grey",) * 3
    for label, turn in enumerate(trained):
        grey = (turn.images == 0.5).all(axis=(1, 2, 3))
        assert np.bincount(turn.labels[grey], minlength=3).tolist() == [
            11 * (label == other) for other in range(3)
        ]
    assert json.dumps(outcome.correct)
