"""The denoising study: its table, and what each arm is shown and asked for."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from gan_mnist.experiments.denoising import trial
from gan_mnist.experiments.denoising.study import STUDY

from gan_mnist.data.degradation import Degradation, fixed_pairs
from gan_mnist.data.subsets import allot, read_test_subset
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.files import read_rows
from gan_mnist.study.settings import with_changes

ARMS = {arm.name: arm for arm in STUDY.arms}
SMALL = {"width": 1, "updates": 10, "intervals": 1, "batch_size": 50, "discriminator_width": 1}
SMALL |= {"judge_width": 1, "judge_updates": 10, "test_pairs": 20, "export_dir": ""}
ONE, WEAK, MIXED = ((0, 1, 1),), ((0, 1, 0.001),), ((0, 0.9, 0.1),)
# Specification, section 9: adversary; (start, weight of L1, of the adversary); same batch;
# ref shown; target; training images. Of v7, half the updates pre-train.
SOURCE = {
    "v1_dcnn": ("none", ((0, 1, 0),), True, "ref", "scaled", 0),
    "v2_dcnn": ("none", ((0, 1, 0),), True, "scaled", "scaled", 0),
    "v3_dcnn": ("none", ((0, 1, 0),), True, "scaled", "plain", 0),
    "v5_dcnn": ("none", ((0, 1, 0),), True, "ref", "scaled", 1000),
    "v1_dcgans": ("vanilla", WEAK, False, "ref", "scaled", 0),
    "v2_dcgans": ("vanilla", MIXED, False, "ref", "scaled", 0),
    "v3_dcgans": ("vanilla", ONE, False, "ref", "scaled", 0),
    "v4_dcgans": ("vanilla", WEAK, True, "ref", "scaled", 0),
    "v5_dcgans": ("vanilla", MIXED, True, "ref", "scaled", 0),
    "v6_dcgans": ("vanilla", ONE, True, "ref", "scaled", 0),
    "v7_dcgans": ("vanilla", ((0, 1, 0), (500, 1, 0.001)), True, "ref", "scaled", 0),
    "v1_conditional_dcgans": ("conditional", ONE, True, "ref", "scaled", 0),
    "v2_conditional_dcgans": ("conditional", WEAK, True, "ref", "scaled", 0),
    "v3_conditional_dcgans": ("conditional", ((0, 0, 1),), True, "ref", "scaled", 0),
    "v4_conditional_dcgans": ("conditional", ((0, 0, 1),), False, "ref", "scaled", 0),
    "v5_conditional_dcgans": ("conditional", ((0, 1, 1), (400, 100, 1)), True, "ref", "scaled", 0),
}


@pytest.fixture(scope="module")
def settings(dataset):
    """Changes go before the arm's own."""

    def settings(arm, of=dataset, **changes):
        base = with_changes(STUDY.settings, SMALL, "test").resolve(of)
        arms = with_changes(base, ARMS[arm].changes, arm)
        return with_changes(arms, changes, "test")

    return settings


@pytest.fixture(scope="module")
def train(dataset):
    """All training images of a seed, or some of them."""
    return lambda seed=0, counts=None: allot(dataset, dataset.class_names, counts, seed, 40).train


@pytest.fixture
def shown(make, monkeypatch):
    """`shown(arm, seed)`: a trial without its trainings; `.denoisers`, `.judges`: what began."""
    monkeypatch.setattr(trial, "SWEEPS", {"a": (0.5,)})
    began, judges, evaluation_sets, build = [], [], [], trial.build_evaluation_set

    def fit(model, batches, updates, directory, seed, callbacks, **_):
        weights = [weight.copy() for weight in model.generator.get_weights()]
        phases, separate = model._phases.numpy(), model.separate_batches
        began.append(SimpleNamespace(**locals()))
        return 1.0

    def fit_judge(model, batches, updates, directory, *_):
        judges.append((directory, batches.args[0][0][0]))
        return 1.0

    monkeypatch.setattr("gan_mnist.training.denoiser.fit", fit)
    monkeypatch.setattr("gan_mnist.training.classifier.fit", fit_judge)
    monkeypatch.setattr(
        trial,
        "build_evaluation_set",
        lambda *x, **y: evaluation_sets.append(build(*x, **y)) or evaluation_sets[-1],
    )

    def shown(arm, seed=0, **changes):
        evaluation_sets.clear()
        asked = make(arm, seed, **changes)
        return trial.run_trial(asked), asked.directory

    shown.denoisers, shown.judges, shown.evaluation_sets = began, judges, evaluation_sets
    return shown


