"""Exports, used by a process that has TensorFlow and has never heard of this package."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.evaluation.classification import MeanRecall
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.conditional_gan import WideLatents, build_conditional_gan
from gan_mnist.models.denoiser import build_denoising_model
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.trials.export import export_classifier, export_denoiser, export_generator

pytestmark = pytest.mark.slow

NAMES, SHAPE = ("one", "zwei", "三"), (16, 16, 1)
LABELS = np.int32([2, 0, 1, 1, 0])
GANS = {
    "mlp": lambda: build_conditional_gan("mlp", SHAPE, 3, 2, 4),
    "dcgan": lambda: build_conditional_gan("dcgan", SHAPE, 3, 1, 4),
    "warp": lambda: build_warp_gan(SHAPE, 2),
}
GENERATORS = [*GANS, "wide"]
# The exports are all that this gets: it runs in an empty directory, isolated from the environment.
STRANGER = """
import sys

class Ban:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("gan_mnist", "experiments"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Ban())
for name in ("gan_mnist", "experiments"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} can be imported")

import numpy as np
import tensorflow as tf

exports, out = sys.argv[1:]
given = np.load(f"{exports}/given.npz")
answers = {}
load = lambda name: tf.saved_model.load(f"{exports}/{name}").signatures
classifier = load("mlp/classifier")
answers["classes"] = classifier["classes"]()["classes"].numpy().astype("S")
for key, value in classifier["classify"](images=tf.constant(given["images"])).items():
    answers[f"classify_{key}"] = value.numpy()
labels = tf.constant(given["labels"])
for name in given["gans"].tolist():
    signatures = load(f"{name}/generator")
    generate, seeded = signatures["generate"], signatures["generate_seeded"]
    for call in range(2):
        answers[f"{name}_generate_{call}"] = generate(labels=labels)["images"].numpy()
        images = seeded(labels=labels, seed=tf.constant(5))["images"]
        answers[f"{name}_seeded_{call}"] = images.numpy()
    if "decode" in signatures:
        latents = signatures["latents"](labels=labels, seed=tf.constant(5))["latents"]
        decoded = signatures["decode"](latents=latents, labels=labels)["images"]
        answers[f"{name}_decoded"] = decoded.numpy()
    answers[f"{name}_other_seed"] = seeded(labels=labels, seed=tf.constant(6))["images"].numpy()
