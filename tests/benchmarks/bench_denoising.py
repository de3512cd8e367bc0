"""Training of a denoiser: against the bare in-graph loop, and what bfloat16 gains at width 128."""

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.degradation import Degradation, degrade, denoising_batches
from gan_mnist.data.pipelines import as_float, shuffled_rows
from gan_mnist.data.subsets import allot
from gan_mnist.denoisers import DenoiserRecipe, build_exam, train_denoiser
from gan_mnist.files import read_rows
from gan_mnist.models.denoiser import Schedule, build_residual_denoiser

SHAPE, BATCH, ROUNDS = (28, 28, 1), 32, 3
UPDATES = 400
# At the source's width, in ten minutes. At 3e-3 so wide a network returns black for as long.
WIDE, WIDE_UPDATES, WIDE_BATCH, WIDE_INTERVALS, WIDE_RATE = 128, 320, 32, 8, 1e-3
MOST_DB_LOST = 0.2


@pytest.fixture(scope="module")
def allotment():
    dataset = load_dataset("mnist_sample")
    return allot(dataset, dataset.class_names, None, 0, 40)


@pytest.fixture
def precision() -> Iterator[Callable[[str], None]]:
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def recipe(width: int, updates: int, rate: float, intervals: int = 2, **more) -> DenoiserRecipe:
    return DenoiserRecipe(SHAPE, width, updates, learning_rate=rate, intervals=intervals, **more)


def test_training_against_the_bare_loop(allotment, tmp_path: Path) -> None:
    images, degradation = allotment.train.images, Degradation()
    exam = build_exam(allotment.validation.images, 50, degradation, 0.5, 0.7)

    def ours() -> float:
        batches = functools.partial(denoising_batches, images, BATCH, degradation)
        plain = recipe(16, UPDATES, 3e-3)
        began = time.perf_counter()
        train_denoiser(plain, Schedule(), batches, exam, ("bench", 0), tmp_path, tmp_path)
        return time.perf_counter() - began

    network, adam = build_residual_denoiser(SHAPE, 16), keras.optimizers.Adam(3e-3)
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


def test_bfloat16_at_the_source_width(allotment, tmp_path: Path, precision) -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "avx512_bf16" not in flags and "amx_bf16" not in flags:
        pytest.skip("the processor has no bfloat16")
    images, degradation = allotment.train.images, Degradation()
    exam = build_exam(allotment.validation.images, 400, degradation, 0.5, 0.7)
    seconds, psnr_db = {}, {}
    for name in ("float32", "mixed_bfloat16"):
        precision(name)
        directory = tmp_path / name
        wide = recipe(WIDE, WIDE_UPDATES, WIDE_RATE, WIDE_INTERVALS, decay=True, precision=name)
        batches = functools.partial(denoising_batches, images, WIDE_BATCH, degradation)
        train = functools.partial(
            train_denoiser, wide, Schedule(), batches, exam, ("bench", 0), directory, directory
        )
        directory.mkdir()
        train()
        rows = read_rows(directory / "curves.csv")
        # Without the first interval, which holds the trace.
        seconds[name] = float(rows[-1]["seconds"]) - float(rows[0]["seconds"])
        psnr_db[name] = [float(row["val_psnr_db"]) for row in rows]
    ratio = seconds["float32"] / seconds["mixed_bfloat16"]
    print(f"\ndenoiser, width {WIDE}: bfloat16 {ratio:.2f} times as fast")
    for name, values in psnr_db.items():
        print(f"  {name}: PSNR {', '.join(f'{value:.2f}' for value in values)} dB")
    assert ratio >= 1.6
    assert abs(psnr_db["float32"][-1] - psnr_db["mixed_bfloat16"][-1]) <= MOST_DB_LOST
