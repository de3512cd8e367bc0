"""Which classifiers there are, by name; nothing here imports TensorFlow.

A plan, `--list` and the settings need the names; the builder behind one is imported where it runs.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gan_mnist.errors import InputError, unknown


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        about: What it is, in one line.
        name: The builder, in `gan_mnist.models.classifiers`.
        width: Usual channels of its first convolution.
        least_side: Height and width of the smallest images that it takes, in pixels.
    """

    about: str
    name: str
    width: int = 16
    least_side: int = 8


CLASSIFIERS: Mapping[str, Row] = {
    "small_cnn": Row("two convolutions, one hidden layer", "build_small_cnn"),
    # Three unpadded 5 x 5 convolutions leave a pixel.
    "deep_cnn": Row(
        "six convolutions, one hidden layer", "build_deep_cnn", width=32, least_side=13
    ),
    "digit_cnn": Row("two convolutions, no hidden layer", "build_digit_cnn", width=4),
    "colour_cnn": Row("three convolutions with dropout, two hidden layers", "build_colour_cnn"),
    "resnet": Row("three residual blocks with batch normalisation", "build_resnet"),
}


def check_classifier(name: str, image_size: int) -> None:
    """Checks that there is a classifier `name` that takes images of this size.

    Raises:
        InputError: If there is none, with the nearest right name, or they are too small for it.
    """
    if name not in CLASSIFIERS:
        raise unknown("--classifier", name, CLASSIFIERS)
    if image_size < (least := CLASSIFIERS[name].least_side):
        raise InputError(
            f"setting image_size: {image_size} is out of range; accepted with "
            f"classifier={name}: {least} or more"
        )
