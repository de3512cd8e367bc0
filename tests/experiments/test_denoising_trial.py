"""A trial of the denoising study from beginning to end: every number and picture, counted again."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gan_mnist.experiments.denoising import trial
from gan_mnist.experiments.denoising.study import STUDY
from matplotlib.image import imread
from small_trial import make_trial

from gan_mnist.data.degradation import Degradation, fixed_pairs
from gan_mnist.data.subsets import read_test_subset
from gan_mnist.evaluation.generation import kernel_distance
from gan_mnist.files import read_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.denoiser import build_denoising_model
from gan_mnist.seeding import derive_seed

SMALL = {"width": 1, "updates": 10, "intervals": 1, "batch_size": 50, "discriminator_width": 1}
SMALL |= {"judge_width": 1, "judge_updates": 10, "test_pairs": 20, "export_dir": ""}
# Where the fixed pairs stand.
USUAL = {("a", 0.5), ("b", 0.7), ("noise", 1.0)}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(settings, dataset, tmp_path_factory):
    """A trial from beginning to end, of an arm that returns the truth at full scale."""
    workdir = tmp_path_factory.mktemp("whole")
    arm = "resConvNet_v3_dcnn"
    asked = settings(arm, export_dir=str(workdir / "saved"))
    asked = make_trial(STUDY, arm, 0, asked, workdir, dataset)
    outcome = trial.run_trial(asked)
    assert outcome.correct["sizes"] == [20]
    return outcome.metrics, asked.directory, workdir


def test_metrics_are_what_the_exported_model_is_worth(whole, dataset):
    metrics, directory, workdir = whole
    test = read_test_subset(dataset, dataset.class_names)
    assert set(metrics) == {metric.name for metric in STUDY.metrics}
    pairs = fixed_pairs(test.images, 20, Degradation(ref_shown="scaled", target="plain"))
    exported = tf.saved_model.load(str(workdir / "saved/denoising/resConvNet_v3_dcnn/denoiser"))
    inputs = {"input": tf.constant(pairs.noisy_images), "ref": tf.constant(pairs.references)}
    outputs = 0.5 * exported.signatures["denoise"](**inputs)["images"].numpy()
    truths, refs = (test.images[r] / np.float32(255) for r in (pairs.truth_rows, pairs.ref_rows))
    errors = outputs - 0.5 * truths
    mse = (errors**2).mean((1, 2, 3))
    found = {"l1": np.abs(errors).mean(), "mse": mse.mean(), "psnr_db": -10 * np.log10(mse).mean()}
    triples = zip(outputs, truths, refs, strict=True)
    alike = [np.corrcoef([part.ravel() for part in triple])[0, 1:] for triple in triples]
    found["ref_leak"] = np.mean([to_ref > to_truth for to_truth, to_ref in alike])
    keras.utils.set_random_seed(derive_seed("denoising", 0, "weights"))
    fresh = build_denoising_model((28, 28, 1), 1, "none")
    returned = fresh.denoise(pairs.noisy_images, pairs.references).numpy()
    triples = zip(returned, truths, refs, strict=True)
    alike = [np.corrcoef([part.ravel() for part in triple])[0, 1:] for triple in triples]
    found["untrained_ref_leak"] = np.mean([to_ref > to_truth for to_truth, to_ref in alike])
    network = build_small_cnn((28, 28, 1), 10, 1)
    (weights,) = workdir.glob("judges/*/judge.weights.h5")
    network.load_weights(weights)
    labels = test.labels[pairs.truth_rows]
    read = network.predict(2 * outputs, verbose=0).argmax(axis=1) == labels
    found["digit_accuracy"] = np.mean(read)
    called = network.predict(truths, verbose=0).argmax(axis=1)
    found["truth_accuracy"] = np.mean(called == labels)
    hidden = keras.Model(network.inputs, network.layers[-1].input)
    assert not set(pairs.truth_rows[:9]) & {*pairs.truth_rows[10:], *pairs.ref_rows[10:]}
    features = [hidden.predict(images, verbose=0) for images in (truths[:9], 2 * outputs[10:])]
    seed = derive_seed("denoising", 0, "feature_distance")
    found["feature_distance"] = kernel_distance(*features, 4, 2, seed).value
    for name, value in found.items():
        assert metrics[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
    measures = read_rows(directory / "measures.csv")
    assert [int(row["pair"]) for row in measures] == list(range(20))
    assert [float(row["digit_accuracy"]) for row in measures] == read.tolist()
    for name in ("l1", "mse", "psnr_db", "ssim", "ref_leak"):
        mean = np.mean([float(row[name]) for row in measures])
        assert mean == pytest.approx(metrics[name], abs=1e-6)

    with np.load(directory / "sheet.npz") as archive:
        sheet = dict(archive)
    np.testing.assert_array_equal(sheet["truths"], test.images[pairs.truth_rows[:16]])
    np.testing.assert_array_equal(sheet["refs"], test.images[pairs.ref_rows[:16]])
    assert np.abs(sheet["inputs"] - 255 * pairs.noisy_images[:16]).max() < 0.51
    assert np.abs(sheet["outputs"] - 255 * outputs[:16]).max() < 0.51
    np.testing.assert_allclose(sheet["psnr_db"], -10 * np.log10(mse[:16]), rtol=1e-3)
    picture = np.round(imread(directory / "sheet.png") * 255)
    assert picture.shape == (4 * 28, 4 * 28)
    for column, name in enumerate(("truths", "refs", "inputs", "outputs")):
        shown = picture[:, 28 * column : 28 * column + 28].reshape(4, 28, 28, 1)
        np.testing.assert_array_equal(shown, sheet[name][:4])


def test_the_sweep_leaves_one_range_at_a_time(whole):
    metrics, directory, _ = whole
    found = read_rows(directory / "sweep.csv")
    values = {"a": (0.1, 0.2, 0.35, 0.5, 0.75, 1.0), "b": (0.0, 0.2, 0.45, 0.7, 1.0, 1.4)}
    values["noise"] = (0.0, 0.25, 0.5, 1.0, 1.5)
    varied = [(row["varied"], float(row["value"])) for row in found]
    assert varied == [(name, value) for name, of_name in values.items() for value in of_name]
    usual = [row for row, at in zip(found, varied, strict=True) if at in USUAL]
    assert len(usual) == 3
    for row in usual:
        for name in ("psnr_db", "ref_leak"):
            assert float(row[name]) == pytest.approx(metrics[name], abs=1e-6)
    assert len({row["psnr_db"] for row in found}) == len(found) - 2
