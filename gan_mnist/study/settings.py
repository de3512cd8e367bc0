"""Settings: frozen dataclasses whose fields know what they accept."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from gan_mnist.errors import InputError, unknown

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("none", "mirrored")


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    multiple_of: int = 1,
    choices: tuple[str, ...] | None = None,
    zero: str = "",
    location: bool = False,
    before: Any = None,
) -> Any:
    """A field of a settings dataclass.

    Args:
        default: Its value unless a preset, an arm or `--set` says otherwise.
        help: One line for `--list`.
        low: Smallest value accepted (of every element, for a tuple).
        high: Largest value accepted.
        multiple_of: What an integer must be a multiple of.
        choices: Accepted strings.
        zero: A word that `--set` takes for 0, such as "all".
        location: True where the value says only *where* something lies, or what it changes shows
            in checksums of images. It is then left out of fingerprints: moving a data directory
            does not change a result.
        before: What was done before there was the setting; None for its default.
    """
    metadata = {
        "help": help,
        "low": low,
        "high": high,
        "multiple_of": multiple_of,
        "choices": choices,
        "zero": zero,
        "location": location,
        "before": before,
    }
    return dataclasses.field(default=default, metadata=metadata)


class Source(NamedTuple):
    """Generated images that were made elsewhere, or a generator by its name.

    Attributes:
        changes: Settings of the arms that show them.
        provenance: What plan and report say of them; strict JSON.
        warnings: What the answer says before all else, sentences without a full stop.
    """

    changes: Mapping[str, Any]
    provenance: Mapping[str, Any] = {}
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Settings that every experiment has. An experiment adds its own in a subclass.

    A default is changed where the settings are made, as an argument: `MySettings(image_size=64)`.

    Attributes:
        GROUP: The heading above the fields of a class in `--list`. A class that has none takes
            the name of its package: the experiment's.
        TIMED: `module:function` that times updates for `--precision=auto`; empty for nothing.
    """

    GROUP: ClassVar[str] = "images and precision"
    TIMED: ClassVar[str] = ""

    dataset: str = setting("mnist_sample", "name of the data set")
    data_dir: str = setting("", "folder with its files", location=True)
    export_dir: str = setting("", "folder for SavedModels; empty: no export", location=True)
    image_size: int = setting(
        0, "height and width in pixels; 0: 28 for digits; for a folder 16, 32 or 64, nearest to "
        "its images", low=0, high=512,
    )  # fmt: skip
    channels: int = setting(
        0, "1 for grey, 3 for colour; 0: as in the folder's images, grey for digits", low=0, high=3
    )
    precision: str = setting("float32", "Keras dtype policy", choices=PRECISIONS)
    strategy: str = setting(
        "none", "mirrored: tf.distribute.MirroredStrategy over all GPUs", choices=STRATEGIES
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    def load(self, download: bool = False) -> Any:
        """Loads the data set that the settings name.

        It has `provenance`, `sha256`, `planned_for(seeds)`, which makes its facts those of so many
        seeds, and `of_seed(seed)`, the data set as trials of that seed see it.

        Args:
            download: Whether it may be downloaded.
        """
        raise NotImplementedError

    def fitted(self, dataset: Any, free: Collection[str]) -> Self:
        """These settings, with numbers named in `free` lowered to what `dataset` has.

        Args:
            dataset: What `load` returns.
            free: Settings that the study or a preset chose, not the user.
        """
        return self

    def resolve(self, dataset: Any) -> Self:
        """Fully explicit settings for `dataset`, which is what `load` gives.

        Raises:
            InputError: If the data set has not what is asked for.
        """
        return self

    def source(self, name: str, where: str, dataset: Any) -> Source:
        """Generated images from elsewhere, for settings that are resolved.

        Args:
            name: Name of the source.
            where: Where the images are, as given.
            dataset: What `load` returned.

        Raises:
            InputError: If there are none, or the experiment shows no generated images.
        """
        raise InputError(
            f"--generated: {name} is not accepted; accepted with experiments that show generated "
            "images"
        )

    def is_folder(self, where: str) -> bool:
        """Whether generated images come from a place on a disk; else it is a name of ours."""
        return True

    @property
    def shared_work(self) -> str | None:
        """A key for work that arms of one seed share (a generator, a network that is traced).

        Trials with equal keys run one after the other in one process. None where there is none.
        """
        return None

    @property
    def num_parts(self) -> int:
        """How many trainings from scratch a trial consists of, one after the other."""
        return 1

    @property
    def single_device_only(self) -> str:
        """What of it cannot be trained over several devices; empty where all can."""
        return ""

    @classmethod
    def fields_by_group(cls) -> dict[str, list[dataclasses.Field]]:
        """The fields by the `GROUP` of the class that declares them; an experiment's own first."""
        groups: dict[str, list[dataclasses.Field]] = {}
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for owner in cls.__mro__:
            annotations = vars(owner).get("__annotations__", {})
            declared = [fields.pop(name) for name in [*fields] if name in annotations]
            if declared:
                package = owner.__module__.rpartition(".")[0].rpartition(".")[2]
                group = vars(owner).get("GROUP", package or "others")
                groups.setdefault(group, []).extend(declared)
        return groups

    def identity(self) -> dict[str, Any]:
        """The settings that a result depends on, as JSON holds them."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return self.without_locations(values)

    def before(self) -> dict[str, Any]:
        """As `identity`, with the values that were in effect where an earlier run records none."""
        defaults = {field.name: field.metadata.get("before") for field in dataclasses.fields(self)}
        return self.identity() | {
            name: value for name, value in defaults.items() if value is not None
        }

    @classmethod
    def without_locations(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values, by setting, that a result depends on, as JSON holds them."""
        location_names = {
            field.name for field in dataclasses.fields(cls) if field.metadata.get("location")
        }
        return {name: _plain(value) for name, value in values.items() if name not in location_names}


SettingsT = TypeVar("SettingsT", bound=Settings)


def with_changes(settings: SettingsT, changes: Mapping[str, Any], origin: str) -> SettingsT:
    """`settings` with some replaced; an unknown name is an `InputError` that names `origin`."""
    names = [field.name for field in dataclasses.fields(settings)]
    for name in changes:
        if name not in names:
            raise unknown(origin, name, names)
    return dataclasses.replace(settings, **changes)


def _check(field: dataclasses.Field, value: Any) -> None:
    choices, low, high = (field.metadata.get(key) for key in ("choices", "low", "high"))
    for element in value if isinstance(value, tuple) else (value,):
        if choices is not None and element not in choices:
            raise unknown(f"setting {field.name}", str(element), choices)
        if isinstance(element, float) and not math.isfinite(element):
            raise InputError(f"setting {field.name}: {element} is not a finite number")
        if (low is not None and element < low) or (high is not None and element > high):
            bounds = f"at least {low:g}" if high is None else f"between {low} and {high}"
            raise InputError(f"setting {field.name}: {element} is out of range; accepted: {bounds}")
        multiple_of = field.metadata.get("multiple_of", 1)
        if isinstance(element, int) and element % multiple_of:
            accepted = f"multiples of {multiple_of}"
            raise InputError(
                f"setting {field.name}: {element} is not accepted; accepted: {accepted}"
            )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
