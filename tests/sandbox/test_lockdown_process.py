"""What a process gives up of itself: identity, capabilities, dumps, limits, descriptors, life without its parent."""

import errno
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown import LimitsStruct, NotConfined
from eudoxus.sandbox.lockdown.process import _RLIMITS

from .throwaway import AS_ROOT, NOBODY, Told, attempt, unprivileged

pytestmark = pytest.mark.skipif(lockdown.architecture() is None, reason="the lockdown needs Linux on x86_64 or aarch64")
as_root = pytest.mark.skipif(not AS_ROOT, reason="needs root, which it leaves")
LIMITS = LimitsStruct(memory_bytes=1 << 30, file_bytes=1 << 20, cpu_s=5)


def _status() -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in Path("/proc/self/status").read_text().splitlines())}


@as_root
def test_root_is_left_for_good():
    def after() -> list[object]:
        status = _status()
        return [status[name] for name in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]

    uid = "\t".join([str(NOBODY)] * 4)
    assert attempt(after, unprivileged).value == [uid, uid, "", *["0" * 16] * 5]
    assert attempt(lambda: os.setuid(0), unprivileged).errno == errno.EPERM
    assert attempt(lambda: os.seteuid(0), unprivileged).errno == errno.EPERM
    assert attempt(lambda: os.setgroups([0]), unprivileged).errno == errno.EPERM
    assert attempt(lambda: Path("/etc/shadow").read_text(), unprivileged).errno in (errno.EACCES, errno.ENOENT)


@as_root
def test_leaving_root_by_halves_is_an_error():
    """A process that is an ordinary user only for now, with root kept as its saved user id, does not pass for one that left."""
    def halfway() -> str:
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            lockdown.leave_root(NOBODY, NOBODY)
        except NotConfined as refused:
            return refused.what
        return "left"

    assert attempt(halfway).value == "capability bounding set"


@pytest.mark.parametrize("ids", [(0, 1), (1, 0), (-1, 5), (5, -1)])
def test_root_is_not_left_for_root(ids: tuple[int, int]):
    with pytest.raises(ValueError, match="unprivileged"):
        lockdown.leave_root(*ids)


def test_who_may_not_change_identity_is_told():
    assert attempt(lambda: lockdown.leave_root(1, 1), unprivileged).errno == errno.EPERM


def test_capabilities_are_dropped():
    sets = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    assert attempt(lambda: [_status()[name] for name in sets], lockdown.drop_capabilities).value == ["0" * 16] * 4
    if AS_ROOT:
        assert attempt(lambda: os.chroot("/")) == Told()
        assert attempt(lambda: os.chroot("/"), lockdown.drop_capabilities).errno == errno.EPERM


def test_no_new_privileges_shows_in_the_status():
    assert attempt(lambda: _status()["NoNewPrivs"], lockdown.no_new_privileges).value == "1"
    assert attempt(lambda: _status()["NoNewPrivs"]).value == "0" or _status()["NoNewPrivs"] == "1"


def test_a_process_that_is_not_dumpable_is_closed_to_its_own_user():
    def environment_of_parent() -> int:
        """Read by a child of the same user, which is what a zygote's children are to it."""
        parent = os.getpid()
        return attempt(lambda: len(Path(f"/proc/{parent}/environ").read_bytes()) > -1).errno

    def dumpable() -> None:
        import ctypes

        assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0  # leaving root had taken it

    assert attempt(environment_of_parent, unprivileged, lockdown.not_dumpable).value == errno.EACCES
    assert attempt(environment_of_parent, unprivileged, dumpable).value == 0


@pytest.mark.parametrize("bound", [True, False])
def test_a_child_dies_with_its_parent(bound: bool):
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        mine, theirs = os.pipe()
        if os.fork() == 0:
            if bound:
                lockdown.die_with_parent(os.getppid())
            os.write(theirs, b"x")
            time.sleep(0.3)
            os.write(writing, b"alive")
            os._exit(0)
        os.read(mine, 1)
        os._exit(0)
    os.close(writing)
    os.waitpid(parent, 0)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == ("" if bound else "alive")


def test_a_child_whose_parent_is_already_gone_is_told():
    told = attempt(lambda: lockdown.die_with_parent(1 if os.getppid() != 1 else 2))
    assert told.errno == errno.ESRCH


def test_limits_are_set_soft_and_hard():
    def after() -> list[tuple[int, int]]:
        names = ("AS", "FSIZE", "NOFILE", "CORE", "NPROC", "CPU", "MEMLOCK", "MSGQUEUE")
        numbers = [getattr(resource, f"RLIMIT_{name}", _RLIMITS[name]) for name in names]
        assert numbers == [_RLIMITS[name] for name in names]
        return [resource.getrlimit(number) for number in numbers]

    expected = [[1 << 30] * 2, [1 << 20] * 2, [64] * 2, [0] * 2, [0] * 2, [5, 6], [0] * 2, [0] * 2]
    assert attempt(after, lambda: lockdown.set_limits(LIMITS)).value == expected


def test_limits_bite(tmp_path: Path):
    def lock() -> None:
        lockdown.set_limits(LIMITS)

    def grab() -> str:
        try:
            return str(len(bytearray(2 << 30)) > 0)
        except MemoryError:
            return "MemoryError"

    assert attempt(grab, lock).value == "MemoryError"
    path = tmp_path / "file"
    assert attempt(lambda: path.write_bytes(bytes(2 << 20)), lock).errno == errno.EFBIG
    assert attempt(lambda: path.write_bytes(bytes(2 << 20))).value == 2 << 20
    assert attempt(lambda: len([os.dup(0) for _ in range(64)]), lock).errno == errno.EMFILE
    assert attempt(os.fork, unprivileged, lock).errno == errno.EAGAIN


def test_processor_time_ends():
    def spin() -> None:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True:
            pass

    started = time.monotonic()
    assert attempt(spin, lambda: lockdown.set_limits(LIMITS._replace(cpu_s=0))).signal == signal.SIGKILL
    assert time.monotonic() - started < 10


def test_a_limit_above_the_hard_one_is_an_error():
    def twice() -> None:
        lockdown.set_limits(LIMITS)
        lockdown.set_limits(LIMITS._replace(memory_bytes=2 << 30))

    assert attempt(twice, unprivileged).errno == errno.EPERM


@pytest.mark.parametrize("keep", [{0, 1, 2}, {0, 2}, set(), {5}, {0, 1, 2, 9, 7}])
def test_only_the_named_descriptors_stay_open(keep: set[int]):
    def left() -> list[int]:
        held = os.dup2(reporting, 40)
        for descriptor in range(12):
            os.dup2(held, descriptor)
        lockdown.close_all_but({*keep, 40})
        open_now = [descriptor for descriptor in range(64) if _is_open(descriptor)]
        os.write(40, repr(open_now).encode())
        os._exit(0)

    reading, reporting = os.pipe()
    attempt(left)
    os.close(reporting)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == repr(sorted({*keep, 40}))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_what_failed_is_said():
    error = NotConfined("landlock ruleset", errno.ENOSYS)
    assert isinstance(error, OSError)
    assert error.what == "landlock ruleset" and error.errno == errno.ENOSYS
    assert "landlock ruleset: Function not implemented" in str(error)
