"""Small files that are whole or absent, whatever happens while they are written."""

import contextlib
import csv
import errno
import hashlib
import io
import itertools
import json
import os
import re
import socket
import stat
import tempfile
import types
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.errors import InputError

# What a spreadsheet takes for a formula, and such a cell with marks before it.
_FORMULA = re.compile("'*[=+\\-@\\t\\r\\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
                      "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]")  # fmt: skip
# Characters that may follow the path of a directory that is found writable.
DEEPER = 255
# Where this machine keeps what can be made or fetched again; and in there, mirrors of runs.
CACHE_VARIABLE, MIRRORS = "GAN_MNIST_CACHE", "runs"
NO_FILE = "it is a folder, or no file"
# One damaged byte of an archive may be any of these, by the part of the format that it is of.
_ANY_DAMAGE = (OSError, EOFError, LookupError, ValueError, RuntimeError, MemoryError,
               SyntaxError, TypeError, zipfile.BadZipFile, zlib.error)  # fmt: skip


class Damaged(ValueError):
    """A file does not have the required form; the message is one line and names no file."""


def absolute(path: str | Path) -> Path:
    """The absolute form of a path that a user gave, which may begin with ~."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` atomically, in UTF-8; creates its directory.

    Raises:
        OSError: If it cannot be written; the error names `path`.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path` atomically; creates its directory.

    Raises:
        OSError: If it cannot be written; the error names `path`.
    """
    _write(path, content, os.replace)


def _write(path: Path, content: bytes, rename: Callable[[Path, Path], None]) -> None:
    """Writes a hidden file, which `rename` then renames to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_hidden(path.name))
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        rename(temporary, path)
    except OSError as error:  # which names the temporary file, or none
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _hidden(name: str) -> str:
    """The name that a file has until it is whole: a disk may be shared by several machines."""
    machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]
    return f".{name}.{os.getpid()}.{machine}"


def write_arrays(path: Path, **arrays: Any) -> None:
    """Writes a compressed archive of arrays to `path`, as `write_bytes`."""
    np.savez_compressed(buffer := io.BytesIO(), **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray] | None:
    """The named arrays of an archive, or all; None if it is missing, damaged, or lacks one."""
    with contextlib.suppress(*_ANY_DAMAGE), path.open("rb") as file, np.load(file) as archive:
        return {name: archive[name] for name in names or archive.files}
    return None


def write_json(path: Path, value: Any) -> None:
    """Writes strict JSON (no NaN)."""
    write_bytes(path, as_json(value))


def write_new_json(path: Path, value: Any) -> None:
    """As `write_json`, but never replaces a file: of several writers at once the first wins.

    Raises:
        FileExistsError: If there is such a file.
    """
    write_new_bytes(path, as_json(value))


def write_new_bytes(path: Path, content: bytes) -> None:
    """As `write_bytes`, but never replaces a file: of several writers at once the first wins.

    Raises:
        FileExistsError: If there is such a file.
    """
    _write(path, content, rename_new)


def as_json(value: Any) -> bytes:
    """Strict JSON (no NaN) as it stands in a file; NumPy's numbers become Python's."""
    return (json.dumps(value, indent=1, allow_nan=False, default=np.generic.item) + "\n").encode()


def rename_new(source: Path, target: Path) -> None:
    """Renames a complete file, but never replaces one: of two processes that try, one succeeds.

    Raises:
        FileExistsError: If there is a file at `target`.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links, on which a reader may see an empty file for a moment
        os.close(os.open(target, os.O_CREAT | os.O_EXCL))
        os.replace(source, target)


