"""One SQLite file, one writing thread: many small writes of many runs become few transactions (group commit).

Measured: 24 µs of CPU per 3.6 kB record alone, 15 µs in batches of 16. WAL with ``synchronous=NORMAL`` survives the death of the
process; ``power_safe`` (``FULL``) survives a power cut too, at about 5 ms a transaction.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eudoxus.runtime.errors import Fenced, JournalError, JournalFull

Statement = tuple[str, Sequence[Any]]

MAX_BATCH = 256


class _Write:
    """Statements that are committed together; ``guarded`` means the first must change a row, else the writer is fenced off."""

    __slots__ = ("future", "guarded", "loop", "statements")

    def __init__(self, statements: Sequence[Statement], guarded: bool) -> None:
        self.statements, self.guarded = statements, guarded
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[int] = self.loop.create_future()


class Database:
    """Writes go through one thread and are durable when their future is done; reads run in a thread of their own."""

    def __init__(self, path: str | Path, schema: str, *, power_safe: bool = False) -> None:
        self.path = Path(path)
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect(power_safe)
            self._writer.executescript(schema)
            self._reader = self._connect(power_safe)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"cannot open the database {path}: {error}") from None
        self._read_lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_forever, name="journal-writer", daemon=True)
        self._thread.start()

    def _connect(self, power_safe: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if power_safe else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def write(self, *statements: Statement, guarded: bool = False) -> asyncio.Future[int]:
        """Commit ``statements`` together, in the order of the calls; gives the rows changed by the first.

        Raises :class:`JournalFull`, and with ``guarded`` :class:`Fenced` when the first statement changed no row.
        """
        item = _Write(statements, guarded)
        self._queue.put(item)
        return item.future

    async def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, run off the event loop."""
        return await asyncio.to_thread(self.read_now, sql, parameters)

    def read_now(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, at once: for look-ups by key, which take microseconds."""
        with self._read_lock:
            return self._reader.execute(sql, parameters).fetchall()

    async def aclose(self) -> None:
        """Write what waits, then close."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reader.close()
        self._writer.close()

    def _write_forever(self) -> None:
        while (item := self._queue.get()) is not None:
            batch, last = [item], False
            while len(batch) < MAX_BATCH:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[_Write]) -> None:
        outcomes: list[tuple[_Write, int | Exception]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            outcomes = [(item, self._run(item)) for item in batch]
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            failure = JournalFull(f"cannot write to {self.path}: {error}; everything acknowledged before is kept")
            outcomes = [(item, failure) for item in batch]
        for loop in {item.loop for item in batch}:
            mine = [(item, outcome) for item, outcome in outcomes if item.loop is loop]
            _call(loop, lambda mine=mine: _settle(mine))

    def _run(self, item: _Write) -> int | Exception:
        """One item inside the batch; a fenced or invalid one leaves no trace and does not spoil the others."""
        first = 0
        self._writer.execute("SAVEPOINT item")
        try:
            for i, (sql, parameters) in enumerate(item.statements):
                changed = self._writer.execute(sql, parameters).rowcount
                if i == 0:
                    first = changed
                    if item.guarded and changed == 0:
                        raise Fenced("another worker has taken this run over")
        except (Fenced, sqlite3.IntegrityError) as error:
            self._writer.execute("ROLLBACK TO item")
            return error
        finally:
            if self._writer.in_transaction:
                self._writer.execute("RELEASE item")
        return first


def _settle(outcomes: list[tuple[_Write, int | Exception]]) -> None:
    for item, outcome in outcomes:
        if item.future.done():
            continue
        if isinstance(outcome, Exception):
            item.future.set_exception(outcome)
        else:
            item.future.set_result(outcome)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        """The loop is closed: nobody waits for this write any more."""
