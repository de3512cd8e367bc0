"""Can a GAN repair a class imbalance? With rivals and controls."""

from gan_mnist.data.dataset import Dataset
from gan_mnist.errors import quoted
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study

from .settings import ImbalanceSettings

DOCUMENT = "docs/sources.md#imbalance"
# Chosen on training images that no published run judges by: docs/imbalance.md.
WEAKER = {
    "augmentation": ("elastic", "thickness"), "elastic_shift": 0.05, "thickness_change": 0.4,
}  # fmt: skip
# The smaller classes' images repeated, every image augmented: what plain rivals build on.
AUGMENTED = {"duplicate": True, "classical": True}
ELASTIC = {**AUGMENTED, "augmentation": ("wide", "elastic")}
ALIKE = {
    "generator": "deformations", "every_class": True, "generated_share": 1.0, "classical": True,
    "deformations_of": "alike", "deformation_pairs_per_class": 300, **WEAKER,
}  # fmt: skip
ARMS = (
    # name, what differs, what is done to the training images
    Arm("none", {}, "the imbalanced images as they are", kind="control", source=DOCUMENT),
    Arm("class_weight", {"weighted": True}, "the loss weighs all classes alike, rare or not"),
    Arm("duplicate", {"duplicate": True}, "images of the smaller classes repeated"),
    Arm("classical", AUGMENTED,
        "as duplicate; every image rotated, shifted, zoomed and sheared at random"),
    Arm("elastic", ELASTIC,
        "as classical with wider ranges, and elastic: 5 x 5 control points shifted at random"),
    Arm("elastic_thickness",
        # As spread as the learnt deformations: docs/imbalance.md.
        {**AUGMENTED, "augmentation": ("wide", "elastic", "thickness"), "thickness_change": 0.75},
        "as elastic; strokes made thicker or thinner at random"),
    Arm("elastic_thickness_weaker", {**AUGMENTED, **WEAKER},
        "as classical, with weaker elastic and thickness changes: deformations_alike without its "
        "deformations"),
    Arm("tuned", {**ELASTIC, "tuned": True},
        "as elastic, its ranges chosen within the trial on classes that are not rare"),
    Arm("fine_tuned", {**ELASTIC, "donors_first": True},
        "as elastic; the network is first trained on the other classes, for as many updates"),
    Arm("prototypes", {**ELASTIC, "prototypes": True},
        "as elastic; an image gets the class whose mean of features is nearest",
        source="arXiv 1703.05175"),
    Arm("randaugment", {**AUGMENTED, "augmentation": ("randaugment",)},
        "as duplicate; two of 13 changes at random, in every image", source="arXiv 1909.13719"),
    Arm("erasing", {**AUGMENTED, "augmentation": ("erasing",)},
        "as classical; half of the images have a box of noise", source="arXiv 1708.04896"),
    Arm("mixup", {**AUGMENTED, "augmentation": ("mixup",)},
        "as classical; images are blended in pairs, and so are their labels",
        source="arXiv 1710.09412"),
    Arm("cutmix", {**AUGMENTED, "augmentation": ("cutmix",)},
        "as classical; a box of another image is pasted in, and labels are mixed",
        source="arXiv 1905.04899"),
    Arm("elastic_cutmix", {**AUGMENTED, "augmentation": ("wide", "elastic", "cutmix")},
        "as elastic, with the boxes of cutmix"),
    Arm("elastic_thickness_cutmix",
        {**AUGMENTED, "thickness_change": 0.75,
         "augmentation": ("wide", "elastic", "thickness", "cutmix")},
        "as elastic_thickness, with the boxes of cutmix"),
    Arm("smote", {"generator": "smote"},
        "smaller classes filled up with points between neighbouring images",
        source="arXiv 1106.1813"),
    Arm("cgan", {"generator": "cgan"},
        "smaller classes filled up with images of a conditional GAN", kind="generated",
        source=DOCUMENT),
    Arm("cgan_diffaugment", {"generator": "cgan", "diffaugment": True},
        "as cgan, its GAN trained with DiffAugment", kind="generated",
        source="arXiv 2006.10738"),
    Arm("cgan_classical", {"generator": "cgan", "classical": True},
        "as cgan; every image augmented as in classical", kind="generated"),
    Arm("bagan", {"generator": "bagan"},
        "smaller classes filled up with images of a GAN that starts from an autoencoder",
        kind="generated",
        source="arXiv 1803.09655"),
    Arm("bagan_classical", {"generator": "bagan", "classical": True},
        "as bagan; every image augmented as in classical", kind="generated"),
    Arm("warp_gan", {"generator": "warp_gan"},
        "smaller classes filled up with warps of their images, by a GAN trained on the other "
        "classes", kind="generated"),
    Arm("warp_gan_classical", {"generator": "warp_gan", "every_class": True, "classical": True},
        "every class half real, half warped as in warp_gan; augmented as in classical",
        kind="generated"),
    Arm("random_warp_classical",
        {"generator": "warp_gan", "every_class": True, "classical": True, "untrained": True},
        "as warp_gan_classical, with the GAN untrained: random warps",
        kind="ablation", ablates="warp_gan_classical"),
    Arm("deformations_classical",
        {"generator": "deformations", "every_class": True, "classical": True},
        "every class half real, half under deformations learnt from pairs of real images; "
        "augmented as in classical",
        kind="generated", source="arXiv 1510.02795"),
    Arm("deformations_alone",
        {"generator": "deformations", "every_class": True, "generated_share": 1.0,
         "classical": True},
        "every image under deformations learnt from pairs of real images; augmented as in "
        "classical",
        kind="generated"),
    Arm("deformations_alike", ALIKE,
        "as deformations_alone, each deformation corrected for slant and strokes of its image; "
        "augmented as in elastic_thickness_weaker",
        kind="generated", source="gan_mnist/models/styles.py"),
    Arm("deformations_near", {**ALIKE, "deformation_scale_of_many": 0.5},
        "as deformations_alike; images of classes with several are deformed half as far",
        kind="generated"),
    Arm("deformations_near_cutmix",
        {**ALIKE, "deformation_scale_of_many": 0.5,
         "augmentation": ("elastic", "thickness", "cutmix")},
        "as deformations_near, with the boxes of cutmix", kind="generated"),
    Arm("oracle", {"generator": "held_back"}, "the real images that were taken away, put back",
        kind="oracle"),
    Arm("oracle_classical", {"generator": "held_back", "classical": True},
        "as oracle; every image augmented as in classical", kind="oracle"),
    Arm("shuffled_labels", {"generator": "copy", "shuffled_labels": True},
        "copies of the smaller classes' images under wrong labels", kind="check"),
    Arm("copy", {"generator": "copy"}, "as duplicate, by a generator that copies", kind="check"),
)  # fmt: skip
QUICK = (
    "none", "duplicate", "classical", "cgan", "cgan_classical", "warp_gan", "oracle",
    "shuffled_labels",
)  # fmt: skip
IN_TURN = (
    "none", "classical", "elastic", "elastic_thickness", "elastic_thickness_weaker", "tuned",
    "fine_tuned", "prototypes", "randaugment", "erasing", "mixup", "cutmix", "elastic_cutmix",
    "elastic_thickness_cutmix", "deformations_alone", "deformations_near", "deformations_alike",
    "deformations_near_cutmix", "oracle_classical",
)  # fmt: skip


