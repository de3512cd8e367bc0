"""The recipes of CONTRIBUTING.md work as they stand there."""

import dataclasses
import importlib
import json
import os
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import gan_mnist
from gan_mnist import experiments
from gan_mnist.data.subsets import Allotment
from gan_mnist.generators.names import GENERATORS, NONE, Row
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.study.settings import setting, with_changes
from gan_mnist.study.spec import Arm

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
# (path, code) in the order of the page; the first line of a block says where it belongs.
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```", TEXT, re.M | re.S)
EXPERIMENT = "my_studies/noise"
# Where it runs; whoever follows the page may have one called noise.
NAME = "noise_of_the_page"
FOLDER = f"my_studies/{NAME}"
GENERATOR = "gan_mnist/generators/average.py"


def blocks_of(path):
    return [code for place, code in BLOCKS if place == path]


def row(code, **names):
    """The only element of a tuple's body."""
    (element,) = eval(f"({code})", names)
    return element


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """An empty folder for experiments; what the process knows of experiments comes back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("contributing"))
        before = os.environ.get(experiments.PATH_VARIABLE, "")
        patch.setenv(experiments.PATH_VARIABLE, before)
        patch.setattr(experiments, "__path__", [*experiments.__path__])
        yield Path.cwd()
        forget_experiment()


def forget_experiment():
    name = f"{experiments.__name__}.{NAME}"
    for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[module]
    vars(experiments).pop(NAME, None)
    importlib.invalidate_caches()


def run(**options):
    options = {"preset": "smoke", "workdir": "runs/noise", "export_dir": "", **options}
    return gan_mnist.run(FOLDER, jobs=1, **options)


@pytest.fixture(scope="module")
def summary(studies):
    """Of the experiment, run by its path."""
    (studies / FOLDER).mkdir(parents=True)
    for name in ("study.py", "trial.py"):
        code = blocks_of(f"{EXPERIMENT}/{name}")[0]
        (studies / FOLDER / name).write_text(code, encoding="utf-8")
    return run()


def test_every_block_says_where_it_belongs():
    assert len(BLOCKS) == TEXT.count("```python")


def test_an_experiment_is_short():
    codes = [blocks_of(f"{EXPERIMENT}/{name}")[0] for name in ("study.py", "trial.py")]
    assert sum(len(code.splitlines()) for code in codes) < 60


@pytest.mark.slow
def test_the_experiment_runs_by_its_path(summary):
    assert summary["failed"] == []
    assert {name: arm["n"] for name, arm in summary["arms"].items()} == {
        "plain": 2,
        "faint": 2,
        "strong": 2,
    }
    assert Path("runs/noise/report.html").is_file()


@pytest.mark.usefixtures("no_report")
def test_earlier_runs_go_on_when_a_setting_is_added(summary, studies):
    declaration, field = blocks_of(f"{EXPERIMENT}/study.py")
    declared = re.sub(r"(^    noise: float.*\n)", rf"\1{field}", declaration, flags=re.M)
    assert declared != declaration
    (studies / FOLDER / "study.py").write_text(declared, encoding="utf-8")
    forget_experiment()
    before = [record.read_bytes() for record in sorted(studies.glob("runs/**/record.json"))]
    assert run()["answer"] == summary["answer"]
    after = [record.read_bytes() for record in sorted(studies.glob("runs/**/record.json"))]
    assert len(before) == 6
    assert before == after
    described = json.loads((studies / "runs/noise/study.json").read_text(encoding="utf-8"))
    assert described["settings"]["clip"] is False


@pytest.mark.parametrize("clip", [False, True])
def test_a_trial_heeds_the_setting(clip):
    (line,) = re.findall(r"^The trial then heeds it: `(.+)`\.$", TEXT, re.M)
    names = {
        "shown": np.array([-0.5, 0.5, 1.5]),
        "settings": types.SimpleNamespace(clip=clip),
    }
    exec(line, names)
    assert names["shown"].tolist() == ([0, 0.5, 1] if clip else [-0.5, 0.5, 1.5])


def test_the_setting_is_a_field_of_a_dataclass():
    code = blocks_of(f"{EXPERIMENT}/study.py")[1]
    names = {"setting": setting, "dataclasses": dataclasses}
    exec(f"@dataclasses.dataclass(frozen=True)\nclass Added:\n{code}", names)
    (field,) = dataclasses.fields(names["Added"])
    assert (field.name, field.default) == ("clip", False)


def test_the_arm_is_accepted():
    arm = row(blocks_of("experiments/imbalance/study.py")[0], Arm=Arm)
    study = experiments.load("imbalance")
    settings = with_changes(study.settings, arm.changes, f"arm {arm.name}")
    assert (settings.generator, settings.classical) == ("smote", True)


def test_the_generator_gives_images_to_an_arm_that_asks_for_it(make_subset, monkeypatch, tmp_path):
    from gan_mnist.generators.contract import Request
    from gan_mnist.generators.create import create_generator

    module = types.ModuleType(GENERATOR.removesuffix(".py").replace("/", "."))
    exec(compile(blocks_of(GENERATOR)[0], GENERATOR, "exec"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    rows = eval(f"{{{blocks_of('gan_mnist/generators/names.py')[0]}}}", {"Row": Row})
    ((name, described),) = rows.items()
    monkeypatch.setitem(GENERATORS, name, described)
    # Accepted names are taken from the table when it is read, with the row in it.
    (field,) = (f for f in dataclasses.fields(GeneratorSettings) if f.name == "generator")
    accepted = {**field.metadata, "choices": (NONE, *GENERATORS)}
    monkeypatch.setattr(field, "metadata", accepted)

    arm = row(blocks_of("experiments/imbalance/study.py")[1], Arm=Arm)
    settings = with_changes(experiments.load("imbalance").settings, arm.changes, "arm")
    subset = make_subset()
    images = Allotment(train=subset, held_back=subset, validation=subset)
    generator = create_generator(Request(settings, images, 0, tmp_path))
    labels = np.array([2, 0, 1, 1], np.int32)
    sampled = generator.sample(labels, 7)
    assert sampled.shape == (4, 8, 8, 1)
    assert sampled.dtype == np.float32
    assert sampled.min() >= 0
    assert sampled.max() <= 1
    np.testing.assert_array_equal(sampled, generator.sample(labels, 7))
    assert generator.sample(labels[:0], 7).shape == (0, 8, 8, 1)
