"""What an experiment finds in records, as its summary would have it."""

from gan_mnist import experiments
from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.spec import Arm


def findings_of(name):
    """A function that tells what `experiments/name` finds in some records."""
    study = experiments.load(name)

    def findings(records, looks=(), failed=(), leaks=()):
        """What is found, where all trials of the arms `failed` did, and those of `leaks` leak."""
        table = {arm.name: arm for arm in study.arms}
        there = dict.fromkeys(record["arm"] for record in records)
        own = {arm: Arm(arm, {}, "of one's own", kind="generated") for arm in there}
        by_arm = {arm: {} for arm in (table | own)}
        for record in records:
            by_arm[record["arm"]][record["seed"]] = {"status": "done", **record}
        for arm in failed:
            by_arm[arm] = {0: {"arm": arm, "seed": 0, "status": "failed", "metrics": {}}}
        arms = [
            arm.leaking() if arm.name in leaks else arm
            for arm in (own | table).values()
            if by_arm[arm.name]
        ]
        return study.part("findings").findings(Evidence(arms, by_arm, looks))

    return findings
