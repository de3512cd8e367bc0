"""A denoiser from images to answers: how it is asked and marked, trained, interrupted, resumed."""

from dataclasses import replace

import numpy as np
import pytest

from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.files import read_rows
from gan_mnist.models.denoiser import DenoisingModel, Schedule
from gan_mnist.training import denoiser, loop, made_once
from gan_mnist.training.denoiser import (
    DenoiserRecipe,
    build_evaluation_set,
    denoise,
    train_denoiser,
)

SHAPE = (13, 13, 1)
RECIPE = DenoiserRecipe(SHAPE, 1, 20, 1e-2, discriminator_width=1, intervals=4)
VANILLA = replace(RECIPE, adversary="vanilla", separate_batches=True, decay=True)
# The adversary comes in the middle of an interval.
LATE, BOTH = Schedule(((0, 1.0, 0.0), (8, 1.0, 0.5))), Schedule(((0, 1.0, 1.0),))
ALONE, TWICE = Schedule(), Schedule(((0, 1.0, 0.0), (8, 2.0, 0.0)))
VARIANTS = [
    Degradation(ref_shown=shown, target=target)
    for shown in ("ref", "scaled")
    for target in ("scaled", "plain")
]


def pictures(number=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, *SHAPE), np.uint8)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.7), (1.5, 1.4)])
@pytest.mark.parametrize("degradation", VARIANTS, ids=lambda d: f"{d.ref_shown}-{d.target}")
def test_whatever_is_shown_and_asked_for_the_marks_are_the_same(degradation, a, b):
    images = pictures()
    evaluation_set = build_evaluation_set(images, 10, replace(degradation, noise=(0.0, 0.0)), a, b)
    truths, refs = (
        images[rows] / 255
        for rows in (evaluation_set.pairs.truth_rows, evaluation_set.pairs.ref_rows)
    )
    wanted = np.minimum(a * truths, 1)
    np.testing.assert_allclose(evaluation_set.truths, truths, rtol=1e-6)
    np.testing.assert_allclose(evaluation_set.refs, refs, rtol=1e-6)
    np.testing.assert_allclose(evaluation_set.targets, wanted, rtol=1e-6)
    mixed = np.minimum(a * truths + b * refs, 1)
    np.testing.assert_allclose(evaluation_set.pairs.noisy_images, mixed, rtol=1e-5)
    shown = refs if degradation.ref_shown == "ref" else np.minimum(b * refs, 1)
    np.testing.assert_allclose(evaluation_set.pairs.references, shown, rtol=1e-6)

    perfect = evaluation_set.measures(evaluation_set.outputs(evaluation_set.pairs.targets))
    assert (perfect["psnr_db"] == 100).all()
    assert perfect["ssim"] == pytest.approx(1)
    given = np.random.default_rng(1).random(truths.shape, np.float32)
    marked = np.minimum(a * given, 1) if degradation.target == "plain" else given
    found = evaluation_set.measures(evaluation_set.outputs(given))
    np.testing.assert_allclose(found["l1"], np.abs(marked - wanted).mean((1, 2, 3)), rtol=1e-5)
    leaks = evaluation_set.measures(evaluation_set.outputs(evaluation_set.refs))["ref_leak"]
    assert leaks.tolist() == [1] * 10


def evaluation_set_of(number=10):
    return build_evaluation_set(pictures(number, seed=1), number, Degradation(), 0.5, 0.7)


def batches(seed, first_update):
    return denoising_batches(pictures(), 4, Degradation(), seed, first_update)


def train(recipe, directory, schedule=ALONE, stream=("study", 0), make=batches):
    model, seconds = train_denoiser(
        recipe, schedule, make, evaluation_set_of(), stream, directory, directory / "log"
    )
    assert seconds > 0
    return model


def result(model, directory):
    """Weights, optimizer states, and the curves without their seconds."""
    curves = read_rows(directory / "curves.csv")
    for row in curves:
        del row["seconds"]
    states = [v.numpy() for optimizer in model.optimizers for v in optimizer.variables]
    return [weight.copy() for weight in model.get_weights()] + states, curves


def same(one, other):
    arrays = zip(one[0], other[0], strict=True)
    return one[1] == other[1] and all(np.array_equal(a, b) for a, b in arrays)


