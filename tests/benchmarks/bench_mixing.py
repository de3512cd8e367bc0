"""What a mixed batch costs: from a pool, and freshly generated, against a batch of real images."""

import functools
import time

import keras
import numpy as np
import pytest
from gan_mnist.experiments.mixing.trial import BuildGenerating

from gan_mnist.data.pipelines import latent_batches, mixed_batches
from gan_mnist.generators.gans import ConditionalRecipe
from gan_mnist.models.classifiers import build_deep_cnn
from gan_mnist.models.latents import Latents
from gan_mnist.training.adam import Adam

SHAPE, NUM_CLASSES, WIDTH, BATCH = (28, 28, 1), 10, 4, 100
CALL, ROUNDS = 25, 12


def columns(number, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (number, *SHAPE), np.uint8)
    return images, rng.integers(0, NUM_CLASSES, number).astype(np.int32)


@pytest.fixture(scope="module")
def seconds():
    """Seconds an update of each kind of batch, taken in turns: the median over rounds."""
    real, pool = columns(50_000, 0), columns(10_000, 1)
    recipe = ConditionalRecipe(
        updates=10, batch_size=64, width=4, architecture="dcgan", latent_dim=100
    )
    draw = Latents(100).draw
    kinds = {
        "real": (build_deep_cnn, mixed_batches([(real, BATCH)], None, 0, 0)),
        "pool": (
            build_deep_cnn,
            mixed_batches([(real, BATCH // 2), (pool, BATCH // 2)], None, 0, 0),
        ),
        "fresh": (
            BuildGenerating(recipe, None),
            latent_batches(real, BATCH // 2, BATCH // 2, NUM_CLASSES, draw, None, 0, 0),
        ),
    }
    fits = {}
    for name, (build, batches) in kinds.items():
        model = build(SHAPE, NUM_CLASSES, WIDTH)
        model.compile(
            Adam(1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=CALL,
        )
        fits[name] = functools.partial(
            model.fit, batches, steps_per_epoch=CALL, shuffle=False, verbose=0
        )
        fits[name]()
    taken = {name: [] for name in fits}
    for _ in range(ROUNDS):
        for name, fit in fits.items():
            began = time.monotonic()
            fit()
            taken[name].append((time.monotonic() - began) / CALL)
    return {name: float(np.median(values)) for name, values in taken.items()}


def test_a_batch_from_a_pool_costs_what_a_real_one_does(seconds):
    told = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in seconds.items())
    print(f"\nan update of DeepCNN, width {WIDTH}, batch {BATCH}: {told}")
    assert seconds["pool"] <= 1.15 * seconds["real"]
