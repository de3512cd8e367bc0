"""Does training on real + generated digits raise accuracy? The study of document 000."""

from dataclasses import dataclass

from gan_mnist import settings as shared_settings
from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.settings import (
    PAPER_DCGAN,
    GeneratorSettings,
    SubsetSettings,
    refuse_small_images,
)
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Picture, Preset, Study

SOURCES = ("none", "fresh", "pool")
GENERATORS = ("conditional", "dagan")


@dataclass(frozen=True)
class MixingSettings(GeneratorSettings, SubsetSettings):
    """Settings of the mixing study. Source: specification, section 2."""

    width: int = setting(4, "of the classifier: channels of its first layer", low=1, high=10_000)
    updates: int = setting(600, "updates of the classifier", low=10, high=10_000_000)
    intervals: int = setting(
        50, "parts of the training; a tenth of them, and all of the last tenth, are judged",
        low=20, high=100_000, multiple_of=10,
    )  # fmt: skip
    batch_size: int = setting(100, "images a batch", low=2, high=100_000)
    loss: str = setting(
        "softmax", "cross-entropy over classes, or of each class alone",
        choices=("softmax", "sigmoid"),
    )  # fmt: skip
    share: float = setting(0.5, "generated images in a mixed batch", low=0.01, high=0.99)
    gan_updates: int = setting(2000, "of the GAN", low=10, high=10_000_000, multiple_of=10)
    gan_sampling_scale: float = setting(
        1.0, "what latents are multiplied by when images are drawn; above 1: more variety",
        low=0.01, high=100,
    )  # fmt: skip
    dagan_width: int = setting(8, "of the DAGAN", low=1, high=10_000)
    most_generator_steps: int = setting(
        1, "steps of the generator an update, at most, until its loss is low", low=1, high=100
    )
    rotation_degrees: float = setting(10.0, "classical: rotation in +-degrees", low=0, high=180)
    shift: float = setting(0.06, "classical: shift in +-sides", low=0, high=1)
    zoom: float = setting(0.1, "classical: scale in 1 +-", low=0, high=0.9)
    shear: float = setting(0.2, "classical: shear in +-radians", low=0, high=1)

    generated: str = setting(
        "none", "where the generated part of a batch comes from: the device, or a pool",
        choices=SOURCES,
    )  # fmt: skip
    generator: str = setting(
        "conditional", "the conditional GAN, or a DAGAN, which starts from training images",
        choices=GENERATORS,
    )  # fmt: skip
    decimals: int = setting(
        -1, "decimals to which latents are rounded; -1: none are", low=-1, high=7
    )
    active: int = setting(0, "latents that are drawn, the others being 0; 0: all", low=0)
    pool_images: int = setting(10_000, "images in the pool", low=1, high=10_000_000)
    pool_limit: int = setting(10_000_000, "images in any pool, at most", low=1, high=10_000_000)
    without_last: bool = setting(False, "nothing of the last class is generated")
    shuffled: bool = setting(False, "each generated image is labelled as another class")
    large: bool = setting(
        False, "twice the width, eleven passes over the images, a learning rate that falls to 0"
    )


def resolve(settings: MixingSettings, dataset: Dataset) -> MixingSettings:
    """Checks what the networks and the mixture need, besides what every experiment does.

    Raises:
        InputError: If it is not met.
    """
    refuse_small_images(settings, "the DeepCNN")
    if not 0 < num_generated(settings) < settings.batch_size:
        raise InputError(
            f"--set share: {settings.share} of batch_size={settings.batch_size} leaves a part "
            "empty; accepted: a share that gives each part an image"
        )
    most_active = max(arm.changes.get("active", 0) for arm in ARMS)
    if settings.gan_latent_dim < most_active:
        raise InputError(
            f"setting gan_latent_dim: {settings.gan_latent_dim} is out of range; accepted: "
            f"{most_active} or more, as an arm draws so many"
        )
    if settings.most_generator_steps > 1 and settings.gan_loss != "non_saturating":
        raise InputError(
            f"setting most_generator_steps: {settings.most_generator_steps} is not accepted with "
            f"gan_loss={settings.gan_loss}; accepted: 1, as its limit is one of the cross-entropy"
        )
    return shared_settings.resolve(settings, dataset)


def num_generated(settings: MixingSettings) -> int:
    """Generated images in a mixed batch."""
    return round(settings.share * settings.batch_size)


