"""Arms in TensorBoard: a run each, its curves the means over the seeds that have ended so far.

The runs of single trials lie elsewhere, as TensorBoard shows nothing of a hundred runs until some
are ticked. Events are written without TensorFlow, which the process that shows a study does not
import.
"""

import functools
import io
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from gan_mnist.report.run_files import read_csv, read_images
from gan_mnist.study.records import DONE, MOST, read_record
from gan_mnist.study.spec import Arm
from gan_mnist.study.trial import Plan, Trial

FOLDER = "tensorboard"
# As many as TensorBoard's list shows at a glance.
MOST_RUNS = 12
# Share of a study's time to spend on updating runs: its trials may be thousands.
SHARE = 0.02
_NO_METRICS = ("update", "seconds")
_COLUMNS = 10
_MOST_IMAGES = 100


class ArmBoards:
    """The runs of a plan's arms, in `tensorboard/` of its directory."""

    def __init__(self, plan: Plan):
        """Chooses the arms: where they are too many, those that only check are left out first."""
        arms = list(plan.arms)
        if len(arms) > MOST_RUNS:
            arms = [arm for arm in arms if arm.kind != "check"]
        self._arms = {arm.name: arm for arm in arms[:MOST_RUNS]}
        self._plan = plan
        self._stale: set[str] = set()
        self._renewed_from = 0.0
        # Curves of a trial that has ended stay as they are, and reading takes longer than all else.
        self._numbers_in = functools.cache(_numbers_in)

    def add(self, record: Mapping[str, Any]) -> None:
        """Renews the run of the arm of a trial that has ended, now or when others end."""
        if record["arm"] in self._arms and record["status"] == DONE:
            self._stale.add(record["arm"])
            if time.monotonic() >= self._renewed_from:
                self.renew()

    def renew(self) -> None:
        """Writes the runs of all arms of which trials have ended since that was done."""
        start_time = time.monotonic()
        while self._stale:
            self._write(self._arms[self._stale.pop()])
        end_time = time.monotonic()
        self._renewed_from = end_time + (end_time - start_time) / SHARE

    def write(self) -> None:
        """Writes the runs of all arms."""
        self._stale = set(self._arms)
        self.renew()

    def _write(self, arm: Arm) -> None:
        """Writes all that is known of an arm, in place of what was known before."""
        finished = [
            (trial, record)
            for trial in replace(self._plan, arms=(arm,)).trials()
            if (record := read_record(trial.record_path)) is not None and record["status"] == DONE
        ]
        if not finished:
            return
        tables = [self._numbers_in(path) for trial, _ in finished for path in _curves_of(trial)]
        curves = _mean_curves([table for table in tables if table is not None])
        last_step = max((step for step, _, _ in curves), default=0)
        scalars = [
            *curves,
            *(
                (last_step, *row)
                for row in _held_out([result["metrics"] for _, result in finished])
            ),
        ]
        events = [_scalar(*row) for row in sorted(scalars)]
        trial, record = finished[0]
        events += [_sheet(last_step, *row) for row in _images(self._plan.workdir, trial, record)]
        names = dict.fromkeys(name for _, name, _ in curves if not name.startswith("width/"))
        self._save(arm.name, [_layout(list(names)), *events])

    def _save(self, arm: str, events: list[event_pb2.Event]) -> None:
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        file_name = (
            f"events.out.tfevents.{seconds}.{socket.gethostname()}.{os.getpid()}.{nanoseconds:09d}"
        )
        path = self._plan.workdir / FOLDER / arm / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A TensorBoard that has read the file before drops what that said of later steps.
        session_start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        header_events = [
            event_pb2.Event(wall_time=seconds, file_version="brain.Event:2"),
            event_pb2.Event(wall_time=seconds, step=0, session_log=session_start),
        ]
        hidden_path = path.with_name(f".{file_name}")
        with hidden_path.open("wb") as file:
            writer = RecordWriter(file)
            for event in (*header_events, *events):
                event.wall_time = time.time()
                writer.write(event.SerializeToString())
        hidden_path.rename(path)
        for old_path in {*path.parent.glob("events.out.tfevents.*")} - {path}:
            old_path.unlink()


