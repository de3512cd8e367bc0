"""The imbalance study: what GANs are trained on and fill, and what arms of a seed share."""

import functools

import numpy as np
import pytest
from gan_mnist.experiments.imbalance.study import STUDY
from imbalance_images import (
    ARMS,
    GENERATED_PER_CLASS,
    allotted,
    assert_shows,
    drawn_of,
    of_class,
    rows,
    shown_by,
)
from made_images import shows_made_images

from gan_mnist.generators.contract import Generator
from gan_mnist.generators.names import GENERATORS

SMALL = {"generated_per_class": GENERATED_PER_CLASS}


def arms_with(**changes):
    """Names of the arms that have these settings."""
    base = STUDY.settings
    return [
        name
        for name, arm in ARMS.items()
        if all(arm.changes.get(key, getattr(base, key)) == value for key, value in changes.items())
    ]


GAN_ARMS = [
    arm for name, row in GENERATORS.items() if row.trains for arm in arms_with(generator=name)
]
EVERY_CLASS = arms_with(every_class=True)
USED_LATER = ("classical", "augmentation", "shuffled_labels")


def test_the_table_asks_the_question():
    assert (STUDY.control, STUDY.oracle, STUDY.metrics[0].name) == (
        "none",
        "oracle",
        "minority_recall",
    )
    assert ARMS["none"].changes == {}
    assert all(arm.kind != "generated" or shows_made_images(arm) for arm in ARMS.values())
    assert ARMS["oracle"].changes == {"generator": "held_back"}
    for name in arms_with(shuffled_labels=True):
        assert ARMS[name].kind == "check"
    for name in arms_with(untrained=True):
        reference = ARMS[name].ablates
        assert ARMS[name].changes == {**ARMS[reference].changes, "untrained": True}


class Grey(Generator):
    """In the place of a trained GAN: images of one level a class."""

    key, seconds = "grey", 1.0

    def __init__(self):
        pass

    def with_latent_scale(self, scale):
        return self

    def sample(self, labels, seed):
        return np.broadcast_to(self.level(labels)[:, None, None, None], (len(labels), 28, 28, 1))

    @staticmethod
    def level(labels):
        return (0.5 + 0.1 * labels).astype(np.float32)


@pytest.fixture
def shown(begun, fake_gan):
    """`shown(arm, seed, **changes)`: what is handed to a classifier's training; and `recipes`."""
    recipes = fake_gan(lambda request: Grey())

    def shown(*asked, **changes):
        recipes.clear()
        told = shown_by(begun(*asked, **changes))
        told.recipes = list(recipes)
        return told

    return shown


@pytest.fixture(scope="module")
def drawn(dataset):
    """`drawn(seed, counts)`: the images that it should show."""
    return functools.partial(drawn_of, dataset)


@pytest.mark.parametrize("name", [name for name in GAN_ARMS if name not in EVERY_CLASS])
def test_generated_images_fill_the_gap_and_nothing_else(shown, drawn, name):
    arm, subset = shown(name), drawn().train
    grey = np.full((299, 28, 28, 1), 0.5, np.float32)
    images = np.concatenate([subset.images, grey])
    assert_shows(arm, images, np.concatenate([subset.labels, np.zeros(299)]))
    assert (arm.weights == 1).all()


@pytest.mark.parametrize("name", EVERY_CLASS)
def test_of_every_class_a_share_may_be_generated(shown, drawn, name):
    arm, subset = shown(name), drawn().train
    share = ARMS[name].changes.get("generated_share", 0.5)
    assert np.bincount(arm.labels).tolist() == [2 * GENERATED_PER_CLASS] * 3
    for label in range(3):
        level = Grey.level(np.array([label]))
        grey = (of_class(arm, label) == level).all(axis=(1, 2, 3))
        assert grey.sum() == share * 2 * GENERATED_PER_CLASS
        assert set(rows(of_class(arm, label)[~grey])) <= set(rows(subset.of_class(label)))


