"""What was seen of a run's results, of which nothing is lost when `study.json` is written anew."""

import json

import pytest
from fake_study import describe, make_plan

from gan_mnist.study import records, seen


def described(plan, looks=(), judged=(), leaks=(), announced=()):
    taken = [{"seeds": n, "when": f"2026-01-{n:02d}", "alpha_spent": None} for n in looks]
    description = describe(plan) | {"looks": {"announced": [*announced], "taken": taken}}
    for name in leaks:
        description["arms"][name]["leaks"] = True
    return description | ({"judged": [*judged]} if judged else {})


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path, arms=["none", "small", "large"])


def test_what_a_mirror_has_seen_is_kept_beside_what_the_store_tells(plan):
    store = described(plan, looks=[5, 9], judged=["none", "small"], announced=[5, 9, 12])
    mine = described(plan, looks=[7, 9], judged=["none", "large"], leaks=["small"])
    (plan.workdir / "study.json").write_text(json.dumps(mine))
    seen.write_fetched(plan.workdir, json.dumps(store).encode())
    kept = json.loads((plan.workdir / "study.json").read_text())
    assert kept == described(
        plan,
        looks=[5, 7, 9],
        judged=["none", "small", "large"],
        leaks=["small"],
        announced=[5, 9, 12],
    )


@pytest.mark.parametrize("mine", [None, b"{", "nothing seen"])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_without_anything_to_add_the_file_is_that_of_the_store(plan, mine, is_damaged):
    store = json.dumps(described(plan, looks=[5], judged=["none"])).encode()
    content = store[:-9] if is_damaged else store
    if mine is not None:
        mine = mine if isinstance(mine, bytes) else json.dumps(describe(plan)).encode()
        (plan.workdir / "study.json").write_bytes(mine)
    seen.write_fetched(plan.workdir, content)
    assert (plan.workdir / "study.json").read_bytes() == content


def test_a_run_that_begins_again_keeps_what_was_seen(plan):
    """Also if it is killed before it looks once more; arms that it leaves out are not in it."""
    records.open_workdir(plan, described(plan))
    seen.record_look(plan.workdir, 2, [0, 1], None, ["small", "large"])
    again = make_plan(plan.workdir, seeds=3, arms=["none", "small", "all"])
    description, _ = records.open_workdir(again, described(again, announced=[9]))
    assert description == json.loads((plan.workdir / "study.json").read_text())
    assert [look["seeds"] for look in description["looks"]["taken"]] == [2]
    assert description["looks"]["announced"] == []
    assert description["judged"] == ["none", "small", "large"]
    leaking = {name: arm.get("leaks", False) for name, arm in description["arms"].items()}
    assert leaking == {"none": False, "small": True, "all": False}
