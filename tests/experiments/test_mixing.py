"""The mixing study: what each arm shows to its classifier, and where it stops."""

from dataclasses import replace

import numpy as np
import pytest
from gan_mnist.experiments.mixing import trial
from gan_mnist.experiments.mixing.study import STUDY

from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.generators.gans import DAGANRecipe
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.study.settings import with_changes
from gan_mnist.study.statistics.test_images import shares_right

ARMS = {arm.name: arm for arm in STUDY.arms}
SOURCE = [f"cnn_add_generated_data_v{i}" for i in range(1, 9)]
FRESH = [name for name, arm in ARMS.items() if arm.changes.get("fresh")]
# What arms show does not depend on what a generator has learnt.
SMALL = {"width": 1, "updates": 20, "intervals": 20, "gan_width": 1, "gan_updates": 10,
         "dagan_width": 1, "untrained": True}  # fmt: skip


class _Stopped(Exception): ...


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Of one run: its arms share what is trained."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def shown(begun, workdir):
    """`shown(arm, seed, **changes)`: a trial up to the training: model, first batches, updates."""

    def shown(arm, seed=0, batches=2, first=0, **changes):
        told = begun(arm, seed, **{"workdir": workdir, **changes})
        shown = told.batches(first).take(batches)
        return told.model, list(shown.as_numpy_iterator()), told.updates

    return shown


def test_every_arm_of_the_specification_is_there():
    assert (STUDY.control, STUDY.rival) == ("normal_cnn_v1", "classical")
    assert set(SOURCE) <= set(FRESH)
    rounded = {name: ARMS[name].changes.get("decimals", -1) for name in SOURCE}
    assert list(rounded.values()) == [-1, 2, 1, 1, 1, 1, 1, 1]
    active = [ARMS[name].changes.get("active", 0) for name in SOURCE]
    assert active == [0, 0, 0, 5, 10, 15, 20, 25]


def test_the_control_sees_real_images_only(shown, dataset):
    model, batches, updates = shown("normal_cnn_v1")
    images, labels = batches[0]
    assert (images.shape, labels.shape, updates) == ((100, 28, 28, 1), (100,), 20)
    known = {image.tobytes() for image in dataset.train.images}
    assert all(np.uint8(np.round(image * 255)).tobytes() in known for image in images)
    assert not hasattr(model, "generator")


@pytest.mark.slow
@pytest.mark.parametrize(("arm", "distinct"), [("v1", None), ("v2", 100), ("v4", 10), ("v5", 10)])
def test_latents_are_rounded_and_cut_as_the_table_says(shown, arm, distinct):
    _, batches, _ = shown(f"cnn_add_generated_data_{arm}")
    (images, latents, _), (labels, generated_labels) = batches[0]
    assert images.shape[0] == len(labels) == 50
    assert latents.shape == (50, 100)
    if distinct:
        np.testing.assert_allclose(latents * distinct, np.round(latents * distinct), atol=1e-4)
    active = {"v4": 5, "v5": 10}.get(arm, 100)
    assert np.any(latents[:, :active], axis=0).all()
    assert not latents[:, active:].any()
    assert set(generated_labels) == set(range(10))
    assert not np.array_equal(latents, batches[1][0][1])


@pytest.mark.slow
def test_fresh_images_are_made_of_latents_as_the_generator_knows_them(shown):
    latents = shown("cnn_add_generated_data_v1", gan_latents="uniform")[1][0][0][1]
    assert np.abs(latents).max() <= 1
    # Of U(-1, 1) the variance is a third, of N(0, 1) it is 1.
    assert latents.var() == pytest.approx(1 / 3, rel=0.1)


def test_wide_latents_are_those_of_v1_spread_wider(shown):
    _, usual, _ = shown("cnn_add_generated_data_v1")
    _, wide, _ = shown("wide_latents")
    np.testing.assert_allclose(wide[0][0][1], 1.5 * usual[0][0][1], rtol=1e-6)


