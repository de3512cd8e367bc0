"""The mixing study's images from latents, of any generator that decodes some."""

from dataclasses import replace

import numpy as np
import pytest
from test_mixing import SMALL, STUDY, trial
from tiers import kinds_of

from gan_mnist.errors import NotApplicable

__all__ = ["SMALL", "STUDY"]  # of which `make` makes trials


def of_another_generator(begun, generator):
    return replace(begun, settings=replace(begun.settings, generator=generator))


@pytest.mark.slow
@pytest.mark.parametrize("generator", kinds_of({n: n for n in ("cgan", "r3gan", "vae_flow")}))
def test_any_generator_that_decodes_latents_makes_images_anew(make, generator, monkeypatch):
    """Of its moving average, which a training makes another one than that of the start."""

    def fit(model, *rest, **options):
        model.average.set_weights([1.1 * weight + 0.1 for weight in model.average.get_weights()])
        return 1.0

    monkeypatch.setattr("gan_mnist.generators.trained.fit", fit)
    small = {"gan_architecture": "mlp", "gan_width": 1, "vae_width": 1, "untrained": False}
    begun = make("cnn_add_generated_data_v4", **small)
    steps = trial.Steps(of_another_generator(begun, generator))
    images = steps.allot(steps.trial.settings.counts)
    made_by = steps.generator(images)
    mixture = trial._mixture(steps, images.train, made_by)
    (((_, latents, _), _),) = mixture.batches(0, 0).take(1)
    assert latents.shape == (50, made_by.network.prior.dim)
    assert not np.any(latents[:, 5:])
    model = mixture.build(images.train.images.shape[1:], 10, 1)
    mixture.prepare(model)
    trained = made_by.network.average.get_weights()
    for weight, same in zip(model.generator.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(weight, same)


@pytest.mark.slow
def test_what_changes_images_makes_none_of_latents(make):
    begun = of_another_generator(make("cnn_add_generated_data_v1", dagan_width=1), "dagan")
    with pytest.raises(NotApplicable, match="dagan decodes no latents; it fills a pool"):
        trial.run_trial(begun)
