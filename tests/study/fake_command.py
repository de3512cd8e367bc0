"""`python -m gan_mnist.main`, but the only experiment is the fake one, and no report is drawn."""

import signal
import sys
import types

import fake_study

from gan_mnist import experiments
from gan_mnist.main import main

experiments.names = lambda: ["fake_study"]
experiments.load = lambda name: fake_study.STUDY
# In the place of the module, since its plots take longer to import than all else takes to run.
sys.modules["gan_mnist.report.page"] = types.SimpleNamespace(
    write_report=lambda workdir, pictures: None
)

if __name__ == "__main__":
    # A shell starts background jobs deaf to Ctrl-C, and pytest may be the child of one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv))