def of_source(settings: ImbalanceSettings, name: str) -> tuple[Arm, ...]:
    """The arms of one source of generated images."""
    return (
        Arm(name, {}, f"smaller classes filled up with images of {name}", kind="generated"),
        Arm(f"{name}_classical", {"classical": True},
            f"as {name}; every image augmented as in classical", kind="generated"),
    )  # fmt: skip


# Of rare classes; the metrics of each class name them all.
MOST_NAMED = 6
SHARE = (0.0, 1.0)
# Three images in a hundred of one class of three: one in a hundred of all.
MARGIN = 0.03


def metrics_of(settings: ImbalanceSettings, dataset: Dataset) -> tuple[Metric, ...]:
    """The metrics that tell of classes, with their names and numbers of test images in words."""
    test_counts = dataset.fewest("test")
    class_counts = {
        name: int(test_counts[dataset.class_names.index(name)]) for name in settings.classes
    }
    descriptions = {
        name: f"{quoted(name)} ({count} test image{'s' * (count != 1)})"
        for name, count in class_counts.items()
    }
    rare = [descriptions[settings.classes[label]] for label in settings.rare]
    if settings.each:
        label = f"recall of the starved class, the mean over {len(rare)} classes in turn"
        if len(settings.each) > 1:
            *rest, last = map(str, settings.each)
            label += f" and over {', '.join(rest)} and {last} images left"
        descriptions = {
            name: f"{description} in its turn" for name, description in descriptions.items()
        }
    elif len(rare) == 1:
        label = f"recall of the rare class {rare[0]}"
    else:
        remainder = [f"{len(rare) - MOST_NAMED} more"] if len(rare) > MOST_NAMED else []
        *names, last = rare[:MOST_NAMED] + remainder
        label = f"mean recall of the rare classes {', '.join(names)} and {last}"
    return (
        Metric("minority_recall", label, bounds=SHARE, margin=MARGIN),
        *(
            Metric(f"{kind}_{name}", f"{kind} of {description}", bounds=SHARE)
            for kind in ("recall", "precision")
            for name, description in descriptions.items()
        ),
    )


