"""The filters in the kernel: each forbidden act is tried with them, and without them to see that it is they that refuse it."""

import ctypes
import errno
import mmap
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown import rules

from .forbidden import FORBIDDEN
from .throwaway import (
    ARCHITECTURE,
    AS_ROOT,
    NUMBER,
    REFUSED,
    Told,
    as_child,
    as_zygote,
    attempt,
    bystander,
    call,
    refused_by_filter,
    unprivileged,
    with_threads,
)

pytestmark = pytest.mark.skipif(
    not lockdown.seccomp_available(), reason="seccomp filters need Linux on x86_64 or aarch64"
)
ANYONE = (lambda: None, unprivileged) if AS_ROOT else (lambda: None,)
NONE = 2**64 - 1
"""-1: no descriptor, no process."""
ON_X86 = pytest.mark.skipif(ARCHITECTURE != "x86_64", reason="machine code of x86_64")


def _forbidden(name: str) -> int | None:
    return FORBIDDEN[name][0 if ARCHITECTURE == "x86_64" else 1]


UNFILTERED = {335, 336} if ARCHITECTURE == "x86_64" else set()
"""uretprobe and uprobe: newer kernels let them pass any filter, and kill whoever makes them outside of a probe."""


@pytest.mark.parametrize("who", ANYONE)
def test_every_number_that_is_not_listed_is_refused(who: Callable[[], None]):
    listed = {NUMBER[name] for name in rules._IN_ZYGOTE if name in NUMBER} | UNFILTERED

    def sweep() -> list[int]:
        return [number for number in range(601) if number not in listed and attempt_number(number) != errno.EPERM]

    def attempt_number(number: int) -> int:
        try:
            call(number, *[NONE] * 6)
        except OSError as refused:
            return refused.errno or 0
        return 0

    assert attempt(sweep, who, as_zygote).value == []
    assert attempt(sweep, who, as_child).value == []


POWER: dict[str, tuple[int | bytes | None, ...]] = {
    "io_uring_setup": (0, None), "io_setup": (0, None), "userfaultfd": (0,), "process_vm_readv": (0, None, 0, None, 0, 0),
    "process_vm_writev": (0, None, 0, None, 0, 0), "ptrace": (2, 1, 0, 0), "pidfd_getfd": (NONE, 0, 0), "kcmp": (0, 0, 0, 0, 0),
    "keyctl": (0, 0, 0), "add_key": (None, None, None, 0, 0), "request_key": (None, None, None, 0), "bpf": (NONE, None, 0),
    "perf_event_open": (None, 0, 0, NONE, 0), "memfd_create": (b"x", 0), "execve": (b"/no", None, None),
    "execveat": (NONE, b"no", None, None, 0), "open_by_handle_at": (NONE, None, 0),
    "name_to_handle_at": (NONE, None, None, None, 0),
    "mount": (None, None, None, 0, None), "umount2": (None, 0), "move_mount": (NONE, b"a", NONE, b"b", 0), "fsopen": (None, 0),
    "pivot_root": (None, None), "chroot": (None,), "setns": (NONE, 0), "unshare": (0,), "personality": (0xFFFFFFFF,),
    "sched_setaffinity": (0, 0, None), "sched_setscheduler": (0, 0, None), "setpriority": (0, 0, 0), "ioprio_set": (1, 0, 0),
    "shmget": (0, 0, 0), "shmctl": (NONE, 2, None), "msgctl": (NONE, 2, None), "semctl": (NONE, 0, 1, 0),
    "mq_open": (None, 0, 0, None), "inotify_init1": (0,), "inotify_add_watch": (NONE, None, 0), "socket": (1, 1, 0),
    "connect": (NONE, None, 0), "bind": (NONE, None, 0), "listen": (NONE, 0), "accept4": (NONE, None, None, 0),
    "setsockopt": (NONE, 1, 2, None, 0), "sendmsg": (NONE, None, 0), "sendmmsg": (NONE, None, 0, 0),
    "recvmmsg": (NONE, None, 0, 0, None), "timer_create": (1, None, None), "signalfd4": (NONE, None, 8, 0),
    "rt_sigqueueinfo": (0, 0, None), "rt_tgsigqueueinfo": (0, 0, 0, None), "get_robust_list": (0, None, None), "mincore": (0, 0, None),
    "membarrier": (0, 0), "mbind": (0, 0, 0, None, 0, 0), "move_pages": (0, 0, None, None, None, 0), "mlock": (0, 0), "truncate": (None, 0),
    "linkat": (NONE, None, NONE, None, 0), "symlinkat": (None, NONE, None), "mknodat": (NONE, None, 0, 0),
    "fchmodat": (NONE, None, 0), "fchownat": (NONE, None, 0, 0, 0), "utimensat": (NONE, b"a", None, 0),
    "setxattr": (None, None, None, 0, 0), "splice": (NONE, None, NONE, None, 1, 0), "tee": (NONE, NONE, 1, 0),
    "vmsplice": (NONE, None, 0, 0), "sendfile": (NONE, NONE, None, 1),
    "copy_file_range": (NONE, None, NONE, None, 1, 0),
    "setuid": (os.geteuid(),), "setresuid": (os.geteuid(),) * 3, "capset": (None, None), "setpgid": (0, 0), "setrlimit": (0, None),
    "openat2": (NONE, None, None, 0), "fallocate": (NONE, 0, 0, 0), "tkill": (0, 0), "modify_ldt": (0, None, 0), "iopl": (0,),
}
"""Arguments that do no harm and make a kernel without filter answer anything but EPERM."""
KERNEL_MAY_REFUSE = {
    "io_uring_setup", "userfaultfd", "bpf", "perf_event_open", "mount", "umount2", "move_mount", "fsopen", "pivot_root", "chroot",
    "kcmp", "iopl",
}
"""Even without a filter, by its settings or for want of a capability."""


