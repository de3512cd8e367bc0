"""The study of conditional GANs: what is trained on what, and what is measured."""

from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from gan_mnist.experiments.conditional_gan import trial
from gan_mnist.experiments.conditional_gan.study import STUDY
from made_images import shows_made_images

from gan_mnist.data.subsets import allot, read_test_subset
from gan_mnist.errors import InputError
from gan_mnist.generators.names import GENERATORS
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.latents import Latents
from gan_mnist.study.settings import with_changes
from gan_mnist.study.statistics.test_images import shares_right

ARMS = {arm.name: arm for arm in STUDY.arms}
GANS = [name for name, arm in ARMS.items() if GENERATORS[arm.changes["generator"]].trains]
SMALL = {"width": 2, "updates": 20, "intervals": 2, "images_per_class": 30}
SMALL |= {"validation_per_class": 5, "generated_images": 300, "gan_width": 1, "gan_epochs": 1}


class Levels:
    """In the place of a GAN's network: flat images, a level a class and a shade an image.

    Shades go up to 4 with latents as in training, and up to 9 with wider ones.
    """

    average, exported, prior = None, (), Latents(1, "uniform")

    def sample(self, labels, seed):
        return self.decode(self.prior.draw(tf.shape(labels)[0], seed), labels)

    def decode(self, latents, labels):
        shade = tf.minimum(tf.floor(5 * tf.abs(latents[:, 0])), 9)
        levels = (20 * tf.cast(labels, tf.float32) + shade + 1) / 255
        return tf.tile(levels[:, None, None, None], (1, 28, 28, 1))


def of_levels(request=None):
    generator = TrainedGenerator(Levels())
    generator.key, generator.seconds = "levels", 1.0
    return generator


@pytest.fixture(scope="module")
def drawn(dataset):
    """The training images of a seed."""
    return lambda seed=0: allot(dataset, dataset.class_names, (30,) * 10, seed, 5).train


@pytest.fixture
def shown(make, fake_gan, monkeypatch):
    """`shown(arm, seed)`: all that a trial does, but for training; `shown.fits` of classifiers."""
    fits, measured = [], []

    def fit(model, batches, updates, directory, seed, callbacks, validation, *rest):
        ((columns, size),), augmentation, order = batches.args
        streams = (updates, seed, order, size, augmentation)
        fits.append((directory, columns, streams, model.get_weights()))
        return 0.0

    def measure(*args):
        measured.append(args)
        return {"kid": 0.0}

    monkeypatch.setattr("gan_mnist.training.classifier.fit", fit)
    monkeypatch.setattr(trial, "generation_metrics", measure)

    def shown(arm, seed=0, **changes):
        asked = make(arm, seed, **changes)
        return trial.run_trial(asked), asked.directory

    shown.fits, shown.gans, shown.measured = fits, fake_gan(of_levels), measured
    return shown


def counted(images, labels):
    return Counter((image.tobytes(), int(c)) for image, c in zip(images, labels, strict=True))


def test_the_table_holds_the_source_and_what_it_is_judged_by(settings):
    assert (STUDY.control, STUDY.oracle) == ("mlp", "real")
    assert ARMS["dcgan"].changes == {"generator": "cgan", "gan_architecture": "dcgan"}
    assert all(arm.kind != "generated" or shows_made_images(arm) for arm in ARMS.values())
    assert replace(settings("real"), shuffled_labels=True) == settings("shuffled_labels")


def test_the_mlp_gan_is_that_of_its_source_in_every_preset():
    found = []
    for preset in STUDY.presets.values():
        settings = with_changes(STUDY.settings, preset.changes, "preset")
        of_arm = with_changes(settings, ARMS["mlp"].changes, "mlp").identity()
        of_gan = {name: value for name, value in of_arm.items() if name.startswith("gan_")}
        found.append({name: value for name, value in of_gan.items() if name != "gan_epochs"})
    assert found[0]["gan_learning_rate"] == 1e-3
    assert all(of_preset == found[0] for of_preset in found)


def test_the_mlp_is_that_of_the_source(make, fake_gan):
    asked = fake_gan(lambda request: 1 / 0)
    for epochs in (STUDY.settings.gan_epochs, 2):
        with pytest.raises(ZeroDivisionError):
            trial.run_trial(make("mlp", gan_epochs=epochs))
    recipe, short = (recipe for recipe, _, _ in asked)
    assert (recipe.updates, recipe.intervals, recipe.batch_size) == (55_000, 100, 100)
    assert short == replace(recipe, updates=1_100, intervals=2)
    assert (recipe.distribution, recipe.average_decay) == ("uniform", 0)
    for adam in recipe.optimizers():
        assert (float(adam.learning_rate), adam.beta_1) == (pytest.approx(1e-3), 0.9)
    network = recipe.build((28, 28, 1), 10)
    shapes = [weights.shape for weights in network.generator.get_weights()]
    assert shapes == [(128 + 10, 256), (256,), (256, 784), (784,)]
    shapes = [weights.shape for weights in network.discriminator.get_weights()]
    assert shapes == [(784 + 10, 256), (256,), (256, 1), (1,)]


