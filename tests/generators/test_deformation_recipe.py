"""Deformations as a generator: from settings to pairs, and where there can be none."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Allotment
from gan_mnist.errors import NotApplicable
from gan_mnist.files import read_json
from gan_mnist.generators import trained
from gan_mnist.generators.contract import Request
from gan_mnist.generators.create import create_generator
from gan_mnist.generators.deformations import DeformationRecipe
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.trained import generator_key
from gan_mnist.models.styles import fit_style_slopes, measure_styles

SHAPE = (8, 8, 3)
SETTINGS = GeneratorSettings(
    generator="deformations", deformation_pairs=9, deformation_updates=20, precision="float32"
)


@pytest.fixture(scope="module")
def subset(make_subset):
    return make_subset(counts=(1, 4, 3), shape=SHAPE)


def test_settings_describe_it():
    settings = replace(SETTINGS, deformations_of="own", deformation_scale=0.5)
    expected = DeformationRecipe(updates=20, batch_size=9, own=True, scale=0.5)
    assert DeformationRecipe.of(settings) == expected
    assert DeformationRecipe.of(replace(settings, untrained=True)) == replace(expected, updates=0)
    of_each = replace(settings, deformation_pairs_per_class=7)
    assert DeformationRecipe.of(of_each) == replace(expected, each=7)
    alike = DeformationRecipe.of(replace(of_each, deformations_of="alike"))
    assert alike == replace(expected, each=7, own=False, alike=True)


def test_a_batch_holds_pairs_of_a_class_and_their_numbers(subset):
    sources, targets, numbers = DeformationRecipe.of(SETTINGS).columns(subset, 0)
    rows = {image.tobytes(): row for row, image in enumerate(subset.images)}
    found = [[rows[image.tobytes()] for image in images] for images in (sources, targets)]
    labels = subset.labels[np.array(found)]
    np.testing.assert_array_equal(labels[0], labels[1])
    assert np.bincount(labels[0]).tolist() == [0, 5, 4]
    assert numbers.tolist() == list(range(9))
    others = DeformationRecipe.of(SETTINGS).columns(subset, 1)
    assert not np.array_equal(sources, others[0])


@pytest.mark.slow
def test_large_images_are_registered_at_a_smaller_size_and_moved_at_their_own(
    make_subset, tmp_path
):
    large = make_subset(counts=(2, 2, 2), shape=(64, 96, 3))
    sources, targets, _ = DeformationRecipe.of(SETTINGS).columns(large, 0)
    assert sources.shape == targets.shape == (9, 32, 32, 3)
    means = large.images.reshape(6, 32, 2, 32, 3, 3).mean(axis=(2, 4)) / 255
    distance = np.abs(sources[:, None] - means).max(axis=(2, 3, 4))
    np.testing.assert_allclose(distance.min(axis=1), 0, atol=1e-5)
    generator = create_generator(Request(SETTINGS, Allotment(large, None, None), 0, tmp_path))
    assert generator.sample(np.array([0, 2]), 3).shape == (2, 64, 96, 3)


def test_untrained_it_moves_nothing(subset, tmp_path):
    settings = replace(SETTINGS, untrained=True)
    generator = create_generator(Request(settings, Allotment(subset, None, None), 0, tmp_path))
    images = generator.sample(np.array([0, 1, 2, 1]), 3)
    distance = np.abs(images[:, None] - as_float(subset.images)).max(axis=(2, 3, 4))
    assert distance.min(axis=1).max() < 1e-4
    np.testing.assert_array_equal(subset.labels[distance.argmin(axis=1)], [0, 1, 2, 1])


@pytest.mark.slow
def test_a_class_is_registered_once_whichever_other_one_is_starved(make_subset, tmp_path):
    """With so many pairs a class, its deformations are a function of its own images."""
    whole = make_subset(counts=(4, 4, 4), shape=SHAPE)
    settings = replace(SETTINGS, deformation_pairs_per_class=6)
    found, kept = [], []
    for starved in (0, 1):
        subset = whole.take(np.flatnonzero((whole.labels != starved) | (np.arange(12) % 4 == 0)))
        request = Request(settings, Allotment(subset, None, None), 0, tmp_path)
        found.append(create_generator(request).network.deformations.numpy().reshape(3, 6, -1))
        kept.append(len(list(tmp_path.glob("generators/*/generator.json"))))
    # Two classes and what is made of them; then one class, and that.
    assert kept == [3, 5]
    (one, two, none), (zero, again, nothing) = found
    np.testing.assert_array_equal(two, again)
    assert np.abs(one - zero).max() > 1e-3
    assert np.abs(two).max() > 1e-3
    assert not none.any()
    assert not nothing.any()


@pytest.mark.slow
def test_seconds_are_those_of_all_classes_whoever_registered_them(subset, tmp_path):
    """Arms that differ in what is done afterwards share the registrations, and so their seconds."""
    settings = replace(SETTINGS, deformation_pairs_per_class=6)
    seconds = [
        create_generator(
            Request(replace(settings, **changes), Allotment(subset, None, None), 0, tmp_path)
        ).seconds
        for changes in ({}, {"deformation_scale": 0.5})
    ]
    kept = [read_json(path) for path in tmp_path.glob("generators/*/generator.json")]
    # Two classes have pairs.
    classes = [about["seconds"] for about in kept if not about["settings"]["each"]]
    assert len(classes) == len(kept) - 2 == 2
    assert min(classes) > 0
    assert seconds == [pytest.approx(sum(classes))] * 2


@pytest.mark.slow
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)], ids=["plain first", "plain last"])
def test_pairs_are_registered_once_whatever_is_done_with_their_deformations(
    make_subset, tmp_path, monkeypatch, order
):
    fits, fit = [], trained.fit
    monkeypatch.setattr(trained, "fit", lambda *a, **o: fits.append(a) or fit(*a, **o))
    changes = ({}, {"deformations_of": "own"}, {"deformations_of": "alike"},
               {"deformation_scale": 0.5, "deformation_scale_of_many": 0.7})  # fmt: skip
    subset = make_subset(counts=(2, 4, 3), shape=SHAPE)

    def created(seed, **change):
        settings = replace(SETTINGS, **change)
        request = Request(settings, Allotment(subset, None, None), seed, tmp_path)
        generator = create_generator(request)
        return generator, generator.network.deformations.numpy()

    found = [created(0, **changes[position]) for position in order]
    assert len(fits) == 1
    for generator, deformations in found:
        np.testing.assert_array_equal(deformations, found[0][1])
        assert generator.seconds == found[0][0].seconds > 0
    assert np.abs(found[0][1]).max() > 1e-3
    # Each is kept under the name that it has on its own.
    keys = {generator_key(DeformationRecipe.of(replace(SETTINGS, **c)), subset, 0) for c in changes}
    assert {path.parent.name for path in tmp_path.glob("generators/*/generator.json")} == keys
    other = created(1, **changes[2])[1]
    assert len(fits) == 2
    assert not np.array_equal(other, found[0][1])


class Watch(keras.callbacks.Callback):
    """Keeps how the model that it looks at moves images."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((self.model.own, self.model.scale, self.model.alike))


