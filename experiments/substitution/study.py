"""Can generated images replace real ones?"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import PAPER_DCGAN, GeneratorSettings
from gan_mnist.settings import SubsetSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study


@dataclass(frozen=True)
class SubstitutionSettings(GeneratorSettings, SubsetSettings):
    """Settings of the substitution study. Source: docs/sources.md#substitution."""

    GROUP: ClassVar[str] = "substitution"

    batch_size: int = setting(64, "images per batch", low=2, high=100_000)
    trained_on: str = setting(
        "real", "what batches hold: real images, generated ones, or half of each",
        choices=("real", "generated", "both"),
    )  # fmt: skip
    generated_images: int = setting(
        20_000, "generated images in a pool, at most as many as real ones; copies: always as many",
        low=2, high=10_000_000,
    )  # fmt: skip
    pool_updates: int = setting(
        0, "updates after which a new pool of images is generated; 0: one pool for the whole "
        "training", low=0, high=10_000_000,
    )  # fmt: skip
    label_smoothing: float = setting(
        0.0, "share of a generated image's label that is spread evenly over all classes",
        low=0, high=0.99,
    )  # fmt: skip
    generated_weight: float = setting(
        1.0, "loss weight of a generated image; a real one has 1", low=0.001, high=1000
    )

    def resolve(self, dataset: Dataset) -> Self:
        """As `resolve` of the other settings; checks that `generated_images` is large enough.

        Raises:
            InputError: As there, and if in the real proportions a class would have none of them.
        """
        resolved = super().resolve(dataset)
        min_images = 0
        for draw in dataset.draws:
            train = allot(
                draw, resolved.classes, resolved.counts, 0, resolved.validation_per_class
            ).train
            min_images = max(min_images, -(-len(train) // int(np.bincount(train.labels).min())))
        if resolved.generated_images < min_images:
            raise InputError(
                f"setting generated_images: {resolved.generated_images} is out of range; accepted: "
                f"{min_images} or more, which in the real proportions gives every class one"
            )
        return resolved


PAPER = "docs/sources.md#substitution, arXiv 1812.01547"
GENERATED = {"generator": "cgan", "trained_on": "generated"}
FLOW = {"generator": "vae_flow", "trained_on": "generated"}
# What is done with generated images; none of it was tuned.
KEPT = {"kept_from": 0.9}
FRESH = {"pool_updates": 100}
SPREAD = {"vae_sampling_scale": 1.2}
IN_TURN = {"generators_in_turn": 3}
SMOOTHED = {"label_smoothing": 0.1}
GAFI = "arXiv 2305.10118"
ARMS = (
    # name, what differs, what the classifier is trained on
    Arm("real_only", {}, "real images only", kind="control", source=PAPER),
    Arm("generated_only", GENERATED, "nothing but images of a conditional GAN",
        kind="generated", source=PAPER),
    Arm("real_and_generated", {"generator": "cgan", "trained_on": "both"},
        "half real images, half those of generated_only", kind="generated", source=PAPER),
    Arm("r3gan_only", GENERATED | {"generator": "r3gan"},
        "nothing but images of a GAN with relativistic loss and gradient penalties",
        kind="generated",
        source="arXiv 2501.05441"),
    Arm("vae_flow_only", FLOW,
        "nothing but images of a variational autoencoder with a flow", kind="generated",
        source="arXiv 2209.03003, 2112.10752"),
    Arm("vae_flow_kept", FLOW | KEPT,
        "as vae_flow_only; images drawn anew until a judge is sure of the class", kind="generated",
        source=GAFI),
    Arm("vae_flow_fresh", FLOW | FRESH,
        "as vae_flow_only; new images every 100 updates", kind="generated", source=GAFI),
    Arm("vae_flow_spread", FLOW | SPREAD,
        "as vae_flow_only; noise 1.2 times as wide as in training", kind="generated",
        source=GAFI),
    Arm("vae_flow_in_turn", FLOW | IN_TURN,
        "as vae_flow_only; three such generators take turns", kind="generated"),
    Arm("vae_flow_smoothed", FLOW | SMOOTHED,
        "as vae_flow_only; a tenth of each label spread over all classes", kind="generated"),
    Arm("vae_flow_together", FLOW | KEPT | FRESH | SPREAD | IN_TURN | SMOOTHED,
        "as vae_flow_only; what differs in vae_flow_kept to vae_flow_smoothed, all at once",
        kind="generated", source=GAFI),
    Arm("vae_flow_and_real", FLOW | {"trained_on": "both"},
        "half real images, half those of vae_flow_only", kind="generated"),
    Arm("vae_flow_and_real_lighter", FLOW | {"trained_on": "both", "generated_weight": 0.3},
        "as vae_flow_and_real; a generated image weighs 0.3 in the loss", kind="generated"),
    Arm("deformations_only", GENERATED | {"generator": "deformations"},
        "real images under deformations learnt from pairs of one class, their own or another",
        kind="generated", source="arXiv 1510.02795"),
    Arm("smote_only", GENERATED | {"generator": "smote"},
        "nothing but points between neighbouring images of a class", source="arXiv 1106.1813"),
    Arm("mixture_only", GENERATED | {"generator": "mixture"},
        "nothing but samples of a Gaussian mixture per class"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed and sheared at random"),
    Arm("copies", {"generator": "copy", "trained_on": "generated"},
        "as real_only, by a generator that hands out each real image once", kind="check"),
    Arm("shuffled_labels", GENERATED | {"shuffled_labels": True},
        "as generated_only, under wrong labels", kind="check"),
)  # fmt: skip

AS_THEY_COME = "vae_flow_only"
# The candidates that `findings.habit` chooses from.
WAYS = (
    AS_THEY_COME,
    "vae_flow_kept",
    "vae_flow_fresh",
    "vae_flow_spread",
    "vae_flow_in_turn",
    "vae_flow_smoothed",
    "vae_flow_together",
)


def of_source(settings: SubstitutionSettings, name: str) -> tuple[Arm, ...]:
    """The arms of one source of generated images."""
    return (
        Arm(f"{name}_only", {"trained_on": "generated"},
            f"nothing but images of {name}", kind="generated"),
        Arm(name, {"trained_on": "both"},
            f"half real images, half those of {name}", kind="generated"),
    )  # fmt: skip


QUICK = (
    "real_only", "generated_only", "real_and_generated", "deformations_only", "classical", "copies",
    "shuffled_labels",
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="How much is lost when generated images replace real ones in training a classifier?",
    settings=SubstitutionSettings(),
    arms=ARMS,
    of_source=of_source,
    presets={
        "smoke": Preset(
            2,
            {
                "updates": 20,
                "width": 4,
                "gan_updates": 20,
                "gan_width": 1,
                "vae_width": 1,
                "judge_updates": 20,
                "intervals": 2,
            },
        ),
        "quick": Preset(5, {}, QUICK),
        "paper": Preset(
            10,
            {
                **PAPER_DCGAN,
                "updates": 10_000,
                "gan_updates": 100_000,
                "generated_images": 60_000,
            },
        ),
    },
    control="real_only",
    rival="classical",
    primary=(
        Pair("generated_only", "real_only"),
        Pair("real_and_generated", "real_only"),
        Pair("vae_flow_together", AS_THEY_COME),
    ),
    primary_of_source=(Pair("{source}_only", "real_only"), Pair("{source}", "real_only")),
    metrics=(
        # At an AUC of 0.9997 real images leave 0.0003 to lose: 0.01 would be nothing but equal.
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1), margin=0.001),
        Metric("accuracy", "accuracy", bounds=(0, 1)),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("val_accuracy*", "accuracy* on validation images", bounds=(0, 1)),
        Metric("accuracy_at_best_*", "accuracy at the checkpoint that is best by *", bounds=(0, 1)),
        Metric("habit_*", "* (a habit under study, no result)", bounds=(0, 1)),
        Metric("auc_*", "ROC AUC of *", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    expectations=(
        Expectation("copies", "equal to", "real_only"),
        Expectation("shuffled_labels", "below", "generated_only"),
    ),
    gallery_caption="What each arm trains on, one image of each class in turn.",
    published=(
        "The source: ROC AUC about 0.99 on real images only; high on generated images, and on "
        "real and generated ones, without figures.",
        "arXiv 1812.01547: ROC AUC above 0.95 for a classifier trained on generated images only.",
    ),
)
