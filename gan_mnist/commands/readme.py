"""Renews published summaries and reports from their records, and what pages repeat of them.

Pages are READMEs and docs/.

Works on the repository that it is run in. Nothing here imports TensorFlow.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gan_mnist.commands.command import Command, path_from_flag, print_line
from gan_mnist.commands.output import printable
from gan_mnist.errors import InputError

COMMAND = Command(__doc__.splitlines()[0], "pages that were renewed stay so")
CHECK = COMMAND.switch("check", False, "write nothing; list stale files, exit with status 1 if any")
PUBLISH = COMMAND.text("publish", None, "a finished run, copied to its experiment's results")
NAME = COMMAND.text("name", None, "with --publish: the new folder's name, such as mnist")
RUN = COMMAND.text("run", None, "a run of imbalance from which the first picture takes its images")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all is up to date, 1 when `--check` found something stale, 2 for bad
        input, 130 and 143 when it was interrupted or told to end.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    for flag in (RUN, PUBLISH):
        if CHECK.value and flag.value is not None:
            raise InputError(f"--{flag.name}: is not accepted with --check, which writes nothing")
    if (PUBLISH.value is None) != (NAME.value is None):
        raise InputError("--publish, --name: one is nothing without the other; accepted: both")
    run = None if RUN.value is None else path_from_flag(RUN, "the directory of a run of imbalance")

    from gan_mnist.commands import published
    from gan_mnist.report.readme import check_checkout

    root = Path(os.getcwd())
    check_checkout(root)
    if PUBLISH.value is not None:
        run_to_publish = path_from_flag(PUBLISH, "the directory of a run that has ended")
        for path in published.publish(run_to_publish, NAME.value, root):
            print_line(f"published: {printable(path.relative_to(root))}")
    stale_files = published.stale_files(root) if CHECK.value else published.renew(root, run)
    for path in stale_files:
        print_line(f"{'stale' if CHECK.value else 'renewed'}: {printable(path.relative_to(root))}")
    return 1 if CHECK.value and stale_files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
