"""From what was reported, how the children ended, and what the harness killed, to outcomes. Pure functions.

A run has passed only if all its tests were reported as passed, in order, with the end record after them, and nothing was killed for
being late. Exit codes and printed text are never looked at.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eudoxus.sandbox.inside.blocks import checked
from eudoxus.sandbox.model import CallRecord, Outcome, Raised

_TESTED = frozenset(("passed", "failed", "error", "timeout", "protocol_error", "invalid_test"))
_FAULTS: dict[str, Outcome] = {"timeout": "timeout", "protocol_error": "protocol_error"}
_STOPPING = frozenset(("timeout", "protocol_error"))
_MOST_TEXT = 1000
_MOST_TRACE = 1 << 20
"""Characters of JSON."""
_MOST_FRAMES = 10
_MOST_LINE = 1 << 31
_MOST_CALLS = 1000


class Ended(NamedTuple):
    """How a child ended. Where ``confined`` is false it ended before it ran anything."""

    confined: bool
    status: int
    """As of wait()."""
    cpu_ms: float = 0.0
    maxrss_kb: int = 0

    @property
    def signal(self) -> int | None:
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None


LOST = Ended(confined=False, status=0)
"""What is known of a child whose zygote is gone."""


class Judgement(NamedTuple):
    """The verdict on one test or case."""

    outcome: Outcome
    exc: Raised | None = None
    ms: float = 0.0
    calls: list[CallRecord] = []  # noqa: RUF012  (never changed)
    trace: Any = None
    value: Any = None
    """As tagged JSON, where it was to be handed on."""


class Circumstances(NamedTuple):
    """What the harness itself saw of a run."""

    candidate: Ended
    late: bool = False
    """Whether the harness killed it for being late."""
    dismissed: bool = False
    """Whether the harness killed the candidate after the verdict was in."""
    overflowed: bool = False
    """Whether the candidate's output reached the limit where writing fails."""
    cpu_s: float = float("inf")


class Verdict(NamedTuple):
    """What a run came to. ``reached`` is the number of tests that have a verdict of their own."""

    outcome: Outcome
    tests: list[Judgement]
    reached: int
    exc: Raised | None = None
    signal: int | None = None


def judged(count: int, frames: Sequence[Mapping[str, Any]], judge: Ended, seen: Circumstances) -> Verdict:
    """The verdict on ``count`` tests from the judge's report, which tests written by a model may have spoilt."""
    tests: list[Judgement] = []
    rest = iter(frames)
    begun = next(rest, {})
    if begun.get("begin") == count and type(begun.get("begin")) is int:
        for frame in rest:
            if "i" in frame:
                tested = _tested(frame)
                if tested is None or frame["i"] != len(tests) or len(tests) == count:
                    return _incomplete(count, tests, "invalid_test", judge, seen)
                tests.append(tested)
            elif "end" in frame:
                if frame["end"] != count or len(tests) != count or next(rest, None) is not None:
                    break
                return _complete(tests, seen)
            elif "load" in frame:
                return _unloaded(count, raised(frame["load"]), seen)
            else:
                exc = Raised(type="Fault", msg=_text(frame.get("msg")))
                return broken(count, tests, _FAULTS.get(str(frame.get("fault")), "invalid_test"), seen, exc)
    return _incomplete(count, tests, "invalid_test", judge, seen)


def answered(count: int, tests: list[Judgement], load: Raised | None, fault: tuple[Outcome, str] | None, seen: Circumstances) -> Verdict:
    """The verdict on ``count`` cases that the harness asked and compared itself; ``fault`` is why it stopped asking."""
    if load is not None:
        return _unloaded(count, load, seen)
    if fault is None and len(tests) == count:
        return _complete(tests, seen)
    outcome, message = fault or ("protocol_error", "")
    return broken(count, tests, outcome, seen, Raised(type="Fault", msg=message))


def broken(count: int, tests: list[Judgement], outcome: Outcome, seen: Circumstances, exc: Raised | None = None) -> Verdict:
    """The verdict on a run that stopped within: those after the last reported test share what stopped it."""
    cause = _cause(outcome, seen)
    if tests and tests[-1].outcome in _STOPPING:  # the test in which it stopped
        tests = [*(_refined(test, seen) for test in tests[:-1]), tests[-1]._replace(outcome=cause)]
        stopped = len(tests)
    else:
        tests = [_refined(test, seen) for test in tests]
        stopped = len(tests) + 1
    rest = [Judgement(cause, exc)] * (count - len(tests))
    return Verdict(cause, tests + rest, min(stopped, count), exc, _own_signal(seen))


def infra_error(count: int, message: str) -> Verdict:
    """The verdict on a run that the sandbox could not begin."""
    exc = Raised(type="InfraError", msg=message[:_MOST_TEXT])
    return Verdict("infra_error", [Judgement("infra_error", exc)] * count, min(1, count), exc)


def summary(tests: Sequence[Judgement]) -> Outcome:
    """One outcome for all: the first that is neither passed nor the test's own fault, else that of the first that did not pass."""
    bad = [test.outcome for test in tests if test.outcome != "passed"]
    return next((outcome for outcome in bad if outcome != "invalid_test"), bad[0] if bad else "passed")


