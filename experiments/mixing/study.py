"""Does training on real + generated digits raise accuracy?"""

from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import PAPER_DCGAN, GeneratorSettings
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study


@dataclass(frozen=True)
class MixingSettings(GeneratorSettings, SubsetSettings):
    """Settings of the mixing study. Source: docs/sources.md#mixing."""

    GROUP: ClassVar[str] = "mixing"

    intervals: int = setting(
        50, "equal parts of the training; tested after each tenth of it, and each part of the last "
        "tenth", low=20, high=100_000, multiple_of=10,
    )  # fmt: skip
    loss: str = setting(
        "softmax", "softmax cross-entropy, or binary cross-entropy of each class",
        choices=("softmax", "sigmoid"),
    )  # fmt: skip
    share: float = setting(0.5, "share of generated images in each batch", low=0.01, high=1)
    fresh: bool = setting(False, "images are generated anew for every batch, not once for a pool")
    decimals: int = setting(
        -1, "fresh: decimals that latents are rounded to; -1: no rounding", low=-1, high=7
    )
    active: int = setting(
        0, "fresh: how many latents are random, the others being 0; 0: all", low=0
    )
    pool_images: int = setting(10_000, "images in the pool", low=1, high=10_000_000)
    pool_limit: int = setting(10_000_000, "cap on pool_images in every arm", low=1, high=10_000_000)
    without_last: bool = setting(False, "fresh: no images of the last class are generated")
    large: bool = setting(
        False, "twice the width, at least 11 epochs, cosine decay of the learning rate to 0"
    )

    @property
    def num_generated(self) -> int:
        """Generated images in a mixed batch."""
        return round(self.share * self.batch_size)

    @property
    def single_device_only(self) -> str:
        return "fresh=true" if self.fresh else super().single_device_only

    def resolve(self, dataset: Dataset) -> Self:
        """As `resolve` of the other settings; checks what the mixture and the arms need.

        Raises:
            InputError: As there, and for a `share` that leaves a part empty, or too few latents.
        """
        if not 0 < self.num_generated < self.batch_size and self.share < 1:
            raise InputError(
                f"--set share: {self.share} of batch_size={self.batch_size} leaves a part "
                "empty; accepted: a share that gives each part an image"
            )
        max_active = max(arm.changes.get("active", 0) for arm in ARMS)
        if self.gan_latent_dim < max_active:
            raise InputError(
                f"setting gan_latent_dim: {self.gan_latent_dim} is out of range; accepted: "
                f"{max_active} or more, as an arm draws so many"
            )
        return super().resolve(dataset)


