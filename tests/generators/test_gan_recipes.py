"""What a GAN is made of and shown: from settings to networks, optimizers and rows."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from gan_mnist.generators.gans import ConditionalRecipe, DAGANRecipe, R3GANRecipe, WarpRecipe
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.generators.vae_flow import VAEFlowRecipe
from gan_mnist.models.losses import ADVERSARIAL_LOSSES

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def subset(make_subset):
    return make_subset(counts=(1, 6, 5), shape=SHAPE)


def test_conditional_gans_see_every_class_alike(subset):
    images, labels = ConditionalRecipe(updates=10, batch_size=4, width=2).columns(subset, 0)
    assert np.bincount(labels).tolist() == [6, 6, 6]
    for label in range(3):
        shown = images[labels == label]
        pool = subset.of_class(label)
        counts = [(shown == image).all(axis=(1, 2, 3)).sum() for image in pool]
        assert sum(counts) == 6
        assert max(counts) - min(counts) <= 1


def test_warp_gans_learn_from_classes_with_several_images(subset):
    (images,) = WarpRecipe(updates=10, batch_size=4, width=2).columns(subset, 0)
    assert len(images) == 12
    assert not (images == subset.images[0]).all(axis=(1, 2, 3)).any()


def test_a_dagan_is_shown_two_images_of_a_class(make_subset):
    """Never one and the same, and all pairs come about."""
    subset = make_subset(counts=(1, 4, 400), shape=SHAPE)
    number = {image.tobytes(): row for row, image in enumerate(subset.images)}
    recipe = DAGANRecipe(updates=10, batch_size=4, width=2)
    images, partners = (
        np.array([number[image.tobytes()] for image in column])
        for column in recipe.columns(subset, 0)
    )
    assert np.bincount(subset.labels[images]).tolist() == [0, 400, 400]
    np.testing.assert_array_equal(subset.labels[images], subset.labels[partners])
    assert not (images == partners).any()
    pairs = {(a, b) for a, b in zip(images, partners, strict=True) if subset.labels[a] == 1}
    assert len(pairs) == 4 * 3
    assert len(set(partners[400:])) > 200


def test_a_conditional_recipe_has_all_of_its_fields_in_the_network():
    recipe = ConditionalRecipe(
        updates=10,
        batch_size=4,
        width=3,
        average_decay=0.5,
        latent_dim=7,
        distribution="uniform",
        learning_rate=0.25,
        beta_1=0.125,
        loss="hinge",
        most_generator_steps=4,
        augment=True,
    )
    network = recipe.build(SHAPE, 3)
    assert (network.average_decay, network.augment, network.most_generator_steps) == (0.5, True, 4)
    assert (network.prior.dim, network.prior.distribution) == (7, "uniform")
    assert network.adversarial_loss == ADVERSARIAL_LOSSES["hinge"]
    assert network.generator.get_weights()[0].shape == (7 + 3, 4 * 3)
    generator_adam, discriminator_adam = recipe.optimizers()
    assert generator_adam is not discriminator_adam
    for adam in (generator_adam, discriminator_adam):
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (0.25, 0.125, 0.999)


@pytest.mark.parametrize(("architecture", "size"), [("mlp", 8), ("dcgan", 16)])
def test_an_r3gan_has_its_penalty_and_no_batch_norm(architecture, size):
    settings = GeneratorSettings(
        gan_architecture=architecture, gan_width=1, gan_gradient_penalty=0.25,
        most_generator_steps=20,
    )  # fmt: skip
    # Their limit is one of another loss.
    assert R3GANRecipe.of(settings).most_generator_steps == 1
    network = R3GANRecipe.of(settings).build((size, size, 1), 3)
    assert network.generator.name == f"{architecture}_generator"
    assert not any("batch_norm" in layer.name for layer in network.generator.layers)
    assert (network.gradient_penalty, network.penalty_every) == (0.25, 8)
    assert network.adversarial_loss.paired


def test_a_vae_flow_has_all_of_its_fields_in_the_network():
    recipe = VAEFlowRecipe(
        updates=100, batch_size=4, width=2, average_decay=0.5, latent_dim=3, vae_rate=0.5,
        flow_rate=0.25,
    )  # fmt: skip
    network = recipe.build(SHAPE, 3)
    assert (network.average_decay, network.prior.dim) == (0.5, 3)
    assert 0 < network.vae_updates < 50
    assert network.encoder.get_weights()[0].shape == (4, 4, 1, 2)
    # The rate of each part of the training begins as it shall, and falls to 0.
    recipe.compile(network)
    adam = network.optimizer
    part = network.vae_updates
    rates = [float(adam._learning_rate(step)) for step in (0, part - 1, part + 1, 99)]
    assert rates[0] == 0.5
    assert rates[2] == pytest.approx(0.25, rel=0.01)
    assert max(rates[1], rates[3]) < 0.01


SETTINGS = GeneratorSettings(
    precision="mixed_bfloat16",
    gan_architecture="dcgan",
    gan_updates=70,
    gan_width=5,
    gan_latent_dim=6,
    gan_latents="uniform",
    gan_batch_size=8,
    gan_learning_rate=0.5,
    gan_beta_1=0.25,
    gan_average_decay=0.75,
    gan_loss="least_squares",
    most_generator_steps=3,
    diffaugment=True,
    dagan_width=9,
    gan_gradient_penalty=0.5,
    warp_updates=30,
    warp_width=7,
    vae_width=3,
    vae_latent_dim=11,
)
CGAN = ConditionalRecipe(
    updates=70,
    batch_size=8,
    width=5,
    average_decay=0.75,
    precision="mixed_bfloat16",
    architecture="dcgan",
    latent_dim=6,
    distribution="uniform",
    learning_rate=0.5,
    beta_1=0.25,
    loss="least_squares",
    most_generator_steps=3,
    augment=True,
)
EXPECTED = {
    "cgan": CGAN,
    "r3gan": R3GANRecipe(
        **{**asdict(CGAN), "loss": "relativistic", "most_generator_steps": 1, "beta_1": 0.0},
        gradient_penalty=0.5,
    ),
    "vae_flow": VAEFlowRecipe(
        updates=70,
        batch_size=8,
        width=3,
        average_decay=0.75,
        precision="mixed_bfloat16",
        latent_dim=11,
    ),
    "dagan": DAGANRecipe(
        updates=70,
        batch_size=8,
        width=9,
        average_decay=0.75,
        precision="mixed_bfloat16",
        latent_dim=6,
        learning_rate=0.5,
        beta_1=0.25,
    ),
    "warp_gan": WarpRecipe(updates=30, batch_size=8, width=7, precision="mixed_bfloat16"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_settings_describe_a_gan(name):
    expected = EXPECTED[name]
    kind = type(expected)
    assert kind.of(SETTINGS) == expected
    assert kind.of(replace(SETTINGS, untrained=True)) == replace(expected, updates=0)
    # What is done with its images afterwards is no part of its training.
    later = {"shuffled_labels": True, "gan_sampling_scale": 2.0}
    assert kind.of(replace(SETTINGS, **later)) == expected


def test_an_experiment_may_say_how_long_gans_are_trained():
    class Budget(GeneratorSettings):
        gan_budget = (60, 3)

    for kind in (ConditionalRecipe, R3GANRecipe, DAGANRecipe, VAEFlowRecipe):
        recipe = kind.of(Budget())
        assert (recipe.updates, recipe.intervals) == (60, 3)
