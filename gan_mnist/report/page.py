"""The report of a run: `report.html` (one file, no network), `report.md` and `figures/`.

Nothing that `summary.json` holds is computed again. In the place of a file that the
run did not leave stands a sentence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from gan_mnist.errors import in_one_line
from gan_mnist.files import write_text
from gan_mnist.report import charts, figures, learning
from gan_mnist.report.arms import arm_details, curves_against_seconds
from gan_mnist.report.examples import IMAGES_SHOWN, Confusion, confusion, examples
from gan_mnist.report.formats import environment
from gan_mnist.report.pairs import duplicate_rows, leak_rows
from gan_mnist.report.provenance import file_links, next_steps, run_facts
from gan_mnist.report.run_files import SECONDS, Run
from gan_mnist.report.strips import data_uri
from gan_mnist.report.study_figures import Picture
from gan_mnist.report.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PAGE_COLORS,
    as_svg,
    color_arms,
    save,
    shorten_all,
)
from gan_mnist.study.answer.reasons import reasons_of
from gan_mnist.study.display.plan_in_words import (
    duplicates_in_words,
    files_in_words,
    further_in_words,
    generated_in_words,
    split_in_words,
)
from gan_mnist.study.display.printing import say

FEW_ARMS = 5
# Of a confusion matrix that is drawn by cells.
MOST_CLASSES = 20
# Of the picture on the first screen, which may be a small one.
KEY_COLUMNS, KEY_INCHES = 8, 6.0
# What the page draws itself.
OWN_DRAWINGS = ("arms", "seen", "gallery", "curves", "curves_seconds")


def write_report(workdir: Path, pictures: Sequence[Picture] = ()) -> None:
    """Writes `report.html`, `report.md` and `figures/*.png` into `workdir`.

    Args:
        workdir: Directory of a run, with `study.json` and `summary.json`.
        pictures: Figures of the experiment's own, in their order.

    Raises:
        InputError: If one of these two is missing.
    """
    run = Run.read(workdir)
    confusions = confusion(run)
    drawn_figures, not_drawn = _draw(run, confusions, pictures)
    saved_figures = _save(drawn_figures, workdir)
    templates = environment(run.summary["metrics"], figures.VERDICT_MARKS)
    context = _context(run, pictures, saved_figures)
    context["not_drawn"] = not_drawn
    write_text(workdir / "report.md", templates.get_template("report.md.j2").render(context))
    context |= _page_context(run, confusions)
    write_text(workdir / "report.html", templates.get_template("report.html.j2").render(context))


def markdown(run: Run, pictures: Sequence[Picture]) -> str:
    """`report.md` of a published run, with the figures that it keeps.

    Args:
        run: The run, of whose trials there need be none.
        pictures: The experiment's own figures, in their order.
    """
    saved_figures = {
        path.stem: {"path": f"figures/{path.name}"} for path in run.workdir.glob("figures/*.png")
    }
    context = _context(run, pictures, saved_figures)
    templates = environment(run.summary["metrics"], figures.VERDICT_MARKS)
    return templates.get_template("report.md.j2").render(context)


def draw_arms(run: Run) -> None:
    """Draws the figure of all arms of a published run."""
    figure = figures.forest(run.summary, run.best_first(), run.study)
    save(figure, run.workdir / "figures" / "arms.png")


def _context(
    run: Run, pictures: Sequence[Picture], saved_figures: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The context of both templates."""
    dataset = run.study["dataset"]
    further_tests = further_in_words(dataset.get("further_tests", {}))
    return {
        "study": run.study,
        "summary": run.summary,
        "order": run.best_first(),
        "metric": run.summary["metrics"][0],
        "pictures": [
            picture for picture in pictures if picture.always or picture.name in saved_figures
        ],
        "figures": saved_figures,
        "reasons": reasons_of(run.summary),
        "intervals_note": _intervals_note(run.summary["arms"]),
        "further_intervals_notes": {
            name: _intervals_note(test["arms"])
            for name, test in run.summary.get("further_tests", {}).items()
        },
        "files": [
            *files_in_words(dataset.get("files")),
            *dataset.get("cautions", ()),
            *duplicates_in_words(dataset),
        ],
        "split": split_in_words(dataset),
        "generated": generated_in_words(dataset.get("generated", {})),
        # Older runs recorded no `further_tests`; their settings tell what the folders hold.
        "further": further_tests or run.study["settings"].get("test_sets", ()),
    }


def _intervals_note(arms: Mapping[str, Any]) -> str:
    """What the intervals allow for."""
    replicates = {arm.get("verdict_over") for arm in arms.values()} - {None}
    if not replicates:
        return "Intervals and tests treat the seed as the replicate."
    words = " or ".join(sorted(replicates))
    return f"Intervals of means are over seeds; those of differences, p and verdicts over {words}."


