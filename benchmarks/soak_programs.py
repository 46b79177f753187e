"""What a soak runs: hostile programs that never give a right answer, honest ones, and controls for afterwards."""

from __future__ import annotations

from typing import NamedTuple

from eudoxus.sandbox import Case, Limits, Program, Test

TESTS = (Test(code="assert solve(2) == 5"), Test(code="assert solve(3) == 10"))
CASES = (Case(args=[2], expected=5), Case(args=[3], expected=10))
SHORT = Limits(wall_s=0.4, call_s=0.15, cpu_s=1, memory_mb=128, output_bytes=4096)
"""For hostile programs."""
AMPLE = Limits(wall_s=20, call_s=10, cpu_s=20)

_CHANNEL = """
import json, os, stat
channel = next(n for n in range(3, 64) if stat.S_ISSOCK(os.fstat(n).st_mode))
def frame(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return len(body).to_bytes(4, 'big') + body
"""
"""The program speaks the protocol itself."""


def _named(texts: str) -> dict[str, str]:
    """Programs by the name in the line before each."""
    found = {}
    for part in texts.split("#: ")[1:]:
        name, _, code = part.partition("\n")
        found[name.removesuffix(" (channel)")] = _CHANNEL + code if name.endswith(" (channel)") else code
    return found


HOSTILE = _named(r"""
#: forks
import os
def solve(n):
    for _ in range(2000):
        try: os.fork()
        except OSError: pass
    return 0
#: forks by number
import ctypes
libc = ctypes.CDLL(None)
def solve(n):
    while True:
        for call in (56, 57, 58, 435):
            libc.syscall(call, 17, 0, 0, 0, 0)
#: threads
import threading, time
def solve(n):
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(60,)).start()
#: memory at once
def solve(n):
    return len(bytearray(1 << 33))
#: memory bit by bit
def solve(n):
    held = []
    while True: held.append(bytearray(1 << 20))
#: memory while it loads
held = [bytearray(1 << 24) for _ in range(100)]
def solve(n): return 0
#: full sockets
import socket
held = []
def solve(n):
    try:
        while True: held.extend(socket.socketpair())
    except OSError: pass
    for end in held:
        end.setblocking(False)
        try:
            while end.send(b'x' * 65536): pass
        except OSError: pass
#: flood of stdout
def solve(n):
    while True: print('x' * 10000)
#: flood of both
import os
def solve(n):
    while True:
        for out in (1, 2):
            try: os.write(out, b'y' * 65536)
            except OSError: pass
#: endless
def solve(n):
    while True: pass
#: endless while it loads
while True: pass
#: endless, catching all
def solve(n):
    while True:
        try:
            while True: pass
        except BaseException: pass
#: endless in C
import re
def solve(n):
    re.match('(a+)+$', 'a' * 64 + 'b')
#: sleeps
import time
def solve(n):
    time.sleep(1000)
#: stops itself
import os, signal
def solve(n):
    os.kill(os.getpid(), signal.SIGSTOP)
#: ignores signals
import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
def solve(n):
    while True: pass
#: exits
import os
def solve(n):
    os._exit(0)
#: exits while it loads
import os
os._exit(0)
#: kills others
import os, signal
def solve(n):
    for pid in (-1, 0, 1, os.getppid(), os.getpid() - 1, os.getpid() + 1):
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
    return 0
#: kills itself
import os, signal
def solve(n):
    os.kill(os.getpid(), signal.SIGKILL)
#: crashes
import ctypes
def solve(n):
    ctypes.string_at(0)
#: raises limits
import resource
def solve(n):
    for what in range(16):
        try: resource.setrlimit(what, (-1, -1))
        except (OSError, ValueError): pass
    return bytearray(1 << 31)
#: opens files
import os
def solve(n):
    for n in range(10 ** 6):
        try: os.open('/dev/null', 0)
        except OSError: return n
#: writes files
def solve(n):
    for folder in ('/tmp', '/dev/shm', '/var/tmp', '.'):
        try: open(folder + '/soak', 'w').write('x')
        except OSError: pass
    return 0
#: connects
import socket
def solve(n):
    socket.create_connection(('127.0.0.1', 80), 1)
#: garbage to every descriptor
import os
def solve(n):
    for out in range(3, 64):
        try: os.write(out, b'garbage' * 100)
        except OSError: pass
    return 5
#: closes every descriptor
import os
def solve(n):
    os.closerange(0, 64)
    return 5
#: answers ahead (channel)
os.write(channel, frame({'hello': 1, 'names': ['solve'], 'classes': {}}) + frame({'s': 0, 'v': 5}) * 9)
import time
time.sleep(1)
#: half an answer (channel)
def solve(n):
    os.write(channel, b'\0\1\0\0{')
    while True: pass
#: a report of its own (channel)
def solve(n):
    for m in ({'begin': 2}, {'i': 0, 'o': 'passed'}, {'i': 1, 'o': 'passed'}, {'end': 2}):
        for out in range(1, 64):
            try: os.write(out, frame(m))
            except OSError: pass
    os._exit(0)
#: an endless answer
def solve(n):
    def forever():
        while True: yield n
    return forever()
#: a million lists
def solve(n):
    return [[] for _ in range(900_000)]
#: sets of one hash
def solve(n):
    return {k * (2 ** 61 - 1) for k in range(5000)}
#: a large text
def solve(n):
    return 'x' * (1 << 26)
#: deep
def solve(n):
    found = []
    for _ in range(10 ** 5): found = [found]
    return found
#: in a cycle
def solve(n):
    found = []
    found.append(found)
    return found
#: recursion
def solve(n):
    return solve(n) + 1
#: equals everything
class Same(int):
    __hash__ = int.__hash__
    def __eq__(self, other): return True
def solve(n):
    return Same()
#: a hostile exception
class Odd(Exception):
    def __str__(self): raise SystemExit
    __repr__ = __str__
def solve(n):
    raise Odd(Odd())
#: wrong modules
import sys, json, os
sys.modules.clear()
json.dumps = os.write = print
def solve(n): return None
""")
BREAKS = frozenset(("exits", "exits while it loads", "kills others", "kills itself", "crashes", "closes every descriptor", "answers ahead"))
"""Of these a bundle's other programs may suffer only by being run again."""

