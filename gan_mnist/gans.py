"""GANs as generators: trained on a trial's subset, kept on disk, shared by the arms of a seed."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from filelock import FileLock

from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.files import fingerprint, read_json, write_json
from gan_mnist.generators import TrainedGenerator
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.monitoring import TensorBoardScalars
from gan_mnist.seeding import derive_seed
from gan_mnist.training import ReusableModel, fit, updates_per_call


@dataclass(frozen=True)
class GANSettings:
    """All that a trained GAN depends on, but for its data and its seed.

    Attributes:
        architecture: "mlp" or "dcgan".
        width: Multiplies the number of units or channels.
        latent_dim: Width of the latents.
        updates: Number of updates, a multiple of 10.
        batch_size: Images a batch.
        learning_rate: Of Adam, for both networks.
        beta_1: Of Adam.
        loss: A key of `ADVERSARIAL_LOSSES`.
        augment: Whether the discriminator sees through DiffAugment.
        average_decay: Of the generator's moving average.
        precision: Keras dtype policy, which the caller has set.
    """

    architecture: str
    width: int
    latent_dim: int
    updates: int
    batch_size: int
    learning_rate: float
    beta_1: float = 0.5
    loss: str = "non_saturating"
    augment: bool = False
    average_decay: float = 0.998
    precision: str = "float32"


def trained(
    settings: GANSettings, subset: Subset, seed: int, workdir: Path
) -> tuple[TrainedGenerator, float]:
    """The GAN of these settings, trained on `subset` and nothing else.

    The first call trains it and keeps it in `workdir/generators/FINGERPRINT`; others load it. One
    process has one network for equal settings: the generator returned is good until the next call
    with the same settings.

    Args:
        settings: What to train.
        subset: The images it may see.
        seed: Stream of its weights, noise and batch order.
        workdir: Of the run.

    Returns:
        The generator, and the seconds that its training took, whenever that was.
    """
    key = fingerprint(dataclasses.asdict(settings), subset.fingerprint, seed)
    directory = workdir / "generators" / key
    directory.mkdir(parents=True, exist_ok=True)
    reusable, generator = _networks(settings, subset.images.shape[1:], len(subset.class_names))
    weights = directory / "gan.weights.h5"
    with FileLock(directory / ".lock"):
        about = read_json(directory / "generator.json")
        if about is not None:
            generator.network.load_weights(weights)
            return generator, about["seconds"]
        model = reusable.fresh(derive_seed("gan", seed, "weights"))
        model.noise_seed.assign(derive_seed("gan", seed, "noise"))
        labels = np.repeat(np.arange(len(subset.class_names)), 10)
        seconds = fit(
            model,
            functools.partial(
                training_batches,
                balanced(subset),
                settings.batch_size,
                derive_seed("gan", seed, "order"),
                None,
            ),
            settings.updates,
            directory,
            seed,
            [
                TensorBoardScalars(
                    workdir / "tensorboard" / "generators" / key,
                    settings.updates,
                    samples=lambda: generator.sample(labels, seed=0),
                )
            ],
        )
        model.save_weights(weights)
        images = generator.sample(labels, seed=0)
        np.savez_compressed(
            directory / "samples.npz", images=np.uint8(np.round(images * 255)), labels=labels
        )
        write_json(
            directory / "generator.json",
            {"settings": dataclasses.asdict(settings), "seed": seed, "seconds": seconds},
        )
    return generator, seconds


def balanced(subset: Subset) -> Sequence[np.ndarray]:
    """Images and labels with every class repeated up to the largest, so that each is seen alike."""
    counts = np.bincount(subset.labels)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(subset.labels == c), counts.max()) for c in range(len(counts))]
    )
    return subset.images[rows], subset.labels[rows]


@functools.lru_cache(maxsize=4)
def _networks(
    settings: GANSettings, image_shape: tuple[int, int, int], num_classes: int
) -> tuple[ReusableModel, TrainedGenerator]:
    def build() -> AdversarialModel:
        return build_conditional_gan(
            settings.architecture,
            image_shape,
            num_classes,
            settings.width,
            settings.latent_dim,
            settings.augment,
            settings.loss,
            settings.average_decay,
        )

    def compile(model: AdversarialModel) -> None:
        model.compile(
            *(keras.optimizers.Adam(settings.learning_rate, settings.beta_1) for _ in range(2)),
            steps_per_execution=updates_per_call(settings.updates),
        )

    reusable = ReusableModel(build, compile)
    return reusable, TrainedGenerator(reusable.model)
