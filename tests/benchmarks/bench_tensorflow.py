"""What two ways of TensorFlow's own are worth to trainings, into docs/performance.json.

Adam as one operation, beside the Adam of Keras; and TensorFlow without oneDNN, as it is by itself
on a processor without AVX-512 VNNI or the like, beside TensorFlow with it. Seconds are those of the
processor, of processes with one thread.
"""

import os
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from bench_performance import FLOAT32, RECORDS, TRAININGS, seconds

from gan_mnist.files import read_json, write_json
from gan_mnist.study.workers import ENVIRONMENT, LocalWorker
from gan_mnist.training.adam import Adam

ROUNDS = 3
# Updates of one training; the first of a process traces besides.
UPDATES = {"SmallCNN": 100, "dense GAN": 300, "denoiser, width 32": 10}
FLAGS = Path("/proc/cpuinfo").read_text().split()
EXTENSIONS = "avx512_vnni", "avx_vnni", "avx512f", "avx2"
PROCESSOR = next((name for name in EXTENSIONS if name in FLAGS), "neither AVX2 nor AVX-512")


def until_second_training(adam_of_keras: bool, *of: object) -> float:
    """In a new worker: the processor's seconds of all that comes before its second training."""
    if adam_of_keras:
        Adam.update_step = keras.optimizers.Adam.update_step
    began = time.process_time()
    seconds(*of)
    return time.process_time() - began


@pytest.mark.parametrize("what", UPDATES)
def test_adam_and_onednn(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, _, (_, *sizes) = TRAININGS[what]
    of = "in_tensorflow", function, (UPDATES[what], *sizes), FLOAT32
    sides = {"ours": (False, "0"), "keras_adam": (True, "0"), "with_onednn": (False, "1")}
    taken: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for side, (adam_of_keras, onednn) in sides.items():
            monkeypatch.setitem(ENVIRONMENT, "TF_ENABLE_ONEDNN_OPTS", onednn)
            worker = LocalWorker(Path(os.devnull))
            try:
                before = worker.submit(until_second_training, adam_of_keras, *of).result()
                again = worker.submit(seconds, *of).result()[1]
            finally:
                worker.stop()
            taken.setdefault(side, []).append(round(again, 3))
            taken.setdefault(f"{side} (first call)", []).append(round(before - again, 3))
    row = {"what": f"{what} ({PROCESSOR})", "precision": FLOAT32, "seconds": taken}
    known = read_json(RECORDS) or {"rows": {}}
    write_json(RECORDS, {**known, "rows": {**known["rows"], f"{row['what']}, ways": row}})
    for side, found in taken.items():
        print(what, side, np.median(found))