HONEST = _named(r"""
#: plain
def solve(n):
    return n * n + 1
#: chatty
def solve(n):
    print('solving', n, 'x' * 1000)
    return n * n + 1
#: with modules
import collections, functools, itertools, math, re
@functools.cache
def solve(n):
    return math.prod((n, n)) + 1
#: an iterator
def solve(n):
    return sum(k for k in range(n * n + 1)) and n * n + 1
#: a little memory
def solve(n):
    held = bytearray(20 << 20)
    return n * n + 1 + held[5]
""")
WRONG = {"off by one": "def solve(n):\n    return n * n\n", "raises": "def solve(n):\n    return n // 0\n"}
NUMPY = "import numpy\ndef solve(n):\n    return int(numpy.square(n)) + 1\n"


class Control(NamedTuple):
    """What must pass, whatever ran before."""

    name: str
    code: str
    tests: tuple[Test, ...]
    limits: Limits


_CONTROLS = _named(r"""
#: threads
import threading
def solve(n):
    got = []
    worker = threading.Thread(target=got.append, args=(n * n + 1,))
    worker.start()
    worker.join()
    return got[0]
#: deep recursion
def depth(k):
    return k and 1 + depth(k - 1)
def solve(n):
    return n * n + 1 + depth(5000) - 5000
#: much memory
def solve(n):
    return n * n + 1 + bytearray(200 << 20)[7]
#: a class
class Box:
    def __init__(self, n):
        self.n = n
    def value(self):
        return self.n * self.n + 1
#: an argument in place
def solve(xs):
    xs.sort()
#: an exception
def solve(n):
    raise KeyError(n)
""")
_OTHER_TESTS = {
    "a class": Test(code="assert Box(3).value() == 10"),
    "an argument in place": Test(code="x = [2, 1]\nsolve(x)\nassert x == [1, 2]", mutates=(("solve", 0),)),
    "an exception": Test(code="try:\n    solve(1)\n    assert False\nexcept KeyError as error:\n    assert error.args == (1,)"),
}
_THREADED = AMPLE.model_copy(update={"threads": 2})
CONTROLS = tuple(
    Control(name, code, (_OTHER_TESTS[name],) if name in _OTHER_TESTS else TESTS, _THREADED if name == "threads" else AMPLE)
    for name, code in (HONEST | _CONTROLS).items()
)


def program(code: str) -> Program:
    return Program(code=code, entry="solve")
