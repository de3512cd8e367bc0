"""The time that is left, held against runs of which it is known how long they take."""

from types import SimpleNamespace

import pytest
from simulated_run import published, simulate

from gan_mnist.study.display.time_left import TimeLeft


class Naive:
    """What was told before: every trial takes as long as the mean of those that have ended."""

    def __init__(self, trials, jobs):
        self._all, self._ended = len(trials), 0

    def begin(self, trial, process, now):
        pass

    def project(self, shared, own):
        pass

    def end(self, record, now):
        self._ended += 1

    def estimate(self, now):
        return now / self._ended * (self._all - self._ended) if self._ended else None


def ratios(run, seeds, jobs, kind):
    """Told by true seconds left, from the second minute on and as long as a minute is left."""
    trials, seconds = published(run, seeds)
    total, told = simulate(trials, seconds, jobs, kind(trials, jobs), every=2.0)
    asked = [(when, left) for when, left in told if when >= 120 and total - when > 60]
    assert len(asked) > 50
    return [(left or 0) / (total - when) for when, left in asked]


def share_within(found, factor):
    return sum(1 / factor < ratio < factor for ratio in found) / len(found)


# Run, seeds, jobs: what share of the moments must be within a factor of 1.5. Records tell seconds
# of machines on which others worked as well: within a run one arm takes up to five times another's.
RUNS = [
    ("imbalance/results/mnist_sample", 5, 1, 0.95),
    ("imbalance/results/mnist_sample", 5, 2, 0.95),
    ("imbalance/results/mnist_in_turn", 10, 2, 0.9),
    ("few_labels/results/mnist_sample", 4, 1, 0.9),
    ("few_labels/results/mnist_sample", 4, 2, 0.95),
    ("denoising/results/mnist_ten_seeds", 10, 2, 0.95),
]


@pytest.mark.parametrize(("run", "seeds", "jobs", "share"), RUNS)
def test_time_left_is_within_a_factor_of_one_and_a_half(run, seeds, jobs, share):
    found = ratios(run, seeds, jobs, TimeLeft)
    assert share_within(found, 1.5) >= share
    assert share_within(found, 2.5) == 1
    assert share_within(found, 1.5) >= share_within(ratios(run, seeds, jobs, Naive), 1.5)


def trial(arm, seed, work=None):
    settings = SimpleNamespace(shared_work=work)
    return SimpleNamespace(arm=arm, seed=seed, settings=settings, work=work or arm)


def ended(arm, seed, generator=0.0, training=0.0):
    return {"arm": arm, "seed": seed, "seconds": {"generator": generator, "training": training}}


def test_nothing_is_told_before_anything_is_known():
    left = TimeLeft([trial("none", 0)], 1)
    assert (left.estimate(10), left.is_known) == (None, False)
    left.begin(trial("none", 0), 0, 10)
    assert left.estimate(20) is None


def test_what_a_process_does_once_is_counted_apart():
    trials = [trial(arm, seed) for seed in range(5) for arm in ("none", "classical")]
    left = TimeLeft(trials, 1)
    left.begin(trials[0], 0, 0)
    left.end(ended("none", 0, training=10.0), 40)  # 30 s are no training: TensorFlow's start
    assert left.setup_seconds(2) == 30
    assert left.estimate(40) == 9 * 10
    left.begin(trials[1], 0, 40)
    left.end(ended("classical", 0, training=10.0), 55)  # 5 s to trace another network
    left.begin(trials[2], 0, 55)
    left.end(ended("none", 1, training=10.0), 67)  # 12 s, all of them its own
    assert (left.setup_seconds(2), left.setup_seconds(1)) == (28, 5)
    assert left.estimate(67) == pytest.approx(3 * 12 + 4 * 10)


