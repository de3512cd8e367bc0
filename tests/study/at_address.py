"""Runs of the fake study at an address, as commands begin them."""

from dataclasses import replace
from pathlib import Path

import pytest
from fake_study import make_plan

from gan_mnist.errors import InputError
from gan_mnist.files.remote import Remote
from gan_mnist.study.location import resolve_workdir, with_local_workdir
from gan_mnist.study.run import run_study

HERE = Path(__file__).parent


def plan_at(address, **changes):
    """As a command makes it on the present machine."""
    directory, remote = resolve_workdir(address)
    return replace(make_plan(directory, **changes), remote=remote)


def run_all(address, on_record=lambda record: None, **changes):
    """Runs what is missing; returns the mirror."""
    plan = with_local_workdir(plan_at(address, **changes))
    run_study(plan, 1, "local", "", on_record=on_record)
    return plan.workdir


def stored(address):
    """The files of a run in its store, by name."""
    remote = Remote(address)
    return remote.read(remote.names())


def records(address):
    return sorted(
        name.removeprefix("trials/").removesuffix("/record.json")
        for name in stored(address)
        if name.endswith("/record.json")
    )


def refused(function, *arguments, **options):
    with pytest.raises(InputError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


class Killed(BaseException):
    """As Ctrl-C: nothing of the package catches it."""


def killed_after(number):
    """Ends the command once so many trials have ended."""
    seen = []

    def on_record(record):
        seen.append(record)
        if len(seen) == number:
            raise Killed

    return on_record
