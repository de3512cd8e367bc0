"""The flags that say what is run, alike for a whole run and for one trial of it."""

import shlex
from typing import Any

from absl import flags

from gan_mnist import experiments
from gan_mnist.commands.command import Command
from gan_mnist.errors import unknown
from gan_mnist.models.names import FORMS
from gan_mnist.settings.further import parse_test_dirs
from gan_mnist.study.assigned import parse_assignments
from gan_mnist.study.trial import Plan


class PlanFlags:
    """Flags of a command, and the plan that they describe."""

    def __init__(self, command: Command) -> None:
        """Defines them."""
        before = set(command.flags)
        text, switch = command.text, command.switch

        def texts(name: str, about: str, default: Any = None) -> flags.FlagHolder:
            return flags.DEFINE_multi_string(name, default, about, flag_values=command.flags)

        self.experiment = text("experiment", None, "what to run: a name (--list) or a folder")
        self._preset = text(
            "preset", "quick", "smoke (a test), quick (minutes) or paper (for a GPU)"
        )
        self._dataset = text(
            "dataset", "mnist_sample", "mnist_sample (5,000 digits, at hand), mnist, "
            "fashion_mnist, kmnist, emnist, cats_vs_dogs or folder",
        )  # fmt: skip
        self._data_dir = text("data_dir", "", "where the data set's files lie")
        self._download = switch("download", False, "let TensorFlow Datasets fetch what is missing")
        self._workdir = text(
            "workdir", None, "where the run is kept: a directory, or an address as s3://BUCKET/RUN "
            "(default: runs/EXPERIMENT)",
        )  # fmt: skip
        self._seeds = command.number("seeds", None, "how many seeds (default: the preset's)")
        self._first_seed = command.number(
            "first_seed", None, "the first of them: other draws than a run before (default: 0)",
            least=0,
        )  # fmt: skip
        self._arms = command.names(
            "arms", "only these arms, and the control (default: the preset's); or all"
        )
        self._precision = text(
            "precision", "float32", "float32, mixed_bfloat16, mixed_float16, or auto: "
            "mixed_bfloat16 where it is faster here",
        )  # fmt: skip
        self._strategy = text(
            "strategy", "none", "mirrored divides each training among all GPUs, with the numbers "
            "of one but for rounding (batch norm sees the whole batch); none: one GPU a trial",
        )  # fmt: skip
        self._generated = texts(
            "generated", "NAME=DIR: images by class that NAME made, or an exported generator, "
            "judged in arms of their own; or the name of a generator",
        )  # fmt: skip
        self._primary = texts(
            "primary", '"ARM > REFERENCE": tested before all other comparisons; up to three times '
            "(default: the experiment's own)",
        )  # fmt: skip
        self._trust_model = switch(
            "trust_model", False, "take an exported generator that is not of our own exports; it "
            "can read and write files",
        )  # fmt: skip
        self._skip_bad = switch("skip_bad", False, "leave out empty and broken images of a folder")
        self._classifier = text(
            "classifier", None, f"the network: {', '.join(FORMS)} (default: the experiment's own)"
        )
        self._test_dir = texts(
            "test_dir", "NAME=DIR: a further test set, such as shifted images; any number"
        )
        self._set = texts("set", "name=value of a setting", [])
        self._export_dir = text(
            "export_dir", "saved_models", "where SavedModels go; empty for none"
        )
        self._flags = command.flags
        self._names = sorted(set(command.flags) - before)

    def plan(self, until: str | None = None, max_seeds: int | None = None) -> Plan:
        """What would be run.

        Args:
            until: As of `gan_mnist.run`.
            max_seeds: As of `gan_mnist.run`.

        Raises:
            InputError: For anything that cannot be met.
        """
        if self.experiment.value is None:
            raise unknown("--experiment", "", experiments.names())
        study = experiments.load(self.experiment.value)
        return experiments.make_plan(
            self.experiment.value,
            preset=self._preset.value,
            dataset=self._dataset.value,
            data_dir=self._data_dir.value,
            download=self._download.value,
            skip_bad=self._skip_bad.value,
            workdir=self._workdir.value,
            seeds=self._seeds.value,
            first_seed=self._first_seed.value,
            arms=self._arms.value,
            precision=self._precision.value,
            strategy=self._strategy.value,
            classifier=self._classifier.value,
            test_dir=parse_test_dirs(self._test_dir.value or ()),
            settings=parse_assignments(study.settings, self._set.value),
            export_dir=self._export_dir.value,
            generated=self._generated.value,
            primary=self._primary.value,
            until=until,
            max_seeds=max_seeds,
            trust_model=self._trust_model.value,
        )

    def command_line(self) -> str:
        """The command that runs the whole of it."""
        given = (self._flags[name] for name in self._names if self._flags[name].present)
        lines = (line for flag in given for line in flag.serialize().splitlines())
        return shlex.join(["python", "-m", "gan_mnist.main", *lines])
