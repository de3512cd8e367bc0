"""What is shown while a study runs: on a terminal, in a notebook, and as lines in a log."""

import html
import io
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_study import make_plan
from rich.console import Console

from gan_mnist.study.display.live import StudyProgress
from gan_mnist.study.run import run_study


def record(arm="none", seed=0, status="done", error=None, score=0.5):
    metrics = {"score": score} if status == "done" else {}
    seconds = {"generator": 1.0, "training": 2.5, "evaluation": 0.0}
    return {
        "arm": arm,
        "seed": seed,
        "status": status,
        "error": error,
        "metrics": metrics,
        "seconds": seconds,
    }


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.seconds)
    return now


def make_console(terminal=False):
    text = io.StringIO()
    return text, Console(
        file=text, force_terminal=terminal, width=70, soft_wrap=True, highlight=False
    )


def make_progress(tmp_path, console, num_trials=4):
    plan = make_plan(tmp_path, seeds=2, arms=["small", "all"])
    return StudyProgress(plan, plan.trials()[:num_trials], 2, console=console), plan.trials()


def shown(tmp_path, records, terminal):
    text, console = make_console(terminal)
    progress, trials = make_progress(tmp_path, console)
    with progress:
        for each in records:
            for trial in trials:
                if (trial.arm, trial.seed) == (each["arm"], each["seed"]):
                    progress.begin(trial, 0)
            progress.add(each)
    return text.getvalue()


