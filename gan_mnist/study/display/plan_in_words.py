"""Describes a plan and its data set in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_mnist.study.display.printing import columns
from gan_mnist.study.precision import in_words
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import by_name, counted


def describe(plan: Plan, power: Sequence[str] | None = None, with_settings: bool = False) -> str:
    """The plan in words: data, arms, trials.

    Args:
        plan: What is about to run.
        power: What it can find, as `pilot.power_in_words` tells it; by itself if None.
        with_settings: Whether all settings are told as well, a line each.
    """
    if power is None:
        # It imports statistics, which takes a second.
        from gan_mnist.study.pilot import power_in_words

        power = power_in_words(plan)
    data = plan.dataset
    lines = [
        f"experiment  {plan.study.name}: {plan.study.question}",
        *_headed("data set", _data_in_words(plan)),
        *_headed("generated", generated_in_words(data.get("generated", {}))),
        *_headed("tested too", further_in_words(data.get("further_tests", {}))),
        *(
            f"careful     {caution}"
            for caution in (*data.get("cautions", ()), *data.get("warnings", ()))
        ),
        f"measured    {plan.study.metrics[0].label}",
        *_headed("primary", plan.primary or ("none: all comparisons are alike",)),
        f"directory   {plan.location}",
        f"preset      {plan.preset}",
        f"trials      {counted(len(plan.arms), 'arm')} x {counted(len(plan.seeds), 'seed')} = "
        f"{len(plan.trials())}{_from_in_words(plan)}",
        *_headed("precision", _precision_in_words(plan)),
        *_headed("looks", looks_in_words(plan.looks)),
        *_headed("power", power),
        "arms",
        *columns((arm.name, arm.about) for arm in plan.arms),
    ]
    settings = plan.settings.identity()
    if with_settings:
        rows = ((name, _with_own(plan, name, value)) for name, value in settings.items())
        lines += ["settings", *columns(rows)]
    else:
        lines += [f"settings    {len(settings)}, in study.json; -v shows them"]
    return "\n".join(lines)


def _headed(title: str, lines: Iterable[object]) -> list[str]:
    """The title before the first line, and blanks before the others."""
    return [f"{'' if index else title:<12}{line}" for index, line in enumerate(lines)]


def _data_in_words(plan: Plan) -> list[str]:
    """Where the images come from, how they look, and how many there are."""
    data = plan.dataset
    class_counts = {
        name: "+".join(map(str, split_counts.values()))
        for name, split_counts in data["counts"].items()
    }
    splits = "+".join(next(iter(data["counts"].values()))).replace("train", "training")
    return [
        f"{data['name']} from {data['source']}, sha256 {data['sha256'][:12]}",
        *files_in_words(data.get("files")),
        *_look_in_words(plan),
        f"{splits} images a class: {by_name(class_counts)}",
        *split_in_words(data),
        *duplicates_in_words(data),
    ]


def _look_in_words(plan: Plan) -> list[str]:
    """How large images are, and whether in colour, where the settings are made explicit."""
    side, channels = plan.settings.image_size, plan.settings.channels
    if not (side and channels):
        return []
    return [f"shown in {side} x {side} pixels, in {'grey' if channels == 1 else 'colour'}"]


def _from_in_words(plan: Plan) -> str:
    return f", seeds {plan.seeds[0]} to {plan.seeds[-1]}" if plan.seeds[0] else ""


def _precision_in_words(plan: Plan) -> list[str]:
    if not plan.update_seconds:
        return []
    return [in_words(plan.settings.precision, plan.update_seconds)]


def looks_in_words(looks: Sequence[int]) -> list[str]:
    """When a run may end before its last seed."""
    if not looks:
        return []
    from gan_mnist.study.statistics.looks import look_level  # takes a second

    seeds = ", ".join(map(str, looks))
    return [
        f"at {seeds} seeds; it ends where the primary comparisons are decided, and p below "
        f"{look_level(looks):.3f} counts as 0.05"
    ]


def files_in_words(files: Mapping[str, Any] | None) -> list[str]:
    """How many files of a folder were read, passed over, left out by name, or noted, in words.

    Args:
        files: As in the provenance of a data set; None where it was read from no folder.
    """
    if files is None:
        return []

    def by_reason(reasons: Mapping[str, int]) -> str:
        return "; ".join(f"{number:,} {reason}" for reason, number in reasons.items())

    images, num_passed_over = counted(files["read"], "image"), sum(files["passed_over"].values())
    lines = [f"{images} read, {num_passed_over:,} passed over"]
    if files["passed_over"]:
        lines[0] += f": {by_reason(files['passed_over'])}"
    if "left_out" in files:
        lines.append(f"left out: {'; '.join(files['left_out'])}")
    return lines + ([f"of the images: {by_reason(files['noted'])}"] if files["noted"] else [])


def split_in_words(dataset: Mapping[str, Any]) -> list[str]:
    """How the test images are drawn, where not all seeds have the same ones.

    Args:
        dataset: Provenance of a data set.
    """
    if "each_seed" not in dataset:
        return []
    class_counts = by_name(
        {name: split_counts["test"] for name, split_counts in dataset["counts"].items()}
    )
    qualifier = ", at least, as groups go" if dataset["each_seed"]["groups"] else ""
    return [f"test images are drawn anew for each seed, so many a class{qualifier}: {class_counts}"]


def duplicates_in_words(dataset: Mapping[str, Any]) -> list[str]:
    """How many images of a split are like some of another, a line for two splits.

    Args:
        dataset: Provenance of a data set.
    """
    lines = []
    for split, duplicates in dataset.get("duplicates", {}).items():
        first, _, second = split.rpartition(" and ")
        phrase = (
            f"{first or 'training'} image{{}} like {counted(duplicates['of'], f'{second} image')}"
        )
        if split == "test" and "each_seed" in dataset:
            others = counted(duplicates["of"], "other", "others")
            phrase = f"image{{}} like {others}, of which a seed may test one and train on the other"
        text = counted(duplicates["images"], phrase.format(" is"), phrase.format("s are"))
        lines.append(f"{text}, {duplicates['equal']:,} of them equal")
    return lines


def generated_in_words(sources: Mapping[str, Any]) -> list[str]:
    """What generated images, or exported generators, were given, a source after the other.

    Args:
        sources: As in the provenance of a data set.
    """
    lines = []
    for name, source in sources.items():
        if "counts" not in source:
            lines += [f"{name}: {line}" for line in _exported_in_words(source)]
            continue
        counts = by_name(source["counts"])
        first_line, *more_lines = files_in_words(source["files"])
        lines += [f"{name}: {first_line}", *more_lines, f"{counts}; {_copies_in_words(source)}"]
    return lines


def further_in_words(tests: Mapping[str, Any]) -> list[str]:
    """What further test sets hold, one after the other.

    Args:
        tests: As in the provenance of a data set.
    """
    lines = []
    for name, test in tests.items():
        more_lines = [*files_in_words(test["files"]), _copies_in_words(test)]
        lines += [test["told"], *(f"{name}: {line}" for line in more_lines)]
    return lines


def _copies_in_words(provenance: Mapping[str, Any]) -> str:
    copies = ", ".join(f"{number} of {split}" for split, number in provenance["copies"].items())
    return f"copies of real images: {copies}"


def _exported_in_words(source: Mapping[str, Any]) -> list[str]:
    size = " x ".join(map(str, source["image_shape"]))
    line = f"an exported generator of {size} images, sha256 {source['sha256'][:12]}"
    if training_data := source.get("trained_on"):
        line += f", trained on {training_data['name']}"
    lines = [f"{line}; it makes {', '.join(source['classes'])}"]
    if training_data and training_data["same"]:
        lines.append(
            "it was trained on this data set, so it may show images that a trial does not see"
        )
    return [*lines, "copies of real images: only usefulness looks for them, in its trials"]


def _with_own(plan: Plan, name: str, value: Any) -> str:
    """The value of a setting, and of the control where that has its own."""
    (control,) = [arm for arm in plan.arms if arm.name == plan.study.control]
    control_value = control.changes.get(name, value)
    text = "none given" if value == "" else value
    return f"{text}" if control_value == value else f"{text} ({control.name}: {control_value})"
