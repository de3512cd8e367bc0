"""What every generator promises, and where the images of each plain one come from."""

import numpy as np
import pytest
import tensorflow as tf
from imblearn.over_sampling import SMOTE

from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.real import HeldBack, RealImages
from gan_mnist.generators.smote import Smote
from gan_mnist.generators.trained import CHUNK, TrainedGenerator

COUNTS, SHAPE = (8, 12, 9), (6, 5, 1)
WANTED = np.array([2, 0, 1, 1, 0, 2, 1], np.int32)


class Network:
    """Stands for a trained network: an image's pixels are its label's third and some noise."""

    def sample(self, labels, seed):
        noise = tf.random.stateless_uniform((tf.shape(labels)[0], *SHAPE), seed, maxval=0.3)
        return tf.cast(labels, tf.float32)[:, None, None, None] / 3 + noise


def marked(make_subset, seed=0):
    """Random images whose level tells their class: [0, 1/3), [1/3, 2/3) and [2/3, 1)."""
    subset = make_subset(COUNTS, SHAPE, seed)
    subset.images[:] = subset.images // 4 + 85 * subset.labels[:, None, None, None]
    return subset


@pytest.fixture(scope="module")
def subset(make_subset):
    return marked(make_subset)


@pytest.fixture(scope="module")
def held_back(make_subset):
    return marked(make_subset, seed=1)


@pytest.fixture(scope="module", params=["copies", "held_back", "smote", "trained"])
def generator(request, subset, held_back):
    return {
        "copies": lambda: RealImages(subset),
        "held_back": lambda: HeldBack(held_back, once=True),
        "smote": lambda: Smote(subset),
        "trained": lambda: TrainedGenerator(Network()),
    }[request.param]()


@pytest.mark.parametrize("labels", [WANTED, np.array([1]), np.zeros(8, int), [2] * 9 + [0] * 3])
def test_every_generator_gives_an_image_of_its_class_for_each_label(generator, labels):
    images = generator.sample(np.array(labels), seed=3)
    assert images.shape == (len(labels), *SHAPE)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    levels = images.mean(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.floor(levels * 3), labels)


def test_every_generator_follows_the_seed(generator):
    images = generator.sample(WANTED, seed=3)
    np.testing.assert_array_equal(generator.sample(WANTED, seed=3), images)
    assert not np.array_equal(generator.sample(WANTED, seed=4), images)


def test_no_generator_repeats_itself_always(generator):
    images = generator.sample(np.full(8, 1), seed=0)
    assert len({image.tobytes() for image in images}) > 3


def in_unit_range(images):
    """uint8 images as the floats that stand for them."""
    assert images.dtype == np.uint8
    return (images / 255).astype(np.float32)


def is_among(images, pool):
    return [(image == in_unit_range(pool)).all(axis=(1, 2, 3)).any() for image in images]


def test_of_a_class_no_copy_comes_again_before_all_others_have_come(subset):
    labels = np.repeat([0, 1], 500)
    images = RealImages(subset).sample(labels, seed=0)
    for label in (0, 1):
        pool = in_unit_range(subset.of_class(label))
        matches = np.array(
            [(image == pool).all(axis=(1, 2, 3)) for image in images[labels == label]]
        )
        assert (matches.sum(axis=1) == 1).all()
        taken = matches.argmax(axis=1)
        for begin in range(0, 500, len(pool)):
            turn = taken[begin : begin + len(pool)]
            assert len(set(turn)) == len(turn)
    orders = {RealImages(subset).sample(np.zeros(8, int), seed).tobytes() for seed in range(5)}
    assert len(orders) == 5


def test_a_class_without_an_image_cannot_be_copied(make_subset):
    few = make_subset(counts=(0, 3), shape=SHAPE)
    with pytest.raises(NotApplicable, match="0 real images of class a"):
        RealImages(few).sample(np.zeros(1, int), seed=0)


def test_a_single_image_can_be_copied(make_subset):
    lone = make_subset(counts=(1, 3), shape=SHAPE)
    images = RealImages(lone).sample(np.zeros(5, int), seed=0)
    np.testing.assert_array_equal(images, np.repeat(in_unit_range(lone.images[:1]), 5, axis=0))


def test_held_back_images_are_handed_out_once_each(subset, held_back):
    labels = np.repeat([2, 0, 1], [9, 8, 12])
    images = HeldBack(held_back, once=True).sample(labels, seed=5)
    assert len({image.tobytes() for image in images}) == 29 == len(held_back)
    assert all(is_among(images, held_back.images))
    assert not any(is_among(images, subset.images))


def test_held_back_is_not_applicable_for_more_than_there_is(held_back):
    with pytest.raises(NotApplicable, match="8 real images of class a held back, 9 wanted"):
        HeldBack(held_back, once=True).sample(np.zeros(9, int), seed=0)