denoise = load("denoiser")["denoise"]
answer = denoise(input=tf.constant(given["images"]), ref=tf.constant(given["references"]))
answers["denoise_keys"], answers["denoised"] = list(answer), answer["images"].numpy()
answers["classify_label"] = answers["classify_label"].astype("S")
np.savez(out, **answers)
"""


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((7, *SHAPE), np.float32)


@pytest.fixture(scope="module")
def classifier():
    """Compiled as the studies compile theirs, and used."""
    keras.utils.set_random_seed(0)
    model = build_small_cnn(SHAPE, 3)
    model.compile(
        keras.optimizers.Adam(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[MeanRecall([0], name="minority_recall")],
        weighted_metrics=["accuracy"],
    )
    return model


@pytest.fixture(scope="module")
def generators():
    """Networks whose average differs from the generator; those of a warp GAN know its images."""
    made = {}
    for name, build in GANS.items():
        keras.utils.set_random_seed(1)
        network = build()
        network.average.set_weights([1.1 * w for w in network.average.get_weights()])
        pool = np.random.default_rng(2).random((6, *SHAPE), np.float32)
        network.adopt(pool, np.array([0, 1, 1, 2, 2, 2]))
        made[name] = TrainedGenerator(network)
    made["wide"] = TrainedGenerator(WideLatents(made["dcgan"].network, 2.0))
    return made


@pytest.fixture(scope="module")
def denoiser():
    """Its moving average differs from the generator."""
    keras.utils.set_random_seed(4)
    model = build_denoising_model(SHAPE, width=4, average_decay=0.9)
    model.average.set_weights([1.2 * w + 0.02 for w in model.average.get_weights()])
    return model


@pytest.fixture(scope="module")
def exports(classifier, generators, denoiser, images, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exports")
    export_classifier(classifier, NAMES, directory / "mlp")
    for name, generator in generators.items():
        export_generator(generator, NAMES, directory / name)
    export_denoiser(denoiser, directory)
    np.savez(
        directory / "given.npz",
        images=images,
        references=images[::-1],
        labels=LABELS,
        gans=list(generators),
    )
    return directory


@pytest.fixture(scope="module")
def answers(exports, tmp_path_factory):
    """What the stranger got."""
    empty = tmp_path_factory.mktemp("empty")
    out = empty.parent / "answers.npz"
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, str(exports), str(out)],
        cwd=empty,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(empty.iterdir())
    return np.load(out)


@pytest.mark.slow
def test_classify_answers_as_the_model_does(classifier, images, answers):
    logits = classifier(images, training=False).numpy().astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    best = probabilities.argmax(axis=1)
    assert answers["classify_index"].dtype == np.int32
    assert answers["classify_probability"].dtype == np.float32
    np.testing.assert_array_equal(answers["classify_index"], best)
    np.testing.assert_allclose(
        answers["classify_probability"], probabilities.max(axis=1), rtol=1e-5
    )
    labels = [label.decode("utf-8") for label in answers["classify_label"]]
    assert labels == [NAMES[index] for index in best]
    assert sorted(f for f in answers.files if "classify" in f) == [
        "classify_index",
        "classify_label",
        "classify_probabilities",
        "classify_probability",
    ]
    np.testing.assert_allclose(answers["classify_probabilities"], probabilities, rtol=1e-5)
    told = [name.decode("utf-8") for name in answers["classes"]]
    assert told == list(NAMES)


@pytest.mark.parametrize("name", GENERATORS)
def test_generate_draws_anew(name, answers):
    one, two = answers[f"{name}_generate_0"], answers[f"{name}_generate_1"]
    for drawn in (one, two):
        assert drawn.shape == (len(LABELS), *SHAPE)
        assert drawn.dtype == np.float32
        assert 0 <= drawn.min() < drawn.max() <= 1
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("name", GENERATORS)
def test_generate_seeded_repeats_itself_and_the_network(name, generators, answers):
    first = answers[f"{name}_seeded_0"]
    np.testing.assert_array_equal(first, answers[f"{name}_seeded_1"])
    assert not np.array_equal(first, answers[f"{name}_other_seed"])
    expected = generators[name].network.sample(tf.constant(LABELS), tf.constant([5, 0]))
    np.testing.assert_allclose(first, expected, atol=1e-5)
    # And so does the study's own sampler, for its first images.
    np.testing.assert_allclose(first, generators[name].sample(LABELS, seed=5), atol=1e-5)


def test_generators_that_decode_latents_tell_those_of_a_seed(answers):
    decoded = [name for name in GENERATORS if f"{name}_decoded" in answers]
    assert decoded == ["mlp", "dcgan", "wide"]
    for name in decoded:
        seeded = answers[f"{name}_seeded_0"]
        np.testing.assert_allclose(answers[f"{name}_decoded"], seeded, atol=1e-5)


def test_wide_latents_are_those_of_the_training_multiplied(generators, answers):
    gan = generators["dcgan"].network
    latents = 2 * gan.prior.draw(len(LABELS), tf.constant([5, 0]))
    expected = gan.decode(latents, tf.constant(LABELS))
    np.testing.assert_allclose(answers["wide_seeded_0"], expected, atol=1e-5)
    assert np.abs(answers["wide_seeded_0"] - answers["dcgan_seeded_0"]).max() > 1e-3


def test_the_warp_gan_carries_its_training_images(generators, answers):
    """A label with one training image: every image is a warp of that one."""
    network = generators["warp"].network
    ones = np.flatnonzero(LABELS == 0)
    network.adopt(np.zeros((3, *SHAPE), np.float32), np.arange(3))
    black = network.sample(tf.constant(LABELS), tf.constant([5, 0])).numpy()
    assert black.max() == 0
    assert answers["warp_seeded_0"][ones].max() > 0.5


def test_denoise_answers_as_the_moving_average_does(denoiser, images, answers):
    denoised = answers["denoised"]
    assert answers["denoise_keys"].tolist() == ["images"]
    assert (denoised.shape, denoised.dtype) == (images.shape, np.float32)
    assert 0 <= denoised.min() < denoised.max() <= 1
    pairs = [images, images[::-1]]
    expected = denoiser.average(pairs, training=False)
    np.testing.assert_allclose(denoised, expected, atol=1e-5)
    for other in (denoiser.generator(pairs), denoiser.average(pairs[::-1])):
        assert np.abs(denoised - other).max() > 1e-2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_a_denoiser_in_mixed_precision_takes_and_gives_float32(
    policy, average_decay, dtype_policy, tmp_path, images
):
    def build():
        keras.utils.set_random_seed(5)
        return build_denoising_model(SHAPE, width=4, average_decay=average_decay)

    pairs = [images, images[::-1]]
    expected = build().denoise(*pairs)
    dtype_policy(policy)
    export_denoiser(build(), tmp_path / "new")
    dtype_policy("float32")
    loaded = tf.saved_model.load(str(tmp_path / "new" / "denoiser"))
    denoise = loaded.signatures["denoise"]
    specs = denoise.structured_input_signature[1]
    assert set(specs) == {"input", "ref"}
    for spec in specs.values():
        assert (tuple(spec.shape), spec.dtype) == ((None, *SHAPE), tf.float32)
    denoised = denoise(input=pairs[0], ref=pairs[1])["images"]
    assert denoised.dtype == tf.float32
    difference = np.abs(denoised - expected).max()
    assert 0 < difference < 0.02
    # Alone or beside others: batch norm does not look at the batch.
    alone = loaded.denoise(input=pairs[0][:1], ref=pairs[1][:1])["images"]
    np.testing.assert_allclose(alone, denoised[:1], atol=5e-3)
    network = keras.saving.load_model(tmp_path / "new" / "denoiser.keras")
    np.testing.assert_allclose(network(pairs, training=False), denoised, atol=5e-3)


def test_keras_files_answer_as_the_models_do(classifier, generators, images, exports):
    loaded = keras.saving.load_model(exports / "mlp" / "classifier.keras")
    np.testing.assert_allclose(
        loaded(images, training=False), classifier(images, training=False), atol=1e-6
    )
    for name, generator in generators.items():
        loaded = keras.saving.load_model(exports / name / "generator.keras")
        average = generator.network.average
        rng = np.random.default_rng(3)
        inputs = [rng.random((4, *x.shape[1:]), np.float32) for x in average.inputs]
        np.testing.assert_allclose(
            loaded(inputs, training=False), average(inputs, training=False), atol=1e-6
        )


def test_class_names_lie_beside_the_exports(exports):
    for name in GENERATORS:
        text = (exports / name / "classes.json").read_text(encoding="utf-8")
        assert json.loads(text) == list(NAMES)
