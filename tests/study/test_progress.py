"""What is shown of a run: a bar on a terminal, plain lines anywhere else."""

import io
import time

import pytest
from fake_study import make_plan
from rich.console import Console

from gan_mnist.study.progress import StudyProgress, describe, duplicates_in_words
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


def shown(records, terminal, num_trials=4):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=60, soft_wrap=True, highlight=False)
    with StudyProgress(num_trials, "score", console) as progress:
        for each in records:
            progress.add(each)
    return text.getvalue()


def test_a_log_gets_one_plain_line_a_trial():
    records = [
        record(),
        record("small", 1, "failed", "RuntimeError: [bold]no[/bold] " + "long " * 30),
        record("all", 1, "not_applicable", "too few images"),
    ]
    lines = shown(records, terminal=False).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[1/4] none seed 0: score 0.500 (4 s; about ")
    assert "[2/4] small seed 1: failed: RuntimeError: [bold]no[/bold] long" in lines[1]
    assert "[3/4] all seed 1: not applicable: too few images" in lines[2]
    assert not any("\x1b" in line or "━" in line for line in lines)


def test_a_terminal_gets_a_bar_with_the_time_left():
    text = shown([record(), record(seed=1)], terminal=True)
    assert "━" in text
    assert "2/4" in text
    assert "left" in text
    assert "[1/4] none seed 0: score 0.500" in text


@pytest.mark.parametrize(
    ("ended_after", "told"),
    [((10.0,), ["30 s"]), ((100.0, 180.0), ["5 min 00 s", "3 min 00 s"]), ((0.0,), ["0 s"])],
)
def test_the_time_left_is_that_of_the_trials_so_far(monkeypatch, ended_after, told):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    text = io.StringIO()
    with StudyProgress(4, "score", Console(file=text)) as progress:
        for seconds in ended_after:
            now = 1000.0 + seconds
            progress.add(record())
    lines = text.getvalue().splitlines()
    assert [line.partition("about ")[2].partition(" left")[0] for line in lines] == told


def test_nothing_to_do_shows_nothing():
    assert shown([], terminal=False, num_trials=0) == ""


class Gone(io.StringIO):
    """What its reader has left."""

    def write(self, _):
        raise BrokenPipeError


def test_a_reader_that_leaves_is_no_failure_of_a_trial_nor_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr", Gone())
    with pytest.raises(BrokenPipeError), StudyProgress(4, "score") as progress:
        progress.add(record())
    with pytest.raises(BrokenPipeError):
        run_study(make_plan(tmp_path), 1, "local", "a command")


def test_a_plan_is_described_whole(tmp_path):
    plan = make_plan(tmp_path, seeds=3, arms=["small", "all"], scale=2.5, data_dir="/data")
    text = describe(plan)
    for told in (
        "Does a bonus help?",
        "fake from nowhere, sha256 0123456789ab",
        "a: 2+1, b: 3+1",
        str(tmp_path),
        "3 arms x 3 seeds = 9",
        "small a little added",
        "scale 2.5",
    ):
        assert told in " ".join(text.split()), told
    assert "more added" not in text


@pytest.mark.parametrize(
    ("numbers", "each_seed", "expected"),
    [
        ((1, 1, 1), False, "1 training image is like 1 test image, 1 of them equal"),
        ((2, 1, 0), False, "2 training images are like 1 test image, 0 of them equal"),
        (
            (1, 1, 1),
            True,
            "1 image is like 1 other, of which a seed may test one and train on the other, "
            "1 of them equal",
        ),
        (
            (2000, 30, 4),
            True,
            "2,000 images are like 30 others, of which a seed may test one and train on the "
            "other, 4 of them equal",
        ),
    ],
)
def test_images_that_are_alike_are_counted_in_words(numbers, each_seed, expected):
    told = dict(zip(("images", "of", "equal"), numbers, strict=True))
    dataset = {"duplicates": {"test": told}} | ({"each_seed": {}} if each_seed else {})
    assert duplicates_in_words(dataset) == [expected]
