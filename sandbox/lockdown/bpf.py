"""Seccomp filters: an assembler for classic BPF, rules on system calls, and how a filter is built of them and installed.

A filter looks a call up in a binary tree of numbers: jumps stay short, and few instructions run for a call. Calls that are allowed
whatever their arguments are, newer kernels answer from a cache without running the filter at all.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from eudoxus.sandbox.lockdown.syscalls import NUMBERS, Architecture, ask, demand

ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000
"""SECCOMP_RET_ERRNO; the low 16 bits are the errno."""
KILL: Final = 0x80000000
"""SECCOMP_RET_KILL_PROCESS: the process dies of SIGSYS."""

AUDIT_ARCH: Final[dict[Architecture, int]] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32: Final = 0x40000000
"""Bit 30 of a number asks x86_64 kernels for the x32 variant of a call."""

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_MASK32: Final = 0xFFFFFFFF


class Assembler:
    """Builds a program of classic BPF; a jump names a label further down, or None for the next instruction."""

    def __init__(self) -> None:
        self._code: list[tuple[int, str | None, str | None, int]] = []
        self._labels: dict[str, int] = {}

    def load(self, offset: int) -> None:
        """Load the 32-bit word at ``offset`` of struct seccomp_data."""
        self._code.append((_LOAD, None, None, offset))

    def load_argument(self, index: int, *, high: bool = False) -> None:
        """Load the low or the high 32 bits of argument ``index``."""
        self.load(_ARGUMENTS + 8 * index + 4 * high)

    def mask(self, bits: int) -> None:
        """Keep these bits of the loaded word."""
        self._code.append((_AND, None, None, bits & _MASK32))

    def if_equal(self, value: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump by whether the loaded word is ``value``."""
        self._code.append((_JUMP_EQUAL, then, otherwise, value & _MASK32))

    def if_at_least(self, value: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump by whether the loaded word, unsigned, is ``value`` or more."""
        self._code.append((_JUMP_AT_LEAST, then, otherwise, value & _MASK32))

    def if_any_bit(self, bits: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump by whether the loaded word has any of ``bits``."""
        self._code.append((_JUMP_ANY_BIT, then, otherwise, bits & _MASK32))

    def answer(self, action: int) -> None:
        """End with this action."""
        self._code.append((_RETURN, None, None, action))

    def new_label(self) -> str:
        """A name that no label has yet."""
        name = f"L{len(self._labels)}"
        self._labels[name] = -1
        return name

    def label(self, name: str) -> None:
        """The next instruction is where jumps to ``name`` land."""
        self._labels[name] = len(self._code)

    def assemble(self) -> bytes:
        """The program as an array of struct sock_filter. Raises ValueError for a jump that is not 0 to 255 instructions forward."""
        return b"".join(
            struct.pack("<HBBI", code, self._distance(at, then), self._distance(at, otherwise), value)
            for at, (code, then, otherwise, value) in enumerate(self._code)
        )

    def _distance(self, at: int, label: str | None) -> int:
        distance = 0 if label is None else self._labels[label] - at - 1
        if not 0 <= distance <= 255:
            raise ValueError(f"instruction {at} cannot jump {distance} instructions")
        return distance


class Condition(Protocol):
    """Something about a call's arguments. A filter sees the words themselves, never what they point to."""

    def test(self, program: Assembler, otherwise: str) -> None:
        """Go on when it holds, jump to ``otherwise`` when not."""


class OneOf(NamedTuple):
    """The low 32 bits of an argument that the kernel reads as an int, cut to ``mask``, are one of ``values``."""

    argument: int
    values: tuple[int, ...]
    mask: int = _MASK32

    def test(self, program: Assembler, otherwise: str) -> None:
        held = program.new_label()
        program.load_argument(self.argument)
        if self.mask != _MASK32:
            program.mask(self.mask)
        for value in self.values[:-1]:
            program.if_equal(value, then=held)
        program.if_equal(self.values[-1], otherwise=otherwise)
        program.label(held)


class Without(NamedTuple):
    """The low 32 bits of an argument have none of ``bits``."""

    argument: int
    bits: int

    def test(self, program: Assembler, otherwise: str) -> None:
        program.load_argument(self.argument)
        program.if_any_bit(self.bits, then=otherwise)


class Null(NamedTuple):
    """All 64 bits of an argument are 0: a pointer to nothing."""

    argument: int

    def test(self, program: Assembler, otherwise: str) -> None:
        for high in (False, True):
            program.load_argument(self.argument, high=high)
            program.if_equal(0, otherwise=otherwise)


class Rule(NamedTuple):
    """A call is allowed when all conditions of one alternative hold, and answered with the errno ``otherwise`` when of none."""

    alternatives: tuple[tuple[Condition, ...], ...]
    otherwise: int = errno.EPERM


ALWAYS: Final = Rule(((),))
NEVER: Final = Rule(())
ABSENT: Final = Rule((), errno.ENOSYS)
"""Answered as by a kernel that does not have the call."""


def when(*conditions: Condition) -> Rule:
    """Allowed when all the conditions hold."""
    return Rule((conditions,))


def build(architecture: Architecture, rules: Mapping[str, Rule], unnamed: Rule) -> bytes:
    """The filter that follows ``rules`` for the calls they name and that the architecture has, and ``unnamed`` for all others."""
    program = Assembler()
    ours = program.new_label()
    ours_too = program.new_label()
    program.load(_ARCHITECTURE)
    program.if_equal(AUDIT_ARCH[architecture], then=ours)
    program.answer(KILL)
    program.label(ours)
    program.load(_NUMBER)
    program.if_at_least(X32, otherwise=ours_too)
    program.answer(REFUSE | errno.ENOSYS)
    program.label(ours_too)
    numbers = NUMBERS[architecture]
    _emit_tree(program, _ranges({numbers[name]: rule for name, rule in rules.items() if name in numbers}, unnamed))
    return program.assemble()


def _ranges(rules: Mapping[int, Rule], unnamed: Rule) -> list[tuple[int, Rule]]:
    """Where, from number 0 upwards, another rule begins, and which."""
    ranges: list[tuple[int, Rule]] = []
    edges = sorted({0, *rules, *(number + 1 for number in rules)})
    for start in edges:
        rule = rules.get(start, unnamed)
        if not ranges or ranges[-1][1] != rule:
            ranges.append((start, rule))
    return ranges


def _emit_tree(program: Assembler, ranges: list[tuple[int, Rule]]) -> None:
    if len(ranges) == 1:
        _emit_rule(program, ranges[0][1])
        return
    middle = len(ranges) // 2
    upper = program.new_label()
    program.if_at_least(ranges[middle][0], then=upper)
    _emit_tree(program, ranges[:middle])
    program.label(upper)
    _emit_tree(program, ranges[middle:])


def _emit_rule(program: Assembler, rule: Rule) -> None:
    for alternative in rule.alternatives:
        failed = program.new_label()
        for condition in alternative:
            condition.test(program, failed)
        program.answer(ALLOW)
        if not alternative:
            return
        program.label(failed)
    program.answer(REFUSE | rule.otherwise)


_SET_MODE_FILTER: Final = 1


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(program: bytes) -> None:
    """Put this process, and all it forks, under the filter for good. Needs no_new_privileges first; raises NotConfined."""
    wrapped = (_Program * 1)(_Program(len(program) // 8, program))
    demand("seccomp filter", "seccomp", _SET_MODE_FILTER, 0, wrapped)


def seccomp_available() -> bool:
    """Whether the kernel takes filters at all: one that is given none looks for it before anything else."""
    return ask("seccomp", _SET_MODE_FILTER, 0, None) == (-1, errno.EFAULT)
