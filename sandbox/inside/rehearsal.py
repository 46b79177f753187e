"""What a zygote does before it has children: the work of a judge and of a candidate, some times over, on a program of its own.

The interpreter specialises code that it has run a few times, and remembers where it found attributes. Each child would learn that anew,
and each first write to a page of memory that it shares with the zygote costs a copy of the page.
"""

from __future__ import annotations

import linecache
import os
import random
import socket
import sys
from time import monotonic
from typing import Any, Final

from eudoxus.sandbox.inside import candidate, judge
from eudoxus.sandbox.inside.wire import pack

_ROUNDS: Final = 12
"""CPython 3.11 specialises a function at its eighth call, and needs a few more for what it found there."""
_SECONDS: Final = 10.0
_PROGRAM: Final = "def f(n, *, more=0):\n    return [n, more]\n"
_TESTS: Final = (
    "def check(candidate):\n    assert candidate(2) == [2, 0]\n    assert candidate('a', more=2.5) == ['a', 2.5]\n\ncheck(f)",
    "assert f([1]) == [[1], 0]",
    "import math\nassert f((1, None)) == math.pi",
)
_ASKED: Final[tuple[dict[str, Any], ...]] = (
    {"s": 1, "f": "f", "a": [2]},
    {"s": 2, "f": "f", "a": ["a"], "k": {"more": 2.5}},
    {"s": 3, "f": "f", "a": [{"$tuple": [1, None]}]},
    {"end": 1},
)
_exit = os._exit


def rehearse() -> None:
    """Play both roles, and leave nothing of it behind. Raises OSError."""
    modules, drawn, depth = set(sys.modules), random.getstate(), sys.getrecursionlimit()
    pairs = [socket.socketpair() for _ in range(_ROUNDS)]
    child = os.fork()
    if child == 0:
        try:
            for ours, theirs in pairs:
                ours.close()
                _as_candidate(theirs.fileno())
        finally:
            _exit(0)
    for ours, theirs in pairs:
        with ours, theirs:
            _as_judge(ours.fileno())
    os.waitpid(child, 0)
    for ours, theirs in (socket.socketpair() for _ in range(_ROUNDS)):
        with ours, theirs:
            ours.sendall(b"".join(map(pack, _ASKED)))
            _as_candidate(theirs.fileno())
    for name in sys.modules.keys() - modules:
        del sys.modules[name]
    random.setstate(drawn)
    sys.setrecursionlimit(depth)
    linecache.clearcache()


def _as_candidate(channel: int) -> None:
    candidate.serve({"code": _PROGRAM, "seed": 0, "trace": None, "filename": "candidate.py"}, channel)


def _as_judge(channel: int) -> None:
    report = os.memfd_create("report")
    tests = [{"code": code} for code in _TESTS]
    told = {"tests": tests, "entry": "f", "call_s": _SECONDS, "deadline": monotonic() + _SECONDS, "keep_calls": 10}
    try:
        judge.judge(told, channel, report)
    finally:
        os.close(report)
