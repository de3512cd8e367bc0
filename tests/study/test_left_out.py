"""Arms that are left out when their results have been seen."""

import json

import coin
import pytest

import gan_mnist
from gan_mnist.errors import InputError
from gan_mnist.study import continuation

pytestmark = pytest.mark.usefixtures("at_once", "no_report")
STUDY = coin.STUDY.replace('Arm("bent"', 'Arm("hardly", {"bias": 0.51}, "hardly bent"), Arm("bent"')
TOLD = "judged before, and left out now: `hardly`, which p values are not corrected for"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(**options)`: the summary of a run, always in the same directory."""
    monkeypatch.chdir(tmp_path)
    with coin.forgotten():
        folder = coin.write(tmp_path / "elsewhere" / "coin_of_three", STUDY)
        yield lambda **options: gan_mnist.run(
            folder, preset="smoke", export_dir="", jobs=1, workdir="run", **options
        )


@pytest.mark.slow
def test_the_answer_tells_of_arms_that_were_judged_before(run, tmp_path):
    assert TOLD not in run(seeds=3)["in_full"]
    assert run(seeds=3, arms=["bent"])["in_full"].endswith(f"; {TOLD}.")
    # It does not forget it with the next command, but when it judges all of them again.
    assert run(seeds=3, arms=["bent"])["in_full"].endswith(f"; {TOLD}.")
    judged = json.loads((tmp_path / "run" / "study.json").read_text())["judged"]
    assert judged == ["fair", "hardly", "bent"]
    assert TOLD not in run(seeds=3)["in_full"]


def test_nothing_is_told_where_nothing_was_judged(run):
    run(seeds=1)
    assert TOLD not in run(seeds=3, arms=["bent"])["in_full"]


def test_an_arm_that_leaks_may_be_left_out_of_a_primary_comparison(run, tmp_path):
    run(seeds=2, primary=["hardly > fair"])
    path = tmp_path / "run" / "study.json"
    with pytest.raises(InputError, match=r"^--arms: hardly is left out"):
        run(seeds=2, arms=["bent"])
    described = json.loads(path.read_text())
    described["arms"]["hardly"]["leaks"] = True
    path.write_text(json.dumps(described))
    assert "primary" not in run(seeds=2, arms=["bent"])


@pytest.mark.slow
def test_looks_are_not_announced_where_nobody_knows_of_earlier_ones(run, tmp_path):
    primary = {"primary": ["bent > fair"]}
    run(seeds=2, **primary)
    (tmp_path / "run" / "study.json").write_text('{"seeds": null}')
    with pytest.raises(InputError, match=r"^--until: .* has results, and no study\.json that says"):
        run(until="decided")
    # Without results it is a run like any other.
    for record in (tmp_path / "run").glob("trials/*/*/record.json"):
        record.unlink()
    assert run(until="decided", max_seeds=6, **primary)["looks"]["announced"] == [5, 6]


@pytest.mark.parametrize("seeds", ["null", '["0"]', "7", "[-3]", "[1000000000000000000]"])
def test_seeds_of_another_form_are_damage(tmp_path, seeds):
    described = {"experiment": "x", "dataset": {"sha256": "0"}, "settings": {}, "arms": {}}
    path = tmp_path / "study.json"
    path.write_text(json.dumps(described | {"seeds": [3, 4]}))
    assert continuation.seeds_from(tmp_path, None, 2) == range(3, 5)
    path.write_text(json.dumps(described)[:-1] + f', "seeds": {seeds}}}')
    assert continuation.description_in(tmp_path) is None
    assert continuation.seeds_from(tmp_path, None, 2) == range(2)


def test_only_arms_that_were_looked_at_were_judged(run, tmp_path):
    path = tmp_path / "run" / "study.json"
    run(seeds=2, arms=["bent"])
    described = json.loads(path.read_text())
    assert described["judged"] == ["fair", "bent"]
    # As if it had been stopped before the first trial of another arm.
    described["arms"]["hardly"] = described["arms"]["bent"]
    path.write_text(json.dumps(described))
    assert TOLD not in run(seeds=2, arms=["bent"])["in_full"]
    assert json.loads(path.read_text())["judged"] == ["fair", "bent"]


def test_a_leak_that_trials_find_lets_its_arm_be_left_out(run, tmp_path):
    text = """
def findings(evidence):
    leaks = ["hardly", "none of the arms"] if "hardly" in evidence.done else []
    return {"lines": [], "leaks": leaks, "warnings": ["hardly leaks"] * len(leaks)}
"""
    (tmp_path / "elsewhere" / "coin_of_three" / "findings.py").write_text(text)
    assert "primary" not in run(seeds=2, primary=["hardly > fair"])
    assert "primary" not in run(seeds=2, arms=["bent"])
