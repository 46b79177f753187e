"""A run on the terminal: a status line on standard error while it goes on, the result on standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import orjson
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.status import Status

from eudoxus.runtime.chat import NOTHING, Json, Usage
from eudoxus.runtime.journal import EffectRecord, EventRecord, Record
from eudoxus.runtime.journal.records import usage_from
from eudoxus.runtime.result import Result

if TYPE_CHECKING:
    from eudoxus.evaluation.runner import State


class Progress:
    """Calls, tokens and the place of the last call, in one line that is rewritten; nothing when standard error is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._usage, self._calls, self._at = NOTHING, 0, ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def tell(self, type: str, path: str, data: Json) -> None:
        """A passing event."""
        if type == "call.started":
            self._at = path
            self._draw()
        elif type == "call.retrying" and self._status is not None:
            self._console.print(f"{path}: {data.get('reason')}, again in {data.get('seconds', 0):.1f} s", markup=False)

    def recorded(self, record: Record) -> None:
        """A durable record."""
        if isinstance(record, EffectRecord):
            self._calls += 1
            self._usage = self._usage + usage_from(record.usage)
            self._draw()
        elif isinstance(record, EventRecord) and record.type == "log" and self._status is not None:
            self._console.print(str(record.data.get("text", "")), markup=False)

    def _draw(self) -> None:
        if self._status is not None:
            self._status.update(f"{self._calls} calls, {self._usage.total_tokens} tokens{_money(self._usage)}  {self._at}")


class EvaluationProgress:
    """A bar with rate, score so far, cost and time left; nothing when standard error is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"), TextColumn("{task.description}", markup=False))
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, state: State) -> None:
        """A sample has ended."""
        if self._bar is None:
            return
        if self._task is None:
            self._task = self._bar.add_task("", total=state.total)
        self._bar.update(self._task, completed=state.done, description=in_short(state))


def in_short(state: State) -> str:
    """``58.3 % solved, 2.1/s, 412 requests, $0.0120, 1:02 left``."""
    said = [f"{100 * state.solved / state.done:.1f} % solved" if state.done else "nothing graded yet"]
    if state.rate is not None:
        said.append(f"{state.rate:.1f}/s")
    said.append(f"{state.purse.spent.requests} requests{_money(state.purse.spent)}")
    if state.seconds_left is not None:
        minutes, seconds = divmod(round(state.seconds_left), 60)
        said.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(said)


def show_result(result: Result, journal: Path, seconds: float, *, as_json: bool) -> None:
    """The answer on standard output, what it cost on standard error; as JSON all of it on standard output."""
    if as_json:
        said = {"result": result.model_dump(mode="json"), "journal": str(journal), "seconds": round(seconds, 3)}
        sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
        return
    if result.answer is not None:
        sys.stdout.write(result.answer if result.answer.endswith("\n") else result.answer + "\n")
        sys.stdout.flush()
    trust = f"{result.outcome} ({result.authority})" if result.verified else result.outcome
    if result.detail:
        trust += f": {result.detail}"
    usage, made = result.usage, result.artifacts or {}
    plan = f"a plan of {len(made['plan'])} steps, cost {made['cost']:g}\n" if made.get("plan") and "cost" in made else ""
    calls = "1 model call" if usage.requests == 1 else f"{usage.requests} model calls"
    sys.stderr.write(f"\n{plan}{trust}\n{calls}, {usage.total_tokens} tokens{_money(usage)}, {seconds:.1f} s\njournal: {journal}\n")


def _money(usage: Usage) -> str:
    return ", cost unknown" if usage.cost is None else f", ${usage.cost:.4f}" if usage.cost else ""
