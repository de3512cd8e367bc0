"""The substitution study: what each arm trains on, the copy that must be exact, a whole run."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from gan_mnist.experiments.substitution import trial
from gan_mnist.experiments.substitution.study import STUDY, WAYS
from made_images import shows_made_images

from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.evaluation.features import ClassifierOutputs
from gan_mnist.generators.contract import Generator
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.study.settings import with_changes

ARMS = {arm.name: arm for arm in STUDY.arms}
GENERATOR_OF = {name: arm.changes.get("generator", NONE) for name, arm in ARMS.items()}
GAN_ARMS = [name for name, of in GENERATOR_OF.items() if of != NONE and GENERATORS[of].trains]
SMALL = {"width": 1, "updates": 20, "intervals": 2, "gan_width": 1, "gan_updates": 10}
SMALL |= {"images_per_class": 30}


class Levels(Generator):
    """In the place of a trained GAN: flat images, a level a class and a shade an image."""

    key, seconds = "levels", 1.0

    def __init__(self):
        pass

    def with_latent_scale(self, scale):
        return self

    def sample(self, labels, seed):
        shade = np.random.default_rng(seed).integers(0, 10, len(labels))
        levels = np.float32((20 * labels + shade + 1) / 255)
        return np.broadcast_to(levels[:, None, None, None], (len(labels), 28, 28, 1))


def level_class(image):
    """The class of a flat image, None of any other."""
    value = int(image.flat[0])
    return (value - 1) // 20 if (image == value).all() and value else None


class Agreeing:
    """In the place of a judge: always sure."""

    def predict(self, images):
        return ClassifierOutputs(images, np.ones((len(images), 10), np.float32))


@pytest.fixture
def shown(begun, fake_gan, monkeypatch):
    """`shown(arm, seed, **changes)`: what a trial hands to the training of its classifier."""
    asked = fake_gan(lambda request: Levels())
    monkeypatch.setattr("gan_mnist.generators.create._judge", lambda request: (Agreeing(), 1.0))

    def shown(arm, seed=0, **changes):
        told = begun(arm, seed, **changes)
        sources, augmentation, order = told.batches.args
        streams = (told.updates, told.seed, order)
        return told.weights, sources, augmentation, streams, told.batches

    shown.asked = asked
    return shown


@pytest.fixture(scope="module")
def drawn(dataset):
    def drawn(counts=(30,) * 10, seed=0):
        return allot(dataset, dataset.class_names, counts, seed, 40).train

    return drawn


def counted(images, labels):
    return Counter((image.tobytes(), int(c)) for image, c in zip(images, labels, strict=True))


def test_the_table_asks_the_question():
    assert (STUDY.control, STUDY.rival, STUDY.metrics[0].name) == (
        "real_only",
        "classical",
        "macro_auc",
    )
    assert ARMS["real_only"].changes == {}
    assert ARMS["classical"].changes == {"classical": True}
    for name, arm in ARMS.items():
        shows = arm.changes.get("trained_on", "real") != "real"
        assert shows == (GENERATOR_OF[name] != NONE), name
        assert arm.kind != "generated" or shows_made_images(arm)
        if arm.changes.get("shuffled_labels") or GENERATOR_OF[name] == "copy":
            assert arm.kind == "check"


@pytest.mark.parametrize("arm", ["real_only", "classical", "copies"])
def test_real_arms_show_the_draw_and_nothing_else(shown, drawn, arm):
    _, (((images, labels), size),), augmentation, _, _ = shown(arm)
    assert counted(images, labels) == counted(drawn().images, drawn().labels)
    assert (size, images.dtype, labels.dtype) == (64, np.uint8, np.int32)
    assert (augmentation is not None) == (arm == "classical")
    assert not shown.asked


def test_generated_only_shows_no_real_image_and_as_many(shown, drawn):
    _, (((images, labels), size),), augmentation, _, _ = shown("generated_only")
    assert size == 64
    assert len(images) == len(drawn())
    assert [level_class(image) for image in images] == labels.tolist()
    assert augmentation is None


def test_real_and_generated_is_half_of_each(shown, drawn):
    _, (real, generated), _, _, _ = shown("real_and_generated")
    assert (real[1], generated[1]) == (32, 32)
    assert counted(*real[0]) == counted(drawn().images, drawn().labels)
    assert counted(*generated[0]) == counted(*shown("generated_only")[1][0][0])
    _, (real, generated), _, _, _ = shown("real_and_generated", batch_size=7)
    assert (real[1], generated[1]) == (4, 3)


def test_fresh_images_replace_each_other_and_are_as_many_as_are_shown(shown, drawn):
    changes = {"updates": 120, "batch_size": 20, "images_per_class": 300}
    _, (table,), _, _, batches = shown("vae_flow_fresh", **changes)
    images, labels = table.columns
    assert (table.size, table.pools, table.every) == (20, 2, 100)
    assert len(images) == len(labels) == 2 * 2000
    assert [level_class(image) for image in images] == labels.tolist()
    assert not np.array_equal(images[:2000], images[2000:])
    # Of a class as many as of the real ones, in both.
    assert np.bincount(labels[:2000]).tolist() == [200] * 10 == np.bincount(labels[2000:]).tolist()
    for update, pool in ((0, images[:2000]), (99, images[:2000]), (100, images[2000:])):
        there = {np.float32(image / 255).tobytes() for image in pool}
        assert {image.tobytes() for image in next(iter(batches(update)))[0].numpy()} <= there


def test_a_pool_that_would_lose_a_class_does_not_apply(make_subset):
    subset = make_subset(counts=(500, 2), shape=(8, 8, 1))
    settings = SimpleNamespace(generator="vae_flow", generated_images=1000)

    def generate(generator, labels, *purpose):
        return np.zeros((len(labels), 8, 8, 1)), labels

    steps = SimpleNamespace(trial=SimpleNamespace(settings=settings), generate=generate)
    _, labels = trial._generated(steps, subset, None, 2, 400)
    assert np.bincount(labels[:400]).min() > 0
    with pytest.raises(NotApplicable, match=r"100 generated images .* hold none of 'b'"):
        trial._generated(steps, subset, None, 2, 100)


def test_labels_of_generated_images_are_smoothed_and_those_of_real_ones_are_not(shown):
    _, (((images, labels), _),), _, _, _ = shown("vae_flow_only")
    _, (((others, shares), _),), _, _, _ = shown("vae_flow_smoothed")
    np.testing.assert_array_equal(images, others)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares[np.arange(len(labels)), labels], 0.91, rtol=1e-6)
    np.testing.assert_allclose(np.sort(shares)[:, :9], 0.01, rtol=1e-6)
    _, (real, generated), _, _, _ = shown("vae_flow_and_real", label_smoothing=0.2)
    np.testing.assert_array_equal(real[0][1].max(axis=1), np.ones(len(real[0][1])))
    np.testing.assert_allclose(generated[0][1].max(axis=1), 0.82, rtol=1e-6)


def test_generated_images_weigh_less_in_the_loss_and_real_ones_do_not(shown):
    _, (real, generated), _, _, batches = shown("vae_flow_and_real_lighter")
    assert set(real[0][2]) == {1}
    assert set(generated[0][2]) == {np.float32(0.3)}
    _, _, weights = next(iter(batches(0)))
    assert weights.numpy().tolist() == [1.0] * 32 + [np.float32(0.3)] * 32


def test_all_ways_of_use_together_are_those_of_each(shown):
    alone = [ARMS[name].changes for name in WAYS[:-1]]
    together = ARMS[WAYS[-1]].changes
    assert together == {key: value for changes in alone for key, value in changes.items()}
    assert len(together) == len(alone) + 1
    _, (table,), _, _, _ = shown(WAYS[-1], updates=120)
    assert (table.pools, table.columns[1].shape[1:]) == (2, (10,))
    # Each is asked for anew when it is to give images.
    assert len(set(shown.asked)) == 3


def test_shuffled_labels_are_all_wrong_and_the_images_the_same(shown):
    _, (((images, labels), _),), _, _, _ = shown("generated_only")
    _, (((others, wrong), _),), _, _, _ = shown("shuffled_labels")
    np.testing.assert_array_equal(images, others)
    assert (labels != wrong).all()
    assert set(wrong) == set(range(10))


@pytest.mark.parametrize(("most", "expected"), [(20_000, 3950), (101, 101)])
def test_generated_images_have_the_real_proportions(shown, dataset, most, expected):
    changes = {"images_per_class": 0, "validation_per_class": 5, "generated_images": most}
    _, (((_, labels), _),), _, _, _ = shown("generated_only", **changes)
    available = np.bincount(dataset.train.labels) - 5
    assert len(labels) == min(expected, available.sum())
    shares = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(shares, available / available.sum(), atol=1 / len(labels))


def test_a_copier_is_not_capped(shown, drawn):
    _, (((images, labels), _),), _, _, _ = shown("copies", generated_images=50)
    assert counted(images, labels) == counted(drawn().images, drawn().labels)


@pytest.mark.slow
def test_arms_of_a_seed_are_paired_and_seeds_differ(shown):
    control, other = shown("real_only"), shown("real_only", seed=1)
    for name in ARMS:
        weights, _, _, streams, _ = shown(name)
        assert streams == control[3]
        for one, same in zip(weights, control[0], strict=True):
            np.testing.assert_array_equal(one, same)
    assert streams != other[3]
    assert any(not np.array_equal(*pair) for pair in zip(weights, other[0], strict=True))

    def classes(arm):
        batches = shown(arm)[4]
        return [labels.numpy().tolist() for _, labels in batches(0).take(3)]

    assert classes("real_only") == classes("generated_only") == classes("vae_flow_kept")


@pytest.mark.slow
def test_one_gan_serves_the_arms_of_a_seed_and_sees_their_draw_only(shown, drawn):
    by_name = {}
    for name, arm in ARMS.items():
        before = len(shown.asked)
        shown(name, seed=2)
        if asked := list(dict.fromkeys(shown.asked[before:])):
            by_name[name], *others = asked
            assert len(asked) == arm.changes.get("generators_in_turn", 1)
            # The others are of the same kind, each with another seed.
            assert {recipe for recipe, *_ in others} <= {asked[0][0]}
            assert len({seed for *_, seed in asked}) == len(asked)
    assert list(by_name) == GAN_ARMS
    assert {seed for *_, seed in by_name.values()} == {2}
    assert {fingerprint for _, fingerprint, _ in shown.asked} == {drawn(seed=2).fingerprint}
    keys = {name: replace(STUDY.settings, **ARMS[name].changes).shared_work for name in ARMS}
    assert {name for name, key in keys.items() if key} == set(GAN_ARMS)
    recipe = by_name["generated_only"][0]
    assert (recipe.architecture, recipe.learning_rate) == ("dcgan", 1e-3)
    for name in ("real_and_generated", "shuffled_labels"):
        assert by_name[name] == by_name["generated_only"]
        assert keys[name] == keys["generated_only"]
    for name in WAYS:
        assert by_name[name] == by_name["vae_flow_only"]
        assert keys[name] == keys["vae_flow_only"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_size": 12}, "image_size"),
        ({"generated_images": 9}, "generated_images"),
        ({"updates": 30, "intervals": 4}, "intervals"),
        ({"classes": ("1",)}, "classes"),
        ({"images_per_class": 1_000}, "images"),
        ({"batch_size": 1}, "batch_size"),
        ({"trained_on": "nothing"}, "trained_on"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, changes, "test").resolve(dataset)


def test_every_class_has_its_share_of_the_generated_images(dataset):
    labels = dataset.train.labels
    rows = np.concatenate([np.flatnonzero(labels == 1)[:91], np.flatnonzero(labels == 2)[:11]])
    uneven = replace(dataset, train=dataset.train.take(rows))
    changes = {"classes": ("1", "2"), "validation_per_class": 1}
    settings = with_changes(STUDY.settings, changes, "test")
    assert replace(settings, generated_images=10).resolve(uneven).generated_images == 10
    with pytest.raises(InputError, match="accepted: 10 or more, which in the real proportions"):
        replace(settings, generated_images=9).resolve(uneven)
