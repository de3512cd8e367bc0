"""Export to MLflow: an experiment with a run for each arm, and nested runs for its seeds.

They go to MLflow's own `MLFLOW_TRACKING_URI`. A run is identified by its tag `gan_mnist.key`.
MLflow, which an extra installs, is imported when something is sent.
"""

import time
from collections.abc import Sequence
from typing import Any

from gan_mnist.commands.tracking import TrackedRun

KEY = "gan_mnist.key"
# As many parameters, tags or metrics as MLflow takes at a time.
_AT_A_TIME = 100


def send(project: str, arms: Sequence[TrackedRun]) -> str:
    """Writes the runs; see `tracking`."""
    from mlflow import MlflowClient

    client = MlflowClient()
    existing = client.get_experiment_by_name(project)
    experiment_id = (
        client.create_experiment(project) if existing is None else existing.experiment_id
    )
    for arm in arms:
        parent_id = _upsert_run(client, experiment_id, arm, None)
        for run in arm.seed_runs:
            _upsert_run(client, experiment_id, run, parent_id)
    return f"MLflow experiment {project!r} in {client.tracking_uri}"


def _upsert_run(client: Any, experiment_id: str, run: TrackedRun, parent_id: str | None) -> str:
    """Creates or updates a run; returns its MLflow run id."""
    from mlflow.entities import Metric, Param, RunTag

    mlflow_run = _find(client, experiment_id, run.key) or client.create_run(
        experiment_id, tags={KEY: run.key}, run_name=run.name
    )
    run_id, data = mlflow_run.info.run_id, mlflow_run.data
    parent_tags = {} if parent_id is None else {"mlflow.parentRunId": parent_id}
    note = {"mlflow.note.content": run.tags["about"]} if run.tags.get("about") else {}
    tags = [
        RunTag(key, value)
        for key, value in {**run.tags, **parent_tags, **note}.items()
        if data.tags.get(key, "") != value  # an empty one takes back what no longer holds
    ]
    # MLflow refuses to change a parameter, and keeps every value that a metric has had.
    params = [Param(key, str(value)) for key, value in run.params.items() if key not in data.params]
    timestamp = time.time_ns() // 10**6
    metrics = [
        Metric(key, value, timestamp, 0)
        for key, value in run.metrics.items()
        if data.metrics.get(key) != value
    ]
    for start in range(0, max(len(tags), len(params), len(metrics)), _AT_A_TIME):
        batch = slice(start, start + _AT_A_TIME)
        client.log_batch(run_id, metrics=metrics[batch], params=params[batch], tags=tags[batch])
    for artifact_path, path in (run.files or {}).items():
        folder = artifact_path.rpartition("/")[0]
        client.log_artifact(run_id, str(path), folder or None)
    client.set_terminated(run_id)
    return str(run_id)


def _find(client: Any, experiment_id: str, key: str) -> Any:
    matches = client.search_runs([experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)
    return matches[0] if matches else None
