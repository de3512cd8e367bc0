"""Judges: trained once on training images, kept, found again, and made anew where they are lost."""

from dataclasses import replace

import numpy as np
import pytest

from gan_mnist.data.subsets import Allotment
from gan_mnist.files import read_json
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training import judge, made_once, mirrored
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.judge import trained_judge

RECIPE = ClassifierRecipe(build_small_cnn, (8, 8, 1), 3, 1, 10, 1e-2)
STREAM = ("study", 0)


@pytest.fixture(scope="module")
def parts(make_subset):
    """Images of three parts and others like them, all different."""
    return [make_subset(shape=(8, 8, 1), seed=seed) for seed in range(6)]


@pytest.fixture(scope="module")
def allotment(parts):
    return Allotment(*parts[:3])


@pytest.fixture
def judged(tmp_path, monkeypatch, allotment, parts):
    """`judged(...)`: answers of the judge; `.batches`: from which each training was fed."""
    batches, train = [], judge.train_classifier

    def train_classifier(recipe, make, *rest):
        batches.append(make)
        return train(recipe, make, *rest)

    monkeypatch.setattr(judge, "train_classifier", train_classifier)

    def judged(recipe=RECIPE, size=5, allotment=allotment, stream=STREAM, workdir=tmp_path):
        frozen, judged.seconds = trained_judge(recipe, size, allotment, stream, workdir)
        return frozen.predict(parts[5].images).probabilities

    judged.batches = batches
    return judged


@pytest.mark.slow
def test_its_batches_need_not_be_such_that_devices_can_share_them(judged, monkeypatch):
    """Five images on three devices: what is shared is what the study itself trains."""
    monkeypatch.setattr(mirrored, "num_devices", lambda: 3)
    monkeypatch.setattr(mirrored, "_strategy", lambda: "of three")
    monkeypatch.setitem(mirrored._chosen, "strategy", "mirrored")
    judged()
    assert len(judged.batches) == 1
    assert mirrored.chosen_strategy() == "of three"


@pytest.mark.slow
def test_it_is_trained_once_and_found_by_the_next_who_asks(judged, tmp_path):
    first, seconds = judged(), judged.seconds
    made_once.weights_model.cache_clear()  # As in another process.
    np.testing.assert_array_equal(judged(), first)
    assert len(judged.batches) == 1
    assert judged.seconds == seconds > 0
    (directory,) = tmp_path.glob("judges/*/")
    about = read_json(directory / "judge.json", "seconds", "settings", "stream")
    assert (about["seconds"], about["stream"]) == (seconds, list(STREAM))
    assert (about["settings"]["updates"], about["settings"]["batch_size"]) == (10, 5)


@pytest.mark.slow
def test_it_is_a_function_of_what_it_is_asked_for(judged, tmp_path):
    np.testing.assert_array_equal(judged(), judged(workdir=tmp_path / "other"))
    assert len(judged.batches) == 2


@pytest.mark.slow
def test_whatever_changes_the_training_is_another_judge(judged, allotment, parts, tmp_path):
    changes = [
        {},
        {"stream": ("study", 1)},
        {"stream": ("other", 0)},
        {"recipe": replace(RECIPE, learning_rate=2e-2)},
        {"recipe": replace(RECIPE, updates=20)},
        {"size": 4},
        {"allotment": replace(allotment, train=parts[3])},
    ]
    found = [judged(**change) for change in changes]
    assert len(judged.batches) == len(list(tmp_path.glob("judges/*/"))) == len(changes)
    assert len({answer.tobytes() for answer in found}) == len(changes)
    # One that was found does not change with the next, and each is found again.
    for change, answer in zip(changes, found, strict=True):
        np.testing.assert_array_equal(judged(**change), answer)
    assert len(judged.batches) == len(changes)


@pytest.mark.slow
def test_a_judge_in_use_is_not_changed_by_the_next(allotment, parts, tmp_path):
    first, _ = trained_judge(RECIPE, 5, allotment, STREAM, tmp_path)
    before = first.predict(parts[5].images).probabilities
    other, _ = trained_judge(RECIPE, 5, allotment, ("study", 1), tmp_path)
    np.testing.assert_array_equal(first.predict(parts[5].images).probabilities, before)
    assert not np.array_equal(other.predict(parts[5].images).probabilities, before)


@pytest.mark.slow
def test_it_sees_training_images_with_their_labels_and_nothing_else(judged, allotment, parts):
    answer = judged()
    pairs = {
        (image.tobytes(), int(label))
        for image, label in zip(allotment.train.images, allotment.train.labels, strict=True)
    }
    seen = set()
    for images, labels in judged.batches[0](0, 0).take(12).as_numpy_iterator():
        pixels = np.uint8(np.round(images * 255))
        seen |= {(image.tobytes(), int(c)) for image, c in zip(pixels, labels, strict=True)}
    assert seen == pairs
    others = Allotment(allotment.train, parts[3], parts[4])
    np.testing.assert_array_equal(judged(allotment=others), answer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("judge.weights.h5", lambda path: path.write_bytes(path.read_bytes()[:3000])),
        ("judge.weights.h5", lambda path: path.write_bytes(b"")),
        ("judge.weights.h5", lambda path: path.unlink()),
        ("judge.json", lambda path: path.write_text('{"sec')),
        ("judge.json", lambda path: path.unlink()),
    ],
    ids=["half weights", "empty weights", "no weights", "half a note", "no note"],
)
def test_a_damaged_one_is_trained_anew(judged, tmp_path, name, damage):
    first = judged()
    (path,) = tmp_path.glob(f"judges/*/{name}")
    damage(path)
    np.testing.assert_array_equal(judged(), first)
    assert len(judged.batches) == 2
    np.testing.assert_array_equal(judged(), first)
    assert len(judged.batches) == 2
