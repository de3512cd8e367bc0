"""What all commands share: flags, help, one-line errors, signals, exit statuses.

Nothing here imports TensorFlow, so that help and error messages come at once.
"""

import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from absl import flags

from gan_mnist import __version__
from gan_mnist.commands.parsers import IntegerParser, NamesParser
from gan_mnist.errors import InputError, check_flags, unknown
from gan_mnist.files import absolute
from gan_mnist.study.display.printing import columns

SHARED = ("debug", "help", "helpfull", "version")
FLAGFILE = ("--flagfile", "read flags from this file, one per line")
ENDING = (signal.SIGINT, signal.SIGTERM)


class Command:
    """A command: its flags, its help, how it reports errors, and its exit status.

    Attributes:
        flags: absl's flags of this command alone; `--debug` and `--help` are among them.
        arguments: Positional arguments of the command line, for a command that takes some.
    """

    def __init__(self, about: str, when_stopped: str, *takes: tuple[str, str]) -> None:
        """Defines the flags that every command has.

        Args:
            about: What the command does, in one line.
            when_stopped: What a message says of the work when it is interrupted or terminated.
            takes: Positional arguments, if any: a name, and a line of help.
        """
        self._about, self._when_stopped, self._takes = about, when_stopped, takes
        self.flags = flags.FlagValues()
        self.arguments: list[str] = []
        self._debug = self.switch("debug", False, "show the traceback of an error")
        self._help = self.switch("help", False, "show this")
        self._help_full = self.switch("helpfull", False, "the same as --help, for users of absl")
        self._version = self.switch("version", False, "show the version")

    def text(self, name: str, default: str | None, about: str) -> flags.FlagHolder:
        """Defines a flag whose value is text."""
        return flags.DEFINE_string(name, default, about, flag_values=self.flags)

    def number(
        self, name: str, default: int | None, about: str, minimum: int = 1, maximum: int = 1000
    ) -> flags.FlagHolder:
        """Defines a flag whose value is an integer from `minimum` to `maximum`."""
        parser = IntegerParser(minimum, maximum)
        return flags.DEFINE(parser, name, default, about, self.flags, flags.ArgumentSerializer())

    def switch(self, name: str, default: bool, about: str) -> flags.FlagHolder:
        """Defines a flag that is on or off."""
        return flags.DEFINE_boolean(name, default, about, flag_values=self.flags)

    def names(self, name: str, about: str) -> flags.FlagHolder:
        """Defines a flag whose value is names with commas between them; None if not given."""
        serializer = flags.CsvListSerializer(",")
        return flags.DEFINE(NamesParser(), name, None, about, self.flags, serializer)

    def run(
        self, argv: Sequence[str], body: Callable[[], int], more_help: Callable[[], str] = str
    ) -> int:
        """Reads the flags and runs `body`.

        Args:
            argv: Program name and arguments.
            body: The work; returns the exit status.
            more_help: Returns what `--help` prints after the flags.

        Returns:
            Exit status: that of `body`, 2 for bad input, 130 and 143 when it was interrupted or
            told to end, 141 when nobody reads its output.
        """
        _ready_streams()
        try:
            self._parse(argv)
            status = 0
            if self._help.value or self._help_full.value:
                print_line(self._describe(more_help()))
            elif self._version.value:
                print_line(f"gan_mnist {__version__}")
            else:
                check_flags(self.flags.flag_values_dict())
                _check_here()
                status = body()
            return status
        except InputError as error:
            if self.flags.is_parsed() and self._debug.value:
                raise
            _print_error(f"error: {error}")
            return 2
        except KeyboardInterrupt:
            _print_error(f"interrupted; {self._when_stopped}")
            return 130
        except _Terminated:
            _print_error(f"terminated; {self._when_stopped}")
            return 143
        except BrokenPipeError:
            # Whoever read this has seen enough.
            _silence(sys.stdout)
            _silence(sys.stderr)
            return 141

    def _parse(self, argv: Sequence[str]) -> None:
        self.flags.unparse_flags()
        flag_names = [f"--{name}" for name in self._flag_names()]
        try:
            remaining = self.flags(argv)
        except flags.UnrecognizedFlagError as error:
            name, blank, value = error.flagname.partition(" ")
            if blank and name in self.flags:  # a line of a file of flags
                line = f"--{name}={value.strip()}"
                raise _bad_flag_file(f"'--{error.flagname}' has no =, as in {line}") from None
            raise unknown("flags", f"--{error.flagname}", flag_names) from None
        except flags.CantOpenFlagFileError as error:
            raise _bad_flag_file(str(error.__context__)) from None
        except UnicodeDecodeError as error:
            raise _bad_flag_file(f"holds no text: {error}") from None
        except ValueError as error:  # --nolist=1
            name = str(error).partition("=")[0].lstrip("-").removeprefix("no")
            raise InputError(f"flags: {error}; accepted: --no{name}, or --{name}=false") from None
        except flags.IllegalFlagValueError as error:
            name = str(error).removeprefix("flag --").partition("=")[0]
            if name not in self.flags:  # absl's own --flagfile, without a value
                raise _bad_flag_file("no file is named") from None
            accepted = self.flags[name].parser.syntactic_help or "true or false"
            value = str(error).partition("=")[2].removesuffix(f": {error.__context__}")
            raise InputError(f"--{name}: {value!r} is not accepted; accepted: {accepted}") from None
        except flags.Error as error:
            raise InputError(str(error).replace("\n", " ")) from None
        self.arguments = remaining[1:]
        if self.arguments and not self._takes:
            raise InputError(f"flags: {remaining[1]!r} is not a flag; accepted: --name=value")

    def _flag_names(self) -> list[str]:
        return sorted(self.flags, key=SHARED.__contains__)

    def _describe(self, more_help: str) -> str:
        rows = [(f"--{name}", self.flags[name].help) for name in self._flag_names()] + [FLAGFILE]
        lines = columns((name, " ".join(about.split())) for name, about in (*self._takes, *rows))
        return "\n".join([self._about, "", *lines, *(["", more_help] if more_help else [])])


