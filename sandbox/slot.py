"""A slot: zygotes for candidates and for judges, of which a run takes a child each."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from eudoxus.sandbox.asking import ANSWER_BYTES, AT_ONCE_BYTES, Asking, Cases
from eudoxus.sandbox.bundles import Bundled, Collecting
from eudoxus.sandbox.comparing import Question
from eudoxus.sandbox.inside.wire import FRAME_BYTES, Inbox, Malformed
from eudoxus.sandbox.inside.zygote import BUNDLE, CANDIDATE, JUDGE
from eudoxus.sandbox.launch import Jail
from eudoxus.sandbox.model import Limits, Program, Test, Trace
from eudoxus.sandbox.plain_tests import Claiming, claims
from eudoxus.sandbox.verdict import Circumstances, Ended, Verdict, answered, judged
from eudoxus.sandbox.zygotes import JUDGE_MEMORY_MB, REPORT_BYTES, Job, Zygote, monotonic, needs_numpy

MOST_FORKS = 10_000
MOST_INFRA_ERRORS = 2
MOST_GROWTH = 1.2
"""Of a zygote's memory, over what it had at its start, and past ``_GROWTH_KB``."""
_GROWTH_KB = 8192
_GROWTH_EVERY = 500
GRACE_S = 0.1
"""That the judge, who knows the test, has to report a time-out itself before the harness kills it."""
DISMISSAL_S = 0.1
"""That a candidate has to end by itself after the verdict."""
KEEP_CALLS = 10
_LEAST_FILE = 1 << 20
_FILE_FACTOR = 16
T = TypeVar("T")
_UIDS = ("candidate", "judge", "candidate+numpy", "judge+numpy")


class Finding(NamedTuple):
    """A verdict, and what a run cost and printed."""

    verdict: Verdict
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    maxrss_kb: int = 0


