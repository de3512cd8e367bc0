"""GANs as generators: trained on a trial's subset, kept on disk, shared by the arms of a seed."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from filelock import FileLock

from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.files import fingerprint, read_json, write_json
from gan_mnist.generators.contract import TrainedGenerator
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import WideLatents, build_conditional_gan
from gan_mnist.models.dagan import build_dagan
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.seeding import derive_seed
from gan_mnist.settings import GANSettings
from gan_mnist.training.loop import ReusableModel, fit, loaded, scaled_adam, updates_per_call
from gan_mnist.training.tensorboard import TensorBoardScalars

SAMPLES_PER_CLASS = 10


@dataclass(frozen=True)
class GANRecipe:
    """All that a trained GAN depends on, but for data and seed. A kind of GAN is a subclass.

    Attributes:
        updates: Number of updates, a multiple of `intervals`; 0 leaves the generator as drawn.
        batch_size: Images a batch.
        width: Multiplies the numbers of units and channels.
        average_decay: Of the generator's moving average.
        intervals: Parts of the training after which curves have a point.
        precision: Keras dtype policy, which the caller has set.
    """

    updates: int
    batch_size: int
    width: int
    average_decay: float = 0.998
    intervals: int = 10
    precision: str = "float32"

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        """The networks."""
        raise NotImplementedError

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        """The generator's and the discriminator's."""
        raise NotImplementedError

    def columns(self, subset: Subset) -> Sequence[np.ndarray]:
        """What a batch holds rows of, images first."""
        raise NotImplementedError


@dataclass(frozen=True)
class ConditionalRecipe(GANRecipe):
    """A conditional GAN; see `build_conditional_gan`. Adam's beta1: 0.5 by arXiv 1511.06434."""

    architecture: str = "mlp"
    latent_dim: int = 64
    distribution: str = "normal"
    learning_rate: float = 1e-3
    beta_1: float = 0.5
    loss: str = "non_saturating"
    most_generator_steps: int = 1
    augment: bool = False

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_conditional_gan(
            self.architecture,
            image_shape,
            num_classes,
            self.width,
            self.latent_dim,
            self.augment,
            self.loss,
            self.average_decay,
            self.distribution,
            self.most_generator_steps,
        )

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        rates = self.learning_rate, self.beta_1, 0.999
        return scaled_adam(*rates), scaled_adam(*rates)

    def columns(self, subset: Subset) -> Sequence[np.ndarray]:
        rows = _balanced_rows(subset.labels)
        return subset.images[rows], subset.labels[rows]


@dataclass(frozen=True)
class WarpRecipe(GANRecipe):
    """A warp GAN; see `build_warp_gan`. It learns from the classes that have several images."""

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_warp_gan(image_shape, self.width, self.average_decay)

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        return scaled_adam(3e-4, 0.0, 0.9), scaled_adam(4e-4, 0.0, 0.9)

    def columns(self, subset: Subset) -> Sequence[np.ndarray]:
        return (subset.images[_rows_of_several(subset)],)


@dataclass(frozen=True)
class DAGANRecipe(GANRecipe):
    """A DAGAN; see `build_dagan`. It learns from the classes that have several images."""

    latent_dim: int = 64
    learning_rate: float = 1e-3
    beta_1: float = 0.5

    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        return build_dagan(image_shape, self.width, self.latent_dim, self.average_decay)

    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        rates = self.learning_rate, self.beta_1, 0.999
        return scaled_adam(*rates), scaled_adam(*rates)

    def columns(self, subset: Subset) -> Sequence[np.ndarray]:
        rows = _rows_of_several(subset)
        return subset.images[rows], subset.images[_partners(rows, subset.labels)]


