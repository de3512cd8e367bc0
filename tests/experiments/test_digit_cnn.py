"""The digit study: what each arm shows and how it is trained, and a run from end to end."""

import keras
import numpy as np
import pytest
from gan_mnist.experiments.digit_cnn import trial
from gan_mnist.experiments.digit_cnn.study import STUDY
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.study.settings import with_changes

MAIN = main
ARMS = {arm.name: arm for arm in STUDY.arms}
SMALL = {"width": 1, "updates": 20, "intervals": 4, "images_per_class": 10}


@pytest.fixture
def shown(begun):
    """`shown(arm, seed)`: a trial up to the training: model, first batch, validation."""

    def shown(arm, seed=0, **changes):
        told = begun(arm, seed, **changes)
        return told.model, next(told.batches(0).as_numpy_iterator()), told.validation

    return shown


def test_the_arms_are_augmentation_and_a_falling_learning_rate_and_both():
    changes = {name: dict(arm.changes) for name, arm in ARMS.items()}
    assert changes["plain"] == {}
    assert changes["classical"] == {"classical": True}
    assert changes["decay"] == {"decay": True}
    assert changes["classical_decay"] == changes["classical"] | changes["decay"]
    assert changes["wide_decay"] == {"times_as_wide": 2, "decay": True}
    assert STUDY.control == "plain"
    base = STUDY.settings
    assert (base.width, base.updates, base.intervals) == (4, 10_000, 100)
    assert (base.batch_size, base.learning_rate, base.flip) == (64, 5e-3, "never")


@pytest.mark.parametrize("classifier", ["digit_cnn", "small_cnn"])
def test_the_wide_one_has_twice_the_channels_of_any_network(begun, classifier):
    changes = {} if classifier == "digit_cnn" else {"classifier": classifier, "width": 16}
    widths = [
        [layer.filters for layer in begun(arm, 0, **changes).model.layers
         if isinstance(layer, keras.layers.Conv2D)]
        for arm in ("decay", "wide_decay")
    ]  # fmt: skip
    assert widths[0]
    assert widths[1] == [2 * width for width in widths[0]]


def test_plain_shows_the_training_images_and_no_other(shown, dataset):
    _, (images, labels), (validation, _) = shown("plain", batch_size=100)
    known = {image.tobytes() for image in dataset.train.images}
    given = {np.uint8(np.round(image * 255)).tobytes() for image in images}
    held = {np.uint8(np.round(image * 255)).tobytes() for image in validation}
    # 10 images a class: a batch of 100 is one pass.
    assert len(given) == 100 and given <= known
    assert np.bincount(labels).tolist() == [10] * 10
    assert held < known and not held & given


@pytest.mark.slow
def test_arms_of_a_seed_share_weights_order_and_validation(shown):
    plain, (images, labels), validation = shown("plain")
    start = plain.get_weights()
    for arm in ("classical", "decay", "classical_decay"):
        model, (others, same), untouched = shown(arm)
        for one, other in zip(start, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(labels, same)
        np.testing.assert_array_equal(validation[0], untouched[0])
        changed = [not np.array_equal(a, b) for a, b in zip(images, others, strict=True)]
        assert all(changed) if "classical" in arm else not any(changed)
    _, (other, _), _ = shown("plain", seed=1)
    assert not np.array_equal(images, other)


@pytest.mark.slow
def test_the_learning_rate_falls_to_nothing_where_the_table_says(shown):
    def rates(arm):
        model, _, _ = shown(arm)
        schedule = model.optimizer._learning_rate
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return [float(schedule(update)) for update in (0, 10, 20)]
        return [float(model.optimizer.learning_rate)] * 3

    assert rates("plain") == rates("classical") == pytest.approx([5e-3] * 3)
    assert rates("decay") == rates("classical_decay") == pytest.approx([5e-3, 2.5e-3, 0])


@pytest.mark.slow
def test_a_trial_on_a_folder_of_colour_images(make, tmp_path):
    rng = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("green", (30, 200, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(15):
            pixels = np.uint8(np.array(colour) + rng.integers(-20, 20, (18, 22, 3)))
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    place = {"dataset": "folder", "data_dir": str(tmp_path / "images"), "image_size": 16}
    place |= {"channels": 3, "images_per_class": 0, "updates": 80}
    folder = load_dataset("folder", place["data_dir"], False, 16, 3)
    asked = make("classical_decay", of=folder, workdir=tmp_path / "run", **place)
    metrics = trial.run_trial(asked).metrics
    assert metrics["accuracy"] > 0.7
    assert {f"recall_{name}" for name in ("red", "green", "blue")} < set(metrics)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"updates": 30}, "updates: 30 .* multiples of 4"),
        ({"classes": ("1",)}, "classes: 1 is 1 class"),
        ({"classes": ("1", "x")}, "'x' is unknown"),
        ({"images_per_class": 1_000}, "images_per_class: 1000 is out of range"),
        ({"validation_per_class": 400}, "validation_per_class: 400"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, SMALL | changes, "test").resolve(dataset)
