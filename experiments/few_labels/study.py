"""With few labels and many images: do generated images help?"""

from gan_mnist.data.dataset import Dataset
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study
from gan_mnist.study.words import counted

from .settings import FIXMATCH, PSEUDO, TRUE_LABELS, FewLabelsSettings

ELASTIC = {"classical": True, "augmentation": ("wide", "elastic")}
THICKNESS = {"classical": True, "augmentation": ("wide", "elastic", "thickness")}
WEAKER = {
    "augmentation": ("elastic", "thickness"), "elastic_shift": 0.05, "thickness_change": 0.4,
}  # fmt: skip
# As imbalance, where a digit has one image, has its strongest augmentation.
WIDER = {
    "rotation_degrees": 25.0, "shift": 0.05, "zoom": 0.2, "shear": 0.4, "thickness_change": 0.75,
}  # fmt: skip
# The three steps: pseudo-labels, a generator that learns from them, a fresh classifier.
THREE_STEPS = {"unlabelled": PSEUDO, "classical": True}
ARMS = (
    # name, what differs, what the classifier is trained on
    Arm("labels", {}, "the labelled images alone, as they are", kind="control"),
    Arm("classical", {"classical": True},
        "labelled images, rotated, shifted, zoomed and sheared at random"),
    Arm("elastic", ELASTIC,
        "as classical with wider ranges, and elastic: 5 x 5 control points shifted at random"),
    Arm("elastic_thickness", THICKNESS,
        "as elastic; strokes made thicker or thinner at random"),
    Arm("elastic_thickness_wider", {**THICKNESS, **WIDER},
        "as elastic_thickness, with most ranges twice as wide, as in imbalance"),
    Arm("elastic_cutmix", {"classical": True, "augmentation": ("wide", "elastic", "cutmix")},
        "as elastic; a box of another image is pasted in, and labels are mixed"),
    Arm("pseudo_labels", {**ELASTIC, "unlabelled": PSEUDO},
        "labelled images, and others with the labels of a first classifier; augmented as in "
        "elastic",
        source="Lee 2013"),
    Arm("pseudo_labels_thickness", {**THICKNESS, "unlabelled": PSEUDO},
        "as pseudo_labels, augmented as in elastic_thickness"),
    Arm("pseudo_labels_balanced", {**THREE_STEPS, "generator": "copy"},
        "as pseudo_labels, with as many images of each class; augmented as in classical"),
    Arm("pseudo_labels_weaker", {**THREE_STEPS, **WEAKER, "generator": "copy"},
        "as pseudo_labels_balanced, augmented as in generated_alike: generated_alike without its "
        "deformations"),
    Arm("fixmatch", {"unlabelled": FIXMATCH, "classical": True},
        "labelled images, and others that must get the same label however they are changed",
        source="arXiv 2001.07685"),
    Arm("generated_vae_flow", {**THREE_STEPS, "generator": "vae_flow"},
        "labelled images, and those of vae_flow trained on pseudo-labelled ones; augmented as in "
        "classical",
        kind="generated", source="arXiv 2302.10586"),
    Arm("generated_vae_flow_elastic", {**THREE_STEPS, **ELASTIC, "generator": "vae_flow"},
        "as generated_vae_flow, augmented as in elastic", kind="generated"),
    Arm("generated_deformations", {**THREE_STEPS, "generator": "deformations"},
        "labelled images, and pseudo-labelled ones under deformations learnt from their pairs; "
        "augmented as in classical",
        kind="generated", source="arXiv 1510.02795"),
    Arm("generated_alike",
        {**THREE_STEPS, **WEAKER, "generator": "deformations", "deformations_of": "alike"},
        "as generated_deformations, each deformation corrected for slant and strokes of its image; "
        "with weaker elastic and thickness changes",
        kind="generated"),
    Arm("generated_only_labels", {"generator": "deformations", "classical": True},
        "labelled images, as they are and under deformations learnt from their pairs; augmented as "
        "in classical", kind="generated"),
    Arm("oracle", {"unlabelled": TRUE_LABELS, "classical": True},
        "all training images with their true labels; augmented as in classical", kind="oracle"),
    Arm("copy", {"generator": "copy", "classical": True},
        "labelled images and copies of them; augmented as in classical", kind="check"),
    Arm("shuffled_labels",
        {**ELASTIC, "unlabelled": PSEUDO, "generator": "copy", "shuffled_labels": True},
        "labelled images; copies of these and of pseudo-labelled ones under wrong labels",
        kind="check"),
)  # fmt: skip


def of_source(settings: FewLabelsSettings, name: str) -> tuple[Arm, ...]:
    """The arm of one source of generated images; one that learns has pseudo-labels, too."""
    return (Arm(name, THREE_STEPS,
                f"labelled images and those of {name}; augmented as in classical",
                kind="generated"),)  # fmt: skip


# One image in a hundred: less would change nobody's choice of a classifier.
MARGIN = 0.01


def metrics_of(settings: FewLabelsSettings, dataset: Dataset) -> tuple[Metric, ...]:
    """The primary metric, with a label that says for which numbers of labels it is."""
    label = "accuracy, mean over the numbers of labels"
    if len(settings.primary_numbers) == 1:
        label = f"accuracy with {counted(settings.primary_numbers[0], 'label')} a class"
    return (Metric("accuracy", label, bounds=(0, 1), margin=MARGIN),)


QUICK = (
    "labels", "elastic", "elastic_thickness", "pseudo_labels", "generated_vae_flow_elastic",
    "generated_deformations", "oracle", "shuffled_labels",
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="With few labels and many images: do generated images help?",
    settings=FewLabelsSettings(),
    arms=ARMS,
    of_source=of_source,
    metrics_of=metrics_of,
    presets={
        "smoke": Preset(
            2,
            {
                "updates": 20,
                "intervals": 2,
                "width": 4,
                "labels_per_class": (2, 10),
                "rounds": 2,
                "generated_per_class": 20,
                "gan_updates": 20,
                "deformation_pairs": 40,
                "deformation_updates": 20,
            },
        ),
        "quick": Preset(
            5, {"labels_per_class": (1, 10, 100), "updates": 500, "gan_updates": 2000}, QUICK
        ),
        "paper": Preset(10, {"updates": 2000, "generated_per_class": 5000, "gan_updates": 8000}),
    },
    control="labels",
    rival="elastic",
    oracle="oracle",
    primary=(
        Pair("generated_vae_flow_elastic", "labels"),
        Pair("generated_vae_flow_elastic", "pseudo_labels"),
    ),
    primary_of_source=(Pair("{source}", "labels"), Pair("{source}", "pseudo_labels")),
    metrics=(
        Metric("accuracy", "accuracy", bounds=(0, 1), margin=MARGIN),
        Metric("accuracy_at_*", "accuracy, labels a class: *", bounds=(0, 1)),
        Metric("sure_at_*", "share of the unlabelled images that get a label, labels a class: *",
               bounds=(0, 1)),
    ),
    expectations=(
        Expectation("shuffled_labels", "below", "pseudo_labels"),
        Expectation("copy", "equal to", "classical"),
        Expectation("oracle", "above", "labels"),
    ),
    published=(
        "DPT (arXiv 2302.10586, abstract), top-1 accuracy on ImageNet with 1, 2 and 5 labels a "
        "class: 59.0, 69.5 and 74.4 %, 2.8, 3.0 and 2.0 points above semi-supervised rivals.",
    ),
    gallery_caption="What each arm trains on besides the labelled images, or those where there is "
    "nothing else: an image of each class in turn.",
)  # fmt: skip