class Slot:
    """Runs one program at a time."""

    def __init__(self, jail: Jail, index: int) -> None:
        self.jail = jail
        self._index = index
        self._zygotes: dict[str, Zygote] = {}
        self._ending: list[Zygote] = []
        self.infra_errors = 0
        """How many runs in a row ended so."""
        self._jobs: list[Job] = []
        self._null: int | None = None

    @property
    def landlock_abi(self) -> int:
        """Of the kernel, as the zygotes found it."""
        return max((int(zygote.info["abi"]) for zygote in self._zygotes.values()), default=0)

    def another(self, index: int) -> Slot:
        """A slot of the same kind, not started."""
        return Slot(self.jail, index)

    async def start(self) -> None:
        """Start what most runs need. Raises :class:`ZygoteFailed`."""
        self._devnull()
        await asyncio.gather(self._zygote("candidate"), self._zygote("judge"))

    async def _zygote(self, name: str) -> Zygote:
        found = self._zygotes.get(name)
        if found is None or found.broken:
            if found is not None:
                self._end(name)
            uid = None if self.jail.uid is None else self.jail.uid + len(_UIDS) * self._index + _UIDS.index(name)
            found = self._zygotes[name] = await Zygote.start(self.jail, uid=uid, numpy=name.endswith("+numpy"))
        return found

    async def _pair(self, program: Program, tests: Sequence[Test]) -> tuple[Zygote, Zygote]:
        """The zygotes for candidate and judge; those with numpy for programs that import it."""
        twin = self._twin((program, tests))
        candidate = await self._zygote("candidate" + twin)
        return candidate, await self._zygote("judge" + twin)

    def _twin(self, *pairs: tuple[Program, Sequence[Test]]) -> str:
        """What the names of zygotes that have numpy end with, where one of the programs wants it."""
        return "+numpy" if self.jail.interpreter.numpy and any(needs_numpy(*pair) for pair in pairs) else ""

    async def split(
        self, program: Program, tests: Sequence[Test], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Run tests in a judge of their own, or without one where there is nothing in them to execute. Raises :class:`ZygoteFailed`."""
        claimed = None if trace else claims(program, tests)
        if claimed is not None:

            def begin(channel: socket.socket) -> Asking:
                return Claiming(channel, claimed, program.entry or "", limits.call_s, KEEP_CALLS)

            return await self._converse(program, begin, len(tests), limits, trace=None, seed=seed, wall_s=wall_s, most_sent=FRAME_BYTES)
        candidates, judges = await self._pair(program, tests)
        start = monotonic()
        deadline = start + wall_s
        with _memfiles(4) as (asked, told, stdout, stderr), _memfiles(1) as (report,):
            _write(asked, _candidate(program, trace, seed))
            _write(told, {
                "setup": program.setup, "names": [], "classes": [], "entry": program.entry, "seed": seed, "trace": trace is not None,
                "tests": [{"code": test.code, "mutates": test.mutates} for test in tests],
                "call_s": limits.call_s, "deadline": deadline, "keep_calls": KEEP_CALLS,
            })
            left, right = socket.socketpair()
            with left, right:
                candidate = self._run(candidates, CANDIDATE, limits, (asked, stdout, stderr, left.fileno()))
                null = self._devnull()
                judge = self._run(
                    judges, JUDGE, limits, (told, null, null, right.fileno(), report),
                    memory_mb=min(limits.memory_mb, JUDGE_MEMORY_MB), file_bytes=REPORT_BYTES,
                )
            late = _Alarm(deadline + GRACE_S, judge.kill, candidate.kill)
            try:
                judge_end = await judge.ended
                late.cancel()
                said = os.pread(report, REPORT_BYTES, 0)
                frames = await aside(len(said), lambda: _frames(said, len(tests)))
                candidate_end = await _dismissed(candidate, at_once=bool(frames) and frames[-1].get("fault") == "timeout")
            finally:
                late.cancel()
            seen = self._seen(candidate, candidate_end, late, limits, stdout, stderr)
            verdict = await aside(len(said), lambda: judged(len(tests), frames, judge_end, seen))
            return self._found(verdict, start, limits, stdout, stderr, candidate_end, judge_end)

    async def ask(
        self, program: Program, questions: Sequence[Question], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Ask the program's entry the questions and compare here. Raises :class:`ZygoteFailed`."""

        def begin(channel: socket.socket) -> Asking:
            return Cases(channel, questions, program.entry or "", limits.call_s, trace=trace is not None)

        return await self._converse(program, begin, len(questions), limits, trace=trace, seed=seed, wall_s=wall_s, most_sent=ANSWER_BYTES)

    async def _converse(
        self, program: Program, begin: Callable[[socket.socket], Asking], count: int, limits: Limits, *, trace: Trace | None, seed: int,
        wall_s: float, most_sent: int,
    ) -> Finding:
        """Have the harness itself ask the program, for ``count`` verdicts."""
        candidates = await self._zygote("candidate" + self._twin((program, ())))
        start = monotonic()
        with _memfiles(3) as (asked, stdout, stderr):
            _write(asked, _candidate(program, trace, seed) | {"most_sent": most_sent})
            ours, theirs = socket.socketpair()
            with theirs:
                candidate = self._run(candidates, CANDIDATE, limits, (asked, stdout, stderr, theirs.fileno()))
            asking = begin(ours)
            late = _Alarm(start + wall_s, candidate.kill, asking.close)
            try:
                await asking.done
                late.cancel()
                candidate_end = await _dismissed(candidate, at_once=asking.fault is not None and asking.fault[0] == "timeout")
            finally:
                late.cancel()
                asking.close()
            seen = self._seen(candidate, candidate_end, late, limits, stdout, stderr)
            verdict = answered(count, asking.verdicts(), asking.load, asking.fault, seen)
            return self._found(verdict, start, limits, stdout, stderr, candidate_end)

    async def bundle(
        self, programs: Sequence[tuple[Program, Sequence[Test]]], limits: Limits, *, seed: int, wall_s: float
    ) -> tuple[Bundled, Finding]:
        """Run programs with their tests in one child, which stops at the first that it does not survive. Raises :class:`ZygoteFailed`."""
        candidates = await self._zygote("candidate" + self._twin(*programs))
        start = monotonic()
        each_s = min(limits.wall_s, wall_s)
        limits = limits.model_copy(update={"cpu_s": min(300.0, limits.cpu_s * len(programs))})
        with _memfiles(3) as (asked, stdout, stderr):
            _write(asked, {
                "programs": [
                    {"code": program.code, "setup": program.setup, "tests": [test.code for test in tests]} for program, tests in programs
                ],
                "each_s": each_s, "seed": seed,
            })
            ours, theirs = os.pipe()
            try:
                candidate = self._run(candidates, BUNDLE, limits, (asked, stdout, stderr, theirs))
            finally:
                os.close(theirs)
            collecting = Collecting(ours, [len(tests) for _, tests in programs], each_s + GRACE_S)
            late = _Alarm(start + wall_s + GRACE_S, candidate.kill)
            try:
                await collecting.done
                candidate_end = await _dismissed(candidate, at_once=collecting.overdue)
            finally:
                late.cancel()
                collecting.close()
            seen = self._seen(candidate, candidate_end, late, limits, stdout, stderr)
            found = collecting.found(seen)
            verdict = found.verdicts[0] if found.verdicts else Verdict("infra_error", [], 0)
            return found, self._found(verdict, start, limits, stdout, stderr, candidate_end)

    @property
    def ready(self) -> bool:
        """Whether the next run can begin at once: nothing is left of the last one, and no zygote is due to be replaced."""
        return all(job.ended.done() for job in self._jobs) and not any(map(self._worn, self._zygotes.values()))

    async def quiet(self, within_s: float = 0.1) -> None:
        """After a run, whatever became of it: kill what is left of it, replace what is worn. Raises :class:`ZygoteFailed`."""
        jobs, self._jobs = self._jobs, []
        left = [job.ended for job in jobs if not job.ended.done()]
        for job in jobs:
            job.kill()
        if left and (await asyncio.wait(left, timeout=within_s))[1]:
            self._end(*self._zygotes)
        names = list(self._zygotes)
        self._end(*(name for name in names if self._worn(self._zygotes[name])))
        if self.infra_errors >= MOST_INFRA_ERRORS:
            self.infra_errors = 0
        await asyncio.gather(*map(self._zygote, names))

    def _worn(self, zygote: Zygote) -> bool:
        return zygote.broken or zygote.forks >= MOST_FORKS or self.infra_errors >= MOST_INFRA_ERRORS or _grown(zygote)

    def _devnull(self) -> int:
        """A descriptor of /dev/null, for what judges print."""
        if self._null is None:
            self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        return self._null

    async def aclose(self) -> None:
        """End all its processes."""
        if self._null is not None:
            os.close(self._null)
            self._null = None
        self._end(*self._zygotes)
        await asyncio.gather(*(zygote.gone for zygote in self._ending))

    def _end(self, *names: str) -> None:
        self._ending = [zygote for zygote in self._ending if not zygote.gone.done()]
        for name in names:
            zygote = self._zygotes.pop(name)
            zygote.end()
            self._ending.append(zygote)

    def _run(
        self, zygote: Zygote, role: int, limits: Limits, descriptors: Sequence[int], *, memory_mb: int = 0, file_bytes: int = 0
    ) -> Job:
        if self._jobs and all(job.ended.done() for job in self._jobs):
            self._jobs.clear()
        job = zygote.run(role, limits, descriptors, memory_mb=memory_mb or limits.memory_mb, file_bytes=file_bytes or output_cap(limits))
        self._jobs.append(job)
        return job

    def _seen(self, candidate: Job, ended: Ended, late: _Alarm, limits: Limits, *outputs: int) -> Circumstances:
        overflowed = any(os.fstat(output).st_size >= output_cap(limits) for output in outputs)
        return Circumstances(ended, late.rang, candidate.killed, overflowed, limits.cpu_s)

    def _found(self, verdict: Verdict, start: float, limits: Limits, stdout: int, stderr: int, *ended: Ended) -> Finding:
        self.infra_errors = self.infra_errors + 1 if verdict.outcome == "infra_error" else 0
        out, cut = _text(stdout, limits.output_bytes)
        err, cut_too = _text(stderr, limits.output_bytes)
        cpu_ms = sum(end.cpu_ms for end in ended)
        return Finding(verdict, out, err, cut or cut_too, cpu_ms, 1000 * (monotonic() - start), ended[0].maxrss_kb)


class _Alarm:
    """Does acts at a time on the monotonic clock, unless it is cancelled before."""

    def __init__(self, at: float, *acts: Callable[[], None]) -> None:
        self._acts = acts
        self.rang = False
        self._timer = asyncio.get_running_loop().call_later(max(0.0, at - monotonic()), self._ring)

    def cancel(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        self.rang = True
        for act in self._acts:
            act()


async def _dismissed(candidate: Job, *, at_once: bool) -> Ended:
    """How a candidate ended that has no more to do; killed, if it does not end by itself: one that is about to die tells how it died."""
    if at_once:
        candidate.kill()
    timer = asyncio.get_running_loop().call_later(DISMISSAL_S, candidate.kill)
    try:
        return await candidate.ended
    finally:
        timer.cancel()


def _candidate(program: Program, trace: Trace | None, seed: int) -> dict[str, Any]:
    return {"code": program.code, "seed": seed, "trace": trace, "filename": "candidate.py"}


async def aside(size: int, work: Callable[[], T]) -> T:
    """What the work gives; out of a thread where so many bytes would keep everybody else waiting."""
    return await asyncio.to_thread(work) if size > AT_ONCE_BYTES else work()


def _frames(report: bytes, tests: int) -> list[dict[str, Any]]:
    """The judge's report, as far as it is one."""
    inbox = Inbox(REPORT_BYTES)
    inbox.feed(report)
    frames: list[dict[str, Any]] = []
    try:
        while len(frames) <= tests + 2 and (frame := inbox.take()) is not None:
            frames.append(frame)
    except Malformed:
        frames.append({"fault": "invalid_test", "msg": "a test spoilt the report"})
    return frames


@contextmanager
def _memfiles(count: int) -> Iterator[list[int]]:
    files: list[int] = []
    try:
        for _ in range(count):
            files.append(os.memfd_create("job"))
        yield files
    finally:
        for file in files:
            os.close(file)


def _write(file: int, payload: dict[str, Any]) -> None:
    text = memoryview(json.dumps(payload).encode())
    while text:
        text = text[os.write(file, text) :]


def _text(file: int, most: int) -> tuple[str, bool]:
    """What was printed, cut to ``most`` bytes, and whether it was cut."""
    size = os.fstat(file).st_size
    return (os.pread(file, most, 0).decode("utf-8", "replace"), size > most) if size else ("", False)


def output_cap(limits: Limits) -> int:
    """Bytes of stdout, and of stderr, at which writing fails."""
    return max(_LEAST_FILE, _FILE_FACTOR * limits.output_bytes)


def _grown(zygote: Zygote) -> bool:
    if not zygote.forks or zygote.forks % _GROWTH_EVERY:
        return False
    return zygote.resident_kb() > max(zygote.first_kb * MOST_GROWTH, zygote.first_kb + _GROWTH_KB)