@pytest.mark.slow
def test_the_pool_of_a_dagan_is_made_of_the_training_images(shown, monkeypatch, tmp_path):
    """An untrained one returns what depends on the image that it is given."""
    made, start = [], DAGANRecipe.columns

    def columns(recipe, subset, seed):
        made.append(recipe)
        return start(recipe, subset, seed)

    monkeypatch.setattr(DAGANRecipe, "columns", columns)
    monkeypatch.setattr("gan_mnist.generators.trained.fit", lambda *_, **__: 1.0)
    changes = {"workdir": tmp_path, "pool_limit": 100, "untrained": False}
    _, ((images, labels),), _ = shown("dagan", batches=1, **changes)
    (recipe,) = made
    assert isinstance(recipe, DAGANRecipe)
    assert (recipe.updates, recipe.width, recipe.latent_dim, recipe.batch_size) == (10, 1, 100, 64)
    assert len(images) == len(labels) == 100
    assert len({image.tobytes() for image in images[50:]}) == 50
    with np.load(tmp_path / "trials/dagan/seed-00/gallery.npz") as gallery:
        assert len({image.tobytes() for image in gallery["images"]}) == 14


def test_arms_of_a_seed_share_labels_latents_and_the_real_half(shown):
    _, first, _ = shown("cnn_add_generated_data_v1")
    _, second, _ = shown("cnn_add_generated_data_v3")
    _, resumed, _ = shown("cnn_add_generated_data_v1", batches=1, first=1)
    _, other, _ = shown("cnn_add_generated_data_v1", seed=1)
    np.testing.assert_array_equal(first[0][0][0], second[0][0][0])
    np.testing.assert_array_equal(first[0][1][1], second[0][1][1])
    np.testing.assert_allclose(first[0][0][1], second[0][0][1], atol=0.051)
    np.testing.assert_array_equal(first[1][0][1], resumed[0][0][1])
    assert not np.array_equal(first[0][0][0], other[0][0][0])


def test_all_arms_of_a_seed_start_from_the_same_weights(shown):
    plain, _, _ = shown("normal_cnn_v1")
    start = [weight.numpy() for weight in plain.trainable_variables]
    for arm in ("pool_1k", "cnn_add_generated_data_v1", "classical_and_generated"):
        model, _, _ = shown(arm)
        for one, other in zip(start, model.trainable_variables, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_pools_hold_what_they_are_called_and_begin_alike(shown):
    def pool(arm, batches=30):
        _, found, _ = shown(arm, batches=batches)
        return {image.tobytes() for images, _ in found for image in images[50:]}

    assert len(pool("pool_1k")) == 1000
    assert len(pool("pool_10k")) == 1500


@pytest.mark.slow
def test_generated_labels_of_a_pool_fit_unless_they_are_shuffled(shown):
    def by_image(arm):
        _, found, _ = shown(arm, batches=10)
        return {
            image.tobytes(): label
            for images, labels in found
            for image, label in zip(images[50:], labels[50:], strict=True)
        }

    right, wrong = by_image("pool_10k"), by_image("shuffled_labels")
    assert right.keys() == wrong.keys()
    assert all(right[key] != wrong[key] for key in right)


def test_without_nines_generates_nothing_of_the_last_class(shown):
    _, batches, _ = shown("without_nines", batches=20)
    generated = np.concatenate([labels[1] for _, labels in batches])
    real = np.concatenate([labels[0] for _, labels in batches])
    assert set(generated) == set(range(9))
    assert set(real) == set(range(10))


def test_the_share_of_generated_images_is_a_setting(shown):
    _, batches, _ = shown("cnn_add_generated_data_v1", share=0.2)
    assert [len(labels) for labels in batches[0][1]] == [80, 20]


@pytest.mark.parametrize(
    ("arm", "generated"), [("share_5", 4), ("share_12_5", 10), ("share_25", 20), ("share_100", 80)]
)
def test_of_a_batch_the_arms_share_is_of_the_pool_and_the_rest_is_real(
    shown, dataset, arm, generated
):
    changes = {"batch_size": 80, "pool_limit": 200}
    _, batches, _ = shown(arm, batches=12, **changes)
    known = {image.tobytes() for image in dataset.train.images}
    for images, labels in batches:
        assert len(images) == len(labels) == 80
        is_real = [np.uint8(np.round(image * 255)).tobytes() in known for image in images]
        assert is_real == [True] * (80 - generated) + [False] * generated
    if generated == 80:
        # All of the pool, each class as often.
        assert len({image.tobytes() for images, _ in batches for image in images}) == 200


def test_a_share_that_is_no_image_and_fresh_batches_without_a_real_one_do_not_apply(make):
    with pytest.raises(NotApplicable, match=r"of 8 images a share of 0\.05 is none"):
        trial.run_trial(make("share_5", batch_size=8))
    with pytest.raises(NotApplicable, match="of a pool only"):
        trial.run_trial(make("cnn_add_generated_data_v1", share=1.0))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"generators_in_turn": 2}, {"kept_from": 0.5}])
