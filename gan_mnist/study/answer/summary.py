"""What a study found: records in, `summary.json` out, with the answer in words."""

import statistics as builtin_statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gan_mnist.files import as_json, parse_form
from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.primary import Gate
from gan_mnist.study.answer.results import (
    Record,
    Records,
    Results,
    as_list,
    done,
    finite,
    on_further_test,
)
from gan_mnist.study.answer.short import answer
from gan_mnist.study.comparison import Pair
from gan_mnist.study.forms import Findings
from gan_mnist.study.spec import Arm, Metric
from gan_mnist.study.statistics import paired
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
        or some were announced. An oracle or rival that is not among the arms is null. What findings
        tell under `warnings` is among those of `dataset`, which the answer opens with, and the
        arms that they name under `leaks` are no answer.
    """
    by_arm = _by_arm(plan, records)
    findings = _findings(plan, by_arm)
    plan = _with_leaks(plan, findings or {})
    study, primary = plan.study, plan.study.metrics[0]
    results = Results(primary, by_arm, plan.looks)
    names = [arm.name for arm in plan.arms]
    oracle, rival = (name if name in names else None for name in (study.oracle, study.rival))
    metrics = _metrics(study.metrics, by_arm)
    entries = {arm.name: _entry(arm, results, metrics) for arm in plan.arms}

    gate = Gate.of(plan.primary, results)
    others = [name for name in names if name != study.control]
    comparisons = gate.compare_others(study.control, others)
    for name, tested in comparisons.items():
        entries[name] |= results.control_entry(tested)
        entries[name] |= gate.standing(name, study.control, behind=True)
        if oracle is not None:
            entries[name] |= _gap_closed(results, name, study.control, oracle)
    _add_other_comparisons(plan, entries, gate)
    controls = results.check(study.expectations)
    compared = {name: tested.comparison for name, tested in comparisons.items()}

    statuses = [
        record["status"] for arm_records in by_arm.values() for record in arm_records.values()
    ]
    absent = _absent(by_arm)
    summary = {
        "experiment": study.name,
        "question": study.question,
        "preset": plan.preset,
        "dataset": dict(plan.dataset),
        "control": study.control,
        "oracle": oracle,
        "rival": rival,
        "primary_metric": primary.name,
        "metrics": [_described(metric) for metric in metrics],
        "seeds": list(plan.seeds),
        **answer(plan, statuses, entries, compared, results, controls, gate.entries),
        "arms": entries,
        "controls_ok": _all_ok(controls, absent),
        "controls": controls,
        "failed": _failed(by_arm),
        "not_applicable": absent,
    }
    if plan.looks or len(plan.looked) > 1:
        summary["looks"] = {"announced": list(plan.looks), "taken": list(plan.looked)}
    if plan.primary:
        summary["primary"] = gate.entries
    if study.further_tests:
        summary["further_tests"] = {
            name: _further_test(
                Results(
                    _accuracy_on(name, metrics),
                    on_further_test(by_arm, name),
                    plan.looks,
                    further=True,
                ),
                study.control,
            )
            for name in study.further_tests
        }
    if findings is not None:
        summary["findings"] = findings
    return summary


def _findings(plan: Plan, by_arm: Records) -> dict[str, Any] | None:
    """What the experiment finds by itself."""
    with plan.study.failing_as_input_error("findings"):
        if (module := plan.study.part("findings")) is None:
            return None
        result = module.findings(Evidence(plan.arms, by_arm, plan.looks))
        parse_form(as_json(result), Findings)
        findings: dict[str, Any] = result
        return findings


def _with_leaks(plan: Plan, findings: Mapping[str, Any]) -> Plan:
    """The plan with the warnings and leaks of findings, which only trials could show."""
    warnings, leaks = (findings.get(name, ()) for name in ("warnings", "leaks"))
    if not warnings and not leaks:
        return plan
    existing = plan.dataset.get("warnings", ())

    def mark_leaks(arms: Iterable[Arm]) -> tuple[Arm, ...]:
        return tuple(arm.leaking() if arm.name in leaks else arm for arm in arms)

    return replace(
        plan,
        study=replace(plan.study, arms=mark_leaks(plan.study.arms)),
        arms=mark_leaks(plan.arms),
        dataset={**plan.dataset, "warnings": [*existing, *warnings]},
    )


def _gap_closed(results: Results, name: str, control: str, oracle: str) -> dict[str, Any]:
    """Which share of the way from the control to the oracle an arm goes, where that is known."""
    treated, baseline, best = (results.values[arm] for arm in (name, control, oracle))
    better = results.metric.higher_is_better
    result = paired.gap_closed(treated, baseline, best, better, results.overlap, results.level)
    if result is None:
        return {}
    share, interval = result
    return {"oracle_gap_closed": share, "oracle_gap_closed_ci95": list(interval)}


def _add_other_comparisons(plan: Plan, entries: dict[str, dict[str, Any]], gate: Gate) -> None:
    """Adds to arms' entries how they compare with an ablation, the rival and the best rival."""
    results = gate.results
    for arm in plan.arms:
        if (ablated := arm.ablates) in entries:
            pair = Pair(ablated, arm.name)
            entry = results.compare_with_ablation(pair, gate.comparisons.get(pair))
            entries[ablated]["versus_ablation"] = entry | gate.standing(*pair)
    generated = plan.arms_of_kind("generated")
    if (rival := plan.study.rival) in entries:
        comparisons = gate.compare_others(rival, [name for name in generated if name != rival])
        for name, tested in comparisons.items():
            if (rival_entry := results.rival_entry(tested)) is not None:
                rival_entry |= gate.standing(name, rival)
            entries[name]["versus_rival"] = rival_entry
    rivals = results.applicable(plan.arms_of_kind("rival"))
    for name, entry in results.compare_with_best_rival(generated, rivals).items():
        entries[name]["versus_rivals"] = entry | gate.standing(name, "the best of them")