def test_a_short_study_is_not_told_to_take_long_because_tensorflow_starts():
    """Seven seeds of four arms, 3 s each, where a process takes 20 s to start."""
    arms = {"none": None, "classical": None, "cgan": "gan", "smote": None}
    trials = [trial(arm, seed, work) for seed in range(7) for arm, work in arms.items()]
    spent = {"generator": 0.0, "training": 3.0, "evaluation": 0.2}
    seconds = {(t.arm, t.seed): spent | {"generator": 6.0 * (t.arm == "cgan")} for t in trials}
    ratios = {}
    for kind in (TimeLeft, Naive):
        total, told = simulate(trials, seconds, 2, kind(trials, 2), every=2.0, start=20.0)
        asked = [(when, left) for when, left in told if left is not None and total - when > 10]
        ratios[kind] = [left / (total - when) for when, left in asked]
    assert max(ratios[Naive]) > 3
    assert all(0.55 < ratio < 1.5 for ratio in ratios[TimeLeft])


def test_a_generator_is_paid_once_a_seed():
    trials = [trial(arm, seed, "gan") for seed in range(2) for arm in ("cgan", "cgan_classical")]
    left = TimeLeft(trials, 1)
    for place, (seconds, of_generator) in enumerate([(110, 100), (10, 100)]):
        left.begin(trials[place], 0, 200 * place)
        left.end(ended(trials[place].arm, 0, of_generator), 200 * place + seconds)
    assert left.estimate(400) == 100 + 10 + 10


def test_a_generator_that_was_loaded_costs_nothing():
    """Its record tells what it took in an earlier run."""
    left = TimeLeft([trial("cgan", seed, "gan") for seed in range(2)], 1)
    left.begin(trial("cgan", 0, "gan"), 0, 0)
    left.end(ended("cgan", 0, 5000), 20)
    assert left.estimate(20) == 2 * 20


def test_shared_work_is_not_thought_shorter_than_it_has_been():
    """A trial may train several generators, one after the other."""
    left = TimeLeft([trial("cgan", seed, "gan") for seed in range(3)], 1)
    left.begin(trial("cgan", 0, "gan"), 0, 0)
    left.project([60.0], [])
    assert left.estimate(30) == (60 - 30) + 2 * 60
    assert left.estimate(500) == 0.1 * 500 + 2 * 500


def test_a_trial_that_another_process_began_counts_whole():
    trials = [trial("none", seed) for seed in range(3)]
    left = TimeLeft(trials, 1)
    left.begin(trials[0], 0, 0)
    left.end(ended("none", 0, training=155.0), 7)
    assert left.estimate(7) == 2 * 155


def test_what_runs_is_subtracted_and_what_is_overdue_is_almost_done():
    trials = [trial("none", seed) for seed in range(3)]
    left = TimeLeft(trials, 1)
    left.begin(trials[0], 0, 0)
    left.end(ended("none", 0), 100)
    left.begin(trials[1], 0, 100)
    assert left.estimate(130) == 70 + 100
    assert left.estimate(1000) == 10 + 100


def test_processes_share_the_work_but_not_a_trial():
    trials = [trial("none", seed) for seed in range(5)]
    left = TimeLeft(trials, 4)
    left.begin(trials[0], 0, 0)
    left.end(ended("none", 0), 100)
    assert left.estimate(100) == 4 * 100 / 4
    last = TimeLeft(trials[:2], 4)
    last.begin(trials[0], 0, 0)
    last.end(ended("none", 0), 100)
    assert last.estimate(100) == 100


def test_trainings_under_way_are_known_before_they_end():
    trials = [trial("cgan", 0, "gan"), trial("warp_gan", 0, "warp"), trial("none", 0)]
    left = TimeLeft(trials, 1)
    left.begin(trials[0], 0, 0)
    left.project([300.0], [])
    assert left.estimate(60) == (300 - 60) + 300
    assert not left.is_known
    left.project([300.0], [20.0])
    # It may be one of several trainings of its trial.
    assert not left.is_known
    assert left.estimate(60) == (320 - 60) + 320 + 20