def _page_context(run: Run, confusions: Confusion) -> dict[str, Any]:
    """What the page has besides: its own drawings, and what the files of trials hold."""
    order, (matrices, classes) = run.best_first(), confusions
    curves, label = run.curves()
    details = arm_details(run, order, run.galleries, curves)
    # Of many classes a picture will do.
    drawn_matrices = matrices.items() if len(classes) <= MOST_CLASSES else ()
    arms_with_curves = [name for name in order if details[name]["mean_curve"]]
    treatment = run.treatment
    return {
        "details": details,
        "forest": charts.forest(run.summary, order),
        "key_arms": _key_arms(run),
        "key_columns": KEY_COLUMNS,
        "images": list(run.galleries),
        "arms_with_curves": arms_with_curves,
        "curve_label": label,
        "seconds_chart": curves_against_seconds(curves),
        "classes": classes,
        "short_classes": shorten_all(classes),
        "confusions": {
            name: charts.heatmap(matrix, shorten_all(classes)) for name, matrix in drawn_matrices
        },
        "colors": {
            name: PAGE_COLORS[color] for name, color in _colors(run, arms_with_curves).items()
        },
        "few_arms": FEW_ARMS,
        "generates": any(arm["kind"] == "generated" for arm in run.study["arms"].values()),
        "examples": examples(run, treatment) if run.study["examples"] else None,
        "treatment": treatment,
        "images_shown": IMAGES_SHOWN,
        "devices": sorted({trial.record.get("device") or "unknown" for trial in run.trials}),
        "run_facts": run_facts(run),
        "files_left": file_links(run),
        "next_steps": next_steps(run),
    }


def _key_arms(run: Run) -> list[str]:
    """The arms whose images tell the story: that of the answer, and what it is compared with."""
    names = (run.summary["control"], run.reference_arm, run.treatment, run.summary["oracle"])
    return [name for name in dict.fromkeys(names) if name in run.galleries]


def _colors(run: Run, names: Sequence[str]) -> dict[str, str]:
    """Of the arms that stand out among all curves; of few arms, each."""
    control = run.summary["control"]
    if len(run.best_first()) <= FEW_ARMS:
        return {name: color for name, color in color_arms(names, control).items() if color != FAINT}
    answer_colors = {run.reference_arm: ORANGE, run.treatment: BLUE}
    colors = answer_colors | {run.summary["oracle"]: GREEN, control: INK}
    return {name: color for name, color in colors.items() if name in names}


def _draw(
    run: Run, confusions: Confusion, pictures: Sequence[Picture]
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Every figure that the run has data for; and by name why one of `pictures` failed."""
    summary, order, (matrices, classes) = run.summary, run.best_first(), confusions
    drawn_figures = {}
    if any(arm["n"] for arm in summary["arms"].values()):
        drawn_figures["arms"] = figures.forest(summary, order, run.study)

    own_figures, not_drawn = _draw_pictures(run, pictures)
    drawn_figures |= own_figures

    if (duplicates := duplicate_rows(run)) is not None:
        drawn_figures["duplicates"] = figures.gallery(duplicates)
    if (leaks := leak_rows(run)) is not None:
        drawn_figures["leaks"] = figures.gallery(leaks)

    if galleries := {name: run.galleries[name] for name in _key_arms(run)}:
        drawn_figures["seen"] = figures.gallery(galleries, KEY_COLUMNS, KEY_INCHES)
    if run.galleries:
        drawn_figures["gallery"] = figures.gallery(run.galleries)

    curves, label = run.curves()
    if not curves.empty:
        drawn_figures["curves"] = learning.learning_curves(curves, order, summary["control"], label)
        colors = _colors(run, [name for name in order if name in set(curves["arm"])])
        drawn_figures["curves_seconds"] = learning.curves_against_seconds(curves, colors, label)

    generator_curves = run.generator_curves()
    if not generator_curves.empty:
        drawn_figures["generators"] = learning.generator_curves(generator_curves)

    if matrices:
        drawn_figures["confusion"] = figures.confusion(matrices, classes)

    finished_arms = [name for name in order if run.trials_of(name)]
    if finished_arms:
        mean_seconds = [
            np.mean([trial.seconds for trial in run.trials_of(name)], axis=0)
            for name in finished_arms
        ]
        drawn_figures["cost"] = figures.cost(
            pd.DataFrame(mean_seconds, finished_arms, list(SECONDS))
        )
    return drawn_figures, not_drawn


def _draw_pictures(
    run: Run, pictures: Sequence[Picture]
) -> tuple[dict[str, Figure], dict[str, str]]:
    """The experiment's own figures that the run has data for; and by name why one failed."""
    own_figures, not_drawn = {}, {}
    for picture in pictures:
        # One may be somebody's own, or of a file that is damaged; the others do not depend on it.
        try:
            figure = picture.draw(run)
        except (Exception, SystemExit) as error:
            not_drawn[picture.name] = in_one_line(error)
            say(f"the report shows no {picture.name}: {not_drawn[picture.name]}")
            continue
        if figure is not None:
            own_figures[picture.name] = figure
    return own_figures, not_drawn


def _save(drawn_figures: Mapping[str, Figure], workdir: Path) -> dict[str, dict[str, Any]]:
    """Saves figures; by name, `path` from the report, and for the page `svg` or the PNG's `uri`."""
    (workdir / "figures").mkdir(exist_ok=True)
    saved = {}
    for name, figure in drawn_figures.items():
        path = f"figures/{name}.png"
        save(figure, workdir / path)
        svg = None if name in OWN_DRAWINGS else as_svg(figure, name)
        uri = None if name in OWN_DRAWINGS or svg else data_uri(workdir / path)
        saved[name] = {"path": path, "uri": uri, "svg": svg and Markup(svg)}
    return saved
