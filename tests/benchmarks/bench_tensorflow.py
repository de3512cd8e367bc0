"""What two ways of TensorFlow's own are worth to trials, into docs/performance.json.

Adam as one operation, beside the Adam of Keras; and oneDNN, beside TensorFlow without it, as it is
by itself on a processor without AVX-512 VNNI. Seconds are the processor's, of processes with one
thread.
"""

import os
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from bench_performance import FLOAT32, RECORDS, TRAININGS, seconds

from gan_mnist.files import read_json, write_json
from gan_mnist.study import workers
from gan_mnist.study.workers import LocalWorker
from gan_mnist.training.adam import Adam

ROUNDS = 3
# Updates of one training; the first of a process traces besides.
UPDATES = {"SmallCNN": 200, "dense GAN": 400, "convolutional GAN": 10, "denoiser, width 32": 20}
FLAGS = Path("/proc/cpuinfo").read_text().split()
PROCESSOR = next(name for name in ("avx512_vnni", "avx512f", "avx2", "sse2") if name in FLAGS)


def first(adam_of_keras: bool, *of: object) -> float:
    """In a new worker: the processor's seconds of all that comes before its second training."""
    if adam_of_keras:
        Adam.update_step = keras.optimizers.Adam.update_step  # type: ignore[method-assign]
    began = time.process_time()
    seconds(*of)
    return time.process_time() - began


@pytest.mark.parametrize("what", UPDATES)
def test_what_tensorflow_has(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, _, (_, *sizes) = TRAININGS[what]
    of = "in_tensorflow", function, (UPDATES[what], *sizes), FLOAT32
    sides = {"ours": (False, "1"), "keras_adam": (True, "1"), "without_onednn": (False, "0")}
    taken: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for side, (adam_of_keras, onednn) in sides.items():
            monkeypatch.setitem(workers.ENVIRONMENT, "TF_ENABLE_ONEDNN_OPTS", onednn)
            worker = LocalWorker(Path(os.devnull))
            try:
                before = worker.submit(first, adam_of_keras, *of).result()
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
