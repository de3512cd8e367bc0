"""The report of a run: `report.html` (one file, no network), `report.md` and `figures/`.

Nothing that `summary.json` holds is computed again. In the place of a file that the
run did not leave stands a sentence.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from scipy.stats import binomtest

from gan_mnist.files import write_text
from gan_mnist.report import figures, learning
from gan_mnist.report.pictures import Picture
from gan_mnist.report.run_files import SECONDS, Run, read_arrays
from gan_mnist.report.style import BLUE, GREEN, INK, ORANGE, color_arms, save
from gan_mnist.study.progress import (
    duplicates_in_words,
    files_in_words,
    generated_in_words,
    split_in_words,
)
from gan_mnist.study.words import judged

IMAGES_SHOWN = 10
FEW_ARMS = 5
# Of the picture on the first screen, which may be a small one.
SEEN_COLUMNS, SEEN_INCHES = 8, 6.0


def write_report(workdir: Path, pictures: Sequence[Picture] = ()) -> None:
    """Writes `report.html`, `report.md` and `figures/*.png` into `workdir`.

    Args:
        workdir: Directory of a run, with `study.json` and `summary.json`.
        pictures: Figures of the experiment's own, in their order.

    Raises:
        InputError: If one of these two is missing.
    """
    run = Run.read(workdir)
    drawn = _save(_draw(run, run.best_first(), pictures), workdir)
    environment, context = _environment(_margin(run)), _context(run, pictures, drawn)
    for name in ("report.html", "report.md"):
        text = environment.get_template(f"{name}.j2").render(context)
        write_text(workdir / name, text)


def markdown(
    directory: Path,
    study: Mapping[str, Any],
    summary: Mapping[str, Any],
    pictures: Sequence[Picture],
) -> str:
    """`report.md` of a published run, of which the figures are kept.

    Args:
        directory: Of the run.
        study: As `study.json` has it.
        summary: As `summary.json` has it.
        pictures: Figures of the experiment's own, in their order.
    """
    run = Run(directory, study, summary, ())
    kept = {path.stem: {"path": f"figures/{path.name}"} for path in directory.glob("figures/*.png")}
    context = _context(run, pictures, kept)
    return _environment(_margin(run)).get_template("report.md.j2").render(context)


def draw_arms(directory: Path, summary: Mapping[str, Any]) -> None:
    """Draws the figure of all arms of a published run; arguments as of `markdown`."""
    order = Run(directory, {}, summary, ()).best_first()
    save(figures.forest(summary, order), directory / "figures" / "arms.png")


def _margin(run: Run) -> float | None:
    """Of the primary metric."""
    margin: float | None = run.summary["metrics"][0].get("margin")
    return margin


def _context(
    run: Run, pictures: Sequence[Picture], drawn: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """What the templates are filled with."""
    after = run.best_treatment("generated")
    dataset = run.study["dataset"]
    return {
        "study": run.study,
        "summary": run.summary,
        "order": run.best_first(),
        "metric": run.summary["metrics"][0],
        "pictures": pictures,
        "figures": drawn,
        "generates": any(arm["kind"] == "generated" for arm in run.study["arms"].values()),
        "examples": _examples(run, after) if run.study["examples"] else None,
        "after": after,
        "images_shown": IMAGES_SHOWN,
        "few_arms": FEW_ARMS,
        "marks": figures.VERDICT_MARKS,
        "files": [*files_in_words(dataset.get("files")), *duplicates_in_words(dataset)],
        "split": split_in_words(dataset),
        "generated": generated_in_words(dataset.get("generated", {})),
        "devices": sorted({trial.record.get("device") or "unknown" for trial in run.trials}),
    }


def _draw(run: Run, order: list[str], pictures: Sequence[Picture]) -> dict[str, Figure]:
    """Every figure that the run has data for."""
    summary = run.summary
    control, oracle = summary["control"], summary["oracle"]
    drawn = {}
    if any(arm["n"] for arm in summary["arms"].values()):
        drawn["arms"] = figures.forest(summary, order)

    for picture in pictures:
        if (figure := picture.draw(run)) is not None:
            drawn[picture.name] = figure

    splits = run.study["dataset"].get("duplicates", {})
    if splits and (alike := read_arrays(run.workdir / "duplicates.npz", *splits)) is not None:
        rows = {f"train, as {split}": pair[0] for split, pair in alike.items()}
        rows |= {split: pair[1] for split, pair in alike.items()}
        drawn["duplicates"] = figures.gallery(rows)

    galleries = _galleries(run, [control, oracle, *order])
    compared = (control, run.best_treatment("rival"), run.best_treatment("generated"), oracle)
    if seen := {name: galleries[name] for name in dict.fromkeys(compared) if name in galleries}:
        drawn["seen"] = figures.gallery(seen, SEEN_COLUMNS, SEEN_INCHES)
    if galleries:
        drawn["gallery"] = figures.gallery(galleries)

    curves, label = run.curves()
    if not curves.empty:
        best = {run.best_treatment("rival"): ORANGE, run.best_treatment("generated"): BLUE}
        highlighted = best | {oracle: GREEN, control: INK}
        colors = highlighted if len(order) > FEW_ARMS else color_arms(order, control)
        drawn["curves"] = learning.learning_curves(curves, order, control, label)
        drawn["curves_seconds"] = learning.curves_against_seconds(curves, colors, label)

    generator_curves = run.generator_curves()
    if not generator_curves.empty:
        drawn["generators"] = learning.generator_curves(generator_curves)

    matrices, classes = _confusion(run, order)
    if matrices:
        drawn["confusion"] = figures.confusion(matrices, classes)

    finished = [name for name in order if run.of(name)]
    if finished:
        means = [np.mean([trial.seconds for trial in run.of(name)], axis=0) for name in finished]
        drawn["cost"] = figures.cost(pd.DataFrame(means, finished, list(SECONDS)))
    return drawn


def _save(drawn: Mapping[str, Figure], workdir: Path) -> dict[str, dict[str, str]]:
    """By figure: `path` from the report, and `uri`, the same picture as a data URI."""
    (workdir / "figures").mkdir(exist_ok=True)
    saved = {}
    for name, figure in drawn.items():
        path = f"figures/{name}.png"
        save(figure, workdir / path)
        data = base64.b64encode((workdir / path).read_bytes()).decode()
        saved[name] = {"path": path, "uri": f"data:image/png;base64,{data}"}
    return saved


def _galleries(run: Run, order: Iterable[str | None]) -> dict[str, np.ndarray]:
    """Images by arm, (n, height, width, channels) uint8, of each arm's first finished trial."""
    galleries = {}
    for name in dict.fromkeys(order):
        for trial in run.of(name)[:1]:
            found = read_arrays(trial.directory / "gallery.npz", "images")
            if found is not None and len(found["images"]):
                galleries[trial.arm] = found["images"]
    return galleries


