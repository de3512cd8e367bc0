"""Files that are whole or absent: what is on disk is looked at as another program would."""

import contextlib
import csv
import errno
import hashlib
import json
import os
import resource
import threading

import pytest

from gan_mnist.errors import InputError
from gan_mnist.files import (
    DEEPER,
    check_writable,
    fingerprint,
    read_file,
    read_json,
    read_rows,
    write_json,
    write_new_json,
    write_rows,
    write_text,
)


@contextlib.contextmanager
def full_disk():
    """No file can grow beyond ten bytes, which fails a write halfway, as a full disk does.

    Whatever else the process writes to a file meanwhile, such as the report of a test, fails, too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_text_is_written_as_it_is_and_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "text.txt"
    write_text(path, "zwölf\r\nEicheln\n" * 100)
    write_text(path, "漢\n")
    assert path.read_bytes() == "漢\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["text.txt"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "record.json"
    write_text(path, "old")
    with full_disk(), pytest.raises(OSError, match="File too large") as error:
        write_text(path, "new" * 1000)
    assert (error.value.filename, error.value.filename2) == (str(path), None)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_its_place_stays_and_is_named(tmp_path):
    path = tmp_path / "record.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write_text(path, "text")
    assert (error.value.filename, error.value.filename2) == (str(path), None)
    assert list(tmp_path.rglob("*")) == [path]


@pytest.mark.parametrize(
    ("write", "content"),
    [(write_text, "\ud800"), (write_json, {"loss": float("nan")}), (write_json, {"loss": {1}})],
)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path, write, content):
    path = tmp_path / "record.json"
    write_text(path, "old")
    with pytest.raises((ValueError, TypeError)):
        write(path, content)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "record.json"
    versions = [{"version": n, "padding": str(n) * 100_000} for n in range(2)]
    write_json(path, versions[0])
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            for version in versions:
                write_json(path, version)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = [json.loads(path.read_text()) for _ in range(300)]
    finally:
        stop.set()
        writer.join()
    assert all(value in versions for value in seen)


def test_json_is_read_back(tmp_path):
    value = {"a": [1, 2.5, None, True, "ü"], "b": {}}
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value


@pytest.mark.parametrize(
    "content",
    [None, b"", b'{"a": 1', b"\xff\xfe\x00", b"not json", b"[" * 100_000],
    ids=["absent", "empty", "truncated", "binary", "text", "bottomless"],
)
def test_what_is_no_json_reads_as_nothing(tmp_path, content):
    path = tmp_path / "v.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path) is None


def test_rows_survive_commas_quotes_and_line_breaks(tmp_path):
    rows = [{"class, name": 'say "a"', "n": "1"}, {"class, name": "two\nlines", "n": "ü"}]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    assert (tmp_path / "rows.csv").read_bytes().startswith(b'"class, name",n\n"say ""a""",1\n')


# After OWASP's page on CSV injection.
HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
]
HARMLESS = [
    "",
    "a=1",
    "-0.5",
    "+7",
    "-1e-07",
    "-inf",
    "3",
    "'",
    "'quoted'",
    "O'Neill",
    " =x",
    "a\n=1",
]


def test_no_cell_is_a_formula_and_all_read_back_as_they_were(tmp_path):
    given = [*HOSTILE, *HARMLESS, *(f"'{text}" for text in HOSTILE), *(f"''{t}" for t in HOSTILE)]
    write_rows(tmp_path / "rows.csv", [{"=head": text, "n": -0.25} for text in given])
    assert [row["=head"] for row in read_rows(tmp_path / "rows.csv")] == given
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["'=head", "n"]
    assert {row[1] for row in rows} == {"-0.25"}
    cells = [row[0] for row in rows]
    assert cells[: len(HOSTILE)] == [f"'{text}" for text in HOSTILE]
    assert cells[len(HOSTILE) :][: len(HARMLESS)] == HARMLESS


def test_a_fingerprint_is_the_hash_of_canonical_json():
    expected = hashlib.sha256(b'[{"a":[1.5,"x"],"b":true},3]').hexdigest()[:16]
    assert fingerprint({"b": True, "a": [1.5, "x"]}, 3) == expected
    assert fingerprint({"a": [1.5, "x"], "b": True}, 3) == expected


def test_fingerprints_tell_values_and_types_apart():
    values = [1, 1.5, "1", True, None, [1], [[1]], {"1": 1}, {"1": "1"}, ""]
    assert len({fingerprint(value) for value in values}) == len(values)
    assert fingerprint([1], 2) != fingerprint([1, 2])
    with pytest.raises(ValueError, match="JSON compliant"):
        fingerprint(float("nan"))


def test_of_two_that_write_a_new_file_the_first_is_heeded(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_new_json(path, {"by": 1})
    with pytest.raises(FileExistsError, match=str(path)):
        write_new_json(path, {"by": 2})
    assert read_json(path) == {"by": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (read_file, read_json):
        with pytest.raises(OSError, match="no file"):
            read(tmp_path / "pipe")


def test_without_links_of_two_the_first_is_heeded_too(tmp_path, monkeypatch):
    def link(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_new_json(tmp_path / "a.json", {"by": 1})
    with pytest.raises(FileExistsError, match=r"a\.json"):
        write_new_json(tmp_path / "a.json", {"by": 2})
    assert read_json(tmp_path / "a.json") == {"by": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_disk_with_short_names_is_written_and_one_with_short_paths_is_not(tmp_path, monkeypatch):
    """Names of eCryptfs have 143 characters at most, and no file of a run needs more."""
    mkdir = os.mkdir
    longest = {"name": 143, "path": len(str(tmp_path)) + DEEPER + 60}

    def bounded(path, *arguments, **options):
        name, length = os.path.basename(path), len(os.fspath(path))
        if len(name) > longest["name"] or length > longest["path"]:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", bounded)
    check_writable("--workdir", tmp_path / "run")
    longest["path"] = len(str(tmp_path)) + DEEPER - 60
    with pytest.raises(InputError, match=r"^--workdir: cannot write .*/run: File name too long$"):
        check_writable("--workdir", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
