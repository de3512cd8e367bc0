"""Whether a run can be written where it is to be, and what is told where it cannot."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gan_mnist.errors import (
    RESOURCE_ERRNOS,
    STORAGE_ERRNOS,
    InputError,
    StorageError,
    path_of_error,
)
from gan_mnist.files import check_writable
from gan_mnist.study.trial import Plan

KEPT = "what is finished is kept, and the same command goes on"


def check_places(plan: Plan) -> None:
    """Raises `InputError` where the run, or what it exports, cannot be written."""
    check_writable("--workdir", plan.workdir)
    if plan.settings.export_dir:
        check_writable("--export_dir", Path(plan.settings.export_dir))


@contextlib.contextmanager
def as_input_errors(workdir: Path) -> Iterator[None]:
    """What cannot be written, or begun for want of memory or processes, becomes an `InputError`."""
    try:
        yield
    except StorageError as error:
        raise InputError(f"--workdir: {error}; {KEPT}") from error
    except BrokenPipeError:  # nobody reads stderr any more
        raise
    except OSError as error:
        reason = error.strerror or error
        if error.errno in RESOURCE_ERRNOS:
            advice = "accepted: fewer at once (--jobs)"
            raise InputError(f"memory, processes or files: {reason}; {advice}; {KEPT}") from error
        named_path = path_of_error(error)
        path = str(workdir) if named_path is None else named_path
        is_ours = "://" in path or Path(path).absolute().is_relative_to(workdir.absolute())
        is_unspecific = error.errno is None and named_path is None
        if is_unspecific or (error.errno not in STORAGE_ERRNOS and not is_ours):
            raise
        raise InputError(f"--workdir: cannot write {path}: {reason}; {KEPT}") from error