DOCUMENT = "docs/sources.md#mixing"
FRESH = {"generator": "cgan", "fresh": True}
POOL = {"generator": "cgan"}
ONE_DECIMAL = FRESH | {"decimals": 1}
ARMS = (
    # name, what differs, what a batch holds
    Arm("normal_cnn_v1", {}, "real images only", kind="control", source=DOCUMENT),
    Arm("cnn_add_generated_data_v1", FRESH, "half real images, half generated anew for every batch",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v2", FRESH | {"decimals": 2},
        "as cnn_add_generated_data_v1; latents rounded to 2 decimals",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v3", ONE_DECIMAL,
        "as cnn_add_generated_data_v1; latents rounded to 1 decimal",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v4", ONE_DECIMAL | {"active": 5},
        "as cnn_add_generated_data_v3; 5 latents of 100 random, the others 0",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v5", ONE_DECIMAL | {"active": 10},
        "as cnn_add_generated_data_v3; 10 latents random, the others 0",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v6", ONE_DECIMAL | {"active": 15},
        "as cnn_add_generated_data_v3; 15 latents random, the others 0",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v7", ONE_DECIMAL | {"active": 20},
        "as cnn_add_generated_data_v3; 20 latents random, the others 0",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v8", ONE_DECIMAL | {"active": 25},
        "as cnn_add_generated_data_v3; 25 latents random, the others 0",
        kind="generated", source=f"{DOCUMENT} (code)"),
    Arm("pool_1k", POOL | {"pool_images": 1_000},
        "half real images, half from a pool of 1,000 generated ones", kind="generated"),
    Arm("pool_10k", POOL | {"pool_images": 10_000},
        "half real images, half from a pool of 10,000 generated ones", kind="generated"),
    Arm("pool_60k", POOL | {"pool_images": 60_000},
        "half real images, half from a pool of 60,000 generated ones", kind="generated"),
    Arm("share_5", POOL | {"pool_images": 60_000, "share": 0.05},
        "as pool_60k, but a twentieth of each batch is generated", kind="generated"),
    Arm("share_12_5", POOL | {"pool_images": 60_000, "share": 0.125},
        "as pool_60k, but an eighth of each batch is generated", kind="generated"),
    Arm("share_25", POOL | {"pool_images": 60_000, "share": 0.25},
        "as pool_60k, but a quarter of each batch is generated", kind="generated"),
    Arm("share_100", POOL | {"pool_images": 60_000, "share": 1.0},
        "as pool_60k, but without real images", kind="ablation"),
    Arm("wide_latents", FRESH | {"gan_sampling_scale": 1.5},
        "as cnn_add_generated_data_v1, latents spread 1.5 times as wide", kind="generated"),
    Arm("dagan", {"generator": "dagan", "pool_images": 60_000},
        "as pool_60k, with images of a DAGAN", kind="generated", source=f"{DOCUMENT} (planned)"),
    Arm("without_nines", FRESH | {"without_last": True},
        "as cnn_add_generated_data_v1, without generated images of the last class", kind="ablation",
        ablates="cnn_add_generated_data_v1", source=f"{DOCUMENT} (code)"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed and sheared at random"),
    Arm("elastic", {"classical": True, "augmentation": ("wide", "elastic")},
        "as classical with wider ranges, and elastic: 5 x 5 control points shifted at random"),
    Arm("classical_and_generated", FRESH | {"classical": True},
        "as cnn_add_generated_data_v1, every image augmented as in classical", kind="generated"),
    Arm("classical_large", {"classical": True, "large": True},
        "as classical; twice the width, 11 epochs or more, the learning rate falling to 0"),
    Arm("shuffled_labels", POOL | {"shuffled_labels": True},
        "as pool_10k, with generated images under wrong labels", kind="check"),
)  # fmt: skip


def of_source(settings: MixingSettings, name: str) -> tuple[Arm, ...]:
    """The arm of one source of generated images."""
    return (
        Arm(name, {}, f"half real images, half from a pool of images of {name}", kind="generated"),
    )


QUICK = (
    "normal_cnn_v1", "cnn_add_generated_data_v1", "pool_10k", "classical",
    "classical_and_generated", "shuffled_labels",
)  # fmt: skip
BY_HEART = (
    *(f"cnn_add_generated_data_v{i}" for i in (1, 4, 5, 8)), "normal_cnn_v1", "pool_1k",
    "pool_60k", "classical", "classical_and_generated",
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="Does training on real and generated images raise a classifier's accuracy?",
    settings=MixingSettings(
        classifier="deep_cnn",
        width=4,
        updates=600,
        batch_size=100,
        gan_updates=2000,
        rotation_degrees=10.0,
        shift=0.06,
        zoom=0.1,
        shear=0.2,
    ),
    arms=ARMS,
    of_source=of_source,
    presets={
        "smoke": Preset(
            2,
            {
                "updates": 20,
                "intervals": 20,
                "width": 1,
                "batch_size": 20,
                "images_per_class": 20,
                "image_size": 16,
                "pool_limit": 1_000,
                "gan_updates": 20,
                "gan_width": 1,
                "dagan_width": 1,
            },
        ),
        "quick": Preset(5, {}, QUICK),
        "paper": Preset(
            5,
            {
                "width": 32,
                "updates": 1_000_000,
                "learning_rate": 1e-5,
                "loss": "sigmoid",
                **PAPER_DCGAN,
                "gan_updates": 100_000,
                "most_generator_steps": 20,
                "dagan_width": 64,
            },
        ),
        # Real images learnt by heart: 192 passes over 1,000 of them, 96 where half is generated.
        "by_heart": Preset(
            10, {"images_per_class": 100, "batch_size": 80, "updates": 2_400}, BY_HEART
        ),
    },
    control="normal_cnn_v1",
    rival="classical",
    primary=(
        Pair("cnn_add_generated_data_v1", "normal_cnn_v1"),
        Pair("classical_and_generated", "classical"),
    ),
    primary_of_source=(Pair("{source}", "normal_cnn_v1"),),
    metrics=(
        # The source tells of effects from 0.0027 on.
        Metric(
            "accuracy_last_tenth",
            "test accuracy, mean over the last tenth of the updates",
            bounds=(0, 1),
            margin=0.002,
        ),
        Metric(
            "accuracy_swing",
            "its swing there (standard deviation)",
            higher_is_better=False,
            bounds=(0, 1),
        ),
        Metric("accuracy_since_*", "its change since * of the updates", bounds=(-1, 1)),
        Metric(
            "accuracy_at_best_validation",
            "test accuracy where validation accuracy was best",
            bounds=(0, 1),
        ),
        Metric("accuracy", "test accuracy at the end", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    expectations=(Expectation("shuffled_labels", "below", "pool_10k"),),
    curve=Metric("test_accuracy", "test accuracy"),
    gallery_caption="What was generated for each arm, or real images as it shows them.",
    published=(
        "The source, best or settled points of one test curve each: real only 0.9875 (best "
        "0.9883); v1, v2 and v3 about 0.992 (best about 0.994); v4 0.988, v5 0.9907, v6 about "
        "0.991, v7 about 0.9915; v8 not reported.",
    ),
)
