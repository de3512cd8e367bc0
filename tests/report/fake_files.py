"""The tables and arrays that trials of a made-up run leave."""

import csv
from pathlib import Path

import numpy as np

CLASSES = ("1", "2", "3")


def write_predictions(path: Path, recall: float, count: int) -> None:
    """Of the first class a share of `recall` is right, spread evenly; all of the others are."""
    rows = []
    for name in CLASSES:
        for index in range(count):
            hit = name != CLASSES[0] or int((index + 1) * recall) > int(index * recall)
            predicted = name if hit else CLASSES[1 + index % 2]
            rows.append((f"test/{name}/{index:05d}.png", name, predicted, 0.5 + index / 200))
    write_csv(path, "image,label,prediction,probability", rows)


def write_shown(path: Path, images: np.ndarray) -> None:
    """Test images, ten a class, with what was said of them."""
    labels = np.repeat(CLASSES, 10)
    shown = images[np.arange(len(labels)) % len(images)]
    said = {"prediction": labels, "probability": np.ones(len(labels))}
    np.savez(path, images=shown, label=labels, **said)


def write_curves(path: Path, rng: np.random.Generator, mean: float) -> None:
    updates = np.arange(100, 1001, 100)
    level = mean + rng.normal(0, 0.03)
    values = level * (1 - np.exp(-updates / 250)) + rng.normal(0, 0.01, len(updates))
    rows = [(u, u / 200, 0.3, 0.9, 0.4, v, v) for u, v in zip(updates, values, strict=True)]
    header = "update,seconds,loss,accuracy,val_loss,val_accuracy,val_minority_recall"
    write_csv(path, header, rows)


def write_generator_curves(path: Path, rng: np.random.Generator) -> None:
    updates = np.arange(50, 2001, 50)
    noise = rng.normal(0, 0.05, (4, len(updates)))
    rows = [
        (u, u / 30, 1.2 + a, 0.9 + b, 0.65 + c, 0.7 + d)
        for u, (a, b, c, d) in zip(updates, noise.T, strict=True)
    ]
    write_csv(path, "update,seconds,d_loss,g_loss,real_accuracy,fake_accuracy", rows)


def write_csv(path: Path, header: str, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])