class Interrupted(denoiser._Watch):
    """Watches as ever, until the third interval begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("recipe", "schedule", "other"),
    [
        pytest.param(RECIPE, ALONE, TWICE, id="alone"),
        pytest.param(VANILLA, LATE, BOTH, id="adversary", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_training_cannot_be_told_from_an_undisturbed_one(
    recipe, schedule, other, tmp_path, monkeypatch
):
    """Not even where the undisturbed one had a model that was trained otherwise before."""
    train(recipe, tmp_path / "before", other, ("study", 1))
    expected = result(train(recipe, tmp_path / "whole", schedule), tmp_path / "whole")
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(denoiser, "_Watch", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "begun", schedule)
    assert len(read_rows(tmp_path / "begun" / "curves.csv")) == 2
    made_once.reusable.cache_clear()  # As in another process.
    asked = []

    def watched(seed, first_update):
        asked.append(first_update)
        return batches(seed, first_update)

    model = train(recipe, tmp_path / "begun", schedule, make=watched)
    assert set(asked) == {10}
    assert same(result(model, tmp_path / "begun"), expected)


@pytest.mark.slow
def test_another_schedule_or_seed_is_not_traced_again_and_leaves_nothing_behind(
    tmp_path, monkeypatch
):
    traces, step = [], DenoisingModel.train_step

    def traced(self, batch):
        traces.append(batch)
        return step(self, batch)

    monkeypatch.setattr(DenoisingModel, "train_step", traced)
    made_once.reusable.cache_clear()

    def trained(name, schedule, seed=0):
        directory = tmp_path / name
        return result(train(RECIPE, directory, schedule, ("study", seed)), directory)

    first, traced_once = trained("first", ALONE), len(traces)
    other_schedule, other_seed = trained("schedule", TWICE), trained("seed", ALONE, seed=1)
    assert same(trained("again", ALONE), first)
    assert not same(other_schedule, first)
    assert not same(other_seed, first)
    assert len(traces) == traced_once > 0


def test_curves_hold_the_marks_on_the_validation_pairs(tmp_path):
    model, evaluation_set = train(RECIPE, tmp_path), evaluation_set_of()
    rows = read_rows(tmp_path / "curves.csv")
    assert [int(row["update"]) for row in rows] == [5, 10, 15, 20]
    found = model.denoise(
        evaluation_set.pairs.noisy_images, evaluation_set.pairs.references
    ).numpy()
    errors = ((found - 0.5 * evaluation_set.truths) ** 2).mean((1, 2, 3), dtype=np.float64)
    assert float(rows[-1]["val_psnr_db"]) == pytest.approx(-10 * np.log10(errors).mean(), abs=1e-3)
    leaks = [
        np.corrcoef(x.ravel(), ref.ravel())[0, 1] > np.corrcoef(x.ravel(), truth.ravel())[0, 1]
        for x, ref, truth in zip(found, evaluation_set.refs, evaluation_set.truths, strict=True)
    ]
    assert float(rows[-1]["val_ref_leak"]) == pytest.approx(np.mean(leaks))
    assert list(tmp_path.glob("log/events*"))


def test_answers_are_given_in_parts_and_in_order(tmp_path, monkeypatch):
    model, evaluation_set = train(RECIPE, tmp_path), evaluation_set_of(11)
    whole = model.denoise(
        evaluation_set.pairs.noisy_images, evaluation_set.pairs.references
    ).numpy()
    monkeypatch.setattr("gan_mnist.data.images.MOST_TOGETHER", 4)
    found = denoise(model, evaluation_set)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whole, atol=1e-6)
    assert np.unique(whole.mean((1, 2, 3)).round(5)).size > 1


@pytest.mark.parametrize(("recipe", "last"), [(RECIPE, 1e-2), (VANILLA, 0)])
def test_networks_learn_at_the_rate_that_is_asked_for(recipe, last, tmp_path):
    model = train(recipe, tmp_path, BOTH if recipe is VANILLA else ALONE)
    assert len(model.optimizers) == 1 + (recipe is VANILLA)
    for optimizer in model.optimizers:
        assert int(optimizer.iterations) == 20
        assert float(optimizer.learning_rate) == pytest.approx(last, abs=1e-9)


@pytest.mark.slow
def test_a_discriminator_that_begins_late_has_the_denoisers_rate(tmp_path):
    model = train(VANILLA, tmp_path, LATE)
    assert int(model.generator_optimizer.iterations) == 20
    assert int(model.discriminator_optimizer.iterations) == 12
    for optimizer in model.optimizers:
        assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


def test_a_training_that_diverges_says_when(tmp_path):
    def spoil(model):
        model.generator.layers[-2].bias.assign([np.nan])

    with pytest.raises(loop.TrainingDiverged, match=r"val_psnr_db not finite by update 5$"):
        train_denoiser(
            RECIPE,
            ALONE,
            batches,
            evaluation_set_of(),
            ("study", 0),
            tmp_path,
            tmp_path / "log",
            spoil,
        )


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """`begun(recipe, stream)`: what training starts from: weights, and a data set's first batch."""

    def fit(model, all_batches, *rest, **options):
        model.asked = all_batches(3)
        return 1.0

    monkeypatch.setattr(denoiser, "fit", fit)

    def begun(recipe, stream=("study", 0)):
        model = train(recipe, tmp_path, stream=stream)
        (first,) = model.asked.take(1).as_numpy_iterator()
        return [w.copy() for w in model.generator.get_weights()], first

    return begun


