"""A candidate and a judge as plain forked processes: the protocol without the jail."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eudoxus.sandbox.inside import bundle, candidate, judge
from eudoxus.sandbox.inside.wire import Channel, Closed


def forked(work: Callable[..., None], *descriptors: int) -> int:
    """A child that holds only these descriptors, as 3, 4, …, and runs ``work(3, 4, …)``."""
    child = os.fork()
    if child:
        return child
    try:
        held = [os.dup2(descriptor, 200 + i) for i, descriptor in enumerate(descriptors)]
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        places = [os.dup2(descriptor, 3 + i) for i, descriptor in enumerate(held)]
        os.closerange(3 + len(places), 4096)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115  (not what pytest put there)
        room = taken() + (2 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work(*places)
    finally:
        os._exit(0)


def taken() -> int:
    """Bytes of address space that the libraries of other tests take here: torch alone may have more than a candidate is allowed."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def serving(code: str, channel: int, **more: Any) -> int:
    """A candidate process."""
    return forked(lambda fd: candidate.serve({"code": code, "seed": 0, **more}, fd), channel)


def ended(*children: int) -> None:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def frames(report: int) -> list[dict[str, Any]]:
    """What a report holds, to its end."""
    channel, found = Channel(report), []
    try:
        while True:
            found.append(channel.read(time.monotonic() + 30))
    except Closed:
        return found
    finally:
        os.close(report)


def payload(*tests: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the judge is given."""
    asked = [{"code": test} if isinstance(test, str) else test for test in tests]
    return {"setup": "", "names": [], "classes": [], "entry": "solve", "tests": asked, "call_s": 2.0, "deadline": time.monotonic() + 5,
            "seed": 0, "keep_calls": 3, **more}


def judged(
    code: str, *tests: str | dict[str, Any], entry: str | None = "solve", call_s: float = 2.0, wall_s: float = 5.0,
    trace: str | None = None, **more: Any,
) -> list[dict[str, Any]]:
    """The judge's report on a candidate."""
    ours, theirs = socket.socketpair()
    report, written = os.pipe()
    asked = payload(*tests, entry=entry, call_s=call_s, deadline=time.monotonic() + wall_s, trace=bool(trace), **more)
    children = [serving(code, theirs.fileno(), trace=trace), forked(lambda fd, out: judge.judge(asked, fd, out), ours.fileno(), written)]
    ours.close()
    theirs.close()
    os.close(written)
    try:
        return frames(report)
    finally:
        ended(*children)


def outcomes(report: list[dict[str, Any]]) -> list[str]:
    """The outcome of each test, and the fault if there is one, from a report whose order is checked."""
    assert "begin" in report[0]
    tests = [frame for frame in report if "i" in frame]
    assert [frame["i"] for frame in tests] == list(range(len(tests)))
    return [frame["o"] for frame in tests] + ["fault " + frame["fault"] for frame in report if "fault" in frame]


def verdict(report: list[dict[str, Any]]) -> str:
    """``passed`` where the judge began, reported every test as passed, and ended."""
    done = report[-1].get("end") == report[0]["begin"] == len(report) - 2
    return "passed" if done and all(outcome == "passed" for outcome in outcomes(report)) else "not_passed"


def bundled(programs: list[dict[str, Any]], each_s: float = 0.5) -> list[dict[str, Any]]:
    """The report on a bundle."""
    report, written = os.pipe()
    child = forked(lambda out: bundle.run({"programs": programs, "each_s": each_s, "seed": 0}, out), written)
    os.close(written)
    try:
        return frames(report)
    finally:
        ended(child)
