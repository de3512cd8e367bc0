"""A run is spoilt, extended and gone on with; its files are then compared."""

import dataclasses
import html
import json
import re
import resource

import pytest
from fake_study import STUDY, calls, make_plan, order, summary
from fake_worker import AtOnce
from filelock import FileLock
from matplotlib.figure import Figure

from gan_mnist.errors import InputError
from gan_mnist.files import fingerprint
from gan_mnist.report.page import write_report
from gan_mnist.report.study_figures import Picture
from gan_mnist.study.run import run_study
from gan_mnist.study.spec import Metric
from gan_mnist.study.workers import ENGINES


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """An engine that starts no process, for tests that are not about them."""
    monkeypatch.setitem(ENGINES, "at once", AtOnce)


def run(plan, jobs=1, report=lambda workdir: None, engine="at once"):
    """The report has tests of its own and takes a second: a test that wants it says so."""
    command = "python -m gan_mnist.main --experiment=fake_study"
    return run_study(plan, jobs, engine, command, report)


def refused(plan, engine="at once"):
    with pytest.raises(InputError) as error:
        run(plan, engine=engine)
    assert "\n" not in str(error.value)
    return str(error.value)


def shown(page):
    """The text of a web page."""
    return html.unescape(re.sub("<[^>]*>", "", page.read_text()))


def files(workdir):
    """Name and content of every file but the lock."""
    found = (path for path in workdir.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(workdir)): path.read_bytes() for path in found}