def test_without_filters_the_kernel_does_what_they_refuse():
    refused = set()
    for name, arguments in POWER.items():
        number = _forbidden(name)
        if number is None:
            continue

        def act(number: int = number, arguments: tuple[Any, ...] = arguments) -> int:
            return call(number, *arguments)

        assert attempt(act, as_child) == REFUSED, name
        if attempt(act) == REFUSED:
            refused.add(name)
    assert refused <= KERNEL_MAY_REFUSE


def test_a_process_signals_only_itself():
    assert attempt(lambda: os.kill(os.getpid(), 0), as_child) == Told()
    assert attempt(lambda: signal.raise_signal(signal.SIGTERM), as_child).signal == signal.SIGTERM
    with bystander() as other:
        refused_by_filter(lambda: os.kill(other, 0), zygote=False)
        refused_by_filter(lambda: call(NUMBER["tgkill"], other, other, 0), zygote=False)
        refused_by_filter(lambda: os.kill(0, 0), zygote=False)
        assert attempt(lambda: os.kill(-1, 0), as_child) == REFUSED
        assert attempt(lambda: os.kill(-os.getpgrp(), 0), as_child) == REFUSED
        descriptor = os.pidfd_open(other)
        try:
            refused_by_filter(lambda: signal.pidfd_send_signal(descriptor, 0), zygote=False)
        finally:
            os.close(descriptor)
        refused_by_filter(lambda: os.close(os.pidfd_open(other)), zygote=False)


def test_no_process_can_be_made():
    def fork() -> None:
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    assert attempt(fork, as_zygote) == Told()
    refused_by_filter(fork, zygote=False)
    refused_by_filter(lambda: subprocess.run(["/bin/true"], check=True).returncode)
    refused_by_filter(lambda: os.posix_spawn("/bin/true", ["true"], {}))


def test_threads_are_made_only_where_allowed_and_are_confined_too():
    def connect_in_thread() -> int:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(_errno_of(lambda: socket.socket(socket.AF_INET))))
        try:
            thread.start()
        except RuntimeError:
            return -1
        thread.join()
        return seen[0]

    assert attempt(connect_in_thread, as_child).value == -1
    assert attempt(connect_in_thread, with_threads).value == errno.EPERM
    assert attempt(connect_in_thread).value == 0


