"""RandAugment: every change against scipy or arithmetic, and all of them drawn."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_mnist.data.randaugment import KINDS, randaugment

SIDE, STRENGTH = 12, 0.5
IMAGE = np.random.default_rng(0).uniform(0.1, 0.8, (SIDE, SIDE, 3)).astype(np.float32)
KEY = tf.constant([1, 2], tf.int64)


def shown(images, changes=1, strength=STRENGTH, fill="zero", key=KEY):
    return randaugment(tf.constant(images), changes, strength, fill, key).numpy()


def moved(matrix, offset=(0, 0)):
    """The image whose pixel at `x` comes from `matrix` (x - centre) + centre + offset, as x, y."""
    matrix, centre = np.array(matrix, float), np.array([(SIDE - 1) / 2] * 2)
    start = centre + np.array(offset) - matrix @ centre
    planes = [
        ndimage.affine_transform(plane, matrix[::-1, ::-1], start[::-1], order=1,
                                 mode="grid-constant")
        for plane in np.moveaxis(IMAGE.astype(np.float64), -1, 0)
    ]  # fmt: skip
    return np.stack(planes, axis=-1)


def expected():
    """Every change at half strength, by its name and sign."""
    found = {"as_it_is": IMAGE}
    for sign in (-1, 1):
        angle = sign * np.deg2rad(15)
        cos, sin = np.cos(angle), np.sin(angle)
        factor = 1 + sign * 0.45
        blurred = ndimage.uniform_filter(IMAGE, (3, 3, 1), mode="constant")
        blurred /= ndimage.uniform_filter(np.ones_like(IMAGE), (3, 3, 1), mode="constant")
        bases = {
            "brightness": 0,
            "contrast": IMAGE.mean(),
            "colour": IMAGE.mean(axis=-1, keepdims=True),
            "sharpness": blurred,
        }
        found |= {
            f"rotate {sign}": moved([[cos, -sin], [sin, cos]]),
            f"shear_x {sign}": moved([[1, sign * 0.15], [0, 1]]),
            f"shear_y {sign}": moved([[1, 0], [sign * 0.15, 1]]),
            f"shift_x {sign}": moved(np.eye(2), (sign * 0.225 * SIDE, 0)),
            f"shift_y {sign}": moved(np.eye(2), (0, sign * 0.225 * SIDE)),
            **{
                f"{name} {sign}": np.clip(base + factor * (IMAGE - base), 0, 1)
                for name, base in bases.items()
            },
        }
    low, high = (getattr(np, name)(IMAGE, axis=(0, 1), keepdims=True) for name in ("min", "max"))
    return found | {
        "full_contrast": (IMAGE - low) / (high - low),
        "posterize": np.round(IMAGE * 63) / 63,
        "solarize": np.where(IMAGE > 0.5, 1 - IMAGE, IMAGE),
    }


def test_every_image_has_one_change_and_all_kinds_come_as_often():
    wanted = expected()
    assert {name.split()[0] for name in wanted} == set(KINDS)
    images = shown(np.repeat(IMAGE[None], 1300, axis=0))
    counts = dict.fromkeys(KINDS, 0)
    signs = set()
    for image in images:
        distance = {name: np.abs(image - other).max() for name, other in wanted.items()}
        name = min(distance, key=distance.get)
        assert distance[name] < 2e-3, name
        counts[name.split()[0]] += 1
        signs.add(name)
    assert signs == set(wanted)
    assert min(counts.values()) > 60  # 100 expected, sd 10
    assert max(counts.values()) < 140


def test_the_strength_is_a_share_of_the_largest_change():
    grey = np.full((500, 4, 4, 1), 0.1, np.float32)
    for strength in (0.2, 1.0):
        levels = shown(grey, strength=strength, fill="nearest")[:, 0, 0, 0]
        for factor in (1 - 0.9 * strength, 1 + 0.9 * strength):
            assert np.isclose(levels, 0.1 * factor, atol=1e-4).any()


def test_two_changes_follow_each_other():
    images = np.repeat(IMAGE[None], 300, axis=0)
    once, twice = (len({image.tobytes() for image in shown(images, n)}) for n in (1, 2))
    assert once <= 2 * len(KINDS)
    assert twice > 60


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stay_in_range_and_follow_from_the_key(channels):
    images = (np.random.default_rng(1).random((200, 9, 7, channels)) > 0.5).astype(np.float32)
    first = shown(images, 3, 1.0)
    assert (first.dtype, first.shape) == (np.float32, images.shape)
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6
    np.testing.assert_array_equal(shown(images, 3, 1.0), first)
    assert not np.array_equal(shown(images, 3, 1.0, key=KEY + 1), first)


def test_an_empty_image_is_no_division_by_zero():
    assert np.isfinite(shown(np.zeros((100, 6, 6, 1), np.float32), 2)).all()
