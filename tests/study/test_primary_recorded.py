"""Primary comparisons are those that stood in `study.json` when the run began."""

import json
from pathlib import Path

import coin
import pytest

import gan_mnist
from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.study.comparison import MOST_PRIMARY, Pair

pytestmark = pytest.mark.usefixtures("at_once")
without_report = pytest.mark.usefixtures("no_report")

DECLARING = coin.STUDY.replace(
    '    control="fair",', '    control="fair", primary=(Pair("bent", "fair"),),'
).replace(
    "from gan_mnist.study.spec",
    "from gan_mnist.study.comparison import Pair\nfrom gan_mnist.study.spec",
)


DECLARING = DECLARING.replace(
    'Arm("bent"', 'Arm("hardly", {"bias": 0.51}, "hardly bent"), Arm("bent"'
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An experiment that declares a primary comparison; it runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with coin.forgotten():
        yield coin.write(tmp_path / "elsewhere" / "coin_named", DECLARING)


@pytest.mark.parametrize("name", experiments.names())
def test_an_experiment_names_up_to_three_comparisons_of_its_arms_and_one_if_published(name):
    study = experiments.load(name)
    least = 1 if any(Path(study.part("study").__file__).parent.glob("results/*")) else 0
    for source in (None, "mine"):
        if source is not None and study.of_source is None:
            continue
        sources = [source] if source else list(study.sources)
        for one in sources:
            study = study.with_arms(study.of_source(study.settings, one))
        named = study.with_primary_of_run(None, [arm.name for arm in study.arms], sources).primary
        assert least <= len(set(named)) == len(named) <= MOST_PRIMARY
        if source and least:
            assert any(pair.arm.startswith("mine") for pair in named)


def run(folder, **options):
    return gan_mnist.run(folder, preset="smoke", export_dir="", jobs=1, workdir="run", **options)


def recorded(tmp_path):
    return json.loads((tmp_path / "run" / "study.json").read_text())["primary"]


@pytest.mark.slow
def test_they_are_recorded_when_a_run_begins_and_stay(folder, tmp_path):
    told = run(folder, primary=["hardly > fair"])
    assert recorded(tmp_path) == [{"arm": "hardly", "reference": "fair"}]
    assert [one["verdict"] for one in told["primary"]] == ["cannot tell"]
    assert told["arms"]["bent"]["standing"] == "exploratory"
    # What the study declares is not primary here, whatever is run later.
    told = run(folder, seeds=3)
    assert recorded(tmp_path) == [{"arm": "hardly", "reference": "fair"}]
    assert [(one["arm"], one["n"]) for one in told["primary"]] == [("hardly", 3)]
    report = (tmp_path / "run" / "report.html").read_text()
    assert 'id="primary-table"' in report
    assert '<span class="standing">exploratory</span>' in report
    assert "| hardly | fair |" in (tmp_path / "run" / "report.md").read_text()


@without_report
def test_what_is_named_after_a_run_began_is_refused(folder, tmp_path, capsys):
    run(folder)
    assert recorded(tmp_path) == [{"arm": "bent", "reference": "fair"}]
    with pytest.raises(InputError) as refused:
        run(folder, primary=["hardly > fair"])
    assert f"{refused.value}".startswith("--primary: ")
    assert "was begun with bent > fair" in f"{refused.value}"
    run(folder, primary=["bent > fair"])


@pytest.mark.slow
@without_report
def test_an_arm_of_one_that_could_be_judged_is_not_left_out_later(folder, tmp_path):
    run(folder, arms=["hardly"])
    # It was declared, and its arm had not run: as for any arm that comes later.
    run(folder, arms=["hardly", "bent"])
    with pytest.raises(InputError, match=r"^--arms: bent is left out, .* bent > fair; accepted: "):
        run(folder, arms=["hardly"])
    run(folder, arms=["bent"])


@pytest.mark.slow
@without_report
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
def test_with_results_and_no_record_of_them_none_is_named(folder, tmp_path, damage):
    run(folder)
    damage(tmp_path / "run" / "study.json")
    with pytest.raises(InputError, match=r"^--primary: .* has results, and no study.json"):
        run(folder, primary=["hardly > fair"])
    run(folder)


@without_report
def test_a_run_from_before_they_were_recorded_has_none(folder, tmp_path):
    run(folder)
    path = tmp_path / "run" / "study.json"
    described = json.loads(path.read_text())
    del described["primary"]
    path.write_text(json.dumps(described))
    told = run(folder)
    assert "primary" not in told
    assert "standing" not in told["arms"]["bent"]


def test_the_command_tells_them_in_its_plan(folder, capsys):
    flags = ["main.py", f"--experiment={folder}", "--preset=smoke", "--dry_run"]
    assert main(flags) == 0
    assert "primary     bent > fair\n" in capsys.readouterr().out
    assert main([*flags, "--primary=hardly > fair"]) == 0
    assert "primary     hardly > fair\n" in capsys.readouterr().out
    assert main([*flags, "--primary=bent > fire"]) == 2
    assert capsys.readouterr().err == (
        "error: --primary: 'fire' is unknown; did you mean 'fair'? accepted: fair, hardly, bent\n"
    )


def test_a_pair_of_a_source_has_its_name():
    assert Pair("{source}_twice", "none").of("mine") == Pair("mine_twice", "none")
