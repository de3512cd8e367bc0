"""The sixteen trainings of the source as a table, and the arms beside them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.spec import Arm, Kind

from .settings import ADVERSARIES, DEFAULTS

DOCUMENT = "docs/sources.md#denoising"
AXES = ("adversary", "phases", "same_batch", "ref_shown", "target", "training_images")
L1 = ((0, 1, 0),)
SAME, OTHER = True, False
# Each of `phases`: its start as a share of the updates, its weights of L1 and of the adversary.
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
    """The settings of an adversary and its schedule, as far as they differ from the defaults."""
    starts, content, adversarial = (tuple(map(float, row)) for row in zip(*phases, strict=True))
    return _non_defaults(
        adversary=adversary,
        phase_starts=starts,
        content_weights=content,
        adversarial_weights=adversarial,
    )


def _non_defaults(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value != getattr(DEFAULTS, name)}


def describe_changes(changes: Mapping[str, Any]) -> str:
    """What an arm does differently, from its settings."""
    settings = dataclasses.replace(DEFAULTS, **changes)
    losses = [
        _loss_in_words(content, adversarial, settings.adversary)
        for content, adversarial in zip(
            settings.content_weights, settings.adversarial_weights, strict=True
        )
    ]
    loss = losses[0] + "".join(
        f", from {start:.0%} of the updates on {later_loss}"
        for start, later_loss in zip(settings.phase_starts[1:], losses[1:], strict=True)
    )
    parts = [loss]
    parts += ["the discriminator sees other batches"] if not settings.same_batch else []
    parts += ["the ref is shown scaled by b"] if settings.ref_shown == "scaled" else []
    parts += ["the target is the unscaled truth"] if settings.target == "plain" else []
    count = settings.training_images
    parts += [f"{count:,} training images"] if count else []
    return "; ".join(parts)


def _loss_in_words(content: float, adversarial: float, adversary: str) -> str:
    loss_weights = (("L1", content), (f"{adversary} GAN loss", adversarial))
    terms = [
        f"{weight:g} {name}" if weight != 1 else name for name, weight in loss_weights if weight
    ]
    return " + ".join(terms) if len(terms) > 1 else f"{terms[0]} alone"


def _named(name: str, adversary: str, phases: Any, *values: Any) -> Arm:
    options = dict(zip(AXES[2:], values, strict=True))
    changes = changes_of(adversary, phases) | _non_defaults(**options)
    kind: Kind = "rival" if adversary == "none" else "generated"
    return Arm(f"resConvNet_{name}", changes, describe_changes(changes), DOCUMENT, kind)


def _weighted(adversary: str, share: str, weight: float) -> Arm:
    changes = changes_of(adversary, ((0, 1, weight),))
    return Arm(f"{adversary}_{share}", changes, describe_changes(changes), kind="generated")


NAMED = tuple(_named(*row) for row in TABLE)
CONTROL = dataclasses.replace(NAMED[0], kind="control")
ARMS = (
    CONTROL,
    *NAMED[1:],
    # Between the weights 0 (v1_dcnn), 0.001 (v4_dcgans, v2_conditional_dcgans) and 1 (v6_dcgans,
    # v1_conditional_dcgans).
    *(
        _weighted(adversary, share, weight)
        for adversary in ADVERSARIES[1:]
        for share, weight in (("hundredth", 0.01), ("tenth", 0.1))
    ),
    # PSNR falls with the squared error, which L1 does not minimise: what is to be had without an
    # adversary.
    Arm(
        "squared_error",
        {"content_loss": "mse"},
        "as resConvNet_v1_dcnn, with mean squared error in place of L1",
        kind="rival",
    ),
    Arm(
        "hinge_spectral",
        changes_of("vanilla", ((0, 1, 0.01),)) | {"adversarial_loss": "hinge", "spectral": True},
        "as vanilla_hundredth, with hinge loss and spectral norm",
        kind="generated",
    ),
    Arm(
        "least_squares_spectral",
        changes_of("conditional", ((0, 1, 0.01),))
        | {"adversarial_loss": "least_squares", "spectral": True},
        "as conditional_hundredth, with least-squares loss and spectral norm",
        kind="generated",
    ),
    Arm(
        "no_input_skip",
        {"input_skip": False},
        "as resConvNet_v1_dcnn, without the last skip",
        kind="ablation",
        ablates=CONTROL.name,
    ),
    Arm(
        "no_input_skip_vanilla",
        changes_of("vanilla", ((0, 1, 1),)) | {"input_skip": False},
        "as resConvNet_v6_dcgans, without the last skip",
        kind="ablation",
        ablates="resConvNet_v6_dcgans",
    ),
    Arm(
        "subtract_and_filter",
        {"method": "filter"},
        "nothing learnt: the best-fitting multiple of the ref subtracted, then a median filter",
    ),
    Arm("black", {"method": "black"}, "a black image", kind="check"),
)