def _bad_flag_file(reason: str) -> InputError:
    return InputError(f"--flagfile: {reason}; accepted: a text file with a flag a line")


def _ready_streams() -> None:
    """Lets a command run with closed streams (`>&-`), or a stdout that is not UTF-8."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def print_line(text: str) -> None:
    """Prints `text` to stdout, and flushes it.

    Raises:
        InputError: If it cannot be written, as on a full disk.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence(sys.stdout)
        raise InputError(
            f"stdout: {error.strerror}; accepted: what can be written to, or nothing (>&-)"
        ) from error


def _print_error(text: str) -> None:
    """Prints `text` to stderr as one line, whatever names are in it; ignores a broken stderr."""
    try:
        print(" ".join(text.splitlines()), file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Drops what was and will be written to a broken stream, so that Python exits quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _check_here() -> None:
    """Raises `InputError` if there is no current directory, which paths may be relative to."""
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(
            f"the current directory: {error.strerror}; accepted: one that has not been removed"
        ) from error


class _Terminated(BaseException):
    """SIGTERM."""


def _stop(signum: int, _frame: object) -> None:
    # Once is enough: what follows is the clean-up, which an impatient second must not cut short.
    ignore_signals()
    raise KeyboardInterrupt if signum == signal.SIGINT else _Terminated


def handle_signals() -> None:
    """From here on SIGINT and SIGTERM end the command after it has cleaned up."""
    for signum in ENDING:
        signal.signal(signum, _stop)


def ignore_signals() -> None:
    """From here on only a kill ends the command."""
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)


def path_from_flag(flag: flags.FlagHolder, accepted: str) -> Path:
    """The absolute path that a flag names.

    Raises:
        InputError: If the flag is missing or empty; the message ends with `accepted`.
    """
    if not flag.value:
        problem = "missing" if flag.value is None else f"{flag.value!r} is no path"
        raise InputError(f"--{flag.name}: {problem}; accepted: {accepted}")
    return absolute(flag.value)
