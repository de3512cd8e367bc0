"""Export to Weights & Biases: a project with a run for each arm and seed, grouped by arm.

wandb's own variables, such as `WANDB_MODE=offline`, say where they go. A run's id is its key, so
sending it again updates it. The package, which an extra installs, is imported when something is
sent.
"""

from collections.abc import Sequence

from gan_mnist.commands.tracking import TrackedRun


def send(project: str, arms: Sequence[TrackedRun]) -> str:
    """Writes the runs; see `tracking`."""
    location = ""
    for arm in arms:
        location = _upsert_run(project, arm, arm.name, "arm")
        for run in arm.seed_runs:
            _upsert_run(project, run, arm.name, "seed")
    return f"Weights & Biases project {project!r} in {location}"


def _upsert_run(project: str, run: TrackedRun, group: str, kind: str) -> str:
    """Creates or updates a run; returns its project's URL, or its directory when offline."""
    import wandb

    wandb_run = wandb.init(
        project=project,
        id=run.key,
        name=run.name,
        group=group,
        job_type=kind,
        config={**run.params, "about_run": {k: v for k, v in run.tags.items() if v}},
        resume="allow",
        settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
    )
    # A summary has one value of each; what is logged would be repeated when it is sent again.
    wandb_run.summary.update(dict(run.metrics))
    if run.files:
        artifact = wandb.Artifact(f"report-{run.key}", "report")
        for artifact_path, path in run.files.items():
            artifact.add_file(str(path), artifact_path)
        wandb_run.log_artifact(artifact)
    wandb_run.finish()
    return str(wandb_run.project_url or wandb_run.settings.wandb_dir)
