"""Tables of `docs/performance.md` from `docs/performance.json`, which `make benchmark` measures."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import read_json

RECORDS = "docs/performance.json"
# What is timed in turn with ours, by its name in the records.
RIVALS = {
    "torch": "PyTorch",
    "torch (clock)": "PyTorch, by the clock",
    "bare_classifier": "bare loop",
    "bare_gan": "bare loop",
    "fed_gan": "TensorFlow 1, `feed_dict`",
    "keras_adam": "Keras' Adam",
    "keras_adam (first call)": "Keras' Adam, what only a first training takes",
    "with_onednn": "with oneDNN",
}
PARTS = {
    "import": "importing TensorFlow, Keras, scikit-learn and the rest",
    "read": "reading the images",
    "build": "building networks, putting initial weights back",
    "trace": "tracing the training step, once a process",
    "input": "making batches",
    "train": "training",
    "judge": "judging: validation ten times, 10,000 test images once",
    "record": "drawing subsets, writing curves, predictions, TensorBoard, record",
    "report": "summary and report",
}


def table(root: Path) -> list[str]:
    """Lines of Markdown: a row for each pair that was compared, and one for each part of a study.

    Args:
        root: The repository's directory.

    Raises:
        InputError: If there are no records.
    """
    records = read_json(root / RECORDS)
    if records is None:
        raise InputError(f"readme: no {RECORDS} in {root}; accepted: what `make benchmark` writes")
    header = "| what | precision | beside | times as fast (lowest to highest) | turns |"
    lines = ["", header, "|---|---|---|--:|--:|"]
    # Whole studies first.
    for name in sorted(records["rows"], key=lambda name: (not name.startswith("study"), name)):
        row = records["rows"][name]
        lines += [f"| {row['what']} | {row['precision']} | {cells} |" for cells in _ratios(row)]
    seconds = records["where"]["seconds"]
    total = sum(seconds.values())
    lines += [
        "",
        f"| where {total:.0f} s of {records['where']['trials']} trials go | seconds | share |",
    ]
    lines += ["|---|--:|--:|"]
    for part, description in PARTS.items():
        lines.append(
            f"| {description} | {seconds[part]:.1f} | {100 * seconds[part] / total:.0f} % |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in records["versions"].items())
    return [*lines, "", f"Measured on two cores of {records['processor']}: {versions}.", ""]


def _ratios(row: Mapping[str, Any]) -> list[str]:
    """Table cells by rival: its name, its seconds divided by ours, and the number of turns."""
    cells = []
    for rival, name in RIVALS.items():
        if rival in row["seconds"]:
            _, *variant = rival.split(" ", 1)
            our_seconds = row["seconds"][" ".join(["ours", *variant])]
            ratios = [b / a for a, b in zip(our_seconds, row["seconds"][rival], strict=True)]
            spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
            cells.append(f"{name} | {median(ratios):.2f}{spread} | {len(ratios)}")
    return cells
