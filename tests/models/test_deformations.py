"""Deformations: what they do, how pairs are drawn, and whether a known one is found again."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_mnist.models.class_pairs import draw_pairs, pairs_by_class
from gan_mnist.models.deformations import (
    NUM_PARAMETERS,
    Deform,
    DeformationModel,
    blurred,
)
from gan_mnist.training.adam import Adam

SIDE = 28
PIXEL = 2 / (SIDE - 1)
FIELD = slice(6, NUM_PARAMETERS - 1)


def noise(number=2, channels=1, seed=0):
    """Images without an edge, so that it matters to a hair where they are."""
    rng = np.random.default_rng(seed)
    rough = rng.random((number, SIDE, SIDE, channels), dtype=np.float32)
    smooth = ndimage.gaussian_filter(rough, (0, 2, 2, 0))
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


def letter():
    """A black image (28, 28) with a bright L, two pixels thick."""
    image = np.zeros((SIDE, SIDE), np.float32)
    image[7:20, 10:12] = image[18:20, 10:18] = 1
    return image


def deformed(images, **parts):
    """Images (n, H, W, C) deformed; parts are slices of a deformation: linear, shift, ..."""
    places = {
        "linear": slice(4),
        "shift": slice(4, 6),
        "field": FIELD,
        "thickness": slice(-1, None),
    }
    deformations = np.zeros((len(images), NUM_PARAMETERS), np.float32)
    for name, values in parts.items():
        deformations[:, places[name]] = values
    return Deform()(images, deformations).numpy()


def test_zeros_leave_images_as_they_are():
    images = noise(3, channels=2)
    np.testing.assert_allclose(deformed(images), images, atol=1e-4)


@pytest.mark.parametrize("part", ["shift", "field"])
def test_a_shift_takes_pixels_from_there_and_repeats_the_edge(part):
    images = noise()
    values = np.tile([3 * PIXEL, -2 * PIXEL], 1 if part == "shift" else 25)
    moved = deformed(images, **{part: values})
    np.testing.assert_allclose(moved[:, 2:, :-3], images[:, :-2, 3:], atol=1e-3)
    np.testing.assert_allclose(moved[:, 5:, -3:], images[:, 3:-2, -1:].repeat(3, 2), atol=1e-3)


def test_a_linear_map_is_that_of_scipy():
    images, linear = noise(), np.array([0.1, -0.2, 0.15, -0.05])
    x_y = np.eye(2) + linear.reshape(2, 2)
    rows_columns, centre = x_y[::-1, ::-1], np.full(2, (SIDE - 1) / 2)
    expected = [
        ndimage.affine_transform(image, rows_columns, centre - rows_columns @ centre, order=1,
                                 mode="nearest")
        for image in images[..., 0]
    ]  # fmt: skip
    np.testing.assert_allclose(deformed(images, linear=linear)[..., 0], expected, atol=1e-3)


def test_a_control_point_moves_what_is_around_it():
    images, field = noise(), np.zeros((5, 5, 2))
    field[1, 3] = PIXEL, 0  # A quarter down, three quarters to the right.
    moved = deformed(images, field=field.ravel())
    change = np.abs(moved - images).sum(axis=(0, 3))
    # Interpolation reaches to the second point on every side.
    assert change[:, :7].max() < 1e-5
    assert change[21:].max() < 1e-5
    # At the point itself the whole step: 6.75 down and 20.25 to the right.
    np.testing.assert_allclose(moved[:, 7, 20], images[:, 7, 21], atol=0.03)


def test_strokes_become_thicker_and_thinner():
    image = letter()[None, :, :, None]
    thick = deformed(image, thickness=1)[0, :, :, 0]
    np.testing.assert_allclose(thick, ndimage.grey_dilation(letter(), (3, 3)), atol=1e-3)
    assert 0.3 < deformed(image, thickness=-1).sum() / image.sum() < 0.9
    # Beyond a pixel there is no more.
    np.testing.assert_array_equal(deformed(image, thickness=3), deformed(image, thickness=1))


def test_the_blur_is_a_gaussian_of_so_many_sides():
    images = noise(channels=3)
    expected = ndimage.gaussian_filter(images, (0, 1.4, 1.4, 0), truncate=8)
    found = blurred(tf.constant(images), tf.constant(0.05)).numpy()
    inner = np.s_[:, 6:-6, 6:-6]
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-3)
    np.testing.assert_allclose(blurred(tf.ones((1, 9, 7, 1)), tf.constant(0.3)), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("counts", "num_pairs", "expected"),
    [((1, 4, 2), 8, [0, 4, 4]), ((3, 3, 3), 8, [3, 3, 2]), ((1, 2), 5, [0, 5])],
)
def test_classes_of_several_images_have_as_many_pairs(counts, num_pairs, expected):
    labels = np.repeat(np.arange(len(counts)), counts)
    assert pairs_by_class(labels, num_pairs).tolist() == expected
    sources, targets = draw_pairs(labels, num_pairs, seed=1)
    assert labels[sources].tolist() == np.repeat(np.arange(len(counts)), expected).tolist()
    np.testing.assert_array_equal(labels[targets], labels[sources])


def test_no_pair_comes_again_before_all_others_have_come():
    labels = np.array([1, 0, 0, 1, 0, 0])  # 12 pairs of class 0, 2 of class 1
    sources, targets = draw_pairs(labels, 34, seed=0)
    pairs = list(zip(sources.tolist(), targets.tolist(), strict=True))
    assert len(set(pairs[:12])) == 12
    assert sorted(set(pairs[17:])) == [(0, 3), (3, 0)]
    assert all(source != target for source, target in pairs)
    assert pairs[:12] != list(zip(*draw_pairs(labels, 34, seed=1), strict=True))[:12]


def test_of_very_many_pairs_few_are_drawn_without_making_them_all(monkeypatch):
    monkeypatch.setattr("gan_mnist.models.class_pairs.MOST_PERMUTED", 10)
    for number in (5, 12, 30):  # of 12 pairs
        sources, targets = draw_pairs(np.zeros(4, int), number, seed=0)
        pairs = list(zip(sources.tolist(), targets.tolist(), strict=True))
        assert len(pairs) == number
        assert len(set(pairs)) == min(number, 12)
        assert all(source != target for source, target in pairs)


def registered(sources, targets, updates=100):
    """Their deformations, (n, 57), as a training of so many updates finds them."""
    numbers = np.arange(len(sources))
    model = DeformationModel(sources.shape[1:], len(sources), updates)
    rate = keras.optimizers.schedules.CosineDecay(0.04, updates)
    model.compile(Adam(rate), steps_per_execution=20)
    batches = tf.data.Dataset.from_tensors((sources, targets, numbers)).repeat()
    model.fit(batches, steps_per_epoch=updates, shuffle=False, verbose=0)
    return model.deformations.numpy()


@pytest.mark.slow
def test_a_known_affine_map_is_found():
    """Seen from the ink: where each of its pixels comes from, to a fraction of a pixel."""
    image, linear = letter(), np.array([0.1, -0.25, 0.05, 0.1])
    x_y, shift = np.eye(2) + linear.reshape(2, 2), np.array([1.5, -2]) * PIXEL
    centre = np.full(2, (SIDE - 1) / 2)
    rows_columns = x_y[::-1, ::-1]
    offset = centre - rows_columns @ centre + shift[::-1] / PIXEL
    moved = ndimage.affine_transform(image, rows_columns, offset, order=1)
    pairs = np.stack([image, image]), np.stack([moved, image])
    found, none = registered(*(images[..., None] for images in pairs))

    # Of two images that are equal nothing is moved.
    assert np.abs(none).max() < 0.02
    places = np.linspace(-1, 1, SIDE, dtype=np.float32)
    where = np.stack(np.meshgrid(places, places), axis=-1)
    # What a deformation does to coordinates it does to images of them.
    came = Deform().move(tf.tile(where[None], (1, 1, 1, 3)), found[None]).numpy()[0]
    error = (came - (where @ x_y.T + shift))[moved > 0.5] / PIXEL
    assert np.sqrt((error**2).sum(axis=-1)).mean() < 0.5
    unmoved = (where - (where @ x_y.T + shift))[moved > 0.5] / PIXEL
    assert np.sqrt((unmoved**2).sum(axis=-1)).mean() > 1.9


@pytest.mark.slow
def test_thickness_is_found():
    images = np.stack([letter(), ndimage.grey_dilation(letter(), (3, 3))])[..., None]
    thicker, thinner = registered(images, images[::-1])[:, -1]
    assert thicker > 0.5
    assert thinner < -0.3


@pytest.mark.slow
def test_with_a_scaled_loss_the_steps_are_the_same():
    """In float16 Keras scales losses, and divides the gradients again."""
    sources, targets = noise(4, seed=1), noise(4, seed=2)
    moved = []
    for optimizer in (Adam(0.04), keras.optimizers.LossScaleOptimizer(Adam(0.04))):
        model = DeformationModel((SIDE, SIDE, 1), 4, 5)
        model.compile(optimizer)
        model.train_step((tf.constant(sources), tf.constant(targets), tf.range(4)))
        moved.append(model.deformations.numpy())
    assert np.median(np.abs(moved[0])) == pytest.approx(0.04, rel=0.01)
    np.testing.assert_allclose(moved[1], moved[0], rtol=1e-3, atol=1e-5)


def sampled(own, scale=1.0, many=1.0):
    """Samples of a model whose pairs of class 1 go right and those of class 2 go left."""
    model = DeformationModel((SIDE, SIDE, 1), 6, 10, own, scale, many=many)
    images = np.repeat(letter()[None, :, :, None], 5, axis=0)
    model.adopt(images, np.array([0, 1, 1, 2, 2]))
    deformations = np.zeros((6, NUM_PARAMETERS))
    deformations[:, 4] = [-4 * PIXEL] * 3 + [4 * PIXEL] * 3
    model.deformations.assign(deformations)
    labels = np.repeat(np.array([0, 1, 2], np.int32), 40 if not own else (0, 40, 40))
    samples = model.sample(tf.constant(labels), tf.constant([0, 1])).numpy()[..., 0]
    ink = samples.sum(axis=1) @ np.arange(SIDE) / samples.sum(axis=(1, 2))
    return labels, np.round(ink - letter().sum(axis=0) @ np.arange(SIDE) / letter().sum(), 1)


def test_samples_are_moved_as_pairs_of_any_class_or_of_their_own():
    labels, moved = sampled(own=True)
    np.testing.assert_array_equal(moved, np.where(labels == 1, 4, -4))
    labels, moved = sampled(own=False)
    for label in range(3):
        assert set(moved[labels == label]) == {-4, 4}


def test_samples_are_moved_as_far_as_the_scale_says():
    assert set(sampled(own=False, scale=0.5)[1]) == {-2, 2}
    assert set(sampled(own=False, scale=0)[1]) == {0}


def test_those_of_classes_with_pairs_are_multiplied_besides():
    labels, moved = sampled(own=False, scale=0.5, many=0.5)
    assert set(moved[labels == 0]) == {-2, 2}
    assert set(moved[labels != 0]) == {-1, 1}


def test_a_model_is_made_again_from_its_config_and_its_file(tmp_path):
    model = DeformationModel((8, 8, 1), 4, 10, own=True, scale=0.5, most=2, alike=True, many=2.0)
    again = DeformationModel.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert (again.image_shape, again.num_pairs, again.own, again.scale) == ((8, 8, 1), 4, True, 0.5)
    assert (again.most, again.alike, again.many) == (2, True, 2.0)
    rng = np.random.default_rng(0)
    model.adopt(rng.random((6, 8, 8, 1), np.float32), np.array([0, 0, 0, 1, 1, 1]))
    model.deformations.assign(rng.normal(0, 0.1, (4, NUM_PARAMETERS)))
    model.fit_style_slopes(rng.random((4, 8, 8, 1), np.float32))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    drawn = [m.sample(tf.constant([0, 1, 1]), tf.constant([3, 4])) for m in (model, loaded)]
    np.testing.assert_array_equal(*drawn)
