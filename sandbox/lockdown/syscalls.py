"""System calls by number, for x86_64 and aarch64, and the one way in which this package asks the kernel for something."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import Any, Final, Literal

Architecture = Literal["x86_64", "aarch64"]


class NotConfined(OSError):
    """The kernel did not confine this process as asked: what comes next must not run. ``what`` failed with ``errno``."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(code, f"{what}: {os.strerror(code)}")
        self.what = what


@cache
def architecture() -> Architecture | None:
    """This process's architecture, None where the lockdown does not work (another system or processor, or a 32-bit interpreter)."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or sys.byteorder != "little":
        return None
    machine = os.uname().machine
    return "x86_64" if machine == "x86_64" else "aarch64" if machine == "aarch64" else None


def ask(name: str, *arguments: int | bytes | ctypes.Array[Any] | None) -> tuple[int, int]:
    """Make the system call ``name``; return its result (-1 on failure) and errno (0 on success).

    Integers travel as 64 bits, bytes and arrays as pointers. Answers ENOSYS where the architecture is not one of ours.
    """
    here = architecture()
    if here is None:
        return -1, errno.ENOSYS
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in arguments]
    result = _libc().syscall(ctypes.c_long(NUMBERS[here][name]), *words)
    return (result, 0) if result >= 0 else (-1, ctypes.get_errno())


def demand(what: str, name: str, *arguments: int | bytes | ctypes.Array[Any] | None) -> int:
    """Make the system call ``name`` and return its result; raise NotConfined, which says ``what`` failed, when the kernel refuses."""
    result, code = ask(name, *arguments)
    if code:
        raise NotConfined(what, code)
    return result


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


_X86_64: Final = {
    "read": 0, "write": 1, "readv": 19, "writev": 20, "pread64": 17, "pwrite64": 18, "preadv": 295, "pwritev": 296, "preadv2": 327,
    "pwritev2": 328, "lseek": 8, "close": 3, "close_range": 436, "open": 2, "openat": 257, "access": 21, "faccessat": 269,
    "faccessat2": 439, "stat": 4, "fstat": 5, "lstat": 6, "newfstatat": 262, "statx": 332, "statfs": 137, "fstatfs": 138, "readlink": 89,
    "readlinkat": 267, "getcwd": 79, "chdir": 80, "fchdir": 81, "getdents64": 217, "umask": 95, "mkdir": 83, "mkdirat": 258, "rmdir": 84,
    "unlink": 87, "unlinkat": 263, "rename": 82, "renameat": 264, "renameat2": 316, "ftruncate": 77, "fsync": 74, "fdatasync": 75,
    "flock": 73, "dup": 32, "dup2": 33, "dup3": 292, "pipe": 22, "pipe2": 293, "fcntl": 72, "ioctl": 16, "poll": 7, "ppoll": 271,
    "select": 23, "pselect6": 270, "epoll_create": 213, "epoll_create1": 291, "epoll_ctl": 233, "epoll_wait": 232, "epoll_pwait": 281,
    "epoll_pwait2": 441, "eventfd2": 290, "timerfd_create": 283, "timerfd_settime": 286, "timerfd_gettime": 287, "mmap": 9, "munmap": 11,
    "mremap": 25, "mprotect": 10, "madvise": 28, "msync": 26, "brk": 12, "futex": 202, "rseq": 334, "set_robust_list": 273,
    "sched_yield": 24, "sched_getaffinity": 204, "getcpu": 309, "nanosleep": 35, "clock_nanosleep": 230, "clock_gettime": 228,
    "clock_getres": 229, "gettimeofday": 96, "time": 201, "times": 100, "getrandom": 318, "getpid": 39, "getppid": 110, "gettid": 186,
    "getuid": 102, "geteuid": 107, "getgid": 104, "getegid": 108, "getresuid": 118, "getresgid": 120, "getgroups": 115, "getpgrp": 111,
    "getpgid": 121, "getsid": 124, "uname": 63, "sysinfo": 99, "getrusage": 98, "getrlimit": 97, "rt_sigaction": 13, "rt_sigprocmask": 14,
    "rt_sigreturn": 15, "rt_sigpending": 127, "rt_sigsuspend": 130, "rt_sigtimedwait": 128, "sigaltstack": 131, "restart_syscall": 219,
    "getitimer": 36, "setitimer": 38, "alarm": 37, "pause": 34, "exit": 60, "exit_group": 231, "socketpair": 53, "sendto": 44,
    "recvfrom": 45, "getsockname": 51, "getpeername": 52, "getsockopt": 55, "shutdown": 48, "clone": 56, "clone3": 435, "fork": 57,
    "kill": 62, "tgkill": 234, "prlimit64": 302, "prctl": 157, "recvmsg": 47, "wait4": 61, "waitid": 247, "pidfd_open": 434,
    "pidfd_send_signal": 424, "seccomp": 317, "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
    "capget": 125, "capset": 126, "setgroups": 116, "setresuid": 117, "setresgid": 119,
}

_AARCH64: Final = {
    "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69, "pwritev": 70, "preadv2": 286,
    "pwritev2": 287, "lseek": 62, "close": 57, "close_range": 436, "openat": 56, "faccessat": 48, "faccessat2": 439, "fstat": 80,
    "newfstatat": 79, "statx": 291, "statfs": 43, "fstatfs": 44, "readlinkat": 78, "getcwd": 17, "chdir": 49, "fchdir": 50,
    "getdents64": 61, "umask": 166, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276, "ftruncate": 46, "fsync": 82,
    "fdatasync": 83, "flock": 32, "dup": 23, "dup3": 24, "pipe2": 59, "fcntl": 25, "ioctl": 29, "ppoll": 73, "pselect6": 72,
    "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "epoll_pwait2": 441, "eventfd2": 19, "timerfd_create": 85,
    "timerfd_settime": 86, "timerfd_gettime": 87, "mmap": 222, "munmap": 215, "mremap": 216, "mprotect": 226, "madvise": 233,
    "msync": 227, "brk": 214, "futex": 98, "rseq": 293, "set_robust_list": 99, "sched_yield": 124, "sched_getaffinity": 123,
    "getcpu": 168, "nanosleep": 101, "clock_nanosleep": 115, "clock_gettime": 113, "clock_getres": 114, "gettimeofday": 169, "times": 153,
    "getrandom": 278, "getpid": 172, "getppid": 173, "gettid": 178, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177,
    "getresuid": 148, "getresgid": 150, "getgroups": 158, "getpgid": 155, "getsid": 156, "uname": 160, "sysinfo": 179, "getrusage": 165,
    "getrlimit": 163, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "rt_sigpending": 136, "rt_sigsuspend": 133,
    "rt_sigtimedwait": 137, "sigaltstack": 132, "restart_syscall": 128, "getitimer": 102, "setitimer": 103, "exit": 93, "exit_group": 94,
    "socketpair": 199, "sendto": 206, "recvfrom": 207, "getsockname": 204, "getpeername": 205, "getsockopt": 209, "shutdown": 210,
    "clone": 220, "clone3": 435, "kill": 129, "tgkill": 131, "prlimit64": 261, "prctl": 167, "recvmsg": 212, "wait4": 260, "waitid": 95,
    "pidfd_open": 434, "pidfd_send_signal": 424, "seccomp": 277, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
    "landlock_restrict_self": 446, "capget": 90, "capset": 91, "setgroups": 159, "setresuid": 147, "setresgid": 149,
}

NUMBERS: Final[dict[Architecture, dict[str, int]]] = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""The calls that the filters name and that the lockdown makes; a call that the architecture does not have is absent."""
