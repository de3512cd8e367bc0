"""Networks as generators: trained on a trial's images, kept on disk, shared by arms."""

import abc
import functools
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.images import as_uint8, rows_at_once
from gan_mnist.data.pipelines import Column, training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.files import fingerprint, write_arrays
from gan_mnist.generators.contract import Generator, Request
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import WideLatents
from gan_mnist.seeding import derive_seed
from gan_mnist.study.trial import SEEDS_FOLDER
from gan_mnist.training.loop import ReusableModel, fit, updates_per_call
from gan_mnist.training.made_once import reusable, train_or_load_weights
from gan_mnist.training.tensorboard import TensorBoardScalars

CHUNK = 250
SAMPLES_PER_CLASS = 10


class TrainedGenerator(Generator):
    """A frozen network with `sample(labels, seed)` on tensors, in chunks of a fixed size.

    Attributes:
        network: The network that is sampled.
        exported: Digest of the weights that were exported last, and where to; None before.
    """

    def __init__(self, network: Any, most: int = CHUNK):
        """Wraps a network.

        Args:
            network: Its `sample` takes int32 (n,) labels and an int32 (2,) seed.
            most: Images sampled at a time, at most; which images they are depends on it.
        """
        self.network = network
        self._most = most
        self.recipe: Any = None
        self.exported: tuple[str, Path] | None = None
        self._sample = tf.function(network.sample)

    def sample(self, labels: np.ndarray, seed: int) -> np.ndarray:
        size = min(CHUNK, self._most)
        num_chunks = max(1, -(-len(labels) // size))
        padded = np.resize(labels, num_chunks * size).astype(np.int32)
        chunks = [
            self._sample(
                tf.constant(padded[start : start + size]), tf.constant([seed, start], tf.int32)
            )
            for start in range(0, len(padded), size)
        ]
        return np.concatenate(chunks)[: len(labels)]

    def with_latent_scale(self, scale: float) -> "TrainedGenerator":
        """This generator with its latents multiplied by `scale`, for a `LatentSampler`."""
        if scale == 1:
            return self
        widened = _widened(self, scale)
        widened.key, widened.seconds, widened.recipe = self.key, self.seconds, self.recipe
        return widened


@dataclass(frozen=True)
class GeneratorRecipe(abc.ABC):
    """All that a trained generator depends on, except data and seed; each kind is a subclass.

    Attributes:
        updates: Number of updates, a multiple of `intervals`; 0 leaves the network as drawn.
        batch_size: Rows a batch.
        intervals: Number of equal parts of the training; curves have a point after each.
        precision: Keras dtype policy, which the caller has set.
    """

    updates: int
    batch_size: int
    _: KW_ONLY
    intervals: int = 10
    precision: str = "float32"

    @classmethod
    @abc.abstractmethod
    def of(cls, settings: GeneratorSettings) -> Self:
        """The recipe that `settings` describe."""

    @abc.abstractmethod
    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> Any:
        """The network: a Keras model with `adopt(images, labels)` and `sample(labels, seed)`."""

    @abc.abstractmethod
    def compile(self, model: Any) -> None:
        """Gives the network its optimizers."""

    @abc.abstractmethod
    def columns(self, subset: Subset, seed: int) -> Sequence[Column]:
        """The columns that batches are made of, images first.

        Args:
            subset: The training images.
            seed: Seed of the replicate, for a recipe that draws at random.

        Raises:
            NotApplicable: If there is nothing to learn from in such a subset.
        """

    @classmethod
    def create(cls, request: Request) -> TrainedGenerator:
        """As `Generator.create`."""
        return train_or_load(cls.of(request.settings), request)

    def train(
        self,
        model: Any,
        columns: Sequence[Column],
        request: Request,
        key: str,
        sample: Callable[[], np.ndarray],
    ) -> float:
        """Trains the network for its updates.

        Args:
            model: As `begin` returned it.
            columns: What `columns` returned.
            request: The request for the generator.
            key: Name of the directory in `generators/` of the run that curves go to.
            sample: Draws a few images, which TensorBoard shows.

        Returns:
            The seconds it took.
        """
        log_directory = request.workdir / SEEDS_FOLDER / "generators" / (request.name or key)
        interval = self.updates // self.intervals
        order_seed = derive_seed("gan", request.seed, "order")
        return fit(
            model,
            functools.partial(training_batches, columns, self.batch_size, None, order_seed),
            self.updates,
            request.workdir / "generators" / key,
            request.seed,
            [TensorBoardScalars(log_directory, interval, sample), *request.callbacks],
            intervals=self.intervals,
        )

    def begin(self, network: ReusableModel, seed: int) -> Any:
        """The network before its training, with initial weights drawn by `seed`."""
        return network.fresh(derive_seed("gan", seed, "weights"))

    @property
    def updates_per_call(self) -> int:
        """How many updates one call into TensorFlow does."""
        return updates_per_call(self.updates, self.intervals)


@dataclass(frozen=True)
class AveragedRecipe(GeneratorRecipe):
    """A network of `TwoNetworks`, whose training draws noise, and whose weights are averaged.

    Attributes:
        width: Multiplies the numbers of units and channels.
        average_decay: Decay of the generator's moving average.
    """

    width: int
    average_decay: float = 0.998

    def begin(self, network: ReusableModel, seed: int) -> Any:
        model = super().begin(network, seed)
        model.noise_seed.assign(derive_seed("gan", seed, "noise"))
        return model


@dataclass(frozen=True)
class GANRecipe(AveragedRecipe):
    """A GAN; a kind of GAN is a subclass."""

    @abc.abstractmethod
    def build(self, image_shape: tuple[int, int, int], num_classes: int) -> AdversarialModel:
        """The networks."""

    @abc.abstractmethod
    def optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        """The generator's and the discriminator's."""

    def compile(self, model: AdversarialModel) -> None:
        model.compile(*self.optimizers(), steps_per_execution=self.updates_per_call)


def common_settings(settings: GeneratorSettings) -> dict[str, Any]:
    """The attributes that recipes of cgan, bagan, dagan and vae_flow take from settings alike."""
    updates, intervals = settings.gan_budget
    return {
        "updates": 0 if settings.untrained else updates,
        "intervals": intervals,
        "batch_size": settings.gan_batch_size,
        "average_decay": settings.gan_average_decay,
        "precision": settings.precision,
    }


def train_or_load(recipe: GeneratorRecipe, request: Request) -> TrainedGenerator:
    """The generator of this recipe, trained on the request's training images and nothing else.

    The first call trains it and keeps it in `generators/KEY` of the run; others load it. One
    process has one network for equal recipes: the generator returned is valid until the next call
    with the same recipe.

    Raises:
        NotApplicable: If the recipe cannot learn from such images.
    """
    subset, seed = request.images.train, request.seed
    key = generator_key(recipe, subset, seed)
    directory = request.workdir / "generators" / key
    shapes = subset.images.shape[1:], len(subset.class_names)
    network = reusable(recipe, *shapes)
    generator = _generator(network)
    network.model.adopt(subset.images, subset.labels)

    def train() -> tuple[keras.Model, float]:
        model = recipe.begin(network, seed)
        labels = np.repeat(np.arange(len(subset.class_names)), SAMPLES_PER_CLASS)
        sample = functools.partial(generator.sample, labels, 0)
        seconds = 0.0
        # Of what is only loaded they would be made in vain.
        columns = recipe.columns(subset, seed)
        if recipe.updates:
            seconds = recipe.train(model, columns, request, key, sample)
        write_arrays(directory / "samples.npz", images=as_uint8(sample()), labels=labels)
        return model, seconds

    files = directory / "gan.weights.h5", directory / "generator.json"
    about = _about(recipe) | {"seed": seed}
    if request.replicate is not None:
        about["stream"] = [request.replicate]
    generator.seconds = train_or_load_weights(network.model, *files, about, train)
    network.release_memory()
    generator.key, generator.recipe = key, recipe
    return generator


def generator_key(recipe: GeneratorRecipe, subset: Subset, seed: int) -> str:
    """The name of a generator's directory in `generators/` of a run."""
    about = _about(recipe)
    return fingerprint(about["kind"], about["settings"], subset.fingerprint, seed)


def _about(recipe: Any) -> dict[str, Any]:
    return {"kind": type(recipe).__name__, "settings": asdict(recipe)}


@functools.lru_cache(maxsize=16)
def _widened(generator: TrainedGenerator, scale: float) -> TrainedGenerator:
    return TrainedGenerator(WideLatents(generator.network, scale), generator._most)


@functools.lru_cache(maxsize=16)
def _generator(network: ReusableModel) -> TrainedGenerator:
    # Of images beyond 64 x 64 fewer.
    return TrainedGenerator(network.model, rows_at_once(network.model.average.output_shape[1:]))
