"""Settings of generators: which one, and how those that learn are built and trained.

Nothing here imports TensorFlow: an experiment's declaration reads this.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from gan_mnist.data.copies import leak_in_words
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.given import read_given
from gan_mnist.errors import InputError, unknown
from gan_mnist.files import absolute
from gan_mnist.generators.export_files import find_export, is_export
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.settings import DataSettings, check_image_size
from gan_mnist.study.settings import Source, setting

# A source with a larger share of copies of test images gets a warning before the answer.
LEAK = 0.01
# What is done with a generator when it has been trained; arms that differ in it share one.
_AFTER_TRAINING = (
    "shuffled_labels",
    "gan_sampling_scale",
    "vae_sampling_scale",
    "deformations_of",
    "deformation_scale",
    "deformation_scale_of_many",
    "kept_from",
    "judge_updates",
    "generators_in_turn",
)


@dataclass(frozen=True)
class GeneratorSettings(DataSettings):
    """Which generator's images are shown, and how those that learn are built and trained.

    Source: docs/sources.md#mixing, docs/sources.md#conditional_gan.
    """

    GROUP: ClassVar[str] = "generator"

    generator: str = setting(
        NONE, "where generated images come from; none: real ones only", choices=(NONE, *GENERATORS)
    )
    shuffled_labels: bool = setting(False, "each generated image gets the label of another class")
    kept_from: float = setting(
        0.0, "generated images are redrawn, up to 10 draws, until a judge, a classifier of the "
        "trial's real images, gives their class this probability; 0: never", low=0, high=0.9999,
    )  # fmt: skip
    judge_updates: int = setting(
        1000, "updates of a judge: for kept_from, or of usefulness", low=10, high=10_000_000,
        multiple_of=10,
    )  # fmt: skip
    generators_in_turn: int = setting(
        1, "trainable generators: how many, with different seeds, take turns in making images",
        low=1, high=100,
    )  # fmt: skip
    given: str = setting(
        "", "given, exported: folder of the images or exported model", location=True
    )
    given_sha256: str = setting(
        "", "set by the run: given, exported: SHA-256 of images or model files"
    )
    trust_model: bool = setting(
        False, "exported: load a model that gan_mnist did not export; it can read and write files",
        location=True,
    )  # fmt: skip
    untrained: bool = setting(False, "trainable generators: skip training, keep initial weights")
    gan_architecture: str = setting(
        "dcgan", "cgan, r3gan: dense (mlp) or convolutional (dcgan) networks",
        choices=("mlp", "dcgan"),
    )  # fmt: skip
    gan_width: int = setting(
        4, "cgan, r3gan: width multiplier of the hidden layers", low=1, high=10_000
    )
    gan_latent_dim: int = setting(
        100, "cgan, r3gan, bagan, dagan: length of the latent vector", low=1, high=10_000
    )
    gan_latents: str = setting(
        "normal", "cgan, r3gan: latents are drawn from N(0, 1) or U(-1, 1)",
        choices=("normal", "uniform"),
    )  # fmt: skip
    gan_updates: int = setting(
        4000, "cgan, r3gan, bagan, dagan, vae_flow: training updates",
        low=10, high=10_000_000, multiple_of=10,
    )  # fmt: skip
    gan_batch_size: int = setting(
        64, "cgan, r3gan, bagan, dagan, vae_flow, warp_gan: images per batch", low=1, high=10_000
    )
    gan_learning_rate: float = setting(
        1e-3, "cgan, r3gan, bagan, dagan: learning rate of Adam", low=1e-8, high=1
    )
    gan_beta_1: float = setting(0.5, "cgan, bagan, dagan: beta1 of Adam", low=0, high=0.999)
    gan_average_decay: float = setting(
        0.998, "cgan, r3gan, bagan, dagan, vae_flow: decay of the weights' moving average, which "
        "is sampled", low=0, high=0.9999,
    )  # fmt: skip
    gan_loss: str = setting(
        "non_saturating",
        "cgan: the adversarial loss",
        choices=("non_saturating", "hinge", "least_squares"),
    )
    most_generator_steps: int = setting(
        1, "cgan: generator steps per update, at most; they stop once its loss is below 4 ln 2",
        low=1, high=100,
    )  # fmt: skip
    gan_sampling_scale: float = setting(
        1.0, "cgan, r3gan: factor on the latents when images are sampled; above 1: more variety",
        low=0.01, high=100,
    )  # fmt: skip
    diffaugment: bool = setting(
        False, "cgan, r3gan: the discriminator's images pass through DiffAugment"
    )
    gan_gradient_penalty: float = setting(
        0.1, "r3gan: weight of the gradient penalties R1 and R2", low=0, high=1e6
    )
    vae_width: int = setting(
        16, "vae_flow: channels of the first layer; the flow's layers have 32 units for each",
        low=1, high=10_000,
    )  # fmt: skip
    vae_latent_dim: int = setting(24, "vae_flow: length of the latent codes", low=1, high=10_000)
    vae_sampling_scale: float = setting(
        1.0, "vae_flow: factor on the noise that the flow turns into latent codes; above 1: more "
        "variety", low=0.01, high=100,
    )  # fmt: skip
    dagan_width: int = setting(8, "dagan: channels of the first layer", low=1, high=10_000)
    bagan_width: int = setting(16, "bagan: channels of the first layer", low=1, high=10_000)
    warp_updates: int = setting(1000, "warp_gan: updates", low=10, high=10_000_000, multiple_of=10)
    warp_width: int = setting(16, "warp_gan: multiplies layer widths", low=1, high=10_000)
    deformation_pairs: int = setting(
        1200, "deformations: pairs of same-class images, one registered onto the other",
        low=1, high=100_000,
    )  # fmt: skip
    deformation_pairs_per_class: int = setting(
        0, "deformations: pairs per class, each class registered on its own, once a seed, whatever "
        "the other classes are; 0: deformation_pairs over all classes", low=0, high=100_000,
    )  # fmt: skip
    deformation_updates: int = setting(
        80, "deformations: optimizer steps of the registration",
        low=10, high=1_000_000, multiple_of=10,
    )  # fmt: skip
    deformations_of: str = setting(
        "any", "deformations: an image is moved as registered pairs of any class are, as pairs of "
        "its own class, or (alike) as pairs of any class, adjusted to its slant and stroke width",
        choices=("any", "own", "alike"),
    )  # fmt: skip
    deformation_scale: float = setting(
        1.0, "deformations: factor on each deformation; photographs want less than 1",
        low=0, high=10,
    )  # fmt: skip
    deformation_scale_of_many: float = setting(
        1.0, "deformations: further factor for classes with several images, which already show how "
        "the class varies", low=0, high=10,
    )  # fmt: skip
    mixture_components: int = setting(
        10, "mixture: Gaussians per class, at most one plus one for every 20 images",
        low=1, high=1000,
    )  # fmt: skip
    mixture_dimensions: int = setting(
        50, "mixture: principal components per class, at most", low=1, high=10_000
    )

    @property
    def gan_budget(self) -> tuple[int, int]:
        """Updates of cgan, r3gan, bagan, dagan and vae_flow, and intervals of their curves."""
        return self.gan_updates, 10

    @property
    def shared_work(self) -> str | None:
        if self.generator == NONE or not GENERATORS[self.generator].trains:
            return super().shared_work
        names = (field.name for field in dataclasses.fields(GeneratorSettings))
        excluded = {field.name for field in dataclasses.fields(DataSettings)} | {*_AFTER_TRAINING}
        return " ".join(str(getattr(self, name)) for name in names if name not in excluded)

    @property
    def single_device_only(self) -> str:
        row = GENERATORS.get(self.generator)
        if row is None or not row.trains:
            return super().single_device_only
        if not row.divides:
            return f"generator={self.generator}"
        has_several = self.generator == "cgan" and self.most_generator_steps > 1
        return "most_generator_steps above 1" if has_several else super().single_device_only

    def resolve(self, dataset: Any) -> Self:
        """As in `DataSettings`.

        Raises:
            InputError: For a convolutional GAN of images that are too small for it, and steps of
                the generator until a limit that the loss does not have, too.
        """
        if self.most_generator_steps > 1 and self.gan_loss != "non_saturating":
            raise InputError(
                f"setting most_generator_steps: {self.most_generator_steps} is not "
                f"accepted with gan_loss={self.gan_loss}; accepted: 1, as its limit is one of the "
                "cross-entropy"
            )
        resolved = super().resolve(dataset)
        if self.gan_architecture == "dcgan":
            check_image_size(resolved, "gan_architecture=dcgan")
        return resolved

    def is_folder(self, where: str) -> bool:
        """As in `Settings`: whatever is no name of a generator."""
        return where not in GENERATORS

    def source(self, name: str, where: str, dataset: Dataset) -> Source:
        """As in `Settings`: the name of a generator, an exported one, or a folder of images."""
        if not self.is_folder(where):
            return Source({"generator": where})
        path = absolute(where)
        if where == name and not path.exists():
            kinds = [kind for kind, row in GENERATORS.items() if not row.elsewhere]
            raise unknown("--generated", name, [*kinds, "NAME=DIR"])
        changes = {"given": str(path)}
        if is_export(path):
            shape = self.image_size, self.image_size, self.channels
            export = find_export(path, self.classes, shape, self.trust_model)
            changes |= {"generator": "exported", "given_sha256": export.sha256}
            return Source(changes, export.provenance(dataset))
        given_images = read_given(path, self.classes, self.conversion, self.skip_bad)
        provenance = given_images.provenance(dataset)
        warnings = tuple(
            leak_in_words(name, provenance["copies"][split], len(given_images.subset), split)
            for split in ("test", "validation")
            if provenance["copies"].get(split, 0) > LEAK * len(given_images.subset)
        )
        changes |= {"generator": "given", "given_sha256": given_images.sha256}
        return Source(changes, provenance, warnings)


# The source's conditional DCGAN, for the presets `paper`. Source: docs/sources.md#mixing.
PAPER_DCGAN = {
    "gan_width": 64,
    "gan_batch_size": 100,
    "gan_learning_rate": 1e-5,
    "gan_beta_1": 0.9,
}
