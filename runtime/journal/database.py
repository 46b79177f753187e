"""One SQLite file with group commit: the small writes of many runs become few transactions.

A commit in WAL mode with ``synchronous=NORMAL`` is one write into the page cache, 30 to 50 µs, so it is done on the event loop: handing it
to a thread costs more than the write. What waits for the disk, moving the log into the database, happens in a thread. ``NORMAL`` survives
the death of the process; ``power_safe`` (``FULL``) survives a power cut too, at about 5 ms a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from eudoxus.runtime.errors import Fenced, JournalError, JournalFull

Statement = tuple[str, Sequence[Any]]

LAZY_SECONDS = 0.01
"""How long a write that nobody waits for may stay in memory, to share the transaction of the next."""

CHECKPOINT_EVERY = 2000
"""Transactions between two moves of the log into the database."""


Outcome = int | Exception
"""Of a write: the number of rows that its first statement changed, or why it was not made."""


class Commit:
    """A write under way. Await it for durability, which also hurries it: its :data:`Outcome`, an exception raised.

    Awaiting can be cancelled, the write cannot: what is queued will be written. A failure that nobody awaits is no surprise: ``then``
    is told, and the next write of the same journal reports it.
    """

    __slots__ = ("_database", "_outcome", "_waiters", "guarded", "statements", "then")

    def __init__(self, database: Database, statements: Sequence[Statement], guarded: bool, then: Callable[[Outcome], None] | None) -> None:
        self._database, self.statements, self.guarded, self.then = database, statements, guarded, then
        self._outcome: Outcome | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __await__(self) -> Generator[Any, None, int]:
        if self._outcome is None:
            self._database.hurry()
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def settle(self, outcome: Outcome) -> None:
        """Tell everybody."""
        self._outcome = outcome
        if self.then is not None:
            self.then(outcome)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class Database:
    """Writes are made in the order of the calls and are durable when awaited; reads run in a thread of their own."""

    def __init__(self, path: str | Path, schema: str, *, power_safe: bool = False) -> None:
        self.path = Path(path)
        self._waiting: list[Commit] = []
        self._hurried = False
        self._timer: asyncio.TimerHandle | None = None
        self._transactions = 0
        self._checkpoint: asyncio.Future[None] | None = None
        self._read_lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect(power_safe)
            self._writer.executescript(schema)
            self._writer.execute("PRAGMA wal_autocheckpoint=0")
            self._reader = self._connect(power_safe)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"cannot open the database {path}: {error}") from None

    def _connect(self, power_safe: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if power_safe else 'NORMAL'}")
        return connection

    def write(self, *statements: Statement, guarded: bool = False, then: Callable[[Outcome], None] | None = None) -> Commit:
        """Commit ``statements`` together, after all that was written before; ``then`` is called with the outcome.

        Awaiting raises :class:`JournalFull`, and with ``guarded`` :class:`Fenced` when the first statement changed no row.
        """
        commit = Commit(self, statements, guarded, then)
        if not self._waiting:
            self._timer = asyncio.get_running_loop().call_later(LAZY_SECONDS, self._flush)
        self._waiting.append(commit)
        return commit

    def hurry(self) -> None:
        """Write what waits as soon as the tasks that are ready now have had their turn: their writes share the transaction."""
        if not self._hurried:
            self._hurried = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        batch, self._waiting, self._hurried = self._waiting, [], False
        if self._timer is None or not batch:
            return
        self._timer.cancel()
        try:
            outcomes: list[Outcome] = [*self._transaction(batch)]
        except (sqlite3.Error, Fenced):
            # One that cannot be written must not spoil the others: each gets a transaction of its own.
            outcomes = [self._alone(commit) for commit in batch]
        for commit, outcome in zip(batch, outcomes, strict=True):
            commit.settle(outcome)
        self._transactions += 1
        if self._transactions % CHECKPOINT_EVERY == 0 and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint = asyncio.get_running_loop().run_in_executor(None, self._move_log)

    def _transaction(self, batch: Sequence[Commit]) -> list[int]:
        """All of ``batch`` or nothing. Raises ``sqlite3.Error`` and :class:`Fenced`."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            changed = [self._execute(commit) for commit in batch]
            self._writer.execute("COMMIT")
        except (sqlite3.Error, Fenced):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return changed

    def _execute(self, commit: Commit) -> int:
        changed = [self._writer.execute(sql, parameters).rowcount for sql, parameters in commit.statements]
        if commit.guarded and changed[0] == 0:
            raise Fenced("another worker has taken this run over")
        return changed[0] if changed else 0

    def _alone(self, commit: Commit) -> Outcome:
        try:
            return self._transaction([commit])[0]
        except (Fenced, sqlite3.IntegrityError) as error:
            return error
        except sqlite3.Error as error:
            return JournalFull(f"cannot write to {self.path}: {error}; everything acknowledged before is kept")

    def _move_log(self) -> None:
        with self._read_lock:
            self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    async def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, run off the event loop; sees everything written before."""
        self._flush()
        return await asyncio.to_thread(self.read_now, sql, parameters)

    def read_now(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, at once: for look-ups by key, which take microseconds. Sees what is durable."""
        with self._read_lock:
            return self._reader.execute(sql, parameters).fetchall()

    async def aclose(self) -> None:
        """Write what waits, then close."""
        self._flush()
        if self._checkpoint is not None:
            await self._checkpoint
        await asyncio.to_thread(self._move_log)
        self._reader.close()
        self._writer.close()