@pytest.mark.slow
@pytest.mark.parametrize("of", ["own", "alike"])
def test_callbacks_look_at_the_generator_that_was_asked_for(make_subset, tmp_path, of):
    """Sheets of samples on the way would show another one's images, or none."""
    subset, watch = make_subset(counts=(2, 4, 3), shape=SHAPE), Watch()
    plain = Request(SETTINGS, Allotment(subset, None, None), 0, tmp_path)
    create_generator(plain)
    settings = replace(SETTINGS, deformations_of=of, deformation_scale=0.5)
    watched = create_generator(replace(plain, settings=settings, callbacks=[watch]))
    assert watch.seen == [(of == "own", 0.5, of == "alike")] * 10
    found = watched.network.get_weights()
    shared = create_generator(replace(plain, settings=settings, workdir=tmp_path / "apart"))
    for weights, expected in zip(found, shared.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_images_are_moved_by_the_pairs_that_there_are(make_subset, tmp_path):
    """Rows that a starved class leaves empty would move nothing: none is drawn."""
    subset = make_subset(counts=(1, 4, 1), shape=SHAPE)
    settings = replace(SETTINGS, deformation_pairs_per_class=6)
    generator = create_generator(Request(settings, Allotment(subset, None, None), 0, tmp_path))
    images = generator.sample(np.zeros(40, int), 3)
    deformations = generator.network.deformations.numpy()[:6]
    lone = np.repeat(as_float(subset.images[:1]), 6, axis=0)
    possible = generator.network.average([lone, deformations]).numpy()
    distance = np.abs(images[:, None] - possible).max(axis=(2, 3, 4))
    assert distance.min(axis=1).max() < 1e-5
    assert len(set(distance.argmin(axis=1))) == 6


@pytest.mark.slow
@pytest.mark.parametrize("each", [0, 6])
def test_deformations_are_related_to_the_styles_of_their_own_sources(subset, tmp_path, each):
    changes = {"deformations_of": "alike", "deformation_pairs_per_class": each}
    settings = replace(SETTINGS, deformation_pairs=12, **changes)
    request = Request(settings, Allotment(subset, None, None), 0, tmp_path)
    network = create_generator(request).network
    several = [DeformationRecipe.of(replace(SETTINGS, deformation_pairs=6))] * 2
    parts = [
        recipe.columns(subset.only(label), 0)[0]
        for recipe, label in zip(several, (1, 2), strict=True)
    ]
    sources = np.concatenate(parts)
    if not each:
        sources = DeformationRecipe.of(settings).columns(subset, 0)[0]
    expected = measure_styles(tf.constant(as_float(sources))).numpy()
    np.testing.assert_allclose(network.styles.numpy()[:12], expected, rtol=1e-5)
    deformations = network.deformations.numpy()[:12]
    np.testing.assert_allclose(
        network.slopes.numpy(), fit_style_slopes(expected, deformations), atol=1e-5
    )


@pytest.mark.parametrize(
    ("counts", "changes", "reason"),
    [
        ((1, 1, 1), {}, "are learnt from a class with 2 images or more"),
        ((1, 4, 3), {"deformations_of": "own"}, "need 2 images, and a pair, of it"),
        ((3, 4, 3), {"deformations_of": "own", "deformation_pairs": 2}, "need 2 images, and a"),
    ],
)
def test_it_tells_what_it_lacks(make_subset, counts, changes, reason):
    recipe = DeformationRecipe.of(replace(SETTINGS, **changes))
    with pytest.raises(NotApplicable, match=reason):
        recipe.columns(make_subset(counts=counts, shape=SHAPE), 0)