@pytest.mark.parametrize("arm", ARMS)
def test_a_gan_and_the_judge_see_the_draw_and_nothing_else(shown, drawn, arm):
    shown(arm, seed=1)
    directory, (images, labels), _, _ = shown.fits[0]
    assert directory.parent.name == "judges"
    assert counted(images, labels) == counted(drawn(1).images, drawn(1).labels)
    assert [gan[1:] for gan in shown.gans] == [(drawn(1).fingerprint, 1)] * (arm in GANS)
    for recipe, _, _ in shown.gans:
        assert type(recipe).__name__ == GENERATORS[ARMS[arm].changes["generator"]].name
        assert getattr(recipe, "architecture", None) in (
            None,
            ARMS[arm].changes["gan_architecture"],
        )


@pytest.mark.slow
def test_all_arms_of_a_seed_share_a_judge_and_are_paired(shown):
    for arm in ARMS:
        shown(arm)
    judges = [fit for fit in shown.fits if fit[0].parent.name == "judges"]
    trained = [fit for fit in shown.fits if fit not in judges]
    assert (len(judges), len(trained)) == (1, len(ARMS))
    _, (_, labels), streams, weights = trained[0]
    for arm, (_, (_, others), same, initial) in zip(ARMS, trained, strict=True):
        assert same == streams
        wrong = ARMS[arm].changes.get("shuffled_labels", False)
        assert (labels != others).all() if wrong else (labels == others).all()
        for one, two in zip(weights, initial, strict=True):
            np.testing.assert_array_equal(one, two)
    assert streams[:2] != judges[0][2][:2]
    shown("real", seed=1)
    assert len(shown.fits) == len(ARMS) + 1 + 2
    assert shown.fits[-1][2] != streams