STUDY = Study(
    package=__package__,
    question="Can a GAN repair a class imbalance?",
    settings=ImbalanceSettings(
        gan_architecture="mlp",
        gan_width=64,
        gan_latent_dim=64,
        rotation_degrees=25.0,
        shift=0.05,
        zoom=0.2,
        shear=0.4,
    ),
    arms=ARMS,
    of_source=of_source,
    metrics_of=metrics_of,
    presets={
        "smoke": Preset(
            2,
            {
                "updates": 20,
                "gan_updates": 20,
                "warp_updates": 20,
                "deformation_pairs": 40,
                "deformation_updates": 20,
                "starve": ("1",),
            },
        ),
        "quick": Preset(5, {}, QUICK),
        "paper": Preset(10, {"repeats": 2, "gan_architecture": "dcgan", "gan_updates": 20_000}),
        "in_turn": Preset(
            10, {"counts": (100,), "starve": ("each:1",), "generated_per_class": 1000}, IN_TURN
        ),
        # BAGAN's: 40, 60, 80, 90, 95 and 97.5 % of a class dropped, of fewer images.
        "drop_rates": Preset(
            10,
            {
                "counts": (320,),
                "starve": ("each:192", "each:128", "each:64", "each:32", "each:16", "each:8"),
                "generated_per_class": 320,
            },
            ("none", "duplicate", "classical", "bagan"),
        ),
        # Where is a generated arm worth its price?
        "by_images_left": Preset(
            10,
            {
                "counts": (200,),
                "starve": ("each:1", "each:2", "each:5", "each:20", "each:100"),
                "generated_per_class": 1000,
            },
            ("none", "classical", "elastic_thickness", "deformations_near", "oracle_classical"),
        ),
    },
    control="none",
    oracle="oracle",
    rival="classical",
    primary=(
        Pair("cgan", "none"),
        Pair("cgan_classical", "classical"),
        Pair("deformations_alike", "elastic_thickness"),
    ),
    primary_of_source=(Pair("{source}", "none"), Pair("{source}_classical", "classical")),
    metrics=(
        Metric("minority_recall", "recall of the starved class", bounds=SHARE, margin=MARGIN),
        Metric("minority_recall_at_*", "recall of the starved class with * images", bounds=SHARE),
        Metric("accuracy_at_*", "accuracy with * images of the starved class", bounds=SHARE),
        Metric("balanced_accuracy", "balanced accuracy", bounds=SHARE),
        Metric("macro_auc", "macro ROC AUC", bounds=SHARE),
        Metric("accuracy", "accuracy", bounds=SHARE),
        Metric("macro_f1", "macro F1", bounds=SHARE),
        Metric("recall_*", "recall of *", bounds=SHARE),
        Metric("precision_*", "precision of *", bounds=SHARE),
    ),
    expectations=(
        Expectation("shuffled_labels", "below", "duplicate"),
        Expectation("copy", "equal to", "duplicate"),
        Expectation("oracle", "above", "none"),
    ),
    published=(
        "The source, digits 1, 2, 3 with 1, 300 and 300 images: 23 of 30 test images right "
        "before and 26 of 30 after (digit 1: 4 and 7 of 10).",
        "BAGAN on MNIST (ResNet-18; arXiv 1803.09655, read off its figure), accuracy of plain / "
        "BAGAN with a share of the minority class dropped: 40 %: 99.40/99.33, 60 %: 99.14/99.37, "
        "80 %: 98.92/98.92, 90 %: 98.58/98.26, 95 %: 97.88/97.95, 97.5 %: 96.86/97.05.",
        "DAGAN (arXiv 1711.04340, abstract): EMNIST 73.9 to 76 %, Omniglot 69 to 82 %.",
    ),
    gallery_caption="The rare classes as each arm showed them to the network, in its first "
    "finished trial. Images that look alike in a row teach the network little more than one of "
    "them would.",
    examples=True,
)
