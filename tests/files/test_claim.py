"""Two commands in one directory: the second is refused, on another machine, too."""

import errno
import fcntl
import json
import os
import threading
import time

import pytest

from gan_mnist.errors import InputError
from gan_mnist.files import claim as module
from gan_mnist.files.claim import Claim


@pytest.fixture
def claims():
    """`claims(workdir)`: a claim that is released at the end."""
    made = []

    def make(workdir):
        made.append(Claim(workdir))
        return made[-1]

    yield make
    for claim in made:
        claim.release()


@pytest.fixture
def elsewhere(claims, monkeypatch):
    """`elsewhere(workdir)`: one of another machine, whose locks are not seen here."""

    def make(workdir):
        with monkeypatch.context() as patch:
            patch.setattr(module.socket, "gethostname", lambda: "node-7")
            claim = claims(workdir)
        claim._lock = type(claim._lock)(workdir / ".lock of node-7")
        return claim

    return make


def refused(claim):
    with pytest.raises(InputError) as error:
        claim.take()
    assert "\n" not in str(error.value)
    return str(error.value)


def silent_for(workdir, seconds):
    then = time.time() - seconds
    os.utime(workdir / ".running", (then, then))


def test_the_second_is_refused_with_the_name_of_the_first(claims, tmp_path):
    first = claims(tmp_path)
    first.take()
    told = refused(claims(tmp_path))
    assert told.startswith(f"--workdir: {tmp_path} is in use by another run (process {os.getpid()}")
    # However long it has been silent: here its lock tells that it lives.
    silent_for(tmp_path, 10_000)
    refused(claims(tmp_path))
    first.release()
    claims(tmp_path).take()


def test_one_on_another_machine_is_refused_as_long_as_the_first_is_at_work(
    claims, elsewhere, tmp_path
):
    elsewhere(tmp_path).take()
    silent_for(tmp_path, module.SILENCE_SECONDS - 10)
    told = refused(claims(tmp_path))
    assert f"(process {os.getpid()} on node-7); if that was killed, wait 120 seconds" in told
    # What was refused has left no trace.
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".lock", ".lock of node-7", ".running"}
    assert json.loads((tmp_path / ".running").read_text())["host"] == "node-7"


def test_one_that_has_been_silent_for_long_is_taken_over(claims, elsewhere, tmp_path):
    dead = elsewhere(tmp_path)
    dead.take()
    silent_for(tmp_path, module.SILENCE_SECONDS + 10)
    claims(tmp_path).take()
    owner = json.loads((tmp_path / ".running").read_text())
    assert owner["host"] != "node-7"
    # If it was not dead after all, it does not take away what is another's now.
    dead.release()
    assert json.loads((tmp_path / ".running").read_text()) == owner


def test_one_whose_clock_was_wrong_is_not_waited_for(claims, elsewhere, tmp_path):
    elsewhere(tmp_path).take()
    silent_for(tmp_path, -10_000_000)
    claims(tmp_path).take()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_in_nobodys_way_for_long(claims, tmp_path, make):
    make(tmp_path / ".running")
    if make is os.mkdir:
        for _ in range(2):
            with pytest.raises(IsADirectoryError):
                claims(tmp_path).take()
        # Nor does it leave behind that somebody is about to take over.
        assert {path.name for path in tmp_path.iterdir()} == {".lock", ".running"}
        (tmp_path / ".running").rmdir()
    claims(tmp_path).take()


def test_one_that_was_killed_here_is_taken_over_at_once(claims, tmp_path):
    killed = claims(tmp_path)
    killed.take()
    killed._lock.release()  # As the operating system does it.
    claims(tmp_path).take()


def test_it_shows_that_it_is_at_work(claims, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.02)
    claim = claims(tmp_path)
    claim.take()
    silent_for(tmp_path, 1000)
    end = time.monotonic() + 10
    while time.time() - (tmp_path / ".running").stat().st_mtime > 500:
        assert time.monotonic() < end
        time.sleep(0.01)
    claim.release()
    assert not (tmp_path / ".running").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"host": 1}'])
def test_a_file_that_tells_nothing_stands_in_nobodys_way(claims, tmp_path, content):
    (tmp_path / ".running").write_bytes(content)
    claims(tmp_path).take()
    assert json.loads((tmp_path / ".running").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_on_a_disk_without_locks_the_file_alone_tells(claims, tmp_path, monkeypatch, number):
    def no_locks(file, what):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    first = claims(tmp_path)
    first.take()
    assert "in use by another run" in refused(claims(tmp_path))
    silent_for(tmp_path, module.SILENCE_SECONDS + 10)
    claims(tmp_path).take()


def test_of_many_that_come_at_once_one_gets_it(claims, elsewhere, tmp_path):
    """Of as many machines, where a dead one was before."""
    for round_number in range(10):
        workdir = tmp_path / str(round_number)
        workdir.mkdir()
        (workdir / ".running").write_text('{"host": "node-9", "pid": 1, "token": "x"}')
        silent_for(workdir, 10_000)
        got, all_there = [], threading.Barrier(6)

        def come(claim, number, got=got, all_there=all_there, workdir=workdir):
            claim._host = f"node-{number}"
            claim._lock = type(claim._lock)(workdir / f".lock of {number}", thread_local=False)
            all_there.wait()
            try:
                claim.take()
                got.append(number)
            except InputError:
                pass

        threads = [
            threading.Thread(target=come, args=(elsewhere(workdir), number)) for number in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1


def test_who_was_silent_for_too_long_does_not_beat_for_another(claims, tmp_path, monkeypatch):
    """A process that was suspended, and goes on when another has taken over."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    claims(tmp_path).take()
    told = '{"host": "node-9", "pid": 1, "token": "x"}'
    (tmp_path / ".running").write_text(told)
    silent_for(tmp_path, 1000)
    time.sleep(0.1)
    before = (tmp_path / ".running").stat().st_mtime_ns
    time.sleep(0.1)
    assert (tmp_path / ".running").stat().st_mtime_ns == before
