"""The precision of a run: asked for, or found by a short trial, and then kept."""

import json
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import coin
import pytest

import gan_mnist
from gan_mnist.errors import InputError
from gan_mnist.experiments import make_plan
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study import precision
from gan_mnist.study.precision import PRECISIONS, run_precision, with_faster_precision

# A coin that a study could train, as far as the driver knows.
TIMED = coin.STUDY.replace("    bias: float", '    TIMED = "nowhere:to_be_found"\n    bias: float')
FAST = {"float32": 0.003, "mixed_bfloat16": 0.002}
SLOW = {"float32": 0.003, "mixed_bfloat16": 0.030}


@pytest.fixture
def machine(monkeypatch):
    """`machine(seconds)` has trials find these; returns a list that receives what was timed."""

    def found(seconds):
        asked = []

        def apart(function, *arguments):
            asked.append((function, *arguments))
            if isinstance(seconds, Exception):
                raise seconds
            return seconds

        monkeypatch.setattr(precision, "call_in_process", apart)
        return asked

    return found


@pytest.fixture
def folder(directory, tmp_path):
    with coin.forgotten():
        yield coin.write(tmp_path / "elsewhere" / "coin_timed", TIMED)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (FAST, "mixed_bfloat16"),
        (SLOW, "float32"),
        ({"float32": 0.0101, "mixed_bfloat16": 0.01}, "float32"),  # not worth it
    ],
)
def test_the_faster_one_is_taken(machine, seconds, chosen):
    asked, settings = machine(seconds), ClassifierSettings(width=3)
    assert with_faster_precision(settings) == (replace(settings, precision=chosen), seconds)
    assert asked == [(settings.TIMED, settings, ("float32", "mixed_bfloat16"))]


@pytest.mark.slow
@pytest.mark.usefixtures("at_once")
def test_a_run_keeps_what_it_was_begun_with_wherever_it_goes_on(folder, directory, machine):
    def run(**options):
        return gan_mnist.run(folder, preset="smoke", export_dir="", workdir="run", **options)

    def study():
        return json.loads((directory / "run" / "study.json").read_text())

    asked = machine(FAST)
    run(precision="auto")
    assert len(asked) == 1
    records = [json.loads(p.read_text()) for p in (directory / "run").rglob("record.json")]
    assert len(records) == 4
    assert {record["settings"]["precision"] for record in records} == {"mixed_bfloat16"}
    assert (study()["settings"]["precision"], study()["update_seconds"]) == ("mixed_bfloat16", FAST)
    told = "mixed_bfloat16; an update took 3 ms in float32, 2 ms in mixed_bfloat16"
    assert told in (directory / "run" / "report.html").read_text()

    # On a machine that would have chosen otherwise.
    asked = machine(SLOW)
    for same in ("auto", "mixed_bfloat16"):
        plan = make_plan(folder, preset="smoke", workdir="run", precision=same, seeds=3)
        assert (plan.settings.precision, plan.update_seconds) == ("mixed_bfloat16", FAST)
    assert asked == []
    with pytest.raises(InputError, match="precision: mixed_bfloat16 -> float32"):
        run()


@pytest.mark.parametrize("recorded", [{}, {"precision": "float32"}], ids=["before", "since"])
def test_a_run_that_was_begun_in_float32_stays_so(folder, directory, machine, recorded):
    """And float32 is what there was before there was the setting."""
    asked = machine(FAST)
    described = {"experiment": "x", "dataset": {"sha256": ""}, "settings": recorded, "arms": {}}
    (directory / "study.json").write_text(json.dumps(described))
    plan = make_plan(folder, preset="smoke", workdir=".", precision="auto")
    assert (plan.settings.precision, plan.update_seconds, asked) == ("float32", {}, [])
    assert [run_precision(directory, name) for name in PRECISIONS] == [
        (name, {}) for name in PRECISIONS
    ]


@pytest.mark.parametrize("asked", ["bfloat16", "Auto", "", 16, None])
def test_another_word_is_refused(folder, directory, asked):
    with pytest.raises(InputError, match=r"^--precision: .*auto"):
        make_plan(folder, preset="smoke", precision=asked)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("study", "seconds"),
    [
        (coin.STUDY, FAST),
        (TIMED, BrokenProcessPool("killed")),
        (TIMED, RuntimeError("no such kernel\nin bfloat16")),  # of somebody's network
        (TIMED, InputError("--classifier: 'x:y' failed")),
    ],
)
def test_what_cannot_be_timed_is_refused(tmp_path, directory, machine, study, seconds):
    machine(seconds)
    with coin.forgotten():
        folder = coin.write(tmp_path / "elsewhere" / "coin_untimed", study)
        wanted = r"^--precision: auto.*accepted: float32, mixed"
        if isinstance(seconds, InputError):
            wanted = f"^{seconds}$"
        with pytest.raises(InputError, match=wanted) as error:
            make_plan(folder, preset="smoke", precision="auto")
    assert "\n" not in str(error.value)
    assert list(directory.iterdir()) == []