def raised(found: Any) -> Raised:
    """An exception from a report, of which nothing is believed but that it is JSON."""
    if type(found) is not dict:
        return Raised(type="Exception")
    line, frames = found.get("line"), found.get("frames")
    kept = [
        (frame[0], _text(frame[1])) for frame in (frames if type(frames) is list else ())
        if type(frame) is list and len(frame) == 2 and type(frame[0]) is int and abs(frame[0]) < _MOST_LINE
    ]
    return Raised(
        type=_text(found.get("type")) or "Exception", msg=_text(found.get("msg")),
        line=line if type(line) is int and abs(line) < _MOST_LINE else None, frames=kept[-_MOST_FRAMES:],
    )


def _tested(frame: Mapping[str, Any]) -> Judgement | None:
    """One test's record; None where it is not one."""
    outcome, ms, calls = frame.get("o"), frame.get("ms", 0.0), frame.get("calls", ())
    if type(outcome) is not str or outcome not in _TESTED or type(frame["i"]) is not int or type(ms) not in (int, float):
        return None
    exc = raised(frame["x"]) if "x" in frame else None
    kept = [_call(call) for call in (calls[:_MOST_CALLS] if type(calls) is list else ()) if type(call) is dict]
    return Judgement(outcome, exc, float(ms) if abs(ms) < 1e9 else 0.0, kept, traced(frame.get("trace")))  # type: ignore[arg-type]


def traced(found: Any) -> Any:
    """What has the form of a trace in what the program gave for one, unless it is too large."""
    if type(found) is not dict:
        return None
    told = checked(found)
    shots = (shot for block in told.get("blocks", ()) for shot in block["snapshots"])
    if sum(len(name) + len(value) for shot in shots for name, value in shot["locals"].items()) > _MOST_TRACE:
        return None  # before anybody writes all that down
    return told if len(json.dumps(told)) <= _MOST_TRACE else None


def _call(found: Mapping[str, Any]) -> CallRecord:
    value, error = found.get("v"), found.get("x")
    return CallRecord(
        function=_text(found.get("f")), args=_text(found.get("a")),
        value=None if value is None else _text(value), raised=None if error is None else _text(error),
    )


def _complete(tests: list[Judgement], seen: Circumstances) -> Verdict:
    if seen.late:
        return broken(len(tests), tests, "timeout", seen)
    tests = [_refined(test, seen) for test in tests]
    return Verdict(summary(tests), tests, len(tests), None, None)


def _unloaded(count: int, exc: Raised, seen: Circumstances) -> Verdict:
    outcome = _refined(Judgement("error", exc), seen).outcome
    outcome = "load_error" if outcome == "error" else outcome
    return Verdict(outcome, [Judgement(outcome, exc)] * count, count, exc, None)


def _incomplete(count: int, tests: list[Judgement], outcome: Outcome, judge: Ended, seen: Circumstances) -> Verdict:
    """The judge ended without saying why: late, out of processor time, or ended by a test. Or it never began."""
    if seen.late or judge.signal == signal.SIGXCPU or (judge.signal == signal.SIGKILL and judge.cpu_ms >= 1000 * seen.cpu_s):
        return broken(count, tests, "timeout", seen._replace(late=True))
    if not judge.confined or not seen.candidate.confined:
        return broken(count, tests, "infra_error", seen)
    # Whatever became of the candidate, it is the judge that should have told.
    verdict = broken(count, tests, outcome, seen._replace(candidate=Ended(True, 0), overflowed=False))
    return verdict._replace(exc=Raised(type="InvalidTest", msg="a test ended the judge"))


def _cause(outcome: Outcome, seen: Circumstances) -> Outcome:
    """Why a run stopped, where the candidate's end tells more than what was seen of it from the other side."""
    if seen.late:
        return "timeout"
    if not seen.candidate.confined:
        return "infra_error"
    if _used_up(seen):
        return "timeout"
    if outcome == "protocol_error" and _own_signal(seen) is not None:
        return "output_limit" if _own_signal(seen) == signal.SIGXFSZ else "crashed"
    if seen.overflowed and outcome in ("protocol_error", "timeout"):
        return "output_limit"
    return outcome


def _refined(test: Judgement, seen: Circumstances) -> Judgement:
    """Exceptions that come of limits have outcomes of their own."""
    if test.outcome == "error" and test.exc is not None:
        if test.exc.type == "MemoryError":
            return test._replace(outcome="memory")
        if seen.overflowed and test.exc.type == "OSError":
            return test._replace(outcome="output_limit")
    return test


def _own_signal(seen: Circumstances) -> int | None:
    """What killed the candidate, if it was not the harness."""
    found = seen.candidate.signal
    return None if found == signal.SIGKILL and (seen.late or seen.dismissed) else found


def _used_up(seen: Circumstances) -> bool:
    """Whether the kernel ended it for using up its processor time."""
    found = _own_signal(seen)
    return found == signal.SIGXCPU or (found == signal.SIGKILL and seen.candidate.cpu_ms >= 1000 * seen.cpu_s)


def _text(found: Any) -> str:
    return found[:_MOST_TEXT].encode("utf-8", "backslashreplace").decode() if type(found) is str else ""