def test_what_is_done_with_a_pool_is_not_done_with_fresh_images(make, changes):
    with pytest.raises(NotApplicable, match="there is a pool only"):
        trial.run_trial(make("cnn_add_generated_data_v1", judge_updates=10, **changes))


def test_by_heart_is_said_of_presets_in_which_each_image_is_shown_again_and_again(dataset):
    changes = STUDY.presets["by_heart"].changes
    settings = with_changes(STUDY.settings, changes, "preset").resolve(dataset)
    assert sum(settings.counts) == 1000
    for share in (0, 0.5):
        assert settings.updates * settings.batch_size * (1 - share) / 1000 >= 60
    shares = [share * settings.batch_size for share in (0.05, 0.125, 0.25, 0.5)]
    assert shares == [round(number) for number in shares]


@pytest.mark.slow
def test_a_larger_budget_is_what_the_large_arm_has(shown, dataset):
    """Eleven passes, rounded up to whole intervals, and no less than the others have."""
    train = allot(dataset, dataset.class_names, None, 0, 40).train
    plain, _, updates = shown("classical")
    large, _, more = shown("classical_large")
    assert updates == 20
    assert more % 20 == 0
    assert 0 <= more * 100 - 11 * len(train) < 20 * 100
    assert [len(model.get_weights()[1]) for model in (plain, large)] == [1, 2]
    assert shown("classical_large", updates=800)[2] == 800


def test_the_generator_sees_the_training_subset_and_one_serves_all_arms(make, fake_gan, dataset):
    def stop(request):
        raise _Stopped

    calls, pools = fake_gan(stop), ("pool_1k", "pool_60k", "shuffled_labels")
    for arm in (*FRESH, *pools):
        with pytest.raises(_Stopped):
            trial.run_trial(make(arm))
    own = allot(dataset, dataset.class_names, None, 0, 40).train
    assert set(calls) == {(calls[0][0], own.fingerprint, 0)}
    assert len(calls) == len(FRESH) + len(pools)
    keys = {arm: replace(STUDY.settings, **ARMS[arm].changes).shared_work for arm in ARMS}
    assert len({keys[arm] for arm in (*FRESH, *pools)}) == 1
    assert keys["dagan"] not in (None, keys[FRESH[0]])
    for name, arm in ARMS.items():
        of = arm.changes.get("generator", NONE)
        assert (keys[name] is None) == (of == NONE or not GENERATORS[of].trains)


@pytest.mark.slow
def test_all_that_is_judged_in_the_last_tenth_says_which_images_were_right(make):
    outcome = trial.run_trial(make("normal_cnn_v1", classes=("1", "2", "3")))
    (texts,) = outcome.correct["bits"]
    assert len(texts) == 2  # intervals
    (shares,) = shares_right(outcome.correct)
    assert shares.mean() == pytest.approx(outcome.metrics["accuracy_last_tenth"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_size": 12}, "image_size"),
        ({"share": 0.01, "batch_size": 10}, "share"),
        ({"gan_latent_dim": 24}, "gan_latent_dim"),
        ({"updates": 30}, "intervals"),
        ({"classes": ("1",)}, "classes"),
        ({"most_generator_steps": 2, "gan_loss": "hinge"}, "most_generator_steps"),
        ({"images_per_class": 1_000}, "images"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, changes, "test").resolve(dataset)
