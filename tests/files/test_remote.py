"""A directory in a store, and whose it is, in memory and on a disk."""

import contextlib
import json
import os
import socket
import sys
import threading

import fsspec
import pytest

from gan_mnist.errors import InputError
from gan_mnist.files import remote as module
from gan_mnist.files.claim import OWNER
from gan_mnist.files.remote import Remote, RemoteClaim

STORE = fsspec.filesystem("memory")


@pytest.fixture(params=["memory", "file"])
def remote(request, tmp_path):
    return Remote(f"{request.param}://{tmp_path}/bucket/run")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0.0)


def refused(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_store_that_cannot_be_reached_while_it_is_found_is_named(monkeypatch):
    def unreachable(address, **options):
        raise ConnectionError("Name or\nservice not known")

    monkeypatch.setattr("fsspec.core.url_to_fs", unreachable)
    told = refused(Remote, "ftp://nowhere/run")
    assert told == "--workdir: ftp://nowhere/run: Name or service not known"


def test_what_is_written_is_there(remote):
    assert remote.names() == []
    assert remote.read(["a"]) == {}
    remote.write({"a": b"1", "b/c [x]*?.txt": b"2", "b/d": b""})
    assert remote.names() == ["a", "b/c [x]*?.txt", "b/d"]
    remote.write({"a": b"3"})
    assert remote.read(["b/d", "none", "a", "b/c [x]*?.txt"]) == {
        "b/d": b"", "a": b"3", "b/c [x]*?.txt": b"2",
    }  # fmt: skip
    remote.remove(["b/d", "none", "a"])
    remote.remove(["a"])
    assert remote.names() == ["b/c [x]*?.txt"]


def test_of_two_that_create_an_object_the_first_does(remote):
    assert remote.create("study.json", b"first")
    assert not remote.create("study.json", b"second")
    assert remote.read(["study.json"]) == {"study.json": b"first"}
    assert remote.names() == ["study.json"]


def test_a_slash_at_the_end_is_the_same_place(tmp_path):
    Remote(f"memory://{tmp_path}/run").write({"a": b"1"})
    assert Remote(f"memory://{tmp_path}/run/").read(["a"]) == {"a": b"1"}
    assert Remote(f"memory://{tmp_path}/run/").address == f"memory://{tmp_path}/run"


@pytest.mark.parametrize("act", ["names", "read", "write", "create", "remove", "modified"])
def test_whatever_a_package_raises_names_the_address_in_one_line(monkeypatch, tmp_path, act):
    class Refused(Exception):
        pass

    def refuse(*arguments, **options):
        raise Refused("no\n  credentials")

    remote = Remote(f"memory://{tmp_path}/run")
    for name in ("find", "cat_file", "pipe_file", "rm_file", "modified"):
        monkeypatch.setattr(type(STORE), name, refuse)
    arguments = {"names": (), "write": ({"a": b""},), "create": ("a", b""), "modified": ("a",)}
    with pytest.raises(OSError, match="no credentials") as error:
        getattr(remote, act)(*arguments.get(act, (["a"],)))
    assert error.value.filename == f"memory://{tmp_path}/run"
    assert error.value.strerror == "no credentials"


def test_packages_that_are_missing_are_named(monkeypatch):
    for name in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, name, None)
    told = refused(Remote, "s3://bucket/run")
    assert told.startswith("--workdir: s3://bucket/run: Install s3fs")
    assert told.endswith("pip install 'gan_mnist[s3]'")
    assert "gcsfs" in refused(Remote, "gs://bucket/run")
    assert "nothing" in refused(Remote, "nothing://bucket/run")


@pytest.mark.parametrize(
    "address",
    ["s3://", "s3:///", "gs://", "memory://", "file:///", "local://", "simplecache::s3://", "a://"],
)
def test_an_address_with_nothing_behind_its_store_is_no_folder(address):
    """As in --workdir="s3://$BUCKET" where the variable is not set."""
    told = refused(Remote, address)
    assert told.startswith(f"--workdir: {address!r} has nothing after ://; accepted: NAME://PLACE")