def shared_work(settings: MixingSettings) -> str | None:
    """Arms with one generator follow each other in one process."""
    return settings.generator if settings.generated != "none" else None


DOCUMENT = "document 000"
FRESH = {"generated": "fresh"}
ONE_DECIMAL = FRESH | {"decimals": 1}
ARMS = (
    # name, what differs, what a batch holds
    Arm("normal_cnn_v1", {}, "real images only", kind="control", source=DOCUMENT),
    Arm("cnn_add_generated_data_v1", FRESH, "half real, half freshly generated",
        kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v2", FRESH | {"decimals": 2},
        "latents rounded to 2 decimals", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v3", ONE_DECIMAL,
        "latents rounded to 1 decimal", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v4", ONE_DECIMAL | {"active": 5},
        "1 decimal, 5 latents of 100, the rest 0", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v5", ONE_DECIMAL | {"active": 10},
        "1 decimal, 10 latents", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v6", ONE_DECIMAL | {"active": 15},
        "1 decimal, 15 latents", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v7", ONE_DECIMAL | {"active": 20},
        "1 decimal, 20 latents", kind="generated", source=DOCUMENT),
    Arm("cnn_add_generated_data_v8", ONE_DECIMAL | {"active": 25},
        "1 decimal, 25 latents", kind="generated", source=f"{DOCUMENT} (code)"),
    Arm("pool_1k", {"generated": "pool", "pool_images": 1_000},
        "half from a pool of 1,000 generated images", kind="generated"),
    Arm("pool_10k", {"generated": "pool", "pool_images": 10_000},
        "half from a pool of 10,000", kind="generated"),
    Arm("pool_60k", {"generated": "pool", "pool_images": 60_000},
        "half from a pool of 60,000", kind="generated"),
    Arm("wide_latents", FRESH | {"gan_sampling_scale": 1.5},
        "as v1, latents of one and a half times the spread", kind="generated"),
    Arm("dagan", {"generated": "pool", "pool_images": 60_000, "generator": "dagan"},
        "as pool_60k, of a DAGAN", kind="generated", source=f"{DOCUMENT} (planned)"),
    Arm("without_nines", FRESH | {"without_last": True},
        "as v1, nothing of the last class generated", kind="ablation",
        ablates="cnn_add_generated_data_v1", source=f"{DOCUMENT} (code)"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed and sheared at random"),
    Arm("classical_and_generated", FRESH | {"classical": True},
        "as v1, every image changed as in classical", kind="generated"),
    Arm("classical_large", {"classical": True, "large": True},
        "as classical; twice as wide, eleven passes over the images, the rate falling to 0"),
    Arm("shuffled_labels", {"generated": "pool", "shuffled": True},
        "as pool_10k, generated images under wrong labels", kind="check"),
)  # fmt: skip

STUDY = Study(
    name="mixing",
    question="Does training on real and generated images raise a classifier's accuracy?",
    settings=MixingSettings(),
    arms=ARMS,
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
        "quick": Preset(3, {}),
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
    },
    control="normal_cnn_v1",
    oracle=None,
    rival="classical",
    metrics=(
        Metric(
            "accuracy_last_tenth",
            "test accuracy, mean over the last tenth of the updates",
            bounds=(0, 1),
        ),
        Metric(
            "accuracy_swing",
            "its swing there (standard deviation)",
            higher_is_better=False,
            bounds=(0, 1),
        ),
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
    run_trial="gan_mnist.experiments.mixing.trial:run_trial",
    resolve=resolve,
    shared_work=shared_work,
    curve=Metric("test_accuracy", "test accuracy"),
    findings="gan_mnist.experiments.mixing.findings:findings",
    pictures=(
        Picture(
            "claim",
            "gan_mnist.experiments.mixing.figures:claim",
            "Do more possible, or more seen, images raise accuracy?",
            "Left: how many of the latents are drawn (rounded to 1 decimal, the others being 0), "
            "and with them the number of possible images. Right: how many different generated "
            "images are ever seen; arms that saw as many stand side by side. Dots are seeds, marks "
            "means with 95 % intervals; the dashed line is the control.",
        ),
    ),
    gallery_caption="What was generated for each arm, or real images as it shows them.",
    published=(
        "Document 000, best or settled points of one test curve each: real only 0.9875 (best "
        "0.9883); v1, v2 and v3 about 0.992 (best about 0.994); v4 0.988, v5 0.9907, v6 about "
        "0.991, v7 about 0.9915; v8 not reported.",
    ),
)