def _classes(run: Run, tables: Iterable[pd.DataFrame]) -> list[str]:
    """Class names that occur in predictions, in the data set's order."""
    seen = {name for table in tables for name in (*table["label"], *table["prediction"])}
    listed = [name for name in run.study["dataset"]["counts"] if name in seen]
    return listed + sorted(seen.difference(listed))


def _confusion(run: Run, order: list[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """By arm, shares (truth, prediction) averaged over seeds; and the names of the classes."""
    tables = [(trial.arm, trial.predictions()) for trial in run.trials]
    known = [(arm, table) for arm, table in tables if table is not None]
    classes = _classes(run, (table for _, table in known))
    matrices: dict[str, list[np.ndarray]] = {}
    for arm, table in known:
        shares = pd.crosstab(table["label"], table["prediction"], normalize="index")
        square = shares.reindex(index=classes, columns=classes, fill_value=0.0)
        matrices.setdefault(arm, []).append(square.to_numpy())
    return {arm: np.mean(matrices[arm], axis=0) for arm in order if arm in matrices}, classes


def _examples(run: Run, after: str | None) -> dict[str, Any] | None:
    """The first test images of each class as the control and the arm `after` call them.

    Both are trials of the first seed that has both; None where no seed has.
    """
    befores = {trial.seed: trial.predictions() for trial in run.of(run.summary["control"])}
    for trial in run.of(after):
        before_table, after_table = befores.get(trial.seed), trial.predictions()
        if before_table is not None and after_table is not None:
            sides = ("_before", "_after")
            both = before_table.merge(after_table, on=["image", "label"], suffixes=sides)
            tables = {str(name): table for name, table in both.groupby("label")}
            names = [name for name in _classes(run, [before_table]) if name in tables]
            classes = [_class_examples(name, tables[name]) for name in names]
            return {"seed": trial.seed, "classes": classes} if classes else None
    return None


def _class_examples(name: str, table: pd.DataFrame) -> dict[str, Any]:
    """Of one class: the rows shown, the number of images, and how many each side has right."""
    shown = table.head(IMAGES_SHOWN)
    sides = {}
    for side in ("before", "after"):
        right = int((shown[f"prediction_{side}"] == name).sum())
        interval = binomtest(right, len(shown)).proportion_ci()
        share = float((table[f"prediction_{side}"] == name).mean())
        sides[side] = {"right": right, "ci95": [interval.low, interval.high], "share": share}
    return {"name": name, "rows": shown.to_dict("records"), "images": len(table), **sides}


def _environment(margin: float | None) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_mnist.report"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "judged": lambda verdict: judged(verdict, margin),
        "number": lambda value: _format(value, ".4f"),
        "signed": lambda value: _format(value, "+.4f"),
        "percent": lambda value: _format(value, ".0%"),
        "interval": lambda ci: _interval(ci, ".4f"),
        "percents": lambda ci: _interval(ci, ".0%"),
        "p": lambda p: "< 0.001" if p is not None and p < 0.001 else _format(p, ".3f"),
        "seconds": lambda seconds: _format(seconds, ",.1f"),
        "code": _with_code,
        "cell": lambda text: " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;"),
    }
    return environment


def _format(value: float | None, spec: str) -> str:
    if value is None:
        return "\N{EN DASH}"
    text = f"{value:{spec}}"
    text = text if re.search("[1-9]", text) else text.lstrip("+-")  # nothing has no sign
    return text.replace("-", "\N{MINUS SIGN}").replace("%", " %")


def _interval(ci: list[float] | None, spec: str) -> str:
    return f"[{_format(ci[0], spec)}, {_format(ci[1], spec)}]" if ci else ""


def _with_code(text: str) -> Markup:
    """Escaped HTML in which what stood between backticks is code."""
    parts = (escape(part) for part in text.split("`"))
    tagged = (Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))
    return Markup("").join(tagged)
