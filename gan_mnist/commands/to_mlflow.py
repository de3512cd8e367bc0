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
    found = client.get_experiment_by_name(project)
    experiment = client.create_experiment(project) if found is None else found.experiment_id
    for arm in arms:
        above = _keep(client, experiment, arm, None)
        for run in arm.below:
            _keep(client, experiment, run, above)
    return f"MLflow experiment {project!r} in {client.tracking_uri}"


def _keep(client: Any, experiment: str, run: TrackedRun, above: str | None) -> str:
    """Creates or updates a run; returns its MLflow run id."""
    from mlflow.entities import Metric, Param, RunTag

    before = _find(client, experiment, run.key)
    if before is None:
        begun = client.create_run(experiment, tags={KEY: run.key}, run_name=run.name)
    else:
        begun = before
    name, data = begun.info.run_id, begun.data
    nested = {} if above is None else {"mlflow.parentRunId": above}
    about = {"mlflow.note.content": run.tags["about"]} if run.tags.get("about") else {}
    tags = [
        RunTag(key, value)
        for key, value in {**run.tags, **nested, **about}.items()
        if data.tags.get(key, "") != value  # an empty one takes back what no longer holds
    ]
    # MLflow refuses to change a parameter, and keeps every value that a metric has had.
    params = [Param(key, str(value)) for key, value in run.params.items() if key not in data.params]
    now = time.time_ns() // 10**6
    metrics = [
        Metric(key, value, now, 0)
        for key, value in run.metrics.items()
        if data.metrics.get(key) != value
    ]
    for start in range(0, max(len(tags), len(params), len(metrics)), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        client.log_batch(name, metrics=metrics[part], params=params[part], tags=tags[part])
    for place, path in (run.files or {}).items():
        folder = place.rpartition("/")[0]
        client.log_artifact(name, str(path), folder or None)
    client.set_terminated(name)
    return str(name)


def _find(client: Any, experiment: str, key: str) -> Any:
    found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
    return found[0] if found else None