def _errno_of(act: Callable[[], Any]) -> int:
    try:
        act()
    except OSError as refused:
        return refused.errno or -1
    return 0


def test_clone3_is_absent_and_clone_makes_no_namespace():
    assert attempt(lambda: call(NUMBER["clone3"], None, 0), as_child).errno == errno.ENOSYS
    assert attempt(lambda: call(NUMBER["clone3"], None, 0), as_zygote).errno == errno.ENOSYS
    new_user = 0x10000000
    for flags in (new_user | signal.SIGCHLD, 0x8000 | signal.SIGCHLD, 0, 0x4100 | signal.SIGCHLD):
        for lock in (as_zygote, as_child, with_threads):
            assert attempt(lambda flags=flags: call(NUMBER["clone"], flags, 0, 0, 0, 0), lock) == REFUSED


def test_limits_can_be_read_and_not_changed():
    import resource

    core, limits = resource.RLIMIT_CORE, bytes(16)
    prlimit = NUMBER["prlimit64"]
    assert attempt(lambda: len(resource.getrlimit(resource.RLIMIT_AS)), as_child).value == 2
    assert attempt(lambda: call(prlimit, 0, core, limits, None), as_zygote) == Told(value=0)
    refused_by_filter(lambda: call(prlimit, 0, core, limits, None), zygote=False)
    with bystander() as other:
        refused_by_filter(lambda: call(prlimit, other, core, None, None))
        refused_by_filter(lambda: call(prlimit, other, core, limits, None))


def test_prctl_names_a_process_and_in_the_zygote_takes_rights_from_it():
    prctl = NUMBER["prctl"]
    assert attempt(lambda: call(prctl, 15, b"name", 0, 0, 0), as_child) == Told(value=0)
    for option in (1, 38):  # PDEATHSIG, NO_NEW_PRIVS
        assert attempt(lambda option=option: call(prctl, option, 1, 0, 0, 0), as_zygote) == Told(value=0)
        refused_by_filter(lambda option=option: call(prctl, option, 1, 0, 0, 0), zygote=False)
    assert attempt(lambda: call(prctl, 4, 0, 0, 0, 0), as_zygote) == Told(value=0)
    refused_by_filter(lambda: call(prctl, 4, 1, 0, 0, 0))  # dumpable again
    for option, value in ((36, 1), (29, 50_000), (41, 1)):  # child subreaper, timer slack, huge pages
        refused_by_filter(lambda option=option, value=value: call(prctl, option, value, 0, 0, 0))


def test_a_child_installs_no_filter_and_no_ruleset():
    allow_all = bytes.fromhex("0600 0000 0000ff7f")
    assert attempt(lambda: lockdown.install(allow_all), as_child) == REFUSED
    assert attempt(lambda: lockdown.install(allow_all), as_zygote) == Told()
    for name in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"):
        assert attempt(lambda name=name: call(NUMBER[name], NONE, 0, NONE, 0), as_child) == REFUSED
        assert attempt(lambda name=name: call(NUMBER[name], NONE, 0, NONE, 0), as_zygote).errno != errno.EPERM


@ON_X86
def test_x32_calls_do_not_exist():
    assert attempt(lambda: call(0x40000000 | 39), as_child).errno == errno.ENOSYS  # without filter too, on kernels built without x32


@ON_X86
def test_calls_of_another_architecture_kill():
    def getpid_by_interrupt() -> int:
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes.fromhex("53 b814000000 cd80 5b c3"))  # push rbx; mov eax, 20; int 0x80; pop rbx; ret
        return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()

    without = attempt(lambda: getpid_by_interrupt() == os.getpid())
    if without.signal == signal.SIGSEGV:
        pytest.skip("the kernel has no 32-bit calls")
    assert without.value is True
    assert attempt(getpid_by_interrupt, as_child).signal == signal.SIGSYS