def test_what_fsspec_takes_for_a_folder_though_it_looks_like_an_address_is_refused():
    assert "'x://y' is an address of no store" in refused(Remote, "x://y")


def test_a_claim_keeps_others_out_until_it_is_released(remote):
    first, second = RemoteClaim(remote, "", "one"), RemoteClaim(remote, "", "two")
    first.take()
    told = json.loads(remote.read([OWNER])[OWNER])
    assert told == {"host": socket.gethostname(), "pid": os.getpid(), "token": "one"}
    for act in (second.check, second.take):
        line = refused(act)
        assert f"{remote.address} is in use by another run (process {os.getpid()} on" in line
        assert "wait 120 seconds" in line
    second.release()
    assert remote.names() == [OWNER]
    RemoteClaim(remote, "trials/a/seed-00", "two").take()
    first.release()
    assert remote.names() == [f"trials/a/seed-00/{OWNER}"]
    second.check()
    second.take()
    second.release()


def test_a_claim_that_is_silent_is_taken_over(remote, monkeypatch):
    dead = RemoteClaim(remote, "", "one")
    dead.take()
    monkeypatch.setattr(RemoteClaim, "_is_silent", lambda claim: True)
    heir = RemoteClaim(remote, "", "two")
    heir.take()
    assert json.loads(remote.read([OWNER])[OWNER])["token"] == "two"
    dead.release()  # was held for dead, and was not: what is another's stays
    assert remote.names() == [OWNER]


@pytest.mark.parametrize(("age", "is_silent"), [(100, False), (140, True), (-140, True)])
def test_silence_is_measured_by_the_clock_of_the_store(tmp_path, age, is_silent):
    remote = Remote(f"file://{tmp_path}")
    RemoteClaim(remote, "", "one").take()
    now = (tmp_path / OWNER).stat().st_mtime
    os.utime(tmp_path / OWNER, (now - age, now - age))
    heir = RemoteClaim(remote, "", "two")
    if is_silent:
        heir.check()
    else:
        assert "in use" in refused(heir.check)
    assert remote.names() == [OWNER]


def test_a_dead_command_of_the_same_mirror_is_not_waited_for(remote):
    remote.write({OWNER: b'{"host": "here", "pid": 1, "token": "one"}'})
    again = RemoteClaim(remote, "", "one")
    again.take()
    assert json.loads(remote.read([OWNER])[OWNER])["pid"] == os.getpid()
    again.release()
    assert remote.names() == []


def test_nobody_is_named_where_it_is_not_known_whose_it_is(remote):
    remote.write({OWNER: b"damaged"})
    assert "in use by another run; if that was killed" in refused(
        RemoteClaim(remote, "", "one").take
    )


def test_of_two_heirs_the_earlier_one_sees_that_it_is_not(remote, monkeypatch):
    remote.write({OWNER: b"damaged"})
    monkeypatch.setattr(RemoteClaim, "_is_silent", lambda claim: True)
    other = b'{"host": "there", "pid": 7, "token": "two"}'
    monkeypatch.setattr(module.time, "sleep", lambda seconds: remote.write({OWNER: other}))
    assert "process 7 on there" in refused(RemoteClaim(remote, "", "one").take)


def test_who_is_at_work_says_so_and_sees_when_another_has_taken_over(remote, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    claim = RemoteClaim(remote, "", "one")
    claim.take()
    before = remote.modified(OWNER)
    _until(lambda: remote.modified(OWNER) > before)
    assert not claim.is_lost

    def taken_over():
        """Again and again: a beat that was under way may have written last.

        On a disk two writers of one process share a temporary name, so that one may fail.
        """
        with contextlib.suppress(OSError):
            remote.write({OWNER: b'{"host": "there", "pid": 7, "token": "two"}'})
        return claim.is_lost

    _until(taken_over)
    claim.release()
    assert b"two" in remote.read([OWNER])[OWNER]


def _until(happened):
    ended = threading.Event()
    for _ in range(1000):
        if happened():
            return
        ended.wait(0.01)
    raise AssertionError("it did not happen")
