"""What a run must find: texts that are accepted, and verdicts that are wanted."""

import dataclasses

import pytest
from fake_records import LOSS, RECALL, VALUES, make_plan, make_records

from gan_mnist.errors import InputError
from gan_mnist.study.answer.required import Required, parse_required, unmet
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm

CLOSE = dataclasses.replace(RECALL, margin=0.06)


def plan_of(primary=(), metrics=(CLOSE, LOSS), **changes):
    plan = make_plan(metrics=metrics, **changes)
    return dataclasses.replace(plan, study=dataclasses.replace(plan.study, primary=primary))


def missed(*texts, primary=(), values=VALUES, **changes):
    plan = plan_of(primary, **changes)
    return unmet(parse_required(texts, plan), summarize(plan, make_records(values)))


def test_better_and_equal_are_read():
    assert parse_required(["cgan > none", "copy=none", "none>cgan"], plan_of()) == [
        Required(Pair("cgan", "none"), False),
        Required(Pair("copy", "none"), True),
        Required(Pair("none", "cgan"), False),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "''"),
        ("cgan", '"A > B" or "A = B"'),
        ("cgan >", '"ARM > REFERENCE"'),
        ("cgan =", "'cgan =' is not accepted; accepted: \"ARM = REFERENCE\""),
        ("cgan = cgan", "'cgan = cgan' is not accepted; accepted: two different arms"),
        ("cgan > none > copy", '"A > B" or "A = B"'),
        ("cgan >= none", '"A > B" or "A = B"'),
        ("cgan == none", '"A > B" or "A = B"'),
        ("cgna > none", "did you mean 'cgan'?"),
        ("cgan = smote", "'smote' is unknown"),
        ("cgan > cgan", "two different arms"),
        ("cgan > copy", "none of the comparisons of this run; accepted: those with none"),
    ],
)
def test_what_a_run_cannot_show_is_refused(text, told):
    with pytest.raises(InputError, match=r"^--require: ") as refused:
        parse_required([text], plan_of())
    assert told in str(refused.value)


def test_arms_that_do_not_run_are_refused():
    with pytest.raises(InputError, match="'cgan' is unknown; accepted: none, copy"):
        parse_required(["cgan > none"], plan_of(asked=["copy"]))


def test_without_a_margin_nothing_can_be_the_same():
    with pytest.raises(InputError, match="recall has no margin"):
        parse_required(["copy = none"], plan_of(metrics=(RECALL, LOSS)))


def test_what_is_found_is_met():
    # By the made-up values: far above the control, far above the rival, within 0.06 of the control.
    assert missed("oracle > none", "warp_gan > classical", "copy = none") == []


def test_what_is_not_found_is_told():
    assert missed("cgan > none", "cgan > classical", "none > oracle", "warp_gan = none") == [
        "required, and not shown: cgan > none; cgan against none: cannot tell",
        "required, and not shown: cgan > classical; cgan against classical: hurts",
        "required, and not shown: none > oracle; none against oracle: hurts",
        "required, and not shown: warp_gan = none; warp_gan against none: helps",
    ]


def test_both_ways_of_asking_agree():
    assert missed("classical > cgan") == []
    assert missed("none = copy") == []


def test_a_loss_is_better_where_it_is_low():
    metrics = (LOSS, RECALL)  # `loss` of the made-up records is 1 - recall
    assert missed("oracle > none", metrics=metrics, expectations=()) == []


def test_any_pair_can_be_made_a_comparison():
    primary = (Pair("warp_gan", "copy"), Pair("copy", "cgan"))
    told = missed("warp_gan > copy", "cgan > copy", primary=primary)
    assert told == ["required, and not shown: cgan > copy; cgan against copy: cannot tell"]


def test_an_ablation_is_a_comparison():
    plan = plan_of()
    without = Arm("bare", {}, "without something", kind="ablation", ablates="warp_gan")
    study = dataclasses.replace(plan.study, arms=(*plan.study.arms, without))
    plan = dataclasses.replace(plan, study=study, arms=study.arms)
    required = parse_required(["warp_gan > bare"], plan)
    records = make_records(VALUES | {"bare": VALUES["none"]})
    assert unmet(required, summarize(plan, records)) == []


def test_an_arm_without_a_result_is_no_verdict():
    values = {name: of for name, of in VALUES.items() if name != "cgan"}
    assert missed("cgan > none", values=values) == [
        "required, and not shown: cgan > none; cgan against none: no verdict"
    ]


def test_a_run_that_cannot_be_trusted_shows_nothing():
    plan, values = plan_of(), VALUES | {"copy": VALUES["oracle"]}
    required = parse_required(["oracle > none"], plan)
    wrong = summarize(plan, make_records(values))
    assert unmet(required, summarize(plan, make_records())) == []
    assert [line.partition("; ")[2] for line in unmet(required, wrong)] == [
        "the controls did not come out right"
    ]
    leaking = {**plan.dataset, "warnings": ["5 images of `mine` are copies of test images"]}
    told = summarize(dataclasses.replace(plan, dataset=leaking), make_records())
    assert "careful, 5 images" in unmet(required, told)[0]


def test_too_few_seeds_show_nothing():
    few = [record for record in make_records() if record["seed"] < 4]
    plan = plan_of()
    told = unmet(parse_required(["oracle > none"], plan), summarize(plan, few))
    assert told == ["required, and not shown: oracle > none; 4 seeds, too few to rely on"]


def test_seeds_that_arms_do_not_share_do_not_count():
    plan = dataclasses.replace(plan_of(), seeds=tuple(range(7)))
    values = {name: [*of, of[0] + 0.01, of[1] + 0.01] for name, of in VALUES.items()}
    failed = {("warp_gan", 0), ("warp_gan", 1), ("classical", 5), ("classical", 6)}
    records = [
        record
        for record in make_records(values, range(7))
        if (record["arm"], record["seed"]) not in failed
    ]
    summary = summarize(plan, records)
    assert {summary["arms"][arm]["n"] for arm in ("warp_gan", "classical")} == {5}
    told = unmet(parse_required(["warp_gan > classical"], plan), summary)
    assert told == ["required, and not shown: warp_gan > classical; 3 seeds, too few to rely on"]
