"""Does an adversarial loss help a denoiser? The study of document 004."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_mnist.classification import (
    TrainingSettings,
    refuse_small_images,
    resolve_classes,
    usual_validation,
)
from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Kind, Metric, Picture, Preset, Study

ADVERSARIES = ("none", "vanilla", "conditional")
# Where the fixed evaluation pairs stand. Source: specification, section 9.
TRUTH_SCALE, REF_SCALE = 0.5, 0.7
# Fewer say nothing of a distribution.
FEWEST_PAIRS = 4


@dataclass(frozen=True)
class DenoisingSettings(TrainingSettings):
    """Settings of the denoising study. Source: specification, section 9.

    The training goes through one phase or several; `phase_starts`, `content_weights` and
    `adversarial_weights` have an entry each.
    """

    width: int = setting(16, "of the denoiser: channels of its hidden layers", low=1, high=10_000)
    updates: int = setting(1600, "updates of the denoiser", low=10, high=10_000_000, multiple_of=10)
    intervals: int = setting(
        20, "parts of the training after which validation pairs are looked at", low=1, high=100_000
    )
    batch_size: int = setting(32, "pairs a batch", low=2, high=100_000)
    learning_rate: float = setting(3e-3, "of Adam, for both networks", low=1e-8, high=1)
    decay: bool = setting(True, "the learning rate falls to 0 along a half cosine")
    discriminator_width: int = setting(
        4, "channels of the discriminator's first layer", low=1, high=10_000
    )
    test_pairs: int = setting(
        2000,
        "test images that are truths, at most as many as there are",
        low=FEWEST_PAIRS,
        high=1_000_000,
    )
    judge_width: int = setting(16, "of the classifier that reads the outputs", low=1, high=10_000)
    judge_updates: int = setting(
        1000, "updates of the classifier that reads the outputs", low=10, high=10_000_000,
        multiple_of=10,
    )  # fmt: skip

    a: tuple[float, ...] = setting((0.2, 1.0), "lowest and highest scale of the truth", low=0)
    b: tuple[float, ...] = setting((0.2, 1.0), "lowest and highest scale of the ref", low=0)
    noise: tuple[float, ...] = setting((0.0, 1.0), "lowest and highest noise of a pixel", low=0)
    scales: str = setting(
        "image", "a and b are drawn for every image, or batch", choices=("image", "batch")
    )

    method: str = setting(
        "network", "what denoises: a trained network, or something that learns nothing",
        choices=("network", "filter", "black"),
    )  # fmt: skip
    ref_shown: str = setting(
        "ref", "the ref as the denoiser is shown it: as it is, or b * ref",
        choices=("ref", "scaled"),
    )  # fmt: skip
    target: str = setting(
        "scaled", "what the denoiser is to return: a * truth, or the truth",
        choices=("scaled", "plain"),
    )  # fmt: skip
    training_images: int = setting(0, "to train on, at most; 0: all there are", low=0)
    adversary: str = setting(
        "none", "what the discriminator sees: nothing, images, or images with input and ref",
        choices=ADVERSARIES,
    )  # fmt: skip
    content_weights: tuple[float, ...] = setting((1.0,), "of L1, by phase", low=0)
    adversarial_weights: tuple[float, ...] = setting(
        (0.0,), "of the adversarial loss, by phase", low=0
    )
    phase_starts: tuple[float, ...] = setting(
        (0.0,), "where the phases begin: shares of the updates", low=0, high=1
    )
    same_batch: bool = setting(True, "denoiser and discriminator learn on the same batch")
    adversarial_loss: str = setting(
        "non_saturating", "of denoiser and discriminator",
        choices=("non_saturating", "hinge", "least_squares"),
    )  # fmt: skip
    spectral: bool = setting(False, "spectral norm in the discriminator, and no batch norm")
    input_skip: bool = setting(True, "the input is added before the denoiser's last convolution")

    @property
    def phases(self) -> tuple[tuple[int, float, float], ...]:
        """(first update, weight of L1, weight of the adversary), as a schedule takes them."""
        starts = (round(share * self.updates) for share in self.phase_starts)
        return tuple(zip(starts, self.content_weights, self.adversarial_weights, strict=True))


def resolve(settings: DenoisingSettings, dataset: Dataset) -> DenoisingSettings:
    """Makes explicit what the data set decides, and checks what the arms need.

    Raises:
        InputError: If it is not met.
    """
    refuse_small_images(settings, "the discriminator")
    for name in ("a", "b", "noise"):
        bounds = getattr(settings, name)
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            raise InputError(
                f"setting {name}: {', '.join(f'{bound:g}' for bound in bounds) or 'nothing'} is "
                "no range; accepted: two numbers, the lower first"
            )
    weights = settings.phase_starts, settings.content_weights, settings.adversarial_weights
    if len({len(entries) for entries in weights}) > 1:
        given = " and ".join(str(len(entries)) for entries in weights)
        raise InputError(
            "settings phase_starts, content_weights and adversarial_weights: "
            f"{given} phases; accepted: equally many"
        )
    settings = resolve_classes(settings, dataset, dataset.class_names)
    validation = usual_validation(settings, dataset)
    # Refuses classes that are unknown or named twice, and validation that leaves none to train on.
    allot(dataset, settings.classes, None, 0, validation)
    resolved = dataclasses.replace(
        settings,
        validation_per_class=validation,
        test_pairs=min(settings.test_pairs, _num_test(settings, dataset)),
    )
    if resolved.test_pairs < FEWEST_PAIRS:
        raise InputError(
            f"--set classes: {', '.join(resolved.classes)} have {resolved.test_pairs} test images; "
            f"accepted: classes with {FEWEST_PAIRS} or more in all"
        )
    return resolved


def _num_test(settings: DenoisingSettings, dataset: Dataset) -> int:
    labels = [dataset.class_names.index(name) for name in settings.classes]
    return int(np.isin(dataset.test.labels, labels).sum())


DOCUMENT = "document 004"
AXES = ("adversary", "phases", "same_batch", "ref_shown", "target", "training_images")
L1 = ((0, 1, 0),)
SAME, OTHER = True, False
# Of `phases`: where one begins, as a share of the updates, its weight of L1 and of the adversary.
TABLE = (
    # name, adversary, phases, batches of D and G, ref shown, target, training images
    ("v1_dcnn", "none", L1, SAME, "ref", "scaled", 0),
    ("v2_dcnn", "none", L1, SAME, "scaled", "scaled", 0),
    ("v3_dcnn", "none", L1, SAME, "scaled", "plain", 0),
    ("v5_dcnn", "none", L1, SAME, "ref", "scaled", 1000),
    ("v1_dcgans", "vanilla", ((0, 1, 0.001),), OTHER, "ref", "scaled", 0),
    ("v2_dcgans", "vanilla", ((0, 0.9, 0.1),), OTHER, "ref", "scaled", 0),
    ("v3_dcgans", "vanilla", ((0, 1, 1),), OTHER, "ref", "scaled", 0),
    ("v4_dcgans", "vanilla", ((0, 1, 0.001),), SAME, "ref", "scaled", 0),
    ("v5_dcgans", "vanilla", ((0, 0.9, 0.1),), SAME, "ref", "scaled", 0),
    ("v6_dcgans", "vanilla", ((0, 1, 1),), SAME, "ref", "scaled", 0),
    ("v7_dcgans", "vanilla", ((0, 1, 0), (0.5, 1, 0.001)), SAME, "ref", "scaled", 0),
    ("v1_conditional_dcgans", "conditional", ((0, 1, 1),), SAME, "ref", "scaled", 0),
    ("v2_conditional_dcgans", "conditional", ((0, 1, 0.001),), SAME, "ref", "scaled", 0),
    ("v3_conditional_dcgans", "conditional", ((0, 0, 1),), SAME, "ref", "scaled", 0),
    ("v4_conditional_dcgans", "conditional", ((0, 0, 1),), OTHER, "ref", "scaled", 0),
    ("v5_conditional_dcgans", "conditional", ((0, 1, 1), (0.4, 100, 1)), SAME, "ref", "scaled", 0),
)


def changes_of(adversary: str, phases: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """The settings of an adversary and its schedule, as far as they are not the usual ones."""
    starts, content, adversarial = (tuple(map(float, row)) for row in zip(*phases, strict=True))
    return _unusual(
        adversary=adversary,
        phase_starts=starts,
        content_weights=content,
        adversarial_weights=adversarial,
    )


def _unusual(**settings: Any) -> dict[str, Any]:
    usual = DenoisingSettings()
    return {name: value for name, value in settings.items() if value != getattr(usual, name)}


def in_words(changes: Mapping[str, Any]) -> str:
    """What an arm does differently, from its settings."""
    settings = dataclasses.replace(DenoisingSettings(), **changes)
    losses = [
        " + ".join(
            f"{weight:g} {name}" if weight != 1 else name
            for name, weight in (("L1", content), (settings.adversary, adversarial))
            if weight
        )
        for content, adversarial in zip(
            settings.content_weights, settings.adversarial_weights, strict=True
        )
    ]
    starts = settings.phase_starts[1:]
    loss = losses[0] + "".join(
        f", from {start:.0%} of the updates on {later}"
        for start, later in zip(starts, losses[1:], strict=True)
    )
    told = [loss if settings.adversary != "none" else "L1 alone"]
    told += ["other batches for the discriminator"] if not settings.same_batch else []
    told += ["shown b * ref"] if settings.ref_shown == "scaled" else []
    told += ["to return the truth at full scale"] if settings.target == "plain" else []
    told += [f"{settings.training_images:,} training images"] if settings.training_images else []
    return ", ".join(told)


def _named(name: str, adversary: str, phases: Any, *others: Any) -> Arm:
    others_by_name = dict(zip(AXES[2:], others, strict=True))
    changes = changes_of(adversary, phases) | _unusual(**others_by_name)
    kind: Kind = "rival" if adversary == "none" else "generated"
    return Arm(f"resConvNet_{name}", changes, in_words(changes), DOCUMENT, kind)


def _weighted(adversary: str, weight: float) -> Arm:
    changes = changes_of(adversary, ((0, 1, weight),))
    return Arm(f"{adversary}_{weight}", changes, in_words(changes), kind="generated")


NAMED = tuple(_named(*row) for row in TABLE)
CONTROL = dataclasses.replace(NAMED[0], kind="control")
ARMS = (
    CONTROL,
    *NAMED[1:],
    # Between the weights 0 (v1_dcnn), 0.001 (v4_dcgans, v2_conditional_dcgans) and 1 (v6_dcgans,
    # v1_conditional_dcgans).
    *(_weighted(adversary, weight) for adversary in ADVERSARIES[1:] for weight in (0.01, 0.1)),
    Arm(
        "hinge_spectral",
        changes_of("vanilla", ((0, 1, 0.01),)) | {"adversarial_loss": "hinge", "spectral": True},
        "as vanilla_0.01, hinge loss and spectral norm",
        kind="generated",
    ),
    Arm(
        "least_squares_spectral",
        changes_of("conditional", ((0, 1, 0.01),))
        | {"adversarial_loss": "least_squares", "spectral": True},
        "as conditional_0.01, least-squares loss and spectral norm",
        kind="generated",
    ),
    Arm(
        "no_input_skip",
        {"input_skip": False},
        "as v1_dcnn, without the last skip",
        kind="ablation",
        ablates=CONTROL.name,
    ),
    Arm(
        "no_input_skip_vanilla",
        changes_of("vanilla", ((0, 1, 1),)) | {"input_skip": False},
        "as v6_dcgans, without the last skip",
        kind="ablation",
        ablates="resConvNet_v6_dcgans",
    ),
    Arm(
        "subtract_and_filter",
        {"method": "filter"},
        "nothing learned: the best-fitting multiple of the ref taken away, then a median filter",
    ),
    Arm("black", {"method": "black"}, "a black image", kind="check"),
)

STUDY = Study(
    name="denoising",
    question="Does an adversarial loss help a denoiser?",
    settings=DenoisingSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(
            2,
            {
                "width": 2,
                "updates": 20,
                "intervals": 2,
                "batch_size": 8,
                "discriminator_width": 1,
                "test_pairs": 50,
                "judge_width": 2,
                "judge_updates": 20,
            },
        ),
        "quick": Preset(3, {}),
        "paper": Preset(
            5,
            {
                "width": 128,
                "updates": 500_000,
                "batch_size": 100,
                "learning_rate": 1e-4,
                "decay": False,
                "discriminator_width": 64,
                "test_pairs": 10_000,
                "judge_updates": 10_000,
            },
        ),
    },
    control=CONTROL.name,
    oracle=None,
    metrics=(
        Metric("psnr_db", "PSNR in dB of the outputs on the fixed test pairs"),
        Metric("ssim", "structural similarity", bounds=(-1, 1)),
        Metric("l1", "mean absolute error", higher_is_better=False, bounds=(0, 1)),
        Metric("mse", "mean squared error", higher_is_better=False, bounds=(0, 1)),
        Metric(
            "ref_leak",
            "share of outputs more like the ref than like the truth",
            higher_is_better=False,
            bounds=(0, 1),
        ),
        Metric("digit_accuracy", "accuracy of a classifier that reads the outputs", bounds=(0, 1)),
        Metric(
            "feature_distance",
            "kernel distance of the outputs to the truths, in the classifier's features",
            higher_is_better=False,
        ),
    ),
    expectations=(
        Expectation("black", "below", CONTROL.name),
        Expectation("subtract_and_filter", "below", CONTROL.name),
    ),
    run_trial="experiments.denoising.trial:run_trial",
    resolve=resolve,
    curve=Metric("val_psnr_db", "PSNR in dB on validation pairs"),
    pictures=(
        Picture(
            "perception_and_distortion",
            "experiments.denoising.perception:perception_and_distortion",
            "Perception against distortion",
            "Each mark is an arm, the mean over seeds; bars go from lowest to highest seed. "
            "To the right: nearer to the truth, pixel by pixel. Upwards in the first panel: digits "
            "that are read aright. Downwards in the second: outputs that are distributed as the "
            "truths are. An adversary would be worth its price if it moved an arm so without "
            "moving it to the left. A hollow mark stands for an arm that is worse than drawn.",
        ),
        Picture(
            "sheets",
            "experiments.denoising.figures:sheets",
            "What the arms return",
            "Eight of the fixed test pairs, first seed. Truths and refs are shown at full scale; "
            "outputs are to have half of it. Each trial keeps its own sheet of truth, ref, input "
            "and output as `sheet.png`.",
        ),
        Picture(
            "against_cost",
            "gan_mnist.study.pictures:against_cost",
            "Against updates and against seconds",
            "PSNR on validation pairs, the mean over seeds. An update with an adversary takes "
            "longer than one without.",
        ),
        Picture(
            "beyond_training",
            "experiments.denoising.figures:beyond_training",
            "Beyond what was trained on",
            "PSNR above that of a black image when one of the three ranges is left, the other two "
            "as in the fixed pairs (a 0.5, b 0.7, noise to 1). What was trained on is shaded; of "
            "the noise it is one upper end, the line. Mean over seeds, with a band from lowest to "
            "highest.",
        ),
    ),
    findings="experiments.denoising.findings:findings",
    published=(
        "Document 004 judged by eye: no adversarial variant beat plain L1; v2, v3, v5 and v6 of "
        "the vanilla arms returned the ref.",
    ),
)
