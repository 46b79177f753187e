"""Landlock (kernel 5.13 and newer): which paths a process may still open, and that it connects to and signals nothing outside."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from eudoxus.sandbox.lockdown.syscalls import NotConfined, ask, demand

NEWEST_ABI: Final = 7
"""The newest ABI whose rights are handled here; a newer kernel is asked for these."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that a rule on a file may carry; with any other the kernel answers EINVAL."""

_READ: Final = READ_FILE | READ_DIR
_WRITE: Final = READ_FILE | WRITE_FILE | TRUNCATE
_SCRATCH: Final = _READ | _WRITE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
"""No links, sockets, pipes or devices: who reads a scratch folder later must not be led elsewhere."""

_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_QUIET: Final = 1 | 4
"""LOG_SAME_EXEC_OFF, LOG_SUBDOMAINS_OFF: a program cannot flood the audit log with what it is refused."""


def abi() -> int:
    """The kernel's Landlock ABI, 0 where it has none, has it switched off, or something outside refuses it."""
    return max(0, ask("landlock_create_ruleset", None, 0, _ASK_VERSION)[0])


def _handled(version: int) -> tuple[int, int, int]:
    """Rights on files, rights on the network, and scopes that a kernel of this ABI can take away."""
    files = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        files |= right if version >= since else 0
    return files, _BIND_TCP | _CONNECT_TCP if version >= 4 else 0, _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0


class Ruleset:
    """What may still be opened, prepared once; a descriptor that any process that holds it may confine itself with.

    Everything else that the ABI knows is refused: other paths, executing, TCP (ABI 4), signals to processes outside and abstract
    unix sockets (ABI 6).
    """

    def __init__(self, descriptor: int, version: int, absent: Sequence[str]) -> None:
        self.descriptor = descriptor
        self.abi = version
        self.absent = tuple(absent)
        """Paths that were asked for and are not there; they get no rule."""

    @classmethod
    def open(
        cls, read: Sequence[str], files: Sequence[str], write_files: Sequence[str], scratch: str | None, *, abi: int | None = None
    ) -> Ruleset:
        """Prepare a ruleset: trees to ``read``, single ``files`` to read, ``write_files`` to read and write, and one ``scratch`` folder.

        A file among ``read`` gets a file's rights. ``abi`` asks for less than the kernel has. Raises NotConfined.
        """
        version = min(_abi() if abi is None else abi, NEWEST_ABI)
        if version < 1:
            raise NotConfined("landlock", errno.ENOSYS)
        handled = _handled(version)
        attributes = struct.pack("<QQQ", *handled)[: 24 if version >= 6 else 16 if version >= 4 else 8]
        descriptor = demand("landlock ruleset", "landlock_create_ruleset", attributes, len(attributes), 0)
        grants = [*((path, _READ) for path in read), *((path, READ_FILE) for path in files), *((path, _WRITE) for path in write_files)]
        if scratch is not None:
            grants.append((scratch, _SCRATCH))
        try:
            absent = [path for path, rights in grants if not _grant(descriptor, path, rights & handled[0])]
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, version, absent)

    def restrict(self) -> None:
        """Confine this process, and all it forks, for good. Needs no_new_privileges first; raises NotConfined."""
        demand("landlock", "landlock_restrict_self", self.descriptor, _QUIET if self.abi >= 7 else 0)

    def close(self) -> None:
        """Close the descriptor; who is confined stays so."""
        os.close(self.descriptor)

    def __enter__(self) -> Ruleset:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


_abi = abi
"""The function, where an argument has its name."""


def _grant(ruleset: int, path: str, rights: int) -> bool:
    """Allow ``rights`` at and below ``path``; return False when nothing is there."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as refused:
        raise NotConfined(f"landlock rule for {path}", refused.errno or errno.EIO) from refused
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        demand(f"landlock rule for {path}", "landlock_add_rule", ruleset, _RULE_PATH_BENEATH, struct.pack("<Qi", rights, place), 0)
    finally:
        os.close(place)
    return True