def taken(batches, number=1, separate=False):
    """Noisy images, references and targets of the first batches, those of the others too."""
    found = list(batches(0).take(number).as_numpy_iterator())
    parts = [batch for pair in found for batch in pair] if separate else found
    return [np.concatenate(c) for c in zip(*((*both, t) for both, t in parts), strict=True)]


def rows(images):
    return {np.uint8(np.round(image * 255)).tobytes() for image in images}


def test_the_table_is_that_of_the_specification():
    named = [arm for arm in STUDY.arms if arm.name.startswith("resConvNet_")]
    assert [arm.name.removeprefix("resConvNet_") for arm in named] == list(SOURCE)
    for arm, expected in zip(named, SOURCE.values(), strict=True):
        changed = with_changes(replace(STUDY.settings, updates=1000), arm.changes, arm.name)
        found = changed.adversary, changed.phases, changed.same_batch, changed.ref_shown
        assert (*found, changed.target, changed.training_images) == expected, arm.name
        assert (changed.method, changed.input_skip, changed.spectral) == ("network", True, False)
        assert changed.content_loss == "l1"
        kind = "rival" if expected[0] == "none" else "generated"
        assert arm.kind == ("control" if arm is named[0] else kind)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"a": (0.5,)}, "setting a: 0.5 is no range"),
        ({"b": (1.0, 0.2)}, "setting b: 1, 0.2 is no range"),
        ({"noise": ()}, "setting noise: nothing is no range"),
        ({"classes": ("1", "1")}, "named twice"),
        ({"classes": ("1", "heron")}, "heron"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, changes, "test").resolve(dataset)


def test_pairs_are_as_many_as_there_are_test_images(dataset):
    settings = replace(STUDY.settings, classes=("1", "2"))
    labels = dataset.test.labels
    assert settings.resolve(dataset).test_pairs == np.isin(labels, [1, 2]).sum() == 200
    assert STUDY.settings.resolve(dataset).test_pairs == len(labels) == 1000
    some = np.concatenate([np.flatnonzero(labels == label)[:1] for label in (1, 2)])
    few = replace(dataset, test=dataset.test.take(some))
    assert settings.resolve(few).test_pairs == 2
    first = [np.flatnonzero(dataset.train.labels == label)[0] for label in (1, 2)]
    with pytest.raises(InputError, match=r"1, 2 leave 0 images to validate on; ") as refused:
        settings.resolve(replace(dataset, train=dataset.train.take(np.array(first))))
    assert str(refused.value).endswith(
        "accepted: classes that leave 2 or more in all, as two classes with 2 training images each "
        "do, or a val folder; each clean image is mixed with another one"
    )
    two = np.concatenate([np.flatnonzero(dataset.train.labels == label)[:2] for label in (1, 2)])
    assert settings.resolve(replace(dataset, train=dataset.train.take(two)))


def test_pairs_are_refused_without_a_word_of_mixing(dataset):
    one = [np.flatnonzero(dataset.train.labels == label)[0] for label in (0, 1)]
    test = dataset.test.take(np.flatnonzero(dataset.test.labels < 2))
    pairs = replace(
        dataset, class_names=("clean", "noisy"), train=dataset.train.take(one), test=test
    )
    with pytest.raises(InputError, match=r"noisy leave 0 images .* do, or a val folder$"):
        STUDY.settings.resolve(pairs)


