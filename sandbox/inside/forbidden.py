"""What the self-test tries in the jail: each act is harmless where it is allowed, and must be refused. Prints a JSON line for each."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_PTRACE_TRACEME = 0
_CLONE_NEWUSER = 0x10000000
_RLIMIT_CPU = 0


def attempt(what: str, act: Callable[[], object]) -> None:
    """Do it, and print what came of it."""
    try:
        got = act()
    except OSError as refused:
        _tell(what, errno.errorcode.get(refused.errno or 0, str(refused)), ok=True)
    except (RuntimeError, MemoryError) as refused:
        _tell(what, f"{type(refused).__name__}: {refused}", ok=True)
    else:
        _tell(what, f"done: {got!r}"[:100], ok=False)


def _tell(what: str, outcome: str, *, ok: bool) -> None:
    print(json.dumps({"what": what, "outcome": outcome, "ok": ok}), flush=True)


def call(name: str, *arguments: object) -> int:
    """A function of the C library; raises OSError as the os module does."""
    result: int = getattr(_libc, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(10)


def write(path: str) -> str:
    with open(path, "xb"):
        os.unlink(path)
    return path


def fork() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def connect() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
        return "a socket"


def start_thread() -> str:
    import threading

    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return "a thread"


def read_parent() -> int:
    buffer = ctypes.create_string_buffer(8)
    place = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    return call("process_vm_readv", os.getppid(), place, ctypes.c_ulong(1), place, ctypes.c_ulong(1), ctypes.c_ulong(0))


def main() -> None:
    parent = os.getppid()
    for path in ("/etc/passwd", "/proc/self/environ", f"/proc/{parent}/environ", "/proc/1/cmdline", "/etc/hostname"):
        attempt(f"read {path.replace(str(parent), 'PARENT')}", lambda path=path: read(path))  # type: ignore[misc]
    attempt("list /root or /home", lambda: os.listdir("/root") + os.listdir("/home"))
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "."):  # noqa: S108
        attempt(f"write a file in {folder}", lambda folder=folder: write(f"{folder}/eudoxus-self-test"))  # type: ignore[misc]
    attempt("open a network socket", connect)
    attempt("open a unix socket", lambda: socket.socket(socket.AF_UNIX).fileno())
    attempt("open a netlink socket", lambda: socket.socket(16, socket.SOCK_RAW).fileno())
    attempt("fork", fork)
    attempt("start a thread", start_thread)
    attempt("signal the parent", lambda: os.kill(parent, 0))
    attempt("signal every process", lambda: os.kill(-1, 0))
    attempt("read the parent's memory", read_parent)
    attempt("be traced", lambda: call("ptrace", _PTRACE_TRACEME, 0, None, None))
    attempt("read the parent's limits", lambda: call("prlimit", parent, _RLIMIT_CPU, None, ctypes.create_string_buffer(16)))
    attempt("mount", lambda: call("mount", b"none", b"/", b"tmpfs", ctypes.c_ulong(1 << 5 | 1 << 12), None))
    attempt("make a user namespace", lambda: call("unshare", _CLONE_NEWUSER))
    attempt("become root", lambda: os.setuid(0))
    attempt("make a memory file", lambda: os.memfd_create("x"))
    attempt("queue signals by a descriptor", lambda: signal.pidfd_send_signal(os.pidfd_open(parent), 0))
    attempt("execute a program", lambda: os.execv(sys.executable or "/bin/true", ["x", "-c", "0"]))  # noqa: S606
    found = set(os.environ) - {"LD_BIND_NOW", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "LC_CTYPE", "PWD"}
    _tell("find something in the environment", ", ".join(found) or "empty", ok=not found)
    _tell("be the user root", f"user {os.getuid()}", ok=0 not in os.getresuid())
    inherited = [descriptor for descriptor in range(3, 64) if _open(descriptor)]
    _tell("inherit descriptors", f"{len(inherited)} beside the standard streams", ok=len(inherited) <= 1)


def _open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ in ("candidate", "__main__"):
    main()
