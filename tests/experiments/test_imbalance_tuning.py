"""The imbalance study's tuned augmentation: what it is chosen by, and that it is the best."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial, tuning
from gan_mnist.experiments.imbalance.study import STUDY  # noqa: F401 (for the fixtures)
from imbalance_images import made, rows

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import allot
from gan_mnist.errors import NotApplicable
from gan_mnist.trials import steps as trials

NAMES = ("ape", "bee", "cat", "dog", "eel", "fox", "gnu")
DATA = made((20,) * 7, (3,) * 7, NAMES)
SMALL = {"image_size": 8, "width": 2, "updates": 10, "export_dir": "", "counts": (9, *[12] * 6),
         "starve": ("ape:9",), "tuned_widened": (1.0, 2.0),
         "tuned_elastic_shifts": (0.0, 0.05)}  # fmt: skip
WHOLE = {label: allot(DATA, NAMES, (12,) * 7, 0, 4).train.of_class(label) for label in range(7)}


@pytest.fixture
def trained(monkeypatch):
    """What classifiers are trained on; the wider and more elastic, the better they are."""
    seen = []

    def train_classifier(recipe, batches, validation, stream, directory, *rest, **options):
        ((columns, _),), augmentation = batches.args
        images, labels, _ = columns
        skill = 0.1 + 0.3 * (augmentation.shear > 0.5) + 0.4 * (augmentation.elastic > 0)
        told = {"stream": stream, "labels": labels, "augmentation": augmentation}
        seen.append(SimpleNamespace(images=images, recipe=recipe, told=len(validation), **told))
        number = len(seen)

        def predict_on_batch(asked):
            seen[number - 1].asked = [asked, *getattr(seen[number - 1], "asked", [])]
            # Those of the first rows are called right, the more the better.
            known = {image.tobytes(): label for label in WHOLE for image in as_float(WHOLE[label])}
            right = np.array([known.get(image.tobytes(), 0) for image in asked])
            wrong = np.arange(len(asked)) >= len(asked) * skill
            return np.eye(7, dtype=np.float32)[(right + wrong) % 7]

        return SimpleNamespace(predict_on_batch=predict_on_batch), 1.0

    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    return seen


def test_candidates_are_judged_by_images_that_donors_lost(make, trained):
    begun = make("tuned", of=DATA)
    trial.run_trial(begun)
    tuning_told = json.loads((begun.directory / "tuning.json").read_text())
    donors = [NAMES.index(name) for name in tuning_told["donors"]]
    # A third of the six that are not rare.
    assert len(donors) == 2
    assert 0 not in donors
    *candidates, last = trained
    ranges = [(c.augmentation.shear, c.augmentation.elastic) for c in candidates]
    assert ranges == [(0.4, 0.0), (0.4, 0.05), (0.8, 0.0), (0.8, 0.05)]
    for candidate in candidates:
        for label in range(7):
            shown = {image.tobytes() for image in candidate.images[candidate.labels == label]}
            left = 9 if label == 0 or label in donors else 12
            assert shown == set(rows(WHOLE[label][:left]))
        assert np.bincount(candidate.labels).tolist() == [12] * 7
        judged = np.concatenate(candidate.asked)
        lost = np.concatenate([as_float(WHOLE[label][9:]) for label in donors])
        assert sorted(rows(judged)) == sorted(rows(lost))
        assert candidate.told == 0
    assert len({candidate.stream for candidate in candidates}) == 1
    assert last.stream not in {candidate.stream for candidate in candidates}
    assert {trained_on.recipe for trained_on in trained} == {last.recipe}


def test_the_best_is_taken_and_told(make, trained):
    begun = make("tuned", of=DATA)
    outcome = trial.run_trial(begun)
    assert (trained[-1].augmentation.shear, trained[-1].augmentation.elastic) == (0.8, 0.05)
    assert outcome.metrics["tuned_widened"] == 2.0
    assert outcome.metrics["tuned_elastic_shift"] == 0.05
    found = json.loads((begun.directory / "tuning.json").read_text())["candidates"]
    assert [row["widened"] for row in found] == [1.0, 1.0, 2.0, 2.0]
    best = max(found, key=lambda row: row["recall"])
    assert (best["widened"], best["elastic_shift"]) == (2.0, 0.05)
    # The last training has all there is again, but what is starved.
    assert set(rows(trained[-1].images)) == set(rows(WHOLE[0][:9])) | {
        image for label in range(1, 7) for image in rows(WHOLE[label])
    }
    assert outcome.seconds["training"] == 5


def test_candidates_of_all_donors_share_the_network_of_the_trial(make, trained):
    """Its recipe names the classes that are rare, and donors are so for a while only."""
    changes = {"counts": (1, *[12] * 6), "starve": ("ape:1",)}
    trial.run_trial(make("tuned", of=DATA, **changes))
    assert len(trained) == 5
    assert {candidate.recipe.minority for candidate in trained} == {(0,)}


@pytest.mark.parametrize("seed", range(4))
def test_a_class_that_has_nothing_to_lose_is_no_donor(make, trained, seed):
    begun = make("tuned", of=DATA, seed=seed, counts=(9, *[9] * 4, 12, 12))
    trial.run_trial(begun)
    (donor,) = json.loads((begun.directory / "tuning.json").read_text())["donors"]
    assert donor in NAMES[-2:]


def test_candidates_that_were_tried_are_not_tried_again(make, trained):
    begun = make("tuned", of=DATA)
    first = trial.run_trial(begun)
    again = trial.run_trial(begun)
    assert len(trained) == 6
    assert again.metrics == first.metrics


def test_one_candidate_is_taken_untried(make, trained):
    asked = {"tuned_widened": (1.5,), "tuned_elastic_shifts": (0.1,)}
    outcome = trial.run_trial(make("tuned", of=DATA, **asked))
    assert len(trained) == 1
    assert trained[0].augmentation.shear == pytest.approx(0.6)
    assert (outcome.metrics["tuned_widened"], outcome.metrics["tuned_elastic_shift"]) == (1.5, 0.1)


def test_each_turn_is_tuned_by_others(make, trained):
    changes = {"counts": (12,), "starve": ("each:1",), "tuned_widened": (1.0,)}
    begun = make("tuned", of=DATA, **changes)
    outcome = trial.run_trial(begun)
    assert len(trained) == 7 * 3
    for label, name in enumerate(NAMES):
        told = json.loads((begun.directory / f"turn-{label}" / "tuning.json").read_text())
        assert name not in told["donors"]
    assert len({turn.stream for turn in trained}) == 14
    assert len({turn.recipe for turn in trained}) == 1
    assert outcome.metrics["tuned_elastic_shift"] == pytest.approx(0.05)


def test_without_a_class_that_is_not_rare_nothing_is_tuned(make, trained):
    asked = make("tuned", of=DATA, counts=(1, 2, 2, 2, 2, 2, 2), starve=tuple(
        f"{name}:{1 + (name != 'ape')}" for name in NAMES))  # fmt: skip
    with pytest.raises(NotApplicable, match="classes that are not rare"):
        trial.run_trial(asked)
    assert not trained
    assert tuning.SHARE < 0.5
