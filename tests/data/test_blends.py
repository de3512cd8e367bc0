"""Mixed images and labels: their shares told by the images themselves, their draws by scipy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.blends import boxes, cutmix, mixup
from gan_mnist.data.pipelines import training_batches

STILL = {"rotation_degrees": 0, "shift": 0, "zoom": 0, "shear": 0}
NUM = 2000
KEY = tf.constant([3, 4], tf.int64)
# Each row is of a level and a class of its own.
LEVELS = np.linspace(0, 1, NUM, dtype=np.float32)
IMAGES = np.broadcast_to(LEVELS[:, None, None, None], (NUM, 8, 6, 2)).copy()
BEFORE = np.roll(LEVELS, 1)


def blended(function, alpha):
    """Images and own shares of all rows; labels are told apart by pairs of neighbours."""
    labels = tf.one_hot(tf.range(NUM) % 10, 10)
    images, shares = (part.numpy() for part in function(tf.constant(IMAGES), labels, alpha, KEY))
    own = shares[np.arange(NUM), np.arange(NUM) % 10]
    partner = shares[np.arange(NUM), np.arange(-1, NUM - 1) % 10]
    np.testing.assert_allclose(own + partner, 1, atol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    return images, own


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_shows_both_images_by_the_shares_of_their_labels(alpha):
    images, own = blended(mixup, alpha)
    expected = own * LEVELS + (1 - own) * BEFORE
    np.testing.assert_allclose(images, np.broadcast_to(expected[:, None, None, None], images.shape),
                               atol=1e-6)  # fmt: skip
    assert stats.kstest(own, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_cutmix_shows_a_box_of_the_other_image_of_the_share_of_its_label():
    images, own = blended(cutmix, 1.0)
    other = images == BEFORE[:, None, None, None]
    assert (other | (images == LEVELS[:, None, None, None])).all()
    np.testing.assert_allclose(other.mean(axis=(1, 2, 3)), 1 - own, atol=1e-6)
    for inside in other[1:200]:
        assert (inside[..., 0] == inside[..., 1]).all()
        box = inside[..., 0]
        assert (box == box.any(axis=1)[:, None] & box.any(axis=0)[None]).all()
        for edge in (box.any(axis=0), box.any(axis=1)):
            assert np.abs(np.diff(edge.astype(int), prepend=0, append=0)).sum() <= 2
    # Boxes that lie beyond the edge in part are smaller than they were drawn.
    assert 0.2 < 1 - own.mean() < 0.5


def test_boxes_have_their_middle_anywhere_and_no_more_than_their_share():
    shares = np.repeat([0.0, 0.04, 0.25, 1.0], 500).astype(np.float32)
    shape = (2000, 40, 60, 1)
    inside = boxes(tf.zeros(shape), tf.constant(shares), KEY).numpy()[..., 0]
    areas = inside.mean(axis=(1, 2)).reshape(4, 500)
    assert (areas[0] == 0).all()
    # Of a quarter of the area and with the middle anywhere, 3/4 of each side is inside on average.
    for area, share in zip(areas[1:], (0.04, 0.25, 1.0), strict=True):
        side = np.sqrt(share)
        assert area.max() < share + 0.03
        assert area.mean() == pytest.approx((side * (1 - side / 4)) ** 2, rel=0.1)
    small = inside[500:1000]
    middles = [small.any(axis=axis).argmax(axis=1).mean() for axis in (1, 2)]
    assert middles == pytest.approx([0.45 * 60 - 3, 0.45 * 40 - 2], rel=0.2)


def test_half_of_the_images_lose_a_box_of_noise():
    images = np.full((1000, 10, 10, 1), 2.0, np.float32)
    augmentation = Augmentation(**STILL, erased=0.3)
    shown = augment(tf.constant(images), augmentation, (1, tf.constant(2))).numpy()
    noise = shown != 2
    areas = noise.mean(axis=(1, 2, 3))
    assert areas.max() <= 0.37  # Pixels whose middle is within.
    assert 0.4 < (areas > 0).mean() < 0.52  # The smallest boxes hold no pixel's middle.
    assert stats.kstest(shown[noise], stats.uniform.cdf).pvalue > 1e-3
    assert ((shown[noise] >= 0) & (shown[noise] < 1)).all()


@pytest.mark.slow
def test_labels_that_are_shares_already_are_mixed_as_such():
    mixing = Augmentation(**STILL, mixup=0.5, num_classes=10)
    labels = np.arange(12, dtype=np.int32) % 10
    by_number, by_share = (
        next(training_batches((IMAGES[:12], column), 7, mixing, 5, 0).as_numpy_iterator())[1]
        for column in (labels, np.eye(10, dtype=np.float32)[labels])
    )
    np.testing.assert_array_equal(by_number, by_share)


def batches(augmentation, first=0, seed=5):
    images = np.random.default_rng(0).random((12, 6, 6, 1)).astype(np.float32)
    columns = images, np.arange(12, dtype=np.int32) % 3, np.linspace(1, 2, 12, dtype=np.float32)
    made = training_batches(columns, 7, augmentation, seed, first)
    return [[part.numpy() for part in batch] for batch in made.take(4 - first)]


@pytest.mark.slow
@pytest.mark.parametrize("mixed", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 1.0}])
def test_batches_have_shares_of_classes_by_seed_and_update_alone(mixed):
    mixing = Augmentation(**STILL, **mixed, num_classes=3)
    shown, plain = batches(mixing), batches(None)
    for (images, shares, weights), (originals, labels, same) in zip(shown, plain, strict=True):
        assert shares.shape == (7, 3)
        assert shares.dtype == np.float32
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(weights, same)
        assert not np.array_equal(images, originals)
        # Only classes of rows that may have a part.
        for row, share in enumerate(shares):
            near = {labels[row], labels[row - 1], labels[row - 2]}
            assert set(np.flatnonzero(share)) <= near
    for late, early in zip(batches(mixing, first=2), shown[2:], strict=True):
        for one, other in zip(late, early, strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(batches(mixing, seed=6)[0][0], shown[0][0])