def check_file(path: Path) -> Path:
    """Returns `path`; raises `OSError` if it is no regular file, as reading a pipe would block."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    return path


def read_file(path: Path) -> bytes:
    """The content of a file; raises `OSError` if it cannot be read, as `check_file` does."""
    return check_file(path).read_bytes()


def read_json(path: Path, *keys: str) -> dict[str, Any] | None:
    """The JSON object in `path`, or None where there is none that has all `keys`."""
    try:
        value = json.loads(read_file(path))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) and value.keys() >= set(keys) else None


def read_form(path: Path, form: type) -> dict[str, Any] | None:
    """The JSON object in `path`, whole, or None where there is no such file.

    Args:
        path: The file.
        form: As for `parse_form`.

    Raises:
        Damaged: If it is no JSON, or of another form; tells where and how.
        OSError: If it cannot be read.
    """
    try:
        return parse_form(read_file(path), form)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Damaged(NO_FILE) from None
        raise


def parse_form(text: bytes, form: type) -> dict[str, Any]:
    """Parses a JSON object and checks its form; returns all of it.

    Args:
        text: JSON in UTF-8.
        form: A `TypedDict` of the keys and types that the object must have. Numbers are finite, and
            true and false are no numbers. The object may have further keys.

    Raises:
        Damaged: If it is no JSON, or of another form; tells where and how.
    """
    # 10 ms, which help and refusals need not wait for.
    import msgspec

    try:
        value: dict[str, Any] = msgspec.json.decode(text)
        msgspec.convert(value, form)
    except RecursionError:
        raise Damaged("it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(" ".join(str(error).split())) from error
    return value


def set_aside(path: Path) -> Path:
    """Renames a damaged file to `NAME.damaged`, `NAME.damaged-2`...; returns the new path."""
    suffixes = itertools.chain(["damaged"], (f"damaged-{number}" for number in itertools.count(2)))
    candidates = (path.with_name(f"{path.name}.{suffix}") for suffix in suffixes)
    target = next(candidate for candidate in candidates if not os.path.lexists(candidate))
    return path.rename(target)


def cache_directory() -> Path:
    """Where this machine keeps what can be made or fetched again.

    Raises:
        RuntimeError: If the user has no home folder.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get(CACHE_VARIABLE) or Path(home) / "gan_mnist").expanduser()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of equal keys, at least one, as CSV with a header.

    No cell is a formula to a spreadsheet: one that would be begins with a quotation mark.

    Source: OWASP, CSV Injection. Differs: what is a number stays one, "-0.5" too.
    """
    table = [list(rows[0]), *([row[key] for key in rows[0]] for row in rows)]
    lines: list[str] = []
    # "\r\n" as the terminator has cells with either character quoted; lines then end in "\n".
    writer = csv.writer(types.SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerows(map(_harmless, cells) for cells in table)
    write_text(path, "".join(line.removesuffix("\r\n") + "\n" for line in lines))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows that `write_rows` wrote, as text."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [{unescape(key): unescape(value) for key, value in row.items()} for row in rows]


def _harmless(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def unescape(cell: Any) -> Any:
    """A cell that `write_rows` wrote, without the mark that keeps it from being a formula."""
    is_marked = isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell)
    return cell[1:] if is_marked else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_writable(flag: str, directory: Path, name: str = "") -> None:
    """Tries to write where `directory` is, or would be made; leaves nothing behind.

    Args:
        flag: The flag that names the directory, for the message.
        directory: Where something is to be written.
        name: Name of a file that `write_text` is to write there, if its length matters.

    Raises:
        InputError: If that fails.
    """
    existing = next(path for path in (directory, *directory.parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryDirectory(dir=existing, prefix=".") as scratch:
            target = Path(scratch) / directory.relative_to(existing)
            # Systems bound the length of paths, and of names; what is written may lie deeper still.
            target.joinpath(*["x" * (DEEPER // 5 - 1)] * 5).mkdir(parents=True)
            tempfile.NamedTemporaryFile(dir=target, prefix=_hidden(name)).close()
    except OSError as error:
        raise InputError(f"{flag}: cannot write {directory}: {error.strerror}") from None


def fingerprint(*parts: Any) -> str:
    """16 hex digits of the SHA-256 of `parts` as canonical JSON: a name for what they describe."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
