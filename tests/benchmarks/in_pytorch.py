"""What a user would write in PyTorch instead: a study as a script, and three trainings."""

import argparse
import contextlib
import csv
import functools
import gzip
import itertools
import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from networks_in_pytorch import CLASSES, Denoiser, dcgan, flatly, mlp, num_parameters, small_cnn
from scipy import stats
from sklearn import metrics
from torch import nn
from torch.nn import functional

ARMS = ("none", "class_weight", "duplicate", "oracle")
STARVED, LEFT, VALIDATION = 1, 20, 50
UPDATES, INTERVALS, BATCH = 1000, 10, 64
Training = tuple[int, Callable[[], None]]


def precise(precision: str) -> contextlib.AbstractContextManager:
    """As `precision`, a Keras policy, in PyTorch."""
    is_short = precision == "mixed_bfloat16"
    return torch.autocast("cpu", torch.bfloat16) if is_short else contextlib.nullcontext()


def batches(rows: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Batches without end, of permutations that run on across their ends."""
    order = rows[:0]
    while True:
        while len(order) < size:
            order = torch.cat([order, rows[torch.randperm(len(rows))]])
        yield order[:size]
        order = order[size:]


def adam_of(network: nn.Module, beta_1: float = 0.9) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), 1e-3, (beta_1, 0.999), eps=1e-7, fused=True)


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (n, 1, 28, 28) in [0, 1] and int64 (n,), of uint8 (n, 28, 28, 1) and integers."""
    pixels = torch.tensor(images).reshape(-1, 1, *images.shape[1:3])
    return pixels.float() / 255, torch.tensor(labels).long()


def read_idx(path: Path) -> np.ndarray:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def read_split(data_dir: Path, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    kinds = "images", "labels"
    images, labels = (read_idx(next(data_dir.glob(f"{name}-{kind}*"))) for kind in kinds)
    return as_tensors(images, labels)


def train_classifier(network, images, labels, weights, rows, updates, precision, watch=None):
    """Trains with Adam; `watch` is called ten times."""
    adam = adam_of(network)
    network.train()
    for update, chosen in zip(range(1, updates + 1), batches(rows, BATCH), strict=False):
        with precise(precision):
            logits = network(images[chosen])
        losses = functional.cross_entropy(logits.float(), labels[chosen], reduction="none")
        loss = (losses * weights[chosen]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if watch is not None and update % (updates // INTERVALS) == 0:
            watch(update, loss.item())
            network.train()


@torch.inference_mode()
def probabilities(network: nn.Module, images: torch.Tensor, precision: str) -> torch.Tensor:
    network.eval()
    with precise(precision):
        return torch.cat([network(part).float().softmax(1) for part in images.split(250)])


def treated(arm: str, labels: torch.Tensor, seed: int):
    """Rows to train on with their loss weights, and rows to validate on."""
    rng = np.random.default_rng(seed)
    by_class = [rng.permutation(np.flatnonzero(labels == label)) for label in range(CLASSES)]
    validation = np.concatenate([rows[:VALIDATION] for rows in by_class])
    by_class = [rows[VALIDATION:] for rows in by_class]
    if arm != "oracle":
        by_class[STARVED] = by_class[STARVED][:LEFT]
    if arm == "duplicate":
        by_class = [np.resize(rows, max(map(len, by_class))) for rows in by_class]
    rows, counts = np.concatenate(by_class), [len(rows) for rows in by_class]
    weights = torch.ones(len(labels))
    if arm == "class_weight":
        weights = (len(rows) / (CLASSES * torch.tensor(counts)))[labels]
    return torch.tensor(rows), weights, torch.tensor(validation)


def trial(workdir: Path, precision: str, train, test, arm: str, seed: int) -> dict:
    torch.manual_seed(seed)
    images, labels = train
    rows, weights, validation = treated(arm, labels, seed)
    network, curves = small_cnn(), []

    def watch(update: int, loss: float) -> None:
        called = probabilities(network, images[validation], precision).argmax(1)
        right = (called == labels[validation]).float().mean().item()
        curves.append({"update": update, "loss": loss, "val_accuracy": right})

    train_classifier(network, images, labels, weights, rows, UPDATES, precision, watch)
    found, truth = probabilities(network, test[0], precision).numpy(), test[1].numpy()
    called = found.argmax(1)
    record = {
        "arm": arm,
        "seed": seed,
        "accuracy": float((called == truth).mean()),
        "macro_auc": metrics.roc_auc_score(np.eye(CLASSES)[truth], found),
        "macro_f1": metrics.f1_score(truth, called, average="macro"),
        "recalls": metrics.recall_score(truth, called, average=None).tolist(),
        "parameters": num_parameters(network),
    }
    directory = workdir / arm / f"seed-{seed:02d}"
    directory.mkdir(parents=True)
    (directory / "record.json").write_text(json.dumps(record))
    for name, table in (
        ("curves", curves),
        (
            "predictions",
            [{"label": a, "prediction": b} for a, b in zip(truth, called, strict=True)],
        ),
    ):
        with (directory / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    return record


def study(data_dir: Path, workdir: Path, seeds: int, precision: str) -> None:
    """All arms and seeds in two processes of one thread; means with paired differences."""
    train, test = read_split(data_dir, "train"), read_split(data_dir, "t10k")
    run = functools.partial(trial, workdir, precision, train, test)
    torch.set_num_threads(1)
    # Forked, so that both read one copy of the images.
    with multiprocessing.get_context("fork").Pool(2) as pool:
        order = [(arm, seed) for seed in range(seeds) for arm in ARMS]
        records = pool.starmap(run, order, chunksize=1)
    lines = [json.dumps(record) for record in records]
    (workdir / "records.jsonl").write_text("\n".join(lines))
    recalls = {a: [r["recalls"][STARVED] for r in records if r["arm"] == a] for a in ARMS}
    for arm, values in recalls.items():
        p = stats.ttest_rel(values, recalls["none"]).pvalue
        print(f"{arm:12} {np.mean(values):.3f} +- {stats.sem(values):.3f}, p {p:.3f}")


# Each of these prepares a training; it gives the number of parameters, and what trains once more.


def classifier(images: np.ndarray, labels: np.ndarray, updates: int, precision: str) -> Training:
    network, rows, weights = small_cnn(), torch.arange(len(images)), torch.ones(len(images))
    shown, truth = as_tensors(images, labels)

    def train() -> None:
        train_classifier(network, shown, truth, weights, rows, updates, precision)

    return num_parameters(network), train


def gan(
    images: np.ndarray,
    labels: np.ndarray,
    updates: int,
    precision: str,
    architecture: str,
    width: int,
) -> Training:
    latents = 64
    generator, discriminator = {"dcgan": dcgan, "mlp": mlp}[architecture](width, latents)
    g_adam, d_adam = adam_of(generator, beta_1=0.5), adam_of(discriminator, beta_1=0.5)
    shown, truth = as_tensors(images, labels)
    now = [v for v in generator.state_dict().values() if v.is_floating_point()]
    average = [value.clone() for value in now]

    def train() -> None:
        for rows in itertools.islice(batches(torch.arange(len(shown)), BATCH), updates):
            real, one_hot = shown[rows], functional.one_hot(truth[rows], CLASSES).float()
            with precise(precision):
                fake = generator(torch.randn(BATCH, latents), one_hot)
                reals = discriminator(real, one_hot).float()
                judged = discriminator(fake.detach(), one_hot).float()
            d_adam.zero_grad()
            (functional.softplus(-reals) + functional.softplus(judged)).mean().backward()
            d_adam.step()
            discriminator.requires_grad_(False)
            with precise(precision):
                judged = discriminator(fake, one_hot).float()
            g_adam.zero_grad()
            functional.softplus(-judged).mean().backward()
            g_adam.step()
            discriminator.requires_grad_(True)
            with torch.no_grad():
                torch._foreach_lerp_(average, now, 1 - 0.998)

    return num_parameters(generator, discriminator), train


def denoiser(
    images: np.ndarray, labels: np.ndarray, updates: int, precision: str, width: int, batch: int
) -> Training:
    network = flatly(Denoiser(width))
    adam, (shown, _) = adam_of(network), as_tensors(images, labels)

    def train() -> None:
        orders = [batches(torch.arange(len(shown)), batch) for _ in range(2)]
        for rows, others in itertools.islice(zip(*orders, strict=True), updates):
            a, b = 0.2 + 0.8 * torch.rand(2, batch, 1, 1, 1)
            truths, refs = shown[rows] * a, shown[others]
            noisy = (truths + b * refs + torch.rand_like(refs)).clamp(max=1)
            both = torch.cat([noisy, refs], 1).contiguous(memory_format=torch.channels_last)
            with precise(precision):
                cleaned = network(both).float()
            adam.zero_grad()
            (truths - cleaned).abs().mean().backward()
            adam.step()

    return num_parameters(network), train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--precision", default="float32")
    given = parser.parse_args()
    study(given.data_dir, given.workdir, given.seeds, given.precision)


if __name__ == "__main__":
    main()
