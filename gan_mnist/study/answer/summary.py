"""What a study found: records in, `summary.json` out, with the answer in words."""

import math
import statistics as builtin_statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gan_mnist.study.answer.compared import (
    Record,
    Records,
    Values,
    against_ablation,
    against_control,
    against_rival,
    against_rivals,
    check_expectations,
    compare_all,
    compare_pairs,
    pair,
)
from gan_mnist.study.answer.primary import Gate
from gan_mnist.study.answer.short import answer
from gan_mnist.study.comparison import Pair
from gan_mnist.study.spec import Arm, Metric
from gan_mnist.study.statistics import paired
from gan_mnist.study.statistics.paired import Comparison
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
from gan_mnist.study.trial import Plan


def summarize(plan: Plan, records: Iterable[Record]) -> dict[str, Any]:
    """The summary of a run, strict JSON: what could not be computed is null.

    Holm adjusts over all arms with a p value against the control and, separately, over all
    generated arms with one against `Study.rival`, and over all with one against the best plain
    rival that was run; each of these questions errs in at most 5 %.
    Primary comparisons are tested before all these; see `primary`.
    Expectations and verdicts rest on the primary metric.

    Args:
        plan: Which arms and seeds were asked for. Records of others are ignored.
        records: As `record.json` holds them, in any order; the last one of an arm and seed counts.

    Returns:
        The keys `experiment`, `question`, `preset`, `dataset`, `control`, `oracle`, `rival`,
        `primary_metric`, `metrics`, `seeds`, `answer`, `carried_by`, `in_full`, `rests_on`, `arms`,
        `controls_ok`, `controls`, `failed` and `not_applicable`; `findings` too where the
        experiment has some, `further_tests` where the plan has, and `primary`, with `standing` of
        each comparison, where the run has primary comparisons; and `looks` where there were several
        or some were announced. An oracle or rival that is not
        among the arms is null.
    """
    study, primary = plan.study, plan.study.metrics[0]
    by_arm = _by_arm(plan, records)
    names = [arm.name for arm in plan.arms]
    values = {name: _values(by_arm[name], primary.name) for name in names}
    overlap = _overlap(by_arm)
    oracle, rival = (name if name in names else None for name in (study.oracle, study.rival))
    metrics = _metrics(study.metrics, by_arm)
    entries = {arm.name: _entry(arm, by_arm[arm.name], metrics) for arm in plan.arms}

    others = [name for name in names if name != study.control]
    gate = Gate.of(plan, values, overlap, by_arm)
    comparisons = gate.compare_others(values, study.control, others, overlap, by_arm)
    for name, found in comparisons.items():
        entries[name] |= against_control(found, primary)
        entries[name] |= gate.standing(name, study.control, behind=True)
        if oracle is not None:
            samples = (values[name], values[study.control], values[oracle])
            closed = paired.gap_closed(*samples, primary.higher_is_better, overlap)
            if closed is not None:
                share, interval = closed
                entries[name] |= {
                    "oracle_gap_closed": share,
                    "oracle_gap_closed_ci95": list(interval),
                }
    _compare_otherwise(plan, entries, values, by_arm, gate)
    controls = check_expectations(plan, values, by_arm, overlap)
    compared = {name: comparison for name, (comparison, *_) in comparisons.items()}

    def chosen(name: str, among: int) -> Comparison:
        sides = values, primary, overlap, by_arm, plan.looks
        ((found, *_),) = compare_pairs([Pair(name, study.control)], *sides, among).values()
        return found

    statuses = [record["status"] for of_arm in by_arm.values() for record in of_arm.values()]
    absent = {
        name: record.get("error")
        for name in names
        for record in by_arm[name].values()
        if record["status"] == "not_applicable" and not _done(by_arm[name])
    }
    summary = {
        "experiment": study.name,
        "question": study.question,
        "preset": plan.preset,
        "dataset": dict(plan.dataset),
        "control": study.control,
        "oracle": oracle,
        "rival": rival,
        "primary_metric": primary.name,
        "metrics": [
            {
                "name": m.name,
                "label": m.label,
                "higher_is_better": m.higher_is_better,
                "margin": m.margin,
            }
            for m in metrics
        ],
        "seeds": list(plan.seeds),
        **answer(plan, statuses, entries, compared, chosen, controls, gate.told),
        "arms": entries,
        "controls_ok": _all_ok(controls, absent),
        "controls": controls,
        "failed": [
            {"arm": name, "seed": seed, "error": record.get("error")}
            for name in names
            for seed, record in by_arm[name].items()
            if record["status"] == "failed"
        ],
        "not_applicable": absent,
    }
    if plan.looks or len(plan.looked) > 1:
        summary["looks"] = {"announced": list(plan.looks), "taken": list(plan.looked)}
    if plan.primary:
        summary["primary"] = gate.told
    if study.further_tests:
        summary["further_tests"] = {
            name: _further_test(
                _one(metrics, f"{name}_accuracy"), by_arm, study.control, plan.looks
            )
            for name in study.further_tests
        }
    if (module := study.part("findings")) is not None:
        done = [record for name in names for record in _done(by_arm[name]).values()]
        summary["findings"] = module.findings(done)
    return summary