def flat(batch):
    (noisy_images, references), targets = batch
    return np.stack([noisy_images, references, targets])


def test_a_discriminator_with_batches_of_its_own_gets_others(begun):
    _, shared = begun(replace(VANILLA, separate_batches=False))
    _, (own, others) = begun(VANILLA)
    np.testing.assert_array_equal(flat(own), flat(shared))
    for one, other in zip(flat(own), flat(others), strict=True):
        assert one.shape == other.shape
        assert not np.array_equal(one, other)
    _, (_, again) = begun(VANILLA)
    np.testing.assert_array_equal(flat(again), flat(others))


def test_weights_and_batches_depend_on_the_stream_and_not_on_the_adversary(begun):
    weights, batch = begun(RECIPE)
    for adversary in ("vanilla", "conditional"):
        paired, beside = begun(replace(RECIPE, adversary=adversary))
        np.testing.assert_array_equal(flat(beside), flat(batch))
        for one, other in zip(weights, paired, strict=True):
            np.testing.assert_array_equal(one, other)
    other_weights, other_batch = begun(RECIPE, ("study", 1))
    assert not np.array_equal(flat(other_batch), flat(batch))
    assert not np.array_equal(other_weights[0], weights[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "recipe", "schedule"),
    [("mixed_bfloat16", VANILLA, LATE), ("mixed_float16", RECIPE, ALONE)],
)
def test_it_trains_in_half_precision(precision, recipe, schedule, tmp_path, dtype_policy):
    dtype_policy(precision)
    model = train(replace(recipe, precision=precision), tmp_path, schedule)
    half = precision.removeprefix("mixed_")
    assert {layer.compute_dtype for layer in model.generator.layers[2:-1]} == {half}
    assert {weight.dtype for weight in model.generator.get_weights()} == {np.dtype("float32")}
    # What schedules go by; a loss scale has a count of its own.
    assert int(model.update) == 20
    found = denoise(model, evaluation_set_of())
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1
    if recipe is VANILLA:
        rows = read_rows(tmp_path / "curves.csv")
        assert float(rows[0]["d_loss"]) == 0 < float(rows[-1]["d_loss"])


@pytest.mark.slow
def test_recipes_say_what_is_built():
    shown = {"none": None, "vanilla": 1, "conditional": 3}
    for adversary, number in shown.items():
        discriminator = replace(RECIPE, adversary=adversary).build().discriminator
        assert (discriminator and len(discriminator.inputs)) == number
    for option in ({"spectral": True}, {"input_skip": False}, {"width": 2}):
        built = [replace(VANILLA, **changes).build() for changes in ({}, option)]
        kinds = [[type(x) for n in (m.generator, m.discriminator) for x in n.layers] for m in built]
        sizes = [[w.shape for w in model.get_weights()] for model in built]
        assert (kinds[0], sizes[0]) != (kinds[1], sizes[1])
