"""The initial weights that a seed stands for: records come out again only while these stay.

Published ones of conditional GANs from before version 0.2 had others.

Keras draws the seed of each initializer as it is made. So one that is made and not used, or made in
another place, gives every later layer other weights, and each trial is another draw.
"""

import numpy as np
import pytest
from conformance import GANS, NETWORKS, WITHOUT_ADVERSARY, built

pytestmark = pytest.mark.usefixtures("deep_networks")
CLASSIFIERS = {
    row.build.__name__: row
    for row in reversed(NETWORKS)
    if row.build.__module__ == "gan_mnist.models.classifiers"
}
# The sum, over all kernels, of the place of a kernel, counted from 1, times its first entry.
DRAWN = {
    "mlp": -1.179223,
    "dcgan": -4.346287,
    "r3gan": 29.027915,
    "warp": -1.790546,
    "dagan": -7.738784,
    "bagan": -7.058914,
    "denoiser": -0.411545,
    "vae_flow": 1.554849,
    "build_resnet": 8.978358,
    "build_colour_cnn": 0.909503,
    "build_digit_cnn": 3.707659,
    "build_deep_cnn": -2.453400,
    "build_small_cnn": -0.131069,
}


@pytest.mark.parametrize("name", [*GANS, *WITHOUT_ADVERSARY, *CLASSIFIERS])
def test_a_seed_draws_the_weights_that_it_drew_before(name):
    rows = {**GANS, **WITHOUT_ADVERSARY, **CLASSIFIERS}
    firsts = [w.flat[0] for w in built(rows[name]).get_weights() if w.ndim > 1]
    assert np.arange(1, len(firsts) + 1) @ firsts == pytest.approx(DRAWN[name], abs=1e-4)