def _all_ok(controls: Sequence[Mapping[str, Any]], absent: Mapping[str, Any]) -> bool | None:
    """False if one came out wrong; None if one that applies is undecided, or there is none."""
    oks = [check["ok"] for check in controls if check["arm"] not in absent]
    if False in oks:
        return False
    return None if None in oks or not oks else True


def _by_arm(plan: Plan, records: Iterable[Record]) -> Records:
    """The records that the plan asks for, seeds in ascending order."""
    selected: dict[str, dict[int, Record]] = {arm.name: {} for arm in plan.arms}
    for record in records:
        if record["arm"] in selected and record["seed"] in plan.seeds:
            selected[record["arm"]][record["seed"]] = record
    return {name: dict(sorted(arm_records.items())) for name, arm_records in selected.items()}


def _absent(by_arm: Records) -> dict[str, str | None]:
    """By arm, of those that apply to no seed, why."""
    return {
        name: record.get("error")
        for name, arm_records in by_arm.items()
        for record in arm_records.values()
        if record["status"] == "not_applicable" and not done(arm_records)
    }


def _failed(by_arm: Records) -> list[dict[str, Any]]:
    return [
        {"arm": name, "seed": seed, "error": record.get("error")}
        for name, arm_records in by_arm.items()
        for seed, record in arm_records.items()
        if record["status"] == "failed"
    ]


def _described(metric: Metric) -> dict[str, Any]:
    keys = ("name", "label", "higher_is_better", "margin")
    return {key: getattr(metric, key) for key in keys}


def _metrics(declared: Sequence[Metric], by_arm: Records) -> list[Metric]:
    """The declared metrics, then what else the records hold, such as the recall of each class."""
    recorded = (r["metrics"] for records in by_arm.values() for r in done(records).values())
    names = dict.fromkeys(name for metrics in recorded for name in metrics)
    families = [metric for metric in declared if metric.name.endswith("*")]
    single = [metric for metric in declared if metric not in families]
    undeclared = set(names) - {metric.name for metric in single}
    return [*single, *(_member(name, families) for name in names if name in undeclared)]


def _member(name: str, families: Sequence[Metric]) -> Metric:
    for family in families:
        stem = family.name.removesuffix("*")
        if name.startswith(stem):
            label = family.label.replace("*", name.removeprefix(stem))
            return replace(family, name=name, label=label)
    return Metric(name, name.replace("_", " "))


def _entry(arm: Arm, results: Results, metrics: Sequence[Metric]) -> dict[str, Any]:
    """What an arm has without being compared; the comparisons fill in the nulls."""
    values, records = results.values[arm.name], results.records[arm.name]
    estimate = _estimate(records, metrics[0], results.level)
    ended = done(records).values()
    seconds = [sum((record.get("seconds") or {}).values()) for record in ended]
    updates = [record["updates"] for record in ended if record.get("updates") is not None]
    return {
        "about": arm.about,
        "source": arm.source,
        "n": estimate.n,
        "mean": estimate.mean,
        "ci95": as_list(estimate.ci95),
        "values": {str(seed): value for seed, value in values.items()},
        "difference": None,
        "difference_ci95": None,
        "p_value": None,
        "p_holm": None,
        "oracle_gap_closed": None,
        "oracle_gap_closed_ci95": None,
        "smallest_detectable_effect": None,
        "more_seeds_needed": estimate.n < MIN_SEEDS,
        "verdict": None,
        "seconds": builtin_statistics.fmean(seconds) if seconds else None,
        "updates": round(builtin_statistics.fmean(updates)) if updates else None,
        "metrics": {
            metric.name: _mean_and_interval(records, metric, results.level) for metric in metrics
        },
    }


def _estimate(records: Mapping[int, Record], metric: Metric, level: float) -> paired.Estimate:
    overlap = paired.overlap_of(records.values())
    return paired.estimate(finite(records, metric.name), metric.bounds, overlap, level)


def _mean_and_interval(
    records: Mapping[int, Record], metric: Metric, level: float
) -> dict[str, Any]:
    estimate = _estimate(records, metric, level)
    return {"mean": estimate.mean, "ci95": as_list(estimate.ci95)}


def _accuracy_on(test: str, metrics: Sequence[Metric]) -> Metric:
    name = f"{test}_accuracy"
    matches = (metric for metric in metrics if metric.name == name)
    metric = next(matches, Metric(name, name.replace("_", " "), margin=0.01))
    return replace(metric, bounds=(0, 1))


def _further_test(results: Results, control: str) -> dict[str, Any]:
    """What is told of the arms on a further test set; Holm adjusts over these comparisons alone."""
    metric, by_arm = results.metric, results.records
    empty = dict.fromkeys(("difference", "difference_ci95", "p_value", "p_holm", "verdict"))
    level = results.level
    entries = {name: empty | _mean_and_interval(by_arm[name], metric, level) for name in by_arm}
    comparisons = results.compare([Pair(name, control) for name in by_arm if name != control])
    for pair, tested in comparisons.items():
        entries[pair.arm] |= results.control_entry(tested)
    return {"metric": metric.name, "label": metric.label, "arms": entries}
