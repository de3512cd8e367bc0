"""Memory of trainings: what is given back, and what is refused before the first update."""

import keras
import numpy as np
import pytest

from gan_mnist.data.pipelines import training_batches
from gan_mnist.errors import InputError
from gan_mnist.generators import trained as trained_module
from gan_mnist.generators.gans import ConditionalRecipe
from gan_mnist.models.classifiers import build_resnet, build_small_cnn
from gan_mnist.models.denoiser import build_denoising_model
from gan_mnist.training import loop, made_once, memory
from gan_mnist.training.loop import ReusableModel, fit

ROWS = 4


def compiled(model):
    model.compile(keras.optimizers.SGD(), "sparse_categorical_crossentropy")
    return model


def weights_of(model):
    return 4 * sum(weight.size for weight in model.get_weights())


def test_counted_is_what_layers_that_learn_are_given():
    model = compiled(build_small_cnn((8, 8, 1), 3, width=2))
    # The image; 4 x 4 of 2 channels; 2 x 2 of 4; 8 units. SGD holds its rate and its updates.
    numbers = 64 + 32 + 16 + 8
    assert memory.least_bytes(model, ROWS) == 4 * (ROWS * numbers + 2) + weights_of(model)


def test_what_several_layers_are_given_is_counted_once():
    model = compiled(build_resnet((8, 8, 1), 3, width=1))
    told = {id(layer.input): layer.input for layer in model.layers if layer.trainable_weights}
    assert len(told) < sum(bool(layer.trainable_weights) for layer in model.layers)
    numbers = sum(np.prod(tensor.shape[1:]) for tensor in told.values())
    assert memory.least_bytes(model, ROWS) == 4 * (ROWS * numbers + 2) + weights_of(model)


@pytest.mark.parametrize("adversary", ["none", "vanilla"])
def test_both_networks_count_and_what_their_optimizers_hold(adversary):
    model = build_denoising_model((16, 16, 1), 2, adversary, discriminator_width=1)
    model.compile("adam")
    held = sum(v.numpy().size for o in model.optimizers for v in o.variables)
    of_rows = memory.least_bytes(model, ROWS) - memory.least_bytes(model, 0)
    assert memory.least_bytes(model, 0) == weights_of(model) + 4 * held
    # Tests have 4 convolutions and 3 batch norms, all of 2 channels.
    least = ROWS * 4 * 16 * 16 * 7 * 2
    assert of_rows == least if adversary == "none" else of_rows > least


@pytest.mark.slow
def test_too_little_memory_is_told_before_the_first_update(monkeypatch, tmp_path):
    model = compiled(build_small_cnn((8, 8, 1), 3, width=2))
    needed = memory.least_bytes(model, ROWS)
    columns = np.zeros((9, 8, 8, 1), np.uint8), np.zeros(9, np.int32)

    def train():
        return fit(
            model, lambda _: training_batches(columns, ROWS, None, 0, 0), 10, tmp_path, 0,
            intervals=1,
        )  # fmt: skip

    before = model.get_weights()
    monkeypatch.setattr(memory, "available_bytes", lambda: needed - 1)
    with pytest.raises(InputError, match=r"batches of 4 .* accepted: a smaller image_size") as told:
        train()
    assert "\n" not in str(told.value)
    for weight, same in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, same)
    monkeypatch.setattr(memory, "available_bytes", lambda: needed)
    train()


def test_a_container_may_have_less_than_its_machine(monkeypatch, tmp_path):
    whole = memory.available_bytes()
    assert whole > 1e8
    for text, available in (("max\n", whole), ("4096\n", 4096), (f"{10 * whole}\n", whole)):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(memory, "LIMITS", (tmp_path / "memory.max", tmp_path / "missing"))
        assert memory.available_bytes() == available


@pytest.mark.slow
def test_a_large_network_that_rested_is_made_fresh_as_any(monkeypatch):
    columns = np.full((6, 8, 8, 1), 9, np.uint8), np.arange(6, dtype=np.int32) % 3
    recipe = ConditionalRecipe(updates=10, batch_size=4, width=1, latent_dim=2)

    def trained(network):
        model = network.fresh(5)
        model.fit(
            training_batches(columns, 4, None, 0, 0), steps_per_epoch=2, verbose=0, shuffle=False
        )
        return model.get_weights()

    resting = ReusableModel(lambda: recipe.build((8, 8, 1), 3), recipe.compile)
    kept = trained(resting)
    monkeypatch.setattr(loop, "MOST_KEPT", 0)
    for _ in range(2):
        for weight, same in zip(trained(resting), kept, strict=True):
            np.testing.assert_array_equal(weight, same)
        resting.release_memory()
        held = [v for o in resting.model.optimizers for v in o.variables if v.shape]
        assert held
        assert not any(v.value.numpy().size for v in held)
        # What it has learnt stays.
        for weight, same in zip(resting.model.get_weights(), kept, strict=True):
            np.testing.assert_array_equal(weight, same)


@pytest.mark.parametrize(("side", "most"), [(28, 250), (64, 250), (128, 64)])
def test_a_generator_is_asked_for_fewer_large_images_at_a_time(side, most):
    recipe = ConditionalRecipe(
        updates=10, batch_size=4, width=1, latent_dim=2, architecture="mlp"
    )  # fmt: skip
    network = ReusableModel(lambda: recipe.build((side, side, 1), 2), recipe.compile)
    generator = trained_module._generator(network)
    for one in (generator, generator.with_latent_scale(2.0)):
        asked, sample = [], one._sample
        one._sample = lambda labels, seed, asked=asked, sample=sample: (
            asked.append(len(labels)), sample(labels, seed)
        )[1]  # fmt: skip
        assert one.sample(np.zeros(70, np.int32), 0).shape == (70, side, side, 1)
        assert set(asked) == {most}


def test_weights_that_were_loaded_are_kept_as_far_as_there_is_room(monkeypatch, tmp_path):
    model = compiled(build_small_cnn((8, 8, 1), 3, width=2))
    monkeypatch.setattr(made_once, "_LOADED", {})
    monkeypatch.setattr(made_once, "MOST_BYTES_LOADED", 2 * weights_of(model))
    for number in range(3):
        files = tmp_path / str(number) / "a.weights.h5", tmp_path / str(number) / "a.json"
        model.set_weights([weight + 1 for weight in model.get_weights()])
        for _ in range(2):
            made_once.train_or_load_weights(model, *files, {}, lambda: (model, 1.0))
    assert len(made_once._LOADED) == 2
    monkeypatch.setattr(made_once, "MOST_BYTES_LOADED", 0)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    wanted = model.get_weights()
    files = tmp_path / "last" / "a.weights.h5", tmp_path / "last" / "a.json"
    for _ in range(2):
        made_once.train_or_load_weights(model, *files, {}, lambda: (model, 1.0))
    assert not made_once._LOADED
    for weight, same in zip(model.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(weight, same)