@pytest.mark.parametrize("name", GAN_ARMS)
def test_a_gan_sees_the_draw_and_nothing_else(shown, dataset, name):
    ((recipe, fingerprint, seed),) = shown(name, seed=3).recipes
    changes = ARMS[name].changes
    assert seed == 3
    assert fingerprint == allotted(dataset, 3).train.fingerprint
    assert type(recipe).__name__ == GENERATORS[changes["generator"]].name
    assert getattr(recipe, "augment", False) == changes.get("diffaugment", False)
    assert (recipe.updates == 0) == changes.get("untrained", False)


def test_gans_of_equal_settings_are_trained_once_a_seed(shown):
    recipes = {name: shown(name).recipes[0][0] for name in GAN_ARMS}
    assert recipes["cgan"] == recipes["cgan_classical"]
    assert recipes["warp_gan"] == recipes["warp_gan_classical"]
    told = {name: dict(ARMS[name].changes) for name in GAN_ARMS}
    for changes in told.values():
        for used_later in (*USED_LATER, "every_class", "generated_share", "duplicate"):
            changes.pop(used_later, None)
    assert len(set(recipes.values())) == len({tuple(sorted(of.items())) for of in told.values()})


@pytest.mark.parametrize("name", ARMS)
def test_only_the_classical_arms_augment_and_none_flips(shown, name):
    counts = (2, 300, 300)
    augmentation = shown(name, counts=counts).augmentation
    changes = ARMS[name].changes
    assert (augmentation is not None) == changes.get("classical", False)
    if augmentation is not None:
        assert not augmentation.flip
    if augmentation is not None and not changes.get("augmentation"):
        told = {field: value for field, value in vars(augmentation).items() if value}
        ranges = {"rotation_degrees": 25.0, "shift": 0.05, "zoom": 0.2, "shear": 0.4}
        assert told == {**ranges, "fill": "zero"}


def test_arms_of_one_seed_are_paired_and_seeds_differ(shown, drawn):
    """Same draw, initial weights, order, dropout and validation in every arm; none in two seeds."""
    # With one candidate nothing is trained to tune by.
    changes = {"counts": (2, 300, 300), "tuned_widened": (1.5,), "tuned_elastic_shifts": (0.05,)}
    controls = {seed: shown("none", seed, **changes) for seed in (0, 1)}
    for seed, control in controls.items():
        for name in ARMS:
            arm = shown(name, seed, **changes)
            for one, other in zip(arm.initial_weights, control.initial_weights, strict=True):
                np.testing.assert_array_equal(one, other)
            assert arm.order_seed == control.order_seed
            assert arm.dropout_seed == control.dropout_seed
            assert arm.batch_size == control.batch_size
            assert rows(arm.validation[0]) == rows(control.validation[0])
            # What this one shows first are donors: see test_imbalance_few_shot.py.
            if name not in (*EVERY_CLASS, "fine_tuned"):
                assert set(rows(control.images)) <= set(rows(arm.images)), name
    one, other = controls.values()
    assert one.order_seed != other.order_seed
    assert one.dropout_seed != other.dropout_seed
    assert rows(one.initial_weights) != rows(other.initial_weights)
    assert rows(one.images) != rows(other.images)
    assert rows(one.validation[0]) == rows(other.validation[0])


def test_arms_of_one_size_come_in_the_same_order(begun):
    """The labels of the first batches, drawn by the real pipeline, agree between two fills."""
    seen = {
        name: np.concatenate([labels for _, labels, _ in begun(name).batches(0).take(3)])
        for name in ("copy", "oracle")
    }
    np.testing.assert_array_equal(seen["copy"], seen["oracle"])
    assert len(set(seen["copy"])) == 3


def test_real_images_stay_bytes_given_back_or_not(begun, fake_gan):
    fake_gan(lambda request: Grey())
    ((images, *_), _), *_ = begun("oracle").batches.args[0]
    assert images[:].dtype == np.uint8
    ((images, *_), _), *_ = begun("cgan").batches.args[0]
    assert images[:].dtype == np.float32