def _compare_otherwise(
    plan: Plan, entries: dict[str, dict[str, Any]], values: Values, by_arm: Records, gate: Gate
) -> None:
    """Tells in entries of comparisons with ablations, with the rival, and with the best rival."""
    primary, overlap = gate.metric, _overlap(by_arm)
    for arm in plan.arms:
        if (ablated := arm.ablates) in entries:
            entries[ablated]["versus_ablation"] = against_ablation(
                Pair(ablated, arm.name), values, by_arm, primary, overlap, plan.looks
            ) | gate.standing(ablated, arm.name)
    if (rival := plan.study.rival) in entries:
        generated = [a.name for a in plan.arms if a.kind == "generated" and a.name != rival]
        versus = gate.compare_others(values, rival, generated, overlap, by_arm)
        for name, found in versus.items():
            if (of_rival := against_rival(found, primary)) is not None:
                of_rival |= gate.standing(name, rival)
            entries[name]["versus_rival"] = of_rival
    generated = [arm.name for arm in plan.arms if arm.kind == "generated"]
    rivals = [arm.name for arm in plan.arms if arm.kind == "rival" and _applies(by_arm[arm.name])]
    beyond = against_rivals(generated, rivals, values, by_arm, primary, overlap, plan.looks)
    for name, told in beyond.items():
        entries[name]["versus_rivals"] = told | gate.standing(name, "the best of them")


def _all_ok(controls: Sequence[Mapping[str, Any]], absent: Mapping[str, Any]) -> bool | None:
    """False where one came out wrong; None where of one, that applies, nothing can be told."""
    oks = [check["ok"] for check in controls if check["arm"] not in absent]
    if False in oks:
        return False
    return None if None in oks or not oks else True


def _by_arm(plan: Plan, records: Iterable[Record]) -> Records:
    """The records that the plan asks for, seeds in ascending order."""
    found: dict[str, dict[int, Record]] = {arm.name: {} for arm in plan.arms}
    for record in records:
        if record["arm"] in found and record["seed"] in plan.seeds:
            found[record["arm"]][record["seed"]] = record
    return {name: dict(sorted(of_arm.items())) for name, of_arm in found.items()}


def _applies(records: Mapping[int, Record]) -> bool:
    """Whether an arm has results, or would have some if its trials had not failed."""
    return any(record["status"] != "not_applicable" for record in records.values())


def _overlap(by_arm: Records) -> float:
    return paired.overlap_of(r for of_arm in by_arm.values() for r in of_arm.values())


