"""Models as studies export them, small, and plain enough to know what they must answer."""

import json

import keras
import numpy as np

from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.denoiser import DenoisingModel
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.trials.export import export_classifier, export_denoiser, export_generator

SIZE, NAMES = 16, ("thin", "thick")


def ink_classifier(limit, size=SIZE, names=NAMES):
    """Says the first of two names up to a mean of all pixels, beyond it the second."""
    inputs = keras.Input((size, size, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(len(names))(mean))
    model.layers[-1].set_weights([np.array([[-50.0, 50.0]]), np.array([50.0, -50.0]) * limit])
    return model


def mixing_denoiser(size=SIZE):
    """Answers 0.75 * input + 0.25 * ref, pixel by pixel."""
    inputs = [keras.Input((size, size, 1)) for _ in range(2)]
    mix = keras.layers.Conv2D(1, 1, use_bias=False)
    model = keras.Model(inputs, mix(keras.layers.Concatenate()(inputs)))
    mix.set_weights([np.array([0.75, 0.25], np.float32).reshape(1, 1, 2, 1)])
    return DenoisingModel(model)


def small_generators():
    """By arm: one that decodes latents, and one that does not."""
    keras.utils.set_random_seed(0)
    made = {"cgan": build_conditional_gan("mlp", (SIZE, SIZE, 1), len(NAMES), 2, 4)}
    made["warp_gan"] = build_warp_gan((SIZE, SIZE, 1), 2)
    pool = np.random.default_rng(2).random((6, SIZE, SIZE, 1), np.float32)
    for network in made.values():
        network.adopt(pool, np.arange(6) % len(NAMES))
    return made


def export_all(root):
    """Writes `EXPERIMENT/ARM/` for two classifiers, two generators and a denoiser."""
    settings = {"classes": NAMES, "counts": [1, 300]}
    for arm, limit in (("none", 0.5), ("classical", 0.15)):
        export_classifier(ink_classifier(limit), NAMES, root / "imbalance" / arm)
        about = {"arm": arm, "settings": settings}
        (root / "imbalance" / arm / "about.json").write_text(json.dumps(about))
    for arm, network in small_generators().items():
        export_generator(TrainedGenerator(network), NAMES, root / "imbalance" / arm)
    export_denoiser(mixing_denoiser(), root / "denoising" / "resConvNet_v3_dcnn")
    about = {"settings": {"ref_shown": "scaled", "target": "plain"}}
    (root / "denoising" / "resConvNet_v3_dcnn" / "about.json").write_text(json.dumps(about))
    return root
