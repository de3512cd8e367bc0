"""A run without trials: a clock that jumps from one end to the next, as the runner would go on."""

import heapq
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

from gan_mnist.study.scheduler import next_task, tasks_of

ROOT = Path(__file__).parents[2]
# Seconds: to start a process, to trace a network, and to load images.
START, TRACE, LOAD = 10.0, 5.0, 1.0


# A machine that was busy with other work made their seconds: up to tenfold for the same work.
BESIDE_OTHERS = {"randaugment", "erasing", "mixup", "cutmix", "elastic_cutmix"}
BESIDE_OTHERS |= {
    "elastic_thickness_cutmix",
    "deformations_near_cutmix",
    "fine_tuned",
    "prototypes",
}
MADE_BY_THE_MACHINE = {"imbalance/results/mnist_in_turn": BESIDE_OTHERS}


def published(run, seeds):
    """Trials of a published run, and what each took: {(arm, seed): seconds of its record}."""
    lines = (ROOT / "experiments" / run / "records.jsonl").read_text().splitlines()
    trials, seconds, names = [], {}, {}
    for record in map(json.loads, lines):
        if record["seed"] >= seeds or record["status"] != "done":
            continue
        if record["arm"] in MADE_BY_THE_MACHINE.get(run, ()):
            continue
        work, key = None, tuple(record["generators"][:1])
        if key and record["seconds"]["generator"] > 2:
            work = names.setdefault((record["seed"], key), record["arm"])
        settings = SimpleNamespace(shared_work=work)
        of_trial = {"arm": record["arm"], "seed": record["seed"], "work": work or record["arm"]}
        trials.append(SimpleNamespace(**of_trial, settings=settings))
        seconds[record["arm"], record["seed"]] = record["seconds"]
    return trials, seconds


def simulate(trials, seconds, jobs, watch, every=5.0, start=START):
    """Runs the trials on a made-up clock.

    Args:
        trials: With `arm`, `seed` and `settings.shared_work`.
        seconds: Of each, by arm and seed.
        jobs: Processes.
        watch: Has `begin`, `end` and `project` of `TimeLeft`, and is asked for an `estimate`.
        every: Seconds between two questions.
        start: Seconds that a process takes to start.

    Returns:
        The seconds that all took; and (when, what was said to be left) of each question.
    """
    pending, done_by, paid = tasks_of(trials), defaultdict(set), set()
    idle, ends, now, asked, told = list(range(jobs)), [], 0.0, every, []

    def begin(process, task):
        trial = task[0]
        work, spent = trial.settings.shared_work or trial.arm, seconds[trial.arm, trial.seed]
        waits = LOAD + start * (not done_by[process]) + TRACE * (work not in done_by[process])
        shared = 0.0 if (trial.seed, work) in paid else spent["generator"]
        own = max(spent["training"] + spent["evaluation"], 0.1)
        done_by[process].add(work)
        paid.add((trial.seed, work))
        watch.begin(trial, process, now)
        heapq.heappush(
            ends, (now + waits + shared + own, trial.arm, process, task, now + waits, shared, own)
        )

    def under_way(when):
        """What the trainings that are a tenth or more through will have taken."""
        of_generators = [g for *_, began, g, _ in ends if g and 0.1 <= (when - began) / g < 1]
        of_trials = [own for *_, began, g, own in ends if (when - began - g) / own >= 0.1]
        return of_generators, of_trials

    def fill():
        while idle and pending:
            process = idle.pop()
            begin(process, next_task(pending, done_by[process]))

    fill()
    while ends:
        while asked < ends[0][0]:
            watch.project(*under_way(asked))
            told.append((asked, watch.estimate(asked)))
            asked += every
        now, arm, process, task, *_ = heapq.heappop(ends)
        spent = seconds[arm, task[0].seed]
        watch.end({"arm": arm, "seed": task[0].seed, "seconds": spent}, now)
        if len(task) > 1:
            begin(process, task[1:])
        else:
            idle.append(process)
        fill()
    return now, told