def _metrics(declared: Sequence[Metric], by_arm: Records) -> list[Metric]:
    """The declared metrics, then what else the records hold, such as the recall of each class."""
    recorded = (r["metrics"] for records in by_arm.values() for r in _done(records).values())
    names = dict.fromkeys(name for metrics in recorded for name in metrics)
    families = [metric for metric in declared if metric.name.endswith("*")]
    single = [metric for metric in declared if metric not in families]
    others = set(names) - {metric.name for metric in single}
    return [*single, *(_member(name, families) for name in names if name in others)]


def _member(name: str, families: Sequence[Metric]) -> Metric:
    for family in families:
        stem = family.name.removesuffix("*")
        if name.startswith(stem):
            label = family.label.replace("*", name.removeprefix(stem))
            return replace(family, name=name, label=label)
    return Metric(name, name.replace("_", " "))


def _done(records: Mapping[int, Record]) -> dict[int, Record]:
    return {seed: record for seed, record in records.items() if record["status"] == "done"}


def _values(records: Mapping[int, Record], metric: str) -> dict[int, float]:
    """The finite values of a metric by seed."""
    found = ((seed, record["metrics"].get(metric)) for seed, record in _done(records).items())
    return {seed: value for seed, value in found if value is not None and math.isfinite(value)}


def _entry(arm: Arm, records: Mapping[int, Record], metrics: Sequence[Metric]) -> dict[str, Any]:
    """What an arm has without being compared; the comparisons fill in the nulls."""
    values = _values(records, metrics[0].name)
    found = paired.estimate(values, metrics[0].bounds, paired.overlap_of(records.values()))
    done = _done(records).values()
    seconds = [sum((record.get("seconds") or {}).values()) for record in done]
    updates = [record["updates"] for record in done if record.get("updates") is not None]
    return {
        "about": arm.about,
        "source": arm.source,
        "n": found.n,
        "mean": found.mean,
        "ci95": pair(found.ci95),
        "values": {str(seed): value for seed, value in values.items()},
        "difference": None,
        "difference_ci95": None,
        "p_value": None,
        "p_holm": None,
        "oracle_gap_closed": None,
        "oracle_gap_closed_ci95": None,
        "smallest_detectable_effect": None,
        "more_seeds_needed": found.n < MIN_SEEDS,
        "verdict": None,
        "seconds": builtin_statistics.fmean(seconds) if seconds else None,
        "updates": round(builtin_statistics.fmean(updates)) if updates else None,
        "metrics": {metric.name: _mean_and_interval(records, metric) for metric in metrics},
    }


def _mean_and_interval(records: Mapping[int, Record], metric: Metric) -> dict[str, Any]:
    overlap = paired.overlap_of(records.values())
    found = paired.estimate(_values(records, metric.name), metric.bounds, overlap)
    return {"mean": found.mean, "ci95": pair(found.ci95)}


def _one(metrics: Sequence[Metric], name: str) -> Metric:
    found = (metric for metric in metrics if metric.name == name)
    return next(found, Metric(name, name.replace("_", " "), bounds=(0, 1), margin=0.01))


def _further_test(
    metric: Metric, by_arm: Records, control: str, announced: Sequence[int]
) -> dict[str, Any]:
    """What is told of the arms on a further test set; Holm adjusts over these comparisons alone."""
    values = {name: _values(records, metric.name) for name, records in by_arm.items()}
    others = [name for name in values if name != control]
    nothing = dict.fromkeys(("difference", "difference_ci95", "p_value", "p_holm", "verdict"))
    told = {name: nothing | _mean_and_interval(by_arm[name], metric) for name in values}
    compared = compare_all(values, control, others, metric, _overlap(by_arm), looks=announced)
    for name, (found, p_holm, tests) in compared.items():
        # Seeds differ in what they train on, but not in what they are tested on here.
        told[name] |= against_control((replace(found, overlap=0.0), p_holm, tests), metric)
    return {"metric": metric.name, "label": metric.label, "arms": told}
