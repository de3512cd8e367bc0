"""What `study.json` tells of a run when it begins."""

import contextlib
import dataclasses
import functools
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gan_mnist.errors import check_text
from gan_mnist.study.settings import Source
from gan_mnist.study.trial import Plan

_PACKAGES = ("gan_mnist", "tensorflow", "keras", "numpy", "scikit-learn", "scipy")


def study_description(plan: Plan, command_line: str) -> dict[str, Any]:
    """The content of `study.json`, as it is read again: a tuple is a list in JSON.

    Args:
        plan: What is about to run.
        command_line: How it was asked for.

    Raises:
        InputError: If it would hold what is no text, as the bytes of a path may be.
    """
    # Models do not go to a remote directory; they stay on the machine that trained them.
    export_dir = "" if plan.remote else plan.settings.export_dir
    description = {
        "experiment": plan.study.name,
        "question": plan.study.question,
        "preset": plan.preset,
        "settings": plan.settings.identity(),
        "arms": {
            arm.name: dataclasses.asdict(arm)
            | {"changes": plan.settings.without_locations(arm.changes)}
            for arm in plan.arms
        },
        "seeds": list(plan.steps()[0].seeds),
        "looks": {"announced": list(plan.looks), "taken": []},
        "primary": [pair._asdict() for pair in plan.study.primary],
        "update_seconds": dict(plan.update_seconds),
        "dataset": dict(plan.dataset),
        "published": list(plan.study.published),
        "gallery_caption": plan.study.gallery_caption,
        "curve": dataclasses.asdict(plan.study.curve) if plan.study.curve else None,
        "treatment": plan.study.treatment,
        "examples": plan.study.examples,
        "versions": versions(),
        "command_line": command_line,
        "processors": os.cpu_count(),
        "machine": _machine(),
        "revision": _revision(),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        # From here: where a machine keeps its runs is nobody's business.
        "export_dir": export_dir and os.path.relpath(export_dir, plan.workdir),
    }
    text = json.dumps(description, ensure_ascii=False)
    check_text(text)
    as_read: dict[str, Any] = json.loads(text)
    return as_read


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version()} | _package_versions()


@functools.cache
def _package_versions() -> dict[str, str]:
    """Read once: every record has them, and reading them takes longer than writing it."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def merged_provenance(
    provenance: Mapping[str, Any],
    sources: Mapping[str, Source],
    further: Mapping[str, Any],
    leaks: Sequence[str],
) -> dict[str, Any]:
    """The provenance of the data set, of images made elsewhere, and of further test sets.

    Args:
        provenance: That of the data set.
        sources: Sources of generated images by name.
        further: Provenance of further test sets by name.
        leaks: A warning for each further test set that shares images with the data set.
    """
    merged = dict(provenance) | ({"further_tests": dict(further)} if further else {})
    generated = {name: dict(source.provenance) for name, source in sources.items()}
    if generated := {name: entry for name, entry in generated.items() if entry}:
        merged["generated"] = generated
    image_warnings = (warning for source in sources.values() for warning in source.warnings)
    warnings = [*merged.get("warnings", ()), *image_warnings, *leaks]
    return merged | ({"warnings": warnings} if warnings else {})


def _machine() -> str:
    """System and processor, as far as they tell their names."""
    names = [f"{platform.system()} {platform.release()}", platform.machine()]
    with contextlib.suppress(OSError):
        match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        names += [match[1]] if match else []
    return ", ".join(names)


def _revision() -> str | None:
    """The commit of the checkout that this package lies in, or None where it lies in none."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.strip()
