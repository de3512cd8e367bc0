"""The names of classifiers, ours and external ones; nothing here imports TensorFlow.

A plan, `--list` and the settings need only the names; the network is built where it is trained, by
`gan_mnist.models.foreign` if it is not ours.
"""

import dataclasses
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from gan_mnist.errors import InputError, in_one_line, unknown
from gan_mnist.files import absolute, check_file, sha256_of


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
    "deep_cnn": Row("six convolutions, one hidden layer", "build_deep_cnn", 32, least_side=13),
    "digit_cnn": Row("two convolutions, no hidden layer", "build_digit_cnn", 4),
    "colour_cnn": Row("three convolutions with dropout, two hidden layers", "build_colour_cnn"),
    "resnet": Row("three residual blocks with batch normalisation", "build_resnet"),
}


class Application(NamedTuple):
    """A network of `keras.applications`.

    Attributes:
        pixels: One of `PIXELS`, in which its published weights were trained.
        least_side: Height and width of the smallest images that it takes, in pixels.
        takes_weights: Whether a file of its published weights fits it.
    """

    pixels: str
    least_side: int = 32
    takes_weights: bool = True


# The pixel range, black to white, that a network expects; torch and caffe: three channels
# normalised as those frameworks do, caffe's in the order blue, green, red.
PIXELS = ("0..1", "0..255", "-1..1", "torch", "caffe")
AUTO = "auto"

APPLICATIONS: Mapping[str, Application] = {
    **{f"ConvNeXt{size}": Application("0..255")
       for size in ("Tiny", "Small", "Base", "Large", "XLarge")},
    **{f"DenseNet{depth}": Application("torch") for depth in (121, 169, 201)},
    # Keras builds these for its published weights with a layer more than for any other.
    **{f"EfficientNetB{size}": Application("0..255", takes_weights=False) for size in range(8)},
    **{f"EfficientNetV2{size}": Application("0..255")
       for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    **{name: Application("-1..1", 75) for name in ("InceptionResNetV2", "InceptionV3")},
    **{name: Application("-1..1")
       for name in ("MobileNet", "MobileNetV2", "NASNetLarge", "NASNetMobile")},
    **{f"MobileNetV3{size}": Application("0..255") for size in ("Large", "Small")},
    **{f"ResNet{depth}": Application("caffe") for depth in (50, 101, 152)},
    **{f"ResNet{depth}V2": Application("-1..1") for depth in (50, 101, 152)},
    **{f"VGG{depth}": Application("caffe") for depth in (16, 19)},
    "Xception": Application("-1..1", 71),
}  # fmt: skip

NO_FILE = "none"
APPLICATION_PREFIX = "applications:"
SUFFIXES = (".keras", ".h5")
FORMS = (*CLASSIFIERS, "module:function", "model.keras", "applications:NAME")


@dataclass(frozen=True)
class ClassifierChoice:
    """The choice of a classifier, by the settings of the same names."""

    classifier: str
    weights: str = ""
    classifier_sha256: str = NO_FILE
    frozen: int = 0
    pixels: str = AUTO

    @property
    def kind(self) -> Literal["ours", "application", "saved", "builder", "unknown"]:
        if self.classifier in CLASSIFIERS:
            return "ours"
        if self.classifier.startswith(APPLICATION_PREFIX):
            return "application"
        if self.classifier.endswith(SUFFIXES):
            return "saved"
        return "builder" if ":" in self.classifier else "unknown"

    @property
    def application(self) -> str:
        """Name of the network of `keras.applications`."""
        return self.classifier.removeprefix(APPLICATION_PREFIX)

    @property
    def file(self) -> Path | None:
        """The file that the network depends on besides our code; None if there is none."""
        if self.kind == "builder":
            return _source_file(self.classifier)
        path = self.classifier if self.kind == "saved" else self.weights
        return Path(path) if path else None

    def located(self, image_size: int) -> "ClassifierChoice":
        """This choice, checked, with absolute paths and the checksum of `file`.

        Args:
            image_size: Height and width of the images in pixels.

        Raises:
            InputError: If there is no such network or file, the images are too small for it, or one
                of the other settings has no effect with it.
        """
        self.check_known()
        self._refuse_idle()
        if self.kind == "ours":
            _check_size(self.classifier, image_size)
            return self
        choice = self
        if self.kind == "saved":
            choice = dataclasses.replace(self, classifier=str(absolute(self.classifier)))
        elif self.weights:
            if not APPLICATIONS[self.application].takes_weights:
                raise InputError(
                    f"setting weights: {self.weights!r} is not accepted with {self.classifier}, as "
                    "Keras builds it with another layer for its published weights; accepted: none, "
                    "or a model that was saved with them as --classifier=model.keras"
                )
            _check_readable("setting weights", self.weights)
            choice = dataclasses.replace(self, weights=str(absolute(self.weights)))
        return dataclasses.replace(choice, classifier_sha256=choice.digest())

    def check_known(self) -> None:
        """Raises `InputError` if there is no such network, with the nearest right name."""
        if self.kind == "unknown":
            raise unknown("--classifier", self.classifier, FORMS)
        if self.kind == "application" and self.application not in APPLICATIONS:
            raise unknown("--classifier: applications", self.application, APPLICATIONS)
        if self.kind == "saved":
            _check_readable("--classifier", self.classifier)
        if self.kind == "builder":
            _source_file(self.classifier)

    def digest(self) -> str:
        """SHA-256 in hexadecimal of `file`; "none" where there is none."""
        if self.file is None:
            return NO_FILE
        return sha256_of(self.file)

    def _refuse_idle(self) -> None:
        saved_or_application = "a saved model or applications:NAME"
        requirements = {
            "weights": (self.weights, ("application",), "applications:NAME"),
            "frozen": (self.frozen, ("application", "saved"), saved_or_application),
            "pixels": (self.pixels != AUTO, ("application", "saved", "builder"), "any but ours"),
        }
        for name, (value, kinds, accepted) in requirements.items():
            if value and self.kind not in kinds:
                raise InputError(
                    f"setting {name}: {getattr(self, name)!r} is not accepted with "
                    f"classifier={self.classifier}; accepted with {accepted}"
                )


def _check_size(name: str, image_size: int) -> None:
    if image_size < (least_side := CLASSIFIERS[name].least_side):
        raise InputError(
            f"setting image_size: {image_size} is out of range; accepted with "
            f"classifier={name}: {least_side} or more"
        )


def _check_readable(flag: str, path: str) -> None:
    try:
        check_file(absolute(path)).open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{flag}: {path!r} cannot be read: {reason}; accepted: a file") from None


def _source_file(classifier: str) -> Path:
    """Where the module of `module:function` lies; the current folder is searched, too.

    Raises:
        InputError: If there is none.
    """
    module, _, function = classifier.partition(":")
    if os.getcwd() not in (os.path.abspath(folder) for folder in sys.path):
        # Processes that are started from now on inherit it.
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(module) if function.isidentifier() else None
    # To find `a.b`, `a` is imported: somebody's program, which may fail in any way.
    except (Exception, SystemExit) as error:
        reason = in_one_line(error)
        raise InputError(f"--classifier: {classifier!r} cannot be found: {reason}") from error
    if spec is None or not spec.origin or not os.path.isfile(spec.origin):
        raise InputError(
            f"--classifier: {classifier!r} cannot be found; accepted: module:function, a module "
            "that Python finds from the current folder and a function in it"
        )
    return Path(spec.origin)