def test_ordinary_python_works_in_a_child(tmp_path: Path):
    import asyncio
    import time

    def work() -> str:
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "a").write_text("text")
        (folder / "a").rename(folder / "b")
        assert [path.name for path in folder.iterdir()] == ["b"]
        (folder / "b").unlink()
        folder.rmdir()
        asyncio.run(asyncio.sleep(0.001))
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        signal.pause()
        time.sleep(0.001)
        blocks = [bytearray(1 << 20) for _ in range(20)]
        reading, writing = os.pipe()
        os.write(writing, b"done")
        assert select.select([reading], [], [], 1)[0] and len(blocks) == 20
        assert os.getrandom(4) and os.urandom(4) and os.cpu_count() and os.uname() and os.getppid() and time.process_time()
        return os.read(reading, 4).decode()

    assert attempt(work, as_child).value == "done"


def test_a_zygote_forks_confines_kills_and_reaps():
    def serve() -> int:
        from eudoxus.sandbox.lockdown import LimitsStruct, close_all_but, die_with_parent, not_dumpable, set_limits

        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with_parent(parent)
            not_dumpable()
            close_all_but({0, 1, 2})
            set_limits(LimitsStruct(memory_bytes=1 << 30, file_bytes=1 << 20, cpu_s=5))
            assert ARCHITECTURE is not None
            lockdown.install(lockdown.child_filter(ARCHITECTURE, os.getpid(), False))
            os._exit(7 if _errno_of(os.fork) == errno.EPERM else 8)
        first = os.waitpid(pid, 0)[1]
        pid = os.fork()
        if pid == 0:
            signal.pause()
        descriptor = os.pidfd_open(pid)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        select.select([descriptor], [], [])
        ended = os.waitid(os.P_PIDFD, descriptor, os.WEXITED)
        assert ended is not None and ended.si_status == signal.SIGKILL
        return os.waitstatus_to_exitcode(first)

    assert attempt(serve, unprivileged, as_zygote).value == 7


def test_a_filter_that_the_kernel_does_not_take_is_an_error():
    with pytest.raises(lockdown.NotConfined, match=r"seccomp filter: ") as refused:
        lockdown.install(b"")
    assert refused.value.errno == errno.EINVAL and refused.value.what == "seccomp filter"
    assert attempt(lambda: lockdown.install(lockdown.long_filter(ARCHITECTURE or "x86_64")), unprivileged) == Told(errno=errno.EACCES)


def test_every_step_says_when_it_fails():
    """Under a filter that refuses everything they ask for, none of the steps passes for done."""
    limits = lockdown.LimitsStruct(memory_bytes=1 << 30, file_bytes=1, cpu_s=1)

    def silent() -> list[str]:
        steps: dict[str, Callable[[], Any]] = {
            "no_new_privileges": lockdown.no_new_privileges, "not_dumpable": lockdown.not_dumpable,
            "die_with_parent": lockdown.die_with_parent, "set_limits": lambda: lockdown.set_limits(limits),
            "drop_capabilities": lockdown.drop_capabilities,
            "leave_root": lambda: lockdown.leave_root(61234, 61234), "install": lambda: lockdown.install(bytes(8)),
            "ruleset": lambda: lockdown.Ruleset.open([], [], [], None, abi=1),
        }
        return [name for name, step in steps.items() if _raised(step) is not lockdown.NotConfined]

    assert attempt(silent, as_child).value == []


def _raised(step: Callable[[], Any]) -> type[BaseException] | None:
    try:
        step()
    except BaseException as error:
        return type(error)
    return None


def test_nothing_is_known_to_be_possible_elsewhere(monkeypatch: pytest.MonkeyPatch):
    class Other:
        machine = "riscv64"

    lockdown.architecture.cache_clear()
    monkeypatch.setattr(os, "uname", Other)
    try:
        assert lockdown.architecture() is None and lockdown.abi() == 0 and not lockdown.seccomp_available()
        with pytest.raises(lockdown.NotConfined):
            lockdown.no_new_privileges()
    finally:
        monkeypatch.undo()
        lockdown.architecture.cache_clear()
