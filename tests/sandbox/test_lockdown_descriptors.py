"""What the filters leave of descriptors, sockets and memory: each forbidden act with them, and without them for proof."""

import array
import ctypes
import errno
import fcntl
import mmap
import os
import signal
import socket
import termios
from pathlib import Path

import pytest

from eudoxus.sandbox import lockdown

from .throwaway import NUMBER, REFUSED, Told, as_child, as_zygote, attempt, call, refused_by_filter

pytestmark = pytest.mark.skipif(not lockdown.seccomp_available(), reason="seccomp filters need Linux on x86_64 or aarch64")


def test_descriptors_get_no_owner_signal_lease_or_larger_pipe():
    def of_pipe(command: int, value: int | bytes) -> int:
        reading, _ = os.pipe()  # in the child: what is set stays with the pipe
        return len(str(fcntl.fcntl(reading, command, value)))

    assert attempt(lambda: of_pipe(fcntl.F_SETFL, os.O_NONBLOCK), as_child).value == 1
    owner = array.array("i", [1, os.getpid()]).tobytes()
    for command, value in (
        (fcntl.F_SETOWN, os.getpid()), (fcntl.F_SETSIG, signal.SIGUSR1), (fcntl.F_SETFL, os.O_ASYNC), (1031, 1 << 17), (15, owner),
    ):
        refused_by_filter(lambda command=command, value=value: of_pipe(command, value))
    refused_by_filter(lambda: fcntl.ioctl(os.pipe()[0], termios.FIOASYNC, b"\1\0\0\0").hex())


def test_files_get_no_lease_and_no_directory_notifies(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("x")

    def lease(file: str, command: int, value: int) -> int:
        descriptor = os.open(file, os.O_RDONLY)
        return fcntl.fcntl(descriptor, command, value)

    refused_by_filter(lambda: lease(str(path), fcntl.F_SETLEASE, fcntl.F_RDLCK))
    assert attempt(lambda: lease(str(tmp_path), fcntl.F_NOTIFY, 1), as_child) == REFUSED
    assert attempt(lambda: lease(str(tmp_path), fcntl.F_NOTIFY, 1)).errno in (0, errno.EINVAL)  # a kernel may be built without


def test_terminals_cannot_be_written_for_others():
    master, terminal = os.openpty()
    try:
        assert attempt(lambda: os.isatty(terminal), as_child).value is True
        assert attempt(lambda: len(os.get_terminal_size(terminal)), as_child).value == 2
        for request in (termios.TIOCSTI, termios.TIOCSPGRP, termios.TIOCSCTTY, termios.TCSETS, 0x541C):
            assert attempt(lambda request=request: fcntl.ioctl(terminal, request, b"x" * 64).hex(), as_child) == REFUSED
        refused_by_filter(lambda: fcntl.ioctl(terminal, termios.TIOCSWINSZ, bytes(8)).hex())
    finally:
        os.close(master)
        os.close(terminal)


@pytest.mark.parametrize("family", ["INET", "INET6", "UNIX", "NETLINK", "PACKET", "ALG", "VSOCK"])
def test_no_socket_of_any_family(family: str):
    number = getattr(socket, f"AF_{family}", None)
    if number is None:
        pytest.skip("not known to this Python")
    kind = socket.SOCK_SEQPACKET if family == "ALG" else socket.SOCK_RAW if family in ("NETLINK", "PACKET") else socket.SOCK_STREAM
    assert attempt(lambda: socket.socket(number, kind).close(), as_child) == REFUSED
    assert attempt(lambda: socket.socket(number, kind).close(), as_zygote) == REFUSED
    told = attempt(lambda: socket.socket(number, kind).close())
    assert told.errno in ((0,) if family in ("INET", "UNIX") else (0, errno.EAFNOSUPPORT, errno.EPERM, errno.ESOCKTNOSUPPORT))


def test_a_socket_pair_reaches_only_its_other_end(tmp_path: Path):
    def echo() -> str:
        one, other = socket.socketpair()
        one.sendall(b"ping", socket.MSG_NOSIGNAL)
        return other.recv(4, socket.MSG_WAITALL).decode()

    assert attempt(echo, as_child).value == "ping"
    assert attempt(lambda: socket.socketpair(socket.AF_INET), as_child) == REFUSED
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)

        def send_away() -> int:
            one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            return one.sendto(b"secret", path)

        refused_by_filter(send_away)
    one, other = socket.socketpair()
    with one, other:
        refused_by_filter(lambda: one.send(b"x", socket.MSG_OOB))
        assert attempt(lambda: other.recv(1, socket.MSG_OOB | socket.MSG_DONTWAIT).hex(), as_child) == REFUSED
        refused_by_filter(lambda: one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED))
        refused_by_filter(lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20))
        assert attempt(lambda: one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), as_child) == Told(value=0)


def test_descriptors_come_to_the_zygote_and_travel_no_further():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other, open(os.devnull) as null:
        socket.send_fds(one, [b"x"], [null.fileno()])
        assert attempt(lambda: len(socket.recv_fds(other, 1, 1, socket.MSG_PEEK)[1]), as_child) == REFUSED
        assert attempt(lambda: socket.send_fds(one, [b"x"], [null.fileno()]), as_child) == REFUSED
        assert attempt(lambda: len(socket.recv_fds(other, 1, 1)[1]), as_zygote).value == 1
        assert attempt(lambda: socket.send_fds(one, [b"x"], [null.fileno()])).errno == 0


@pytest.mark.parametrize("flags", [os.O_RDONLY, 3])
def test_a_file_opened_to_read_is_not_emptied(tmp_path: Path, flags: int):
    path = tmp_path / "module.py"
    path.write_text("kept")
    assert attempt(lambda: os.open(path, flags | os.O_TRUNC), as_child) == REFUSED
    assert attempt(lambda: os.truncate(path, 0), as_child) == REFUSED
    assert path.read_text() == "kept"
    assert attempt(lambda: path.write_text("new"), as_child).value == 3
    attempt(lambda: os.open(path, flags | os.O_TRUNC))
    assert path.read_text() == ""


def test_calls_that_are_open_only_in_part_stay_shut_in_the_rest():
    page = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    assert attempt(lambda: call(NUMBER["madvise"], address, mmap.PAGESIZE, 4), as_child) == Told(value=0)
    assert attempt(lambda: call(NUMBER["madvise"], address, mmap.PAGESIZE, 12), as_child) == REFUSED  # MERGEABLE
    refused_by_filter(lambda: call(NUMBER["madvise"], address, mmap.PAGESIZE, 10))  # DONTFORK
    refused_by_filter(lambda: call(NUMBER["futex"], address, 6, 0, None, 0, 0))  # LOCK_PI
    refused_by_filter(lambda: call(NUMBER["sched_getaffinity"], os.getppid(), 128, ctypes.create_string_buffer(128)))
    refused_by_filter(lambda: [os.close(end) for end in os.pipe2(os.O_DIRECT)])
    assert attempt(lambda: call(NUMBER["renameat2"], 0, b"", 0, b"", 2), as_child) == REFUSED  # EXCHANGE
    assert attempt(lambda: call(NUMBER["renameat2"], 0, b"", 0, b"", 2)).errno == errno.ENOENT
