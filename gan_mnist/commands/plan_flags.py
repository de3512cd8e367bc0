"""The flags that describe a run, shared by the commands for a whole run and for one trial."""

import shlex
from typing import Any

from absl import flags

from gan_mnist import experiments
from gan_mnist.commands.command import Command
from gan_mnist.errors import check_text
from gan_mnist.models.names import FORMS
from gan_mnist.settings.further import parse_test_dirs
from gan_mnist.study.assignments import parse_assignments
from gan_mnist.study.trial import Plan


class PlanFlags:
    """Flags of a command, and the plan that they describe."""

    def __init__(self, command: Command) -> None:
        """Defines the flags on `command`."""
        existing = set(command.flags)
        text, switch = command.text, command.switch

        def texts(name: str, about: str, default: Any = None) -> flags.FlagHolder:
            return flags.DEFINE_multi_string(name, default, about, flag_values=command.flags)

        self.experiment = text("experiment", None, "what to run: a name from --list, or a folder")
        text("preset", "quick", "smoke (test), quick (minutes), paper (GPU) or another in --list")
        text(
            "dataset", "mnist_sample", "mnist_sample (5,000 digits, included), mnist, "
            "fashion_mnist, kmnist, emnist, cats_vs_dogs or folder",
        )  # fmt: skip
        text("data_dir", "", "folder with the data set's files")
        switch("download", False, "let TensorFlow Datasets download a missing data set")
        text(
            "workdir", None, "folder of the run's results, or an address such as s3://BUCKET/RUN "
            "(default: runs/EXPERIMENT)",
        )  # fmt: skip
        command.number("seeds", None, "number of seeds per arm (default: the preset's)")
        command.number(
            "first_seed", None, "number of the first seed; a higher one gives new draws (default: "
            "that of the run, 0 if it is new)", minimum=0,
        )  # fmt: skip
        command.names("arms", "arms to run besides the control (default: the preset's), or all")
        text(
            "precision", "float32", "float32, mixed_bfloat16, mixed_float16, or auto: "
            "mixed_bfloat16 if it is faster on this machine",
        )  # fmt: skip
        text(
            "strategy", "none", "mirrored: each training runs on all GPUs, with the numbers of one "
            "GPU up to rounding (batch norm sees the whole batch); none: one GPU per trial",
        )  # fmt: skip
        texts(
            "generated", "NAME=DIR: generated images in class folders, or an exported generator, "
            "tested in arms of its own; or the name of one of our generators",
        )  # fmt: skip
        texts(
            "primary", '"ARM > REFERENCE": a comparison tested before all others; up to three '
            "(default: the experiment's own)",
        )  # fmt: skip
        switch(
            "trust_model", False, "load an exported generator that gan_mnist did not export; it "
            "can read and write files",
        )  # fmt: skip
        switch("skip_bad", False, "leave out empty, broken or too large images of a folder")
        text("classifier", None, f"the network: {', '.join(FORMS)} (default: the experiment's own)")
        texts("test_dir", "NAME=DIR: a further test set, such as shifted images")
        texts("set", "name=value: change a setting", [])
        text("export_dir", "saved_models", "folder for SavedModels; empty: no export")
        self._flags = command.flags
        self._names = sorted(set(command.flags) - existing)

    def plan(self, until: str | None = None, max_seeds: int | None = None) -> Plan:
        """The plan that the flags describe.

        Args:
            until: As in `gan_mnist.run`.
            max_seeds: As in `gan_mnist.run`.

        Raises:
            InputError: For any request that cannot be met.
        """
        check_text(self.command_line())
        study = experiments.load(self.experiment.value or "")
        # Flags have the names of the arguments of `make_plan`; two values are parsed first.
        arguments: dict[str, Any] = {name: self._flags[name].value for name in self._names}
        arguments["settings"] = parse_assignments(study.settings, arguments.pop("set"))
        arguments["test_dir"] = parse_test_dirs(arguments["test_dir"] or ())
        return experiments.make_plan(**arguments, until=until, max_seeds=max_seeds)

    def command_line(self) -> str:
        """The command line that runs the whole plan."""
        present_flags = (self._flags[name] for name in self._names if self._flags[name].present)
        lines = (line for flag in present_flags for line in flag.serialize().splitlines())
        return shlex.join(["python", "-m", "gan_mnist.main", *lines])