@pytest.mark.slow
@pytest.mark.parametrize("generated", [300, 1_000])
def test_real_images_come_equally_often_and_test_images_never(shown, drawn, dataset, generated):
    shown("real", generated_images=generated)
    _, (images, labels), _, _ = shown.fits[1]
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
    assert np.bincount(labels).tolist() == [generated // 10] * 10
    counts, train = counted(images, labels), counted(drawn().images, drawn().labels)
    assert counts.keys() == train.keys()
    assert max(counts.values()) - min(counts.values()) <= 1
    test = read_test_subset(dataset, dataset.class_names)
    assert not {pixels for pixels, _ in counts} & {image.tobytes() for image in test.images}


@pytest.mark.slow
def test_shuffled_labels_are_all_wrong(shown, drawn):
    shown("shuffled_labels", generated_images=600)
    _, (images, labels), _, _ = shown.fits[1]
    truth = dict(counted(drawn().images, drawn().labels).keys())
    found = np.array([truth[image.tobytes()] for image in images])
    assert (found != labels).all()
    pairs = Counter(zip(found.tolist(), labels.tolist(), strict=True))
    assert len(pairs) == 90


@pytest.mark.slow
def test_generated_images_have_the_labels_that_were_asked_for(shown, dataset):
    _, directory = shown("mlp", generated_images=305)
    _, (images, labels), _, _ = shown.fits[1]
    assert ((images[:, 0, 0, 0] - 1) // 20 == labels).all()
    assert np.bincount(labels).tolist() == [31] * 5 + [30] * 5
    with np.load(directory / "gallery.npz") as gallery:
        assert ((gallery["images"][:, 0, 0, 0] - 1) // 20).tolist() == [*range(10), 0, 1]
    with np.load(directory / "sheet.npz") as sheet:
        test = read_test_subset(dataset, dataset.class_names)
        pairs = zip(test.images, test.labels, strict=True)
        truth = {image.tobytes(): label for image, label in pairs}
        assert [truth[image.tobytes()] for image in sheet["real"]] == list(range(10))
        assert ((sheet["samples"][:, 0, 0, 0] - 1) // 20).tolist() == list(range(10))


@pytest.mark.slow
def test_one_gan_is_sampled_from_latents_of_two_spreads(shown, settings):
    shades = {}
    for arm in ("mlp", "dcgan", "dcgan_usual_latents"):
        shown(arm, generated_images=500)
        _, (images, _), *_ = shown.fits[-1]
        shades[arm] = set(((images[:, 0, 0, 0] - 1) % 20).tolist())
    assert shades["mlp"] == shades["dcgan_usual_latents"] == set(range(5))
    assert shades["dcgan"] == set(range(8))
    _, wide, usual = (gan[0] for gan in shown.gans)
    assert wide == usual
    keys = {arm: settings(arm).shared_work for arm in ARMS}
    assert {arm for arm, key in keys.items() if key} == set(GANS)
    assert keys["dcgan"] == keys["dcgan_usual_latents"] != keys["mlp"]


@pytest.mark.slow
def test_measures_are_of_the_judges_features_of_the_right_images(shown, dataset, drawn, tmp_path):
    outcome, _ = shown("mlp")
    ((real, fake, train, held, _),) = shown.measured
    test = read_test_subset(dataset, dataset.class_names)
    assert held is real
    assert [len(features) for features in (real, fake, train)] == [len(test), len(test), 300]
    network = build_small_cnn((28, 28, 1), 10, 2)
    (weights,) = tmp_path.glob("judges/*/judge.weights.h5")
    network.load_weights(weights)
    hidden = keras.Model(network.inputs, network.layers[-3].output)
    for features, images in ((real, test.images), (train, drawn().images)):
        expected = hidden.predict(images / np.float32(255), verbose=0)
        np.testing.assert_allclose(features, expected, atol=1e-5)
    levels = np.arange(1, 201, dtype=np.float32)[:, None, None, None] / 255
    flat = hidden.predict(np.broadcast_to(levels, (200, 28, 28, 1)), verbose=0)
    for label in range(10):
        of_class = flat[20 * label : 20 * label + 10]
        gaps = np.abs(fake[test.labels == label][:, None] - of_class).max(axis=2).min(axis=1)
        assert gaps.max() < 1e-5
    _, (images, labels), _, _ = shown.fits[1]
    called = network.predict(images / np.float32(255), verbose=0).argmax(axis=1)
    metrics = outcome.metrics
    (right,) = shares_right(outcome.correct)
    assert right.mean() == pytest.approx(metrics["gan_train_accuracy"])
    assert metrics["gan_test_accuracy"] == pytest.approx(np.mean(called == labels))
    for label in range(10):
        found = np.mean(called[labels == label] == label)
        assert metrics[f"gan_test_recall_{label}"] == pytest.approx(found)


@pytest.mark.slow
def test_nearest_pairs_are_found_by_brute_force(shown, drawn, dataset):
    _, directory = shown("mlp")
    with np.load(directory / "nearest.npz") as archive:
        found = dict(archive)
    train = drawn().images / 255.0
    levels = (np.arange(1, 201) / 255).reshape(200, 1, 1, 1)
    distances = {}
    for level in levels:
        distances[round(level.item() * 255)] = np.sqrt(((train - level) ** 2).sum((1, 2, 3)))
    assert found["samples"].shape == found["neighbours"].shape == (2, 10, 28, 28, 1)
    for block in range(2):
        for label in range(10):
            to_all = distances[int(found["samples"][block, label, 0, 0, 0])]
            row = to_all.argmin()
            assert found["distances"][block, label] == pytest.approx(to_all[row])
            np.testing.assert_array_equal(found["neighbours"][block, label], drawn().images[row])
            assert (found["samples"][block, label, 0, 0, 0] - 1) // 20 == label
    assert (found["distances"][0] <= found["distances"][1]).all()
    test = read_test_subset(dataset, dataset.class_names)
    of_class = test.images[test.labels == 3][: trial.PAIRS_A_CLASS] / 255.0
    near = [np.sqrt(((train - image) ** 2).sum((1, 2, 3)).min()) for image in of_class]
    assert found["test_distances"][:, 3] == pytest.approx([min(near), sorted(near)[len(near) // 2]])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_size": 12}, "image_size"),
        ({"generated_images": 9}, "generated_images"),
        ({"gan_latents": "binary"}, "gan_latents"),
        ({"gan_epochs": 0}, "gan_epochs"),
        ({"generator": "memory"}, "generator"),
        ({"updates": 30, "intervals": 4}, "intervals"),
        ({"images_per_class": 1_000}, "images"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, changes, "test").resolve(dataset)


def test_few_test_images_are_accepted(dataset):
    # That nothing but accuracies is measured then shows where every experiment runs on a few.
    settings = replace(STUDY.settings, classes=("1", "2"))
    rows = [np.flatnonzero(dataset.test.labels == label)[0] for label in (1, 2)]
    few = dataset.test.take(np.array(rows))
    assert settings.resolve(replace(dataset, test=few)).classes == ("1", "2")
