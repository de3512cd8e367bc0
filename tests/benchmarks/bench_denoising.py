"""Training of a denoiser: against the bare in-graph loop, and what bfloat16 gains at width 128."""

import functools
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from loky import ProcessPoolExecutor

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.degradation import Degradation, degrade, denoising_batches
from gan_mnist.data.pipelines import as_float, shuffled_rows
from gan_mnist.data.subsets import Allotment, allot
from gan_mnist.files import read_rows
from gan_mnist.models.denoiser import Schedule, build_residual_denoiser
from gan_mnist.training.adam import Adam
from gan_mnist.training.denoiser import DenoiserRecipe, build_evaluation_set, train_denoiser

SHAPE, BATCH, ROUNDS = (28, 28, 1), 32, 3
UPDATES = 400
# At the source's width: for the speed, and until it has learned, in a quarter of an hour each.
WIDE, WIDE_RATE, PRECISIONS = 128, 1e-3, ("float32", "mixed_bfloat16")
SPEED, LEARNED = {"updates": 96, "batch_size": 32}, {"updates": 1600, "batch_size": 16}
MOST_DB_LOST = 0.2


def digits() -> Allotment:
    dataset = load_dataset("mnist_sample")
    return allot(dataset, dataset.class_names, None, 0, 40)


def recipe(width: int, updates: int, rate: float, intervals: int = 2, **more) -> DenoiserRecipe:
    return DenoiserRecipe(SHAPE, width, updates, learning_rate=rate, intervals=intervals, **more)


def test_training_against_the_bare_loop(tmp_path: Path) -> None:
    allotment, degradation = digits(), Degradation()
    images = allotment.train.images
    exam = build_evaluation_set(allotment.validation.images, 50, degradation, 0.5, 0.7)

    def ours() -> float:
        batches = functools.partial(denoising_batches, images, BATCH, degradation)
        plain = recipe(16, UPDATES, 3e-3)
        began = time.perf_counter()
        train_denoiser(plain, Schedule(), batches, exam, ("bench", 0), tmp_path, tmp_path)
        return time.perf_counter() - began

    network, adam = build_residual_denoiser(SHAPE, 16), Adam(3e-3)
    adam.build(network.trainable_variables)
    table = tf.constant(images)

    @tf.function
    def bare_loop() -> None:
        for update in tf.range(UPDATES, dtype=tf.int64):
            truths, refs = (
                as_float(tf.gather(table, shuffled_rows(len(images), BATCH, order, update)))
                for order in (0, 1)
            )
            noisy_images, shown, targets = degrade(truths, refs, degradation, (0, update))
            with tf.GradientTape() as tape:
                fake_images = network([noisy_images, shown], training=True)
                value = tf.reduce_mean(tf.abs(targets - fake_images))
            gradients = tape.gradient(value, network.trainable_variables)
            adam.apply(gradients, network.trainable_variables)

    def bare() -> float:
        began = time.perf_counter()
        bare_loop()
        return time.perf_counter() - began

    ours(), bare()
    ratio = float(np.median([bare() / ours() for _ in range(ROUNDS)]))
    print(f"\ndenoiser, width 16: {ratio:.2f} of the bare in-graph loop")
    assert ratio >= 0.9


def wide_curves(
    name: str, directory: Path, updates: int, batch_size: int
) -> list[tuple[float, float]]:
    """Seconds and validation PSNR of a training in this precision, at eight points of it."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    allotment, degradation = digits(), Degradation()
    exam = build_evaluation_set(allotment.validation.images, 400, degradation, 0.5, 0.7)
    batches = functools.partial(denoising_batches, allotment.train.images, batch_size, degradation)
    wide = recipe(WIDE, updates, WIDE_RATE, intervals=8, decay=True, precision=name)
    train_denoiser(wide, Schedule(), batches, exam, ("bench", 0), directory, directory)
    keras.config.set_dtype_policy(policy)
    rows = read_rows(directory / "curves.csv")
    return [(float(row["seconds"]), float(row["val_psnr_db"])) for row in rows]


@pytest.fixture
def has_bfloat16() -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "avx512_bf16" not in flags and "amx_bf16" not in flags:
        pytest.skip("the processor has no bfloat16")


@pytest.mark.usefixtures("has_bfloat16")
def test_bfloat16_is_faster_at_the_source_width(tmp_path: Path) -> None:
    seconds = {}
    for name in PRECISIONS:
        first, *_, last = wide_curves(name, tmp_path / name, **SPEED)
        # Without the first interval, which holds the trace.
        seconds[name] = last[0] - first[0]
    ratio = seconds["float32"] / seconds["mixed_bfloat16"]
    print(f"\ndenoiser, width {WIDE}: bfloat16 {ratio:.2f} times as fast")
    assert ratio >= 1.6


@pytest.mark.usefixtures("has_bfloat16")
def test_bfloat16_learns_as_much_at_the_source_width(tmp_path: Path) -> None:
    with ProcessPoolExecutor(max_workers=2) as pool:
        trainings = {
            name: pool.submit(wide_curves, name, tmp_path / name, **LEARNED) for name in PRECISIONS
        }
        psnr_db = {name: [psnr for _, psnr in found.result()] for name, found in trainings.items()}
    for name, values in psnr_db.items():
        print(f"\n{name}: PSNR {', '.join(f'{value:.2f}' for value in values)} dB", end="")
    assert abs(psnr_db["float32"][-1] - psnr_db["mixed_bfloat16"][-1]) <= MOST_DB_LOST