def test_a_run_leaves_its_files(tmp_path, capsys):
    plan = make_plan(tmp_path / "run", seeds=2)
    told = run(plan, report=write_report, engine="local")
    assert json.loads((plan.workdir / "summary.json").read_text()) == told
    study = json.loads((plan.workdir / "study.json").read_text())
    assert study["command_line"] == "python -m gan_mnist.main --experiment=fake_study"
    assert study["settings"] == plan.settings.identity()
    assert study["dataset"] == plan.dataset
    assert list(study["arms"]) == ["none", "small", "large", "all"]
    assert study["seeds"] == [0, 1]
    assert "pictures" not in study
    assert study["curve"] is None
    assert study["versions"]["tensorflow"]
    lines = (plan.workdir / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    order_of_trials = [(trial.arm, trial.seed) for trial in plan.trials()]
    assert [(record["arm"], record["seed"]) for record in records] == order_of_trials
    for record in records:
        path = plan.workdir / "trials" / record["arm"] / f"seed-{record['seed']:02d}"
        assert json.loads((path / "record.json").read_text()) == record
    assert told["answer"] in (plan.workdir / "report.md").read_text()
    assert told["answer"].replace("`", "") in shown(plan.workdir / "report.html")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "4 arms x 2 seeds = 8" in printed.err
    assert printed.err.count(": score ") == 8


@pytest.mark.slow
def test_what_an_experiment_has_for_its_report_reaches_it(tmp_path):
    picture = Picture("own", draw, "A figure of its own", "What it shows.")
    curve = Metric("loss", "the loss")
    study = dataclasses.replace(STUDY, package="fake_findings", curve=curve)
    plan = dataclasses.replace(make_plan(tmp_path, seeds=1), study=study)
    told = run(plan, report=lambda workdir: write_report(workdir, (picture,)))
    assert told["findings"]["lines"] == ["4 trials."]
    page = shown(tmp_path / "report.html")
    assert "A figure of its own" in page
    assert "4 trials." in page
    assert (tmp_path / "figures" / "own.png").is_file()
    assert (tmp_path / "figures" / "curves.png").is_file()


def draw(run):
    return Figure(figsize=(1, len(run.trials) / 10))


def test_the_same_command_again_trains_nothing_and_tells_the_same(tmp_path, capsys):
    plan = make_plan(tmp_path, seeds=2)
    run(plan)
    before = summary(tmp_path)
    capsys.readouterr()
    run(plan)
    assert summary(tmp_path) == before
    assert len(calls(tmp_path)) == 8
    assert "8 trials are done already" in capsys.readouterr().err


def test_more_seeds_and_arms_end_where_one_larger_run_ends(tmp_path):
    run(make_plan(tmp_path / "steps", seeds=1, arms=["small"]))
    run(make_plan(tmp_path / "steps", seeds=3, arms=["small"]))
    run(make_plan(tmp_path / "steps", seeds=3))
    assert len(calls(tmp_path / "steps")) == 12
    run(make_plan(tmp_path / "once", seeds=3))
    assert summary(tmp_path / "steps") == summary(tmp_path / "once")


def test_fewer_arms_and_seeds_lose_nothing(tmp_path):
    run(make_plan(tmp_path, seeds=2))
    told = run(make_plan(tmp_path, seeds=1, arms=["all"]))
    assert list(told["arms"]) == ["none", "all"]
    assert told["seeds"] == [0]
    run(make_plan(tmp_path, seeds=2))
    assert len(calls(tmp_path)) == 8


def test_jobs_do_not_change_the_numbers(tmp_path):
    for jobs in (1, 2):
        run(make_plan(tmp_path / str(jobs), seeds=2), jobs, engine="local")
    assert summary(tmp_path / "1") == summary(tmp_path / "2")


def test_changed_settings_are_refused_with_the_difference_and_nothing_is_touched(tmp_path):
    run(make_plan(tmp_path, seeds=1))
    before = files(tmp_path)
    message = refused(make_plan(tmp_path, seeds=1, scale=2.0, updates=50))
    assert "scale: 1.0 -> 2.0" in message
    assert "updates: 100 -> 50" in message
    assert "--workdir" in message
    assert files(tmp_path) == before


def without(workdir, *names):
    """Makes the run one from before the settings `names` existed."""
    for path in [workdir / "study.json", *workdir.glob("trials/*/*/record.json")]:
        content = json.loads(path.read_text())
        for name in names:
            del content["settings"][name]
        if path.name == "record.json":
            given = content["settings"], content["experiment"], content["seed"]
            content["fingerprint"] = fingerprint(*given, content["dataset"]["sha256"])
        path.write_text(json.dumps(content))


@pytest.mark.slow
@pytest.mark.parametrize("study_file", ["whole", "lost"])
def test_a_run_from_before_a_setting_existed_is_gone_on_with(tmp_path, capsys, study_file):
    plan = make_plan(tmp_path, seeds=2)
    run(plan)
    told = summary(tmp_path)
    without(tmp_path, "scale", "classes")
    if study_file == "lost":
        (tmp_path / "study.json").unlink()
    before = files(tmp_path)
    assert "scale: 1.0 -> 2.0" in refused(make_plan(tmp_path, seeds=2, scale=2.0))
    assert "classes: [] -> ['a']" in refused(make_plan(tmp_path, seeds=2, classes=("a",)))
    other = dataclasses.replace(plan, dataset={**plan.dataset, "sha256": "f" * 64})
    assert "data" in refused(other)
    assert files(tmp_path) == before

    capsys.readouterr()
    run(plan)
    assert "8 trials are done already" in capsys.readouterr().err
    assert len(calls(tmp_path)) == 8
    assert summary(tmp_path) == told
    run(make_plan(tmp_path, seeds=3))
    for seeds in (2, 3):  # a look at two is told
        run(make_plan(tmp_path / "undisturbed", seeds=seeds))
    assert summary(tmp_path) == summary(tmp_path / "undisturbed")


def test_moved_data_is_no_change(tmp_path):
    run(make_plan(tmp_path, seeds=1, data_dir="/here"))
    run(make_plan(tmp_path, seeds=1, data_dir="/there", export_dir=""))
    assert len(calls(tmp_path)) == 4


def test_two_runs_in_one_directory_at_once_are_refused(tmp_path):
    with FileLock(tmp_path / ".lock"):
        assert "in use by another run" in refused(make_plan(tmp_path))
    assert files(tmp_path) == {}
    run(make_plan(tmp_path, seeds=1, arms=["all"]))


@pytest.mark.parametrize("misdeed", ["raise", "die"])
def test_a_failed_trial_is_told_of_and_repaired(tmp_path, misdeed):
    order(tmp_path, "small", 1, misdeed)
    plan = make_plan(tmp_path, seeds=3)
    told = run(plan, jobs=2, report=write_report, engine="local")
    assert [(f["arm"], f["seed"]) for f in told["failed"]] == [("small", 1)]
    reason = told["failed"][0]["error"]
    assert reason
    assert told["arms"]["small"]["n"] == 2
    assert told["arms"]["large"]["n"] == 3
    for name in ("report.html", "report.md"):
        assert "small" in (text := (tmp_path / name).read_text())
        assert reason[:20] in text

    order(tmp_path, "small", 1, None)
    assert run(plan)["failed"] == []
    run(make_plan(tmp_path / "undisturbed", seeds=3))
    assert summary(tmp_path) == summary(tmp_path / "undisturbed")


def test_an_arm_that_does_not_apply_is_told_of_and_not_tried_again(tmp_path):
    for seed in range(2):
        order(tmp_path, "large", seed, "decline")
    plan = make_plan(tmp_path, seeds=2)
    told = run(plan, report=write_report)
    assert told["not_applicable"] == {"large": "too few images"}
    assert told["failed"] == []
    assert "too few images" in (tmp_path / "report.md").read_text()
    run(plan)
    assert len(calls(tmp_path)) == 8


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path):
    plan = make_plan(tmp_path, seeds=2)
    order(tmp_path, "none", 1, "leave no room")
    message = refused(plan, engine="local")
    assert "seed-01" in message
    assert "File too large" in message
    kept = {name for name in files(tmp_path) if name.endswith("record.json")}
    assert kept >= {f"trials/{arm.name}/seed-00/record.json" for arm in STUDY.arms}
    order(tmp_path, "none", 1, None)
    assert run(plan)["failed"] == []


