"""What a process gives up of itself: privileges, identity, capabilities, limits, descriptors, and its life without its parent."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
from collections.abc import Collection
from typing import Final, NamedTuple

from eudoxus.sandbox.lockdown.syscalls import NotConfined, ask, demand

_SET_PDEATHSIG, _GET_DUMPABLE, _SET_DUMPABLE, _CAPBSET_READ, _CAPBSET_DROP = 1, 3, 4, 23, 24
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 38, 39, 47, 4
_CAPABILITIES_3: Final = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3: two records of 32 bits each for the effective, permitted and inheritable set."""
_RLIMITS: Final = {"CPU": 0, "FSIZE": 1, "CORE": 4, "NPROC": 6, "NOFILE": 7, "MEMLOCK": 8, "AS": 9, "MSGQUEUE": 12}
_LAST_DESCRIPTOR: Final = 0xFFFFFFFF


class LimitsStruct(NamedTuple):
    """A process's resource limits."""

    memory_bytes: int
    """Address space, which bounds all memory it can get."""
    file_bytes: int
    """The largest file it may write; a write beyond fails with EFBIG."""
    cpu_s: int
    """Seconds of processor time: SIGXCPU then, SIGKILL a second later."""
    processes: int = 0
    """Processes and threads of the whole user id, this one included, at which no more can be made. The kernel ignores it for uid 0."""
    descriptors: int = 64


def no_new_privileges() -> None:
    """Make set-user-id files and file capabilities without effect, for good. Raises NotConfined."""
    _set("no_new_privs", _SET_NO_NEW_PRIVS, 1)
    if demand("no_new_privs", "prctl", _GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        raise NotConfined("no_new_privs", errno.EPERM)


def not_dumpable() -> None:
    """Close /proc/PID, ptrace and core dumps of this process to others of its user. Leaving root resets it. Raises NotConfined."""
    _set("dumpable", _SET_DUMPABLE, 0)
    if demand("dumpable", "prctl", _GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise NotConfined("dumpable", errno.EPERM)


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when the thread that forked it ends; with ``parent``, a process id, also if it already ended.

    A fork and a change of user id forget it. Raises NotConfined.
    """
    _set("parent-death signal", _SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        raise NotConfined("parent is gone", errno.ESRCH)


def set_limits(limits: LimitsStruct) -> None:
    """Set the limits, soft and hard, in an order in which none stands in the way of the next. Raises NotConfined."""
    for what, soft, hard in (
        ("AS", limits.memory_bytes, limits.memory_bytes),
        ("FSIZE", limits.file_bytes, limits.file_bytes),
        ("NOFILE", limits.descriptors, limits.descriptors),
        ("CORE", 0, 0),
        ("NPROC", limits.processes, limits.processes),
        ("CPU", limits.cpu_s, limits.cpu_s + 1),
        ("MEMLOCK", 0, 0),
        ("MSGQUEUE", 0, 0),
    ):
        try:
            resource.setrlimit(_RLIMITS[what], (soft, hard))
        except (OSError, ValueError) as refused:  # a ValueError stands for EPERM or EINVAL
            raise NotConfined(f"RLIMIT_{what}", getattr(refused, "errno", None) or errno.EPERM) from None


def close_all_but(keep: Collection[int]) -> None:
    """Close every descriptor that is not in ``keep``. Raises NotConfined."""
    first = 0
    for descriptor in sorted(keep):
        if first < descriptor:
            demand("close_range", "close_range", first, descriptor - 1, 0)
        first = max(first, descriptor + 1)
    demand("close_range", "close_range", first, _LAST_DESCRIPTOR, 0)


def leave_root(uid: int, gid: int) -> None:
    """Become the user ``uid`` in the one group ``gid`` for good, without any capability. Raises NotConfined; ValueError for 0."""
    if uid <= 0 or gid <= 0:
        raise ValueError("uid and gid must be those of an unprivileged user")
    _empty_bounding_set()
    demand("setgroups", "setgroups", 0, None)
    demand("setresgid", "setresgid", gid, gid, gid)
    demand("setresuid", "setresuid", uid, uid, uid)
    drop_capabilities()
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (gid,) * 3 or os.getgroups():
        raise NotConfined("user and group ids", errno.EPERM)
    unset = ctypes.c_uint32(-1).value
    for name, arguments in (("setresuid", (unset, 0, unset)), ("setresuid", (0, 0, 0)), ("setresgid", (0, 0, 0)), ("setgroups", (0, None))):
        if ask(name, *arguments)[1] != errno.EPERM:
            raise NotConfined(f"{name} could be undone", errno.EPERM)


def drop_capabilities() -> None:
    """Give up every effective, permitted, inheritable and ambient capability, and see that none is left. Raises NotConfined."""
    demand("ambient capabilities", "prctl", _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("<Ii", _CAPABILITIES_3, 0)
    demand("capabilities", "capset", header, bytes(24))
    left = ctypes.create_string_buffer(b"\xff" * 24, 24)
    demand("capabilities", "capget", header, left)
    if any(left.raw):
        raise NotConfined("capabilities", errno.EPERM)


def _empty_bounding_set() -> None:
    """Drop each capability that the kernel knows from the set that bounds what a later program could gain."""
    capability = 0
    while ask("prctl", _CAPBSET_READ, capability, 0, 0, 0)[1] == 0:
        _set("capability bounding set", _CAPBSET_DROP, capability)
        capability += 1


def _set(what: str, option: int, value: int) -> None:
    demand(what, "prctl", option, value, 0, 0, 0)
