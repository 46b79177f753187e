"""Forbidden acts are tried in a forked child that locks itself down first and tells through a pipe how it went."""

import ctypes
import errno
import json
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown.syscalls import NUMBERS

NOBODY = 61234
AS_ROOT = os.geteuid() == 0
ARCHITECTURE = lockdown.architecture()
NUMBER = NUMBERS[ARCHITECTURE] if ARCHITECTURE else {}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Told(NamedTuple):
    """What an act returned, or the errno that it was refused with, or the signal that killed the child, or an unexpected error."""

    value: Any = None
    errno: int = 0
    signal: int = 0
    error: str = ""


def attempt(act: Callable[[], Any], *locks: Callable[[], Any]) -> Told:
    """Do ``act`` in a child of this process, after ``locks``, whose failure is an error and no answer."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            told = _try(act, locks)
            os.write(writing, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read()
    _, status = os.waitpid(pid, 0)
    told = Told(*json.loads(report)) if report else Told(signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
    assert not told.error, told.error
    return told


def _try(act: Callable[[], Any], locks: tuple[Callable[[], Any], ...]) -> Told:
    try:
        for lock in locks:
            lock()
        try:
            return Told(value=act())
        except OSError as refused:
            return Told(errno=refused.errno or -1)
    except BaseException:
        return Told(error=traceback.format_exc())


REFUSED = Told(errno=errno.EPERM)


def refused_by_filter(act: Callable[[], Any], *, zygote: bool = True) -> Any:
    """Assert that ``act`` is refused in a child (and in the zygote, if so) and works without filters; return what it then gives."""
    assert attempt(act, as_child) == REFUSED
    assert attempt(act, with_threads) == REFUSED
    assert not zygote or attempt(act, as_zygote) == REFUSED
    told = attempt(act)
    assert told.errno == 0 and told.signal == 0, os.strerror(told.errno)
    return told.value


def call(number: int, *arguments: int | bytes | ctypes.Array[Any] | None) -> int:
    """The raw system call; raises OSError as the os module does."""
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *words)
    if result == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def unprivileged() -> None:
    """Leave root, if this is root."""
    if AS_ROOT:
        lockdown.leave_root(NOBODY, NOBODY)
    else:
        lockdown.drop_capabilities()


def as_zygote() -> None:
    """Under the long filter."""
    assert ARCHITECTURE is not None
    lockdown.no_new_privileges()
    lockdown.install(lockdown.long_filter(ARCHITECTURE))


def as_child(threads: bool = False) -> None:
    """Under both filters."""
    assert ARCHITECTURE is not None
    as_zygote()
    lockdown.install(lockdown.child_filter(ARCHITECTURE, os.getpid(), threads))


def with_threads() -> None:
    """Under both filters, threads allowed."""
    as_child(threads=True)


@contextmanager
def bystander() -> Iterator[int]:
    """Another process of the same user, which only sleeps: its process id."""
    pid = os.fork()
    if pid == 0:
        import time

        time.sleep(60)
        os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
