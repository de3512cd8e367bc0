"""The scaling study: nested subsets, what each size sees, fits where the truth is known, a run."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gan_mnist.experiments.data_scaling import trial
from gan_mnist.experiments.data_scaling.study import STUDY
from made_images import shows_made_images

from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.generators.contract import Generator
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.study.settings import with_changes
from gan_mnist.trials import steps as trials

ARMS = {arm.name: arm for arm in STUDY.arms}
SMALL = {"largest": 64, "width": 1, "updates": 10, "intervals": 1, "gan_width": 1}
SMALL |= {"gan_updates": 10, "pool_images": 40}


GENERATOR_OF = {name: arm.changes.get("generator", NONE) for name, arm in ARMS.items()}
# Theirs is replaced here; what others show is known from their own tests.
GAN_ARMS = [name for name, of in GENERATOR_OF.items() if of != NONE and GENERATORS[of].trains]
SHOWN = [name for name in ARMS if GENERATOR_OF[name] == NONE or name in GAN_ARMS]


class Flat(Generator):
    """In the place of a trained GAN: flat images whose level is the size it was trained on."""

    key, seconds = "flat", 2.0

    def __init__(self, size):
        self.size = size

    def with_latent_scale(self, scale):
        return self

    def sample(self, labels, seed):
        return np.full((len(labels), 28, 28, 1), np.float32(self.size / 255))


@pytest.fixture
def shown(make, fake_gan, monkeypatch):
    """`shown(arm, seed)`: by size, what was handed to the training; `.asked`: of generators."""
    subsets = []

    def flat(request):
        subsets.append(request.images.train)
        return Flat(len(request.images.train))

    def train_classifier(recipe, batches, validation, stream, directory, log_directory, log_name):
        assert log_name == directory.name
        sources, augmentation = batches.args
        seen[int(directory.name.removeprefix("size-"))] = sources, augmentation, recipe, stream
        return None, 1.0

    def evaluate(self, model):
        return {"accuracy": 0.5 + 0.01 * len(seen)}, np.full((len(self.test.labels), 10), 0.1)

    asked = fake_gan(flat)
    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    monkeypatch.setattr(trials.ClassifierSteps, "evaluate", evaluate)

    def shown(arm, seed=0, **changes):
        seen.clear()
        shown.outcome = trial.run_trial(make(arm, seed, **changes))
        return dict(seen)

    seen = {}
    shown.asked, shown.subsets = asked, subsets
    return shown


def rows(images):
    return [image.tobytes() for image in images]


def test_the_table_asks_the_question():
    changes = {name: dict(arm.changes) for name, arm in ARMS.items()}
    assert changes["alone"] == {}
    assert changes["classical"] == {"classical": True}
    assert changes["classical_and_generated"] == changes["classical"] | changes["generated"]
    assert all(arm.kind != "generated" or shows_made_images(arm) for arm in ARMS.values())
    assert (STUDY.control, STUDY.rival, STUDY.metrics[0].name) == ("alone", "classical", "accuracy")


def test_sizes_are_the_powers_of_two_that_there_are(dataset, settings):
    assert settings("alone", largest=0).sizes == (16, 32, 64, 128, 256, 512, 1024, 2048)
    assert settings("alone", largest=100).sizes == (16, 32, 64)
    assert settings("alone", smallest=17).sizes == (32, 64)
    assert settings("alone", smallest=2).sizes == (16, 32, 64)
    assert settings("alone", smallest=2, classes=("1", "2")).sizes == (2, 4, 8, 16, 32, 64)
    assert settings("alone").resolve(dataset) == settings("alone")


@pytest.mark.parametrize("counts", [(50, 50, 50), (3, 40, 11), (1, 1, 9)])
def test_subsets_are_nested_and_as_balanced_as_can_be(counts):
    labels = np.repeat(np.arange(3), counts)
    order = trial.balanced_order(labels, 0)
    assert sorted(order) == list(range(len(labels)))
    for size in range(1, len(labels) + 1):
        found = np.bincount(labels[order[:size]], minlength=3)
        open_classes = [c for c in range(3) if found[c] < counts[c]]
        most = max(found)
        assert all(found[c] >= most - 1 for c in open_classes)
    firsts = {tuple(labels[trial.balanced_order(labels, seed)[:3]]) for seed in range(20)}
    assert len(firsts) > 3  # No class always comes first.


@pytest.mark.parametrize("arm", SHOWN)
def test_every_size_shows_its_images_and_nothing_else(shown, dataset, arm):
    seen = shown(arm)
    train = allot(dataset, dataset.class_names, None, 0, 40).train
    known = dict(zip(rows(train.images), train.labels, strict=True))
    smaller = set()
    assert list(seen) == [16, 32, 64]
    for size, (sources, augmentation, recipe, stream) in seen.items():
        (images, labels), num_real = sources[0]
        assert len(set(rows(images))) == len(labels) == size
        assert all(known[row] == c for row, c in zip(rows(images), labels, strict=True))
        assert smaller <= set(rows(images))
        smaller = set(rows(images))
        assert set(Counter(labels.tolist()).values()) <= {size // 10, size // 10 + 1}
        assert (augmentation is not None) == ARMS[arm].changes.get("classical", False)
        assert (recipe.updates, stream) == (10, ("data_scaling", 0, 0))
        if arm not in GAN_ARMS:
            assert (num_real, len(sources)) == (64, 1)
            continue
        (fakes, fake_labels), num_fake = sources[1]
        assert (num_real, num_fake) == (32, 32)
        assert np.bincount(fake_labels).tolist() == [4] * 10
        # Of the generator that was trained on this size, on these images.
        assert (fakes == size).all()
    if arm in GAN_ARMS:
        assert [len(subset) for subset in shown.subsets] == [16, 32, 64]
        for subset in shown.subsets:
            assert rows(subset.images) == rows(seen[len(subset)][0][0][0][0])
        assert len({recipe for recipe, _, _ in shown.asked}) == 1
    else:
        assert not shown.asked
    metrics = shown.outcome.metrics
    assert metrics == {
        "accuracy": pytest.approx(0.52),
        "accuracy_at_16": 0.51,
        "accuracy_at_32": 0.52,
        "accuracy_at_64": 0.53,
    }
    assert shown.outcome.seconds["training"] == 3
    # Six of training and, beyond it, those of drawing the pools.
    spent = shown.outcome.seconds["generator"]
    assert 6 <= spent < 7 if arm in GAN_ARMS else spent == 0
    assert shown.outcome.updates == 30


def test_arms_of_a_seed_share_images_and_seeds_do_not(shown):
    control, other = shown("alone"), shown("alone", seed=1)
    for arm in [name for name in SHOWN if name != "alone"]:
        seen = shown(arm)
        for size in control:
            assert rows(seen[size][0][0][0][0]) == rows(control[size][0][0][0][0])
    assert set(rows(control[16][0][0][0][0])) != set(rows(other[16][0][0][0][0]))
    keys = {name: replace(STUDY.settings, **ARMS[name].changes).shared_work for name in ARMS}
    assert keys["generated"] == keys["classical_and_generated"]
    assert {name for name, key in keys.items() if key} == set(GAN_ARMS)


def test_a_size_that_is_done_is_not_done_again_unless_settings_changed(shown, tmp_path):
    shown("alone")
    outcome = shown.outcome
    assert list(shown("alone")) == []
    assert shown.outcome == outcome
    (tmp_path / "trials/alone/seed-00/size-32/result.json").write_text('{"metrics": ')
    assert list(shown("alone")) == [32]
    assert list(shown("alone", learning_rate=0.01)) == [16, 32, 64]


@pytest.mark.slow
def test_an_interrupted_trial_ends_as_an_undisturbed_one(make, tmp_path, monkeypatch):
    def run(name):
        asked = make("generated", workdir=tmp_path / name, largest=32)
        outcome = trial.run_trial(asked)
        files = [asked.directory / "predictions.csv", asked.directory / "size-32" / "gallery.npz"]
        return outcome.metrics, outcome.correct, [path.read_bytes() for path in files]

    whole = run("whole")
    assert len(whole[1]["bits"][0]) == 2  # of both sizes
    train, calls = trials.train_classifier, []

    def stop_at_second(*arguments, **options):
        calls.append(arguments[4].name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    monkeypatch.setattr(trials, "train_classifier", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        run("stopped")
    assert run("stopped") == whole
    assert calls == ["size-16", "size-32", "size-32"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_size": 12, "gan_architecture": "dcgan"}, "image_size"),
        ({"largest": 16}, "largest"),
        ({"largest": 9}, "largest"),
        ({"largest": 3601}, r"setting largest: 3601 is out of range; accepted: up to 3600 \("),
        ({"smallest": 4096}, "largest"),
        ({"pool_images": 9}, "pool_images"),
        ({"updates": 30, "intervals": 4}, "intervals"),
        ({"classes": ("1",)}, "classes"),
        ({"classes": ("1", "x")}, "classes"),
        ({"validation_per_class": 1_000}, "validation_per_class"),
    ],
)
def test_what_cannot_be_done_is_refused(dataset, changes, named):
    with pytest.raises(InputError, match=named):
        with_changes(STUDY.settings, changes, "test").resolve(dataset)


def test_the_largest_size_of_a_preset_fits_the_data(dataset):
    few = replace(dataset, train=dataset.train.take(np.arange(0, len(dataset.train.labels), 40)))
    smoke = with_changes(STUDY.settings, STUDY.presets["smoke"].changes, "smoke")
    assert smoke.fitted(few, {"largest"}).resolve(few).sizes == (16, 32, 64)
    assert smoke.fitted(dataset, {"largest"}) == smoke
    with pytest.raises(InputError, match="setting largest: 128"):
        smoke.fitted(few, ()).resolve(few)


@pytest.mark.parametrize("each", [1, 2])
def test_why_few_images_are_too_few_is_told(dataset, each):
    rows = np.concatenate(
        [np.flatnonzero(dataset.train.labels == label)[:each] for label in (1, 2)]
    )
    few = replace(dataset, train=dataset.train.take(rows))
    settings = replace(STUDY.settings, classes=("1", "2"))
    # Of two images of a class one validates.
    with pytest.raises(InputError, match=r"--data_dir: 2 training images are left .*: 4 or more"):
        settings.resolve(few)


def test_as_many_as_are_asked_for_will_do(dataset):
    rows = np.concatenate([np.flatnonzero(dataset.train.labels == label)[:3] for label in (1, 2)])
    few = replace(dataset, train=dataset.train.take(rows))
    assert replace(STUDY.settings, classes=("1", "2")).resolve(few).sizes == (2, 4)
