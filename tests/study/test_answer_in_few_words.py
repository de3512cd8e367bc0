"""A short answer has at most 15 words, whatever it has to begin with."""

from dataclasses import replace

import pytest
from fake_records import KINDS, VALUES, make_plan, make_records, record

from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair


def leaking(plan):
    return replace(plan, dataset={**plan.dataset, "warnings": ["an image is there twice"]})


def with_a_better_rival(question):
    """A plan and records of an arm that beats the rival that was named, and no better one."""
    values = VALUES | {"elastic": VALUES["warp_gan"] + [0.01, -0.01, 0.02, -0.01, 0.0]}
    primary = (Pair("warp_gan", "none"), Pair("warp_gan", "classical"))
    kinds = {**KINDS, "elastic": "rival"}
    return make_plan(kinds=kinds, primary=primary, question=question), make_records(values)


NAMED = "more than plain `classical`, "


@pytest.mark.parametrize(
    ("question", "opening", "with_room"),
    [("Does it help?", "Yes", NAMED), ("How well?", "Better than `none`", "")],
)
def test_behind_a_leak_there_is_room_for_less(question, opening, with_room):
    plan, records = with_a_better_rival(question)
    told = "but not shown to beat plain `elastic`."
    assert summarize(plan, records)["answer"] == f"{opening}, {NAMED}{told}"
    summary = summarize(leaking(plan), records)
    assert summary["answer"] == f"Careful, a leak. {opening}, {with_room}{told}"


def test_the_name_of_a_class_may_be_of_many_words_behind_a_leak_too():
    name = "a cat on a mat with"
    sizes = {"labels": "a", "classes": [name], "sizes": [2], "weights": [1.0]}
    records = [
        record(arm, seed, 0.5 + 0.01 * seed, correct=sizes)
        for arm in ("none", "cgan")
        for seed in range(5)
    ]
    plan = make_plan(asked=["cgan"], expectations=())
    told = f"Cannot tell: only 2 test images of class {name!r}."
    assert summarize(plan, records)["answer"] == told and len(told.split()) == 14
    answer = summarize(leaking(plan), records)["answer"]
    assert answer == "Careful, a leak. Cannot tell: there are too few test images."
