"""The report of a run: `report.html` (one file, no network), `report.md` and `figures/`.

Nothing that `summary.json` holds is computed again. In the place of a file that the
run did not leave stands a sentence.
"""

import base64
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from scipy.stats import binomtest

from gan_mnist.files import write_text
from gan_mnist.study import figures
from gan_mnist.study.figure_style import BLUE, GREEN, INK, ORANGE, save
from gan_mnist.study.run_files import SECONDS, Run, read_csv

IMAGES_SHOWN = 10


def write_report(workdir: Path) -> None:
    """Writes `report.html`, `report.md` and `figures/*.png` into `workdir`.

    Args:
        workdir: Directory of a run, with `study.json` and `summary.json`.

    Raises:
        InputError: If one of these two is missing.
    """
    run = Run.read(workdir)
    order = run.best_first()
    after = run.best_treatment(order, "generated")
    context = {
        "study": run.study,
        "summary": run.summary,
        "order": order,
        "metric": run.summary["metrics"][0],
        "figures": _save(_draw(run, order, after), workdir),
        "examples": _examples(run, after),
        "after": after,
        "images_shown": IMAGES_SHOWN,
        "marks": figures.VERDICT_MARKS,
        "devices": sorted({trial.record.get("device") or "unknown" for trial in run.trials}),
    }
    environment = _environment()
    for name in ("report.html", "report.md"):
        text = environment.get_template(f"{name}.j2").render(context)
        write_text(workdir / name, text)


def _draw(run: Run, order: list[str], after: str | None) -> dict[str, Figure]:
    """Every figure that the run has data for."""
    summary = run.summary
    control, oracle = summary["control"], summary["oracle"]
    drawn = {}
    if any(arm["n"] for arm in summary["arms"].values()):
        drawn["arms"] = figures.forest(summary, order)

    galleries = _galleries(run, [control, oracle, *order])
    if galleries:
        drawn["gallery"] = figures.gallery(galleries)

    curves, label = _curves(run)
    if not curves.empty:
        rival = run.best_treatment(order, "rival")
        colors = {rival: ORANGE, after: BLUE, oracle: GREEN, control: INK}
        drawn["curves"] = figures.learning_curves(curves, order, control, label)
        drawn["curves_seconds"] = figures.curves_against_seconds(curves, colors, label)

    generator_curves = _generator_curves(run.workdir)
    if not generator_curves.empty:
        drawn["generators"] = figures.generator_curves(generator_curves)

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
            try:
                with np.load(trial.directory / "gallery.npz") as archive:
                    images = archive["images"]
            except (OSError, KeyError, ValueError, zipfile.BadZipFile):
                continue
            if len(images):
                galleries[trial.arm] = images
    return galleries


def _curves(run: Run) -> tuple[pd.DataFrame, str]:
    """Validation curves (arm, seed, update, seconds, value) and what the value is, in words.

    The value is the primary metric where trials validate it, else accuracy. Seconds start with the
    training of the arm's generator.
    """
    tables = [(trial, read_csv(trial.directory / "curves.csv")) for trial in run.trials]
    known = [(trial, table) for trial, table in tables if table is not None]
    metric = run.summary["metrics"][0]
    column, label = f"val_{metric['name']}", f"validation: {metric['label']}"
    if not all(column in table for _, table in known):
        column, label = "val_accuracy", "validation accuracy"
    parts = [
        table.rename(columns={column: "value"})
        .assign(arm=trial.arm, seed=trial.seed, seconds=table["seconds"] + trial.seconds[0])
        .filter(["arm", "seed", "update", "seconds", "value"])
        .dropna()
        for trial, table in known
        if column in table
    ]
    return (pd.concat(parts) if parts else pd.DataFrame()), label


def _generator_curves(workdir: Path) -> pd.DataFrame:
    tables = {p.parent.name: read_csv(p) for p in sorted(workdir.glob("generators/*/curves.csv"))}
    known = [
        t.assign(generator=name) for name, t in tables.items() if t is not None and "d_loss" in t
    ]
    return pd.concat(known) if known else pd.DataFrame()


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


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_mnist.study"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": lambda value: _format(value, ".3f"),
        "signed": lambda value: _format(value, "+.3f"),
        "percent": lambda value: _format(value, ".0%"),
        "interval": lambda ci: _interval(ci, ".3f"),
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
    return f"{value:{spec}}".replace("-", "\N{MINUS SIGN}").replace("%", " %")


def _interval(ci: list[float] | None, spec: str) -> str:
    return f"[{_format(ci[0], spec)}, {_format(ci[1], spec)}]" if ci else ""


def _with_code(text: str) -> Markup:
    """Escaped HTML in which what stood between backticks is code."""
    parts = (escape(part) for part in text.split("`"))
    tagged = (Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))
    return Markup("").join(tagged)