def test_arms_of_a_seed_are_paired_and_share_a_judge(shown, tmp_path, train):
    asked = ["v1_dcnn", "v2_dcnn", "v1_dcgans", "v4_conditional_dcgans"]
    noisy, inputs = [], []
    for arm in asked:
        shown(f"resConvNet_{arm}")
        began = shown.denoisers[-1]
        assert began.separate == (not SOURCE[arm][2])
        (pair,) = began.batches(0).take(1).as_numpy_iterator()
        noisy.append((pair[0] if began.separate else pair)[0][0])
        inputs.append(
            [evaluation_set.pairs.noisy_images for evaluation_set in shown.evaluation_sets]
        )
        for one, other in zip(began.weights, shown.denoisers[0].weights, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(began.phases, SOURCE[arm][1])
    assert all(np.array_equal(images, noisy[0]) for images in noisy)
    for evaluation_sets in inputs[1:]:
        assert all(np.array_equal(x, y) for x, y in zip(evaluation_sets, inputs[0], strict=True))
    ((directory, (images, labels)),) = shown.judges
    assert directory.parent == tmp_path / "judges"
    np.testing.assert_array_equal(images, train().images)
    np.testing.assert_array_equal(labels, train().labels)
    shown("resConvNet_v1_dcnn", seed=1)
    other = shown.denoisers[-1]
    assert not np.array_equal(other.weights[0], shown.denoisers[0].weights[0])
    assert not np.array_equal(taken(other.batches)[0], noisy[0])
    assert len(shown.judges) == 2


@pytest.mark.parametrize(
    ("arm", "power"), [("resConvNet_v1_dcnn", 1), ("squared_error", 2), ("no_input_skip", 1)]
)
def test_an_arm_is_trained_on_its_content_loss(shown, arm, power):
    shown(arm)
    (began,) = shown.denoisers
    noisy_images, references, targets = taken(began.batches)
    outputs = np.full_like(targets, 0.25)
    loss = began.model.generator_penalty(((noisy_images, references), targets), None, outputs)
    assert float(loss) == pytest.approx((np.abs(targets - outputs) ** power).mean(), rel=1e-5)


@pytest.mark.parametrize("number", [0, 15])
def test_batches_hold_the_draw_and_no_other_image(shown, dataset, train, number):
    arm = "resConvNet_v5_dcnn" if number else "resConvNet_v1_dcgans"
    shown(arm, a=(1.0, 1.0), training_images=number)
    (began,) = shown.denoisers
    _, references, truths = taken(began.batches, 150, began.separate)
    counts = (2,) * 5 + (1,) * 5 if number else None
    draw = {image.tobytes() for image in train(0, counts).images}
    assert rows(truths) == rows(references) == draw
    assert len(draw) == number or not number
    validation = allot(dataset, dataset.class_names, None, 0, 40).validation
    asked_about = read_test_subset(dataset, dataset.class_names), validation
    for evaluation_set, subset in zip(shown.evaluation_sets[:2], asked_about, strict=True):
        others = {image.tobytes() for image in subset.images}
        assert rows(evaluation_set.truths) | rows(evaluation_set.refs) <= others
        assert not draw & others
    assert len(shown.judges[0][1][0]) == len(train())


def test_an_arm_of_fewer_images_needs_more_than_those(shown, train):
    with pytest.raises(NotApplicable, match="no more than"):
        shown("resConvNet_v5_dcnn", training_images=len(train()))


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_answers_at_full_scale_are_marked_as_those_at_the_scale_of_the_mixture(
    shown, monkeypatch, share
):
    def denoise(model, evaluation_set):
        return np.float32(share) * evaluation_set.pairs.targets

    monkeypatch.setattr(trial, "denoise", denoise)
    scaled, directory = shown("resConvNet_v2_dcnn")
    plain, other = shown("resConvNet_v3_dcnn")
    assert plain.metrics == pytest.approx(scaled.metrics, rel=1e-4, abs=1e-6)
    assert (scaled.metrics["psnr_db"] == 100) == (share == 1)
    assert scaled.metrics["ref_leak"] == 0
    for swept in (read_rows(d / "sweep.csv")[0] for d in (directory, other)):
        assert float(swept["psnr_db"]) == pytest.approx(scaled.metrics["psnr_db"], rel=1e-4)


@pytest.mark.parametrize(
    "arm", [arm.name for arm in STUDY.arms if arm.changes.get("method", "network") != "network"]
)
def test_what_learns_nothing_is_not_trained(shown, dataset, arm):
    outcome, _ = shown(arm)
    assert not shown.denoisers
    assert (outcome.updates, outcome.seconds["training"]) == (0, 0)
    test = read_test_subset(dataset, dataset.class_names).images
    truths = test[fixed_pairs(test, 20, Degradation()).truth_rows] / 255
    assert (outcome.metrics["l1"] == pytest.approx(truths.mean() / 2)) == (arm == "black")
    assert arm != "black" or outcome.metrics["ref_leak"] == 0


@pytest.mark.parametrize(("side", "pairs"), [(28, 32), (64, 32), (128, 8), (512, 2)])
def test_a_batch_of_large_images_is_smaller_unless_a_person_chose_it(side, pairs):
    images = SimpleNamespace(image_shape=(side, side, 3))
    assert STUDY.settings.batch_size == 32
    assert STUDY.settings.fitted(images, {"batch_size"}).batch_size == pairs
    assert STUDY.settings.fitted(images, set()).batch_size == 32
    # What is read in another size.
    reduced = replace(STUDY.settings, image_size=28)
    assert reduced.fitted(images, {"batch_size"}).batch_size == 32
