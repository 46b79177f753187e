"""Journals of many runs in one SQLite file, fenced by epoch: the service's default storage."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any

import orjson

from eudoxus.runtime.canonical import canonical
from eudoxus.runtime.errors import JournalDamaged, JournalError
from eudoxus.runtime.journal.base import Journal
from eudoxus.runtime.journal.database import Database, Outcome, Statement
from eudoxus.runtime.journal.records import Record, record_from

SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, line BLOB NOT NULL, PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epochs (run_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
"""

_APPEND = "INSERT INTO journal SELECT ?1, ?2, ?3 WHERE (SELECT epoch FROM epochs WHERE run_id = ?1) = ?4"


class SqliteJournals:
    """All journals of one database. The database must have been opened with :data:`SCHEMA` in its schema."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, run_id: str, *also: Statement) -> SqliteJournal:
        """A journal for a new run; ``also`` is committed together with its creation (the run's own row). Nothing to wait for."""
        self.database.write(("INSERT INTO epochs VALUES (?, 1)", (run_id,)), *also)
        return SqliteJournal(self.database, run_id, 1, [])

    async def open(self, run_id: str) -> SqliteJournal:
        """Take the run over: the epoch grows, whoever wrote before is fenced off. Raises :class:`JournalError` for an unknown run."""
        raised = await self.database.write(("UPDATE epochs SET epoch = epoch + 1 WHERE run_id = ?", (run_id,)))
        if raised == 0:
            raise JournalError(f"there is no journal of a run {run_id!r}")
        epoch = (await self.database.read("SELECT epoch FROM epochs WHERE run_id = ?", (run_id,)))[0][0]
        return SqliteJournal(self.database, run_id, epoch, await self.records(run_id))

    async def records(self, run_id: str, after: int = -1) -> list[Record]:
        """The records with ``seq`` > ``after``; empty for an unknown run."""
        rows = await self.database.read("SELECT seq, line FROM journal WHERE run_id = ? AND seq > ? ORDER BY seq", (run_id, after))
        try:
            return [record_from(orjson.loads(line)) for _, line in rows]
        except ValueError as error:
            raise JournalDamaged(str(error), line=len(rows)) from None

    def delete(self, run_id: str) -> tuple[Statement, Statement]:
        """The statements that remove a run's journal."""
        return (("DELETE FROM journal WHERE run_id = ?", (run_id,)), ("DELETE FROM epochs WHERE run_id = ?", (run_id,)))


class SqliteJournal(Journal):
    """The journal of one run. :meth:`append_with` commits further statements (the run's row) in the same transaction."""

    def __init__(self, database: Database, run_id: str, epoch: int, records: list[Record]) -> None:
        super().__init__(records)
        self._database, self.run_id, self.epoch = database, run_id, epoch
        self._failed: BaseException | None = None
        self._also: tuple[Statement, ...] = ()

    def append_with(self, record: Record, *also: Statement) -> Awaitable[Any]:
        """Append ``record`` and run ``also``, both or neither."""
        self._also = also
        try:
            return self.append(record)
        finally:
            self._also = ()

    def _write(self, record: Record) -> Awaitable[Any]:
        if self._failed is not None:
            raise self._failed
        row = (self.run_id, record.seq, canonical(record.line()), self.epoch)
        return self._database.write((_APPEND, row), *self._also, guarded=True, then=partial(self._written, record))

    def _written(self, record: Record, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            self._failed = outcome
        else:
            self._told(record)

    async def records(self) -> list[Record]:
        return await SqliteJournals(self._database).records(self.run_id)

