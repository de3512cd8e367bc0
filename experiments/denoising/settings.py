"""Settings of the denoising study, and what a data set must have for it."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.pairs import are_pairs
from gan_mnist.data.subsets import divided
from gan_mnist.errors import InputError
from gan_mnist.settings import TrainingSettings, check_image_size
from gan_mnist.study.settings import setting

ADVERSARIES = ("none", "vanilla", "conditional")
# Scales in the fixed evaluation pairs. Source: docs/sources.md#denoising.
TRUTH_SCALE, REF_SCALE = 0.5, 0.7
# A truth and its reference are different images. Of fewer than ten pairs no distance of
# distributions is measured.
FEWEST_PAIRS, FEWEST_FOR_DISTANCE = 2, 10
# Pixels a side: of larger images a batch holds fewer, so that it has no more pixels.
LARGEST_IN_FULL = 64


@dataclass(frozen=True)
class DenoisingSettings(TrainingSettings):
    """Settings of the denoising study. Source: docs/sources.md#denoising.

    The training goes through one phase or several; `phase_starts`, `content_weights` and
    `adversarial_weights` have an entry each.
    """

    GROUP: ClassVar[str] = "denoising"
    TIMED: ClassVar[str] = "gan_mnist.trials.update_seconds:of_denoiser"

    batch_size: int = setting(32, "pairs per batch", low=2, high=100_000)
    decay: bool = setting(True, "cosine decay of the learning rate to 0")
    discriminator_width: int = setting(
        4, "channels of the discriminator's first layer", low=1, high=10_000
    )
    test_pairs: int = setting(
        2000, "test pairs, at most one for each test image as the clean one",
        low=FEWEST_PAIRS, high=1_000_000,
    )  # fmt: skip
    judge_width: int = setting(
        16, "width of the classifier that reads the outputs", low=1, high=10_000
    )
    judge_updates: int = setting(
        1000, "updates of the classifier that reads the outputs", low=10, high=10_000_000,
        multiple_of=10,
    )  # fmt: skip

    a: tuple[float, ...] = setting(
        (0.2, 1.0), "range of the truth's scale (the clean image)", low=0, high=100
    )
    b: tuple[float, ...] = setting(
        (0.2, 1.0), "range of the ref's scale (a second image)", low=0, high=100
    )
    noise: tuple[float, ...] = setting(
        (0.0, 1.0), "range of the noise, drawn for every pixel", low=0, high=100
    )
    scales: str = setting(
        "image", "a and b are drawn anew for each image, or each batch", choices=("image", "batch")
    )

    method: str = setting(
        "network", "what denoises: a trained network, a fixed filter, or nothing (black images)",
        choices=("network", "filter", "black"),
    )  # fmt: skip
    ref_shown: str = setting(
        "ref", "the ref that the denoiser is given: as it is, or b * ref", choices=("ref", "scaled")
    )
    target: str = setting(
        "scaled", "what the denoiser has to output: a * truth, or the truth",
        choices=("scaled", "plain"),
    )  # fmt: skip
    training_images: int = setting(
        0, "training images, or pairs, fewer than there are; 0: all", low=0
    )
    adversary: str = setting(
        "none", "discriminator: none, one that sees images alone, or one that sees input and ref "
        "too", choices=ADVERSARIES,
    )  # fmt: skip
    content_loss: str = setting(
        "l1", "content loss, besides the adversarial loss: mean absolute (l1) or squared (mse) "
        "error", choices=("l1", "mse"),
    )  # fmt: skip
    content_weights: tuple[float, ...] = setting(
        (1.0,), "weight of the content loss per phase", low=0
    )
    adversarial_weights: tuple[float, ...] = setting(
        (0.0,), "weight of the adversarial loss per phase", low=0
    )
    phase_starts: tuple[float, ...] = setting(
        (0.0,), "where each phase begins, as a share of the updates", low=0, high=1
    )
    same_batch: bool = setting(True, "denoiser and discriminator learn on the same batch")
    adversarial_loss: str = setting(
        "non_saturating", "adversarial loss of both networks",
        choices=("non_saturating", "hinge", "least_squares"),
    )  # fmt: skip
    spectral: bool = setting(
        False, "spectral normalisation in the discriminator instead of batch norm"
    )
    input_skip: bool = setting(
        True, "skip connection that adds input and ref before the last convolution"
    )

    @property
    def options(self) -> FolderOptions:
        return dataclasses.replace(super().options, pairs=True)

    @property
    def pairs(self) -> bool:
        """Whether the data are pairs of a noisy and a clean image, so that none are mixed here."""
        return are_pairs(self.classes)

    @property
    def phases(self) -> tuple[tuple[int, float, float], ...]:
        """(first update, weight of content loss, of adversary), as a schedule takes them."""
        starts = (round(share * self.updates) for share in self.phase_starts)
        return tuple(zip(starts, self.content_weights, self.adversarial_weights, strict=True))

    def fitted(self, dataset: Dataset, free: Collection[str]) -> Self:
        """With at most as many pixels in a batch as with 64 x 64 images, to bound the memory."""
        settings = super().fitted(dataset, free)
        side = settings.image_size or dataset.image_shape[0]
        if "batch_size" not in free or side <= LARGEST_IN_FULL:
            return settings
        batch_size = max(FEWEST_PAIRS, settings.batch_size * LARGEST_IN_FULL**2 // side**2)
        return dataclasses.replace(settings, batch_size=batch_size)

    def resolve(self, dataset: Dataset) -> Self:
        """Makes explicit what the data set decides, and checks what the arms need.

        Raises:
            InputError: If a range, the classes or the numbers of images do not meet it.
        """
        for name in ("a", "b", "noise"):
            bounds = getattr(self, name)
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                raise InputError(
                    f"setting {name}: {', '.join(f'{bound:g}' for bound in bounds) or 'nothing'} "
                    "is no range; accepted: two numbers, the lower first"
                )
        settings = super().resolve(dataset)
        if settings.pairs and not are_pairs(dataset.class_names):
            raise InputError(
                f"--set classes: {', '.join(settings.classes)} are pairs among other classes; "
                "accepted: a folder with noisy and clean alone"
            )
        check_image_size(settings, "the discriminator")
        validation = settings.usual_validation(dataset)
        own_validation = dataset.validation
        if settings.pairs and own_validation is not None and 2 * validation < len(own_validation):
            raise InputError(
                f"--set validation_per_class: {validation} is not accepted with pairs to validate "
                "on; accepted: 0, for all of them"
            )
        # Refuses classes that are unknown or named twice, and validation that leaves none.
        num_validation = min(
            sum(map(len, divided(draw, settings.classes, validation)[1])) for draw in dataset.draws
        )
        if num_validation < FEWEST_PAIRS:
            reason = "" if settings.pairs else "; each clean image is mixed with another one"
            raise InputError(
                f"--set classes: {', '.join(settings.classes)} leave {num_validation} images to "
                f"validate on; accepted: classes that leave {FEWEST_PAIRS} or more in all, as two "
                f"classes with 2 training images each do, or a val folder{reason}"
            )
        labels = [dataset.class_names.index(name) for name in settings.classes]
        num_test = int(dataset.fewest("test")[labels].sum())
        max_pairs, noun = (
            (num_test // 2, "test pairs") if settings.pairs else (num_test, "test images")
        )
        if max_pairs < FEWEST_PAIRS:
            raise InputError(
                f"--set classes: {', '.join(settings.classes)} have {max_pairs} {noun}; "
                f"accepted: classes with {FEWEST_PAIRS} or more in all"
            )
        return dataclasses.replace(
            settings,
            validation_per_class=validation,
            test_pairs=min(settings.test_pairs, max_pairs),
        )

    @property
    def single_device_only(self) -> str:
        return (
            super().single_device_only
            if self.adversary == "none"
            else f"adversary={self.adversary}"
        )

    @property
    def shared_work(self) -> str | None:
        """Arms with the same networks and losses: the process that trains one has them traced."""
        if self.method != "network":
            return None
        networks = (
            self.adversary,
            self.same_batch,
            self.content_loss,
            self.adversarial_loss,
            self.spectral,
            self.input_skip,
        )
        return " ".join(map(str, networks))


DEFAULTS = DenoisingSettings(width=16, updates=1600, intervals=20, learning_rate=3e-3)
