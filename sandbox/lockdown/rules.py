"""What the two filters allow.

The long filter is installed once, in the zygote, and lists all that a zygote or its children may ever ask of the kernel: what is not in
the list is refused with EPERM. The short one is installed in each child and takes away what only the zygote needs. The kernel obeys the
stricter of the two. Calls on paths are confined by Landlock; calls that change a file by its path and that some Landlock cannot see
(truncate, chmod, utimes, links, extended attributes) are not in the list.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final

from eudoxus.sandbox.lockdown.bpf import ABSENT, ALWAYS, NEVER, Null, OneOf, Rule, Without, build, when
from eudoxus.sandbox.lockdown.syscalls import Architecture

_FREE: Final = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range
    access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs readlink readlinkat getcwd chdir fchdir getdents64 umask
    mkdir mkdirat rmdir unlink unlinkat rename renameat ftruncate fsync fdatasync flock
    dup dup2 dup3 pipe poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    eventfd2 timerfd_create timerfd_settime timerfd_gettime
    mmap munmap mremap mprotect msync brk rseq set_robust_list sched_yield getcpu
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getrandom
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid
    uname sysinfo getrusage getrlimit
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack restart_syscall
    getitimer setitimer alarm pause exit exit_group
    getsockname getpeername shutdown
"""
"""Allowed whatever the arguments: they reach nothing but the process itself, its descriptors, and paths that Landlock guards."""

_CLONE_THREAD: Final = 0x00010000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x00040000
"""CLONE_THREAD with the VM, FS, FILES, SIGHAND and SYSVSEM that every C library gives a thread."""
_CLONE_ADDRESSES: Final = 0x00080000 | 0x00100000 | 0x00200000 | 0x00400000 | 0x01000000
"""CLONE_SETTLS, _PARENT_SETTID, _CHILD_CLEARTID, _DETACHED, _CHILD_SETTID: where the kernel notes the thread's number in its own memory."""
_SIGCHLD: Final = 17
_THREAD: Final = OneOf(0, (_CLONE_THREAD,), mask=~_CLONE_ADDRESSES)
_FORK: Final = OneOf(0, (_SIGCHLD,), mask=~0x01200000)
"""As os.fork: a process that reports with SIGCHLD; no namespace, no shared memory, no other parent."""

_O_TRUNC, _O_ASYNC, _O_CLOEXEC, _O_NONBLOCK, _ACCESS_MODE = 0x200, 0x2000, 0x80000, 0x800, 3
_SHARED_FUTEX_FLAGS: Final = 0x80 | 0x100


def _open(flags: int) -> Rule:
    """O_TRUNC only for a file opened to be written: with O_RDONLY it empties the file, and before ABI 3 Landlock sees a mere reader."""
    return Rule(((Without(flags, _O_TRUNC),), (OneOf(flags, (1, 2), mask=_ACCESS_MODE),)))


_CHECKED: Final[dict[str, Rule]] = {
    "open": _open(1),
    "openat": _open(2),
    # Only RENAME_NOREPLACE: no exchange, no whiteout.
    "renameat2": when(Without(4, ~1)),
    # No watch queues (O_NOTIFICATION_PIPE).
    "pipe2": when(Without(1, ~(_O_CLOEXEC | _O_NONBLOCK))),
    # DUPFD, GETFD, SETFD, GETFL, GETLK, SETLK, SETLKW, OFD locks, DUPFD_CLOEXEC, GETPIPE_SZ, GET_SEALS. No owner or signal of
    # a descriptor (they signal others), no leases, no notifications, no larger pipes, no seals on what is shared.
    "fcntl": Rule(((OneOf(1, (0, 1, 2, 3, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034)),), (OneOf(1, (4,)), Without(2, _O_ASYNC)))),
    # TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
    "ioctl": when(OneOf(1, (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451))),
    # WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET. No priority inheritance, which Python never asks for.
    "futex": when(OneOf(1, (0, 1, 3, 4, 5, 9, 10), mask=~_SHARED_FUTEX_FLAGS)),
    # NORMAL to DONTNEED, FREE, (NO)HUGEPAGE, DONTDUMP, POPULATE, GUARD. No merging of equal pages, whose timing tells what others hold.
    "madvise": when(OneOf(2, (0, 1, 2, 3, 4, 8, 14, 15, 16, 22, 23, 102, 103))),
    "sched_getaffinity": when(OneOf(0, (0,))),
    # AF_UNIX; STREAM, DGRAM, SEQPACKET.
    "socketpair": when(OneOf(0, (1,)), OneOf(1, (1, 2, 5), mask=~(_O_CLOEXEC | _O_NONBLOCK))),
    # To the peer only, never to an address. DONTWAIT, EOR, NOSIGNAL, MORE: no out-of-band data.
    "sendto": when(Null(4), Without(3, ~(0x40 | 0x80 | 0x4000 | 0x8000))),
    # PEEK, TRUNC, DONTWAIT, WAITALL, NOSIGNAL.
    "recvfrom": when(Without(3, ~(0x2 | 0x20 | 0x40 | 0x100 | 0x4000))),
    # SOL_SOCKET; TYPE, ERROR, SNDBUF, RCVBUF, PROTOCOL, DOMAIN. Not PEERPIDFD, which hands out other processes.
    "getsockopt": when(OneOf(1, (1,)), OneOf(2, (3, 4, 7, 8, 38, 39))),
    # A filter cannot read clone3's flags, which lie behind a pointer; C libraries fall back to clone.
    "clone3": ABSENT,
}