def test_smote_puts_points_between_two_images_of_the_class(subset):
    labels = np.repeat([1, 2], 20)
    images = Smote(subset).sample(labels, seed=0)
    for image, label in zip(images, labels, strict=True):
        members = subset.of_class(label).reshape(-1, np.prod(SHAPE)) / 255
        starts, ways = members[:, None], members[None] - members[:, None]
        lengths = (ways**2).sum(axis=-1) + np.eye(len(members))
        share = ((image.ravel() - starts) * ways).sum(axis=-1) / lengths
        distance = np.abs(starts + share[..., None] * ways - image.ravel()).max(axis=-1)
        on_segment = (
            (distance < 1e-5) & (share >= 0) & (share <= 1) & ~np.eye(len(members), dtype=bool)
        )
        assert on_segment.any()
    assert not any(is_among(images, subset.images))


def test_smote_is_that_of_imbalanced_learn(make_subset):
    subset = make_subset(counts=(6, 9, 4), shape=SHAPE)
    labels = np.array([2, 0, 0, 2, 1, 2])
    flat = subset.images.reshape(len(subset), -1) / np.float32(255)
    images = Smote(subset).sample(labels, seed=3).reshape(len(labels), -1)
    for label, count in ((0, 6), (1, 9), (2, 4)):
        chosen = labels == label
        theirs = SMOTE(
            sampling_strategy={label: count + chosen.sum()},
            k_neighbors=min(5, count - 1),
            random_state=3,
        )
        expected = theirs.fit_resample(flat, subset.labels)[0][len(flat) :]
        np.testing.assert_array_equal(images[chosen], expected)


def test_smote_keeps_to_the_five_nearest(make_subset):
    """Images at 0, 0.1, ... 0.5 and 1 of 250: from 0 the sixth neighbour, 1, is never gone to."""
    line = make_subset(counts=(7, 9), shape=SHAPE)
    line.images[:7] = np.array([0, 25, 50, 75, 100, 125, 250])[:, None, None, None]
    levels = Smote(line).sample(np.zeros(2000, int), seed=0)[:, 0, 0, 0] * 255 / 250
    # So points above 0.5 start at 1, a seventh of all, and go to one of 0.1 ... 0.5.
    share = np.mean([0.5 / (1 - end) for end in (0.1, 0.2, 0.3, 0.4, 0.5)]) / 7
    assert np.mean(levels > 0.5) == pytest.approx(share, abs=4 * (share / 2000) ** 0.5)


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_smote_takes_all_neighbours_where_there_are_few(count, make_subset):
    few = make_subset(counts=(count, 7), shape=SHAPE)
    assert Smote(few).sample(np.zeros(4, int), seed=0).shape == (4, *SHAPE)


def test_smote_is_not_applicable_to_a_single_image(make_subset):
    lone = make_subset(counts=(4, 1), shape=SHAPE)
    with pytest.raises(NotApplicable, match="SMOTE needs 2 images a class; class b has 1"):
        Smote(lone).sample(np.array([0, 1]), seed=0)
    assert len(Smote(lone).sample(np.array([0, 0]), seed=0)) == 2


def test_a_trained_generator_samples_in_chunks_of_one_shape():
    shapes = []

    class Recorder(Network):
        def sample(self, labels, seed):
            shapes.append(labels.shape)
            return super().sample(labels, seed)

    generator = TrainedGenerator(Recorder())
    labels = np.arange(2 * CHUNK + 7) % 3
    images = generator.sample(labels, seed=1)
    assert shapes == [(CHUNK,)]  # Traced once.
    assert images.shape == (2 * CHUNK + 7, *SHAPE)
    np.testing.assert_array_equal(np.floor(images.mean(axis=(1, 2, 3)) * 3), labels)
    noise = images - (labels / 3).astype(np.float32)[:, None, None, None]
    assert len({image.tobytes() for image in np.round(noise, 4)}) == len(labels)
    # The first images do not depend on how many follow.
    np.testing.assert_array_equal(generator.sample(labels[:10], seed=1), images[:10])


def test_as_uint8_rounds_to_the_nearest_of_256_levels():
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    assert as_uint8(levels).dtype == np.uint8
    np.testing.assert_array_equal(as_uint8(levels), np.arange(256))
    np.testing.assert_array_equal(as_uint8(np.float32([0.4 / 255, 0.6 / 255])), [0, 1])


def test_as_float_is_the_nearest_float_and_comes_back_as_it_was():
    levels = np.arange(256, dtype=np.uint8)
    floats = as_float(levels)
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, in_unit_range(levels))
    np.testing.assert_array_equal(as_uint8(floats), levels)
    assert as_float(floats) is floats
    assert as_uint8(levels) is levels
