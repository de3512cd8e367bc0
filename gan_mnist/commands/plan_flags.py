"""The flags that describe a run, shared by the commands for a whole run and for one trial."""

import shlex
from typing import Any

from absl import flags

from gan_mnist import experiments
from gan_mnist.commands.command import Command
from gan_mnist.errors import check_text, unknown
from gan_mnist.models.names import FORMS
from gan_mnist.settings.further import parse_test_dirs
from gan_mnist.study.assignments import parse_assignments
from gan_mnist.study.trial import Plan


class PlanFlags:
    """Flags of a command, and the plan that they describe."""

    def __init__(self, command: Command) -> None:
        """Defines the flags on `command`."""
        before = set(command.flags)
        text, switch = command.text, command.switch

        def texts(name: str, about: str, default: Any = None) -> flags.FlagHolder:
            return flags.DEFINE_multi_string(name, default, about, flag_values=command.flags)

        self.experiment = text("experiment", None, "what to run: a name (--list) or a folder")
        text("preset", "quick", "smoke (a test), quick (minutes) or paper (for a GPU)")
        text(
            "dataset", "mnist_sample", "mnist_sample (5,000 digits, at hand), mnist, "
            "fashion_mnist, kmnist, emnist, cats_vs_dogs or folder",
        )  # fmt: skip
        text("data_dir", "", "where the data set's files lie")
        switch("download", False, "let TensorFlow Datasets fetch what is missing")
        text(
            "workdir", None, "where the run is kept: a directory, or an address as s3://BUCKET/RUN "
            "(default: runs/EXPERIMENT)",
        )  # fmt: skip
        command.number("seeds", None, "how many seeds (default: the preset's)")
        command.number(
            "first_seed", None, "the first of them: other draws than a run before (default: 0)",
            least=0,
        )  # fmt: skip
        command.names("arms", "only these arms, and the control (default: the preset's); or all")
        text(
            "precision", "float32", "float32, mixed_bfloat16, mixed_float16, or auto: "
            "mixed_bfloat16 where it is faster here",
        )  # fmt: skip
        text(
            "strategy", "none", "mirrored divides each training among all GPUs, with the numbers "
            "of one but for rounding (batch norm sees the whole batch); none: one GPU a trial",
        )  # fmt: skip
        texts(
            "generated", "NAME=DIR: images by class that NAME made, or an exported generator, "
            "judged in arms of their own; or the name of a generator",
        )  # fmt: skip
        texts(
            "primary", '"ARM > REFERENCE": tested before all other comparisons; up to three times '
            "(default: the experiment's own)",
        )  # fmt: skip
        switch(
            "trust_model", False, "take an exported generator that is not of our own exports; it "
            "can read and write files",
        )  # fmt: skip
        switch("skip_bad", False, "leave out empty and broken images of a folder")
        text("classifier", None, f"the network: {', '.join(FORMS)} (default: the experiment's own)")
        texts("test_dir", "NAME=DIR: a further test set, such as shifted images; any number")
        texts("set", "name=value of a setting", [])
        text("export_dir", "saved_models", "where SavedModels go; empty for none")
        self._flags = command.flags
        self._names = sorted(set(command.flags) - before)

    def plan(self, until: str | None = None, max_seeds: int | None = None) -> Plan:
        """The plan that the flags describe.

        Args:
            until: As in `gan_mnist.run`.
            max_seeds: As in `gan_mnist.run`.

        Raises:
            InputError: For any request that cannot be met.
        """
        if self.experiment.value is None:
            raise unknown("--experiment", "", experiments.names())
        check_text(self.command_line())
        study = experiments.load(self.experiment.value)
        # Flags have the names of the arguments of `make_plan`; two values are parsed first.
        given: dict[str, Any] = {name: self._flags[name].value for name in self._names}
        given["settings"] = parse_assignments(study.settings, given.pop("set"))
        given["test_dir"] = parse_test_dirs(given["test_dir"] or ())
        return experiments.make_plan(**given, until=until, max_seeds=max_seeds)

    def command_line(self) -> str:
        """The command line that runs the whole plan."""
        given = (self._flags[name] for name in self._names if self._flags[name].present)
        lines = (line for flag in given for line in flag.serialize().splitlines())
        return shlex.join(["python", "-m", "gan_mnist.main", *lines])
