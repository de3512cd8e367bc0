"""What ends a whole run: a line of what it lacks, or a traceback of a fault of ours."""

import errno

import pytest

from gan_mnist.errors import InputError
from gan_mnist.study.places import as_input_errors


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left"), "--workdir: cannot write {}: No space left"),
        (OSError(errno.EISDIR, "It is", "{}/a.json"), "--workdir: cannot write {}/a.json: It is"),
        (OSError(errno.EACCES, "Not yours", "/x"), "--workdir: cannot write /x: Not yours"),
        (
            OSError(errno.ENOMEM, "No memory"),
            "memory, processes or files: No memory; accepted: fewer at once (--jobs)",
        ),
        (
            OSError(errno.EMFILE, "Too many", "/x"),
            "memory, processes or files: Too many; accepted: fewer at once (--jobs)",
        ),
    ],
)
def test_what_a_run_lacks_is_told_in_a_line(error, told, tmp_path):
    if error.filename:
        error.filename = error.filename.format(tmp_path)
    with pytest.raises(InputError) as found, as_input_errors(tmp_path):
        raise error
    assert str(found.value).startswith(told.format(tmp_path))


def test_a_file_of_ours_that_is_missing_is_no_fault_of_the_directory(tmp_path):
    with pytest.raises(FileNotFoundError), as_input_errors(tmp_path):
        (tmp_path.parent / "template.html").read_text()
