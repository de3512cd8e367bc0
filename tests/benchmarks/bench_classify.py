"""What `classify` costs a folder of small images, against reading them one by one by Pillow."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_mnist.commands import classify
from gan_mnist.data.finding import find_images
from gan_mnist.data.images import ImageConversion, as_float, read_image
from gan_mnist.models.saved import load_model
from gan_mnist.models.signature_calls import call_signature

NUM_IMAGES, ROUNDS = 20_000, 7


def one_by_one(model, paths, shape):
    """As version 0.1.0 did: read by Pillow and predicted in turns, 100 images at a time."""
    rows = []
    for start in range(0, len(paths), 100):
        batch = [
            as_float(read_image(path, ImageConversion(*shape[1:])))
            for path in paths[start : start + 100]
        ]
        answer = call_signature(model.signatures["classify"], images=np.stack(batch))
        for label, probability in zip(answer["label"], answer["probability"], strict=True):
            rows.append((label.decode(), float(probability)))
    return rows


def on_all_cores(model, paths, shape):
    predict = classify.CheckedClassifier(model.signatures["classify"], 1, [])
    rows = classify.classify_images(predict, paths)
    return [(row["prediction"], float(row["probability"])) for row in rows]


def measure(export, folder, *shape):
    """Seconds of each way in each round, by the clock and of the processor, in turns."""
    shape = tuple(map(int, shape))
    model = load_model(Path(export), "classify", ["images"], ["label", "probability"])
    ways = (one_by_one, on_all_cores)
    seconds, cpu_seconds, answers = ([[], []] for _ in range(3))
    for _ in range(ROUNDS):
        for place, way in enumerate(ways):
            start, cpu_start = time.perf_counter(), time.process_time()
            images = find_images(Path(folder), "--images").names
            answers[place] = way(model, [Path(folder, name) for name in images], shape)
            seconds[place].append(time.perf_counter() - start)
            cpu_seconds[place].append(time.process_time() - cpu_start)
    for one, other in zip(*answers, strict=True):
        assert one[0] == other[0]
        assert abs(one[1] - other[1]) < 2e-6
    return {"seconds": seconds, "cpu_seconds": cpu_seconds}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("suffix", "shape"), [("png", (28, 28, 1)), ("jpeg", (32, 32, 3))])
def test_twenty_thousand_images(tmp_path, suffix, shape):
    from gan_mnist.models.classifiers import build_small_cnn
    from gan_mnist.trials.export import export_classifier

    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES):
        pixels = rng.integers(0, 256, (7, 7, shape[-1]), np.uint8)
        image = Image.fromarray(pixels.squeeze()).resize(shape[:2])
        image.save(folder / f"{number:05d}.{suffix}")
    export_classifier(build_small_cnn(shape, 10, 16), list("abcdefghij"), tmp_path)
    # Tests have one thread, which is not what a user has.
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_THREADS")}
    arguments = [tmp_path / "classifier", folder, *shape]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, (before, after) in json.loads(done.stdout).items():
        ratios = [one / other for one, other in zip(before, after, strict=True)]
        print(
            f"{suffix} {name}: {statistics.median(before):.2f} before, "
            f"{statistics.median(after):.2f} after; ratios",
            " ".join(f"{ratio:.2f}" for ratio in sorted(ratios)),
        )
        if name == "seconds":
            # On two cores that others use as well; half of what is left is the network.
            assert statistics.median(ratios) > 2


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