def test_a_disk_that_fills_before_the_report_loses_no_record(tmp_path, monkeypatch):
    plan = make_plan(tmp_path, seeds=3)
    run(plan)
    kept = {k: v for k, v in files(tmp_path).items() if k.endswith("record.json")}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        assert "File too large" in refused(plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    now = files(tmp_path)
    assert {k: v for k, v in now.items() if k.endswith("record.json")} == kept
    assert not [name for name in now if name.split("/")[-1].startswith(".")]
    run(plan)
    assert len(calls(tmp_path)) == 12


# A file in it would still have a path that is short enough, and what a model consists of not.
DEEP = "/".join(["x" * 200] * 19)


@pytest.mark.parametrize("place", ["file", "file/run", "/proc/here", "x" * 300, DEEP])
def test_a_directory_that_cannot_be_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    workdir = tmp_path / place
    message = refused(make_plan(workdir))
    assert "--workdir" in message
    assert str(workdir) in message
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/here", "x" * 4000, "x" * 300, DEEP])
def test_an_export_directory_that_cannot_be_is_refused_before_anything_runs(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    plan = make_plan(tmp_path / "deep" / "run", export_dir=str(tmp_path / place))
    message = refused(plan)
    assert "--export_dir" in message
    assert place in message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_spoilt_files_of_a_finished_trial_leave_gaps_in_the_report_only(tmp_path):
    plan = make_plan(tmp_path, seeds=2)
    run(plan)
    before = summary(tmp_path)
    trials = tmp_path / "trials"
    (trials / "none" / "seed-00" / "curves.csv").write_bytes(b"\xff\xfe\x00garbage")
    (trials / "none" / "seed-01" / "curves.csv").unlink()
    (trials / "none" / "seed-00" / "predictions.csv").write_bytes(b'a,b\n"\x00')
    (trials / "none" / "seed-01" / "predictions.csv").write_bytes(b"no,such,columns\n1,2,3\n")
    (trials / "all" / "seed-00" / "gallery.npz").write_bytes(b"no archive")
    (trials / "stray" / "seed-00").mkdir(parents=True)
    (trials / "stray" / "seed-00" / "record.json").write_text("{}")
    (trials / "stray" / "file").write_text("")
    run(plan, report=write_report)
    assert summary(tmp_path) == before
    assert before["answer"].replace("`", "") in shown(tmp_path / "report.html")
