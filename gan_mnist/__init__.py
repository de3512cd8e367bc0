"""A laboratory with one question: does generated data, or an adversarial loss, really help?"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# `python -m gan_mnist.main` has Python look into the current directory before all others, where an
# experiment's folder, or whatever lies there, may have the name of a package that we need.
_as_command = sys.argv[:1] == ["-m"] and not sys.flags.safe_path
if _as_command and sys.path[0] != str(Path(__file__).parents[1]):
    sys.path.append(sys.path.pop(0))
    os.environ["PYTHONSAFEPATH"] = "1"  # nor do the processes of trials look there first

__version__ = "0.2.0"

# The commands lie in a folder of their own: `python -m gan_mnist.classify` finds them there.
__path__.append(str(Path(__file__).parent / "commands"))


def run(
    experiment: str | Path,
    *,
    preset: str = "quick",
    dataset: str = "mnist_sample",
    data_dir: str | Path = "",
    download: bool = False,
    skip_bad: bool = False,
    workdir: str | Path | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    arms: Sequence[str] | None = None,
    jobs: int | None = None,
    engine: str = "local",
    precision: str = "float32",
    strategy: str = "none",
    classifier: str | None = None,
    test_dir: Mapping[str, str | Path] | None = None,
    settings: Mapping[str, Any] | None = None,
    export_dir: str | Path = "saved_models",
    generated: Sequence[str] | None = None,
    primary: Sequence[str] | None = None,
    until: str | None = None,
    max_seeds: int | None = None,
    trust_model: bool = False,
) -> Mapping[str, Any]:
    """Runs an experiment to its report, as `python -m gan_mnist.main` does.

    What is finished in `workdir` is not run again.

    Args:
        experiment: A name, or the path of a folder with a `study.py` and a `trial.py`.
        preset: "smoke" (a test), "quick" (minutes) or "paper" (for a GPU).
        dataset: Name of the data set.
        data_dir: Where its files lie.
        download: Whether TensorFlow Datasets may fetch what is missing.
        skip_bad: Whether empty and broken images of a folder are left out; else they are refused.
        workdir: Where the run is kept, a directory or an address as "s3://BUCKET/RUN";
            `runs/EXPERIMENT` if None.
        seeds: How many; the preset's if None.
        first_seed: The first of them, for other draws than those of a run before; if None the one
            that `workdir` was begun with, or 0.
        arms: Names of arms, to run only these and the control; ["all"] for all, and those of the
            preset if None.
        jobs: Trials at a time; if None one a GPU, or one a core where there is none.
        engine: Where trials run: "local" (processes) or "ray".
        precision: "float32", "mixed_bfloat16" or "mixed_float16"; "auto" is mixed_bfloat16 where a
            trial of two seconds finds it faster, decided once a run.
        strategy: "mirrored" divides each training among all GPUs of a machine, with the numbers of
            one but for rounding; "none" gives each trial a GPU of its own.
        classifier: The network: "resnet" or another name, "module:function", a path "model.keras",
            or "applications:NAME"; the experiment's own if None.
        test_dir: Folders by name, of images on which every arm is judged as well.
        settings: Values of the experiment's settings, by name.
        export_dir: Where SavedModels go; empty for none.
        generated: "NAME=DIR", folders of images by class that were made elsewhere; or names of
            generators, or exported ones.
        trust_model: Whether an exported generator may be someone else's: TensorFlow lets it read
            and write files.
        primary: "ARM > REFERENCE", one to three comparisons that are tested before all others; the
            study's own if None.
        until: "decided" looks at 5, 7, 10, 15 and 20 seeds, and ends where the primary comparisons
            are decided; None runs all seeds.
        max_seeds: Where "decided" ends in any case; 20 if None.

    Returns:
        What `summary.json` in `workdir` holds: the answer, and for each arm its mean, interval,
        difference to the control and verdict.

    Raises:
        gan_mnist.errors.InputError: For any request that cannot be met, in one line.
    """
    # Nothing else has a name here yet.
    arguments = dict(locals())
    from gan_mnist.commands import running

    return running.run(**arguments)