def test_a_log_gets_one_plain_line_a_trial(tmp_path):
    records = [
        record(),
        record("small", 1, "failed", "RuntimeError: [bold]no[/bold] " + "long " * 30),
        record("all", 1, "not_applicable", "too few images"),
    ]
    lines = shown(tmp_path, records, terminal=False).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[1/4] none seed 0: score 0.500 (4 s; about ")
    assert lines[0].endswith(" left; best so far none 0.500 (1 seed))")
    assert "[2/4] small seed 1: failed: RuntimeError: [bold]no[/bold] long" in lines[1]
    assert "[3/4] all seed 1: not applicable: too few images" in lines[2]
    assert not any("\x1b" in line or "━" in line for line in lines)


def test_a_terminal_gets_a_bar_and_what_runs_now(tmp_path, clock):
    text, console = make_console(terminal=True)
    progress, trials = make_progress(tmp_path, console)
    with progress:
        progress.begin(trials[0], 0)
        progress.begin(trials[1], 1)
        clock.seconds += 100
        progress.add(record())
        clock.seconds += 5
        progress.refresh()
    told = text.getvalue()
    assert "━" in told
    assert "1/4" in told
    assert "[1/4] none seed 0: score 0.500 (4 s; about " in told
    assert "now   small seed 0 (1 min 45 s)" in told
    assert "best  none 0.500 (1 seed)" in told
    assert re.search(r"about \d+ min \d\d s left", told)


def test_a_training_that_ends_while_it_is_looked_at_is_no_failure(tmp_path, monkeypatch):
    progress, trials = make_progress(tmp_path, make_console()[1])
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    path = trials[0].directory / "progress.json"
    path.parent.mkdir(parents=True)
    with progress:
        progress.begin(trials[0], 0)
        progress.refresh()
        path.write_text('{"share": 0.5, "seconds": 2}')
        monkeypatch.setattr("gan_mnist.study.display.live.read_json", gone)
        progress.refresh()


def test_a_training_under_way_counts_for_each_part_of_its_trial(tmp_path, monkeypatch, clock):
    progress, trials = make_progress(tmp_path, make_console()[1], num_trials=1)
    monkeypatch.setattr(type(trials[0].settings), "num_parts", 30)
    with progress:
        progress.begin(trials[0], 0)
        path = trials[0].directory / "progress.json"
        path.parent.mkdir(parents=True)
        path.write_text('{"share": 0.5, "seconds": 2}')
        clock.seconds += 20
        progress.refresh()
        (task,) = progress._bar.tasks
        assert task.fields["left"] == "at least 1 min 40 s left"


def gone(path, *keys):
    raise FileNotFoundError(path)


def test_trials_of_an_earlier_command_count_for_the_best_arm(tmp_path):
    plan, (text, console) = make_plan(tmp_path, seeds=2, arms=["small", "all"]), make_console()
    done = [record("small", 0, score=0.9), record("all", 0, "not_applicable", "too few images")]
    with StudyProgress(plan, plan.trials()[2:], 2, done, console) as progress:
        progress.add(record("none", 0, score=0.5))
        progress.add(record("small", 1, score=0.7))
    first, second = text.getvalue().splitlines()
    assert first.endswith("best so far small 0.900 (1 seed))")
    assert second.endswith("best so far small 0.800 (2 seeds))")


def test_the_best_arm_is_no_oracle_and_may_be_the_control(tmp_path):
    records = [
        record(score=0.5),
        record("small", score=0.4),
        record("all", score=0.9),
        record("small", 1, score=0.8),
    ]
    lines = shown(tmp_path, records, terminal=False).splitlines()
    best = [line.partition("best so far ")[2].rstrip(")") + ")" for line in lines]
    assert best[:2] == ["none 0.500 (1 seed)", "none 0.500 (1 seed)"]
    assert best[2:] == ["none 0.500 (1 seed)", "small 0.600 (2 seeds)"]


def test_time_left_is_told_once_something_is_known(tmp_path, clock):
    text, console = make_console()
    progress, trials = make_progress(tmp_path, console)
    with progress:
        assert progress._left(clock.seconds) == "time left is not known yet"
        progress.begin(trials[0], 0)
        clock.seconds += 30
        progress.add(record() | {"seconds": {"generator": 0.0}})
    # One alike, on two processes, takes as long as the longest that is left.
    assert "about" in text.getvalue()


def test_a_training_under_way_tells_how_long_it_will_take(tmp_path, clock):
    _, console = make_console()
    progress, trials = make_progress(tmp_path, console, num_trials=1)
    with progress:
        progress.begin(trials[0], 0)
        trials[0].directory.mkdir(parents=True)
        told = {"share": 0.25, "seconds": 50.0}
        (trials[0].directory / "progress.json").write_text(json.dumps(told))
        clock.seconds += 60
        progress.refresh()
        assert progress._left(clock.seconds) == "at least 2 min 20 s left"


class Handle:
    """A place in a cell of a notebook."""

    def __init__(self, page):
        self.pages = [page]

    def update(self, page):
        self.pages.append(page)


def test_a_notebook_has_one_place_that_is_renewed(tmp_path, monkeypatch, clock):
    handles = []

    def display(page, display_id):
        handles.append(Handle(page))
        return handles[-1]

    notebook = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel="one"),
        display=SimpleNamespace(HTML=lambda text: text, display=display),
    )
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    text, console = make_console()
    progress, trials = make_progress(tmp_path, console)
    with progress:
        for trial in trials[:2]:
            progress.begin(trial, 0)
        progress.refresh()
        clock.seconds += 61
        progress.add(record())
        progress.add(record("small", 0, "failed", "<b>no</b>"))
    (handle,) = handles
    assert text.getvalue() == ""
    assert "now   none seed 0 (0 s), small seed 0 (0 s)" in handle.pages[1]
    last = html.unescape(handle.pages[-1])
    assert "2/4 trials, 1 min 01 s" in last
    assert 'value="50"' in last
    assert "best  none 0.500 (1 seed)" in last
    assert last.index("small seed 0: failed: <b>no</b>") < last.index("none seed 0: score 0.500")
    assert "<b>no</b>" not in handle.pages[-1]


def test_ipython_without_a_notebook_is_a_terminal(tmp_path, monkeypatch):
    shell = SimpleNamespace(get_ipython=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert shown(tmp_path, [record()], terminal=False).startswith("[1/4] none seed 0: score 0.500")


def test_nothing_to_do_shows_nothing(tmp_path):
    text, console = make_console()
    with make_progress(tmp_path, console, num_trials=0)[0]:
        pass
    assert text.getvalue() == ""


class Gone(io.StringIO):
    """What its reader has left."""

    def write(self, _):
        raise BrokenPipeError


def test_a_reader_that_leaves_is_no_failure_of_a_trial_nor_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr", Gone())
    progress, _ = make_progress(tmp_path / "one", None)
    with pytest.raises(BrokenPipeError), progress:
        progress.add(record())
    with pytest.raises(BrokenPipeError):
        run_study(make_plan(tmp_path), 1, "local", "a command")
