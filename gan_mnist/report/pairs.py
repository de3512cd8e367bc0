"""Images that are alike, as rows one above the other: duplicates, and copies of real images."""

import numpy as np

from gan_mnist.report.run_files import Run, read_pairs


def copies_key(kind: str, name: str, split: str) -> str:
    """The key in `copies.npz` of images from elsewhere beside the real ones that they copy.

    Args:
        kind: "generated" or "further_tests", as in the data set of `study.json`.
        name: Of the source of images, or of the further test set.
        split: That of the real images.
    """
    return f"{kind} {name} {split}"


def duplicate_rows(run: Run) -> dict[str, np.ndarray] | None:
    """Images of one split, each above the image of another split that it resembles."""
    splits = run.study["dataset"].get("duplicates", {})
    if not splits or (pairs := read_pairs(run.workdir / "duplicates.npz", *splits)) is None:
        return None
    rows: dict[str, np.ndarray] = {}
    for name, (above, below) in pairs.items():
        first, _, second = name.rpartition(" and ")
        first = first or "train"
        if "each_seed" in run.study["dataset"]:  # where each seed draws its own test images
            first, second = "one", "another"
        rows |= {f"{first}, as {second}": above, f"{second}, as {first}": below}
    return rows


def leak_rows(run: Run) -> dict[str, np.ndarray] | None:
    """Images from elsewhere, each row of them above the real images that they are like."""
    dataset = run.study["dataset"]
    rows: dict[str, np.ndarray] = {}
    for kind in ("generated", "further_tests"):
        for name, entry in dataset.get(kind, {}).items():
            for split in entry.get("pairs", {}):
                key = copies_key(kind, name, split)
                if (pairs := read_pairs(run.workdir / "copies.npz", key)) is not None:
                    above, below = pairs[key]
                    rows |= {f"{name}, as {split}": above, f"{split}, as {name}": below}
    return rows or None