def _curves_of(trial: Trial) -> list[Path]:
    """The curves of a trial; of its parts where it consists of several trainings."""
    path = trial.directory / "curves.csv"
    if path.is_file():
        return [path]
    return sorted(trial.directory.glob("*/curves.csv")) or sorted(
        trial.directory.glob("*/*/curves.csv")
    )


def _numbers_in(path: Path) -> pd.DataFrame | None:
    """Curves, a column each beside the column `update`; None where there are none.

    What is no finite number is left out, and so are rows of no such update.
    """
    table = read_csv(path)
    if table is None or "update" not in table:
        return None
    numbers = table.apply(pd.to_numeric, errors="coerce").astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    numbers = numbers[numbers["update"].between(0, MOST)]
    return None if numbers.empty else numbers.dropna(axis="columns", how="all")


def _mean_curves(tables: list[pd.DataFrame]) -> list[tuple[int, str, float]]:
    """(update, name, value): means over seeds, and the lowest and highest of them."""
    if not any(len(table.columns) > 1 for table in tables):
        return []
    numbers = pd.concat(tables).groupby("update").agg(["mean", "min", "max"])
    rows = []
    for name, stat in numbers.columns:
        if name in _NO_METRICS:
            continue
        tag = {"mean": name, "min": f"width/{name}/lowest", "max": f"width/{name}/highest"}[stat]
        column = numbers[name, stat].dropna()
        rows += [(int(step), tag, float(value)) for step, value in column.items()]
    return rows


def _held_out(metrics: list[Mapping[str, float]]) -> Iterator[tuple[str, float]]:
    """(name, value) of what was found on test images: means over seeds."""
    for name in dict.fromkeys(name for trial_metrics in metrics for name in trial_metrics):
        values = [trial_metrics[name] for trial_metrics in metrics if name in trial_metrics]
        yield f"held_out/{name}", sum(values) / len(values)


def _images(
    workdir: Path, trial: Trial, record: Mapping[str, Any]
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, images): what the network was shown, and what the generator makes."""
    paths = {"shown": trial.directory / "gallery.npz"}
    for key in record.get("generators", ())[:1]:
        paths["samples"] = workdir / "generators" / key / "samples.npz"
    for name, path in paths.items():
        if (images := read_images(path)) is not None:
            yield name, images


def _scalar(step: int, name: str, value: float) -> event_pb2.Event:
    metadata = scalar_metadata.create_summary_metadata(display_name="", description="")
    return _event(step, name, make_tensor_proto(value, dtype=np.float32), metadata)


def _sheet(step: int, name: str, images: np.ndarray) -> event_pb2.Event:
    """An image of images, uint8 (n, H, W, 1 or 3), in rows of ten."""
    images = images[:_MOST_IMAGES]
    _, height, width, channels = images.shape
    padding = np.zeros((-len(images) % _COLUMNS, height, width, channels), np.uint8)
    rows = np.concatenate([images, padding]).reshape(-1, _COLUMNS, height, width, channels)
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(-1, _COLUMNS * width, channels)
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(buffer, "PNG")
    size = [str(side).encode() for side in (sheet.shape[1], sheet.shape[0])]
    metadata = image_metadata.create_summary_metadata(display_name="", description="")
    return _event(step, name, make_tensor_proto([*size, buffer.getvalue()]), metadata)


def _layout(names: list[str]) -> event_pb2.Event:
    """Charts in which a mean has its band, for the page of custom scalars."""
    charts = [
        layout_pb2.Chart(
            title=name,
            margin=layout_pb2.MarginChartContent(
                series=[
                    layout_pb2.MarginChartContent.Series(
                        value=name, lower=f"width/{name}/lowest", upper=f"width/{name}/highest"
                    )
                ]
            ),
        )
        for name in names
    ]
    category = layout_pb2.Category(title="means over seeds, lowest to highest", chart=charts)
    content = layout_pb2.Layout(category=[category]).SerializeToString()
    metadata = layout_metadata.create_summary_metadata()
    return _event(0, layout_metadata.CONFIG_SUMMARY_TAG, make_tensor_proto(content), metadata)


def _event(step: int, name: str, tensor: Any, metadata: summary_pb2.SummaryMetadata) -> Any:
    value = summary_pb2.Summary.Value(tag=name, metadata=metadata, tensor=tensor)
    return event_pb2.Event(step=step, summary=summary_pb2.Summary(value=[value]))