_ZYGOTE_ONLY: Final[dict[str, Rule]] = {
    "fork": ALWAYS,
    # Without MSG_* that matter; descriptors arrive this way.
    "recvmsg": ALWAYS,
    "wait4": ALWAYS,
    "waitid": ALWAYS,
    "pidfd_open": ALWAYS,
    "pidfd_send_signal": ALWAYS,
    # SET_MODE_FILTER without flags.
    "seccomp": when(OneOf(0, (1,)), OneOf(1, (0,))),
    "landlock_create_ruleset": ALWAYS,
    "landlock_add_rule": ALWAYS,
    "landlock_restrict_self": ALWAYS,
}
"""Refused in a child altogether."""

_SET_DUMPABLE: Final = 4
_NAMES: Final = (15, 16)
"""PR_SET_NAME, PR_GET_NAME."""

_IN_ZYGOTE: Final[dict[str, Rule]] = dict.fromkeys(_FREE.split(), ALWAYS) | _CHECKED | _ZYGOTE_ONLY | {
    "clone": Rule(((_THREAD,), (_FORK,))),
    "kill": ALWAYS,
    "tgkill": ALWAYS,
    "prlimit64": when(OneOf(0, (0,))),
    # PDEATHSIG, GET_DUMPABLE, NO_NEW_PRIVS, names; DUMPABLE only off.
    "prctl": Rule(((OneOf(0, (1, 2, 3, *_NAMES, 38, 39)),), (OneOf(0, (_SET_DUMPABLE,)), Null(1)))),
}


def _in_child(pid: int, threads: bool) -> dict[str, Rule]:
    return dict.fromkeys(_ZYGOTE_ONLY, NEVER) | {
        "clone": when(_THREAD) if threads else NEVER,
        "clone3": ABSENT,
        # The kernel reads process ids as ints: 0 and negative numbers, which mean groups, differ from any process's own.
        "kill": when(OneOf(0, (pid,))),
        "tgkill": when(OneOf(0, (pid,))),
        # One's own limits may be asked for, not set.
        "prlimit64": when(OneOf(0, (0,)), Null(2)),
        "prctl": when(OneOf(0, _NAMES)),
    }


@cache
def long_filter(architecture: Architecture) -> bytes:
    """The allow-list for the zygote and all its children."""
    return build(architecture, _IN_ZYGOTE, unnamed=NEVER)


_ANY_PID: Final = 0x7E5700FF
"""Stands in the assembled filter for the child's own process id, which is known only after the fork. No process id is that large."""


def child_filter(architecture: Architecture, pid: int, threads: bool) -> bytes:
    """What a child loses over the zygote, where ``pid`` is its own. Only the first call assembles it: make one before the fork."""
    return _child_template(architecture, threads).replace(struct.pack("<I", _ANY_PID), struct.pack("<I", pid))


@cache
def _child_template(architecture: Architecture, threads: bool) -> bytes:
    return build(architecture, _in_child(_ANY_PID, threads), unnamed=ALWAYS)
