"""A study in a notebook's kernel is stopped once a trial is finished, and called again.

Prints what became of both cells, and the trials that were finished when it was stopped, as JSON.
"""

import json
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel

STUDY = """
import gan_mnist

summary = gan_mnist.run(
    "imbalance", preset="smoke", arms=["classical"], workdir="stopped", jobs=1, export_dir=""
)
"""


def finished():
    """The records so far, and when they were written."""
    return {str(p): p.stat().st_mtime_ns for p in Path("stopped").rglob("record.json")}


manager, client = start_new_kernel(kernel_name="python3")
try:
    first = client.execute(STUDY)
    while not finished():
        time.sleep(0.05)
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != first:
        pass
    kept = finished()
    again = client.execute(STUDY, reply=True, timeout=300)["content"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
after = finished()
untouched = all(after[path] == moment for path, moment in kept.items())
told = {"stopped": reply["content"].get("ename"), "kept": len(kept), "untouched": untouched}
print(json.dumps(told | {"again": again["status"], "finished": len(after)}))
