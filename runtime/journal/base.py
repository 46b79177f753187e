"""The journal: append-only records of one run, and an index of what is already there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any

from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import BudgetSpent
from eudoxus.runtime.journal.records import (
    DecisionRecord,
    EffectRecord,
    EndRecord,
    EventRecord,
    Header,
    LeaseRecord,
    MarkRecord,
    Record,
)


class _Done:
    """An awaitable that is already there; unlike a coroutine it may be left unawaited."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE: Awaitable[None] = _Done()


class Recorded:
    """What a journal holds, by path. The last record of a path counts."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.header: Header | None = None
        self.end: EndRecord | None = None
        self.epoch = 0
        self.effects: dict[str, EffectRecord] = {}
        self.decisions: dict[str, DecisionRecord] = {}
        self.marks: dict[str, MarkRecord] = {}
        self.events: dict[str, EventRecord] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        match record:
            case EffectRecord():
                self.effects[record.path] = record
            case EventRecord():
                self.events[record.path] = record
            case DecisionRecord():
                self.decisions[record.path] = record
            case MarkRecord():
                self.marks[record.path] = record
            case Header():
                self.header = record
            case LeaseRecord():
                self.epoch = max(self.epoch, record.ep)
            case EndRecord():
                self.end = record

    def reopen(self) -> None:
        """Forget what should be asked anew when an ended run is extended: refusals of a budget, and failures that may pass."""
        if self.end is not None and self.end.status != "completed":
            self.effects = {p: e for p, e in self.effects.items() if e.short is None and not (e.err and _may_pass(e.err))}
            self.end = None


def _may_pass(error: Json) -> bool:
    return bool(error["retryable"]) or error["code"] == BudgetSpent.code


Listener = Callable[[Record], None]


class Journal(ABC):
    """Append-only storage of one run. Contract: after ``await append(r)``, ``r`` survives the death of the process."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._next = 0
        self.recorded = Recorded()
        self._listeners: list[Listener] = []
        for record in records:
            self.recorded.add(record)
            self._next = record.seq + 1

    def append(self, record: Record) -> Awaitable[Any]:
        """Add ``record`` at the end, in the order of the calls. The result need not be awaited when durability can wait.

        Raises (at once or when awaited) :class:`JournalFull` and :class:`Fenced`.
        """
        # The record is fresh and nobody's yet; replacing it whole by one with a number costs as much as writing it.
        object.__setattr__(record, "seq", self._next)
        written = self._write(record)
        self._next += 1
        return written

    @abstractmethod
    def _write(self, record: Record) -> Awaitable[Any]:
        """Store ``record`` and call :meth:`_told` when it is durable."""

    @abstractmethod
    async def records(self) -> list[Record]:
        """All records so far, in order."""

    async def aclose(self) -> None:  # noqa: B027 - most journals hold nothing
        """Flush and free."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each record once it is durable; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _told(self, record: Record) -> None:
        self.recorded.add(record)
        for listener in list(self._listeners):
            listener(record)


class MemoryJournal(Journal):
    """Keeps records in memory: for calls that need no record, and for tests."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._kept = list(records)
        super().__init__(self._kept)

    def _write(self, record: Record) -> Awaitable[None]:
        self._kept.append(record)
        self._told(record)
        return DONE

    async def records(self) -> list[Record]:
        return list(self._kept)