def trained(
    recipe: GANRecipe,
    subset: Subset,
    seed: int,
    workdir: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[TrainedGenerator, float]:
    """The GAN of this recipe, trained on `subset` and nothing else.

    The first call trains it and keeps it in `workdir/generators/FINGERPRINT`; others load it. One
    process has one network for equal recipes: the generator returned is good until the next call
    with the same recipe.

    Args:
        recipe: What to train.
        subset: The images it may see.
        seed: Stream of its weights, noise and batch order.
        workdir: Of the run.
        callbacks: More Keras callbacks, for the call that trains it.

    Returns:
        The generator, and the seconds that its training took, whenever that was.

    Raises:
        NotApplicable: If the recipe cannot learn from such a subset.
    """
    columns = recipe.columns(subset)
    key = generator_fingerprint(recipe, subset, seed)
    directory = workdir / "generators" / key
    directory.mkdir(parents=True, exist_ok=True)
    reusable, generator = _networks(recipe, subset.images.shape[1:], len(subset.class_names))
    weights = directory / "gan.weights.h5"
    with FileLock(directory / ".lock"):
        reusable.model.adopt(as_float(subset.images), subset.labels)
        about = read_json(directory / "generator.json", "seconds")
        if about is not None and loaded(reusable.model, weights):
            return generator, about["seconds"]
        model = reusable.fresh(derive_seed("gan", seed, "weights"))
        model.noise_seed.assign(derive_seed("gan", seed, "noise"))
        labels = np.repeat(np.arange(len(subset.class_names)), SAMPLES_PER_CLASS)
        sample = functools.partial(generator.sample, labels, 0)
        seconds = 0.0
        if recipe.updates:
            seconds = fit(
                model,
                functools.partial(
                    training_batches,
                    columns,
                    recipe.batch_size,
                    None,
                    derive_seed("gan", seed, "order"),
                ),
                recipe.updates,
                directory,
                seed,
                [
                    TensorBoardScalars(
                        workdir / "tensorboard" / "generators" / key,
                        recipe.updates // recipe.intervals,
                        sample,
                    ),
                    *callbacks,
                ],
                intervals=recipe.intervals,
            )
        model.save_weights(weights)
        np.savez_compressed(directory / "samples.npz", images=as_uint8(sample()), labels=labels)
        write_json(
            directory / "generator.json",
            {
                "kind": type(recipe).__name__,
                "settings": asdict(recipe),
                "seed": seed,
                "seconds": seconds,
            },
        )
    return generator, seconds


def generator_fingerprint(recipe: GANRecipe, subset: Subset, seed: int) -> str:
    """The name of this GAN's directory in `workdir/generators`."""
    return fingerprint(type(recipe).__name__, asdict(recipe), subset.fingerprint, seed)


def conditional_recipe(settings: GANSettings, updates: int, **changes: Any) -> ConditionalRecipe:
    """The conditional GAN that `settings` describe, some of its fields changed."""
    described: dict[str, Any] = {
        "updates": updates,
        "batch_size": settings.gan_batch_size,
        "width": settings.gan_width,
        "average_decay": settings.gan_average_decay,
        "precision": settings.precision,
        "architecture": settings.gan_architecture,
        "latent_dim": settings.gan_latent_dim,
        "learning_rate": settings.gan_learning_rate,
        "beta_1": settings.gan_beta_1,
        "loss": settings.gan_loss,
    }
    return ConditionalRecipe(**{**described, **changes})


def widened(generator: TrainedGenerator, scale: float) -> TrainedGenerator:
    """A conditional GAN sampled from latents that are multiplied by `scale`."""
    if scale == 1:
        return generator
    return TrainedGenerator(WideLatents(generator.network, scale))


def _rows_of_several(subset: Subset) -> np.ndarray:
    """Rows of the classes that have 2 images or more, balanced.

    Raises:
        NotApplicable: If there is no such class.
    """
    several = np.flatnonzero(np.bincount(subset.labels) > 1)
    if not len(several):
        raise NotApplicable("such a GAN needs a class with 2 images or more to learn from")
    rows = np.flatnonzero(np.isin(subset.labels, several))
    return rows[_balanced_rows(subset.labels[rows])]


def _partners(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each of `rows` another row of its class, drawn from all of them."""
    rng = np.random.default_rng(0)
    partners = np.empty_like(rows)
    for label in np.unique(labels[rows]):
        of_class = np.flatnonzero(labels == label)
        places = np.flatnonzero(labels[rows] == label)
        # A step of 1 to n - 1 leads to any row but its own.
        steps = rng.integers(1, len(of_class), len(places))
        own = np.searchsorted(of_class, rows[places])
        partners[places] = of_class[(own + steps) % len(of_class)]
    return partners


def _balanced_rows(labels: np.ndarray) -> np.ndarray:
    """Rows in which every class is repeated up to the largest, so that each is seen alike."""
    classes, counts = np.unique(labels, return_counts=True)
    return np.concatenate([np.resize(np.flatnonzero(labels == c), counts.max()) for c in classes])


@functools.lru_cache(maxsize=4)
def _networks(
    recipe: GANRecipe, image_shape: tuple[int, int, int], num_classes: int
) -> tuple[ReusableModel, TrainedGenerator]:
    steps = updates_per_call(recipe.updates, recipe.intervals)

    def compile(model: AdversarialModel) -> None:
        model.compile(*recipe.optimizers(), steps_per_execution=steps)

    reusable = ReusableModel(lambda: recipe.build(image_shape, num_classes), compile)
    return reusable, TrainedGenerator(reusable.model)
