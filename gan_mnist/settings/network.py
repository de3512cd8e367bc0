"""Settings of the network that classifies."""

import dataclasses
import functools
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from gan_mnist.errors import InputError
from gan_mnist.models.names import AUTO, CLASSIFIERS, FORMS, NO_FILE, PIXELS, ClassifierChoice
from gan_mnist.study.settings import Settings, setting
from gan_mnist.study.workers import call_in_process

# What builds a network as a trial will, where TensorFlow may be imported.
TRY_NETWORK = "gan_mnist.models.foreign:check"
_OF_CHOICE = tuple(field.name for field in dataclasses.fields(ClassifierChoice))


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Which network classifies; an experiment sets its own default where it makes its settings."""

    GROUP: ClassVar[str] = "network and training"
    TIMED: ClassVar[str] = "gan_mnist.trials.update_seconds:of_classifier"

    classifier: str = setting("small_cnn", f"the network: {', '.join(FORMS)}")
    weights: str = setting(
        "", "applications:NAME: pretrained weights file; empty: random", location=True
    )
    classifier_sha256: str = setting(NO_FILE, "set by the run: SHA-256 of the network's file")
    frozen: int = setting(
        0, "a saved model, applications:NAME: number of layers with weights that are frozen, from "
        "the input on; negative: all but that many, so -1 trains the head alone",
    )  # fmt: skip
    pixels: str = setting(
        AUTO, "pixel range, black to white, of a network that is not ours; auto: that of "
        "applications:NAME, 0..255 if the network begins by dividing (Rescaling), else 0..1",
        choices=(AUTO, *PIXELS),
    )  # fmt: skip

    def with_classifier(self, classifier: str) -> Self:
        """With another network and, if it is one of ours, its usual width.

        Raises:
            InputError: If there is no such network.
        """
        ClassifierChoice(classifier).check_known()
        changes: dict[str, Any] = {"classifier": classifier}
        if classifier in CLASSIFIERS and classifier != self.classifier:
            changes["width"] = CLASSIFIERS[classifier].width
        return dataclasses.replace(self, **changes)

    @property
    def choice(self) -> ClassifierChoice:
        """The network that these settings describe."""
        return ClassifierChoice(**{name: getattr(self, name) for name in _OF_CHOICE})

    @property
    def single_device_only(self) -> str:
        is_ours = self.choice.kind == "ours"
        return super().single_device_only if is_ours else f"classifier={self.classifier}"

    def identity(self) -> dict[str, Any]:
        """As `Settings.identity`; a saved model is identified by its checksum, not its path."""
        identity = super().identity()
        return identity | {"classifier": "saved model"} if self.choice.kind == "saved" else identity

    def resolve(self, dataset: Any) -> Self:
        """As `resolve` of the other settings, with an explicit network.

        Raises:
            InputError: As there, and for a network that is unknown or cannot classify such images.
        """
        resolved: Any = super().resolve(dataset)
        choice = resolved.choice.located(resolved.image_size)
        if choice.kind != "ours":
            shape = resolved.image_size, resolved.image_size, resolved.channels
            pixels = _tried(
                choice, shape, len(resolved.classes), resolved.width, resolved.precision
            )
            choice = dataclasses.replace(choice, pixels=pixels)
        return dataclasses.replace(resolved, **dataclasses.asdict(choice))


# A plan resolves its settings more than once; the choice holds the checksum of the file.
@functools.lru_cache(maxsize=1)
def _tried(choice: ClassifierChoice, *arguments: Any) -> str:
    """Builds a network that is not ours, to learn which of `PIXELS` it takes.

    That takes TensorFlow and runs somebody's program: both are kept out of this process.

    Args:
        choice: The network, as `ClassifierChoice.located` returns it.
        *arguments: As `gan_mnist.models.foreign.check` takes them.
    """
    try:
        return call_in_process(TRY_NETWORK, choice, *arguments)
    except BrokenProcessPool as error:
        raise InputError(
            f"--classifier: {choice.classifier!r} ended the process that built it"
        ) from error
