"""An interpreter of classic BPF as the kernel runs it over struct seccomp_data, so that each architecture's filter can be tried on any."""

import struct
from collections.abc import Sequence

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def run(program: bytes, number: int, arguments: Sequence[int] = (), *, arch: int) -> int:
    """The action of a filter. Raises on anything that the kernel's checker would not admit."""
    words = [value & (2**64 - 1) for value in (*arguments, *[0] * 6)][:6]
    data = struct.pack("<iIQ6Q", number - 2**32 if number >= 2**31 else number, arch, 0x7F0000001234, *words)
    code = list(struct.iter_unpack("<HBBI", program))
    at = word = 0
    while True:
        operation, then, otherwise, value = code[at]
        at += 1
        match operation:
            case 0x20:
                assert value % 4 == 0
                (word,) = struct.unpack_from("<I", data, value)
            case 0x54:
                word &= value
            case 0x15:
                at += then if word == value else otherwise
            case 0x35:
                at += then if word >= value else otherwise
            case 0x45:
                at += then if word & value else otherwise
            case 0x06:
                return value
            case _:
                raise AssertionError(f"no such instruction: {operation:#x}")


def strictest(*actions: int) -> int:
    """What the kernel does when several filters answer: kill before errno before allow; the first one's errno, here the newest filter's."""
    return min(actions, key=lambda action: (action != KILL, action & 0xFFFF0000))
