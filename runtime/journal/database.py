"""One SQLite file with group commit: the small writes of many runs become few transactions.

A commit in WAL mode with ``synchronous=NORMAL`` is one write into the page cache, 30 to 50 µs, so it is done on the event loop: handing it
to a thread costs more than the write. What waits for the disk, moving the log into the database, happens in a thread. ``NORMAL`` survives
the death of the process; ``power_safe`` (``FULL``) survives a power cut too, at about 5 ms a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from eudoxus.runtime.errors import Fenced, JournalError, JournalFull

Statement = tuple[str, Sequence[Any]]

LAZY_SECONDS = 0.01
"""How long a write that nobody waits for may stay in memory, to share the transaction of the next."""

TURNS = 1
"""Turns of the event loop that a hurried write waits: next to nothing when idle; under load other runs' writes come along."""

CHECKPOINT_EVERY = 2000
"""Transactions between two moves of the log into the database."""


class Commit:
    """A write under way. Await it for durability, which also hurries it: the number of rows that its first statement changed.

    Awaiting can be cancelled, the write cannot: what is queued will be written.
    """

    __slots__ = ("_database", "future", "guarded", "statements")

    def __init__(self, database: Database, statements: Sequence[Statement], guarded: bool) -> None:
        self._database, self.statements, self.guarded = database, statements, guarded
        self.future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[Any, None, int]:
        if not self.future.done():
            self._database.hurry()
        return (yield from asyncio.shield(self.future).__await__())


class Database:
    """Writes are made in the order of the calls and are durable when awaited; reads run in a thread of their own."""

    def __init__(self, path: str | Path, schema: str, *, power_safe: bool = False) -> None:
        self.path = Path(path)
        self._waiting: list[Commit] = []
        self._hurried = False
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

    def write(self, *statements: Statement, guarded: bool = False) -> Commit:
        """Commit ``statements`` together, after all that was written before.

        Awaiting raises :class:`JournalFull`, and with ``guarded`` :class:`Fenced` when the first statement changed no row.
        """
        commit = Commit(self, statements, guarded)
        if not self._waiting:
            asyncio.get_running_loop().call_later(LAZY_SECONDS, self._flush)
        self._waiting.append(commit)
        return commit

    def hurry(self) -> None:
        """Write what waits as soon as the tasks that are ready now have had their turn: their writes share the transaction."""
        if not self._hurried:
            self._hurried = True
            self._after(TURNS)

    def _after(self, turns: int) -> None:
        if turns == 0:
            self._flush()
        else:
            asyncio.get_running_loop().call_soon(self._after, turns - 1)

    def _flush(self) -> None:
        batch, self._waiting, self._hurried = self._waiting, [], False
        if not batch:
            return
        outcomes: list[int | Exception]
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            outcomes = [self._run(commit, alone=len(batch) == 1) for commit in batch]
            if self._writer.in_transaction:
                self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            outcomes = [JournalFull(f"cannot write to {self.path}: {error}; everything acknowledged before is kept")] * len(batch)
        for commit, outcome in zip(batch, outcomes, strict=True):
            _settle(commit.future, outcome)
        self._transactions += 1
        if self._transactions % CHECKPOINT_EVERY == 0 and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint = asyncio.get_running_loop().run_in_executor(None, self._move_log)

    def _run(self, commit: Commit, *, alone: bool) -> int | Exception:
        """One write of a transaction; a fenced or invalid one leaves no trace and does not spoil the others."""
        guarded_by_savepoint = not alone and len(commit.statements) > 1  # one statement alone is atomic by itself
        if guarded_by_savepoint:
            self._writer.execute("SAVEPOINT one")
        try:
            changed = [self._writer.execute(sql, parameters).rowcount for sql, parameters in commit.statements[:1]]
            if commit.guarded and changed == [0]:
                raise Fenced("another worker has taken this run over")
            for sql, parameters in commit.statements[1:]:
                self._writer.execute(sql, parameters)
        except (Fenced, sqlite3.IntegrityError) as error:
            if alone or guarded_by_savepoint:
                self._writer.execute("ROLLBACK" if alone else "ROLLBACK TO one")
            return error
        if guarded_by_savepoint:
            self._writer.execute("RELEASE one")
        return changed[0] if changed else 0

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


def _settle(future: asyncio.Future[int], outcome: int | Exception) -> None:
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        # A failure that nobody awaits is no surprise: the next write of the same journal reports it.
        future.exception()
    else:
        future.set_result(outcome)
